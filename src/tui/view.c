/* SPDX-License-Identifier: MIT */
#include "view.h"

#include <stdio.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/text.h"

/*
 * The whole screen: title, what could not be seen, then the list of the view or
 * a page about one of its rows, then keys. Every line is one text cut to its
 * place; no line ever wraps.
 */

const struct view_ops *const views[VIEW_COUNT] = {
	[VIEW_CONNECTIONS] = &view_connections, [VIEW_FINDINGS] = &view_findings,
	[VIEW_SERVICES] = &view_services,       [VIEW_PEERS] = &view_peers,
	[VIEW_PROCESSES] = &view_processes,     [VIEW_EVENTS] = &view_events,
};

size_t view_find(const struct view_ops *ops, const struct frame *f, uint64_t id)
{
	if (ops->find)
		return ops->find(f, id);
	size_t count = ops->count(f);
	for (size_t i = 0; i < count; i++)
		if (ops->id(f, i) == id)
			return i;
	return VIEW_NOT_FOUND;
}

int view_put_left(const struct rect *r, int line, int x, const char *text,
		  enum paint paint)
{
	int width = (int)text_width(text);
	if (width > r->width - x)
		width = r->width - x;
	screen_put(r->y + line, r->x + x, width, text, paint);
	return x + width;
}

/* Where there is room, all the views or their keys; else the one that is shown. */
enum { ALL_TABS_COLUMNS = 140, TAB_KEYS_COLUMNS = 100, TAB_SIZE = 32 };

static bool is_tab_shown(const struct scene *s, int view)
{
	return s->layout.title.width >= TAB_KEYS_COLUMNS || view == (int)s->view->view;
}

static const char *tab_text(const struct scene *s, int view, char out[static TAB_SIZE])
{
	bool is_named =
		s->layout.title.width >= ALL_TABS_COLUMNS || view == (int)s->view->view;
	if (is_named)
		snprintf(out, TAB_SIZE, " %d %s ", view + 1, views[view]->name);
	else
		snprintf(out, TAB_SIZE, " %d ", view + 1);
	return out;
}

static int tabs_width(const struct scene *s)
{
	char text[TAB_SIZE];
	int width = 0;
	for (int i = 0; i < VIEW_COUNT; i++)
		if (is_tab_shown(s, i))
			width += (int)strlen(tab_text(s, i, text));
	return width;
}

static void draw_tabs(const struct scene *s, int x)
{
	char text[TAB_SIZE];
	for (int i = 0; i < VIEW_COUNT; i++)
		if (is_tab_shown(s, i))
			x = view_put_left(&s->layout.title, 1, x, tab_text(s, i, text),
					  i == (int)s->view->view ? PAINT_ALERT
								  : PAINT_NORMAL);
}

/* FROZEN, PAUSED, FOLLOW, END: what is special about what is shown. */
static int put_mode(const struct scene *s, int x)
{
	const struct rect *r = &s->layout.title;
	char age[FORMAT_SIZE];
	auto_strbuf struct strbuf text = { 0 };
	if (s->is_seeking)
		x = view_put_left(r, 0, x + 2, " seeking ... ", PAINT_ALERT);
	if (s->view->is_frozen && s->view->is_recording)
		x = view_put_left(r, 0, x + 2, " PAUSED ", PAINT_ALERT);
	else if (s->view->is_frozen) {
		strbuf_addf(&text, " FROZEN %s ", duration_print(s->frozen_ms, age));
		x = view_put_left(r, 0, x + 2, strbuf_text(&text), PAINT_ALERT);
	}
	if (s->view->is_following)
		x = view_put_left(r, 0, x + 2, " FOLLOW ", PAINT_ALERT);
	if (s->marked_count) {
		strbuf_reset(&text);
		strbuf_addf(&text, "%zu marked", s->marked_count);
		x = view_put_left(r, 0, x + 2, strbuf_text(&text), PAINT_KEY);
	}
	if (s->frame->grouping.by != GROUP_NONE) {
		strbuf_reset(&text);
		strbuf_addf(&text, "by %s", group_by_name(s->frame->grouping.by));
		x = view_put_left(r, 0, x + 2, strbuf_text(&text), PAINT_KEY);
	}
	strbuf_reset(&text);
	strbuf_add_char(&text, ' ');
	summary_put_waiting(s->frame, &s->order, &text);
	strbuf_add_char(&text, ' ');
	if (text.len > 2)
		x = view_put_left(r, 0, x + 2, strbuf_text(&text), PAINT_ALERT);
	/* Not where it cannot be read on: the notice says why. */
	if (s->status->is_ended && s->status->error.code == ERROR_NONE)
		x = view_put_left(r, 0, x + 2, " END ", PAINT_ALERT);
	return x;
}

