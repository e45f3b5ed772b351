/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "tally.h"

/* What is odd about the clients of a service, although each of them is well. */

/* Accepted or about to be; what is closed already holds nothing any more. */
static size_t open_count(const struct service *s)
{
	return s->connection_count - s->verdicts[VERDICT_TIME_WAIT] -
	       s->verdicts[VERDICT_HANDSHAKE];
}

static bool is_open(const struct report *r, uint32_t row)
{
	const struct assessment *a = &r->assessments[row];
	return a->role == ROLE_SERVER && a->verdict != VERDICT_TIME_WAIT &&
	       a->verdict != VERDICT_HANDSHAKE;
}

static const struct address_list *proxies(const struct report *r)
{
	static const struct address_list none = { 0 };
	return r->policy ? &r->policy->ignore[IGNORE_PROXIES] : &none;
}

static bool is_limited(const struct report *r, uint32_t row, uint64_t *limit)
{
	const struct target *t = report_target_of(r, row);
	return t && target_value(t, TARGET_PEER_LIMIT, limit, NULL);
}

/* Whom the share rule is about: where a limit is declared, that one counts. */
static bool is_of_remote_client(const struct report *r, uint32_t row)
{
	uint64_t limit;
	const struct ip_address *peer = &r->snap->sockets[row].peer;
	return is_open(r, row) && !is_limited(r, row, &limit) &&
	       report_service_of(r, row)->connection_count >=
		       limit_value(r, LIMIT_PEER_COUNT) &&
	       !snapshot_is_local_address(r->snap, peer) &&
	       !address_list_has(proxies(r), peer);
}

static struct finding *add_peer_finding(struct report *r, const struct group *g)
{
	struct finding *f = add_finding(r, g);
	set_peer(f, &r->snap->sockets[g->oldest_row]);
	f->acts = ACTS_PEER;
	f->confidence = CONFIDENCE_PROVEN;
	f->since_cs = ASSESSMENT_SINCE_UNKNOWN;
	return f;
}

/*
 * A reverse proxy or a NAT holds all connections of a healthy service, and no row
 * tells it from one greedy client: so this informs, and accuses nobody, until the
 * user has named the proxies.
 */
static void judge_share(const struct report *r, struct finding *f, uint64_t count,
			uint64_t share)
{
	f->severity = SEVERITY_INFO;
	if (proxies(r)->count == 0)
		return;
	bool is_critical = count >= limit_value(r, LIMIT_PEER_CRITICAL_COUNT) ||
			   share >= limit_value(r, LIMIT_PEER_CRITICAL_SHARE);
	f->severity = is_critical ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	f->warning = (double)limit_value(r, LIMIT_PEER_COUNT) - 1;
	add_evidence(f, "it is none of the known proxies ([ignore] proxies)");
}

static void advise_peer(const struct report *r, struct finding *f,
			const struct group *g)
{
	add_next(
		f,
		"conn-doctor list 'src :%u and dst %s'   its connections, and how long "
		"they are idle",
		r->services[g->service].port, f->peer);
}

static void find_greedy_peer(struct report *r, const struct group *g)
{
	const struct service *s = &r->services[g->service];
	uint64_t total = open_count(s);
	uint64_t share = permille_of(g->count, total);
	if (share < limit_value(r, LIMIT_PEER_SHARE))
		return;
	char limit[32];
	struct finding *f = add_peer_finding(r, g);
	set_summary(f, "%s holds %zu of %" PRIu64 " connections (%.0f %%)", f->peer,
		    g->count, total, (double)share / 10);
	add_evidence(
		f, "%s: %zu connections (limit %" PRIu64 "), %.0f %% (limit %s)",
		f->peer, g->count, limit_value(r, LIMIT_PEER_COUNT), (double)share / 10,
		limit_print(LIMIT_PEER_SHARE, limit_value(r, LIMIT_PEER_SHARE), limit));
	judge_share(r, f, g->count, share);
	advise_peer(r, f, g);
}

static bool is_of_limited_peer(const struct report *r, uint32_t row)
{
	uint64_t limit;
	return is_open(r, row) && is_limited(r, row, &limit) &&
	       !address_list_has(proxies(r), &r->snap->sockets[row].peer);
}

static void find_peer_over_limit(struct report *r, const struct group *g)
{
	uint64_t limit = 0;
	auto_strbuf struct strbuf origin = { 0 };
	const struct target *t = report_target_of(r, g->oldest_row);
	target_value(t, TARGET_PEER_LIMIT, &limit, &origin);
	if (g->count <= limit)
		return;
	struct finding *f = add_peer_finding(r, g);
	f->warning = (double)limit;
	set_summary(f, "%s holds %zu connections, %" PRIu64 " are agreed", f->peer,
		    g->count, limit);
	add_evidence(f,
		     "%s: %zu of %" PRIu64
		     " connections; peer-limit of [target %s] is %" PRIu64 ", %s",
		     f->peer, g->count, open_count(&r->services[g->service]), t->name,
		     limit, origin.text);
	advise_peer(r, f, g);
}

