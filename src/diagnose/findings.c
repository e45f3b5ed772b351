/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "rules.h"

/*
 * Findings speak about groups: connections with related verdicts of one service
 * and one process. First the complaints are sorted into groups, then each kind
 * of finding looks at its groups and words what it sees. What belongs to a
 * stuck worker is told by that finding; the others then say they are part of it.
 */

static int compare_findings(const void *a, const void *b, void *ptr)
{
	const struct report *r = ptr;
	const struct finding *x = a, *y = b;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	/* What another finding tells comes after the one that tells it. */
	if ((x->part_of == NO_INDEX) != (y->part_of == NO_INDEX))
		return x->part_of == NO_INDEX ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	int port_x = x->service == NO_INDEX ? -1 : r->services[x->service].port;
	int port_y = y->service == NO_INDEX ? -1 : r->services[y->service].port;
	if (port_x != port_y)
		return port_x < port_y ? -1 : 1;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	int order = strcmp(x->peer, y->peer);
	return order ? order : strcmp(x->summary, y->summary);
}

/* Which kinds are told by which, when both are about one service. */
static const struct {
	enum finding_kind part, story;
} stories[] = {
	{ FINDING_ACCEPT_QUEUE_FULL, FINDING_STUCK_WORKER },
	{ FINDING_QUEUE_ABANDONED, FINDING_STUCK_WORKER },
	{ FINDING_SLOW_RESPONSE, FINDING_STUCK_WORKER },
	{ FINDING_CONNECT_STUCK, FINDING_STUCK_WORKER },
	{ FINDING_CONNECT_STUCK, FINDING_ACCEPT_QUEUE_FULL },
	{ FINDING_HEARTBEAT_MISSED, FINDING_STUCK_WORKER },
	{ FINDING_HALF_OPEN_SUSPECT, FINDING_HEARTBEAT_MISSED },
	{ FINDING_KEEPALIVE_MISSING, FINDING_HEARTBEAT_MISSED },
	{ FINDING_KEEPALIVE_MISSING, FINDING_HALF_OPEN_SUSPECT },
};

static bool has_process(const struct report *r, int32_t service, int32_t process)
{
	if (service == NO_INDEX)
		return false;
	const struct service *s = &r->services[service];
	for (size_t i = 0; i < s->process_count; i++)
		if ((int32_t)s->processes[i] == process)
			return true;
	return false;
}

/* What holds now is not told by what is pending or over. */
static bool can_tell(const struct finding *story, enum finding_phase part)
{
	return story->phase == PHASE_OPEN || story->phase == part;
}

/* The finding of that kind about the process, else about a service it serves. */
static int32_t finding_about(const struct report *r, enum finding_kind kind,
			     int32_t process, enum finding_phase phase)
{
	int32_t shared = NO_INDEX;
	for (size_t i = 0; process != NO_INDEX && i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		if (f->kind != kind || !can_tell(f, phase))
			continue;
		if (f->process == process)
			return (int32_t)i;
		if (shared == NO_INDEX && has_process(r, f->service, process))
			shared = (int32_t)i;
	}
	return shared;
}

/* Who waits for the upstream: a stuck worker, or handlers that owe replies. */
static int32_t waiting_for_upstream(const struct report *r, int32_t process,
				    enum finding_phase phase)
{
	int32_t stuck = finding_about(r, FINDING_STUCK_WORKER, process, phase);
	return stuck != NO_INDEX
		       ? stuck
		       : finding_about(r, FINDING_SLOW_RESPONSE, process, phase);
}

/* The pool whose connections wait for the same upstream. */
static int32_t pool_of_upstream(const struct report *r, const struct finding *part)
{
	for (size_t i = 0; part->process != NO_INDEX && i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		if (f->kind == FINDING_POOL_EXHAUSTED && f->process == part->process &&
		    strcmp(f->peer, part->peer) == 0 && can_tell(f, part->phase))
			return (int32_t)i;
	}
	return NO_INDEX;
}

/* About a process and what it calls, not about a service. */
static bool is_of_client_pool(const struct finding *f)
{
	return (f->kind == FINDING_POOL_EXHAUSTED || f->kind == FINDING_POOL_LEAK) &&
	       f->service == NO_INDEX;
}

/* A queue that nobody empties because no descriptor is left for what is in it. */
static bool is_for_want_of_descriptors(const struct finding *f)
{
	return f->kind == FINDING_STUCK_WORKER && f->aspect &&
	       strcmp(f->aspect, "no-descriptor") == 0;
}

