/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_INI_PAIRS_H
#define CONN_DOCTOR_INI_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

#include "conn-doctor/error.h"

/*
 * A small file of [section] and KEY = VALUE that the program wrote itself: all of
 * it is good, or none of it is taken. What people write is config.h's business.
 */
enum { INI_PAIRS_SIZE_MAX = 16384, INI_PAIRS_LINE_MAX = 190 };

/* False: the value is wrong. */
typedef bool ini_pair_function(void *user, const char *section, const char *name,
			       const char *value);

/* Returns 0, or -1 with `err` naming the line. */
int ini_pairs_read(const char *text, size_t len, ini_pair_function *take, void *user,
		   struct error *err);

#endif
