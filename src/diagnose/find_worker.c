/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "worker.h"

/*
 * A worker that leaves somebody waiting: connections that it does not read, or does
 * not accept.
 */

/* The oldest wait of a group, in ms; 0 when none is known. */
static int64_t oldest_ms(const struct group *g)
{
	return (int64_t)g->oldest_cs * 10;
}

static void say_answered(struct finding *f, int64_t ago_ms)
{
	char ago[FORMAT_SIZE];
	duration_print((uint64_t)ago_ms, ago);
	add_evidence(f, "others were answered meanwhile, the last %s ago", ago);
}

/*
 * A client's connections: an idle pool looks at them when it uses one, and what
 * lies there may be a notice, a ticket or a heartbeat of the peer. That accuses
 * nobody of being stuck. Those that the peer closed are in the group of leaks.
 */
static void find_unread_outgoing(struct report *r, const struct group *g)
{
	char age[FORMAT_SIZE], size[FORMAT_SIZE];
	if (g->count < limit_value(r, LIMIT_STUCK_WORKER_SOCKETS))
		return;
	struct finding *f = add_finding(r, g);
	const struct process *p = process_at(r, g->process);
	f->acts = ACTS_LOCAL_APP;
	f->confidence = CONFIDENCE_SUSPECT;
	f->warning = (double)limit_value(r, LIMIT_STUCK_WORKER_SOCKETS) - 1;
	if (is_halted(p) && is_older(r, g, LIMIT_STUCK_WORKER_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	else if (!is_halted(p) &&
		 g->unread_bytes <= limit_value(r, LIMIT_UNREAD_NOTICE) * g->count)
		f->severity = SEVERITY_INFO;
	set_summary(f, "%zu outgoing connection%s unread for %s%s", g->count,
		    plural(g->count), at_least(g), oldest(g, age));
	add_evidence(f, "%s came from the peers and was not read",
		     size_print(g->unread_bytes, size));
	say_process(r, f);
	if (advise_halted(f, p))
		return;
	f->cause = "An idle pool that looks when it needs one, or a program that is "
		   "busy elsewhere.";
	f->is_remedy_told = true;
	add_next(f, "read or close each response; an idle pool reads only when it uses "
		    "a connection");
	if (p)
		add_next(f,
			 "cat /proc/%d/stack   is it stuck, or does it wait for work?",
			 p->pid);
}

/*
 * Since when a reply on another of its connections refutes that the worker is
 * stuck: a moment ago, or since the oldest that waits came if that is later.
 */
static int64_t worker_answered_ms(const struct report *r, const struct group *g)
{
	int64_t within = (int64_t)limit_value(r, LIMIT_UNREAD_AGE);
	if (oldest_ms(g) < within)
		within = oldest_ms(g);
	return answered_ms(r, g->service, g->process, within);
}

/* Its main thread waits for events or for clients: nothing blocks it. */
static bool is_ready(const struct process *p)
{
	static const char *const waits[] = { "do_epoll_wait", "ep_poll",
					     "inet_csk_accept", NULL };
	return waits_in(p, waits);
}

/*
 * Every request was read, the clients left, and the process is ready for more: its
 * handlers go on without looking, as those of threads and of proxies do.
 */
static bool is_left_by_clients(const struct report *r, const struct group *g,
			       size_t waiting)
{
	return g->closed_count == g->count && g->unread_bytes == 0 &&
	       waiting == g->count && is_ready(process_at(r, g->process));
}

static void add_left_by_clients(struct report *r, const struct group *g)
{
	char age[FORMAT_SIZE];
	struct finding *f = add_finding(r, g);
	const struct process *p = process_at(r, g->process);
	f->acts = ACTS_LOCAL_APP;
	f->confidence = CONFIDENCE_LIKELY;
	f->warning = (double)limit_value(r, LIMIT_STUCK_WORKER_SOCKETS) - 1;
	set_summary(f, "%zu client%s gave up %s%s ago, and nobody noticed", g->count,
		    plural(g->count), at_least(g), oldest(g, age));
	add_evidence(f, "all they sent was read; the end of the stream was not");
	say_process(r, f);
	add_next(f, "handlers work for clients that left: give them, and their calls, "
		    "a timeout");
	if (p)
		add_next(f, "ls -l /proc/%d/fd   the descriptors named below stay open",
			 p->pid);
	f->cause = "Handlers go on, or wait, for clients that have left.";
}

/* All descriptors were looked at, and none is of these connections. */
static bool is_ownerless(const struct report *r, const struct group *g)
{
	return g->process == NO_INDEX &&
	       report_owner_search(r, g->oldest_row) == OWNER_NOT_FOUND;
}

static void say_ownerless(struct finding *f)
{
	add_evidence(f, "no process that is visible here holds them");
	f->cause =
		"Passed on through a Unix socket and not taken, held by io_uring, or "
		"of another container.";
	f->is_remedy_told = true;
	add_next(f, "ss -xp   which Unix sockets have bytes in Recv-Q: who should take "
		    "them there?");
}

/*
 * All that fits in is there, and the process is ready for more: it may read on, so
 * slowly that no window opens, and hold its clients back on purpose.
 */
static bool is_held_back(const struct report *r, const struct group *g, size_t waiting)
{
	return g->full_count == g->count && !g->proven_count && waiting == g->count &&
	       is_ready(process_at(r, g->process));
}

static void add_held_back(struct report *r, const struct group *g)
{
	char age[FORMAT_SIZE], size[FORMAT_SIZE];
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_LOCAL_APP;
	f->confidence = CONFIDENCE_LIKELY;
	f->warning = (double)limit_value(r, LIMIT_STUCK_WORKER_SOCKETS) - 1;
	set_summary(f, "%zu clients held back for %s%s: what they send is not taken",
		    g->count, at_least(g), oldest(g, age));
	add_evidence(f, "%s waiting, the buffers are full",
		     size_print(g->unread_bytes, size));
	add_evidence(f,
		     "whether older bytes are read meanwhile, this run was too short "
		     "to tell");
	say_process(r, f);
	f->cause =
		"It takes more time for what came, or what it sends that to is slow.";
	f->is_remedy_told = true;
	add_next(f, "conn-doctor watch :%u   does Recv-Q (RQ) ever shrink?",
		 r->services[g->service].port);
	add_next(f, "look at where it passes the data on: a disk, a database, another "
		    "server");
}

static void say_unread(struct finding *f, const struct group *g, int64_t alive_ms)
{
	char age[FORMAT_SIZE], size[FORMAT_SIZE], gone[48];
	set_summary(f,
		    alive_ms < 0
			    ? "worker stuck for %s%s: %zu connection%s unread%s"
			    : "unread for %s%s: %zu connection%s, while others are "
			      "answered%s",
		    at_least(g), oldest(g, age), g->count, plural(g->count),
		    gave_up(gone, g->closed_count));
	add_evidence(f, "nothing read from %zu connection%s for %s%s, %s waiting",
		     g->count, plural(g->count), at_least(g), oldest(g, age),
		     size_print(g->unread_bytes, size));
	if (g->closed_count)
		add_evidence(f, "%zu of them closed by the client, and nobody noticed",
			     g->closed_count);
	if (alive_ms < 0)
		return;
	say_answered(f, alive_ms);
	f->cause = "Some handlers or threads hang while the others go on.";
	f->confidence = CONFIDENCE_LIKELY; /* that it is the worker's fault */
}

/*
 * Several sockets of one process wait for it to read, or nobody empties the
 * queue. One unread connection alone may be back-pressure on purpose.
 */
void find_stuck_worker(struct report *r, const struct groups *all,
		       const struct group *g)
{
	if (g->service == NO_INDEX) {
		find_unread_outgoing(r, g);
		return;
	}
	int32_t queue_service =
		is_queue_of(r, g->service, g->process) ? g->service : NO_INDEX;
	const struct group *queued =
		groups_sibling(all, FINDING_ACCEPT_QUEUE_FULL, queue_service);
	const struct group *abandoned =
		groups_sibling(all, FINDING_QUEUE_ABANDONED, queue_service);
	size_t waiting = g->count + queued->count + abandoned->count;
	if (waiting < limit_value(r, LIMIT_STUCK_WORKER_SOCKETS)) {
		find_unread_leak(r, g);
		return;
	}
	if (is_left_by_clients(r, g, waiting)) {
		add_left_by_clients(r, g);
		return;
	}
	if (is_held_back(r, g, waiting)) {
		add_held_back(r, g);
		return;
	}
	int64_t alive_ms = worker_answered_ms(r, g);
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_LOCAL_APP;
	if (is_older(r, g, LIMIT_STUCK_WORKER_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	f->warning = (double)limit_value(r, LIMIT_STUCK_WORKER_SOCKETS) - 1;
	say_unread(f, g, alive_ms);
	if (queue_service != NO_INDEX)
		say_queue(r, f, g, queued, abandoned);
	say_process(r, f);
	if (alive_ms < 0 && waiting == g->count && is_ready(process_at(r, g->process)))
		f->cause = "Its main thread is ready: all threads, or these handlers, "
			   "wait for something slow.";
	if (is_ownerless(r, g))
		say_ownerless(f);
	else
		advise_stuck_worker(
			r, f, alive_ms >= 0 ? WORKER_ANSWERS_OTHERS : WORKER_SILENT);
}

/* A worker whose unread connections tell the story of this queue as well. */
static bool is_queue_told(const struct report *r, const struct groups *all,
			  int32_t service)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct group *g = &all->items[i];
		if (g->kind == FINDING_STUCK_WORKER && g->service == service &&
		    is_queue_of(r, service, g->process))
			return true;
	}
	return false;
}

/* With a listener for each worker, only the owner's replies speak for a queue. */
static int64_t queue_answered_ms(const struct report *r, const struct finding *f,
				 uint32_t listener, int64_t within_ms)
{
	const struct service *s = &r->services[f->service];
	const struct ip_address *local = &r->snap->sockets[listener].local;
	size_t same = 0;
	for (size_t i = 0; i < s->listener_count; i++)
		same += memcmp(&r->snap->sockets[s->listeners[i]].local, local,
			       sizeof(*local)) == 0;
	return answered_ms(r, f->service, same > 1 ? f->process : NO_INDEX, within_ms);
}

static void say_idle_accept(struct finding *f, const struct group *g,
			    size_t gave_up_count, int64_t alive_ms)
{
	char age[FORMAT_SIZE], gone[48];
	if (alive_ms < 0)
		set_summary(f,
			    "nobody accepts for %s%s: %zu connection%s in the queue%s",
			    at_least(g), oldest(g, age), g->count, plural(g->count),
			    gave_up(gone, gave_up_count));
	else
		set_summary(f,
			    "%zu connection%s wait%s to be accepted, the oldest for "
			    "%s%s: slower than they come%s",
			    g->count, plural(g->count), g->count == 1 ? "s" : "",
			    at_least(g), oldest(g, age), gave_up(gone, gave_up_count));
}

/* Nobody accepts, and nothing was accepted before that could lie unread. */
void find_idle_accept(struct report *r, const struct groups *all,
		      const struct group *queue)
{
	const struct group *abandoned =
		groups_sibling(all, FINDING_QUEUE_ABANDONED, queue->service);
	const struct group *oldest_group =
		abandoned->oldest_cs > queue->oldest_cs ? abandoned : queue;
	if (is_queue_told(r, all, queue->service) ||
	    !is_older(r, oldest_group, LIMIT_UNREAD_AGE))
		return;
	struct group g = *oldest_group;
	g.kind = FINDING_STUCK_WORKER;
	struct queue_state q = queue_state_of(r, &r->services[g.service]);
	g.process = accepting_process(r, q.row);
	g.count = queue->count + abandoned->count;
	struct finding *f = add_finding(r, &g);
	f->acts = ACTS_LOCAL_APP;
	if (is_older(r, &g, LIMIT_STUCK_WORKER_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	struct holds holds = holds_of(r, g.service);
	int64_t alive_ms = queue_answered_ms(r, f, q.row, oldest_ms(&g));
	enum not_accepting why = why_not_accepting(r, f, &holds, alive_ms);
	if (why || !is_going_on(r, &holds, alive_ms))
		alive_ms = -1;
	say_idle_accept(f, &g, abandoned->count, alive_ms);
	say_queue(r, f, &g, queue, abandoned);
	if (alive_ms >= 0) {
		say_answered(f, alive_ms);
		f->cause = "Requests come faster than the workers answer them.";
	} else {
		say_workers(r, f, q.row);
		say_holds(r, f, &holds);
	}
	say_process(r, f);
	if (why)
		advise_acceptor(r, f, why);
	else
		advise_stuck_worker(r, f,
				    alive_ms >= 0 ? WORKER_IS_SLOW : WORKER_SILENT);
}