/* The finding that explains this one; the first one in order. */
static int32_t story_of(const struct report *r, const struct finding *part)
{
	if (is_for_want_of_descriptors(part))
		return finding_about(r, FINDING_FD_EXHAUSTION, part->process,
				     part->phase);
	if (part->kind == FINDING_SLOW_UPSTREAM || is_of_client_pool(part)) {
		int32_t who = waiting_for_upstream(r, part->process, part->phase);
		return who == NO_INDEX && part->kind == FINDING_SLOW_UPSTREAM
			       ? pool_of_upstream(r, part)
			       : who;
	}
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		if (stories[i].part != part->kind || part->service == NO_INDEX)
			continue;
		for (size_t j = 0; j < r->finding_count; j++)
			if (r->findings[j].kind == stories[i].story &&
			    r->findings[j].service == part->service &&
			    can_tell(&r->findings[j], part->phase))
				return (int32_t)j;
	}
	return NO_INDEX;
}

/*
 * The story is as severe as the worst of its parts, so that it leads them. What
 * the queues say it has told already.
 */
static void raise_stories(struct report *r)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		struct finding *part = &r->findings[i];
		int32_t index = story_of(r, part);
		if (index == NO_INDEX)
			continue;
		struct finding *story = &r->findings[index];
		/* What somebody waits for is no mere suspicion any more. */
		if (part->kind == FINDING_SLOW_UPSTREAM &&
		    story->severity >= SEVERITY_WARNING &&
		    !checks_decide(r, part->kind))
			part->severity = SEVERITY_WARNING;
		if (story->severity < part->severity)
			story->severity = part->severity;
		if (part->kind == FINDING_SLOW_RESPONSE ||
		    part->kind == FINDING_CONNECT_STUCK || is_of_client_pool(part) ||
		    is_for_want_of_descriptors(part))
			add_evidence(story, "%s", part->summary);
	}
}

/* One line for the upstreams a worker or its handlers wait for: the oldest leads. */
static void tell_upstream(struct report *r, size_t index)
{
	const struct finding *first = NULL;
	bool is_alone = true; /* the worker named by the story, no other */
	double count = 0;
	char age[FORMAT_SIZE];
	struct finding *story = &r->findings[index];
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		if (f->kind != FINDING_SLOW_UPSTREAM ||
		    story_of(r, f) != (int32_t)index)
			continue;
		count += f->value;
		is_alone &= f->process == story->process;
		if (!first || f->since_cs > first->since_cs)
			first = f;
	}
	if (!first)
		return;
	duration_print(first->since_cs * 10ULL, age);
	const char *whose = is_alone ? "its" : "the workers'";
	if (count > 1)
		add_evidence(story,
			     "%s oldest open request of %.0f is to %s, unanswered for "
			     "%s",
			     whose, count, first->peer, age);
	else
		add_evidence(story, "%s only open request is to %s, unanswered for %s",
			     whose, first->peer, age);
	add_next(story, "give calls to %s a timeout, and look there for what is slow",
		 first->peer);
}

static void tell_upstreams(struct report *r)
{
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].kind == FINDING_STUCK_WORKER ||
		    r->findings[i].kind == FINDING_SLOW_RESPONSE)
			tell_upstream(r, i);
}

static void set_severities(struct report *r)
{
	r->severity = SEVERITY_OK;
	for (size_t i = 0; i < r->service_count; i++)
		r->services[i].severity = SEVERITY_OK;
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		if (f->severity > r->severity)
			r->severity = f->severity;
		if (f->service == NO_INDEX)
			continue;
		struct service *s = &r->services[f->service];
		if (f->severity > s->severity)
			s->severity = f->severity;
	}
}

static void find_parts(struct report *r)
{
	for (size_t i = 0; i < r->finding_count; i++)
		r->findings[i].part_of = story_of(r, &r->findings[i]);
}

void findings_arrange(struct report *r)
{
	/* A story stands before its parts, and their places change with the order. */
	find_parts(r);
	if (r->finding_count)
		qsort_r(r->findings, r->finding_count, sizeof(*r->findings),
			compare_findings, r);
	find_parts(r);
	set_severities(r);
}

void findings_build(struct report *r)
{
	rules_run(r);
	checks_apply(r);
	raise_stories(r);
	tell_upstreams(r);
	for (size_t i = 0; i < r->finding_count; i++)
		r->findings[i].fingerprint = finding_fingerprint(r, &r->findings[i]);
	findings_arrange(r);
}
