/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_VIEW_H
#define CONN_DOCTOR_TUI_VIEW_H

#include "actions.h"
#include "collector.h"
#include "layout.h"
#include "screen.h"
#include "summary.h"

/* All that a view needs to draw itself. */
struct scene {
	const struct frame *frame; /* NULL: nothing was collected yet */
	const struct view_state *view;
	const struct collector_status *status;
	uint64_t frozen_ms; /* for how long */
	struct layout layout;
	const struct summary_line *lines;
	size_t line_count;
	const char *notice; /* "" = none */
};

/* A view is one row: a further one is a further file. */
struct view_ops {
	const char *name;
	void (*draw)(const struct scene *scene);
};

extern const struct view_ops view_connections;
extern const struct view_ops view_help;

/* Shared by the views. */
size_t view_help_line_count(void);
void view_draw_footer(const struct rect *r);

#endif
