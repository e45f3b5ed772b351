/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "finding_groups.h"

/*
 * Findings speak about groups: connections with related verdicts of one service
 * and one process. First the complaints are sorted into groups, then each kind
 * of finding looks at its groups and words what it sees. What belongs to a
 * stuck worker is told by that finding; the others then say they are part of it.
 */

static finder *const finders[FINDING_KIND_COUNT] = {
	[FINDING_STUCK_WORKER] = find_stuck_worker,
	[FINDING_HALF_OPEN] = find_half_open,
	[FINDING_CLOSE_WAIT_LEAK] = find_close_wait_leak,
	[FINDING_ACCEPT_QUEUE_FULL] = find_accept_queue,
	[FINDING_QUEUE_ABANDONED] = find_queue_abandoned,
	[FINDING_SLOW_READER] = find_slow_reader,
	[FINDING_SLOW_RESPONSE] = find_slow_response,
	[FINDING_HALF_OPEN_SUSPECT] = find_half_open_suspect,
};

static int compare_findings(const void *a, const void *b, void *ptr)
{
	const struct report *r = ptr;
	const struct finding *x = a, *y = b;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	int port_x = x->service == NO_INDEX ? -1 : r->services[x->service].port;
	int port_y = y->service == NO_INDEX ? -1 : r->services[y->service].port;
	if (port_x != port_y)
		return port_x < port_y ? -1 : 1;
	return (x->process > y->process) - (x->process < y->process);
}

/* Kinds that a stuck worker explains, on the same service. */
static bool is_told_by_stuck_worker(enum finding_kind kind)
{
	return kind == FINDING_ACCEPT_QUEUE_FULL || kind == FINDING_QUEUE_ABANDONED ||
	       kind == FINDING_SLOW_RESPONSE;
}

/* The stuck worker that explains the finding; the first one in order. */
static int32_t story_of(const struct report *r, const struct finding *part)
{
	if (part->service == NO_INDEX || !is_told_by_stuck_worker(part->kind))
		return NO_INDEX;
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].kind == FINDING_STUCK_WORKER &&
		    r->findings[i].service == part->service)
			return (int32_t)i;
	return NO_INDEX;
}

/*
 * The story is as severe as the worst of its parts, so that it leads them. What
 * the queues say it has told already.
 */
static void raise_stories(struct report *r)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *part = &r->findings[i];
		int32_t index = story_of(r, part);
		if (index == NO_INDEX)
			continue;
		struct finding *story = &r->findings[index];
		if (story->severity < part->severity)
			story->severity = part->severity;
		if (part->kind == FINDING_SLOW_RESPONSE)
			add_evidence(story, "%s", part->summary);
	}
}

static void set_severities(struct report *r)
{
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

void findings_build(struct report *r)
{
	struct groups all = { 0 };
	groups_build(r, &all);
	for (size_t i = 0; i < all.count; i++)
		finders[all.items[i].kind](r, &all, &all.items[i]);
	groups_clear(&all);

	raise_stories(r);
	if (r->finding_count)
		qsort_r(r->findings, r->finding_count, sizeof(*r->findings),
			compare_findings, r);
	for (size_t i = 0; i < r->finding_count; i++) {
		r->findings[i].fingerprint = finding_fingerprint(r, &r->findings[i]);
		r->findings[i].part_of = story_of(r, &r->findings[i]);
	}
	set_severities(r);
}
