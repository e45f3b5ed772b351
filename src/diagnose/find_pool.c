/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "tally.h"

/*
 * Client pools of a declared size. At its limit a pool is exhausted when every
 * connection waits for a reply, and it leaks when none does, all are idle, and
 * requests wait nevertheless: somebody took the connections and kept them. A full
 * pool that is idle while nobody waits is healthy: that is what minimum = maximum
 * looks like. No pool shows its size, so nothing is judged that is not declared.
 */
struct pool {
	size_t count;
	size_t waiting, idle, untold; /* untold: the kernel does not say whose turn */
	uint32_t longest_wait_ms, shortest_wait_ms;
	uint32_t longest_idle_ms, shortest_idle_ms;
	int64_t full_ms; /* since the youngest was opened, at least; -1 unknown */
	uint32_t waiting_row, idle_row;
};

/* What waits for the process that has the pool. */
struct inbound {
	size_t unread, owed, queued;
	uint32_t longest_cs;
};

static bool is_open(const struct tcp_socket *sk)
{
	return sk->inode && (sk->state == TCP_STATE_ESTABLISHED ||
			     sk->state == TCP_STATE_CLOSE_WAIT);
}

static bool has_pool(const struct report *r, uint32_t row)
{
	uint64_t size;
	const struct target *t = report_target_of(r, row);
	return t && r->assessments[row].role == ROLE_CLIENT &&
	       is_open(&r->snap->sockets[row]) &&
	       target_value(t, TARGET_POOL_SIZE, &size, NULL);
}

static void add_waiting(struct pool *p, uint32_t row, uint32_t since_ms)
{
	if (!p->waiting || since_ms > p->longest_wait_ms) {
		p->longest_wait_ms = since_ms;
		p->waiting_row = row;
	}
	if (!p->waiting || since_ms < p->shortest_wait_ms)
		p->shortest_wait_ms = since_ms;
	p->waiting++;
}

static void add_idle(struct pool *p, uint32_t row, uint32_t since_ms)
{
	if (!p->idle || since_ms > p->longest_idle_ms) {
		p->longest_idle_ms = since_ms;
		p->idle_row = row;
	}
	if (!p->idle || since_ms < p->shortest_idle_ms)
		p->shortest_idle_ms = since_ms;
	p->idle++;
}

/*
 * A request that follows a reply within one tick of the clock, or a reply that does
 * so, looks alike on the clocks of data. The acknowledgements tell: that of a reply
 * came with it, that of an unanswered request alone, delayed by up to 200 ms.
 */
static enum turn turn_by_ack(const struct report *r, uint32_t row,
			     const struct derived *d)
{
	enum { TICK_MS = 10, DELAYED_MS = 250 };
	const struct tcp_socket *sk = &r->snap->sockets[row];
	bool has_moved = (sk->has & TCP_HAS_BYTES) && (sk->has & TCP_HAS_NOTSENT) &&
			 sk->bytes_received && sk->data_segs_out &&
			 sk->last_data_sent_ms == sk->last_data_recv_ms;
	if (d->turn != TURN_UNKNOWN || !has_moved ||
	    target_is(report_target_of(r, row), PROTOCOL_PUSH) ||
	    sk->last_ack_recv_ms > sk->last_data_recv_ms)
		return d->turn;
	uint32_t later_ms = sk->last_data_recv_ms - sk->last_ack_recv_ms;
	if (later_ms < TICK_MS)
		return TURN_LOCAL;
	return later_ms <= DELAYED_MS ? TURN_PEER : TURN_UNKNOWN;
}

static void add_connection(const struct report *r, struct pool *p, uint32_t row)
{
	struct derived d;
	const struct tcp_socket *sk = &r->snap->sockets[row];
	bool has_clock = (sk->has & TCP_HAS_INFO) && !(sk->has & TCP_IS_MPTCP);
	derive(r, row, &d);
	enum turn turn = turn_by_ack(r, row, &d);
	if (p->count++ == 0 || d.age_ms < p->full_ms)
		p->full_ms = d.age_ms;
	if (!has_clock)
		p->untold++;
	else if (turn == TURN_PEER || d.is_in_flight)
		add_waiting(p, row, sk->last_data_sent_ms);
	else if (turn == TURN_LOCAL)
		add_idle(p, row, sk->last_data_recv_ms);
	else
		p->untold++;
}

