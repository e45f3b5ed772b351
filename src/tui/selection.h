/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_SELECTION_H
#define CONN_DOCTOR_TUI_SELECTION_H

#include "columns.h"
#include "grouping.h"
#include "live_filter.h"
#include "pass.h"

/* Which rows the screen wants, in which order. */
struct frame_order {
	enum column sort;
	bool is_reversed;
	const struct live_filter *filter;
	enum group_by group_by;
};

enum { KEPT_COOKIES = 2 };

/*
 * The rows of a pass that make a frame: all connections where they are few, else
 * those that stand first in the order, and those that are kept whatever the order.
 */
struct selection {
	uint32_t *rows; /* of the pass, once each, worst first */
	size_t count;
	/* Only where not all are there; else the frame can count for itself. */
	size_t matching;                  /* the filter, of all */
	uint32_t verdicts[VERDICT_COUNT]; /* over those */
	struct grouping totals;           /* of those */
};

/* `kept`: cookies of rows that are to be there in any case, 0 = none. */
void selection_make(struct selection *s, const struct pass *p,
		    const struct frame_order *order,
		    const uint64_t kept[static KEPT_COOKIES]);
void selection_clear(struct selection *s);

/* Milliseconds, -1 = not known. */
bool row_matches(const struct report *r, uint32_t row, int64_t age_ms,
		 const struct filter *filter);

/* The row's key in the order; the smaller one stands first. */
struct sort_key row_key(const struct field_row *row, const struct frame_order *order);

#endif
