/* SPDX-License-Identifier: MIT */
#include "conn-doctor/watch.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "conn-doctor/memory.h"
#include "print_blocks.h"
#include "signals.h"
#include "view.h"

/*
 * The loop: wait for a key, a frame, a signal or the time to draw; keys become
 * actions, actions answer with reactions, and only here is anything done about
 * them. Collection is in another thread (collector.h), so nothing here waits
 * for the kernel, and what is drawn was handed over whole.
 */

/* A draw costs 100 ms of credit: ten a second, and a key need not wait for it. */
enum { DRAW_COST_MS = 100, CREDIT_MAX_MS = 300, AGE_TICK_MS = 1000 };

/*
 * Re-sorting this many rows takes less than anyone notices. More are left to the
 * collector, and the new order comes with the next frame.
 */
enum { SORT_AT_ONCE = 50000 };

struct watch {
	const struct watch_options *options;
	struct collector *collector;
	struct collector_status status;
	struct frame *frame; /* NULL until the first one */
	struct view_state view;
	struct summary_line *lines;
	size_t line_count;
	struct strbuf notice;
	uint64_t frame_count;
	uint64_t frozen_since_ms;
	uint64_t credit_ms, credited_ms;
	bool is_step_wanted; /* one frame, although frozen */
	bool is_dirty;
	bool is_over;
};

static uint64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void compute_layout(const struct watch *w, struct layout *out)
{
	int lines, columns;
	screen_size(&lines, &columns);
	layout_compute(lines, columns, w->line_count, w->notice.len > 0, out);
}

static struct view_bounds bounds_of(const struct watch *w)
{
	struct layout layout;
	compute_layout(w, &layout);
	return (struct view_bounds){
		.row_count = w->frame ? w->frame->row_count : 0,
		.page = (size_t)layout.table.height,
		.help_count = view_help_line_count(),
		.help_page = (size_t)layout.footer.y,
	};
}

static void draw(struct watch *w)
{
	struct scene scene = {
		.frame = w->frame,
		.view = &w->view,
		.status = &w->status,
		.frozen_ms = now_ms() - w->frozen_since_ms,
		.lines = w->lines,
		.line_count = w->line_count,
		.notice = strbuf_text(&w->notice),
	};
	compute_layout(w, &scene.layout);
	screen_begin();
	if (scene.layout.is_too_small)
		screen_put(0, 0, LAYOUT_COLUMNS_MIN, "terminal too small",
			   PAINT_NORMAL);
	else
		(w->view.is_help ? &view_help : &view_connections)->draw(&scene);
	screen_end();
	w->is_dirty = false;
}

/* Milliseconds until drawing is allowed; 0 = now. */
static int draw_delay(struct watch *w)
{
	uint64_t now = now_ms();
	w->credit_ms += now - w->credited_ms;
	w->credited_ms = now;
	if (w->credit_ms > CREDIT_MAX_MS)
		w->credit_ms = CREDIT_MAX_MS;
	return w->credit_ms >= DRAW_COST_MS ? 0 : DRAW_COST_MS - (int)w->credit_ms;
}

/* Draws when there is something to draw; returns how long to wait for the rest. */
static int draw_if_due(struct watch *w)
{
	if (!w->is_dirty)
		return w->view.is_frozen ? AGE_TICK_MS : -1;
	int delay = draw_delay(w);
	if (delay)
		return delay;
	w->credit_ms -= DRAW_COST_MS;
	draw(w);
	return w->view.is_frozen ? AGE_TICK_MS : -1;
}

static void remember_selected(struct watch *w)
{
	const struct frame *f = w->frame;
	if (w->view.is_held && f && w->view.selected < f->row_count)
		w->view.cookie = f->snap.sockets[f->rows[w->view.selected]].cookie;
}

/* After anything that changed rows, order or size. */
static void follow(struct watch *w)
{
	struct view_bounds bounds = bounds_of(w);
	size_t found = VIEW_NOT_FOUND;
	if (w->view.is_held && w->frame)
		found = frame_find(w->frame, w->view.cookie);
	view_follow(&w->view, &bounds, found);
	if (found == VIEW_NOT_FOUND)
		remember_selected(w);
	w->is_dirty = true;
}

static void update_summary(struct watch *w)
{
	free(w->lines);
	w->lines = NULL;
	w->line_count = w->frame ? summary_lines(w->frame, &w->lines) : 0;
	strbuf_reset(&w->notice);
	summary_put_notice(w->frame, &w->status, &w->notice);
}

/* Whether a frame will come soon that the collector has put in order. */
static bool is_frame_due(const struct watch *w)
{
	return w->options->source.ops->is_live && !w->view.is_frozen;
}

