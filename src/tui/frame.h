/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_FRAME_H
#define CONN_DOCTOR_TUI_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "columns.h"
#include "conn-doctor/report.h"
#include "conn-doctor/snapshot.h"

/*
 * One pass, diagnosed and ready to be drawn: it needs nothing that lives
 * outside of it. See collector.h for who owns it when.
 */
struct frame {
	struct snapshot snap;
	struct report report; /* report.history is NULL */
	uint32_t *rows;       /* the connections, in the order of the screen */
	size_t row_count;
	enum column sort;
	bool is_reversed;
	int peer_width; /* of the widest peer among the first rows */
};

/* Takes in snap, which was just filled, together with `past`, which includes it. */
void frame_diagnose(struct frame *f, const struct history *past,
		    const struct limits *limits, const struct filter *filter);

/* Orders the rows by a column; equal ones stand worst first. */
void frame_sort(struct frame *f, enum column sort, bool is_reversed);

/* Position of the cookie in the order, SIZE_MAX when it is not there. */
size_t frame_find(const struct frame *f, uint64_t cookie);

void frame_clear(struct frame *f);

#endif
