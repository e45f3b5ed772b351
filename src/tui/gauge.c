/* SPDX-License-Identifier: MIT */
#include "gauge.h"

#include <inttypes.h>
#include <string.h>

#include "conn-doctor/fields.h"
#include "conn-doctor/format.h"
#include "summary.h"

/* A supervisor started others that listen too; it accepts nothing. */
static bool is_supervisor(const struct report *r, const struct service *s, size_t index)
{
	int32_t pid = r->snap->processes[s->processes[index]].pid;
	for (size_t i = 0; i < s->process_count; i++)
		if (r->snap->processes[s->processes[i]].ppid == pid)
			return true;
	return false;
}

/* The share of its descriptors that a process uses, -1 when it is not known. */
static double fd_share(int64_t count, int64_t limit)
{
	return count < 0 || limit <= 0 ? -1 : (double)count / (double)limit;
}

static void measure_processes(const struct report *r, const struct service *s,
			      struct service_gauge *g)
{
	for (size_t i = 0; i < s->process_count; i++) {
		const struct process *p = &r->snap->processes[s->processes[i]];
		g->worker_count += !is_supervisor(r, s, i);
		if (fd_share(p->fd_count, p->fd_limit) >
		    fd_share(g->fd_count, g->fd_limit)) {
			g->fd_count = p->fd_count;
			g->fd_limit = p->fd_limit;
			g->fd_process = s->processes[i];
		}
	}
}

/* The kernel lets in one more than the limit, and then no more. */
static enum severity queue_severity(const struct report *r, uint64_t count,
				    uint64_t limit)
{
	if (count > limit)
		return SEVERITY_CRITICAL;
	uint64_t share = r->limits->value[LIMIT_ACCEPT_QUEUE_SHARE];
	return count && count * 1000 >= limit * share ? SEVERITY_WARNING : SEVERITY_OK;
}

/* Each worker may have a listener of its own: the sum would hide a full one. */
static void measure_queues(const struct report *r, const struct service *s,
			   struct service_gauge *g)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[s->listeners[i]];
		uint64_t count = sk->recv_queue, limit = sk->send_queue;
		if (i &&
		    count * (g->queue_limit + 1ULL) <= g->queue_count * (limit + 1))
			continue;
		g->queue_count = sk->recv_queue;
		g->queue_limit = sk->send_queue;
		g->queue_severity = queue_severity(r, count, limit);
	}
}

/* The client is still there and waits for the application. */
static bool is_waiting(const struct assessment *a)
{
	return a->verdict == VERDICT_UNREAD || a->verdict == VERDICT_QUEUED ||
	       a->verdict == VERDICT_SLOW_RESPONSE;
}

static void note_waiting(const struct assessment *a, struct service_gauge *g)
{
	bool is_known = a->since_cs != ASSESSMENT_SINCE_UNKNOWN;
	bool is_first = g->waiting_cs == ASSESSMENT_SINCE_UNKNOWN;
	if (!is_waiting(a) || !is_known || (!is_first && a->since_cs <= g->waiting_cs))
		return;
	g->waiting_cs = a->since_cs;
	g->is_waiting_exact = a->is_since_exact;
}

static void measure_connections(const struct report *r, struct service_gauge *out)
{
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct assessment *a = &r->assessments[i];
		const struct service *s;
		if (!a->is_selected || a->role != ROLE_SERVER)
			continue;
		if (r->snap->sockets[i].state == TCP_STATE_LISTEN ||
		    !(s = report_service_of(r, (uint32_t)i)))
			continue;
		struct service_gauge *g = &out[s - r->services];
		g->severities[field_row_severity(a)]++;
		note_waiting(a, g);
	}
}

void gauges_measure(const struct report *r, struct service_gauge *out)
{
	for (size_t i = 0; i < r->service_count; i++) {
		out[i] = (struct service_gauge){
			.waiting_cs = ASSESSMENT_SINCE_UNKNOWN,
			.fd_count = -1,
			.fd_limit = -1,
			.fds_end_in_ms = DERIVED_UNKNOWN,
		};
		measure_processes(r, &r->services[i], &out[i]);
		measure_queues(r, &r->services[i], &out[i]);
	}
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		if (f->kind == FINDING_STUCK_WORKER && f->service != NO_INDEX)
			out[f->service].stuck_count++;
	}
	measure_connections(r, out);
}

void gauge_foresee(const struct report *r, struct service_gauge *g)
{
	if (g->fd_count >= 0)
		g->fds_end_in_ms = descriptors_end_in_ms(r, g->fd_process);
}

