/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"
#include "summary.h"

/* A finding that one pass does not have may be back in the next one. */
enum { MISSES_TO_CLOSE = 2, SAMPLE_MAX = 4, SERVICES_REMEMBERED = 1024 };

struct known_finding {
	uint64_t fingerprint;
	enum severity severity;
	enum finding_kind kind;
	uint32_t missed;
	bool is_seen;
	char *summary; /* sanitized where it is added to the log */
};

struct identity {
	int32_t pid;
	uint64_t start_ticks;
};

struct known_service {
	uint64_t id; /* netns << 16 | port */
	char name[ENDPOINT_TEXT_SIZE];
	/* Some are enough: when none of them is left, it was restarted. */
	uint64_t listeners[SAMPLE_MAX];
	size_t listener_count;
	struct identity owners[SAMPLE_MAX];
	size_t owner_count; /* 0 = not known */
	char *owner;        /* "uvicorn[4711] +3" */
	uint32_t missed;
	bool is_seen;
	uint64_t gone_ms;
};

static uint64_t now_ns(const struct follow_pass *pass)
{
	return pass->report->snap->realtime_ns;
}

/* -- findings -- */

static struct known_finding *find_finding(struct journal *j, uint64_t fingerprint)
{
	for (size_t i = 0; i < j->finding_count; i++)
		if (j->findings[i].fingerprint == fingerprint)
			return &j->findings[i];
	return NULL;
}

static void tell_finding(struct journal *j, const struct follow_pass *pass,
			 const struct known_finding *f, const char *what)
{
	auto_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%s %s: %s", finding_table[f->kind].code, what, f->summary);
	struct event *e =
		event_log_add(&j->log, EVENT_FINDING, now_ns(pass), strbuf_text(&text));
	e->subject = f->fingerprint;
	e->code = finding_table[f->kind].code;
	e->severity = f->severity;
}

static struct known_finding *add_known(struct journal *j, const struct finding *f)
{
	array_reserve(&j->findings, &j->finding_capacity, j->finding_count + 1,
		      sizeof(*j->findings));
	struct known_finding *known = &j->findings[j->finding_count++];
	*known = (struct known_finding){ .fingerprint = f->fingerprint,
					 .kind = f->kind,
					 .severity = f->severity,
					 .summary = xstrdup(f->summary) };
	return known;
}

static void note_finding(struct journal *j, const struct follow_pass *pass,
			 const struct finding *f)
{
	struct known_finding *known = find_finding(j, f->fingerprint);
	if (!known) {
		known = add_known(j, f);
		tell_finding(j, pass, known,
			     j->has_begun ? "opened" : "was there at the start");
	}
	known->is_seen = true;
	known->missed = 0;
	enum severity before = known->severity;
	known->severity = f->severity;
	free(known->summary);
	known->summary = xstrdup(f->summary);
	if (before != f->severity) {
		auto_strbuf struct strbuf what = { 0 };
		strbuf_addf(&what, "is %s now, was %s", summary_severity(f->severity),
			    summary_severity(before));
		tell_finding(j, pass, known, strbuf_text(&what));
	}
}

/* Kept as long as it may come back; a look that was cut short proves nothing. */
static bool keep_finding(struct journal *j, const struct follow_pass *pass,
			 struct known_finding *f)
{
	bool is_complete = pass->report->snap->is_complete;
	if (f->is_seen || !is_complete || ++f->missed < MISSES_TO_CLOSE) {
		f->is_seen = false;
		return true;
	}
	f->severity = SEVERITY_OK;
	tell_finding(j, pass, f, "closed");
	free(f->summary);
	return false;
}

static void update_findings(struct journal *j, const struct follow_pass *pass)
{
	const struct report *r = pass->report;
	size_t kept = 0;
	for (size_t i = 0; i < r->finding_count; i++)
		note_finding(j, pass, &r->findings[i]);
	for (size_t i = 0; i < j->finding_count; i++) {
		struct known_finding f = j->findings[i];
		if (keep_finding(j, pass, &f))
			j->findings[kept++] = f;
	}
	j->finding_count = kept;
}

/* -- services -- */

static uint64_t id_of(const struct service *s)
{
	return (uint64_t)s->netns << 16 | s->port;
}

static struct known_service *find_service(struct journal *j, uint64_t id)
{
	for (size_t i = 0; i < j->service_count; i++)
		if (j->services[i].id == id)
			return &j->services[i];
	return NULL;
}

