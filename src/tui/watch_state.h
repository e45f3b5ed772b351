/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_WATCH_STATE_H
#define CONN_DOCTOR_TUI_WATCH_STATE_H

#include "conn-doctor/u64_map.h"
#include "conn-doctor/watch.h"
#include "view.h"

/*
 * The state of watch, and what its files do to it. Keys become actions, actions
 * answer with reactions; watch.c has the loop, the others one matter each. All of
 * it runs in the thread of the screen.
 */

struct saver;

/* A search that goes on between keys: a million rows take seconds. */
struct find {
	struct strbuf text;
	size_t at, left;
	bool is_running, is_backward, is_wrapped;
};

struct watch {
	const struct watch_options *options;
	struct collector *collector;
	struct collector_status status;
	struct frame *frame; /* NULL until the first one */
	uint64_t frame_ms;   /* its time, monotonic: one pass may come twice */
	struct view_state view;
	struct summary summary;
	struct strbuf notice;
	struct strbuf message; /* about the last key; in place of the notice */

	struct page page; /* of the row that is open, as last known */
	uint64_t page_id;
	uint64_t page_ms;        /* monotonic time of what it was made from */
	uint64_t page_ns;        /* the same by the clock */
	struct strbuf page_gone; /* since when it is old; "" = it is not */

	struct live_filter filter;
	struct strbuf filter_text; /* of the filter in force */
	uint64_t filter_count;     /* numbers given out */
	struct editor editor;
	struct error editor_error;
	size_t error_column;

	struct editor find_editor;
	struct find find;

	struct editor time_editor;
	struct error time_error;
	uint64_t seek_number; /* of the seek that was asked for last */
	uint64_t seek_ms;     /* when, monotonic; 0 = it is done */

	struct folds folds;
	struct u64_map marks; /* cookie -> 1 */
	size_t marked_count;  /* of those that are in the frame */
	struct saver *saver;  /* NULL = no snapshot is being saved */

	uint64_t frame_count;
	uint64_t frozen_since_ms;
	uint64_t credit_ms, credited_ms;
	bool is_step_wanted;  /* one frame, although frozen */
	bool is_order_wanted; /* so, too: the frame has not all rows to be arranged */
	bool is_dirty;
	bool is_urgent; /* a key waits to be answered */
	bool is_over;
};

/* watch.c */
const struct view_ops *watch_ops(const struct watch *w);
struct view_bounds watch_bounds(const struct watch *w);
struct scene watch_scene(const struct watch *w); /* with its layout */
void watch_react(struct watch *w, unsigned reactions);
/* One line until the next key. The text is made safe for the screen. */
void watch_say(struct watch *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* watch_rows.c: selection, order, groups, marks */
void watch_remember_selected(struct watch *w);
/* After anything that changed rows, order, view or size. */
void watch_follow(struct watch *w);
/* Another row is the selected one. */
void watch_select(struct watch *w, size_t position);
struct frame_order watch_order(const struct watch *w);
/* A new frame, as the screen wants it. */
void watch_arrange_frame(struct watch *w, struct frame *f);
/* Another order, grouping or filter. */
void watch_arrange_again(struct watch *w);
void watch_sort(struct watch *w);
void watch_fold(struct watch *w);
void watch_fold_all(struct watch *w);
void watch_mark(struct watch *w);
void watch_unmark(struct watch *w);
void watch_count_marks(struct watch *w);

/* watch_page.c: the page of a row */
void watch_update_page(struct watch *w);
void watch_change_page(struct watch *w);
void watch_look_for_answer(struct watch *w);

/* watch_line.c: filter and find */
void watch_open_filter(struct watch *w);
void watch_open_find(struct watch *w);
void watch_edit(struct watch *w, int key);
void watch_close_line(struct watch *w);
void watch_find_next(struct watch *w, bool is_backward);
/* Looks at some more rows. */
void watch_go_on_finding(struct watch *w);

/* watch_replay.c: going through a recording */
void watch_step(struct watch *w);
void watch_step_back(struct watch *w);
void watch_go_to_first(struct watch *w);
void watch_go_to_last(struct watch *w);
void watch_open_time(struct watch *w);
void watch_edit_time(struct watch *w, int key);
void watch_change_speed(struct watch *w);
/* Says so when it has failed. */
void watch_look_for_seek(struct watch *w);
/* Whether it takes long enough to be told; else *rest_ms is when it will. */
bool watch_is_seeking(const struct watch *w, int *rest_ms);

/* watch_menu.c: menus, options and the mouse */
void watch_menu_key(struct watch *w, int key);
void watch_click(struct watch *w);
/* The settings are other ones: look, order and file. */
void watch_use_settings(struct watch *w, bool is_kept);
void watch_load_settings(struct watch *w);

/* watch_save.c: snapshots */
void watch_save(struct watch *w);
/* Says so when it is done. */
void watch_look_for_saver(struct watch *w);
/* Waits for it. */
void watch_finish_saving(struct watch *w);

#endif
