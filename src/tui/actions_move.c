/* SPDX-License-Identifier: MIT */
#include "action_tables.h"

/* Moving over rows and texts. */

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
	v->is_following = v->is_following && l->is_held && found != VIEW_NOT_FOUND;
	if (!l->is_held) {
		l->selected = l->top = 0;
	} else if (found != VIEW_NOT_FOUND) {
		size_t line =
			v->is_following ? b->page / 2 : minus(l->selected, l->top);
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

unsigned view_select(struct view_state *v, const struct view_bounds *b, size_t row)
{
	struct list_state *l = view_list(v);
	l->selected = row;
	l->is_held = true;
	v->is_following = false;
	clamp(l, b);
	return REACT_DRAW | REACT_MOVED;
}

static unsigned act_up(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	if (find_text(v, b, &t))
		return scroll_to(&t, minus(*t.top, 1));
	return view_select(v, b, minus(view_list(v)->selected, 1));
}

static unsigned act_down(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	if (find_text(v, b, &t))
		return scroll_to(&t, *t.top + 1);
	return view_select(v, b, view_list(v)->selected + 1);
}

/* A page moves the window too, so that the selection stays on its line. */
static unsigned act_page_up(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	struct list_state *l = view_list(v);
	if (find_text(v, b, &t))
		return scroll_to(&t, minus(*t.top, t.page));
	l->top = minus(l->top, b->page);
	return view_select(v, b, minus(l->selected, b->page));
}

static unsigned act_page_down(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	struct list_state *l = view_list(v);
	if (find_text(v, b, &t))
		return scroll_to(&t, *t.top + t.page);
	l->top += b->page;
	return view_select(v, b, l->selected + b->page);
}

static unsigned act_first(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	if (find_text(v, b, &t))
		return scroll_to(&t, 0);
	unsigned reaction = view_select(v, b, 0);
	view_list(v)->is_held = false;
	return reaction;
}

static unsigned act_last(struct view_state *v, const struct view_bounds *b)
{
	struct text_place t;
	if (find_text(v, b, &t))
		return scroll_to(&t, t.count);
	return view_select(v, b, minus(b->row_count, 1));
}

/* The same key ends it. */
static unsigned act_follow(struct view_state *v, const struct view_bounds *b)
{
	bool is_wanted = !v->is_following;
	if (!is_list(v) || !b->row_count)
		return 0;
	unsigned reaction = view_select(v, b, view_list(v)->selected);
	v->is_following = is_wanted;
	return reaction | REACT_VIEW;
}

/* Where it was, the loop knows. */
static unsigned act_click(struct view_state *v, const struct view_bounds *b)
{
	(void)v, (void)b;
	return REACT_DRAW;
}

enum { WHEEL_ROWS = 3 };

static unsigned act_wheel_up(struct view_state *v, const struct view_bounds *b)
{
	unsigned reaction = 0;
	for (int i = 0; i < WHEEL_ROWS; i++)
		reaction |= act_up(v, b);
	return reaction;
}

static unsigned act_wheel_down(struct view_state *v, const struct view_bounds *b)
{
	unsigned reaction = 0;
	for (int i = 0; i < WHEEL_ROWS; i++)
		reaction |= act_down(v, b);
	return reaction;
}

action_function *const move_functions[ACTION_COUNT] = {
	[ACTION_UP] = act_up,
	[ACTION_DOWN] = act_down,
	[ACTION_PAGE_UP] = act_page_up,
	[ACTION_PAGE_DOWN] = act_page_down,
	[ACTION_FIRST] = act_first,
	[ACTION_LAST] = act_last,
	[ACTION_FOLLOW] = act_follow,
	[ACTION_CLICK] = act_click,
	[ACTION_WHEEL_UP] = act_wheel_up,
	[ACTION_WHEEL_DOWN] = act_wheel_down,
};
