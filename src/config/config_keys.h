/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_CONFIG_KEYS_H
#define CONN_DOCTOR_CONFIG_KEYS_H

#include "conn-doctor/config.h"
#include "conn-doctor/error.h"

/* What the header above a key says. */
enum section_kind {
	SECTION_UNKNOWN, /* has been said */
	SECTION_MAIN,
	SECTION_LIMITS,
	SECTION_TARGET,
	SECTION_CHECK,
	SECTION_IGNORE,
	SECTION_COUNT,
};

/*
 * The section of a header's text, "target api", and where the argument in it
 * begins. Says the nearest section in the message.
 */
int config_find_section(const char *header, enum section_kind *out,
			const char **argument, struct error *err);

/*
 * Position of the key in the table of its section: enum config_id, target_key,
 * check_key or ignore_key. Says where it belongs, or what it may have meant.
 */
int config_find_key(enum section_kind section, const char *name, size_t *out,
		    struct error *err);

#endif
