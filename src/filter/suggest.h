/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FILTER_SUGGEST_H
#define CONN_DOCTOR_FILTER_SUGGEST_H

#include <stddef.h>

/* "Did you mean": offer all names, then ask for the best. */
struct suggestion {
	const char *word;
	const char *best;
	size_t distance;
};

struct suggestion suggestion_of(const char *word);
void suggestion_offer(struct suggestion *s, const char *name);

enum { SUGGESTION_SIZE = 64 };

/* "; did you mean 'NAME'?", or "" when nothing is near enough. */
const char *suggestion_text(const struct suggestion *s,
			    char out[static SUGGESTION_SIZE]);

#endif
