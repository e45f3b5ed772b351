/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "context.h"

/*
 * Findings speak about groups: connections with related verdicts of one service
 * and one process. First the complaints are sorted into groups, then each kind
 * of finding looks at its groups and words what it sees. What belongs to a
 * stuck worker is told by that finding; the others then say they are part of it.
 */
struct group {
	enum finding_kind kind;
	int32_t service; /* NO_INDEX: client-role connections */
	int32_t process; /* NO_INDEX: not known, or about the whole service */
	size_t count;
	size_t closed_count; /* of them, the peer has closed already */
	size_t queued_count; /* of them, not accepted yet */
	size_t proven_count, likely_count;
	uint64_t unread_bytes, unsent_bytes;
	uint32_t oldest_cs; /* longest known `since`; 0 when none is known */
	bool is_oldest_exact;
};

struct groups {
	struct group *items;
	size_t count, capacity;
	struct u64_map index; /* kind, service, process -> position */
};

static struct group *group_of(struct groups *all, enum finding_kind kind,
			      int32_t service, int32_t process)
{
	bool is_new;
	/* 28 bits are more processes or ports than a machine can have. */
	uint64_t key = (uint64_t)kind << 56 |
		       ((uint64_t)(service + 1) & 0xfffffff) << 28 |
		       ((uint64_t)(process + 1) & 0xfffffff);
	uint32_t *position = u64_map_insert(&all->index, key, &is_new);
	if (is_new) {
		*position = (uint32_t)all->count;
		array_reserve(&all->items, &all->capacity, all->count + 1,
			      sizeof(*all->items));
		all->items[all->count++] = (struct group){
			.kind = kind,
			.service = service,
			.process = process,
		};
	}
	return &all->items[*position];
}

static void add_to_group(struct group *g, const struct tcp_socket *sk,
			 const struct assessment *a)
{
	g->count++;
	g->closed_count += sk->state == TCP_STATE_CLOSE_WAIT;
	g->queued_count += sk->inode == 0;
	g->proven_count += a->confidence == CONFIDENCE_PROVEN;
	g->likely_count += a->confidence == CONFIDENCE_LIKELY;
	g->unread_bytes += sk->recv_queue -
			   (sk->state == TCP_STATE_CLOSE_WAIT && sk->recv_queue > 0);
	g->unsent_bytes += sk->send_queue;
	if (a->since_cs != ASSESSMENT_SINCE_UNKNOWN && a->since_cs >= g->oldest_cs) {
		g->oldest_cs = a->since_cs;
		g->is_oldest_exact = a->is_since_exact;
	}
}

/* Which kind of finding a verdict belongs to, and whether it names a process. */
static const struct {
	uint8_t verdict, kind;
	bool is_by_process;
} membership[] = {
	{ VERDICT_HALF_OPEN, FINDING_HALF_OPEN, false },
	{ VERDICT_UNREACHABLE, FINDING_HALF_OPEN, false },
	{ VERDICT_UNREAD, FINDING_STUCK_WORKER, true },
	{ VERDICT_CLOSE_WAIT_UNREAD, FINDING_STUCK_WORKER, true },
	{ VERDICT_QUEUED, FINDING_ACCEPT_QUEUE_FULL, false },
	{ VERDICT_QUEUE_ABANDONED, FINDING_QUEUE_ABANDONED, false },
	{ VERDICT_CLOSE_WAIT_LEAK, FINDING_CLOSE_WAIT_LEAK, true },
	{ VERDICT_SLOW_READER, FINDING_SLOW_READER, false },
	{ VERDICT_SLOW_RESPONSE, FINDING_SLOW_RESPONSE, false },
	{ VERDICT_HALF_OPEN_SUSPECT, FINDING_HALF_OPEN_SUSPECT, false },
};

static int32_t process_index(const struct report *r, uint32_t row)
{
	const struct process *p = report_process_of(r, row, NULL);
	return p ? (int32_t)(p - r->snap->processes) : NO_INDEX;
}

static int32_t service_index(const struct report *r, uint32_t row)
{
	const struct service *s = report_service_of(r, row);
	return s ? (int32_t)(s - r->services) : NO_INDEX;
}

