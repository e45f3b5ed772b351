/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_RANKING_H
#define CONN_DOCTOR_TUI_RANKING_H

#include "columns.h"
#include "conn-doctor/report.h"

/*
 * The rows that stand first in an order. Of a million only those are kept that a
 * screen may show, in a heap: the others need not be sorted. Rows of equal keys
 * stand worst first.
 */
struct ranked {
	struct sort_key key;
	uint32_t row;
};

struct ranking {
	const struct report *report;
	size_t most; /* so many are kept */
	struct ranked *items;
	size_t count, capacity;
};

void ranking_begin(struct ranking *r, const struct report *report, size_t most);
void ranking_add(struct ranking *r, struct sort_key key, uint32_t row);
/* When all were added: brings them into their order. */
void ranking_end(struct ranking *r);
void ranking_clear(struct ranking *r);

#endif
