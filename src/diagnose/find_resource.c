/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "conn-doctor/memory.h"
#include "growth.h"
#include "tally.h"

/* What there is only so much of: descriptors, handshakes, ports, orphans. */

/* What a finding counts of a limited resource. */
struct usage {
	uint64_t count, limit;
	enum limit_id warning, critical;
};

static bool is_above(const struct report *r, const struct usage *u, enum limit_id share)
{
	return permille_of(u->count, u->limit) >= limit_value(r, share);
}

static void set_usage(const struct report *r, struct finding *f, const struct usage *u,
		      const char *unit)
{
	f->confidence = CONFIDENCE_PROVEN;
	f->since_cs = ASSESSMENT_SINCE_UNKNOWN;
	f->value = (double)u->count;
	f->unit = unit;
	f->warning = below_share(r, u->limit, u->warning);
	f->critical = below_share(r, u->limit, u->critical);
	f->severity =
		is_above(r, u, u->critical) ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

static void say_usage(const struct report *r, struct finding *f, const struct usage *u,
		      const char *what)
{
	char warning[32], critical[32];
	add_evidence(
		f, "%" PRIu64 " of %" PRIu64 " %s, %.1f %% (warning %s, critical %s)",
		u->count, u->limit, what, (double)permille_of(u->count, u->limit) / 10,
		limit_print(u->warning, limit_value(r, u->warning), warning),
		limit_print(u->critical, limit_value(r, u->critical), critical));
}

bool *selected_owners(const struct report *r)
{
	const struct snapshot *snap = r->snap;
	bool *is_owner = xcalloc(snap->process_count, sizeof(*is_owner));
	if (!r->filter_text[0])
		for (size_t i = 0; i < snap->owner_count; i++)
			is_owner[snap->owners[i].process] = true;
	for (size_t i = 0; r->filter_text[0] && i < snap->socket_count; i++) {
		size_t count = 0;
		const struct socket_owner *owners =
			r->assessments[i].is_selected
				? snapshot_owners(snap, snap->sockets[i].inode, &count)
				: NULL;
		for (size_t j = 0; j < count; j++)
			is_owner[owners[j].process] = true;
	}
	return is_owner;
}

/* The first selected service in which the process accepts; it cannot any more. */
static int32_t service_of(const struct report *r, size_t process)
{
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		if (!r->assessments[s->listeners[0]].is_selected)
			continue;
		for (size_t j = 0; j < s->process_count; j++)
			if (s->processes[j] == process)
				return (int32_t)i;
	}
	return NO_INDEX;
}

static void find_fds(struct report *r, size_t process)
{
	const struct process *p = &r->snap->processes[process];
	struct usage u = { (uint64_t)p->fd_count, (uint64_t)p->fd_limit, LIMIT_FD_SHARE,
			   LIMIT_FD_CRITICAL_SHARE };
	if (!is_above(r, &u, u.warning))
		return;
	struct group g = { .kind = FINDING_FD_EXHAUSTION,
			   .service = service_of(r, process),
			   .process = (int32_t)process };
	struct finding *f = add_finding(r, &g);
	size_t sockets = 0;
	for (size_t i = 0; i < r->snap->owner_count; i++)
		sockets += r->snap->owners[i].process == process;
	set_usage(r, f, &u, "{descriptor}");
	f->acts = ACTS_LOCAL_APP;
	set_summary(f, "%" PRIu64 " of %" PRIu64 " descriptors in use, %zu of them TCP",
		    u.count, u.limit, sockets);
	say_usage(r, f, &u, "descriptors (soft limit)");
	add_evidence(f, "%zu of them are TCP sockets", sockets);
	say_descriptor_growth(r, f, process);
	add_next(f, "ls -l /proc/%d/fd | awk '{print $NF}' | sort | uniq -c | sort -n",
		 p->pid);
}

/* Rows without an owner (TIME_WAIT, not accepted) hold no descriptor. */
bool has_descriptors(const struct report *r)
{
	for (size_t i = 0; i < r->snap->socket_count; i++)
		if (r->assessments[i].is_selected && r->snap->sockets[i].inode)
			return true;
	return false;
}

