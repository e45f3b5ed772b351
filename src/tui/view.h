/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_VIEW_H
#define CONN_DOCTOR_TUI_VIEW_H

#include "actions.h"
#include "collector.h"
#include "editor.h"
#include "layout.h"
#include "screen.h"
#include "summary.h"

/* All that is needed to draw. */
struct scene {
	const struct frame *frame; /* NULL: nothing was collected yet */
	const struct view_state *view;
	const struct collector_status *status;
	uint64_t frozen_ms; /* for how long */
	struct layout layout;
	const struct summary *summary;
	const char *notice; /* "" = none */

	const struct page *page; /* of the row that is open */
	const char *page_gone;   /* why it is old, "" = it is not */

	const char *live_filter;
	const struct editor *editor;
	const struct error *editor_error; /* ERROR_NONE: the line is good */
	size_t error_column;              /* in bytes */
};

/* A view is a list of things and a page about each: one row, one file. */
struct view_ops {
	const char *name;
	const char *empty; /* said when there are no rows */
	bool has_top;      /* gauges, sparklines and findings stand above */
	size_t (*count)(const struct frame *f);
	/* The identity of a row, which it has in the next frame too. */
	uint64_t (*id)(const struct frame *f, size_t position);
	/* Its position, VIEW_NOT_FOUND when it is not in the list. */
	size_t (*find)(const struct frame *f, uint64_t id);
	void (*draw_heading)(const struct scene *s);
	void (*draw_row)(const struct scene *s, size_t position, int y);
	/* False when the frame does not have it any more. */
	bool (*write_page)(const struct frame *f, uint64_t id, struct page *out);
};

extern const struct view_ops *const views[VIEW_COUNT];
extern const struct view_ops view_connections, view_findings, view_services;

/* The whole screen. */
void view_draw(const struct scene *s);
void view_draw_help(const struct scene *s);

/* Services, sparklines and findings above the table. */
void view_draw_top(const struct scene *s);

/* Shared by those who draw. */
size_t view_help_line_count(void);
void view_draw_footer(const struct rect *r, enum key_mode mode);
/* Text at the left of a line of r; returns the column behind it. */
int view_put_left(const struct rect *r, int line, int x, const char *text,
		  enum paint paint);

#endif
