/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_SUMMARY_H
#define CONN_DOCTOR_TUI_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"
#include "conn-doctor/strbuf.h"

/*
 * The sentences above the table. No curses and no clock: all that varies is in
 * the arguments. What comes from outside is sanitized.
 */

/* "web1  2026-11-20 18:00:00" in local time. */
void summary_put_title(const struct frame *f, struct strbuf *out);

/* "by RQ reversed  "; nothing when it is by verdict. */
void summary_put_order(const struct frame *f, struct strbuf *out);
/* "every 2s, pass 3ms" */
void summary_put_pace(const struct frame *f, uint64_t interval_ms, struct strbuf *out);

/* "sorting by AGE reversed ..." while the frame is arranged in another way. */
void summary_put_waiting(const struct frame *f, const struct frame_order *wanted,
			 struct strbuf *out);

/* How a recording is played. */
struct summary_pace {
	unsigned speed;
	uint64_t interval_ms; /* from pass to pass at 1x; 0 = as it was recorded */
};

/*
 * "pass 31 of 100, taken in 1.3ms, 4x": the longest of several that has so many
 * columns, or nothing.
 */
void summary_put_replay(const struct frame *f, const struct replay_state *replay,
			const struct summary_pace *pace, int columns,
			struct strbuf *out);

/*
 * "filter :30020 and idle > 5s  9 of 37 connections: 9 idle"; as long as the frame is
 * filtered in another way, "? of 37 connections".
 */
void summary_put_counts(const struct frame *f, const char *live_filter,
			const struct frame_order *wanted, struct strbuf *out);

/* "7 half-open, 9 idle" */
void summary_put_verdicts(const uint32_t verdicts[VERDICT_COUNT], struct strbuf *out);
/* "uvicorn[4711] +3"; nothing when it is not known. */
void summary_put_owner(const struct report *r, const struct service *s,
		       struct strbuf *out);
/* "stuck-worker  0.0.0.0:30020 uvicorn[4711]: worker stuck for 31s" */
void summary_put_finding(const struct report *r, const struct finding *f,
			 struct strbuf *out);
/* CRITICAL WARNING info ok */
const char *summary_severity(enum severity severity);

/* Errors and what could not be seen; nothing when there is nothing to say. */
void summary_put_notice(const struct frame *f, const struct collector_status *status,
			struct strbuf *out);

/*
 * What is worth a line above the table, worst first: indices into the services and
 * findings of the report. Services with a finding, with a selected connection, or
 * asked for by the filter; findings that no other one tells already.
 */
struct summary {
	uint32_t *services, *findings;
	size_t service_count, finding_count;
};

/* Forgets what it was; `f` may be NULL. */
void summary_update(struct summary *out, const struct frame *f);
void summary_clear(struct summary *summary);

#endif