static struct pool pool_of(const struct report *r, const struct group *g)
{
	struct pool p = { .full_ms = -1 };
	const struct tcp_socket *of_group = &r->snap->sockets[g->oldest_row];
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[i];
		uint32_t row = (uint32_t)i;
		if (sk->peer_port == of_group->peer_port &&
		    ip_address_equal(&sk->peer, &of_group->peer) &&
		    sk->netns == of_group->netns && r->assessments[i].is_selected &&
		    has_pool(r, row) &&
		    report_target_of(r, row) == report_target_of(r, g->oldest_row) &&
		    process_index(r, row) == g->process)
			add_connection(r, &p, row);
	}
	return p;
}

static bool serves(const struct report *r, uint32_t row, int32_t process)
{
	const struct service *s = report_service_of(r, row);
	for (size_t i = 0; s && i < s->process_count; i++)
		if ((int32_t)s->processes[i] == process)
			return true;
	return false;
}

/* Requests that the process has not read, not answered or not even accepted. */
static struct inbound inbound_of(const struct report *r, int32_t process)
{
	struct inbound in = { 0 };
	for (size_t i = 0; process != NO_INDEX && i < r->snap->socket_count; i++) {
		const struct assessment *a = &r->assessments[i];
		uint32_t row = (uint32_t)i;
		bool is_unread = a->verdict == VERDICT_UNREAD ||
				 a->verdict == VERDICT_CLOSE_WAIT_UNREAD;
		bool is_owed = a->verdict == VERDICT_SLOW_RESPONSE;
		bool is_queued = a->verdict == VERDICT_QUEUED ||
				 a->verdict == VERDICT_QUEUE_ABANDONED;
		if (a->role != ROLE_SERVER || !(is_unread || is_owed || is_queued))
			continue;
		if (is_queued ? !serves(r, row, process)
			      : process_index(r, row) != process)
			continue;
		in.unread += is_unread;
		in.owed += is_owed;
		in.queued += is_queued;
		if (a->since_cs != ASSESSMENT_SINCE_UNKNOWN &&
		    a->since_cs > in.longest_cs)
			in.longest_cs = a->since_cs;
	}
	return in;
}

static bool is_waited_for(const struct inbound *in)
{
	return in->unread || in->owed || in->queued;
}

static void say_inbound(struct finding *f, const struct inbound *in)
{
	char age[FORMAT_SIZE];
	if (is_waited_for(in))
		add_evidence(f,
			     "meanwhile requests wait for the process, the longest for "
			     "%s: %zu unread, %zu unanswered, %zu not accepted",
			     duration_print(in->longest_cs * 10ULL, age), in->unread,
			     in->owed, in->queued);
}

static struct finding *add_pool_finding(struct report *r, const struct group *g,
					enum finding_kind kind, const struct pool *p,
					uint64_t size)
{
	struct group of_kind = *g;
	auto_strbuf struct strbuf origin = { 0 };
	const struct target *t = report_target_of(r, g->oldest_row);
	of_kind.kind = kind;
	struct finding *f = add_finding(r, &of_kind);
	set_upstream(f, &r->snap->sockets[g->oldest_row]);
	f->value = (double)p->count;
	f->warning = (double)size - 1;
	target_value(t, TARGET_POOL_SIZE, &size, &origin);
	add_evidence(
		f, "%zu connections to %s, pool-size of [target %s] is %" PRIu64 ", %s",
		p->count, f->peer, t->name, size, origin.text);
	return f;
}

static void advise_postgres(struct finding *f, const struct tcp_socket *sk)
{
	enum { POSTGRES_PORT = 5432 };
	if (sk->peer_port == POSTGRES_PORT)
		add_next(f, "SELECT pid, state, state_change, query FROM "
			    "pg_stat_activity;   shows what each session does");
}

