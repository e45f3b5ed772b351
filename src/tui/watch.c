/* SPDX-License-Identifier: MIT */
#include "watch_state.h"

#include <signal.h>
#include <stdlib.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"
#include "monotonic.h"
#include "print_blocks.h"
#include "signals.h"

/*
 * The loop: wait for a key, a frame, a signal or the time to draw; keys become
 * actions, actions answer with reactions, and only here is anything done about
 * them. Collection is in another thread (collector.h), so nothing here waits
 * for the kernel, and what is drawn was handed over whole.
 */

/* A draw costs 100 ms of credit: ten a second, and a key need not wait for it. */
enum { DRAW_COST_MS = 100, CREDIT_MAX_MS = 300, AGE_TICK_MS = 1000, SAVE_TICK_MS = 50 };

const struct view_ops *watch_ops(const struct watch *w)
{
	return views[w->view.view];
}

static void compute_layout(const struct watch *w, struct layout *out)
{
	int lines, columns;
	bool has_top = watch_ops(w)->has_top && !w->view.is_open;
	struct layout_needs needs = {
		.service_count = has_top ? w->summary.service_count : 0,
		.finding_count = has_top ? w->summary.finding_count : 0,
		.has_trend = has_top && w->frame && trend_is_known(&w->frame->trend),
		.has_notice = w->notice.len > 0 || w->message.len > 0,
		.has_editor = w->view.is_editing,
	};
	screen_size(&lines, &columns);
	layout_compute(lines, columns, &needs, out);
}

static bool is_on_group(const struct watch *w)
{
	const struct view_ops *ops = watch_ops(w);
	size_t selected = w->view.lists[w->view.view].selected;
	return w->frame && ops->group && ops->group(w->frame, selected);
}

struct view_bounds watch_bounds(const struct watch *w)
{
	struct layout layout;
	compute_layout(w, &layout);
	return (struct view_bounds){
		.row_count = w->frame ? watch_ops(w)->count(w->frame) : 0,
		.page = (size_t)layout.table.height,
		.help_count = view_help_line_count(w->view.is_recording),
		.help_page = (size_t)layout.footer.y,
		.text_count = page_line_count(&w->page, layout.table.width),
		.text_page = (size_t)layout.table.height,
		.is_on_group = is_on_group(w),
	};
}

static void add_lines_of_input(const struct watch *w, struct scene *s)
{
	static const struct error no_error;
	const struct {
		const char *prompt;
		const struct editor *editor;
		const struct error *error;
		size_t column;
	} lines[] = {
		[LINE_FILTER] = { "filter / ", &w->editor, &w->editor_error,
				  w->error_column },
		[LINE_FIND] = { "find ", &w->find_editor, &no_error, 0 },
		[LINE_TIME] = { "time ", &w->time_editor, &w->time_error, 0 },
	};
	s->prompt = lines[w->view.line].prompt;
	s->editor = lines[w->view.line].editor;
	s->editor_error = lines[w->view.line].error;
	s->error_column = lines[w->view.line].column;
}

struct scene watch_scene(const struct watch *w)
{
	int rest_ms;
	struct scene scene = {
		.frame = w->frame,
		.view = &w->view,
		.status = &w->status,
		.frozen_ms = monotonic_now_ms() - w->frozen_since_ms,
		.order = watch_order(w),
		.is_seeking = watch_is_seeking(w, &rest_ms),
		.plays_by_interval = w->options->plays_by_interval,
		.summary = &w->summary,
		.notice = strbuf_text(w->message.len ? &w->message : &w->notice),
		.page = &w->page,
		.page_gone = strbuf_text(&w->page_gone),
		.live_filter = strbuf_text(&w->filter_text),
		.marks = &w->marks,
		.marked_count = w->marked_count,
	};
	add_lines_of_input(w, &scene);
	compute_layout(w, &scene.layout);
	return scene;
}

void watch_say(struct watch *w, const char *fmt, ...)
{
	auto_strbuf struct strbuf text = { 0 };
	va_list args;
	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	strbuf_reset(&w->message);
	text_sanitize(&w->message, strbuf_text(&text), text.len);
	w->is_dirty = true;
}

static void draw(struct watch *w)
{
	struct scene scene = watch_scene(w);
	screen_begin();
	if (scene.layout.is_too_small)
		screen_put(0, 0, LAYOUT_COLUMNS_MIN, "terminal too small",
			   PAINT_NORMAL);
	else if (w->view.is_help)
		view_draw_help(&scene);
	else
		view_draw(&scene);
	if (w->view.menu.kind != MENU_NONE && !scene.layout.is_too_small)
		view_draw_menu(&scene);
	screen_end();
	w->is_dirty = w->is_urgent = false;
}

