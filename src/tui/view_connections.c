/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/text.h"
#include "view.h"

/*
 * The main view: the connections, worst first. Below them for a while, dimmed, those
 * that have ended: the order of the living does not move for them.
 */

static bool is_grouped(const struct frame *f)
{
	return f->grouping.by != GROUP_NONE;
}

/* Lines above those that have ended. */
static size_t living_count(const struct frame *f)
{
	return is_grouped(f) ? f->grouping.line_count : f->row_count;
}

static size_t count_rows(const struct frame *f)
{
	return living_count(f) + f->ended_row_count;
}

/* NULL: the line is of a living one, or of a group. */
static const struct ended *ended_at(const struct frame *f, size_t position)
{
	size_t living = living_count(f);
	return position < living ? NULL : &f->ended[f->ended_rows[position - living]];
}

static const struct group *group_at(const struct frame *f, size_t position)
{
	if (!is_grouped(f) || position >= living_count(f))
		return NULL;
	const struct group_line *line = &f->grouping.lines[position];
	return line->row == GROUP_HEADING ? &f->grouping.groups[line->group] : NULL;
}

/* The row of the snapshot, of a line that is neither a group's nor of an ended one. */
static uint32_t row_at(const struct frame *f, size_t position)
{
	return is_grouped(f) ? f->grouping.lines[position].row : f->rows[position];
}

static uint64_t row_id(const struct frame *f, size_t position)
{
	const struct ended *ended = ended_at(f, position);
	if (ended)
		return ended->last.socket.cookie;
	const struct group *group = group_at(f, position);
	return group ? group->id : f->snap.sockets[row_at(f, position)].cookie;
}

static size_t find_ended(const struct frame *f, uint64_t cookie)
{
	for (size_t i = 0; i < f->ended_row_count; i++)
		if (f->ended[f->ended_rows[i]].last.socket.cookie == cookie)
			return living_count(f) + i;
	return VIEW_NOT_FOUND;
}

static size_t find_grouped(const struct frame *f, uint64_t id)
{
	size_t line = grouping_line_of_group(&f->grouping, id);
	const struct tcp_socket *sk = snapshot_find(&f->snap, id);
	if (line == SIZE_MAX && sk)
		line = grouping_line_of_row(&f->grouping,
					    (uint32_t)(sk - f->snap.sockets));
	return line;
}

static size_t find_row(const struct frame *f, uint64_t id)
{
	size_t found = is_grouped(f) ? find_grouped(f, id) : frame_find(f, id);
	return found == SIZE_MAX ? find_ended(f, id) : found;
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
		struct column_place place = places[i];
		const char *heading = column_heading(place.column, place.width);
		int width = (int)text_width(heading);
		if (field->is_right && width < place.width) {
			place.x += place.width - width;
			place.width = width;
		}
		screen_put(r->y, r->x + place.x, place.width, heading,
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
	strbuf_addf(&text, "  %" PRIu32 " connection%s", g->total,
		    g->total == 1 ? "" : "s");
	if (g->count < g->total)
		strbuf_addf(&text, " (%" PRIu32 " listed)", g->count);
	strbuf_add(&text, "  ");
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

void view_add_connections(struct page *page, const struct report *r,
			  const uint32_t *rows, size_t count, size_t total)
{
	static const enum field_id shown[] = { FIELD_SINCE, FIELD_LOCAL, FIELD_PEER,
					       FIELD_STATE, FIELD_OWNER };
	const struct render_options options = { .use_utf8 = screen_is_utf8() };
	for (size_t i = 0; i < count; i++) {
		struct field_row row;
		auto_strbuf struct strbuf text = { 0 };
		field_row_init(&row, r, rows[i], &options);
		field_table[FIELD_VERDICT].put(&row, &text);
		for (size_t j = 0; j < sizeof(shown) / sizeof(*shown); j++) {
			strbuf_add(&text, "  ");
			field_table[shown[j]].put(&row, &text);
		}
		page_add(page, "", strbuf_text(&text),
			 paint_of_severity(
				 field_row_severity(&r->assessments[rows[i]])));
	}
	if (total > count) {
		auto_strbuf struct strbuf more = { 0 };
		strbuf_addf(&more, "and %zu more", total - count);
		page_add(page, "", strbuf_text(&more), PAINT_NORMAL);
	}
}

/* What is known of a connection that is no more; the other columns stay empty. */
static void put_ended(const struct frame *f, const struct followed *last,
		      enum column column, struct strbuf *out)
{
	const struct tcp_socket *sk = &last->socket;
	char text[ENDPOINT_TEXT_SIZE];
	uint64_t ago_ms = f->snap.monotonic_ms - last->missed_ms;
	if (column == COLUMN_VERDICT)
		strbuf_add(out, "ended");
	else if (column == COLUMN_SINCE)
		strbuf_add(out, duration_print(ago_ms, text));
	else if (column == COLUMN_PEER)
		strbuf_add(out, endpoint_print(&sk->peer, sk->ip_version, sk->peer_port,
					       text));
	else if (column == COLUMN_STATE)
		strbuf_add(out, tcp_state_name(sk->state));
	else if (column == COLUMN_OWNER)
		strbuf_add(out, last->owner);
}

static void draw_ended(const struct scene *s, const struct ended *e, int y)
{
	struct column_place places[COLUMN_COUNT];
	size_t count = places_of(s, places);
	for (size_t i = 0; i < count; i++) {
		auto_strbuf struct strbuf text = { 0 };
		put_ended(s->frame, &e->last, places[i].column, &text);
		if ((int)text_width(strbuf_text(&text)) > places[i].width)
			column_table[places[i].column].shorten(&text, places[i].width);
		put_cell(y, &places[i], strbuf_text(&text),
			 field_table[column_table[places[i].column].field].is_right,
			 PAINT_DIM);
	}
}

static void draw_row(const struct scene *s, size_t position, int y)
{
	const struct ended *ended = ended_at(s->frame, position);
	if (ended) {
		draw_ended(s, ended, y);
		return;
	}
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

static const char ended_label[] = "ended";

static bool is_about_ended(const struct page *page)
{
	return page->title && strncmp(page->title, ended_label, 5) == 0;
}

/*
 * A page that was open stays as it was last seen, which tells more, with how it
 * ended on top. One that is opened now is about what is left, and stays when that
 * is forgotten.
 */
static bool write_ended(const struct ended *e, struct page *page)
{
	if (!e)
		return is_about_ended(page);
	if (!page->count || is_about_ended(page)) {
		detail_write_ended(page, e);
		return true;
	}
	if (page->paragraphs[0].label != ended_label) {
		auto_strbuf struct strbuf how = { 0 };
		ended_put_how(e, &how);
		page_add_first(page, ended_label, strbuf_text(&how), PAINT_NORMAL);
	}
	return false;
}

/* The filter of the screen hides a row, but its page goes on. */
static bool write_page(const struct frame *f, uint64_t id, struct page *out)
{
	struct detail detail = { 0 };
	if (!detail_make(&detail, &f->report, NULL, id, screen_is_utf8()))
		return write_ended(frame_find_ended(f, id), out);
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
		.has_json = true,
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