static bool is_exhausted(const struct report *r, const struct pool *p,
			 const struct inbound *in)
{
	uint64_t limit_ms = limit_value(r, LIMIT_POOL_WAIT_AGE);
	/* With requests in a queue one long wait is enough: a slot is used at once. */
	return p->waiting == p->count &&
	       (p->shortest_wait_ms >= limit_ms ||
		(is_waited_for(in) && p->longest_wait_ms >= limit_ms));
}

static void find_exhausted(struct report *r, const struct group *g,
			   const struct pool *p, const struct inbound *in,
			   uint64_t size)
{
	char wait[FORMAT_SIZE], shortest[FORMAT_SIZE], limit[32];
	uint64_t critical_ms = limit_value(r, LIMIT_POOL_CRITICAL_AGE);
	struct finding *f = add_pool_finding(r, g, FINDING_POOL_EXHAUSTED, p, size);
	bool is_long =
		p->full_ms >= (int64_t)critical_ms && p->longest_wait_ms >= critical_ms;
	if (is_long && is_waited_for(in))
		f->severity = SEVERITY_CRITICAL;
	f->confidence = p->shortest_wait_ms >= limit_value(r, LIMIT_POOL_WAIT_AGE)
				? CONFIDENCE_PROVEN
				: CONFIDENCE_LIKELY;
	f->acts = ACTS_LOCAL_APP;
	f->since_cs = p->shortest_wait_ms / 10;
	f->is_since_exact = false;
	duration_print(p->longest_wait_ms, wait);
	set_summary(f, "all %zu connections of the pool to %s wait, the longest for %s",
		    p->count, f->peer, wait);
	add_evidence(f, "each waits for a reply, between %s and %s (limit %s)",
		     duration_print(p->shortest_wait_ms, shortest), wait,
		     limit_print(LIMIT_POOL_WAIT_AGE,
				 limit_value(r, LIMIT_POOL_WAIT_AGE), limit));
	say_inbound(f, in);
	add_next(f, "look at %s for what is slow, and give the calls a timeout",
		 f->peer);
	add_next(f, "wait for the pool less long than a request may take (SQLAlchemy: "
		    "pool_timeout=5), so that requests fail rather than hang");
	advise_postgres(f, &r->snap->sockets[p->waiting_row]);
}

static bool is_leaking(const struct report *r, const struct pool *p,
		       const struct inbound *in)
{
	return p->idle == p->count && is_waited_for(in) &&
	       p->shortest_idle_ms >= limit_value(r, LIMIT_POOL_IDLE_AGE);
}

static void find_leak(struct report *r, const struct group *g, const struct pool *p,
		      const struct inbound *in, uint64_t size)
{
	char idle[FORMAT_SIZE], limit[32];
	struct finding *f = add_pool_finding(r, g, FINDING_POOL_LEAK, p, size);
	f->confidence = CONFIDENCE_LIKELY;
	f->acts = ACTS_LOCAL_APP;
	f->since_cs = p->shortest_idle_ms / 10;
	f->is_since_exact = false;
	duration_print(p->shortest_idle_ms, idle);
	set_summary(f,
		    "all %zu connections of the pool to %s idle for %s, and requests "
		    "wait",
		    p->count, f->peer, idle);
	add_evidence(f,
		     "none of them waits: it is the application's turn on each for at "
		     "least %s (limit %s)",
		     idle,
		     limit_print(LIMIT_POOL_IDLE_AGE,
				 limit_value(r, LIMIT_POOL_IDLE_AGE), limit));
	say_inbound(f, in);
	add_next(f,
		 "give each session back: `with Session() as s:`, read and close each "
		 "response, also on errors");
	add_next(f, "never hold a session across a call to another service or for the "
		    "life of a WebSocket");
	advise_postgres(f, &r->snap->sockets[p->idle_row]);
}

