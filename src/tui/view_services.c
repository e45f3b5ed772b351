/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "conn-doctor/text.h"
#include "view.h"

/* Services, worst first: who listens, how full the queue is, how clients fare. */

enum { NARROW_COLUMNS = 60 };

static const struct service *service_at(const struct frame *f, size_t position)
{
	return &f->report.services[f->services[position]];
}

static uint64_t id_of(const struct service *s)
{
	return (uint64_t)s->netns << 16 | s->port;
}

static size_t count_rows(const struct frame *f)
{
	return f->service_count;
}

static uint64_t row_id(const struct frame *f, size_t position)
{
	return id_of(service_at(f, position));
}

static void draw_heading(const struct scene *s)
{
	const struct rect *r = &s->layout.heading;
	screen_put(r->y, r->x, r->width,
		   r->width < NARROW_COLUMNS
			   ? "S LISTENER           QUEUE  PROCESSES"
			   : "SEVERITY  LISTENER                  QUEUE  PROCESSES, "
			     "CONNECTIONS",
		   PAINT_HEADING);
}

static void put_queue(const struct service *s, struct strbuf *out)
{
	strbuf_addf(out, "%" PRIu64 "/%" PRIu64, s->accept_queue_count,
		    s->accept_queue_limit);
}

static void draw_row(const struct scene *s, size_t position, int y)
{
	const struct rect *r = &s->layout.table;
	const struct service *service = service_at(s->frame, position);
	struct rect line = { y, r->x, 1, r->width };
	auto_strbuf struct strbuf text = { 0 }, queue = { 0 };
	bool is_narrow = r->width < NARROW_COLUMNS;
	strbuf_addf(&text, "%-*.*s", is_narrow ? 2 : 10, is_narrow ? 1 : 10,
		    summary_severity(service->severity));
	int x = view_put_left(&line, 0, 0, strbuf_text(&text),
			      paint_of_severity(service->severity));
	put_queue(service, &queue);
	strbuf_reset(&text);
	strbuf_addf(&text, "%-*s%*s  ", is_narrow ? 16 : 22, service->listener_text,
		    is_narrow ? 8 : 9, strbuf_text(&queue));
	summary_put_owner(&s->frame->report, service, &text);
	if (service->process_count)
		strbuf_add(&text, "  ");
	summary_put_verdicts(service->verdicts, &text);
	view_put_left(&line, 0, x, strbuf_text(&text), PAINT_NORMAL);
}

/* Whose queue it is: with SO_REUSEPORT each worker has its own. */
static void put_listener_owner(const struct report *r, uint32_t row, struct strbuf *out)
{
	size_t count;
	const struct socket_owner *owners =
		snapshot_owners(r->snap, r->snap->sockets[row].inode, &count);
	for (size_t i = 0; i < count && i < 4; i++) {
		const struct process *p = &r->snap->processes[owners[i].process];
		strbuf_add(out, i ? ", " : "  of ");
		text_sanitize(out, p->comm, strlen(p->comm));
		strbuf_addf(out, "[%" PRId32 "]", p->pid);
	}
	if (count > 4)
		strbuf_addf(out, " and %zu more", count - 4);
}

static void add_listeners(struct page *page, const struct report *r,
			  const struct service *s)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[s->listeners[i]];
		char text[ENDPOINT_TEXT_SIZE];
		auto_strbuf struct strbuf line = { 0 };
		strbuf_addf(&line, "%s  queue %" PRIu32 "/%" PRIu32,
			    endpoint_print(&sk->local, sk->ip_version, sk->local_port,
					   text),
			    sk->recv_queue, sk->send_queue);
		if (sk->has & TCP_HAS_DROPS)
			strbuf_addf(&line, ", %" PRIu32 " dropped since it listens",
				    sk->drops);
		put_listener_owner(r, s->listeners[i], &line);
		page_add(page, i ? "" : "listeners", strbuf_text(&line), PAINT_NORMAL);
	}
}

static void add_processes(struct page *page, const struct report *r,
			  const struct service *s)
{
	for (size_t i = 0; i < s->process_count; i++) {
		const struct process *p = &r->snap->processes[s->processes[i]];
		auto_strbuf struct strbuf line = { 0 };
		text_sanitize(&line, p->comm, strlen(p->comm));
		strbuf_addf(&line, "[%" PRId32 "]", p->pid);
		if (p->fd_count >= 0 && p->fd_limit > 0)
			strbuf_addf(&line, ", %" PRId64 " of %" PRId64 " descriptors",
				    p->fd_count, p->fd_limit);
		if (p->wchan[0]) {
			strbuf_add(&line, ", sleeps in ");
			text_sanitize(&line, p->wchan, strlen(p->wchan));
		}
		page_add(page, i ? "" : "processes", strbuf_text(&line), PAINT_NORMAL);
	}
}

