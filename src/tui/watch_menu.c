/* SPDX-License-Identifier: MIT */
#include "watch_state.h"

#include <stdlib.h>

#include "conn-doctor/ini_pairs.h"
#include "conn-doctor/memory.h"
#include "state_file.h"

/* Menus, the options that are kept, and the mouse. */

static const char settings_name[] = "watch.conf";

/* A file that cannot be written costs nothing but that it is said. */
static void keep_settings(struct watch *w)
{
	struct error err = { 0 };
	struct state_file file;
	auto_strbuf struct strbuf text = { 0 };
	if (!w->options->state_dir)
		return;
	settings_print(&w->view.settings, &text);
	if (state_file_open(&file, w->options->state_dir, settings_name, &err)) {
		watch_say(w, "not kept: %s", err.text);
		return;
	}
	fputs(strbuf_text(&text), file.stream);
	if (state_file_commit(&file, false, &err))
		watch_say(w, "not kept: %s", err.text);
}

void watch_use_settings(struct watch *w, bool is_kept)
{
	const struct settings *s = &w->view.settings;
	screen_set_look(s->scheme, s->is_ascii);
	if (is_kept)
		keep_settings(w);
}

/* One that is damaged is left alone until the next choice. */
void watch_load_settings(struct watch *w)
{
	struct error err = { 0 };
	auto_free char *text = NULL;
	size_t len = 0;
	settings_init(&w->view.settings);
	if (!w->options->state_dir)
		return;
	if (state_file_read(w->options->state_dir, settings_name, INI_PAIRS_SIZE_MAX,
			    &text, &len, &err)) {
		watch_say(w, "%s", err.text);
		return;
	}
	if (text && settings_parse(&w->view.settings, text, len, &err))
		watch_say(w, "%s/%s is ignored: %s", w->options->state_dir,
			  settings_name, err.text);
	if (w->view.settings.interval_ms && !w->options->is_interval_given)
		w->view.interval_ms = w->view.settings.interval_ms;
}

static void choose_sort(struct watch *w)
{
	w->view.sort = (enum column)w->view.menu.selected;
	w->view.is_reversed = false;
	watch_sort(w);
}

/* Everything that a menu may have changed. */
static void apply_options(struct watch *w, const struct settings *before)
{
	const struct settings *now = &w->view.settings;
	unsigned reactions = REACT_DRAW | REACT_SETTINGS;
	if (now->interval_ms != before->interval_ms) {
		w->view.interval_ms = now->interval_ms;
		reactions |= REACT_INTERVAL;
	}
	if (now->group_by != before->group_by)
		reactions |= REACT_GROUP;
	watch_react(w, reactions);
}

static void act_on_menu(struct watch *w, enum action action)
{
	struct scene scene = watch_scene(w);
	/* The one in force may be the command line's, which nobody chose to keep. */
	uint64_t chosen_ms = w->view.settings.interval_ms;
	w->view.settings.interval_ms = w->view.interval_ms;
	struct settings before = w->view.settings;
	enum menu_result result = menu_act(&w->view.menu, action, &w->view.settings,
					   (size_t)scene.layout.table.height);
	w->is_dirty |= result != MENU_NOTHING;
	bool is_same = w->view.settings.interval_ms == before.interval_ms;
	if (is_same)
		before.interval_ms = w->view.settings.interval_ms = chosen_ms;
	if (result == MENU_CHOSEN)
		choose_sort(w);
	if (result == MENU_CHANGED)
		apply_options(w, &before);
}

/* The line of the table that was clicked, or -1. */
static int clicked_line(const struct scene *scene, int *x)
{
	const struct rect *r = &scene->layout.table;
	int y;
	screen_click(&y, x);
	return y >= r->y && y < r->y + r->height ? y - r->y : -1;
}

static void click_menu(struct watch *w)
{
	struct scene scene = watch_scene(w);
	struct menu *m = &w->view.menu;
	int x, line = clicked_line(&scene, &x);
	if (line < 0 || m->top + (size_t)line >= menu_count(m))
		return;
	m->selected = m->top + (size_t)line;
	act_on_menu(w, ACTION_MENU_CHOOSE);
}

void watch_menu_key(struct watch *w, int key)
{
	if (key == SPECIAL_CLICK)
		click_menu(w);
	else
		act_on_menu(w, keys_find(MODE_MENU, key));
}

/* The same heading again turns the order around. */
static void click_heading(struct watch *w, const struct scene *scene, int x)
{
	enum column column = view_column_at(scene, x);
	if (w->view.view != VIEW_CONNECTIONS || column == COLUMN_COUNT)
		return;
	w->view.is_reversed = column == w->view.sort && !w->view.is_reversed;
	w->view.sort = column;
	watch_sort(w);
}

void watch_click(struct watch *w)
{
	struct scene scene = watch_scene(w);
	int x, y, line = clicked_line(&scene, &x);
	if (!w->frame || w->view.is_open || w->view.is_help)
		return;
	screen_click(&y, &x);
	size_t row = view_list(&w->view)->top + (size_t)(line < 0 ? 0 : line);
	if (y == scene.layout.heading.y && scene.layout.heading.height)
		click_heading(w, &scene, x);
	else if (line >= 0 && row < watch_ops(w)->count(w->frame))
		watch_select(w, row);
}
