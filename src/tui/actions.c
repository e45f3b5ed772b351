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

struct list_state *view_list(struct view_state *v)
{
	return &v->lists[v->view];
}

/* The selected row exists and is on the screen; no empty lines below the last. */
static void clamp(struct list_state *l, const struct view_bounds *b)
{
	size_t page = b->page ? b->page : 1;
	l->selected = min_size(l->selected, b->row_count ? b->row_count - 1 : 0);
	l->top = min_size(l->top, b->row_count > page ? b->row_count - page : 0);
	if (l->selected < l->top)
		l->top = l->selected;
	if (l->selected >= l->top + page)
		l->top = l->selected - page + 1;
}

static size_t minus(size_t a, size_t b)
{
	return a > b ? a - b : 0;
}

void view_follow(struct view_state *v, const struct view_bounds *b, size_t found)
{
	struct list_state *l = view_list(v);
	if (!l->is_held) {
		l->selected = l->top = 0;
	} else if (found != VIEW_NOT_FOUND) {
		size_t line = minus(l->selected, l->top);
		l->selected = found;
		l->top = minus(found, line);
	}
	clamp(l, b);
	v->page_top = min_size(v->page_top, minus(b->text_count, b->text_page));
}

/* The text that is scrolled instead of a list, if one lies over it. */
struct text_place {
	size_t *top;
	size_t count, page;
};

static bool find_text(struct view_state *v, const struct view_bounds *b,
		      struct text_place *out)
{
	if (v->is_help)
		*out = (struct text_place){ &v->help_top, b->help_count, b->help_page };
	else
		*out = (struct text_place){ &v->page_top, b->text_count, b->text_page };
	return v->is_help || v->is_open;
}

static unsigned scroll_to(const struct text_place *t, size_t top)
{
	*t->top = min_size(top, minus(t->count, t->page));
	return REACT_DRAW;
}

static unsigned select_row(struct view_state *v, const struct view_bounds *b,
			   size_t row)
{
	struct list_state *l = view_list(v);
	l->selected = row;
	l->is_held = true;
	clamp(l, b);
	return REACT_DRAW | REACT_MOVED;
}

static unsigned act_up(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	if (find_text(v, b, &t))
		return scroll_to(&t, minus(*t.top, 1));
	return select_row(v, b, minus(view_list(v)->selected, 1));
}

static unsigned act_down(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	if (find_text(v, b, &t))
		return scroll_to(&t, *t.top + 1);
	return select_row(v, b, view_list(v)->selected + 1);
}

/* A page moves the window too, so that the selection stays on its line. */
static unsigned act_page_up(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	struct list_state *l = view_list(v);
	if (find_text(v, b, &t))
		return scroll_to(&t, minus(*t.top, t.page));
	l->top = minus(l->top, b->page);
	return select_row(v, b, minus(l->selected, b->page));
}

static unsigned act_page_down(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	struct list_state *l = view_list(v);
	if (find_text(v, b, &t))
		return scroll_to(&t, *t.top + t.page);
	l->top += b->page;
	return select_row(v, b, l->selected + b->page);
}

static unsigned act_first(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	if (find_text(v, b, &t))
		return scroll_to(&t, 0);
	unsigned reaction = select_row(v, b, 0);
	view_list(v)->is_held = false;
	return reaction;
}

static unsigned act_last(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	if (find_text(v, b, &t))
		return scroll_to(&t, t.count);
	return select_row(v, b, minus(b->row_count, 1));
}

/* Only the connections can be sorted; the rest is worst first. */
static bool can_sort(const struct view_state *v)
{
	return v->view == VIEW_CONNECTIONS && !v->is_open;
}

static unsigned sort_by(struct view_state *v, unsigned column)
{
	if (!can_sort(v))
		return 0;
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
	if (!can_sort(v))
		return 0;
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

static unsigned close_page(struct view_state *v)
{
	v->is_open = false;
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
static unsigned act_open(struct view_state *v, const struct view_bounds *b)
{
	if (v->is_help || v->is_open)
		return act_back(v, b);
	if (!b->row_count)
		return 0;
	unsigned reaction = select_row(v, b, view_list(v)->selected);
	v->is_open = true;
	v->page_top = 0;
	return reaction | REACT_OPEN;
}

static unsigned show_view(struct view_state *v, unsigned view)
{
	v->view = (enum view_id)(view % VIEW_COUNT);
	v->is_help = v->is_open = false;
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

/* The filter is about connections, so they are shown while it is written. */
static unsigned act_filter(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	unsigned reaction = show_view(v, VIEW_CONNECTIONS);
	v->is_editing = true;
	return reaction | REACT_FILTER;
}

static unsigned act_zoom(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	v->zoom++;
	return REACT_DRAW;
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
	[ACTION_OPEN] = act_open,
	[ACTION_VIEW_NEXT] = act_view_next,
	[ACTION_VIEW_BEFORE] = act_view_before,
	[ACTION_VIEW_1] = act_view_1,
	[ACTION_VIEW_2] = act_view_2,
	[ACTION_VIEW_3] = act_view_3,
	[ACTION_FILTER] = act_filter,
	[ACTION_ZOOM] = act_zoom,
};

unsigned action_apply(enum action action, struct view_state *v,
		      const struct view_bounds *b)
{
	action_function *f = functions[action];
	return f ? f(v, b) : 0;
}
