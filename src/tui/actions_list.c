/* SPDX-License-Identifier: MIT */
#include "action_tables.h"

/* How the list of connections is put: order, columns, groups and marks. */

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

static unsigned act_sort_menu(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	if (!can_sort(v) || v->is_help)
		return 0;
	menu_open(&v->menu, MENU_SORT, v->sort);
	return REACT_DRAW;
}

static unsigned act_scroll_left(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	if (!can_sort(v) || v->is_help || !v->settings.columns.skip)
		return 0;
	v->settings.columns.skip--;
	return REACT_DRAW;
}

static unsigned act_scroll_right(struct view_state *v, const struct view_bounds *b)
{
	struct column_choice *c = &v->settings.columns;
	(void)b;
	if (!can_sort(v) || v->is_help || c->skip >= columns_skip_max(c))
		return 0;
	c->skip++;
	return REACT_DRAW;
}

static bool has_groups(const struct view_state *v)
{
	return v->view == VIEW_CONNECTIONS && is_list(v);
}

static unsigned act_group(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	if (!has_groups(v))
		return 0;
	v->settings.group_by = (v->settings.group_by + 1U) % GROUP_BY_COUNT;
	return REACT_DRAW | REACT_GROUP | REACT_SETTINGS;
}

static unsigned act_fold(struct view_state *v, const struct view_bounds *b)
{
	bool can = has_groups(v) && v->settings.group_by != GROUP_NONE && b->row_count;
	return can ? REACT_DRAW | REACT_FOLD : 0;
}

static unsigned act_fold_all(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	bool can = has_groups(v) && v->settings.group_by != GROUP_NONE;
	return can ? REACT_DRAW | REACT_FOLD_ALL : 0;
}

static unsigned act_mark(struct view_state *v, const struct view_bounds *b)
{
	return has_groups(v) && b->row_count ? REACT_DRAW | REACT_MARK : 0;
}

static unsigned act_unmark(struct view_state *v, const struct view_bounds *b)
{
	(void)v, (void)b;
	return REACT_DRAW | REACT_UNMARK;
}

action_function *const list_functions[ACTION_COUNT] = {
	[ACTION_SORT_RIGHT] = act_sort_right,
	[ACTION_SORT_LEFT] = act_sort_left,
	[ACTION_REVERSE] = act_reverse,
	[ACTION_SORT_MENU] = act_sort_menu,
	[ACTION_SCROLL_LEFT] = act_scroll_left,
	[ACTION_SCROLL_RIGHT] = act_scroll_right,
	[ACTION_GROUP] = act_group,
	[ACTION_FOLD] = act_fold,
	[ACTION_FOLD_ALL] = act_fold_all,
	[ACTION_MARK] = act_mark,
	[ACTION_UNMARK] = act_unmark,
};
