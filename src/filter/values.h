/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FILTER_VALUES_H
#define CONN_DOCTOR_FILTER_VALUES_H

#include "conn-doctor/filter.h"

/* A term that compares a number: how the number is written, and its limit. */
struct quantity {
	const char *example; /* of the whole term */
	int (*parse)(const char *text, uint64_t *out, struct error *err);
	const struct value_unit *units; /* for printing, largest first */
	uint64_t max;
	const char *max_text;
};

/* NULL when the term is no comparison of a number. */
const struct quantity *quantity_of(enum filter_kind kind);

/* On failure the error's text is the reason, without a place. */
int quantity_parse(const struct quantity *q, const char *text, uint64_t *out,
		   struct error *err);

/* Exact, so that it reads back as the same number. */
void quantity_print(const struct quantity *q, uint64_t value, struct strbuf *out);

/* `1`, `0x1`, `0x1/0xff`; octal after a leading 0, as in ss. */
int mark_parse(const char *text, uint64_t *mark, uint32_t *mask, struct error *err);

/* All digits and in 1..max. */
bool index_parse(const char *text, uint64_t max, uint64_t *out);

#endif
