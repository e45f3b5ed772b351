/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_COLUMNS_H
#define CONN_DOCTOR_TUI_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include "conn-doctor/diagnose.h"

/*
 * The columns of the connection table: one row of a table for each, read by the
 * layout (widths, which goes first when room is short), the drawing, the sort
 * keys and the help.
 */
enum column {
	COLUMN_VERDICT,
	COLUMN_SINCE,
	COLUMN_PEER,
	COLUMN_STATE,
	COLUMN_RQ,
	COLUMN_SQ,
	COLUMN_IDLE,
	COLUMN_TURN,
	COLUMN_GIVES_UP,
	COLUMN_KA,
	COLUMN_OWNER,
	COLUMN_COUNT
};

/* One connection, ready to be printed or compared. */
struct row_view {
	const struct report *report;
	uint32_t row;
	const struct tcp_socket *socket;
	const struct assessment *assessment;
	struct derived derived;
};

/* Two numbers that order rows as the column does, small first. */
struct sort_key {
	uint64_t high, low;
};

struct column_info {
	const char *heading;
	const char *help;
	int width; /* the least that is useful */
	int keep;  /* 0 stays longest when the screen is narrow */
	bool is_right_aligned;
	bool is_largest_first;
	void (*print)(const struct row_view *v, int width, bool is_utf8,
		      struct strbuf *out);
	struct sort_key (*key)(const struct row_view *v);
};

extern const struct column_info column_table[COLUMN_COUNT];

void row_view_init(struct row_view *v, const struct report *r, uint32_t row);

/* At most four columns: 278 9999 14K 1.2M. */
void columns_add_bytes(struct strbuf *out, uint64_t bytes);

#endif
