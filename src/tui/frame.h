/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_FRAME_H
#define CONN_DOCTOR_TUI_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "columns.h"
#include "conn-doctor/report.h"
#include "conn-doctor/snapshot.h"
#include "detail.h"
#include "gauge.h"
#include "grouping.h"
#include "journal.h"
#include "live_filter.h"
#include "pass.h"
#include "peers.h"
#include "processes.h"
#include "selection.h"
#include "trend.h"

/*
 * One pass, diagnosed and ready to be drawn: an excerpt with the rows that a screen
 * may show, and what is counted over all. It needs nothing that lives outside of it.
 * See collector.h for who owns it when.
 */
struct frame {
	struct snapshot snap; /* connections, worst first, then listeners */
	struct report report; /* report.history and report.series are NULL */
	size_t own_count;     /* of its connections, with those that a filter hides */
	bool is_whole;        /* it has every connection of the pass */
	size_t pass_number;   /* of a recording, from 1; 0 = not known */
	struct detail detail; /* of the connection that was asked for, if it is there */

	uint32_t *rows; /* the connections, in the order of the screen */
	size_t row_count;
	/* Over the whole pass: the connections, and those that the live filter shows */
	size_t connection_count, matching_count;
	uint32_t verdicts[VERDICT_COUNT]; /* over the latter */

	struct grouping grouping; /* of the rows; its lines are the screen's to fold */

	/* Connections that are no more, newest first; filtered as the rows are. */
	struct ended *ended;
	size_t ended_count;
	uint16_t ended_rows[ENDED_MAX]; /* those to be shown */
	size_t ended_row_count;

	uint32_t *services; /* indices into report.services, worst first */
	size_t service_count;
	struct service_gauge *gauges; /* one for each of report.services */
	struct trend trend;           /* of the selection, a copy */

	/* Of all connections, whatever the live filter. */
	struct peers peers;
	struct process_list processes;
	struct event_log events; /* as of this frame */

	/*
	 * Ages in hundredths of a second, by row of the snapshot, for the live filter:
	 * unlike a row's other values they need the history. UINT32_MAX = not known.
	 */
	uint32_t *ages;
	size_t age_capacity;
	/* Times in the TCP state, so too: twice the hundredths, 1 more if exact. */
	uint32_t *state_ages;
	size_t state_age_capacity;

	/* What the rows were arranged by. */
	enum column sort;
	bool is_reversed;
	uint64_t filter_number;
	int peer_width; /* of the widest peer among the first rows */
};

struct frame_request {
	const struct frame_order *order;
	const struct journal *journal; /* NULL = none is kept */
	const struct series *series;   /* up to this pass; NULL = none is kept */
	uint64_t wanted;               /* cookie to be told about, 0 = none */
	uint64_t held;                 /* of the selected row, 0 = none */
	bool use_utf8;
};

/* Of a pass whose history is still as it was then. The frame may hold another one. */
void frame_make(struct frame *f, const struct pass *p,
		const struct frame_request *request);

/*
 * Filters and orders the rows; equal ones stand worst first. What is not whole can
 * only be made anew.
 */
void frame_arrange(struct frame *f, const struct frame_order *order);
/* Whether it would change anything. */
bool frame_is_arranged(const struct frame *f, const struct frame_order *order);
/* The filter is that of the order, so what is counted is what matches it. */
bool frame_is_filtered(const struct frame *f, const struct frame_order *order);

/* A row with what its fields need, that of its history included. */
void frame_row_init(struct field_row *out, const struct frame *f, uint32_t row,
		    const struct render_options *options);

/* Position of the cookie in the order, SIZE_MAX when it is not there. */
size_t frame_find(const struct frame *f, uint64_t cookie);

/* The connection that has ended, NULL when it has not, or long ago. */
const struct ended *frame_find_ended(const struct frame *f, uint64_t cookie);

void frame_clear(struct frame *f);

#endif
