/* SPDX-License-Identifier: MIT */
#include "watch_state.h"

/* Selection, order, groups and marks. */

void watch_remember_selected(struct watch *w)
{
	const struct view_ops *ops = watch_ops(w);
	struct list_state *list = view_list(&w->view);
	if (list->is_held && w->frame && list->selected < ops->count(w->frame))
		list->held = ops->id(w->frame, list->selected);
	if (w->view.view == VIEW_CONNECTIONS)
		collector_keep(w->collector, list->is_held ? list->held : 0);
}

void watch_follow(struct watch *w)
{
	struct view_bounds bounds = watch_bounds(w);
	const struct list_state *list = view_list(&w->view);
	size_t found = VIEW_NOT_FOUND;
	if (list->is_held && w->frame)
		found = view_find(watch_ops(w), w->frame, list->held);
	view_follow(&w->view, &bounds, found);
	if (found == VIEW_NOT_FOUND)
		watch_remember_selected(w);
	w->is_dirty = true;
}

void watch_select(struct watch *w, size_t position)
{
	struct view_bounds bounds = watch_bounds(w);
	watch_react(w, view_select(&w->view, &bounds, position));
}

struct frame_order watch_order(const struct watch *w)
{
	return (struct frame_order){ w->view.sort, w->view.is_reversed, &w->filter,
				     w->view.settings.group_by };
}

void watch_arrange_frame(struct watch *w, struct frame *f)
{
	struct frame_order order = watch_order(w);
	if (f->is_whole)
		frame_arrange(f, &order);
	w->is_order_wanted = !frame_is_arranged(f, &order);
	if (w->is_order_wanted)
		collector_arrange(w->collector);
	grouping_fold(&f->grouping, &w->folds);
	watch_count_marks(w);
}

/* Until the collector has done it, the screen says what it waits for. */
void watch_arrange_again(struct watch *w)
{
	if (!w->frame)
		return;
	watch_arrange_frame(w, w->frame);
	watch_follow(w);
}

void watch_sort(struct watch *w)
{
	collector_set_order(w->collector, w->view.sort, w->view.is_reversed,
			    w->view.settings.group_by);
	watch_arrange_again(w);
}

static const struct grouping *groups_shown(const struct watch *w)
{
	if (!w->frame || w->view.view != VIEW_CONNECTIONS ||
	    w->frame->grouping.by == GROUP_NONE)
		return NULL;
	return &w->frame->grouping;
}

/* The group stays selected, also when its row was: that one may be hidden now. */
void watch_fold(struct watch *w)
{
	const struct grouping *g = groups_shown(w);
	struct list_state *list = view_list(&w->view);
	if (!g || list->selected >= g->line_count)
		return;
	uint64_t id = g->groups[g->lines[list->selected].group].id;
	folds_toggle(&w->folds, id);
	grouping_fold(&w->frame->grouping, &w->folds);
	list->is_held = true;
	list->held = id;
	watch_follow(w);
}

void watch_fold_all(struct watch *w)
{
	const struct grouping *g = groups_shown(w);
	if (!g)
		return;
	folds_set_all(&w->folds, !w->folds.is_all_open);
	grouping_fold(&w->frame->grouping, &w->folds);
	watch_follow(w);
}

static bool is_marked(const struct watch *w, uint64_t cookie)
{
	const uint32_t *mark = u64_map_find(&w->marks, cookie);
	return mark && *mark;
}

static void set_mark(struct watch *w, uint64_t cookie, bool is_marked)
{
	bool is_new;
	*u64_map_insert(&w->marks, cookie, &is_new) = is_marked;
}

static uint64_t cookie_in(const struct watch *w, const struct group *group, uint32_t i)
{
	uint32_t row = w->frame->grouping.order[group->first + i];
	return w->frame->snap.sockets[row].cookie;
}

/* All of a group, or none when all were. */
static void mark_group(struct watch *w, const struct group *group)
{
	uint32_t marked = 0;
	for (uint32_t i = 0; i < group->count; i++)
		marked += is_marked(w, cookie_in(w, group, i));
	for (uint32_t i = 0; i < group->count; i++)
		set_mark(w, cookie_in(w, group, i), marked < group->count);
}

/* And on to the next row, so that several are marked with one finger. */
void watch_mark(struct watch *w)
{
	const struct list_state *list = view_list(&w->view);
	if (!w->frame || list->selected >= watch_ops(w)->count(w->frame))
		return;
	const struct group *group = watch_ops(w)->group(w->frame, list->selected);
	uint64_t id = watch_ops(w)->id(w->frame, list->selected);
	if (group)
		mark_group(w, group);
	else if (snapshot_find(&w->frame->snap, id))
		set_mark(w, id, !is_marked(w, id));
	else
		watch_say(w, "a connection that has ended cannot be marked");
	watch_count_marks(w);
	watch_select(w, list->selected + 1);
}

void watch_unmark(struct watch *w)
{
	u64_map_clear(&w->marks);
	watch_count_marks(w);
}

void watch_count_marks(struct watch *w)
{
	w->marked_count = 0;
	for (size_t i = 0; w->frame && i < w->marks.slot_count; i++) {
		const struct u64_map_slot *slot = &w->marks.slots[i];
		if (slot->is_used && slot->value &&
		    snapshot_find(&w->frame->snap, slot->key))
			w->marked_count++;
	}
}
