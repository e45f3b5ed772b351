/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_LAYOUT_H
#define CONN_DOCTOR_TUI_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "columns.h"
#include "gauge.h"

/*
 * Where everything stands, from the size of the screen alone: arithmetic, no
 * curses. Below 40x10 nothing useful fits.
 */
enum { LAYOUT_LINES_MIN = 10, LAYOUT_COLUMNS_MIN = 40 };

/* At the left of the sparklines: over how long they go. */
enum { LAYOUT_TREND_LEAD = 9 };

struct rect {
	int y, x, height, width;
};

struct layout {
	bool is_too_small;
	struct rect title;    /* host, time, filter, verdict counts */
	struct rect notice;   /* errors and what could not be seen; may be empty */
	struct rect services; /* gauges, one line each; may be empty */
	struct rect trend;    /* sparklines; may be empty */
	struct rect findings; /* one line each; may be empty */
	struct rect heading;  /* of the table */
	struct rect table;
	struct rect editor; /* a line of input; may be empty */
	struct rect footer;
};

/* What asks for room beside the table. */
struct layout_needs {
	size_t service_count, finding_count;
	bool has_trend;
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
 * The chosen columns that fit into `width`, left to right, one blank between them;
 * returns how many. PEER may grow to peer_width, OWNER by a few,
 * EVIDENCE (without it OWNER) takes what is left.
 */
size_t layout_columns(int width, int peer_width, const struct column_choice *choice,
		      struct column_place out[static COLUMN_COUNT]);

/*
 * The cells of a service's line, by the width each asks for (0 = there is nothing
 * to show). What has no room is left out, least important first; a place of width
 * 0 is not drawn.
 */
struct place {
	int x, width;
};
void layout_gauges(int width, const int wanted[static GAUGE_CELL_COUNT],
		   struct place out[static GAUGE_CELL_COUNT]);
/* What the two bars ask for on a screen of this width. */
int layout_bar_width(int width, enum gauge_cell cell);

/*
 * The sparklines in the rectangle of the trend, behind the lead, row by row; returns
 * how many of `count` have room.
 */
size_t layout_trend(const struct rect *trend, size_t count, struct rect *out);

#endif
