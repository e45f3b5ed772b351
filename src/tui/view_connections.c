/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "conn-doctor/format.h"
#include "conn-doctor/text.h"
#include "view.h"

/* The main view: the connections, worst first. */

static bool is_grouped(const struct frame *f)
{
	return f->grouping.by != GROUP_NONE;
}

static size_t count_rows(const struct frame *f)
{
	return is_grouped(f) ? f->grouping.line_count : f->row_count;
}

static const struct group *group_at(const struct frame *f, size_t position)
{
	if (!is_grouped(f) || position >= f->grouping.line_count)
		return NULL;
	const struct group_line *line = &f->grouping.lines[position];
	return line->row == GROUP_HEADING ? &f->grouping.groups[line->group] : NULL;
}

/* The row of the snapshot, of a line that is no group's. */
static uint32_t row_at(const struct frame *f, size_t position)
{
	return is_grouped(f) ? f->grouping.lines[position].row : f->rows[position];
}

static uint64_t row_id(const struct frame *f, size_t position)
{
	const struct group *group = group_at(f, position);
	return group ? group->id : f->snap.sockets[row_at(f, position)].cookie;
}

static size_t find_row(const struct frame *f, uint64_t id)
{
	if (!is_grouped(f))
		return frame_find(f, id);
	size_t line = grouping_line_of_group(&f->grouping, id);
	const struct tcp_socket *sk = snapshot_find(&f->snap, id);
	if (line == SIZE_MAX && sk)
		line = grouping_line_of_row(&f->grouping,
					    (uint32_t)(sk - f->snap.sockets));
	return line;
}

static size_t places_of(const struct scene *s,
			struct column_place places[static COLUMN_COUNT])
{
	struct column_choice choice = s->view->settings.columns;
	choice.indent = s->marked_count || is_grouped(s->frame) ? 2 : 0;
	return layout_columns(s->layout.table.width, s->frame->peer_width, &choice,
			      places);
}

enum column view_column_at(const struct scene *s, int x)
{
	struct column_place places[COLUMN_COUNT];
	size_t count = places_of(s, places);
	for (size_t i = 0; i < count; i++)
		if (x >= places[i].x && x <= places[i].x + places[i].width)
			return places[i].column;
	return COLUMN_COUNT;
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
	size_t count = places_of(s, places);
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

/* "+ 10.0.0.7  12 connections, worst stuck, oldest 3m, ..." */
static void draw_group(const struct scene *s, size_t position, int y)
{
	const struct frame *f = s->frame;
	const struct group_line *line = &f->grouping.lines[position];
	const struct group *g = &f->grouping.groups[line->group];
	const struct assessment *worst = &f->report.assessments[g->worst];
	struct rect r = { y, s->layout.table.x, 1, s->layout.table.width };
	char size[FORMAT_SIZE];
	auto_strbuf struct strbuf text = { 0 };
	bool is_open = position + 1 < f->grouping.line_count &&
		       f->grouping.lines[position + 1].row != GROUP_HEADING;
	strbuf_add(&text, is_open ? "- " : "+ ");
	grouping_put_name(&f->grouping, &f->report, line->group, &text);
	strbuf_addf(&text, "  %" PRIu32 " connection%s  ", g->count,
		    g->count == 1 ? "" : "s");
	int x = view_put_left(&r, 0, 0, strbuf_text(&text), PAINT_KEY);
	strbuf_reset(&text);
	strbuf_addf(&text, "worst %s", verdict_table[worst->verdict].code);
	x = view_put_left(&r, 0, x, strbuf_text(&text),
			  paint_of_severity(field_row_severity(worst)));
	strbuf_reset(&text);
	if (g->oldest_cs != UINT32_MAX)
		strbuf_addf(&text, "  oldest %s",
			    duration_print(g->oldest_cs * 10ULL, size));
	strbuf_addf(&text, "  RQ %s", size_print(g->recv_queue, size));
	strbuf_addf(&text, "  SQ %s", size_print(g->send_queue, size));
	view_put_left(&r, 0, x, strbuf_text(&text), PAINT_NORMAL);
}

static bool is_marked(const struct scene *s, uint32_t row)
{
	uint64_t cookie = s->frame->snap.sockets[row].cookie;
	const uint32_t *mark = u64_map_find(s->marks, cookie);
	return mark && *mark;
}

static void draw_row(const struct scene *s, size_t position, int y)
{
	struct column_place places[COLUMN_COUNT];
	if (group_at(s->frame, position)) {
		draw_group(s, position, y);
		return;
	}
	size_t count = places_of(s, places);
	const struct render_options options = { .use_utf8 = screen_is_utf8() };
	const struct report *report = &s->frame->report;
	struct field_row row;
	frame_row_init(&row, s->frame, row_at(s->frame, position), &options);
	if (is_marked(s, row.row))
		screen_put(y, s->layout.table.x, 1, "*", PAINT_KEY);
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

static bool find_subject(const struct frame *f, uint64_t id, struct row_subject *out)
{
	const struct tcp_socket *sk = snapshot_find(&f->snap, id);
	if (!sk)
		return false;
	uint32_t row = (uint32_t)(sk - f->snap.sockets);
	const struct service *service = report_service_of(&f->report, row);
	*out = (struct row_subject){
		.subject = { SUBJECT_CONNECTION, row },
		.code = verdict_table[f->report.assessments[row].verdict].code,
		.stack = service ? service->stack : NULL,
	};
	return true;
}

const struct view_ops view_connections = {
	.name = "connections",
	.empty = "no connection matches",
	.has_top = true,
	.count = count_rows,
	.id = row_id,
	.find = find_row,
	.draw_heading = draw_heading,
	.draw_row = draw_row,
	.write_page = write_page,
	.subject = find_subject,
	.group = group_at,
};
