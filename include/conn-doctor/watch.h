/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_WATCH_H
#define CONN_DOCTOR_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/filter.h"
#include "conn-doctor/limits.h"
#include "conn-doctor/renderer.h"
#include "conn-doctor/source.h"

/*
 * PORT: what the screen shows or saves in formats that it does not know. Each
 * returns 0, or -1 with `err` set; write errors are found by ferror().
 */
struct watch_ports {
	/* The document of a snapshot. */
	int (*write_report)(const struct report *r, const struct render_options *o,
			    FILE *out, struct error *err);
	/* One thing, to be read. */
	int (*write_subject)(const struct report *r,
			     const struct report_subject *subject, FILE *out,
			     struct error *err);
	/* What a code means, remedies of the stack (NULL = unknown) first. */
	int (*explain)(const char *code, const char *stack, size_t columns, FILE *out,
		       struct error *err);
};

/* The live view. All that is pointed to must outlive watch_run(). */
struct watch_options {
	struct source source; /* stays the caller's, who closes it afterwards */
	const struct limits *limits;
	const struct filter *filter; /* NULL = everything */
	const struct policy *policy; /* NULL = nothing was declared */
	/* For names in the filter that is typed while watching; NULL = refuse them. */
	const struct filter_resolver *resolver;
	const struct watch_ports *ports;
	/* Where snapshots and what was chosen with F2 go; NULL = nowhere. */
	const char *state_dir;
	uint64_t interval_ms;
	bool is_interval_given; /* it beats the one that was saved */
	/* A recording is played a pass every interval; else as fast as it was made. */
	bool plays_by_interval;
	uint64_t count; /* refreshes before it ends by itself; 0 = endless */
	bool use_color; /* bold, underline and reverse stay without it */
	bool is_ascii;  /* no UTF-8 even where the locale has it */
	bool use_mouse; /* the terminal's own selection then needs Shift */
};

/* Whether there is a terminal at both ends that can position the cursor. */
bool watch_can_run(void);

/*
 * Runs until a key, the count or a signal ends it; by then the terminal is as it
 * was. Where watch_can_run() says no, prints a text block every interval
 * instead, with a note on stderr. setlocale() is the caller's business.
 *
 * Returns 0, -1 with `err` set, or the number (> 0) of the signal that ended it:
 * the caller releases what it holds (a recording that is being written) and
 * raises the signal again, whose action is what it was before.
 */
int watch_run(const struct watch_options *options, struct error *err);

#endif
