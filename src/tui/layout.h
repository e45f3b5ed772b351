/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_LAYOUT_H
#define CONN_DOCTOR_TUI_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "columns.h"

/*
 * Where everything stands, from the size of the screen alone: arithmetic, no
 * curses. Below 40x10 nothing useful fits.
 */
enum { LAYOUT_LINES_MIN = 10, LAYOUT_COLUMNS_MIN = 40 };

struct rect {
	int y, x, height, width;
};

struct layout {
	bool is_too_small;
	struct rect title;    /* host, time, filter, verdict counts */
	struct rect notice;   /* errors and what could not be seen; may be empty */
	struct rect services; /* one line each; may be empty */
	struct rect heading;  /* of the table */
	struct rect table;
	struct rect editor; /* a line of input; may be empty */
	struct rect footer;
};

/* What asks for room beside the table. */
struct layout_needs {
	size_t service_count;
	bool has_notice;
	bool has_editor;
};

void layout_compute(int lines, int columns, const struct layout_needs *needs,
		    struct layout *out);

struct column_place {
	enum column column;
	int x, width;
};

/*
 * The columns that fit into `width`, left to right, one blank between them;
 * returns how many. PEER may grow to peer_width, OWNER takes what is left.
 */
size_t layout_columns(int width, int peer_width,
		      struct column_place out[static COLUMN_COUNT]);

#endif
