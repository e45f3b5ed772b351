/* SPDX-License-Identifier: MIT */
#include "actions.h"

/* Refresh intervals that `+` and `-` step through. */
static const uint64_t intervals_ms[] = { 250,   500,   1000,  2000,   5000,
					 10000, 30000, 60000, 300000, 600000 };
enum { INTERVAL_COUNT = sizeof(intervals_ms) / sizeof(*intervals_ms) };

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The selected row exists and is on the screen; no empty lines below the last. */
static void clamp(struct view_state *v, const struct view_bounds *b)
{
	size_t page = b->page ? b->page : 1;
	v->selected = min_size(v->selected, b->row_count ? b->row_count - 1 : 0);
	v->top = min_size(v->top, b->row_count > page ? b->row_count - page : 0);
	if (v->selected < v->top)
		v->top = v->selected;
	if (v->selected >= v->top + page)
		v->top = v->selected - page + 1;
}

void view_follow(struct view_state *v, const struct view_bounds *b, size_t found)
{
	if (!v->is_held) {
		v->selected = v->top = 0;
	} else if (found != VIEW_NOT_FOUND) {
		size_t line = v->selected - v->top;
		v->selected = found;
		v->top = found > line ? found - line : 0;
	}
	clamp(v, b);
}

/* Moves the help's first line when the help is up, else the selection. */
static unsigned move_to(struct view_state *v, const struct view_bounds *b, size_t help,
			size_t row)
{
	if (v->is_help) {
		size_t last =
			b->help_count > b->help_page ? b->help_count - b->help_page : 0;
		v->help_top = min_size(help, last);
		return REACT_DRAW;
	}
	v->selected = row;
	v->is_held = true;
	clamp(v, b);
	return REACT_DRAW | REACT_MOVED;
}

static size_t minus(size_t a, size_t b)
{
	return a > b ? a - b : 0;
}

static unsigned act_up(struct view_state *v, const struct view_bounds *b)
{
	return move_to(v, b, minus(v->help_top, 1), minus(v->selected, 1));
}

static unsigned act_down(struct view_state *v, const struct view_bounds *b)
{
	return move_to(v, b, v->help_top + 1, v->selected + 1);
}

/* A page moves the window too, so that the selection stays on its line. */
static unsigned act_page_up(struct view_state *v, const struct view_bounds *b)
{
	if (!v->is_help)
		v->top = minus(v->top, b->page);
	return move_to(v, b, minus(v->help_top, b->help_page),
		       minus(v->selected, b->page));
}

static unsigned act_page_down(struct view_state *v, const struct view_bounds *b)
{
	if (!v->is_help)
		v->top += b->page;
	return move_to(v, b, v->help_top + b->help_page, v->selected + b->page);
}

static unsigned act_first(struct view_state *v, const struct view_bounds *b)
{
	unsigned reaction = move_to(v, b, 0, 0);
	if (!v->is_help)
		v->is_held = false;
	return reaction;
}

static unsigned act_last(struct view_state *v, const struct view_bounds *b)
{
	return move_to(v, b, b->help_count, minus(b->row_count, 1));
}

static unsigned sort_by(struct view_state *v, unsigned column)
{
	v->sort = (enum column)(column % COLUMN_COUNT);
	v->is_reversed = false;
	return REACT_DRAW | REACT_SORT;
}

static unsigned act_sort_right(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return sort_by(v, (unsigned)v->sort + 1);
}

static unsigned act_sort_left(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	return sort_by(v, (unsigned)v->sort + COLUMN_COUNT - 1);
}

static unsigned act_reverse(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	v->is_reversed = !v->is_reversed;
	return REACT_DRAW | REACT_SORT;
}

static unsigned act_freeze(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	v->is_frozen = !v->is_frozen;
	return REACT_DRAW | REACT_FREEZE;
}

static unsigned act_faster(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	for (size_t i = INTERVAL_COUNT; i-- > 0;) {
		if (intervals_ms[i] < v->interval_ms) {
			v->interval_ms = intervals_ms[i];
			return REACT_DRAW | REACT_INTERVAL;
		}
	}
	return 0;
}

static unsigned act_slower(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	for (size_t i = 0; i < INTERVAL_COUNT; i++) {
		if (intervals_ms[i] > v->interval_ms) {
			v->interval_ms = intervals_ms[i];
			return REACT_DRAW | REACT_INTERVAL;
		}
	}
	return 0;
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

static unsigned act_back(struct view_state *v, const struct view_bounds *b)
{
	return v->is_help ? act_help(v, b) : 0;
}

/* `q` leaves the help first, as in every pager. */
static unsigned act_quit(struct view_state *v, const struct view_bounds *b)
{
	return v->is_help ? act_help(v, b) : REACT_QUIT;
}

typedef unsigned action_function(struct view_state *v, const struct view_bounds *b);

static action_function *const functions[ACTION_COUNT] = {
	[ACTION_UP] = act_up,
	[ACTION_DOWN] = act_down,
	[ACTION_PAGE_UP] = act_page_up,
	[ACTION_PAGE_DOWN] = act_page_down,
	[ACTION_FIRST] = act_first,
	[ACTION_LAST] = act_last,
	[ACTION_SORT_RIGHT] = act_sort_right,
	[ACTION_SORT_LEFT] = act_sort_left,
	[ACTION_REVERSE] = act_reverse,
	[ACTION_FREEZE] = act_freeze,
	[ACTION_FASTER] = act_faster,
	[ACTION_SLOWER] = act_slower,
	[ACTION_REFRESH] = act_refresh,
	[ACTION_REPAINT] = act_repaint,
	[ACTION_HELP] = act_help,
	[ACTION_BACK] = act_back,
	[ACTION_QUIT] = act_quit,
};

unsigned action_apply(enum action action, struct view_state *v,
		      const struct view_bounds *b)
{
	action_function *f = functions[action];
	return f ? f(v, b) : 0;
}