static void sort_frame(struct watch *w)
{
	collector_set_order(w->collector, w->view.sort, w->view.is_reversed);
	if (!w->frame)
		return;
	if (w->frame->row_count > SORT_AT_ONCE && is_frame_due(w)) {
		collector_refresh(w->collector);
		return;
	}
	frame_sort(w->frame, w->view.sort, w->view.is_reversed);
	follow(w);
}

/* A frame may have been ordered before the last key. */
static void accept_frame(struct watch *w, struct frame *f)
{
	w->frame = f;
	w->frame_count++;
	w->is_step_wanted = false;
	w->frozen_since_ms = now_ms();
	if (f->row_count <= SORT_AT_ONCE)
		frame_sort(f, w->view.sort, w->view.is_reversed);
}

static void look_for_frame(struct watch *w)
{
	bool is_wanted = !w->view.is_frozen || w->is_step_wanted;
	bool was_ended = w->status.is_ended;
	enum error_code was_error = w->status.error.code;
	struct frame *f = collector_take(w->collector, is_wanted, &w->status);
	if (f)
		accept_frame(w, f);
	if (f || w->status.is_ended != was_ended || w->status.error.code != was_error) {
		update_summary(w);
		follow(w);
	}
	uint64_t count = w->options->count;
	if (w->status.is_hopeless)
		w->is_over = true;
	if (count && (w->frame_count >= count || w->status.is_ended))
		w->is_over = true;
}

static void change_freeze(struct watch *w)
{
	w->frozen_since_ms = now_ms();
	collector_set_paused(w->collector, w->view.is_frozen);
	if (!w->view.is_frozen && w->options->source.ops->is_live)
		collector_refresh(w->collector);
}

static void react(struct watch *w, unsigned reactions)
{
	if (reactions & REACT_DRAW)
		w->is_dirty = true;
	if (reactions & REACT_MOVED)
		remember_selected(w);
	if (reactions & REACT_SORT)
		sort_frame(w);
	if (reactions & REACT_FREEZE)
		change_freeze(w);
	if (reactions & REACT_INTERVAL)
		collector_set_interval(w->collector, w->view.interval_ms);
	if (reactions & REACT_COLLECT) {
		w->is_step_wanted = w->view.is_frozen;
		collector_refresh(w->collector);
	}
	if (reactions & REACT_REPAINT)
		screen_repaint();
	if (reactions & REACT_QUIT)
		w->is_over = true;
}

static void read_keys(struct watch *w)
{
	int key;
	while (!w->is_over && (key = screen_key()) != KEY_NOTHING) {
		struct view_bounds bounds = bounds_of(w);
		if (key == SPECIAL_RESIZE)
			follow(w);
		else
			react(w, action_apply(keys_find(key), &w->view, &bounds));
	}
}

static void loop(struct watch *w)
{
	w->credited_ms = now_ms();
	w->is_dirty = true;
	while (!w->is_over && !signals_caught()) {
		int timeout = draw_if_due(w);
		if (!screen_wait(collector_fd(w->collector), timeout))
			signals_pretend(SIGHUP);
		if (w->view.is_frozen && timeout == AGE_TICK_MS)
			w->is_dirty = true;
		read_keys(w);
		look_for_frame(w);
	}
	if (w->is_dirty && !signals_caught())
		draw(w);
}

static int run_on_screen(struct watch *w, struct error *err)
{
	const struct watch_options *o = w->options;
	struct collector_options options = {
		.source = o->source,
		.limits = o->limits,
		.filter = o->filter,
		.interval_ms = o->interval_ms,
	};
	/* First, since newterm() takes every signal that nobody has taken. */
	signals_install();
	int result = screen_open(o->use_color, o->is_ascii, err);
	if (result == 0)
		result = collector_start(&w->collector, &options, err);
	if (result == 0)
		loop(w);
	/* The terminal first: a pass that still runs may take a second. */
	screen_close();
	collector_stop(w->collector);
	signals_restore();
	if (result == 0 && w->status.is_hopeless) {
		*err = w->status.error;
		result = -1;
	}
	return result ? result : signals_caught();
}

bool watch_can_run(void)
{
	return screen_can_open();
}

int watch_run(const struct watch_options *options, struct error *err)
{
	if (!watch_can_run())
		return print_blocks(options, err);
	struct watch w = {
		.options = options,
		.view = { .interval_ms = options->interval_ms },
		.credit_ms = CREDIT_MAX_MS,
	};
	int result = run_on_screen(&w, err);
	free(w.lines);
	strbuf_clear(&w.notice);
	return result;
}
