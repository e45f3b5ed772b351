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

static void put_order(enum column sort, bool is_reversed, struct strbuf *out)
{
	strbuf_addf(out, "by %s%s", field_table[column_table[sort].field].heading,
		    is_reversed ? " reversed" : "");
}

void summary_put_waiting(const struct frame *f, const struct frame_order *wanted,
			 struct strbuf *out)
{
	if (frame_is_arranged(f, wanted))
		return;
	bool is_sorted_so =
		f->sort == wanted->sort && f->is_reversed == wanted->is_reversed;
	if (!is_sorted_so) {
		strbuf_add(out, "sorting ");
		put_order(wanted->sort, wanted->is_reversed, out);
	} else if (f->grouping.by == wanted->group_by) {
		strbuf_add(out, "filtering");
	} else if (wanted->group_by == GROUP_NONE) {
		strbuf_add(out, "ungrouping");
	} else {
		strbuf_addf(out, "grouping by %s", group_by_name(wanted->group_by));
	}
	strbuf_add(out, " ...");
}

void summary_put_order(const struct frame *f, struct strbuf *out)
{
	if (f->sort == COLUMN_VERDICT && !f->is_reversed)
		return;
	put_order(f->sort, f->is_reversed, out);
	strbuf_add(out, "  ");
}

void summary_put_pace(const struct frame *f, uint64_t interval_ms, struct strbuf *out)
{
	strbuf_add(out, "every ");
	put_duration(out, interval_ms * 1000000);
	strbuf_add(out, ", pass ");
	put_duration(out, f->snap.duration_ns);
}

static void put_speed(const struct summary_pace *pace, struct strbuf *out)
{
	if (!pace->interval_ms) {
		strbuf_addf(out, ", %s", replay_speed_name(pace->speed));
		return;
	}
	strbuf_add(out, ", every ");
	put_duration(out, replay_wait_ms(pace->interval_ms, pace->speed) * 1000000);
}

/* What there is less and less room for. */
enum { PART_ORDER = 1, PART_SPEED = 2, PART_DURATION = 4 };

static void put_parts(const struct frame *f, const struct replay_state *replay,
		      const struct summary_pace *pace, unsigned parts,
		      struct strbuf *out)
{
	if (parts & PART_ORDER)
		summary_put_order(f, out);
	replay_put_pass(replay, f->pass_number, out);
	if (parts & PART_DURATION) {
		strbuf_add(out, ", taken in ");
		put_duration(out, f->snap.duration_ns);
	}
	if (parts & PART_SPEED)
		put_speed(pace, out);
}

void summary_put_replay(const struct frame *f, const struct replay_state *replay,
			const struct summary_pace *pace, int columns,
			struct strbuf *out)
{
	static const unsigned parts[] = { PART_ORDER | PART_SPEED | PART_DURATION,
					  PART_ORDER | PART_SPEED, PART_SPEED, 0 };
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		auto_strbuf struct strbuf text = { 0 };
		put_parts(f, replay, pace, parts[i], &text);
		if ((int)text_width(strbuf_text(&text)) > columns)
			continue;
		strbuf_add(out, strbuf_text(&text));
		return;
	}
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
			const struct frame_order *wanted, struct strbuf *out)
{
	bool is_known = frame_is_filtered(f, wanted);
	put_filters(f->report.filter_text, live_filter, out);
	if (!is_known)
		strbuf_add(out, "? of ");
	else if (f->matching_count != f->connection_count)
		strbuf_addf(out, "%zu of ", f->matching_count);
	strbuf_addf(out, "%zu connection%s", f->connection_count,
		    f->connection_count == 1 ? "" : "s");
	if (!is_known)
		return;
	if (f->row_count < f->matching_count)
		strbuf_addf(out, " (%zu listed)", f->row_count);
	if (f->matching_count)
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

/* Asked for by the filter; without one, every listener would be. */
static bool is_asked_for(const struct report *r, const struct service *s)
{
	for (size_t i = 0; *r->filter_text && i < s->listener_count; i++)
		if (r->assessments[s->listeners[i]].is_selected)
			return true;
	return false;
}

static bool has_finding(const struct report *r, size_t service)
{
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].service == (int32_t)service)
			return true;
	return false;
}

/* The frame has its services worst first, the report its findings. */
static void add_services(struct summary *out, const struct frame *f)
{
	out->services = xcalloc(f->service_count + 1, sizeof(*out->services));
	for (size_t i = 0; i < f->service_count; i++) {
		uint32_t index = f->services[i];
		const struct service *s = &f->report.services[index];
		if (s->connection_count || has_finding(&f->report, index) ||
		    is_asked_for(&f->report, s))
			out->services[out->service_count++] = index;
	}
}

static void add_findings(struct summary *out, const struct report *r)
{
	out->findings = xcalloc(r->finding_count + 1, sizeof(*out->findings));
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].part_of == NO_INDEX)
			out->findings[out->finding_count++] = (uint32_t)i;
}

void summary_update(struct summary *out, const struct frame *f)
{
	summary_clear(out);
	if (!f)
		return;
	add_services(out, f);
	add_findings(out, &f->report);
}

void summary_clear(struct summary *summary)
{
	free(summary->services);
	free(summary->findings);
	*summary = (struct summary){ 0 };
}

void summary_put_owner(const struct report *r, const struct service *s,
		       struct strbuf *out)
{
	if (!s->process_count)
		return;
	const struct process *p = &r->snap->processes[s->processes[0]];
	put_outside(out, stack_is_program_name(s->stack) ? s->stack : p->comm);
	strbuf_addf(out, "[%" PRId32 "]", p->pid);
	if (s->process_count > 1)
		strbuf_addf(out, " +%zu", s->process_count - 1);
}

/* Which service, process and peer; nothing when it is about the host. */
static void put_subject(const struct report *r, const struct finding *f,
			struct strbuf *out)
{
	size_t before = out->len;
	if (f->service != NO_INDEX)
		strbuf_addf(out, " :%u", (unsigned)r->services[f->service].port);
	if (f->process != NO_INDEX) {
		const struct process *p = &r->snap->processes[f->process];
		strbuf_add_char(out, ' ');
		put_outside(out, p->comm);
		strbuf_addf(out, "[%" PRId32 "]", p->pid);
	}
	if (f->peer[0])
		strbuf_addf(out, " %s", f->peer);
	if (out->len > before)
		strbuf_add_char(out, ':');
}

void summary_put_finding(const struct report *r, const struct finding *f,
			 struct strbuf *out)
{
	strbuf_addf(out, "%s ", finding_table[f->kind].code);
	put_subject(r, f, out);
	strbuf_add_char(out, ' ');
	put_outside(out, f->summary);
}

const char *summary_severity(enum severity severity)
{
	static const char *const words[] = { "ok", "info", "WARNING", "CRITICAL" };
	return words[severity];
}
