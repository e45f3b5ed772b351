/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/policy.h"
#include "state_parts.h"

/*
 * A finding opens when it has lasted, and closes when it was not seen for a while,
 * so that a run each minute does not raise and clear an alarm each minute. What
 * was not looked at (another filter, a rule that could not be asked, a pass that is
 * incomplete) neither opens nor closes.
 */

/* An episode of a filter that nobody uses any more. */
enum { FORGET_AFTER_MS = 24 * 3600 * 1000 };

/* The time of a check, of its own section of the configuration or the limit. */
static uint64_t check_time(const struct report *r, enum finding_kind kind,
			   enum check_key key, enum limit_id limit)
{
	const struct declared *own =
		r->policy ? &r->policy->checks[kind].values[key] : NULL;
	return own && own->is_set ? own->value : r->limits->value[limit];
}

static uint64_t open_for_ms(const struct report *r, enum finding_kind kind)
{
	return check_time(r, kind, CHECK_FOR, LIMIT_OPEN_FOR);
}

static uint64_t close_after_ms(const struct report *r, enum finding_kind kind)
{
	return check_time(r, kind, CHECK_RECOVER, LIMIT_CLOSE_AFTER);
}

static struct episode *find(struct episodes *all, uint64_t fingerprint, uint64_t filter)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].fingerprint == fingerprint &&
		    all->items[i].filter == filter)
			return &all->items[i];
	return NULL;
}

static struct episode *begin(struct episodes *all, const struct finding *f,
			     uint64_t filter, uint64_t now_ms)
{
	struct episode *e = episodes_add(all);
	e->fingerprint = f->fingerprint;
	e->filter = filter;
	e->kind = f->kind;
	e->first_ms = e->since_ms = now_ms;
	return e;
}

/* What is shown of it when it is not seen any more. */
static void describe(struct episode *e, const struct report *r, const struct finding *f)
{
	e->severity = f->severity;
	e->confidence = f->confidence;
	e->acts = f->acts;
	e->port = f->service == NO_INDEX ? 0 : r->services[f->service].port;
	memcpy(e->peer, f->peer, sizeof(e->peer));
	finding_listener_print(r, f, e->listener);
	free(e->summary);
	e->summary = xstrdup(f->summary ? f->summary : "");
}

static bool is_count(const struct finding *f)
{
	return f->unit && strcmp(f->unit, "{connection}") == 0 && f->value >= 0 &&
	       f->value < 1e12;
}

static void see(struct episode *e, const struct report *r, const struct finding *f)
{
	uint64_t now_ms = r->snap->monotonic_ms;
	if (e->is_recovering)
		e->since_ms = now_ms;
	e->is_recovering = false;
	/* The findings come worst first. */
	if (e->seen_count == 0)
		describe(e, r, f);
	e->value = e->seen_count++ == 0 && is_count(f) ? f->value : NAN;
	e->last_ms = now_ms;
}

/* Seen in each run for longer than the connections of today tell. */
static void extend_since(struct finding *f, uint64_t seen_ms)
{
	uint64_t seen_cs = seen_ms / 10;
	bool is_known = f->since_cs != ASSESSMENT_SINCE_UNKNOWN;
	if (seen_cs == 0 || seen_cs >= UINT32_MAX ||
	    (is_known && f->since_cs >= seen_cs))
		return;
	f->since_cs = (uint32_t)seen_cs;
	f->is_since_exact = false;
}

static void say_pending(struct finding *f, uint64_t open_for_ms)
{
	char limit[FORMAT_SIZE];
	if (f->evidence_count == FINDING_EVIDENCE_MAX)
		return;
	f->evidence[f->evidence_count++] = xasprintf(
		"pending: %s when it has lasted %s", severity_name(f->full_severity),
		duration_print(open_for_ms, limit));
}

static void set_phase(struct finding *f, struct episode *e, uint64_t open_for_ms)
{
	bool is_known = f->since_cs != ASSESSMENT_SINCE_UNKNOWN;
	uint64_t lasted_ms = is_known ? f->since_cs * 10ULL : 0;
	f->first_seen_ms = e->first_ms;
	if (lasted_ms >= open_for_ms)
		e->is_open = true;
	if (e->is_open)
		return;
	f->phase = PHASE_PENDING;
	f->full_severity = f->severity;
	if (f->severity > SEVERITY_INFO)
		f->severity = SEVERITY_INFO;
	say_pending(f, open_for_ms);
}

static void follow_finding(struct episodes *all, struct report *r, size_t i,
			   uint64_t filter)
{
	uint64_t now_ms = r->snap->monotonic_ms;
	struct finding *f = &r->findings[i];
	struct episode *e = find(all, f->fingerprint, filter);
	if (!e)
		e = begin(all, f, filter, now_ms);
	see(e, r, f);
	extend_since(f, now_ms - e->since_ms);
	set_phase(f, e, open_for_ms(r, f->kind));
}

