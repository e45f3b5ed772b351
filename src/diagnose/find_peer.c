/* SPDX-License-Identifier: MIT */
#include "finding_groups.h"

static char *peer_of(const struct report *r, const struct group *g,
		     char out[static ENDPOINT_TEXT_SIZE])
{
	const struct tcp_socket *sk = &r->snap->sockets[g->oldest_row];
	return endpoint_print(&sk->peer, sk->ip_version, sk->peer_port, out);
}

/* The hosts are there: it is not the peer that must act. */
static void say_alive(struct finding *f, const struct tcp_socket *sk,
		      const struct group *g, const struct peer_life *life)
{
	char address[IP_TEXT_SIZE], age[FORMAT_SIZE];
	if (!life->alive)
		return;
	add_evidence(f, "%zu of them to addresses that answer on other connections",
		     life->alive);
	if (life->large) {
		add_evidence(
			f,
			"what waits on %zu of these is large segments: a path that "
			"drops large packets looks like this",
			life->large);
		add_next(f, "ping -M do -s 1400 %s   does a large packet arrive?",
			 ip_address_print(&sk->peer, sk->ip_version, address));
		add_next(f, "sysctl -w net.ipv4.tcp_mtu_probing=1   if not: lets TCP "
			    "find a size that passes");
	}
	if (life->alive < g->count)
		return;
	f->acts = ACTS_NETWORK;
	f->cause = life->large ? "The path drops large packets (MTU), or a NAT or "
				 "firewall forgot these connections."
			       : "A NAT or firewall forgot these connections, or "
				 "drops some of their packets.";
	set_summary(f, "%zu connection%s dead for %s%s, to hosts that answer on others",
		    g->count, plural(g->count), at_least(g), oldest(g, age));
}

void find_half_open(struct report *r, const struct groups *all, const struct group *g)
{
	(void)all;
	char age[FORMAT_SIZE], size[FORMAT_SIZE], peer[ENDPOINT_TEXT_SIZE];
	struct peer_life life = peer_life_of(r, g);
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_PEER;
	if (g->proven_count && is_older(r, g, LIMIT_HALF_OPEN_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	f->warning = 0;
	set_summary(f, "%zu connection%s to peers that are gone, silent for %s%s",
		    g->count, plural(g->count), at_least(g), oldest(g, age));
	add_evidence(f, "%zu proven, %zu likely; %s unacknowledged or unsent",
		     g->proven_count, g->likely_count,
		     size_print(g->unsent_bytes, size));
	say_alive(f, &r->snap->sockets[g->oldest_row], g, &life);
	add_next(f, "ss -tino dst %s   shows the oldest of them", peer_of(r, g, peer));
}

void find_local_path_down(struct report *r, const struct groups *all,
			  const struct group *g)
{
	(void)all;
	char age[FORMAT_SIZE], size[FORMAT_SIZE], address[IP_TEXT_SIZE];
	const struct tcp_socket *sk = &r->snap->sockets[g->oldest_row];
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_NETWORK;
	if (is_older(r, g, LIMIT_HALF_OPEN_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	f->warning = 0;
	set_summary(f,
		    "%zu connection%s cannot send for %s%s: nothing leaves this host",
		    g->count, plural(g->count), at_least(g), oldest(g, age));
	add_evidence(f, "%s to send, the peers have room, and nothing is in flight",
		     size_print(g->unsent_bytes, size));
	add_next(f, "ip route get %s   the route, and the interface it leaves by",
		 ip_address_print(&sk->peer, sk->ip_version, address));
	add_next(f, "ip -s link; nft list ruleset   is it down, or does a rule drop?");
}

void find_slow_reader(struct report *r, const struct groups *all, const struct group *g)
{
	(void)all;
	char age[FORMAT_SIZE], size[FORMAT_SIZE];
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_PEER;
	bool is_closed_here = g->queued_count == g->count;
	if (is_closed_here)
		f->severity = SEVERITY_INFO;
	else if (is_older(r, g, LIMIT_SLOW_READER_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	f->warning = 0;
	set_summary(f, "%zu peer%s not reading for %s%s, %s held here", g->count,
		    g->count == 1 ? " is" : "s are", at_least(g), oldest(g, age),
		    size_print(g->unsent_bytes, size));
	add_evidence(
		f,
		"closed window, probes answered: alive and not reading; the kernel "
		"%s",
		is_closed_here ? "ends those that the application has closed"
			       : "never gives such a peer up");
	name_owner(f, g);
}

/* Others of the same process were answered lately: it is alive, and not stuck. */
static size_t count_served(const struct report *r, const struct group *g)
{
	size_t count = 0;
	uint64_t lately = limit_value(r, LIMIT_UNREAD_AGE);
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[i];
		uint32_t row = (uint32_t)i;
		if (sk->state != TCP_STATE_ESTABLISHED || !(sk->has & TCP_HAS_INFO) ||
		    !sk->data_segs_out || sk->last_data_sent_ms >= lately ||
		    service_index(r, row) != g->service)
			continue;
		count += g->owner == NO_INDEX || process_index(r, row) == g->owner;
	}
	return count;
}

static void say_served(const struct report *r, struct finding *f, const struct group *g)
{
	char age[FORMAT_SIZE];
	size_t served = count_served(r, g);
	/* Of several workers it is not known which of them are alive. */
	const char *so =
		g->owner == NO_INDEX ? "" : ": the process is alive, not blocked";
	if (served)
		add_evidence(f, "%zu other connection%s answered within the last %s%s",
			     served, served == 1 ? " was" : "s were",
			     duration_print(limit_value(r, LIMIT_UNREAD_AGE), age), so);
}

void find_slow_response(struct report *r, const struct groups *all,
			const struct group *g)
{
	(void)all;
	if (g->service == NO_INDEX)
		return;
	char age[FORMAT_SIZE];
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_LOCAL_APP;
	bool is_many = g->count >= limit_value(r, LIMIT_SLOW_RESPONSE_COUNT);
	bool is_likely = g->likely_count + g->proven_count > 0;
	f->severity = is_many && is_likely ? SEVERITY_WARNING : SEVERITY_INFO;
	f->warning = (double)limit_value(r, LIMIT_SLOW_RESPONSE_COUNT) - 1;
	set_summary(f, "%zu repl%s %sowed, the oldest for %s", g->count,
		    g->count == 1 ? "y" : "ies", is_likely ? "" : "may be ",
		    oldest(g, age));
	add_evidence(f, "last came data, all of it read, and nothing was sent since");
	name_owner(f, g);
	say_served(r, f, g);
	if (!is_likely)
		add_evidence(f,
			     "whether a reply is owed is not known for this protocol");
	say_thread_pool(r, f, g);
}

bool has_half_open_suspects(const struct report *r)
{
	return r->verdicts[VERDICT_HALF_OPEN_SUSPECT] > 0;
}

void find_half_open_suspect(struct report *r, const struct groups *all,
			    const struct group *g)
{
	(void)all;
	char age[FORMAT_SIZE];
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_LOCAL_APP;
	f->severity = SEVERITY_INFO;
	set_summary(f, "%zu connection%s idle for up to %s without keepalive", g->count,
		    plural(g->count), oldest(g, age));
	add_evidence(
		f, "a vanished peer would never be noticed; this is no proof that one "
		   "has vanished");
}
