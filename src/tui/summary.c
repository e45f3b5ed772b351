/* SPDX-License-Identifier: MIT */
#include "summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

static void put_outside(struct strbuf *out, const char *text)
{
	text_sanitize(out, text, strlen(text));
}

void summary_put_title(const struct frame *f, struct strbuf *out)
{
	time_t seconds = (time_t)(f->snap.realtime_ns / 1000000000);
	struct tm tm;
	char text[32];
	put_outside(out, f->snap.host);
	if (localtime_r(&seconds, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		strbuf_addf(out, "  %s", text);
}

/* Round seconds without a decimal, short times with one: `2s`, `0.4ms`. */
static void put_duration(struct strbuf *out, uint64_t ns)
{
	char text[FORMAT_SIZE];
	uint64_t ms = ns / 1000000;
	if (ms < 10)
		strbuf_addf(out, "%" PRIu64 ".%" PRIu64 "ms", ms, ns / 100000 % 10);
	else if (ms < 10000 && ms % 1000 == 0)
		strbuf_addf(out, "%" PRIu64 "s", ms / 1000);
	else
		strbuf_add(out, duration_print(ms, text));
}

void summary_put_pace(const struct frame *f, uint64_t interval_ms, struct strbuf *out)
{
	if (f->sort != COLUMN_VERDICT || f->is_reversed)
		strbuf_addf(out, "by %s%s  ",
			    field_table[column_table[f->sort].field].heading,
			    f->is_reversed ? " reversed" : "");
	strbuf_add(out, "every ");
	put_duration(out, interval_ms * 1000000);
	strbuf_add(out, ", pass ");
	put_duration(out, f->snap.duration_ns);
}

void summary_put_verdicts(const uint32_t verdicts[VERDICT_COUNT], struct strbuf *out)
{
	const char *separator = "";
	for (size_t i = 0; i < VERDICT_COUNT; i++) {
		if (!verdicts[i] || i == VERDICT_LISTENING)
			continue;
		strbuf_addf(out, "%s%" PRIu32 " %s", separator, verdicts[i],
			    verdict_table[i].code);
		separator = ", ";
	}
}

static void put_operand(const char *text, bool is_one_of_two, struct strbuf *out)
{
	bool is_either = is_one_of_two && (strstr(text, " or ") || strchr(text, '|'));
	strbuf_add(out, is_either ? "(" : "");
	put_outside(out, text);
	strbuf_add(out, is_either ? ")" : "");
}

/* Both must match: so it reads as one expression. */
static void put_filters(const char *base, const char *live, struct strbuf *out)
{
	if (!*base && !*live)
		return;
	bool are_two = *base && *live;
	strbuf_add(out, "filter ");
	put_operand(base, are_two, out);
	strbuf_add(out, are_two ? " and " : "");
	put_operand(live, are_two, out);
	strbuf_add(out, "  ");
}

void summary_put_counts(const struct frame *f, const char *live_filter,
			struct strbuf *out)
{
	put_filters(f->report.filter_text, live_filter, out);
	if (f->row_count != f->connection_count)
		strbuf_addf(out, "%zu of ", f->row_count);
	strbuf_addf(out, "%zu connection%s", f->connection_count,
		    f->connection_count == 1 ? "" : "s");
	if (f->row_count)
		strbuf_add(out, ": ");
	summary_put_verdicts(f->verdicts, out);
}

void summary_put_notice(const struct frame *f, const struct collector_status *status,
			struct strbuf *out)
{
	if (status->error.code != ERROR_NONE) {
		strbuf_add(out, "error: ");
		put_outside(out, status->error.text);
		strbuf_add(out, "  ");
	}
	for (size_t i = 0; f && i < f->snap.degraded_count; i++) {
		strbuf_add(out, i ? "; " : "not seen: ");
		put_outside(out, f->snap.degraded[i].what);
		strbuf_add(out, " (");
		put_outside(out, f->snap.degraded[i].why);
		strbuf_add_char(out, ')');
	}
}

/* Findings are worst first. */
static const struct finding *worst_of(const struct report *r, size_t service)
{
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].service == (int32_t)service)
			return &r->findings[i];
	return NULL;
}

static int compare_lines(const void *a, const void *b)
{
	const struct summary_line *x = a, *y = b;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	/* As the report has them; services stand before the rest. */
	if (!x->service != !y->service)
		return x->service ? -1 : 1;
	if (x->service)
		return (x->service > y->service) - (x->service < y->service);
	return (x->finding > y->finding) - (x->finding < y->finding);
}

/* Asked for by the filter; without one, every listener would be. */
static bool is_asked_for(const struct report *r, const struct service *s)
{
	for (size_t i = 0; *r->filter_text && i < s->listener_count; i++)
		if (r->assessments[s->listeners[i]].is_selected)
			return true;
	return false;
}

size_t summary_lines(const struct frame *f, struct summary_line **out)
{
	const struct report *r = &f->report;
	size_t count = 0;
	struct summary_line *lines =
		xcalloc(r->service_count + r->finding_count, sizeof(*lines));
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		const struct finding *worst = worst_of(r, i);
		if (worst || s->connection_count || is_asked_for(r, s))
			lines[count++] = (struct summary_line){ s, worst, s->severity };
	}
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *finding = &r->findings[i];
		if (finding->service == NO_INDEX)
			lines[count++] = (struct summary_line){ NULL, finding,
								finding->severity };
	}
	qsort(lines, count, sizeof(*lines), compare_lines);
	*out = lines;
	return count;
}

void summary_put_owner(const struct report *r, const struct service *s,
		       struct strbuf *out)
{
	if (!s->process_count)
		return;
	const struct process *p = &r->snap->processes[s->processes[0]];
	put_outside(out, s->stack ? s->stack : p->comm);
	strbuf_addf(out, "[%" PRId32 "]", p->pid);
	if (s->process_count > 1)
		strbuf_addf(out, " +%zu", s->process_count - 1);
}

static void put_service(const struct frame *f, const struct summary_line *line,
			struct strbuf *out)
{
	const struct service *s = line->service;
	strbuf_add(out, s->listener_text);
	if (s->listener_count > 1)
		strbuf_addf(out, " +%zu", s->listener_count - 1);
	if (s->process_count)
		strbuf_add_char(out, ' ');
	summary_put_owner(&f->report, s, out);
	strbuf_addf(out, "  queue %" PRIu64 "/%" PRIu64, s->accept_queue_count,
		    s->accept_queue_limit);
	if (line->finding) {
		strbuf_add(out, "  ");
		put_outside(out, line->finding->summary);
	}
	strbuf_add(out, "  ");
	summary_put_verdicts(s->verdicts, out);
}

const char *summary_severity(enum severity severity)
{
	static const char *const words[] = { "ok", "info", "WARNING", "CRITICAL" };
	return words[severity];
}

void summary_put_line(const struct frame *f, const struct summary_line *line,
		      struct strbuf *out)
{
	strbuf_addf(out, "%-8s  ", summary_severity(line->severity));
	if (line->service)
		put_service(f, line, out);
	else
		put_outside(out, line->finding->summary);
}
