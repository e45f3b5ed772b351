/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/policy.h"
#include "conn-doctor/text.h"
#include "view.h"

/* Who is at the other end, worst first. */

enum {
	COUNT_WIDTH = 7,
	SHARE_WIDTH = 7,
	VERDICT_WIDTH = 18,
	BYTES_WIDTH = 11,
	NAME_MIN = 15,
	NAME_MAX = 46,
	USE_WIDTH = 22,
	BYTES_COLUMNS = 78, /* width from which the queues are shown */
	USE_COLUMNS = 100,
};

static size_t count_rows(const struct frame *f)
{
	return f->peers.count;
}

static uint64_t row_id(const struct frame *f, size_t position)
{
	return f->peers.rows[position].id;
}

/* What a line consists of; the name takes what the others leave. */
struct cells {
	const char *verdict, *count, *share, *unread, *unacked, *use, *name;
};

static int name_width(int width)
{
	int left = width - VERDICT_WIDTH - COUNT_WIDTH - SHARE_WIDTH - 2;
	left -= width >= BYTES_COLUMNS ? 2 * BYTES_WIDTH : 0;
	left -= width >= USE_COLUMNS ? USE_WIDTH : 0;
	return left < NAME_MIN ? NAME_MIN : left > NAME_MAX ? NAME_MAX : left;
}

/* A cell that does not fit whole is left out: half a number lies. */
static int put_right(const struct rect *line, int x, int width, const char *text,
		     enum paint paint)
{
	if (x + width > line->width)
		return line->width;
	int used = (int)text_width(text);
	screen_put(line->y, line->x + x, width, "", paint);
	view_put_left(line, 0, used < width ? x + width - used : x, text, paint);
	return x + width;
}

static void put_cells(const struct rect *line, const struct cells *c,
		      enum paint verdict, enum paint share, enum paint rest)
{
	int name = name_width(line->width);
	screen_put(line->y, line->x, VERDICT_WIDTH, c->verdict, verdict);
	screen_put(line->y, line->x + VERDICT_WIDTH, name, c->name, rest);
	int x = put_right(line, VERDICT_WIDTH + name, COUNT_WIDTH, c->count, rest);
	x = put_right(line, x, SHARE_WIDTH, c->share, share);
	if (line->width >= BYTES_COLUMNS) {
		x = put_right(line, x, BYTES_WIDTH, c->unread, rest);
		x = put_right(line, x, BYTES_WIDTH, c->unacked, rest);
	}
	if (line->width >= USE_COLUMNS)
		screen_put(line->y, line->x + x + 2, line->width - x - 2, c->use, rest);
}

static void draw_heading(const struct scene *s)
{
	static const struct cells cells = { "WORST",   "CONNS", "SHARE", "UNREAD",
					    "UNACKED", "FOR",   "PEER" };
	static const struct cells networks = { "WORST",   "CONNS", "SHARE",  "UNREAD",
					       "UNACKED", "FOR",   "NETWORK" };
	const struct rect *r = &s->layout.heading;
	screen_put(r->y, r->x, r->width, "", PAINT_HEADING);
	put_cells(r, s->frame->peers.is_by_network ? &networks : &cells, PAINT_HEADING,
		  PAINT_HEADING, PAINT_HEADING);
}

static void put_share(const struct peer_row *p, struct strbuf *out)
{
	if (p->service == NO_INDEX)
		strbuf_add_char(out, '-');
	else if (p->share < 10)
		strbuf_add(out, "<1 %");
	else
		strbuf_addf(out, "%u %%", p->share / 10);
}

static enum severity severity_of(const struct peer_row *p)
{
	return field_row_severity(&p->sample.worst);
}

static void draw_row(const struct scene *s, size_t position, int y)
{
	const struct report *r = &s->frame->report;
	const struct peer_row *p = &s->frame->peers.rows[position];
	const struct rect line = { y, s->layout.table.x, 1, s->layout.table.width };
	char unread[FORMAT_SIZE], unacked[FORMAT_SIZE], count[16];
	auto_strbuf struct strbuf name = { 0 }, use = { 0 }, share = { 0 };
	enum severity severity = severity_of(p);
	peer_put_name(p, &name);
	peer_put_use(p, r, &use);
	put_share(p, &share);
	snprintf(count, sizeof(count), "%" PRIu32, p->count);
	const struct cells cells = { verdict_table[p->sample.worst.verdict].code,
				     count,
				     strbuf_text(&share),
				     size_print(p->unread, unread),
				     size_print(p->unacked, unacked),
				     strbuf_text(&use),
				     strbuf_text(&name) };
	put_cells(&line, &cells,
		  severity > SEVERITY_OK ? paint_of_severity(severity) : PAINT_NORMAL,
		  peer_is_above(p, r) ? paint_of_severity(SEVERITY_INFO) : PAINT_NORMAL,
		  PAINT_NORMAL);
}