/* Milliseconds until drawing is allowed; 0 = now. */
static int draw_delay(struct watch *w)
{
	uint64_t now = monotonic_now_ms();
	w->credit_ms += now - w->credited_ms;
	w->credited_ms = now;
	if (w->credit_ms > CREDIT_MAX_MS)
		w->credit_ms = CREDIT_MAX_MS;
	/* News leave enough for a key that comes right behind them. */
	uint64_t need = w->is_urgent ? DRAW_COST_MS : 2 * DRAW_COST_MS;
	return w->credit_ms >= need ? 0 : (int)(need - w->credit_ms);
}

/* When there is something new to draw without any news; -1 = never. */
static int tick(const struct watch *w)
{
	int rest_ms;
	watch_is_seeking(w, &rest_ms);
	if (rest_ms >= 0)
		return rest_ms;
	return w->view.is_frozen && !w->view.is_recording ? AGE_TICK_MS : -1;
}

/* Draws when there is something to draw; returns how long to wait for the rest. */
static int draw_if_due(struct watch *w)
{
	if (!w->is_dirty)
		return tick(w);
	int delay = draw_delay(w);
	if (delay)
		return delay;
	w->credit_ms -= DRAW_COST_MS;
	draw(w);
	return tick(w);
}

static void update_summary(struct watch *w)
{
	summary_update(&w->summary, w->frame);
	strbuf_reset(&w->notice);
	summary_put_notice(w->frame, &w->status, &w->notice);
}

/* A frame may have been arranged before the last key. */
static void accept_frame(struct watch *w, struct frame *f)
{
	bool is_new = f->snap.monotonic_ms != w->frame_ms || !w->frame;
	w->frame = f;
	w->frame_ms = f->snap.monotonic_ms;
	if (is_new) {
		w->frame_count++;
		w->is_step_wanted = false;
		w->frozen_since_ms = monotonic_now_ms();
	}
	watch_arrange_frame(w, f);
	watch_update_page(w);
}

static void look_for_frame(struct watch *w)
{
	/* Who reads the frame must not lose it. */
	bool is_read = w->saver || w->find.is_running;
	/* A recording that is paused has none but those that were asked for. */
	bool is_shown = !w->view.is_frozen || w->view.is_recording ||
			w->is_step_wanted || w->is_order_wanted;
	bool is_wanted = is_shown && !is_read;
	bool was_ended = w->status.is_ended;
	enum error_code was_error = w->status.error.code;
	struct frame *f = collector_take(w->collector, is_wanted, &w->status);
	if (f)
		accept_frame(w, f);
	if (f || w->status.is_ended != was_ended || w->status.error.code != was_error) {
		update_summary(w);
		watch_follow(w);
	}
	watch_look_for_answer(w);
	watch_look_for_seek(w);
	uint64_t count = w->options->count;
	if (w->status.is_hopeless)
		w->is_over = true;
	if (count && (w->frame_count >= count || w->status.is_ended))
		w->is_over = true;
}

static void change_freeze(struct watch *w)
{
	w->frozen_since_ms = monotonic_now_ms();
	collector_set_paused(w->collector, w->view.is_frozen);
	if (!w->view.is_frozen && w->options->source.ops->is_live)
		collector_refresh(w->collector);
}

static void save_settings(struct watch *w)
{
	watch_use_settings(w, true);
}

static void set_interval(struct watch *w)
{
	collector_set_interval(w->collector, w->view.interval_ms);
}

static void collect(struct watch *w)
{
	w->is_step_wanted = w->view.is_frozen;
	collector_refresh(w->collector);
}

static void repaint(struct watch *w)
{
	(void)w;
	screen_repaint();
}

static void quit(struct watch *w)
{
	w->is_over = true;
}

static void find_next(struct watch *w)
{
	watch_find_next(w, false);
}

static void find_before(struct watch *w)
{
	watch_find_next(w, true);
}

/* In this order: what is shown next depends on what was done before. */
static const struct {
	enum reaction reaction;
	void (*react)(struct watch *w);
} reactions_table[] = {
	{ REACT_MOVED, watch_remember_selected },
	{ REACT_OPEN, watch_change_page },
	{ REACT_VIEW, watch_follow },
	{ REACT_SORT, watch_sort },
	{ REACT_GROUP, watch_sort },
	{ REACT_FOLD, watch_fold },
	{ REACT_FOLD_ALL, watch_fold_all },
	{ REACT_MARK, watch_mark },
	{ REACT_UNMARK, watch_unmark },
	{ REACT_FILTER, watch_open_filter },
	{ REACT_FIND, watch_open_find },
	{ REACT_FIND_NEXT, find_next },
	{ REACT_FIND_BEFORE, find_before },
	{ REACT_FREEZE, change_freeze },
	{ REACT_STEP, watch_step },
	{ REACT_STEP_BACK, watch_step_back },
	{ REACT_FIRST_PASS, watch_go_to_first },
	{ REACT_LAST_PASS, watch_go_to_last },
	{ REACT_TIME, watch_open_time },
	{ REACT_SPEED, watch_change_speed },
	{ REACT_INTERVAL, set_interval },
	{ REACT_COLLECT, collect },
	{ REACT_SETTINGS, save_settings },
	{ REACT_SAVE, watch_save },
	{ REACT_REPAINT, repaint },
	{ REACT_QUIT, quit },
};

