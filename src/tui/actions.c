/* SPDX-License-Identifier: MIT */
#include "action_tables.h"
#include "replay.h"
#include "trend.h"

/* Time, pages, views and lines of input; the rest is in actions_move.c and _list.c. */

static unsigned act_freeze(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	v->is_frozen = !v->is_frozen;
	return REACT_DRAW | REACT_FREEZE;
}

/* The screen stays at the pass that was stepped to. */
static unsigned step(struct view_state *v, unsigned reaction)
{
	if (!v->is_recording)
		return reaction;
	unsigned pause = v->is_frozen ? 0 : REACT_DRAW | REACT_FREEZE;
	v->is_frozen = true;
	return pause | reaction;
}

static unsigned act_step(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return step(v, REACT_STEP);
}

static unsigned act_step_back(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return step(v, REACT_STEP_BACK);
}

static unsigned act_first_pass(struct view_state *v, const struct view_bounds *b)
{
	(void)v, (void)b;
	return REACT_FIRST_PASS;
}

static unsigned act_last_pass(struct view_state *v, const struct view_bounds *b)
{
	(void)v, (void)b;
	return REACT_LAST_PASS;
}

static unsigned act_time(struct view_state *v, const struct view_bounds *b)
{
	(void)v, (void)b;
	return REACT_TIME;
}

static unsigned change_speed(struct view_state *v, bool is_faster)
{
	unsigned speed = replay_speed_step(v->speed, is_faster);
	if (v->is_recording && speed == v->speed)
		return 0;
	if (v->is_recording)
		v->speed = speed;
	return REACT_DRAW | REACT_SPEED;
}

static unsigned act_speed_up(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return change_speed(v, true);
}

static unsigned act_speed_down(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return change_speed(v, false);
}

static unsigned change_interval(struct view_state *v, bool is_longer)
{
	if (v->is_recording)
		return change_speed(v, !is_longer);
	uint64_t interval_ms = interval_step(v->interval_ms, is_longer);
	if (interval_ms == v->interval_ms)
		return 0;
	v->interval_ms = v->settings.interval_ms = interval_ms;
	return REACT_DRAW | REACT_INTERVAL | REACT_SETTINGS;
}

static unsigned act_faster(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return change_interval(v, false);
}

static unsigned act_slower(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return change_interval(v, true);
}

static unsigned act_refresh(struct view_state *v, const struct view_bounds *b)
{
	(void)v, (void)b;
	return REACT_COLLECT;
}

static unsigned act_repaint(struct view_state *v, const struct view_bounds *b)
{
	(void)v, (void)b;
	return REACT_DRAW | REACT_REPAINT;
}

static unsigned act_help(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	v->is_help = !v->is_help;
	v->help_top = 0;
	return REACT_DRAW;
}

static unsigned close_page(struct view_state *v)
{
	v->is_open = false;
	v->page_kind = PAGE_DETAIL;
	v->page_top = 0;
	return REACT_DRAW | REACT_OPEN;
}

/* Takes away what lies on top; 0 when it is the list already. */
static unsigned act_back(struct view_state *v, const struct view_bounds *b)
{
	if (v->is_help)
		return act_help(v, b);
	return v->is_open ? close_page(v) : 0;
}

/* `q` goes back first, as in every pager. */
static unsigned act_quit(struct view_state *v, const struct view_bounds *b)
{
	return v->is_help || v->is_open ? act_back(v, b) : REACT_QUIT;
}

/* The row whose page is open is held, so that it is still there afterwards. */
static unsigned open_page(struct view_state *v, const struct view_bounds *b,
			  enum page_kind kind)
{
	if (!v->is_open && (!b->row_count || b->is_on_group))
		return 0;
	bool is_following = v->is_following;
	unsigned reaction =
		v->is_open ? REACT_DRAW : view_select(v, b, view_list(v)->selected);
	v->is_following = is_following;
	v->is_help = false;
	v->is_open = true;
	v->page_kind = kind;
	v->page_top = 0;
	return reaction | REACT_OPEN;
}

static unsigned act_open(struct view_state *v, const struct view_bounds *b)
{
	if (v->is_help || v->is_open)
		return act_back(v, b);
	return b->is_on_group ? REACT_DRAW | REACT_FOLD : open_page(v, b, PAGE_DETAIL);
}

/* The same key leads back to where it was pressed first: the list. */
static unsigned toggle_page(struct view_state *v, const struct view_bounds *b,
			    enum page_kind kind)
{
	if (v->is_open && !v->is_help && v->page_kind == kind)
		return close_page(v);
	return open_page(v, b, kind);
}

static unsigned act_json(struct view_state *v, const struct view_bounds *b)
{
	return toggle_page(v, b, PAGE_JSON);
}

static unsigned act_explain(struct view_state *v, const struct view_bounds *b)
{
	return toggle_page(v, b, PAGE_EXPLAIN);
}

