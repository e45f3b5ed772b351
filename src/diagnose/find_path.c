/* SPDX-License-Identifier: MIT */
#include "tally.h"

/* What is wrong with the other ends that this host calls, and the ways there. */

static const struct tcp_socket *example(const struct report *r, const struct group *g)
{
	return &r->snap->sockets[g->oldest_row];
}

static bool is_slow_upstream(const struct report *r, uint32_t row)
{
	return r->assessments[row].verdict == VERDICT_SLOW_UPSTREAM;
}

static bool is_connect_stuck(const struct report *r, uint32_t row)
{
	return r->assessments[row].verdict == VERDICT_CONNECT_STUCK;
}

static bool is_lossy(const struct report *r, uint32_t row)
{
	return r->assessments[row].verdict == VERDICT_LOSSY;
}

/*
 * Whether a reply is owed is not known of a foreign protocol, so by itself this is
 * information; as the reason why a worker is stuck it is raised (findings.c). As many
 * as a server has threads are no accident, even if its clients have given up: its
 * next requests wait for a thread.
 */
static void find_slow_upstream(struct report *r, const struct group *g)
{
	char age[FORMAT_SIZE], limit[32];
	struct finding *f = add_finding(r, g);
	set_upstream(f, example(r, g));
	f->acts = ACTS_PEER;
	f->severity = SEVERITY_INFO;
	bool is_likely = g->likely_count + g->proven_count > 0;
	set_summary(f, "%zu request%s to %s %sunanswered, the oldest for %s%s",
		    g->count, plural(g->count), f->peer, is_likely ? "" : "may be ",
		    at_least(g), oldest(g, age));
	add_evidence(f,
		     "last went data out, %s%s ago (limit %s), and nothing came back "
		     "since",
		     at_least(g), oldest(g, age),
		     limit_print(LIMIT_SLOW_UPSTREAM_AGE,
				 limit_value(r, LIMIT_SLOW_UPSTREAM_AGE), limit));
	if (!is_likely)
		add_evidence(f,
			     "whether a reply is owed is not known for this protocol");
	const struct process *p = process_at(r, f->process);
	if (say_thread_pool(r, f, g) && p->thread_count)
		f->severity = SEVERITY_WARNING;
	add_next(f, "give calls to %s a timeout, and look there for what is slow",
		 f->peer);
}

void find_slow_upstreams(struct report *r)
{
	static const struct tally_request request = {
		FINDING_SLOW_UPSTREAM,
		BY_PROCESS | BY_PEER | BY_PEER_PORT,
		1,
		is_slow_upstream,
		find_slow_upstream,
	};
	tally_rows(r, &request);
}

/* The service of this host that does not take the connect: its queue is full. */
static int32_t full_service_of(const struct report *r, const struct tcp_socket *sk)
{
	if (!snapshot_is_local_address(r->snap, &sk->peer))
		return NO_INDEX;
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		if (s->port != sk->peer_port || s->netns != sk->netns)
			continue;
		for (size_t j = 0; j < s->listener_count; j++) {
			const struct tcp_socket *l = &r->snap->sockets[s->listeners[j]];
			if (l->recv_queue > l->send_queue &&
			    (ip_address_is_any(&l->local) ||
			     ip_address_equal(&l->local, &sk->peer)))
				return (int32_t)i;
		}
	}
	return NO_INDEX;
}

static void find_stuck_connect(struct report *r, const struct group *g)
{
	char age[FORMAT_SIZE], limit[32];
	const struct tcp_socket *sk = example(r, g);
	struct group of_oldest = *g;
	of_oldest.process = process_index(r, g->oldest_row);
	struct finding *f = add_finding(r, &of_oldest);
	set_upstream(f, sk);
	f->acts = ACTS_PEER;
	f->warning = 0;
	set_summary(f, "%zu connect%s to %s unanswered for %s%s", g->count,
		    plural(g->count), f->peer, at_least(g), oldest(g, age));
	add_evidence(f, "SYN sent %u times again without an answer (limit %s)",
		     sk->timer_retrans,
		     limit_print(LIMIT_CONNECT_AGE, limit_value(r, LIMIT_CONNECT_AGE),
				 limit));
	int64_t retries = r->snap->kernel[KERNEL_TCP_SYN_RETRIES];
	if (retries > sk->timer_retrans)
		add_evidence(f, "the kernel tries %d times more (tcp_syn_retries)",
			     (int)retries - sk->timer_retrans);
	f->service = full_service_of(r, sk);
	if (f->service == NO_INDEX) {
		add_next(f, "is %s up, and does a firewall on the way drop SYNs?",
			 f->peer);
		return;
	}
	f->acts = ACTS_LOCAL_APP;
	f->cause = "The listener is on this host, and its accept queue is full.";
}

void find_stuck_connects(struct report *r)
{
	static const struct tally_request request = {
		FINDING_CONNECT_STUCK, BY_PEER | BY_PEER_PORT, 1,
		is_connect_stuck,      find_stuck_connect,
	};
	tally_rows(r, &request);
}

/* TCP is made for loss: it is a fault when several connections suffer much. */
static void find_lossy_path(struct report *r, const struct group *g)
{
	char limit[32];
	uint64_t share = permille_of(g->retransmitted_segs, g->sent_segs);
	bool is_bad = g->count >= limit_value(r, LIMIT_LOSSY_PATH_COUNT) &&
		      share >= limit_value(r, LIMIT_LOSSY_PATH_SHARE);
	struct finding *f = add_finding(r, g);
	set_prefix(f, example(r, g));
	f->acts = ACTS_NETWORK;
	f->severity = is_bad ? SEVERITY_WARNING : SEVERITY_INFO;
	set_summary(f, "the path to %s loses segments: %zu connection%s, %.1f %%",
		    f->peer, g->count, plural(g->count), (double)share / 10);
	add_evidence(
		f,
		"%llu of %llu data segments retransmitted (%.1f %%, limit %s of at "
		"least %llu connections), and acknowledgements still arrive",
		(unsigned long long)g->retransmitted_segs,
		(unsigned long long)g->sent_segs, (double)share / 10,
		limit_print(LIMIT_LOSSY_PATH_SHARE,
			    limit_value(r, LIMIT_LOSSY_PATH_SHARE), limit),
		(unsigned long long)limit_value(r, LIMIT_LOSSY_PATH_COUNT));
	char peer[IP_TEXT_SIZE];
	const struct tcp_socket *sk = example(r, g);
	add_next(f, "mtr -T %s   shows where the loss begins",
		 ip_address_print(&sk->peer, sk->ip_version, peer));
}

void find_lossy_paths(struct report *r)
{
	static const struct tally_request request = {
		FINDING_LOSSY_PATH, BY_SERVICE | BY_PEER_PREFIX, 1, is_lossy,
		find_lossy_path,
	};
	tally_rows(r, &request);
}
