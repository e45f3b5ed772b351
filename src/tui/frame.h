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
#include "peers.h"
#include "processes.h"
#include "trend.h"

/*
 * One pass, diagnosed and ready to be drawn: it needs nothing that lives
 * outside of it. See collector.h for who owns it when.
 */
struct frame {
	struct snapshot snap;
	struct report report; /* report.history and report.series are NULL */
	size_t pass_number;   /* of a recording, from 1; 0 = not known */
	struct detail detail; /* of the connection that was asked for, if it is there */

	uint32_t *rows; /* the connections, in the order of the screen */
	size_t row_count;
	size_t connection_count;          /* without the live filter */
	uint32_t verdicts[VERDICT_COUNT]; /* over the rows */

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
	size_t new_count; /* sockets that were never seen before */

	/* What the rows were arranged by. */
	enum column sort;
	bool is_reversed;
	uint64_t filter_number;
	int peer_width; /* of the widest peer among the first rows */
};

/* Which rows the screen wants, in which order. */
struct frame_order {
	enum column sort;
	bool is_reversed;
	const struct live_filter *filter;
	enum group_by group_by;
};

struct frame_question {
	const struct limits *limits;
	const struct filter *filter; /* of the command line */
	const struct policy *policy; /* NULL = nothing was declared */
	struct journal *journal;     /* takes the frame in; NULL = none is kept */
	uint64_t wanted;             /* cookie to be told about, 0 = none */
	bool use_utf8;
	const struct series *series; /* of the passes before; may be NULL */
};

/* Takes in snap, which was just filled, together with `past`, which includes it. */
void frame_diagnose(struct frame *f, const struct history *past,
		    const struct frame_question *question);

/* Filters and orders the rows; equal ones stand worst first. */
void frame_arrange(struct frame *f, const struct frame_order *order);
/* Whether it would change anything. */
bool frame_is_arranged(const struct frame *f, const struct frame_order *order);

/*
 * For arranging a frame while another thread shows it: *out looks at what was
 * diagnosed of *f and has no rows until frame_arrange(out), which touches nothing
 * of *f. Then frame_move_order() gives the rows to a frame and leaves *from empty;
 * rows that nobody wants go with frame_drop_order().
 */
void frame_borrow(struct frame *out, const struct frame *f);
void frame_move_order(struct frame *to, struct frame *from);
void frame_drop_order(struct frame *borrowed);

/* A row with what its fields need, that of its history included. */
void frame_row_init(struct field_row *out, const struct frame *f, uint32_t row,
		    const struct render_options *options);

/* Position of the cookie in the order, SIZE_MAX when it is not there. */
size_t frame_find(const struct frame *f, uint64_t cookie);

/* The connection that has ended, NULL when it has not, or long ago. */
const struct ended *frame_find_ended(const struct frame *f, uint64_t cookie);

void frame_clear(struct frame *f);

#endif