char gauge_letter(enum severity severity)
{
	return ".IWC"[severity];
}

static void write_name(const struct report *r, const struct service *s,
		       struct strbuf *out)
{
	strbuf_add(out, s->listener_text);
	if (s->listener_count > 1)
		strbuf_addf(out, " +%zu", s->listener_count - 1);
	if (s->process_count)
		strbuf_add_char(out, ' ');
	summary_put_owner(r, s, out);
}

static bool is_unknown(const struct report *r, enum finding_kind kind)
{
	for (size_t i = 0; i < r->unknown_count; i++)
		if (r->unknown[i].kind == kind)
			return true;
	return false;
}

/* "stuck 1/4"; what could not be asked is `?`, not 0. */
static void write_stuck(const struct report *r, const struct service_gauge *g,
			struct gauge_text *out)
{
	if (!g->stuck_count && !g->worker_count)
		return;
	strbuf_add(&out->text, "stuck ");
	if (!g->stuck_count && is_unknown(r, FINDING_STUCK_WORKER))
		strbuf_add_char(&out->text, '?');
	else
		strbuf_addf(&out->text, "%" PRIu32, g->stuck_count);
	if (g->worker_count)
		strbuf_addf(&out->text, "/%" PRIu32, g->worker_count);
	else
		strbuf_add(&out->text, "/?");
	if (g->stuck_count)
		out->paint = PAINT_CRITICAL;
}

static void write_waiting(const struct service_gauge *g, bool use_utf8,
			  struct gauge_text *out)
{
	char text[FORMAT_SIZE];
	const char *at_least = use_utf8 ? "\u2265 " : ">=";
	if (g->waiting_cs == ASSESSMENT_SINCE_UNKNOWN)
		return;
	strbuf_addf(&out->text, "oldest %s%s", g->is_waiting_exact ? "" : at_least,
		    duration_print(g->waiting_cs * 10ULL, text));
}

static enum severity worst_finding(const struct report *r, const struct service *s,
				   enum finding_kind kind)
{
	enum severity worst = SEVERITY_OK;
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		if (f->kind == kind && f->service == (int32_t)(s - r->services) &&
		    f->severity > worst)
			worst = f->severity;
	}
	return worst;
}

static enum paint paint_unless_ok(enum severity severity)
{
	return severity == SEVERITY_OK ? PAINT_NORMAL : paint_of_severity(severity);
}

static void write_fds(const struct report *r, const struct service *s,
		      const struct service_gauge *g, struct gauge_text *out)
{
	char text[FORMAT_SIZE];
	if (g->fd_count < 0)
		return;
	strbuf_addf(&out->text, "fds %" PRId64 "/%" PRId64, g->fd_count, g->fd_limit);
	if (g->fds_end_in_ms >= 0)
		strbuf_addf(&out->text, ", full in about %s",
			    duration_print((uint64_t)g->fds_end_in_ms, text));
	out->paint = paint_unless_ok(worst_finding(r, s, FINDING_FD_EXHAUSTION));
}

static void write_severity(enum severity severity, bool is_short,
			   struct gauge_text *out)
{
	out->paint = paint_of_severity(severity);
	if (is_short)
		strbuf_add_char(&out->text, gauge_letter(severity));
	else
		strbuf_add(&out->text, summary_severity(severity));
}

void gauge_write(const struct report *r, const struct service *s,
		 const struct service_gauge *g, const struct gauge_style *style,
		 struct gauge_texts *out)
{
	struct gauge_text *cells = out->cells;
	write_severity(s->severity, style->is_short, &cells[GAUGE_SEVERITY]);
	write_name(r, s, &cells[GAUGE_NAME].text);
	cells[GAUGE_NAME].paint = PAINT_TITLE;
	write_stuck(r, g, &cells[GAUGE_STUCK]);
	cells[GAUGE_QUEUE_BAR].paint = cells[GAUGE_QUEUE].paint =
		paint_unless_ok(g->queue_severity);
	strbuf_addf(&cells[GAUGE_QUEUE].text, "%" PRIu32 "/%" PRIu32, g->queue_count,
		    g->queue_limit);
	write_waiting(g, style->use_utf8, &cells[GAUGE_WAITING]);
	write_fds(r, s, g, &cells[GAUGE_FDS]);
	summary_put_verdicts(s->verdicts, &cells[GAUGE_VERDICTS].text);
}

void gauge_texts_clear(struct gauge_texts *texts)
{
	for (size_t i = 0; i < GAUGE_CELL_COUNT; i++)
		strbuf_clear(&texts->cells[i].text);
}
