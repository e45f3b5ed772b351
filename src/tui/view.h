/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_VIEW_H
#define CONN_DOCTOR_TUI_VIEW_H

#include "actions.h"
#include "collector.h"
#include "editor.h"
#include "layout.h"
#include "conn-doctor/renderer.h"
#include "conn-doctor/u64_map.h"
#include "screen.h"
#include "summary.h"

/* All that is needed to draw. */
struct scene {
	const struct frame *frame; /* NULL: nothing was collected yet */
	const struct view_state *view;
	const struct collector_status *status;
	uint64_t frozen_ms;       /* for how long */
	struct frame_order order; /* that is wanted: the frame may not be in it yet */
	bool is_seeking;          /* for longer than a moment */
	bool plays_by_interval;
	struct layout layout;
	const struct summary *summary;
	const char *notice; /* "" = none */

	const struct page *page; /* of the row that is open */
	const char *page_gone;   /* why it is old, "" = it is not */

	const char *live_filter;
	const struct u64_map *marks; /* cookie -> 1 */
	size_t marked_count;         /* of those that are in the frame */
	const char *prompt;          /* before the line of the editor */
	const struct editor *editor;
	const struct error *editor_error; /* ERROR_NONE: the line is good */
	size_t error_column;              /* in bytes */
};

/* What a row is about, for those who show it in another way. */
struct row_subject {
	bool has_json; /* else `subject` says nothing */
	struct report_subject subject;
	const char *code;  /* that explain knows; NULL = none */
	const char *stack; /* "uvicorn", NULL = not recognised */
};

/* A view is a list of things and a page about each: one row, one file. */
struct view_ops {
	const char *name;
	const char *empty; /* said when there are no rows */
	bool has_top;      /* gauges, sparklines and findings stand above */
	size_t (*count)(const struct frame *f);
	/* The identity of a row, which it has in the next frame too. */
	uint64_t (*id)(const struct frame *f, size_t position);
	/* As view_find(); NULL: row by row. */
	size_t (*find)(const struct frame *f, uint64_t id);
	void (*draw_heading)(const struct scene *s);
	void (*draw_row)(const struct scene *s, size_t position, int y);
	/* False when the frame does not have it any more. */
	bool (*write_page)(const struct frame *f, uint64_t id, struct page *out);
	/* The same. */
	bool (*subject)(const struct frame *f, uint64_t id, struct row_subject *out);
	/* The group whose heading stands there, or NULL; NULL: there are no groups. */
	const struct group *(*group)(const struct frame *f, size_t position);
};

extern const struct view_ops *const views[VIEW_COUNT];
extern const struct view_ops view_connections, view_findings, view_services, view_peers,
	view_processes, view_events;

/* Position of the row in the list, VIEW_NOT_FOUND when it is not there. */
size_t view_find(const struct view_ops *ops, const struct frame *f, uint64_t id);

/* The whole screen. */
void view_draw(const struct scene *s);
void view_draw_help(const struct scene *s);
/* The menu, over the table of whatever was drawn. */
void view_draw_menu(const struct scene *s);
/* The column of the heading that stands at x; COLUMN_COUNT = none. */
enum column view_column_at(const struct scene *s, int x);

/* Services, sparklines and findings above the table. */
void view_draw_top(const struct scene *s);

/* Shared by those who draw. */
size_t view_help_line_count(bool is_recording);
void view_draw_footer(const struct rect *r, enum key_mode mode, bool is_recording);
/*
 * A paragraph for each of the connections; `total`: how many there are, if these are
 * but the worst of them.
 */
void view_add_connections(struct page *page, const struct report *r,
			  const uint32_t *rows, size_t count, size_t total);
/* Text at the left of a line of r; returns the column behind it. */
int view_put_left(const struct rect *r, int line, int x, const char *text,
		  enum paint paint);

#endif