static void remember_service(struct known_service *known, const struct report *r,
			     const struct service *s)
{
	auto_strbuf struct strbuf owner = { 0 };
	snprintf(known->name, sizeof(known->name), "%s", s->listener_text);
	known->listener_count = 0;
	for (size_t i = 0; i < s->listener_count && i < SAMPLE_MAX; i++)
		known->listeners[known->listener_count++] =
			r->snap->sockets[s->listeners[i]].cookie;
	if (!s->process_count)
		return;
	known->owner_count = 0;
	for (size_t i = 0; i < s->process_count && i < SAMPLE_MAX; i++) {
		const struct process *p = &r->snap->processes[s->processes[i]];
		known->owners[known->owner_count++] =
			(struct identity){ p->pid, p->start_ticks };
	}
	summary_put_owner(r, s, &owner);
	free(known->owner);
	known->owner = strbuf_steal(&owner);
}

static bool has_listener(const struct known_service *known, const struct snapshot *snap)
{
	for (size_t i = 0; i < known->listener_count; i++)
		if (snapshot_find(snap, known->listeners[i]))
			return true;
	return false;
}

static bool is_owned_by(const struct report *r, const struct service *s,
			const struct identity *who)
{
	for (size_t i = 0; i < s->process_count; i++) {
		const struct process *p = &r->snap->processes[s->processes[i]];
		if (p->pid == who->pid && p->start_ticks == who->start_ticks)
			return true;
	}
	return false;
}

static bool has_owner(const struct known_service *known, const struct report *r,
		      const struct service *s)
{
	for (size_t i = 0; i < known->owner_count; i++)
		if (is_owned_by(r, s, &known->owners[i]))
			return true;
	return false;
}

/*
 * What has become of it since the last look, NULL = nothing. Owners that cannot be
 * seen prove nothing.
 */
static const char *what_became(const struct known_service *known,
			       const struct report *r, const struct service *s)
{
	bool are_owners_known = known->owner_count && s->process_count;
	if (are_owners_known && !has_owner(known, r, s))
		return "was restarted";
	if (has_listener(known, r->snap))
		return NULL;
	return are_owners_known ? "listens anew, the same process"
				: "listens anew, was perhaps restarted";
}