void watch_react(struct watch *w, unsigned reactions)
{
	if (reactions & REACT_DRAW)
		w->is_dirty = true;
	for (size_t i = 0; i < sizeof(reactions_table) / sizeof(*reactions_table); i++)
		if (reactions & reactions_table[i].reaction)
			reactions_table[i].react(w);
}

static void resize(struct watch *w)
{
	/* Its lines are made for the width. */
	if (w->view.page_kind == PAGE_EXPLAIN)
		watch_update_page(w);
	watch_follow(w);
}

static void act_on_view(struct watch *w, int key)
{
	struct view_bounds bounds = watch_bounds(w);
	enum action action = keys_find(MODE_VIEW, key);
	watch_react(w, action_apply(action, &w->view, &bounds));
}

/* What was said about the last key has been read. */
static void forget_message(struct watch *w)
{
	bool was_said = w->message.len > 0;
	w->find.is_running = false;
	strbuf_reset(&w->message);
	if (was_said)
		watch_follow(w);
}

static void accept_key(struct watch *w, int key)
{
	w->is_urgent = true;
	if (key == SPECIAL_RESIZE) {
		resize(w);
		return;
	}
	/* Before the line of the message goes, and the rows move up. */
	if (key == SPECIAL_CLICK && !w->view.is_editing && !w->view.menu.kind)
		watch_click(w);
	forget_message(w);
	if (w->view.is_editing)
		watch_edit(w, key);
	else if (w->view.menu.kind != MENU_NONE)
		watch_menu_key(w, key);
	else
		act_on_view(w, key);
}

static void read_keys(struct watch *w)
{
	int key;
	while (!w->is_over && (key = screen_key()) != KEY_NOTHING)
		accept_key(w, key);
}

/* Work that goes on between keys shortens the wait for them. */
static int hurry(const struct watch *w, int timeout)
{
	int most = w->find.is_running ? 0 : w->saver ? SAVE_TICK_MS : timeout;
	return timeout < 0 || most < timeout ? most : timeout;
}

static void loop(struct watch *w)
{
	w->credited_ms = monotonic_now_ms();
	w->is_dirty = true;
	while (!w->is_over && !signals_caught()) {
		int timeout = draw_if_due(w);
		bool is_ticking = timeout >= 0 && !w->is_dirty;
		if (!screen_wait(collector_fd(w->collector), hurry(w, timeout)))
			signals_pretend(SIGHUP);
		if (!w->is_dirty && is_ticking)
			w->is_dirty = true;
		read_keys(w);
		watch_look_for_saver(w);
		if (w->find.is_running)
			watch_go_on_finding(w);
		look_for_frame(w);
	}
	if (w->is_dirty && !signals_caught())
		draw(w);
}

static void start(struct watch *w)
{
	watch_use_settings(w, false);
	collector_set_order(w->collector, w->view.sort, w->view.is_reversed,
			    w->view.settings.group_by);
	loop(w);
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
		.interval_ms = w->view.interval_ms,
		.plays_by_interval = o->plays_by_interval,
	};
	/* First, since newterm() takes every signal that nobody has taken. */
	signals_install();
	struct screen_options look = { o->use_color, o->is_ascii, o->use_mouse };
	int result = screen_open(&look, err);
	options.use_utf8 = result == 0 && screen_is_utf8();
	if (result == 0)
		result = collector_start(&w->collector, &options, err);
	if (result == 0)
		start(w);
	/* The terminal first: a pass that still runs may take a second. */
	screen_close();
	watch_finish_saving(w);
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
	strbuf_clear(&w->message);
	page_clear(&w->page);
	strbuf_clear(&w->page_gone);
	live_filter_clear(&w->filter);
	strbuf_clear(&w->filter_text);
	editor_clear(&w->editor);
	editor_clear(&w->find_editor);
	editor_clear(&w->time_editor);
	strbuf_clear(&w->find.text);
	folds_clear(&w->folds);
	u64_map_clear(&w->marks);
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
		.view = { .interval_ms = options->interval_ms,
			  .is_recording = !options->source.ops->is_live,
			  .speed = REPLAY_SPEED_NORMAL,
			  .zoom = TREND_ZOOM_START },
		.credit_ms = CREDIT_MAX_MS,
	};
	watch_load_settings(&w);
	int result = run_on_screen(&w, err);
	release(&w);
	return result;
}
