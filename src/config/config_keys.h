/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_CONFIG_KEYS_H
#define CONN_DOCTOR_CONFIG_KEYS_H

#include "conn-doctor/config.h"
#include "conn-doctor/error.h"

/* 0, or -1 and the nearest section in the message. */
int config_find_section(const char *section, struct error *err);

/* `section` exists. Says where the key belongs, or what it may have meant. */
int config_find_key(const char *section, const char *name, enum config_id *out,
		    struct error *err);

int config_parse(enum config_id id, const char *text, uint64_t *out, struct error *err);

#endif
