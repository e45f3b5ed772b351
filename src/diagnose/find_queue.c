/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "finding_groups.h"
#include "growth.h"

void find_accept_queue(struct report *r, const struct groups *all,
		       const struct group *g)
{
	if (g->service == NO_INDEX)
		return;
	if (g->count)
		find_idle_accept(r, all, g);
	const struct service *s = &r->services[g->service];
	struct queue_state q = queue_state_of(r, s);
	if (q.permille < limit_value(r, LIMIT_ACCEPT_QUEUE_SHARE))
		return;
	/* A burst fills a queue for a moment; what waits for long makes it a fault. */
	bool is_lasting = g->oldest_cs * 10ULL >= limit_value(r, LIMIT_QUEUED_AGE);
	if (!is_lasting && !q.dropped)
		return;
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_LOCAL_APP;
	f->confidence = CONFIDENCE_PROVEN;
	f->severity = q.is_full || q.dropped ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	f->value = (double)q.count;
	f->warning = (double)limit_value(r, LIMIT_ACCEPT_QUEUE_SHARE) / 1000 *
		     (double)(q.limit + 1);
	f->critical = (double)q.limit;
	char listener[ENDPOINT_TEXT_SIZE];
	f->listener = (int32_t)q.row;
	set_summary(f, "accept queue of %s is %s (%" PRIu64 " of %" PRIu64 ")",
		    finding_listener_print(r, f, listener),
		    q.is_full ? "full" : "filling", q.count, q.limit);
	add_evidence(f, "%" PRIu64 " connections wait, the backlog is %" PRIu64,
		     q.count, q.limit);
	if (!q.is_full)
		say_queue_growth(r, f);
	if (q.dropped)
		add_evidence(f,
			     "%" PRIu64 " handshakes dropped by this listener since "
			     "the %s",
			     q.dropped,
			     history_counts_since_last_run(r->history) ? "last run"
								       : "first look");
	int64_t overflows = history_counter_growth(r->history, KERNEL_LISTEN_OVERFLOWS);
	if (overflows > 0)
		add_evidence(f, "ListenOverflows of the namespace grew by %" PRId64,
			     overflows);
	add_next(f,
		 "ss -ltn 'sport = :%u'   Recv-Q: how many wait, Send-Q: how many may",
		 s->port);
}

void find_queue_abandoned(struct report *r, const struct groups *all,
			  const struct group *g)
{
	if (g->service == NO_INDEX)
		return;
	/* Without a living client in the queue, no other group leads here. */
	const struct group *queue =
		groups_sibling(all, FINDING_ACCEPT_QUEUE_FULL, g->service);
	if (!queue->count)
		find_idle_accept(r, all, g);
	char age[FORMAT_SIZE];
	const struct service *s = &r->services[g->service];
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_LOCAL_APP;
	if (g->count >= limit_value(r, LIMIT_QUEUE_ABANDONED_CRITICAL))
		f->severity = SEVERITY_CRITICAL;
	f->warning = 0;
	f->critical = (double)limit_value(r, LIMIT_QUEUE_ABANDONED_CRITICAL) - 1;
	set_summary(f, "%zu client%s of %s left before accept", g->count,
		    plural(g->count), s->listener_text);
	add_evidence(f, "the oldest came %s%s ago", at_least(g), oldest(g, age));
	add_evidence(f, "they hold %zu of the %" PRIu64 " places in the accept queue",
		     g->count, s->accept_queue_limit + s->listener_count);
}