static void tell_service(struct journal *j, const struct follow_pass *pass,
			 const struct known_service *s, enum severity severity,
			 const char *what)
{
	auto_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%s %s", s->name, what);
	struct event *e =
		event_log_add(&j->log, EVENT_SERVICE, now_ns(pass), strbuf_text(&text));
	e->subject = s->id;
	e->severity = severity;
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

static void tell_new_service(struct journal *j, const struct follow_pass *pass,
			     const struct known_service *known)
{
	auto_strbuf struct strbuf what = { 0 };
	if (!j->has_begun)
		return;
	strbuf_addf(&what, "is listened on now  %s", text_or_empty(known->owner));
	tell_service(j, pass, known, SEVERITY_OK, strbuf_text(&what));
}

/* `known` is how it is now. */
static void tell_restart(struct journal *j, const struct follow_pass *pass,
			 const struct known_service *known, const char *how,
			 const char *owner_before)
{
	char away[FORMAT_SIZE];
	auto_strbuf struct strbuf what = { 0 };
	strbuf_add(&what, how);
	if (known->gone_ms)
		strbuf_addf(&what, ", nobody listened for about %s",
			    duration_print(pass->report->snap->monotonic_ms -
						   known->gone_ms,
					   away));
	if (known->owner)
		strbuf_addf(&what, "; is %s", known->owner);
	if (known->owner && *owner_before && strcmp(known->owner, owner_before) != 0)
		strbuf_addf(&what, ", was %s", owner_before);
	tell_service(j, pass, known, SEVERITY_INFO, strbuf_text(&what));
}

static void note_service(struct journal *j, const struct follow_pass *pass,
			 const struct service *s)
{
	const struct report *r = pass->report;
	struct known_service *known = find_service(j, id_of(s));
	bool is_new = !known;
	if (is_new) {
		array_reserve(&j->services, &j->service_capacity, j->service_count + 1,
			      sizeof(*j->services));
		known = &j->services[j->service_count++];
		*known = (struct known_service){ .id = id_of(s) };
	}
	const char *how = is_new ? NULL : what_became(known, r, s);
	auto_free char *before = xstrdup(text_or_empty(known->owner));
	remember_service(known, r, s);
	if (is_new)
		tell_new_service(j, pass, known);
	else if (how)
		tell_restart(j, pass, known, how, before);
	known->is_seen = true;
	known->missed = 0;
	known->gone_ms = 0;
}

static void miss_service(struct journal *j, const struct follow_pass *pass,
			 struct known_service *s)
{
	if (s->missed++ == 0)
		s->gone_ms = pass->report->snap->monotonic_ms;
	if (s->missed != MISSES_TO_CLOSE)
		return;
	auto_strbuf struct strbuf what = { 0 };
	strbuf_addf(&what, "has gone: nobody listens there any more%s%s",
		    s->owner ? "; was " : "", text_or_empty(s->owner));
	tell_service(j, pass, s, SEVERITY_WARNING, strbuf_text(&what));
}

/* One that has gone is remembered, since it may come back: that is a restart. */
static void update_services(struct journal *j, const struct follow_pass *pass)
{
	const struct report *r = pass->report;
	size_t kept = 0;
	for (size_t i = 0; i < r->service_count; i++)
		note_service(j, pass, &r->services[i]);
	for (size_t i = 0; i < j->service_count; i++) {
		struct known_service *s = &j->services[i];
		if (!s->is_seen && r->snap->is_complete)
			miss_service(j, pass, s);
		bool is_kept = s->is_seen || j->service_count <= SERVICES_REMEMBERED;
		s->is_seen = false;
		if (is_kept)
			j->services[kept++] = *s;
		else
			free(s->owner);
	}
	j->service_count = kept;
}

/* -- what is only counted -- */

/* "12 sockets opened, 3 ended since 12:00:01": one event while nothing else happens. */
static void update_traffic(struct journal *j, const struct follow_pass *pass)
{
	size_t opened = history_new_count(pass->past);
	size_t known = history_count(pass->past);
	size_t before = j->known_count + opened;
	size_t closed = before > known ? before - known : 0;
	auto_strbuf struct strbuf text = { 0 };
	j->known_count = known;
	if (!j->has_begun || (!opened && !closed))
		return;
	bool is_going_on = j->traffic_event && j->traffic_event == j->log.total;
	struct event *e = is_going_on ? event_log_newest(&j->log) : NULL;
	if (!e) {
		j->opened = j->closed = 0;
		e = event_log_add(&j->log, EVENT_TRAFFIC, now_ns(pass), "");
		j->traffic_event = j->log.total;
	}
	j->opened += opened;
	j->closed += closed;
	strbuf_addf(&text, "%" PRIu64 " socket%s appeared, %" PRIu64 " ended",
		    j->opened, j->opened == 1 ? "" : "s", j->closed);
	event_set_text(e, strbuf_text(&text));
	e->realtime_ns = now_ns(pass);
}

/* -- the whole -- */

static void tell_failures(struct journal *j, const struct follow_pass *pass)
{
	auto_strbuf struct strbuf text = { 0 };
	if (!j->failure_count)
		return;
	strbuf_addf(&text, "%zu look%s failed: %s", j->failure_count,
		    j->failure_count == 1 ? "" : "s", strbuf_text(&j->failure));
	event_log_add(&j->log, EVENT_ERROR, now_ns(pass), strbuf_text(&text))
		->severity = SEVERITY_WARNING;
	j->failure_count = 0;
	strbuf_reset(&j->failure);
}

static void forget_findings(struct journal *j)
{
	for (size_t i = 0; i < j->finding_count; i++)
		free(j->findings[i].summary);
	j->finding_count = 0;
}

static void forget_services(struct journal *j)
{
	for (size_t i = 0; i < j->service_count; i++)
		free(j->services[i].owner);
	j->service_count = 0;
}

/* The present is the past again: what is known is not known yet. */
static void begin_again(struct journal *j)
{
	forget_findings(j);
	forget_services(j);
	followers_reset(&j->followers);
	j->has_begun = false;
	j->traffic_event = 0;
}

static void tell_begin(struct journal *j, const struct follow_pass *pass)
{
	auto_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%s: %zu connection%s, %zu service%s",
		    j->log.total ? "the time was moved back" : "watch began",
		    pass->row_count, pass->row_count == 1 ? "" : "s",
		    pass->report->service_count,
		    pass->report->service_count == 1 ? "" : "s");
	event_log_add(&j->log, EVENT_WATCH, now_ns(pass), strbuf_text(&text));
}

void journal_update(struct journal *j, const struct follow_pass *pass)
{
	uint64_t now_ms = pass->report->snap->monotonic_ms;
	if (j->has_begun && now_ms < j->last_ms)
		begin_again(j);
	j->last_ms = now_ms;
	if (!j->has_begun)
		tell_begin(j, pass);
	tell_failures(j, pass);
	update_traffic(j, pass);
	update_services(j, pass);
	followers_update(&j->followers, pass, &j->log);
	update_findings(j, pass);
	j->has_begun = true;
}

void journal_fail(struct journal *j, const char *reason)
{
	j->failure_count++;
	strbuf_reset(&j->failure);
	strbuf_add(&j->failure, reason);
}

void journal_clear(struct journal *j)
{
	event_log_clear(&j->log);
	followers_clear(&j->followers);
	forget_findings(j);
	forget_services(j);
	free(j->findings);
	free(j->services);
	strbuf_clear(&j->failure);
	*j = (struct journal){ 0 };
}
