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

/* "every 2s, pass 3ms"; with the order when it is not by verdict. */
void summary_put_pace(const struct frame *f, uint64_t interval_ms, struct strbuf *out);

/* "filter :30020 and idle > 5s  9 of 37 connections: 9 idle" */
void summary_put_counts(const struct frame *f, const char *live_filter,
			struct strbuf *out);

/* "7 half-open, 9 idle" */
void summary_put_verdicts(const uint32_t verdicts[VERDICT_COUNT], struct strbuf *out);
/* "uvicorn[4711] +3"; nothing when it is not known. */
void summary_put_owner(const struct report *r, const struct service *s,
		       struct strbuf *out);
/* CRITICAL WARNING info ok */
const char *summary_severity(enum severity severity);

/* Errors and what could not be seen; nothing when there is nothing to say. */
void summary_put_notice(const struct frame *f, const struct collector_status *status,
			struct strbuf *out);

/* A line above the table: a service, or a finding that belongs to none. */
struct summary_line {
	const struct service *service; /* or */
	const struct finding *finding; /* the worst one; NULL = none */
	enum severity severity;
};

/*
 * The lines worth showing, worst first: services with a finding, with a selected
 * connection, or asked for by the filter, and findings without a service. *out is the
 * caller's to free().
 */
size_t summary_lines(const struct frame *f, struct summary_line **out);
void summary_put_line(const struct frame *f, const struct summary_line *line,
		      struct strbuf *out);

#endif