static void add_findings(struct page *page, const struct report *r, int32_t service)
{
	const char *label = "findings";
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		auto_strbuf struct strbuf line = { 0 };
		if (f->service != service)
			continue;
		strbuf_addf(&line, "%s: ", finding_table[f->kind].code);
		text_sanitize(&line, f->summary, strlen(f->summary));
		page_add(page, label, strbuf_text(&line),
			 paint_of_severity(f->severity));
		label = "";
	}
}

static void add_counts(struct page *page, const struct service *s)
{
	auto_strbuf struct strbuf line = { 0 };
	strbuf_addf(&line, "%" PRIu32 "%s", s->connection_count,
		    s->connection_count ? ": " : "");
	summary_put_verdicts(s->verdicts, &line);
	page_add(page, "connections", strbuf_text(&line), PAINT_NORMAL);
	strbuf_reset(&line);
	put_queue(s, &line);
	page_add(page, "accept queue", strbuf_text(&line), PAINT_NORMAL);
	strbuf_reset(&line);
	detection_put(&s->detection, &line);
	if (line.len)
		page_add(page, "dead peer", strbuf_text(&line), PAINT_NORMAL);
}

enum { PEERS_SHOWN = 10 };

/* They are ranked already. */
static void add_peers(struct page *page, const struct frame *f, int32_t service)
{
	size_t shown = 0, total = 0;
	for (size_t i = 0; i < f->peers.count; i++) {
		const struct peer_row *p = &f->peers.rows[i];
		auto_strbuf struct strbuf line = { 0 };
		if (p->service != service || total++ >= PEERS_SHOWN)
			continue;
		peer_put_name(p, &line);
		strbuf_addf(&line, "  %" PRIu32 " connection%s, %u.%u %%, worst %s",
			    p->count, p->count == 1 ? "" : "s", p->share / 10,
			    p->share % 10, verdict_table[p->sample.worst.verdict].code);
		page_add(page, shown++ ? "" : "peers", strbuf_text(&line),
			 PAINT_NORMAL);
	}
	if (total > shown) {
		auto_strbuf struct strbuf more = { 0 };
		strbuf_addf(&more, "and %zu more, see view 4", total - shown);
		page_add(page, "", strbuf_text(&more), PAINT_NORMAL);
	}
}

static bool write_page(const struct frame *frame, uint64_t id, struct page *out)
{
	const struct report *r = &frame->report;
	size_t position = view_find(&view_services, frame, id);
	if (position == VIEW_NOT_FOUND)
		return false;
	const struct service *s = service_at(frame, position);
	auto_strbuf struct strbuf title = { 0 };
	page_clear(out);
	strbuf_addf(&title, "%s  %s  ", summary_severity(s->severity),
		    s->listener_text);
	summary_put_owner(r, s, &title);
	page_set_title(out, strbuf_text(&title));
	add_findings(out, r, (int32_t)frame->services[position]);
	add_counts(out, s);
	if (s->stack)
		page_add(out, "software", s->stack, PAINT_NORMAL);
	add_listeners(out, r, s);
	add_processes(out, r, s);
	add_peers(out, frame, (int32_t)frame->services[position]);
	return true;
}

/* What to explain about a service is the worst that was found about it. */
static const char *worst_code(const struct report *r, uint32_t service)
{
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].service == (int32_t)service)
			return finding_table[r->findings[i].kind].code;
	return NULL;
}

static bool find_subject(const struct frame *f, uint64_t id, struct row_subject *out)
{
	size_t position = view_find(&view_services, f, id);
	if (position == VIEW_NOT_FOUND)
		return false;
	uint32_t index = f->services[position];
	*out = (struct row_subject){
		.has_json = true,
		.subject = { SUBJECT_SERVICE, index },
		.code = worst_code(&f->report, index),
		.stack = f->report.services[index].stack,
	};
	return true;
}

const struct view_ops view_services = {
	.name = "services",
	.empty = "nobody listens here",
	.count = count_rows,
	.id = row_id,
	.draw_heading = draw_heading,
	.draw_row = draw_row,
	.write_page = write_page,
	.subject = find_subject,
};