/* The smallest declared limit; 0 when there is none. */
static uint64_t smallest_peer_limit(const struct report *r)
{
	uint64_t smallest = 0, limit;
	for (size_t i = 0; r->policy && i < r->policy->target_count; i++)
		if (target_value(&r->policy->targets[i], TARGET_PEER_LIMIT, &limit,
				 NULL) &&
		    (!smallest || limit < smallest))
			smallest = limit;
	return smallest;
}

bool has_crowded_service(const struct report *r)
{
	for (size_t i = 0; i < r->service_count; i++)
		if (r->services[i].connection_count >= limit_value(r, LIMIT_PEER_COUNT))
			return true;
	return false;
}

void find_greedy_peers(struct report *r)
{
	const struct tally_request by_share = {
		FINDING_TOO_MANY_PER_PEER,
		BY_SERVICE | BY_PEER,
		limit_value(r, LIMIT_PEER_COUNT),
		is_of_remote_client,
		find_greedy_peer,
	};
	uint64_t smallest = smallest_peer_limit(r);
	const struct tally_request by_limit = {
		FINDING_TOO_MANY_PER_PEER,
		BY_SERVICE | BY_PEER | BY_TARGET,
		smallest + 1,
		is_of_limited_peer,
		find_peer_over_limit,
	};
	tally_rows(r, &by_share);
	if (smallest)
		tally_rows(r, &by_limit);
}

bool is_idle_client(const struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	uint64_t idle_limit = limit_value(r, LIMIT_KEEPALIVE_IDLE_AGE);
	/* First what does not need the row: most are sorted out by it. */
	if (r->assessments[row].role != ROLE_SERVER)
		return false;
	bool is_idle =
		!(sk->has & TCP_HAS_INFO) || (sk->last_data_recv_ms >= idle_limit &&
					      sk->last_data_sent_ms >= idle_limit);
	return is_idle && sk->state == TCP_STATE_ESTABLISHED && sk->inode &&
	       !snapshot_is_local_address(r->snap, &sk->peer);
}

bool has_idle_clients(const struct report *r)
{
	for (size_t i = 0; i < r->snap->socket_count; i++)
		if (r->assessments[i].is_selected && is_idle_client(r, (uint32_t)i))
			return true;
	return false;
}

/* Idle for long, with no keepalive, or one that comes too late for a middlebox. */
static bool is_without_keepalive(const struct report *r, uint32_t row)
{
	if (!(r->snap->sockets[row].has & TCP_HAS_INFO) || !is_idle_client(r, row))
		return false;
	struct context c;
	context_init(&c, r, row, NULL); /* its past says nothing about keepalive */
	if (c.d.keepalive == KEEPALIVE_OFF)
		return true;
	return c.d.keepidle_ms >= 0 &&
	       (uint64_t)c.d.keepidle_ms > limit_value(r, LIMIT_KEEPALIVE_MAX_IDLE);
}

static void find_missing(struct report *r, const struct group *g)
{
	char idle[32], late[32];
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_LOCAL_APP;
	f->severity = SEVERITY_INFO;
	f->confidence = CONFIDENCE_PROVEN;
	f->since_cs = ASSESSMENT_SINCE_UNKNOWN;
	limit_print(LIMIT_KEEPALIVE_IDLE_AGE, limit_value(r, LIMIT_KEEPALIVE_IDLE_AGE),
		    idle);
	limit_print(LIMIT_KEEPALIVE_MAX_IDLE, limit_value(r, LIMIT_KEEPALIVE_MAX_IDLE),
		    late);
	set_summary(f, "%zu connection%s idle for %s or more without timely keepalive",
		    g->count, plural(g->count), idle);
	add_evidence(f,
		     "%zu of %zu connections to other hosts: keepalive off, or its "
		     "first probe later than %s",
		     g->count, open_count(&r->services[g->service]), late);
	auto_strbuf struct strbuf noticed = { 0 };
	detection_put(&r->services[g->service].detection, &noticed);
	if (noticed.len)
		add_evidence(f, "while idle, a vanished peer is noticed %s",
			     noticed.text);
}

void find_missing_keepalive(struct report *r)
{
	static const struct tally_request request = {
		FINDING_KEEPALIVE_MISSING, BY_SERVICE,   1,
		is_without_keepalive,      find_missing,
	};
	tally_rows(r, &request);
}
