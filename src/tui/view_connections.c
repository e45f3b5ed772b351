/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "conn-doctor/format.h"
#include "conn-doctor/text.h"
#include "view.h"

/*
 * The main view: title, what could not be seen, services, connections worst
 * first. Every line is one text cut to its place; no line ever wraps.
 */

static const enum paint severity_paints[] = {
	[SEVERITY_OK] = PAINT_OK,
	[SEVERITY_INFO] = PAINT_INFO,
	[SEVERITY_WARNING] = PAINT_WARNING,
	[SEVERITY_CRITICAL] = PAINT_CRITICAL,
};

/* Text at the left; returns the column behind it. */
static int put_left(const struct rect *r, int line, int x, const char *text,
		    enum paint paint)
{
	int width = (int)text_width(text);
	if (width > r->width - x)
		width = r->width - x;
	screen_put(r->y + line, r->x + x, width, text, paint);
	return x + width;
}

/* FROZEN, end of recording: what the time shown means. */
static int put_mode(const struct scene *s, int x)
{
	const struct rect *r = &s->layout.title;
	char age[FORMAT_SIZE];
	auto_strbuf struct strbuf text = { 0 };
	if (s->view->is_frozen) {
		strbuf_addf(&text, " FROZEN %s ", duration_print(s->frozen_ms, age));
		x = put_left(r, 0, x + 2, strbuf_text(&text), PAINT_ALERT);
	}
	if (s->status->is_ended)
		x = put_left(r, 0, x + 2, " end of recording ", PAINT_ALERT);
	return x;
}

static void draw_title(const struct scene *s)
{
	const struct rect *r = &s->layout.title;
	auto_strbuf struct strbuf title = { 0 }, pace = { 0 }, counts = { 0 };
	int x = 0;
	if (r->width >= 60)
		x = put_left(r, 0, 0, "conn-doctor  ", PAINT_TITLE);
	summary_put_title(s->frame, &title);
	x = put_left(r, 0, x, strbuf_text(&title), PAINT_NORMAL);
	x = put_mode(s, x);
	summary_put_pace(s->frame, s->view->interval_ms, &pace);
	int width = (int)text_width(strbuf_text(&pace));
	if (x + 2 + width <= r->width)
		screen_put(r->y, r->x + r->width - width, width, strbuf_text(&pace),
			   PAINT_NORMAL);
	summary_put_counts(s->frame, &counts);
	screen_put(r->y + 1, r->x, r->width, strbuf_text(&counts), PAINT_NORMAL);
}

static void draw_services(const struct scene *s)
{
	const struct rect *r = &s->layout.services;
	for (int i = 0; i < r->height && (size_t)i < s->line_count; i++) {
		auto_strbuf struct strbuf text = { 0 };
		summary_put_line(s->frame, &s->lines[i], &text);
		screen_put(r->y + i, r->x, r->width, strbuf_text(&text),
			   severity_paints[s->lines[i].severity]);
	}
}

static void put_cell(int y, const struct column_place *place, const char *text,
		     bool is_right, enum paint paint)
{
	int width = (int)text_width(text);
	int indent = is_right && width < place->width ? place->width - width : 0;
	screen_put(y, place->x + indent, place->width - indent, text, paint);
}

static void draw_heading(const struct scene *s, const struct column_place *places,
			 size_t count)
{
	const struct rect *r = &s->layout.heading;
	screen_put(r->y, r->x, r->width, "", PAINT_HEADING);
	for (size_t i = 0; i < count; i++) {
		const struct field *field =
			&field_table[column_table[places[i].column].field];
		bool is_sorted = places[i].column == s->view->sort;
		int width = (int)text_width(field->heading);
		struct column_place place = places[i];
		if (field->is_right && width < place.width) {
			place.x += place.width - width;
			place.width = width;
		}
		screen_put(r->y, r->x + place.x, place.width, field->heading,
			   is_sorted ? PAINT_ALERT : PAINT_HEADING);
	}
}

static void draw_row(const struct scene *s, size_t position, int y,
		     const struct column_place *places, size_t count)
{
	const struct render_options options = { .use_utf8 = screen_is_utf8() };
	const struct report *report = &s->frame->report;
	struct field_row row;
	field_row_init(&row, report, s->frame->rows[position], &options);
	enum severity severity = field_row_severity(&report->assessments[row.row]);
	for (size_t i = 0; i < count; i++) {
		auto_strbuf struct strbuf text = { 0 };
		column_put(places[i].column, &row, places[i].width, &text);
		bool is_verdict = places[i].column == COLUMN_VERDICT;
		put_cell(y, &places[i], strbuf_text(&text),
			 field_table[column_table[places[i].column].field].is_right,
			 is_verdict && severity > SEVERITY_OK
				 ? severity_paints[severity]
				 : PAINT_NORMAL);
	}
	if (position == s->view->selected)
		screen_mark(y, s->layout.table.x, s->layout.table.width);
}

static void draw_table(const struct scene *s)
{
	const struct rect *r = &s->layout.table;
	struct column_place places[COLUMN_COUNT];
	size_t count = layout_columns(r->width, s->frame->peer_width, places);
	draw_heading(s, places, count);
	if (!s->frame->row_count)
		screen_put(r->y, r->x, r->width, "no connection matches", PAINT_NORMAL);
	for (int i = 0; i < r->height; i++) {
		size_t position = s->view->top + (size_t)i;
		if (position >= s->frame->row_count)
			break;
		draw_row(s, position, r->y + i, places, count);
	}
}

static void draw(const struct scene *s)
{
	const struct rect *notice = &s->layout.notice;
	if (notice->height)
		screen_put(notice->y, notice->x, notice->width, s->notice,
			   PAINT_WARNING);
	if (!s->frame) {
		screen_put(s->layout.title.y, 0, s->layout.title.width,
			   "conn-doctor: taking the first look ...", PAINT_NORMAL);
	} else {
		draw_title(s);
		draw_services(s);
		draw_table(s);
	}
	view_draw_footer(&s->layout.footer);
}

const struct view_ops view_connections = { .name = "connections", .draw = draw };