/* At the right end of the first line, where there is room from x on. */
static void draw_pace(const struct scene *s, int x)
{
	const struct rect *r = &s->layout.title;
	auto_strbuf struct strbuf text = { 0 };
	if (s->view->is_recording) {
		uint64_t interval_ms = s->plays_by_interval ? s->view->interval_ms : 0;
		struct summary_pace pace = { s->view->speed, interval_ms };
		summary_put_replay(s->frame, &s->status->replay, &pace, r->width - x,
				   &text);
	} else {
		summary_put_order(s->frame, &text);
		summary_put_pace(s->frame, s->view->interval_ms, &text);
	}
	int width = (int)text_width(strbuf_text(&text));
	if (x + width <= r->width)
		screen_put(r->y, r->x + r->width - width, width, strbuf_text(&text),
			   PAINT_NORMAL);
}

static void draw_title(const struct scene *s)
{
	const struct rect *r = &s->layout.title;
	auto_strbuf struct strbuf title = { 0 }, counts = { 0 };
	int x = 0;
	if (r->width >= 60)
		x = view_put_left(r, 0, 0, "conn-doctor  ", PAINT_TITLE);
	summary_put_title(s->frame, &title);
	x = view_put_left(r, 0, x, strbuf_text(&title), PAINT_NORMAL);
	x = put_mode(s, x);
	draw_pace(s, x + 2);
	summary_put_counts(s->frame, s->live_filter, &s->order, &counts);
	x = r->width - tabs_width(s);
	screen_put(r->y + 1, r->x, x - 1, strbuf_text(&counts), PAINT_NORMAL);
	draw_tabs(s, x);
}

static void draw_list(const struct scene *s)
{
	const struct view_ops *ops = views[s->view->view];
	const struct list_state *list = &s->view->lists[s->view->view];
	const struct rect *r = &s->layout.table;
	size_t count = ops->count(s->frame);
	ops->draw_heading(s);
	if (!count)
		screen_put(r->y, r->x, r->width, ops->empty, PAINT_NORMAL);
	for (int i = 0; i < r->height && list->top + (size_t)i < count; i++) {
		ops->draw_row(s, list->top + (size_t)i, r->y + i);
		if (list->top + (size_t)i == list->selected)
			screen_mark(r->y + i, r->x, r->width);
	}
}

static void draw_page_line(const struct scene *s, const struct page_line *line, int y)
{
	const struct paragraph *p = line->paragraph;
	const struct rect *r = &s->layout.table;
	bool is_old = *s->page_gone;
	int indent = page_indent(p, r->width);
	auto_strbuf struct strbuf text = { 0 };
	strbuf_add_len(&text, p->text + line->start, line->len);
	if (indent && line->start == 0)
		screen_put(y, r->x, indent, p->label, is_old ? PAINT_DIM : PAINT_KEY);
	screen_put(y, r->x + indent, r->width - indent, strbuf_text(&text),
		   is_old ? PAINT_DIM : p->paint);
}

/* What has gone is still there to be read, dimmed, and says so. */
static void draw_page(const struct scene *s)
{
	const struct rect *head = &s->layout.heading, *r = &s->layout.table;
	auto_strbuf struct strbuf title = { 0 };
	struct page_line line;
	strbuf_addf(&title, "%s%s", s->page_gone, s->page->title ? s->page->title : "");
	screen_put(head->y, head->x, head->width, strbuf_text(&title),
		   *s->page_gone ? PAINT_ALERT : PAINT_HEADING);
	for (int i = 0; i < r->height; i++)
		if (page_find_line(s->page, r->width, s->view->page_top + (size_t)i,
				   &line))
			draw_page_line(s, &line, r->y + i);
}