static void find_pool(struct report *r, const struct group *g)
{
	uint64_t size = 0;
	const struct target *t = report_target_of(r, g->oldest_row);
	target_value(t, TARGET_POOL_SIZE, &size, NULL);
	if (g->count < size)
		return;
	if (g->process == NO_INDEX) {
		add_unknown(r, FINDING_POOL_EXHAUSTED,
			    "%zu connections of [target %s] have no visible owner: "
			    "whose pool is it?",
			    g->count, t->name);
		add_unknown(r, FINDING_POOL_LEAK,
			    "%zu connections of [target %s] have no visible owner: "
			    "whose pool is it?",
			    g->count, t->name);
		return;
	}
	struct pool p = pool_of(r, g);
	if (p.untold) {
		add_unknown(r, FINDING_POOL_EXHAUSTED,
			    "of %zu connections of [target %s] the kernel does not say "
			    "whose turn it is (tcp_info, bytes_received and "
			    "notsent_bytes tell, and none does with MPTCP)",
			    p.untold, t->name);
		add_unknown(r, FINDING_POOL_LEAK,
			    "of %zu connections of [target %s] the kernel does not say "
			    "whose turn it is (tcp_info, bytes_received and "
			    "notsent_bytes tell, and none does with MPTCP)",
			    p.untold, t->name);
		return;
	}
	struct inbound in = inbound_of(r, g->process);
	if (is_exhausted(r, &p, &in))
		find_exhausted(r, g, &p, &in, size);
	else if (is_leaking(r, &p, &in))
		find_leak(r, g, &p, &in, size);
}

/* The smallest declared size, 0 = none is. */
static uint64_t smallest_pool(const struct report *r)
{
	uint64_t size, smallest = 0;
	for (size_t i = 0; r->policy && i < r->policy->target_count; i++)
		if (target_value(&r->policy->targets[i], TARGET_POOL_SIZE, &size,
				 NULL) &&
		    (!smallest || size < smallest))
			smallest = size;
	return smallest;
}

static void tally_pools(struct report *r, size_t min_count,
			void (*find)(struct report *r, const struct group *g))
{
	const struct tally_request request = {
		.kind = FINDING_POOL_EXHAUSTED,
		.by = BY_PROCESS | BY_PEER | BY_PEER_PORT | BY_TARGET,
		.min_count = min_count,
		.wants = has_pool,
		.find = find,
	};
	tally_rows(r, &request);
}

static void note_pool(struct report *r, const struct group *g)
{
	if (g->process == NO_INDEX)
		return;
	array_reserve(&r->pools, &r->pool_capacity, r->pool_count + 1,
		      sizeof(*r->pools));
	r->pools[r->pool_count++] =
		(struct pool_count){ g->oldest_row, (uint32_t)g->count };
}

void pools_count(struct report *r)
{
	r->pool_count = 0;
	if (smallest_pool(r))
		tally_pools(r, 1, note_pool);
}

void find_pools(struct report *r)
{
	uint64_t size = smallest_pool(r);
	if (size)
		tally_pools(r, size, find_pool);
}

/*
 * PostgreSQL writes what a session does into the title of its process:
 * "postgres: user db 10.0.0.5(57288) idle in transaction". The port in it says
 * that the title is about this connection.
 */
static bool is_backend(const struct report *r, uint32_t row)
{
	const struct service *s = report_service_of(r, row);
	return r->assessments[row].role == ROLE_SERVER && s && s->stack &&
	       strcmp(s->stack, "postgresql") == 0 &&
	       r->snap->sockets[row].state == TCP_STATE_ESTABLISHED &&
	       r->snap->sockets[row].inode;
}

static bool has_title(const struct process *p)
{
	static const char prefix[] = "postgres: ";
	return p && p->cmdline && p->cmdline_len >= sizeof(prefix) - 1 &&
	       memcmp(p->cmdline, prefix, sizeof(prefix) - 1) == 0;
}