static void group_rows(const struct report *r, struct groups *all)
{
	int kind_of[VERDICT_COUNT];
	bool is_by_process[VERDICT_COUNT];
	for (size_t v = 0; v < VERDICT_COUNT; v++)
		kind_of[v] = NO_INDEX;
	for (size_t i = 0; i < sizeof(membership) / sizeof(*membership); i++) {
		kind_of[membership[i].verdict] = membership[i].kind;
		is_by_process[membership[i].verdict] = membership[i].is_by_process;
	}
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct assessment *a = &r->assessments[i];
		if (!a->is_selected || kind_of[a->verdict] == NO_INDEX)
			continue;
		uint32_t row = (uint32_t)i;
		int32_t service = service_index(r, row);
		/* Without a service the process is all there is to go by. */
		int32_t process = is_by_process[a->verdict] || service == NO_INDEX
					  ? process_index(r, row)
					  : NO_INDEX;
		add_to_group(group_of(all, (enum finding_kind)kind_of[a->verdict],
				      service, process),
			     &r->snap->sockets[i], a);
	}
}

/* A full queue is a fact about listeners, with or without waiting connections. */
static void group_listeners(const struct report *r, struct groups *all)
{
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		bool is_selected = false;
		for (size_t j = 0; j < s->listener_count; j++)
			is_selected |= r->assessments[s->listeners[j]].is_selected;
		if (is_selected && s->accept_queue_count)
			group_of(all, FINDING_ACCEPT_QUEUE_FULL, (int32_t)i, NO_INDEX);
	}
}

static uint64_t limit_value(const struct report *r, enum limit_id id)
{
	return r->limits->value[id];
}

static bool is_older(const struct report *r, const struct group *g, enum limit_id id)
{
	return g->oldest_cs * 10ULL >= limit_value(r, id);
}

static char *copy_format(const char *fmt, va_list args)
{
	struct strbuf sb = { 0 };
	strbuf_vaddf(&sb, fmt, args);
	return strbuf_steal(&sb);
}

static void __attribute__((format(printf, 2, 3)))
add_evidence(struct finding *f, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	if (f->evidence_count < FINDING_EVIDENCE_MAX)
		f->evidence[f->evidence_count++] = copy_format(fmt, args);
	va_end(args);
}

static void __attribute__((format(printf, 2, 3)))
add_next(struct finding *f, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	if (f->next_count < FINDING_NEXT_MAX)
		f->next[f->next_count++] = copy_format(fmt, args);
	va_end(args);
}

static void __attribute__((format(printf, 2, 3)))
set_summary(struct finding *f, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	f->summary = copy_format(fmt, args);
	va_end(args);
}

