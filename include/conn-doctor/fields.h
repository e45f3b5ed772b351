/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FIELDS_H
#define CONN_DOCTOR_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/renderer.h"
#include "conn-doctor/strbuf.h"

/*
 * The columns of a connection: one table for the text output and the screen, so
 * that a value reads the same wherever it is shown. What a field writes is safe
 * on a terminal, without line breaks, and never empty ("-" = unknown or none).
 */
enum field_id {
	FIELD_VERDICT,
	FIELD_CONFIDENCE,
	FIELD_ACTS,
	FIELD_SINCE,
	FIELD_STATE,
	FIELD_IN_STATE,
	FIELD_ROLE,
	FIELD_RQ,
	FIELD_SQ,
	FIELD_IDLE,
	FIELD_IDLE_RX_TX,
	FIELD_TURN,
	FIELD_KA,
	FIELD_GIVES_UP,
	FIELD_RTT,
	FIELD_RETRANS,
	FIELD_AGE,
	FIELD_COOKIE,
	FIELD_LOCAL,
	FIELD_PEER,
	FIELD_OWNER,
	FIELD_EVIDENCE,
	FIELD_BRIEF,
	FIELD_COUNT
};

/* One row with what several of its fields need. */
struct field_row {
	const struct report *report;
	const struct render_options *options;
	uint32_t row;
	struct derived derived;
};

struct field {
	const char *id; /* "gives-up" */
	const char *heading;
	const char *help;
	uint8_t width; /* columns that usual values take, for screens */
	bool is_right; /* numbers */
	void (*put)(const struct field_row *row, struct strbuf *out);
};

extern const struct field field_table[FIELD_COUNT];

/* FIELD_COUNT when the id is unknown. */
enum field_id field_parse(const char *id, size_t len);

void field_row_init(struct field_row *out, const struct report *r, uint32_t row,
		    const struct render_options *o);

/*
 * How loudly a row is shown: a complaint by its confidence (critical, warning,
 * info), what could not be assessed as info, everything else ok.
 */
enum severity field_row_severity(const struct assessment *a);

#endif