void find_fd_exhaustion(struct report *r)
{
	auto_free bool *is_owner = selected_owners(r);
	for (size_t i = 0; i < r->snap->process_count; i++) {
		const struct process *p = &r->snap->processes[i];
		if (is_owner[i] && p->fd_count >= 0 && p->fd_limit > 0)
			find_fds(r, i);
	}
}

bool has_handshakes(const struct report *r)
{
	return r->verdicts[VERDICT_HANDSHAKE] >= limit_value(r, LIMIT_SYN_QUEUE_COUNT);
}

static bool is_handshake(const struct report *r, uint32_t row)
{
	return r->assessments[row].verdict == VERDICT_HANDSHAKE &&
	       r->assessments[row].role == ROLE_SERVER;
}

/* Room for unfinished handshakes: the backlog of each listener of that family. */
static uint64_t syn_queue_limit(const struct report *r, const struct service *s,
				bool is_ipv4, uint64_t max_syn_backlog)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[s->listeners[i]];
		if (is_ipv4_socket(sk) == is_ipv4)
			sum += sk->send_queue < max_syn_backlog ? sk->send_queue
								: max_syn_backlog;
	}
	return sum;
}

/*
 * Without an answer the SYN-ACK is sent again after a second. Longer than that, what
 * has passed and what is to come, and nothing was sent again: the client has answered,
 * and the listener waits for its data (TCP_DEFER_ACCEPT).
 */
static bool is_deferred(const struct report *r, const struct tcp_socket *sk)
{
	enum { FIRST_WAIT_MS = 1100 }; /* and a tick that comes late */
	struct socket_past past;
	uint64_t wait_ms = sk->expires_ms;
	if (sk->timer_retrans)
		return false;
	if (history_find(r->history, sk->cookie, &past))
		wait_ms += r->snap->monotonic_ms - past.first_seen_ms;
	return wait_ms > FIRST_WAIT_MS;
}

/* Of a listener that defers accept, only a SYN-ACK sent again tells of no answer. */
static size_t count_unanswered(const struct report *r, const struct group *g,
			       bool is_ipv4)
{
	size_t again = 0, deferred = 0;
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[i];
		if (!is_handshake(r, (uint32_t)i) || is_ipv4_socket(sk) != is_ipv4 ||
		    service_index(r, (uint32_t)i) != g->service)
			continue;
		again += sk->timer_retrans > 0;
		deferred += is_deferred(r, sk);
	}
	return deferred ? again : g->count;
}

static void find_syn_flood(struct report *r, const struct group *g)
{
	int64_t max_syn_backlog = r->snap->kernel[KERNEL_TCP_MAX_SYN_BACKLOG];
	bool is_ipv4 = is_ipv4_socket(&r->snap->sockets[g->oldest_row]);
	size_t count = count_unanswered(r, g, is_ipv4);
	if (count < limit_value(r, LIMIT_SYN_QUEUE_COUNT))
		return;
	struct usage u = { count,
			   syn_queue_limit(r, &r->services[g->service], is_ipv4,
					   (uint64_t)max_syn_backlog),
			   LIMIT_SYN_QUEUE_SHARE, LIMIT_SYN_QUEUE_CRITICAL_SHARE };
	if (!is_above(r, &u, u.warning))
		return;
	struct finding *f = add_finding(r, g);
	set_usage(r, f, &u, "{connection}");
	f->acts = ACTS_NETWORK;
	set_summary(f, "%" PRIu64 " handshakes unfinished, room for %" PRIu64 " (%s)",
		    u.count, u.limit, is_ipv4 ? "IPv4" : "IPv6");
	say_usage(r, f, &u, "places for unfinished handshakes");
	add_evidence(f, "net.ipv4.tcp_max_syn_backlog is %" PRId64, max_syn_backlog);
	add_next(f, "ss -tn state syn-recv 'sport = :%u'   many sources, or one?",
		 r->services[g->service].port);
}

void find_syn_floods(struct report *r)
{
	const struct tally_request request = {
		FINDING_SYN_FLOOD,
		BY_SERVICE | BY_FAMILY,
		limit_value(r, LIMIT_SYN_QUEUE_COUNT),
		is_handshake,
		find_syn_flood,
	};
	tally_rows(r, &request);
}

