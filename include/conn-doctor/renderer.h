/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_RENDERER_H
#define CONN_DOCTOR_RENDERER_H

#include <stdbool.h>
#include <stdio.h>

#include "conn-doctor/error.h"
#include "conn-doctor/report.h"

/*
 * PORT: how a report is written. Renderers keep no state, read no clock and no
 * environment: all they may vary on is in the options.
 */
struct render_options {
	bool use_color;
	bool use_utf8; /* `≥` and so on; else ASCII */
	bool no_header;
	bool wide; /* no limit on columns */
	bool all_connections;
	int columns; /* of the terminal; 0 = unknown */
	/* Only these rows of the snapshot as connections; NULL = as usual (JSON). */
	const uint32_t *rows;
	size_t row_count;
};

struct renderer {
	const char *name; /* as given to --output */
	const char *help;
	/* Returns 0 or -1; write errors are found by the caller's ferror(). */
	int (*check)(const struct report *r, const struct render_options *o, FILE *out,
		     struct error *err);
	int (*list)(const struct report *r, const struct render_options *o, FILE *out,
		    struct error *err);
};

extern const struct renderer renderer_text;
extern const struct renderer renderer_plain;
extern const struct renderer renderer_json;

/* One thing of a report. */
enum subject_kind { SUBJECT_CONNECTION, SUBJECT_FINDING, SUBJECT_SERVICE };
struct report_subject {
	enum subject_kind kind;
	uint32_t index; /* row of the snapshot, or index into findings or services */
};

/* Its JSON object, as in the documents, indented for people. Returns 0 or -1. */
int json_subject(const struct report *r, const struct report_subject *subject,
		 FILE *out, struct error *err);

/* NULL when the name is unknown. */
const struct renderer *renderer_find(const char *name);
extern const struct renderer *const renderers[]; /* NULL at the end */

#endif
