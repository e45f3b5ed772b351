/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_GAUGE_H
#define CONN_DOCTOR_TUI_GAUGE_H

#include "conn-doctor/diagnose.h"
#include "conn-doctor/report.h"
#include "conn-doctor/strbuf.h"
#include "screen.h"

/*
 * The line of a service at the top of the screen: what is measured of it, and the
 * texts of its cells. No curses and no clock.
 */
enum { GAUGE_SEVERITIES = SEVERITY_CRITICAL + 1 };

struct service_gauge {
	uint32_t stuck_count;  /* stories of a stuck worker */
	uint32_t worker_count; /* who accepts, without supervisors; 0 = not known */
	uint32_t severities[GAUGE_SEVERITIES]; /* its selected connections */
	/* The longest wait of a client for this application. */
	uint32_t waiting_cs; /* ASSESSMENT_SINCE_UNKNOWN = none, or not known */
	bool is_waiting_exact;
	uint32_t queue_count, queue_limit; /* of the fullest listener */
	enum severity queue_severity;
	/* Of the process that is nearest to its limit; -1 = not known. */
	int64_t fd_count, fd_limit;
	size_t fd_process;     /* index into snapshot->processes */
	int64_t fds_end_in_ms; /* DERIVED_UNKNOWN unless gauge_foresee() has said so */
};

/* One for each service of the report; `out` has room for them. */
void gauges_measure(const struct report *r, struct service_gauge *out);

/* When the descriptors end, as the report's series goes on. Not for many services. */
void gauge_foresee(const struct report *r, struct service_gauge *g);

/* The cells, left to right. */
enum gauge_cell {
	GAUGE_SEVERITY,
	GAUGE_NAME,
	GAUGE_STUCK,
	GAUGE_QUEUE_BAR,
	GAUGE_QUEUE,
	GAUGE_WAITING,
	GAUGE_FDS,
	GAUGE_BAR,
	GAUGE_VERDICTS,
	GAUGE_CELL_COUNT
};

struct gauge_text {
	struct strbuf text; /* empty for the two bars */
	enum paint paint;
};

/* The cells of a line; gauge_texts_clear() releases them. */
struct gauge_texts {
	struct gauge_text cells[GAUGE_CELL_COUNT];
};

struct gauge_style {
	bool use_utf8;
	bool is_short; /* the severity is a letter */
};
void gauge_write(const struct report *r, const struct service *s,
		 const struct service_gauge *g, const struct gauge_style *style,
		 struct gauge_texts *out);
void gauge_texts_clear(struct gauge_texts *texts);

/* The letter of a severity in bars: C W I and `.` */
char gauge_letter(enum severity severity);

#endif
