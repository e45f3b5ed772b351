/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "clock_text.h"
#include "view.h"

/* What happened while watch was looking, newest first. */

enum { TIME_WIDTH = 10, KIND_WIDTH = 12, KIND_COLUMNS = 70 };

static size_t count_rows(const struct frame *f)
{
	return event_log_count(&f->events);
}

/* An event is its number. */
static uint64_t row_id(const struct frame *f, size_t position)
{
	return f->events.total - position;
}

static size_t find_row(const struct frame *f, uint64_t id)
{
	return event_log_find(&f->events, id) ? (size_t)(f->events.total - id)
					      : VIEW_NOT_FOUND;
}

static void draw_heading(const struct scene *s)
{
	const struct rect *r = &s->layout.heading;
	uint64_t dropped = event_log_dropped(&s->frame->events);
	auto_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%-*s", TIME_WIDTH, "TIME");
	if (r->width >= KIND_COLUMNS)
		strbuf_addf(&text, "%-*s", KIND_WIDTH, "ABOUT");
	strbuf_add(&text, "WHAT");
	if (dropped)
		strbuf_addf(&text, "  (%" PRIu64 " older ones were dropped)", dropped);
	screen_put(r->y, r->x, r->width, strbuf_text(&text), PAINT_HEADING);
}

static enum paint paint_of(const struct event *e)
{
	return e->severity > SEVERITY_OK ? paint_of_severity(e->severity)
					 : PAINT_NORMAL;
}

static void draw_row(const struct scene *s, size_t position, int y)
{
	const struct event *e =
		event_log_find(&s->frame->events, row_id(s->frame, position));
	const struct rect line = { y, s->layout.table.x, 1, s->layout.table.width };
	char at[CLOCK_TEXT_SIZE];
	int x = TIME_WIDTH;
	screen_put(y, line.x, TIME_WIDTH, clock_print(e->realtime_ns, at),
		   PAINT_NORMAL);
	if (line.width >= KIND_COLUMNS) {
		screen_put(y, line.x + x, KIND_WIDTH,
			   event_kind_name((enum event_kind)e->kind), PAINT_NORMAL);
		x += KIND_WIDTH;
	}
	view_put_left(&line, 0, x, e->text, paint_of(e));
}

static bool write_page(const struct frame *f, uint64_t id, struct page *out)
{
	const struct event *e = event_log_find(&f->events, id);
	char at[32];
	auto_strbuf struct strbuf title = { 0 };
	if (!e)
		return false;
	page_clear(out);
	strbuf_addf(&title, "event %" PRIu64 " of %" PRIu64, id, f->events.total);
	page_set_title(out, strbuf_text(&title));
	page_add(out, "time", clock_print_day(e->realtime_ns, at), PAINT_NORMAL);
	page_add(out, "about", event_kind_name((enum event_kind)e->kind), PAINT_NORMAL);
	page_add(out, "what", e->text, paint_of(e));
	return true;
}

/* An event is no part of a report, so there is no JSON of it. */
static bool find_subject(const struct frame *f, uint64_t id, struct row_subject *out)
{
	const struct event *e = event_log_find(&f->events, id);
	if (!e)
		return false;
	*out = (struct row_subject){ .code = e->code };
	return true;
}

const struct view_ops view_events = {
	.name = "events",
	.empty = "nothing has happened yet",
	.count = count_rows,
	.id = row_id,
	.find = find_row,
	.draw_heading = draw_heading,
	.draw_row = draw_row,
	.write_page = write_page,
	.subject = find_subject,
};