/* From the kernel's range: the application did not choose the port itself. */
static bool is_on_local_port(const struct report *r, uint32_t row)
{
	const int64_t *kernel = r->snap->kernel;
	uint16_t port = r->snap->sockets[row].local_port;
	return r->assessments[row].role == ROLE_CLIENT &&
	       port >= kernel[KERNEL_PORT_RANGE_LOW] &&
	       port <= kernel[KERNEL_PORT_RANGE_HIGH];
}

static uint64_t port_count(const struct report *r)
{
	const int64_t *kernel = r->snap->kernel;
	int64_t low = kernel[KERNEL_PORT_RANGE_LOW];
	int64_t high = kernel[KERNEL_PORT_RANGE_HIGH];
	return low < 0 || high < low ? 0 : (uint64_t)(high - low + 1);
}

static void find_ports(struct report *r, const struct group *g)
{
	struct usage u = { g->count, port_count(r), LIMIT_PORTS_SHARE,
			   LIMIT_PORTS_CRITICAL_SHARE };
	if (!is_above(r, &u, u.warning))
		return;
	struct group of_first = *g;
	of_first.process = process_index(r, g->oldest_row);
	struct finding *f = add_finding(r, &of_first);
	const struct tcp_socket *sk = &r->snap->sockets[g->oldest_row];
	char local[IP_TEXT_SIZE];
	set_upstream(f, sk);
	set_usage(r, f, &u, "{port}");
	f->acts = ACTS_LOCAL_APP;
	set_summary(f, "%" PRIu64 " of %" PRIu64 " local ports to %s in use", u.count,
		    u.limit, f->peer);
	say_usage(r, f, &u,
		  "ports of net.ipv4.ip_local_port_range, TIME_WAIT included");
	add_evidence(f, "all from local address %s",
		     ip_address_print(&sk->local, sk->ip_version, local));
}

bool has_clients(const struct report *r)
{
	for (size_t i = 0; i < r->snap->socket_count; i++)
		if (r->assessments[i].is_selected &&
		    r->assessments[i].role == ROLE_CLIENT)
			return true;
	return false;
}

void find_port_exhaustion(struct report *r)
{
	uint64_t ports = port_count(r);
	if (!has_clients(r))
		return;
	if (!ports) {
		add_unknown(r, FINDING_PORT_EXHAUSTION,
			    "net.ipv4.ip_local_port_range is empty");
		return;
	}
	const struct tally_request request = {
		FINDING_PORT_EXHAUSTION,
		BY_LOCAL | BY_PEER | BY_PEER_PORT,
		ports * limit_value(r, LIMIT_PORTS_SHARE) / 1000,
		is_on_local_port,
		find_ports,
	};
	tally_rows(r, &request);
}

/* About the host: not asked when a filter looks at a part of it. */
void find_orphans(struct report *r)
{
	int64_t count = r->snap->kernel[KERNEL_TCP_ORPHANS];
	int64_t max = r->snap->kernel[KERNEL_TCP_MAX_ORPHANS];
	if (!is_about_host(r))
		return;
	if (max == 0) {
		add_unknown(r, FINDING_ORPHANS, "net.ipv4.tcp_max_orphans is 0");
		return;
	}
	struct usage u = { (uint64_t)count, (uint64_t)max, LIMIT_ORPHANS_SHARE,
			   LIMIT_ORPHANS_CRITICAL_SHARE };
	if (!is_above(r, &u, u.warning))
		return;
	struct group g = { .kind = FINDING_ORPHANS,
			   .service = NO_INDEX,
			   .process = NO_INDEX };
	struct finding *f = add_finding(r, &g);
	set_usage(r, f, &u, "{connection}");
	f->acts = ACTS_PEER;
	set_summary(f, "host: %" PRIu64 " orphans of at most %" PRIu64, u.count,
		    u.limit);
	say_usage(r, f, &u, "orphans (net.ipv4.tcp_max_orphans)");
	add_next(f, "ss -tno state fin-wait-1 state fin-wait-2 state last-ack state "
		    "closing   whose peers do not finish?");
}