/* "≥" is written by the renderer's locale; sentences say it in a word. */
static const char *at_least(const struct group *g)
{
	return g->is_oldest_exact ? "" : "at least ";
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static uint64_t fnv1a(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ULL;
	return hash;
}

/*
 * The same trouble keeps its fingerprint between runs and restarts: kind,
 * listener and program name, no counts, no pids.
 */
static uint64_t fingerprint(const struct report *r, const struct finding *f)
{
	const char *code = finding_table[f->kind].code;
	uint64_t hash = fnv1a(0xcbf29ce484222325ULL, code, strlen(code) + 1);
	if (f->service != NO_INDEX) {
		const struct service *s = &r->services[f->service];
		const char *ns = r->snap->namespaces[s->netns].name;
		hash = fnv1a(hash, ns, strlen(ns) + 1);
		hash = fnv1a(hash, s->listener_text, strlen(s->listener_text));
	}
	if (f->process != NO_INDEX) {
		const char *comm = r->snap->processes[f->process].comm;
		hash = fnv1a(hash, comm, strlen(comm));
	}
	return hash;
}

/* A new finding about the group, with what all kinds have in common. */
static struct finding *add_finding(struct report *r, const struct group *g)
{
	array_reserve(&r->findings, &r->finding_capacity, r->finding_count + 1,
		      sizeof(*r->findings));
	struct finding *f = &r->findings[r->finding_count++];
	*f = (struct finding){
		.kind = g->kind,
		.severity = SEVERITY_WARNING,
		.confidence = g->proven_count   ? CONFIDENCE_PROVEN
			      : g->likely_count ? CONFIDENCE_LIKELY
						: CONFIDENCE_SUSPECT,
		.service = g->service,
		.process = g->process,
		.part_of = NO_INDEX,
		.value = (double)g->count,
		.unit = "{connection}",
		.warning = NAN,
		.critical = NAN,
		.since_cs = g->oldest_cs ? g->oldest_cs : ASSESSMENT_SINCE_UNKNOWN,
		.is_since_exact = g->is_oldest_exact,
	};
	return f;
}

static const struct process *process_at(const struct report *r, int32_t index)
{
	return index == NO_INDEX ? NULL : &r->snap->processes[index];
}

static char *oldest(const struct group *g, char out[static FORMAT_SIZE])
{
	return duration_print(g->oldest_cs * 10ULL, out);
}

/* The group of another kind about the same service, or an empty one. */
static const struct group *sibling(const struct groups *all, enum finding_kind kind,
				   int32_t service)
{
	static const struct group none = { .service = NO_INDEX, .process = NO_INDEX };
	for (size_t i = 0; service != NO_INDEX && i < all->count; i++)
		if (all->items[i].kind == kind && all->items[i].service == service)
			return &all->items[i];
	return &none;
}

static void say_queue(const struct report *r, struct finding *f, const struct group *g,
		      const struct group *queued, const struct group *abandoned)
{
	if (g->service == NO_INDEX)
		return;
	const struct service *s = &r->services[g->service];
	char age[FORMAT_SIZE];
	if (s->accept_queue_count)
		add_evidence(f, "accept queue %" PRIu64 " of %" PRIu64,
			     s->accept_queue_count, s->accept_queue_limit);
	if (queued->count)
		add_evidence(f,
			     "%zu connection%s waiting to be accepted, the oldest "
			     "%s%s",
			     queued->count, plural(queued->count), at_least(queued),
			     oldest(queued, age));
	if (abandoned->count)
		add_evidence(f, "%zu client%s gave up before accept", abandoned->count,
			     plural(abandoned->count));
}

static void say_process(const struct report *r, struct finding *f)
{
	const struct process *p = process_at(r, f->process);
	if (!p)
		return;
	if (p->wchan[0])
		add_evidence(f, "process %d is in state %c, waits in %s", p->pid,
			     p->state, p->wchan);
	else if (p->state)
		add_evidence(f, "process %d is in state %c", p->pid, p->state);
}

static void advise_stuck_worker(const struct report *r, struct finding *f)
{
	const struct process *p = process_at(r, f->process);
	const struct service *s =
		f->service == NO_INDEX ? NULL : &r->services[f->service];
	bool is_python =
		s && s->stack &&
		(!strcmp(s->stack, "uvicorn") || !strcmp(s->stack, "gunicorn") ||
		 !strcmp(s->stack, "hypercorn") || !strcmp(s->stack, "daphne"));
	if (p && is_python)
		add_next(f, "py-spy dump --pid %d   shows the call it is stuck in",
			 p->pid);
	else if (p)
		add_next(
			f,
			"cat /proc/%d/stack; gdb -p %d   shows the call it is stuck in",
			p->pid, p->pid);
	add_next(f, "restart the worker: no kernel timer ends this by itself");
}

static void add_close_wait_leak(struct report *r, const struct group *g,
				const char *evidence)
{
	char age[FORMAT_SIZE];
	struct finding *f = add_finding(r, g);
	const struct process *p = process_at(r, g->process);
	f->acts = ACTS_LOCAL_APP;
	if (is_older(r, g, LIMIT_CLOSE_WAIT_CRITICAL_AGE) &&
	    g->count >= limit_value(r, LIMIT_CLOSE_WAIT_CRITICAL_COUNT))
		f->severity = SEVERITY_CRITICAL;
	f->warning = 0;
	f->critical = (double)limit_value(r, LIMIT_CLOSE_WAIT_CRITICAL_COUNT) - 1;
	set_summary(f, "%zu connection%s closed by the peer %s%s ago and kept open",
		    g->count, plural(g->count), at_least(g), oldest(g, age));
	add_evidence(f, "%s", evidence);
	if (p && p->fd_count >= 0 && p->fd_limit > 0)
		add_evidence(f, "%" PRId64 " of %" PRId64 " descriptors in use",
			     p->fd_count, p->fd_limit);
	if (p)
		add_next(f,
			 "ls -l /proc/%d/fd   the descriptors named below are the leak",
			 p->pid);
	add_next(f,
		 "close the connection when a read returns 0 bytes; CLOSE_WAIT has no "
		 "kernel timeout");
}

static void find_close_wait_leak(struct report *r, const struct groups *all,
				 const struct group *g)
{
	(void)all;
	add_close_wait_leak(
		r, g,
		"the application has read the end of the stream and did not "
		"close");
}

/* One alone is no stuck worker, but after a minute it is a leak all the same. */
static void find_unread_leak(struct report *r, const struct group *unread)
{
	if (!unread->closed_count || !is_older(r, unread, LIMIT_CLOSE_WAIT_AGE))
		return;
	struct group g = *unread;
	g.kind = FINDING_CLOSE_WAIT_LEAK;
	add_close_wait_leak(r, &g,
			    "the application has not even read the end of the stream");
}

/*
 * Several sockets of one process wait for it to read, or nobody empties the
 * queue. One unread connection alone may be back-pressure on purpose.
 */
static void find_stuck_worker(struct report *r, const struct groups *all,
			      const struct group *g)
{
	const struct group *queued =
		sibling(all, FINDING_ACCEPT_QUEUE_FULL, g->service);
	const struct group *abandoned =
		sibling(all, FINDING_QUEUE_ABANDONED, g->service);
	size_t waiting = g->count + queued->count + abandoned->count;
	if (waiting < limit_value(r, LIMIT_STUCK_WORKER_SOCKETS)) {
		find_unread_leak(r, g);
		return;
	}
	char age[FORMAT_SIZE], size[FORMAT_SIZE];
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_LOCAL_APP;
	if (is_older(r, g, LIMIT_STUCK_WORKER_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	f->warning = (double)limit_value(r, LIMIT_STUCK_WORKER_SOCKETS) - 1;
	set_summary(f,
		    "worker stuck for %s%s: %zu connection%s unread, %zu of them left",
		    at_least(g), oldest(g, age), g->count, plural(g->count),
		    g->closed_count);
	add_evidence(f, "nothing read from %zu connection%s for %s%s, %s waiting",
		     g->count, plural(g->count), at_least(g), oldest(g, age),
		     size_print(g->unread_bytes, size));
	if (g->closed_count)
		add_evidence(f, "%zu of them closed by the client, and nobody noticed",
			     g->closed_count);
	say_queue(r, f, g, queued, abandoned);
	say_process(r, f);
	advise_stuck_worker(r, f);
}

/* The process that should accept; with several, the one with the lowest pid. */
static int32_t accepting_process(const struct report *r, int32_t service)
{
	const struct service *s = &r->services[service];
	int32_t best = NO_INDEX;
	for (size_t i = 0; i < s->process_count; i++) {
		int32_t p = (int32_t)s->processes[i];
		if (best == NO_INDEX ||
		    r->snap->processes[p].pid < r->snap->processes[best].pid)
			best = p;
	}
	return best;
}

/* Nobody accepts, and nothing was accepted before that could lie unread. */
static void find_idle_accept(struct report *r, const struct groups *all,
			     const struct group *queue)
{
	const struct group *abandoned =
		sibling(all, FINDING_QUEUE_ABANDONED, queue->service);
	const struct group *oldest_group =
		abandoned->oldest_cs > queue->oldest_cs ? abandoned : queue;
	if (sibling(all, FINDING_STUCK_WORKER, queue->service)->count ||
	    !is_older(r, oldest_group, LIMIT_UNREAD_AGE))
		return;
	struct group g = *oldest_group;
	char age[FORMAT_SIZE];
	g.kind = FINDING_STUCK_WORKER;
	g.process = accepting_process(r, g.service);
	g.count = queue->count + abandoned->count;
	struct finding *f = add_finding(r, &g);
	f->acts = ACTS_LOCAL_APP;
	if (is_older(r, &g, LIMIT_STUCK_WORKER_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	set_summary(f,
		    "nobody accepts for %s%s: %zu connection%s in the queue, %zu left",
		    at_least(&g), oldest(&g, age), g.count, plural(g.count),
		    abandoned->count);
	say_queue(r, f, &g, queue, abandoned);
	say_process(r, f);
	advise_stuck_worker(r, f);
}

static void find_half_open(struct report *r, const struct groups *all,
			   const struct group *g)
{
	(void)all;
	char age[FORMAT_SIZE], size[FORMAT_SIZE];
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
	add_next(f, "set TCP_USER_TIMEOUT or net.ipv4.tcp_retries2=8 to give up after "
		    "about 100 s instead of 15 min");
	add_next(f,
		 "ss -tino state connected '( dst PEER )'   shows the retransmissions");
}

/* How full the fullest queue is, and what was dropped since the first look. */
struct queue_state {
	uint64_t count, limit;
	uint64_t permille;
	uint64_t dropped;
	bool is_full;
};

static struct queue_state queue_state_of(const struct report *r,
					 const struct service *s)
{
	struct queue_state q = { 0 };
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[s->listeners[i]];
		/* A backlog of n holds n + 1. */
		uint64_t permille = sk->recv_queue * 1000ULL / (sk->send_queue + 1ULL);
		q.dropped += history_drops_growth(r->history, sk->cookie, sk->drops);
		if (permille < q.permille)
			continue;
		q.permille = permille;
		q.count = sk->recv_queue;
		q.limit = sk->send_queue;
		q.is_full = sk->recv_queue > sk->send_queue;
	}
	return q;
}

static void find_accept_queue(struct report *r, const struct groups *all,
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
	set_summary(f, "accept queue of %s is %s (%" PRIu64 " of %" PRIu64 ")",
		    s->listener_text, q.is_full ? "full" : "filling", q.count, q.limit);
	add_evidence(f, "%" PRIu64 " connections wait, the backlog is %" PRIu64,
		     q.count, q.limit);
	if (q.dropped)
		add_evidence(f,
			     "%" PRIu64
			     " handshakes dropped by this listener since the "
			     "first look",
			     q.dropped);
	int64_t overflows = history_counter_growth(r->history, KERNEL_LISTEN_OVERFLOWS);
	if (overflows > 0)
		add_evidence(f, "ListenOverflows of the namespace grew by %" PRId64,
			     overflows);
	add_next(f, "find out why nobody accepts; a larger backlog only hides it");
	add_next(f, "ss -ltn 'sport = :%u'", s->port);
}

static void find_queue_abandoned(struct report *r, const struct groups *all,
				 const struct group *g)
{
	if (g->service == NO_INDEX)
		return;
	/* Without a living client in the queue, no other group leads here. */
	const struct group *queue = sibling(all, FINDING_ACCEPT_QUEUE_FULL, g->service);
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
	add_next(f, "the worker will still answer requests nobody waits for; free it "
		    "first");
}

static void find_slow_reader(struct report *r, const struct groups *all,
			     const struct group *g)
{
	(void)all;
	char age[FORMAT_SIZE], size[FORMAT_SIZE];
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_PEER;
	if (is_older(r, g, LIMIT_SLOW_READER_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	f->warning = 0;
	set_summary(f, "%zu peer%s not reading for %s%s, %s held here", g->count,
		    g->count == 1 ? " is" : "s are", at_least(g), oldest(g, age),
		    size_print(g->unsent_bytes, size));
	add_evidence(
		f, "closed window, probes answered: alive and not reading; the kernel "
		   "never gives such a peer up");
	add_next(f, "give the sending side a write timeout (nginx: send_timeout 60s)");
}

static void find_slow_response(struct report *r, const struct groups *all,
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
	set_summary(f, "%zu repl%s owed, the oldest for %s", g->count,
		    g->count == 1 ? "y" : "ies", oldest(g, age));
	add_evidence(f, "last came data, all of it read, and nothing was sent since");
	if (!is_likely)
		add_evidence(f,
			     "whether a reply is owed is not known for this protocol");
	add_next(f,
		 "give outgoing calls (database, HTTP) a timeout below the clients'");
}

static void find_half_open_suspect(struct report *r, const struct groups *all,
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
	add_next(f,
		 "turn on TCP keepalive (60 s, 10 s, 3 probes) or a heartbeat of the "
		 "application");
}

static void (*const finders[FINDING_KIND_COUNT])(struct report *r,
						 const struct groups *all,
						 const struct group *g) = {
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

static void fold_into_stories(struct report *r)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		struct finding *part = &r->findings[i];
		if (part->service == NO_INDEX || !is_told_by_stuck_worker(part->kind))
			continue;
		for (size_t j = 0; j < r->finding_count; j++) {
			const struct finding *lead = &r->findings[j];
			if (lead->kind == FINDING_STUCK_WORKER &&
			    lead->service == part->service && part->part_of == NO_INDEX)
				part->part_of = (int32_t)j;
		}
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
	group_rows(r, &all);
	group_listeners(r, &all);
	for (size_t i = 0; i < all.count; i++)
		finders[all.items[i].kind](r, &all, &all.items[i]);
	free(all.items);
	u64_map_clear(&all.index);

	if (r->finding_count)
		qsort_r(r->findings, r->finding_count, sizeof(*r->findings),
			compare_findings, r);
	for (size_t i = 0; i < r->finding_count; i++)
		r->findings[i].fingerprint = fingerprint(r, &r->findings[i]);
	fold_into_stories(r);
	set_severities(r);
}
