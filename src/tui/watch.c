/* SPDX-License-Identifier: MIT */
#include "conn-doctor/watch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
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
	struct summary summary;
	struct strbuf notice;

	struct page page; /* of the row that is open, as last known */
	uint64_t page_id;
	uint64_t page_ms;        /* monotonic time of what it was made from */
	struct strbuf page_gone; /* since when it is old; "" = it is not */

	struct live_filter filter;
	struct strbuf filter_text; /* of the filter in force */
	uint64_t filter_count;     /* numbers given out */
	struct editor editor;
	struct error editor_error;
	size_t error_column;

	uint64_t frame_count;
	uint64_t frozen_since_ms;
	uint64_t credit_ms, credited_ms;
	bool is_step_wanted; /* one frame, although frozen */
	bool is_dirty;
	bool is_urgent; /* a key waits to be answered */
	bool is_over;
};

static uint64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static const struct view_ops *ops_of(const struct watch *w)
{
	return views[w->view.view];
}

static void compute_layout(const struct watch *w, struct layout *out)
{
	int lines, columns;
	bool has_top = ops_of(w)->has_top && !w->view.is_open;
	struct layout_needs needs = {
		.service_count = has_top ? w->summary.service_count : 0,
		.finding_count = has_top ? w->summary.finding_count : 0,
		.has_trend = has_top && w->frame && trend_is_known(&w->frame->trend),
		.has_notice = w->notice.len > 0,
		.has_editor = w->view.is_editing,
	};
	screen_size(&lines, &columns);
	layout_compute(lines, columns, &needs, out);
}

static struct view_bounds bounds_of(const struct watch *w)
{
	struct layout layout;
	compute_layout(w, &layout);
	return (struct view_bounds){
		.row_count = w->frame ? ops_of(w)->count(w->frame) : 0,
		.page = (size_t)layout.table.height,
		.help_count = view_help_line_count(),
		.help_page = (size_t)layout.footer.y,
		.text_count = page_line_count(&w->page, layout.table.width),
		.text_page = (size_t)layout.table.height,
	};
}

static struct scene scene_of(const struct watch *w)
{
	return (struct scene){
		.frame = w->frame,
		.view = &w->view,
		.status = &w->status,
		.frozen_ms = now_ms() - w->frozen_since_ms,
		.summary = &w->summary,
		.notice = strbuf_text(&w->notice),
		.page = &w->page,
		.page_gone = strbuf_text(&w->page_gone),
		.live_filter = strbuf_text(&w->filter_text),
		.editor = &w->editor,
		.editor_error = &w->editor_error,
		.error_column = w->error_column,
	};
}

static void draw(struct watch *w)
{
	struct scene scene = scene_of(w);
	compute_layout(w, &scene.layout);
	screen_begin();
	if (scene.layout.is_too_small)
		screen_put(0, 0, LAYOUT_COLUMNS_MIN, "terminal too small",
			   PAINT_NORMAL);
	else if (w->view.is_help)
		view_draw_help(&scene);
	else
		view_draw(&scene);
	screen_end();
	w->is_dirty = w->is_urgent = false;
}

/* Milliseconds until drawing is allowed; 0 = now. */
static int draw_delay(struct watch *w)
{
	uint64_t now = now_ms();
	w->credit_ms += now - w->credited_ms;
	w->credited_ms = now;
	if (w->credit_ms > CREDIT_MAX_MS)
		w->credit_ms = CREDIT_MAX_MS;
	/* News leave enough for a key that comes right behind them. */
	uint64_t need = w->is_urgent ? DRAW_COST_MS : 2 * DRAW_COST_MS;
	return w->credit_ms >= need ? 0 : (int)(need - w->credit_ms);
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
	struct list_state *list = view_list(&w->view);
	if (list->is_held && w->frame && list->selected < ops_of(w)->count(w->frame))
		list->held = ops_of(w)->id(w->frame, list->selected);
}

/* After anything that changed rows, order, view or size. */
static void follow(struct watch *w)
{
	struct view_bounds bounds = bounds_of(w);
	const struct list_state *list = view_list(&w->view);
	size_t found = VIEW_NOT_FOUND;
	if (list->is_held && w->frame)
		found = ops_of(w)->find(w->frame, list->held);
	view_follow(&w->view, &bounds, found);
	if (found == VIEW_NOT_FOUND)
		remember_selected(w);
	w->is_dirty = true;
}