static void put_limits(const struct peer_row *p, const struct report *r,
		       struct strbuf *out)
{
	char share[32];
	uint64_t limit;
	const struct target *t = peer_target(p, r, &limit);
	if (t) {
		strbuf_addf(out, "%" PRIu64 " are agreed (peer-limit of [target ",
			    limit);
		text_sanitize(out, t->name, strlen(t->name));
		strbuf_add(out, "])");
		return;
	}
	strbuf_addf(out, "limits: %" PRIu64 " connections and %s",
		    r->limits->value[LIMIT_PEER_COUNT],
		    limit_print(LIMIT_PEER_SHARE, r->limits->value[LIMIT_PEER_SHARE],
				share));
}

static void add_share(struct page *page, const struct peer_row *p,
		      const struct report *r)
{
	auto_strbuf struct strbuf text = { 0 };
	uint64_t limit;
	if (p->service == NO_INDEX)
		return;
	put_share(p, &text);
	strbuf_addf(&text, " of the service's %" PRIu32 " connections; ",
		    r->services[p->service].connection_count);
	put_limits(p, r, &text);
	if (peer_is_above(p, r))
		strbuf_add(&text, ": it has more");
	else if (p->prefix_len)
		strbuf_add(&text, ", which are for one address");
	else if (peer_is_proxy(p, r))
		strbuf_add(&text, ", which are not for a known proxy");
	else if (!p->is_remote && !peer_target(p, r, &limit))
		strbuf_add(&text, ", which are not for this host itself");
	page_add(page, "share", strbuf_text(&text), PAINT_NORMAL);
}

static void add_sums(struct page *page, const struct peer_row *p,
		     const struct report *r)
{
	char text[FORMAT_SIZE];
	auto_strbuf struct strbuf line = { 0 };
	strbuf_addf(&line, "%" PRIu32 ", %" PRIu32 " of them ask somebody to act",
		    p->count, p->complaints);
	page_add(page, "connections", strbuf_text(&line), PAINT_NORMAL);
	add_share(page, p, r);
	strbuf_reset(&line);
	strbuf_add(&line, size_print(p->unread, text));
	strbuf_add(&line, " received and unread, ");
	strbuf_add(&line, size_print(p->unacked, text));
	strbuf_add(&line, " not acknowledged by the peer");
	page_add(page, "queues", strbuf_text(&line), PAINT_NORMAL);
}

static bool write_page(const struct frame *f, uint64_t id, struct page *out)
{
	const struct report *r = &f->report;
	size_t position = view_find(&view_peers, f, id);
	if (position == VIEW_NOT_FOUND)
		return false;
	const struct peer_row *p = &f->peers.rows[position];
	auto_strbuf struct strbuf title = { 0 };
	page_clear(out);
	strbuf_add(&title, "peer ");
	peer_put_name(p, &title);
	strbuf_add(&title, p->service == NO_INDEX ? ", " : ", client of ");
	peer_put_use(p, r, &title);
	page_set_title(out, strbuf_text(&title));
	page_add(out, "worst", verdict_table[p->sample.worst.verdict].code,
		 paint_of_severity(severity_of(p)));
	add_sums(out, p, r);
	page_add_heading(out, "Its connections, worst first");
	view_add_connections(out, r, p->sample.rows, p->sample.count, p->count);
	return true;
}

/* Too many matter more than how the worst of them is. */
static bool find_subject(const struct frame *f, uint64_t id, struct row_subject *out)
{
	size_t position = view_find(&view_peers, f, id);
	if (position == VIEW_NOT_FOUND)
		return false;
	const struct peer_row *p = &f->peers.rows[position];
	bool is_above = peer_is_above(p, &f->report);
	*out = (struct row_subject){
		.code = is_above ? finding_table[FINDING_TOO_MANY_PER_PEER].code
				 : verdict_table[p->sample.worst.verdict].code,
		.stack = p->service == NO_INDEX ? NULL
						: f->report.services[p->service].stack,
	};
	return true;
}

const struct view_ops view_peers = {
	.name = "peers",
	.empty = "no connection, so no peer",
	.count = count_rows,
	.id = row_id,
	.draw_heading = draw_heading,
	.draw_row = draw_row,
	.write_page = write_page,
	.subject = find_subject,
};