static void say_growth(const struct report *r, struct finding *f,
		       const struct episode *e)
{
	char gap[FORMAT_SIZE];
	double grown = e->value - e->value_before;
	f->has_value_before = true;
	f->value_before = e->value_before;
	if (!(fabs(grown) >= 1) || f->evidence_count == FINDING_EVIDENCE_MAX)
		return;
	f->evidence[f->evidence_count++] = xasprintf(
		"%.0f %s than in the last run, %s ago", fabs(grown),
		grown > 0 ? "more" : "fewer", duration_print(r->memory_gap_ms, gap));
}

/* Only of findings that are alone with their fingerprint, in both runs. */
static void compare_counts(struct episodes *all, struct report *r, uint64_t filter)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		struct finding *f = &r->findings[i];
		const struct episode *e = find(all, f->fingerprint, filter);
		if (e && !isnan(e->value) && !isnan(e->value_before))
			say_growth(r, f, e);
	}
}

/* The run before this one saw it, or not. */
static void turn_page(struct episode *e)
{
	e->value_before = e->is_recovering ? NAN : e->value;
	e->value = NAN;
	e->seen_count = 0;
}

/* Whether this run could have seen it. */
static bool is_looked_at(const struct episode *e, const struct report *r)
{
	for (size_t i = 0; i < r->unknown_count; i++)
		if (r->unknown[i].kind == e->kind && !r->unknown[i].is_partial)
			return false;
	return r->snap->is_complete;
}

/* The service of the same listener; NO_INDEX when it is gone. */
static int32_t service_of(const struct report *r, const struct episode *e)
{
	for (size_t i = 0; e->port && i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		if (s->port == e->port && s->listener_count &&
		    strcmp(s->listener_text, e->listener) == 0)
			return (int32_t)i;
	}
	return NO_INDEX;
}

static void list_recovering(const struct episode *e, struct report *r, bool is_looked)
{
	enum { SUMMARY_SIZE = 121 };
	char age[FORMAT_SIZE], limit[FORMAT_SIZE], summary[SUMMARY_SIZE];
	struct finding *f = findings_add(r, e->kind);
	f->phase = PHASE_RECOVERING;
	f->severity = f->full_severity = e->severity;
	f->confidence = e->confidence;
	f->acts = e->acts;
	f->fingerprint = e->fingerprint;
	f->first_seen_ms = e->first_ms;
	f->service = service_of(r, e);
	if (f->service != NO_INDEX)
		f->listener = (int32_t)r->services[f->service].listeners[0];
	memcpy(f->peer, e->peer, sizeof(f->peer));
	snprintf(summary, sizeof(summary), "recovering: %s", e->summary);
	f->summary = xstrdup(summary);
	duration_print(r->snap->monotonic_ms - e->last_ms, age);
	duration_print(close_after_ms(r, e->kind), limit);
	f->evidence[f->evidence_count++] =
		is_looked ? xasprintf("not seen for %s; closes after %s", age, limit)
			  : xasprintf("last seen %s ago; this run could not look", age);
}

/* False when it is over. */
static bool follow_unseen(struct episode *e, struct report *r)
{
	uint64_t unseen_ms = r->snap->monotonic_ms - e->last_ms;
	bool is_looked = is_looked_at(e, r);
	/* The report says that it is switched off; it will not be seen to end. */
	if (r->policy && !check_is_enabled(&r->policy->checks[e->kind]))
		return false;
	/* An observation raises no alarm, so it needs no calming either. */
	if (!e->is_open || e->severity < SEVERITY_WARNING)
		return !is_looked;
	if (is_looked && unseen_ms >= close_after_ms(r, e->kind))
		return false;
	list_recovering(e, r, is_looked);
	e->is_recovering = true;
	return true;
}

static bool is_kept(struct episode *e, struct report *r, uint64_t filter)
{
	if (e->filter != filter)
		return r->snap->monotonic_ms - e->last_ms < FORGET_AFTER_MS;
	return e->seen_count || follow_unseen(e, r);
}

void episodes_follow(struct episodes *all, struct report *r, uint64_t filter)
{
	size_t kept = 0, seen = r->finding_count;
	for (size_t i = 0; i < all->count; i++)
		turn_page(&all->items[i]);
	for (size_t i = 0; i < seen; i++)
		follow_finding(all, r, i, filter);
	compare_counts(all, r, filter);
	for (size_t i = 0; i < all->count; i++) {
		struct episode e = all->items[i];
		if (is_kept(&e, r, filter))
			all->items[kept++] = e;
		else
			free(e.summary);
	}
	all->count = kept;
	findings_arrange(r);
}