static bool is_in_transaction(const struct report *r, uint32_t row)
{
	char state[48];
	const struct tcp_socket *sk = &r->snap->sockets[row];
	const struct process *p = report_process_of(r, row, NULL);
	if (!is_backend(r, row) || !has_title(p))
		return false;
	int len = snprintf(state, sizeof(state), "(%u) idle in transaction",
			   (unsigned)sk->peer_port);
	return memmem(p->cmdline, p->cmdline_len, state, (size_t)len) != NULL;
}

static bool is_stale_transaction(const struct report *r, uint32_t row)
{
	struct derived d;
	if (!is_in_transaction(r, row))
		return false;
	derive(r, row, &d);
	return d.idle_ms >= 0 &&
	       (uint64_t)d.idle_ms >= limit_value(r, LIMIT_IDLE_TRANSACTION_AGE);
}

static void find_idle_transaction(struct report *r, const struct group *g)
{
	char age[FORMAT_SIZE], limit[32];
	struct derived d;
	uint32_t longest_row = g->silent_row;
	const struct tcp_socket *sk = &r->snap->sockets[longest_row];
	const struct process *p = report_process_of(r, longest_row, NULL);
	derive(r, longest_row, &d);
	struct group of_process = *g;
	of_process.process = (int32_t)(p - r->snap->processes);
	struct finding *f = add_finding(r, &of_process);
	set_peer(f, sk);
	f->acts = ACTS_PEER;
	f->confidence = CONFIDENCE_PROVEN;
	f->warning = 0;
	f->since_cs = (uint32_t)(d.idle_ms / 10);
	f->is_since_exact = true;
	duration_print((uint64_t)d.idle_ms, age);
	set_summary(f, "%zu session%s of %s idle in transaction, the longest for %s",
		    g->count, plural(g->count), f->peer, age);
	add_evidence(f,
		     "backend %d says \"idle in transaction\", and nothing was sent "
		     "or received for %s (limit %s)",
		     p->pid, age,
		     limit_print(LIMIT_IDLE_TRANSACTION_AGE,
				 limit_value(r, LIMIT_IDLE_TRANSACTION_AGE), limit));
	add_evidence(f, "it keeps its locks and a connection of the client's pool");
	add_next(f, "let the client commit or roll back before it waits for anything "
		    "else: `with Session() as s:`");
	add_next(f, "ALTER ROLE ... SET idle_in_transaction_session_timeout = '30s';   "
		    "ends such sessions");
	add_next(f,
		 "SELECT pid, state_change, query FROM pg_stat_activity WHERE state = "
		 "'idle in transaction';");
}

/* Backends that cannot be told: no owner, no title, no clock. */
static void report_untold(struct report *r)
{
	size_t owners = 0, clocks = 0;
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		uint32_t row = (uint32_t)i;
		struct derived d;
		if (!r->assessments[i].is_selected || !is_backend(r, row))
			continue;
		owners += !has_title(report_process_of(r, row, NULL));
		if (!is_in_transaction(r, row))
			continue;
		derive(r, row, &d);
		clocks += d.idle_ms < 0;
	}
	if (owners)
		add_unknown(r, FINDING_POOL_LEAK,
			    "what %zu PostgreSQL session%s do%s is not visible: no "
			    "title of a process",
			    owners, plural(owners), owners == 1 ? "es" : "");
	if (clocks)
		add_unknown(r, FINDING_POOL_LEAK,
			    "of %zu session%s in a transaction the kernel does not say "
			    "when data moved (tcp_info)",
			    clocks, plural(clocks));
}

void find_idle_transactions(struct report *r)
{
	static const struct tally_request request = {
		FINDING_POOL_LEAK,    BY_SERVICE | BY_PEER,  1,
		is_stale_transaction, find_idle_transaction,
	};
	bool is_any = false;
	for (size_t i = 0; i < r->service_count; i++)
		is_any |= r->services[i].stack &&
			  strcmp(r->services[i].stack, "postgresql") == 0;
	if (!is_any)
		return;
	report_untold(r);
	tally_rows(r, &request);
}
