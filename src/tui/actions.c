/* SPDX-License-Identifier: MIT */
#include "actions.h"

#include "trend.h"

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

static unsigned select_row(struct view_state *v, const struct view_bounds *b,
			   size_t row)
{
	struct list_state *l = view_list(v);
	l->selected = row;
	l->is_held = true;
	v->is_following = false;
	clamp(l, b);
	return REACT_DRAW | REACT_MOVED;
}

unsigned view_select(struct view_state *v, const struct view_bounds *b, size_t row)
{
	return select_row(v, b, row);
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

static unsigned change_interval(struct view_state *v, bool is_longer)
{
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
		v->is_open ? REACT_DRAW : select_row(v, b, view_list(v)->selected);
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
	v->is_find_line = false;
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

/* What is done to the list needs it to be seen. */
static bool is_list(const struct view_state *v)
{
	return !v->is_open && !v->is_help;
}

static unsigned act_find(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	unsigned reaction = is_list(v) ? 0 : show_view(v, v->view);
	v->is_editing = v->is_find_line = true;
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

static unsigned act_sort_menu(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	if (!can_sort(v) || v->is_help)
		return 0;
	menu_open(&v->menu, MENU_SORT, v->sort);
	return REACT_DRAW;
}

static unsigned act_options(struct view_state *v, const struct view_bounds *b)
{
	(void)b;
	v->is_help = false;
	menu_open(&v->menu, MENU_OPTIONS, 0);
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

/* The same key ends it. */
static unsigned act_follow(struct view_state *v, const struct view_bounds *b)
{
	bool is_wanted = !v->is_following;
	if (!is_list(v) || !b->row_count)
		return 0;
	unsigned reaction = select_row(v, b, view_list(v)->selected);
	v->is_following = is_wanted;
	return reaction | REACT_VIEW;
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
	[ACTION_VIEW_4] = act_view_4,
	[ACTION_VIEW_5] = act_view_5,
	[ACTION_VIEW_6] = act_view_6,
	[ACTION_FILTER] = act_filter,
	[ACTION_ZOOM_OUT] = act_zoom_out,
	[ACTION_ZOOM_IN] = act_zoom_in,
	[ACTION_FIND] = act_find,
	[ACTION_FIND_NEXT] = act_find_next,
	[ACTION_FIND_BEFORE] = act_find_before,
	[ACTION_SORT_MENU] = act_sort_menu,
	[ACTION_SCROLL_LEFT] = act_scroll_left,
	[ACTION_SCROLL_RIGHT] = act_scroll_right,
	[ACTION_FOLLOW] = act_follow,
	[ACTION_GROUP] = act_group,
	[ACTION_FOLD] = act_fold,
	[ACTION_FOLD_ALL] = act_fold_all,
	[ACTION_MARK] = act_mark,
	[ACTION_UNMARK] = act_unmark,
	[ACTION_OPTIONS] = act_options,
	[ACTION_SCHEME] = act_scheme,
	[ACTION_SAVE] = act_save,
	[ACTION_JSON] = act_json,
	[ACTION_EXPLAIN] = act_explain,
	[ACTION_CLICK] = act_click,
	[ACTION_WHEEL_UP] = act_wheel_up,
	[ACTION_WHEEL_DOWN] = act_wheel_down,
};

unsigned action_apply(enum action action, struct view_state *v,
		      const struct view_bounds *b)
{
	action_function *f = functions[action];
	return f ? f(v, b) : 0;
}
