/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "conn-doctor/text.h"
#include "view.h"

/* The main view: the connections, worst first. */

static size_t count_rows(const struct frame *f)
{
	return f->row_count;
}

static uint64_t row_id(const struct frame *f, size_t position)
{
	return f->snap.sockets[f->rows[position]].cookie;
}

static void put_cell(int y, const struct column_place *place, const char *text,
		     bool is_right, enum paint paint)
{
	int width = (int)text_width(text);
	int indent = is_right && width < place->width ? place->width - width : 0;
	screen_put(y, place->x + indent, place->width - indent, text, paint);
}

static void draw_heading(const struct scene *s)
{
	struct column_place places[COLUMN_COUNT];
	size_t count =
		layout_columns(s->layout.table.width, s->frame->peer_width, places);
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

static void draw_row(const struct scene *s, size_t position, int y)
{
	struct column_place places[COLUMN_COUNT];
	size_t count =
		layout_columns(s->layout.table.width, s->frame->peer_width, places);
	const struct render_options options = { .use_utf8 = screen_is_utf8() };
	const struct report *report = &s->frame->report;
	struct field_row row;
	frame_row_init(&row, s->frame, s->frame->rows[position], &options);
	enum severity severity = field_row_severity(&report->assessments[row.row]);
	for (size_t i = 0; i < count; i++) {
		auto_strbuf struct strbuf text = { 0 };
		column_put(places[i].column, &row, places[i].width, &text);
		bool is_verdict = places[i].column == COLUMN_VERDICT;
		put_cell(y, &places[i], strbuf_text(&text),
			 field_table[column_table[places[i].column].field].is_right,
			 is_verdict && severity > SEVERITY_OK
				 ? paint_of_severity(severity)
				 : PAINT_NORMAL);
	}
}

/* The filter of the screen hides a row, but its page goes on. */
static bool write_page(const struct frame *f, uint64_t id, struct page *out)
{
	struct detail detail = { 0 };
	if (!detail_make(&detail, &f->report, id, screen_is_utf8()))
		return false;
	page_move(out, &detail.page);
	return true;
}

const struct view_ops view_connections = {
	.name = "connections",
	.empty = "no connection matches",
	.has_top = true,
	.count = count_rows,
	.id = row_id,
	.find = frame_find,
	.draw_heading = draw_heading,
	.draw_row = draw_row,
	.write_page = write_page,
};
