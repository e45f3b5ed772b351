/* SPDX-License-Identifier: MIT */
#include "view.h"

/* The menus: over heading and table, so that what counts stays in sight. */

enum { MENU_WIDTH = 60 };

static void draw_entry(const struct scene *s, size_t entry, int y, int width)
{
	const struct menu *m = &s->view->menu;
	const struct rect *r = &s->layout.table;
	struct settings shown = s->view->settings;
	auto_strbuf struct strbuf text = { 0 };
	shown.interval_ms = s->view->interval_ms;
	strbuf_add(&text, " ");
	menu_put_entry(m, entry, &shown, s->view->sort, &text);
	screen_put(y, r->x, width, strbuf_text(&text), PAINT_NORMAL);
	if (entry == m->selected)
		screen_mark(y, r->x, width);
}

void view_draw_menu(const struct scene *s)
{
	const struct menu *m = &s->view->menu;
	const struct rect *head = &s->layout.heading, *r = &s->layout.table;
	int width = r->width < MENU_WIDTH ? r->width : MENU_WIDTH;
	auto_strbuf struct strbuf title = { 0 };
	strbuf_addf(&title, " %s", menu_title(m));
	screen_put(head->y, head->x, width, strbuf_text(&title), PAINT_ALERT);
	for (int i = 0; i < r->height; i++) {
		size_t entry = m->top + (size_t)i;
		if (entry < menu_count(m))
			draw_entry(s, entry, r->y + i, width);
		else
			screen_put(r->y + i, r->x, width, "", PAINT_NORMAL);
	}
}
