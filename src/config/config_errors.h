/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_CONFIG_ERRORS_H
#define CONN_DOCTOR_CONFIG_ERRORS_H

#include "conn-doctor/config.h"

/* A file of nonsense must not fill the memory, or anybody's screen. */
enum { CONFIG_ERRORS_MAX = 1000 };

/* Adds `PATH:LINE: TEXT`, or `PATH: TEXT` when line is 0. */
void config_add_error(struct config *c, const char *path, unsigned line,
		      const char *text);

#endif
