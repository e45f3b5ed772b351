/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_VALUES_H
#define CONN_DOCTOR_VALUES_H

#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/limits.h"

/* A value and what it may be, as --set and the configuration files give it. */
struct value_range {
	enum limit_unit unit;
	uint64_t min, max;
};

int value_parse(const struct value_range *range, const char *text, uint64_t *out,
		struct error *err);

/* The index of the word among `words`, which end with NULL. */
int word_parse(const char *const *words, const char *text, uint64_t *out,
	       struct error *err);

/* With its unit, without loss: value_parse() takes it back. */
char *value_print(enum limit_unit unit, uint64_t value, char out[static 32]);

#endif