static unsigned show_view(struct view_state *v, unsigned view)
{
	v->view = (enum view_id)(view % VIEW_COUNT);
	v->is_help = v->is_open = v->is_following = false;
	v->page_kind = PAGE_DETAIL;
	return REACT_DRAW | REACT_VIEW | REACT_OPEN;
}

static unsigned act_view_next(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return show_view(v, (unsigned)v->view + 1);
}

static unsigned act_view_before(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return show_view(v, (unsigned)v->view + VIEW_COUNT - 1);
}

static unsigned act_view_1(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return show_view(v, 0);
}

static unsigned act_view_2(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return show_view(v, 1);
}

static unsigned act_view_3(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return show_view(v, 2);
}

static unsigned act_view_4(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return show_view(v, 3);
}

static unsigned act_view_5(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return show_view(v, 4);
}

static unsigned act_view_6(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return show_view(v, 5);
}

/* The filter is about connections, so they are shown while it is written. */
static unsigned act_filter(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	unsigned reaction = show_view(v, VIEW_CONNECTIONS);
	v->is_editing = true;
	v->line = LINE_FILTER;
	return reaction | REACT_FILTER;
}

static unsigned zoom(struct view_state *v, bool can, unsigned zoom)
{
	if (!can || v->is_open || v->is_help)
		return 0;
	v->zoom = zoom;
	return REACT_DRAW;
}

static unsigned act_zoom_out(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return zoom(v, v->zoom + 1 < TREND_ZOOM_COUNT, v->zoom + 1);
}

static unsigned act_zoom_in(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return zoom(v, v->zoom > 0, v->zoom - 1);
}

static unsigned act_find(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	unsigned reaction = is_list(v) ? 0 : show_view(v, v->view);
	v->is_editing = true;
	v->line = LINE_FIND;
	return reaction | REACT_DRAW | REACT_FIND;
}

static unsigned act_find_next(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return is_list(v) ? REACT_DRAW | REACT_FIND_NEXT : 0;
}

static unsigned act_find_before(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return is_list(v) ? REACT_DRAW | REACT_FIND_BEFORE : 0;
}

static unsigned act_options(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	v->is_help = false;
	menu_open(&v->menu, MENU_OPTIONS, 0);
	return REACT_DRAW;
}

static unsigned act_scheme(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	v->settings.scheme = (v->settings.scheme + 1U) % SCHEME_COUNT;
	return REACT_DRAW | REACT_SETTINGS;
}

static unsigned act_save(struct view_state *v, const struct view_bounds *b)
{
	(void)v, (void)b;
	return REACT_DRAW | REACT_SAVE;
}

static action_function *const functions[ACTION_COUNT] = {
	[ACTION_FREEZE] = act_freeze,
	[ACTION_STEP] = act_step,
	[ACTION_STEP_BACK] = act_step_back,
	[ACTION_TIME] = act_time,
	[ACTION_FIRST_PASS] = act_first_pass,
	[ACTION_LAST_PASS] = act_last_pass,
	[ACTION_SPEED_UP] = act_speed_up,
	[ACTION_SPEED_DOWN] = act_speed_down,
	[ACTION_FASTER] = act_faster,
	[ACTION_SLOWER] = act_slower,
	[ACTION_REFRESH] = act_refresh,
	[ACTION_REPAINT] = act_repaint,
	[ACTION_HELP] = act_help,
	[ACTION_BACK] = act_back,
	[ACTION_QUIT] = act_quit,
	[ACTION_OPEN] = act_open,
	[ACTION_VIEW_NEXT] = act_view_next,
	[ACTION_VIEW_BEFORE] = act_view_before,
	[ACTION_VIEW_1] = act_view_1,
	[ACTION_VIEW_2] = act_view_2,
	[ACTION_VIEW_3] = act_view_3,
	[ACTION_VIEW_4] = act_view_4,
	[ACTION_VIEW_5] = act_view_5,
	[ACTION_VIEW_6] = act_view_6,
	[ACTION_FILTER] = act_filter,
	[ACTION_ZOOM_OUT] = act_zoom_out,
	[ACTION_ZOOM_IN] = act_zoom_in,
	[ACTION_FIND] = act_find,
	[ACTION_FIND_NEXT] = act_find_next,
	[ACTION_FIND_BEFORE] = act_find_before,
	[ACTION_OPTIONS] = act_options,
	[ACTION_SCHEME] = act_scheme,
	[ACTION_SAVE] = act_save,
	[ACTION_JSON] = act_json,
	[ACTION_EXPLAIN] = act_explain,
};

static action_function *function_of(enum action action)
{
	if (functions[action])
		return functions[action];
	return move_functions[action] ? move_functions[action] : list_functions[action];
}

unsigned action_apply(enum action action, struct view_state *v,
		      const struct view_bounds *b)
{
	action_function *apply = function_of(action);
	return apply ? apply(v, b) : 0;
}