/* The text from the place of the error on stands out; below it, the reason. */
static void draw_error(const struct scene *s, int x)
{
	const struct rect *r = &s->layout.footer;
	auto_strbuf struct strbuf text = { 0 };
	int width = (int)strlen(s->editor_error->text);
	int caret = x < r->width ? x : r->width - 1;
	if (caret + 2 + width <= r->width || caret < r->width / 2)
		strbuf_addf(&text, "%*s^ ", caret, "");
	else
		strbuf_addf(&text, "%*s", caret > width + 1 ? caret - width - 1 : 0,
			    "");
	text_sanitize(&text, s->editor_error->text, (size_t)width);
	if (!strchr(strbuf_text(&text), '^'))
		strbuf_add(&text, " ^");
	screen_put(r->y, r->x, r->width, strbuf_text(&text), PAINT_WARNING);
}

/* Columns that the first `len` bytes of the line take. */
static int columns_of(const char *text, size_t len)
{
	auto_strbuf struct strbuf part = { 0 };
	text_sanitize(&part, text, strnlen(text, len));
	return (int)text_width(strbuf_text(&part));
}

/* A line that is too long is shown from where the cursor stays visible. */
static size_t first_shown(const struct editor *e, int room)
{
	const char *text = strbuf_text(&e->text);
	size_t start = 0;
	while (columns_of(text + start, e->cursor - start) > room)
		do
			start++;
		while ((text[start] & 0xc0) == 0x80);
	return start;
}

/* From `bad` on it stands out. Returns the column of that place. */
static int draw_line(const struct rect *r, int x, const char *text, size_t bad)
{
	auto_strbuf struct strbuf good = { 0 }, rest = { 0 };
	size_t split = strnlen(text, bad);
	text_sanitize(&good, text, split);
	text_sanitize(&rest, text + split, strlen(text + split));
	x = view_put_left(r, 0, x, strbuf_text(&good), PAINT_NORMAL);
	view_put_left(r, 0, x, strbuf_text(&rest), PAINT_CRITICAL);
	return x;
}

static void draw_editor(const struct scene *s)
{
	const char *prompt = s->prompt;
	const struct rect *r = &s->layout.editor;
	bool is_bad = s->editor_error->code != ERROR_NONE;
	size_t start = first_shown(s->editor, r->width - (int)strlen(prompt) - 1);
	size_t bad = is_bad ? s->error_column : s->editor->text.len;
	const char *text = strbuf_text(&s->editor->text) + start;
	int at = view_put_left(r, 0, 0, prompt, PAINT_KEY);
	int x = draw_line(r, at, text, bad > start ? bad - start : 0);
	if (is_bad)
		draw_error(s, x);
	else
		view_draw_footer(&s->layout.footer, MODE_LINE, s->view->is_recording);
	screen_show_cursor(r->y, at + columns_of(text, s->editor->cursor - start));
}

static void draw_body(const struct scene *s)
{
	if (!s->frame) {
		screen_put(s->layout.title.y, 0, s->layout.title.width,
			   "conn-doctor: taking the first look ...", PAINT_NORMAL);
		return;
	}
	draw_title(s);
	if (s->view->is_open) {
		draw_page(s);
		return;
	}
	view_draw_top(s);
	draw_list(s);
}

void view_draw(const struct scene *s)
{
	const struct rect *notice = &s->layout.notice;
	if (notice->height)
		screen_put(notice->y, notice->x, notice->width, s->notice,
			   PAINT_WARNING);
	draw_body(s);
	if (s->view->is_editing)
		draw_editor(s);
	else
		view_draw_footer(&s->layout.footer,
				 s->view->menu.kind ? MODE_MENU : MODE_VIEW,
				 s->view->is_recording);
}