/* The page stays as it was last known, and says since when. */
static void note_page_gone(struct watch *w)
{
	time_t seconds = (time_t)(w->frame->snap.realtime_ns / 1000000000);
	struct tm tm;
	char text[16];
	if (w->page_gone.len)
		return;
	if (!localtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%H:%M:%S", &tm))
		text[0] = '\0';
	strbuf_addf(&w->page_gone, "GONE since %s, as last seen: ", text);
}

/*
 * From the collector, who knows the past, or from the frame alone; then he is
 * asked, and answers if the frame is his newest.
 */
static bool make_page(struct watch *w)
{
	struct detail *detail = &w->frame->detail;
	bool is_connection = w->view.view == VIEW_CONNECTIONS;
	if (is_connection && detail->cookie == w->page_id) {
		page_move(&w->page, &detail->page);
		detail_clear(detail);
		return true;
	}
	if (is_connection)
		collector_ask(w->collector, w->page_id);
	return ops_of(w)->write_page(w->frame, w->page_id, &w->page);
}

static void update_page(struct watch *w)
{
	if (!w->view.is_open || !w->frame)
		return;
	if (make_page(w)) {
		strbuf_reset(&w->page_gone);
		w->page_ms = w->frame->snap.monotonic_ms;
	} else {
		note_page_gone(w);
	}
}

static void change_page(struct watch *w)
{
	page_clear(&w->page);
	strbuf_reset(&w->page_gone);
	w->page_id = view_list(&w->view)->held;
	collector_ask(w->collector, 0);
	update_page(w);
	follow(w);
}

/* An answer may come too late: about another row, or another frame. */
static void look_for_answer(struct watch *w)
{
	struct detail answer = { 0 };
	if (!collector_take_answer(w->collector, &answer))
		return;
	if (w->view.is_open && w->view.view == VIEW_CONNECTIONS &&
	    answer.cookie == w->page_id && answer.monotonic_ms == w->page_ms) {
		page_move(&w->page, &answer.page);
		follow(w);
	}
	detail_clear(&answer);
}

static void update_summary(struct watch *w)
{
	summary_update(&w->summary, w->frame);
	strbuf_reset(&w->notice);
	summary_put_notice(w->frame, &w->status, &w->notice);
}

/* Whether a frame will come soon that the collector has put in order. */
static bool is_frame_due(const struct watch *w)
{
	return w->options->source.ops->is_live && !w->view.is_frozen;
}

static void arrange_frame(struct watch *w, struct frame *f)
{
	struct frame_order order = { w->view.sort, w->view.is_reversed, &w->filter };
	frame_arrange(f, &order);
}

/* Another order, or another filter. */
static void arrange_again(struct watch *w)
{
	if (!w->frame)
		return;
	if (w->frame->connection_count > SORT_AT_ONCE && is_frame_due(w)) {
		collector_refresh(w->collector);
		return;
	}
	arrange_frame(w, w->frame);
	follow(w);
}

static void sort_frame(struct watch *w)
{
	collector_set_order(w->collector, w->view.sort, w->view.is_reversed);
	arrange_again(w);
}

/* Without the blanks at its end, which say nothing but that more may come. */
static void set_filter_text(struct watch *w, const char *text)
{
	size_t len = strlen(text);
	while (len && text[len - 1] == ' ')
		len--;
	strbuf_reset(&w->filter_text);
	strbuf_add_len(&w->filter_text, text, len);
}

/* What is wrong in the line leaves the filter that is in force. */
static void apply_filter(struct watch *w)
{
	const char *text = strbuf_text(&w->editor.text);
	w->editor_error.code = ERROR_NONE;
	w->is_dirty = true;
	if (live_filter_set(&w->filter, text, w->filter_count + 1, w->options->resolver,
			    &w->error_column, &w->editor_error))
		return;
	w->filter_count++;
	set_filter_text(w, text);
	collector_set_filter(w->collector, text, w->filter_count);
	arrange_again(w);
}

static void close_editor(struct watch *w)
{
	w->view.is_editing = false;
	follow(w);
}

/* A line with an error cannot be kept: it stays, and says what is wrong. */
static void keep_filter(struct watch *w)
{
	if (w->editor_error.code != ERROR_NONE)
		return;
	editor_remember(&w->editor);
	close_editor(w);
}

static void edit_filter(struct watch *w, int key)
{
	switch (editor_act(&w->editor, keys_find(MODE_LINE, key), key)) {
	case EDIT_NOTHING:
		break;
	case EDIT_MOVED:
		w->is_dirty = true;
		break;
	case EDIT_CHANGED:
		apply_filter(w);
		break;
	case EDIT_KEPT:
		keep_filter(w);
		break;
	case EDIT_CANCELLED:
		apply_filter(w);
		close_editor(w);
		break;
	}
}

/* A frame may have been arranged before the last key. */
static void accept_frame(struct watch *w, struct frame *f)
{
	w->frame = f;
	w->frame_count++;
	w->is_step_wanted = false;
	w->frozen_since_ms = now_ms();
	if (f->connection_count <= SORT_AT_ONCE)
		arrange_frame(w, f);
	update_page(w);
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
	look_for_answer(w);
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

static void react_to_data(struct watch *w, unsigned reactions)
{
	if (reactions & REACT_MOVED)
		remember_selected(w);
	if (reactions & REACT_OPEN)
		change_page(w);
	if (reactions & REACT_VIEW)
		follow(w);
	if (reactions & REACT_SORT)
		sort_frame(w);
	if (reactions & REACT_FILTER)
		editor_open(&w->editor, strbuf_text(&w->filter_text));
}

static void react(struct watch *w, unsigned reactions)
{
	if (reactions & REACT_DRAW)
		w->is_dirty = true;
	react_to_data(w, reactions);
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

static void accept_key(struct watch *w, int key)
{
	struct view_bounds bounds = bounds_of(w);
	w->is_urgent = true;
	if (key == SPECIAL_RESIZE)
		follow(w);
	else if (w->view.is_editing)
		edit_filter(w, key);
	else
		react(w, action_apply(keys_find(MODE_VIEW, key), &w->view, &bounds));
}

static void read_keys(struct watch *w)
{
	int key;
	while (!w->is_over && (key = screen_key()) != KEY_NOTHING)
		accept_key(w, key);
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
		.policy = o->policy,
		.filter = o->filter,
		.resolver = o->resolver,
		.interval_ms = o->interval_ms,
	};
	/* First, since newterm() takes every signal that nobody has taken. */
	signals_install();
	int result = screen_open(o->use_color, o->is_ascii, err);
	options.use_utf8 = result == 0 && screen_is_utf8();
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

static void release(struct watch *w)
{
	summary_clear(&w->summary);
	strbuf_clear(&w->notice);
	page_clear(&w->page);
	strbuf_clear(&w->page_gone);
	live_filter_clear(&w->filter);
	strbuf_clear(&w->filter_text);
	editor_clear(&w->editor);
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
	release(&w);
	return result;
}
