/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/strbuf.h"
#include "conn-doctor/text.h"
#include "finding_groups.h"
#include "growth.h"

static void say_queue(const struct report *r, struct finding *f, const struct group *g,
		      const struct group *queued, const struct group *abandoned)
{
	if (g->service == NO_INDEX)
		return;
	struct queue_state q = queue_state_of(r, &r->services[g->service]);
	char age[FORMAT_SIZE];
	if (q.count)
		add_evidence(f, "accept queue %" PRIu64 " of %" PRIu64 "%s", q.count,
			     q.limit, q.is_full ? ": full" : "");
	if (q.dropped)
		add_evidence(f, "%" PRIu64 " handshakes dropped since the first look",
			     q.dropped);
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

/* The process that started it, when that holds the listener too. */
static const struct process *
supervisor_of(const struct report *r, const struct finding *f, const struct process *p)
{
	const struct process *parent = process_parent(r->snap, p);
	for (size_t i = 0; parent && f->service != NO_INDEX &&
			   i < r->services[f->service].process_count;
	     i++)
		if (&r->snap->processes[r->services[f->service].processes[i]] == parent)
			return parent;
	return NULL;
}

/* " (UvicornWorker, worker of 4711)" */
static void put_supervisor(const struct report *r, const struct finding *f,
			   const struct process *p, struct strbuf *out)
{
	struct launch l;
	const struct process *parent = supervisor_of(r, f, p);
	if (!parent)
		return;
	stack_recognise(r->snap, p, &l);
	const char *class_name = l.stack ? stack_worker_class(&l) : "";
	strbuf_add(out, " (");
	text_sanitize(out, class_name, strlen(class_name));
	strbuf_addf(out, "%sworker of %d)", *class_name ? ", " : "", parent->pid);
}

/* What a kernel function tells somebody who does not read the kernel. */
static const char *meaning_of_wchan(const char *wchan)
{
	static const struct {
		const char *prefix, *meaning;
	} rows[] = {
		{ "wait_woken", " (data from a socket)" },
		{ "futex_", " (a lock, or another thread)" },
		{ "hrtimer_nanosleep", " (it sleeps on purpose)" },
		{ "do_nanosleep", " (it sleeps on purpose)" },
		{ "pipe_", " (another program, through a pipe)" },
		{ "do_wait", " (a child process)" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strncmp(wchan, rows[i].prefix, strlen(rows[i].prefix)) == 0)
			return rows[i].meaning;
	return "";
}

/* Stopped on purpose: it goes on where it was when it is told to. */
static bool is_stopped(const struct process *p)
{
	return p && (p->state == 'T' || p->state == 't');
}

static void say_process(const struct report *r, struct finding *f)
{
	const struct process *p = process_at(r, f->process);
	auto_strbuf struct strbuf who = { 0 };
	if (!p)
		return;
	strbuf_addf(&who, "process %d", p->pid);
	put_supervisor(r, f, p, &who);
	if (is_stopped(p))
		add_evidence(f, "%s is stopped (state %c): %s", strbuf_text(&who),
			     p->state,
			     p->state == 't' ? "a debugger holds it"
					     : "SIGSTOP, SIGTSTP or a job control");
	else if (p->wchan[0])
		add_evidence(f, "%s is in state %c, waits in %s%s", strbuf_text(&who),
			     p->state, p->wchan, meaning_of_wchan(p->wchan));
	else if (p->state)
		add_evidence(f, "%s is in state %c", strbuf_text(&who), p->state);
}

/* What the worker does besides leaving somebody waiting. */
enum worker_life {
	WORKER_SILENT,
	WORKER_ANSWERS_OTHERS, /* some of its connections hang */
	WORKER_IS_SLOW,        /* it takes them all, one after the other */
};

static void advise_stuck_worker(const struct report *r, struct finding *f,
				enum worker_life life)
{
	const struct process *p = process_at(r, f->process);
	struct launch l;
	bool is_known = launch_of_finding(r, f, &l);
	if (is_stopped(p)) {
		add_next(f,
			 p->state == 't'
				 ? "grep TracerPid /proc/%d/status   who holds it"
				 : "kill -CONT %d   lets it go on",
			 p->pid);
		f->cause = "The process was stopped: SIGSTOP, Ctrl-Z, or a debugger.";
		f->is_remedy_told = true;
		return;
	}
	say_watchdog(f, &l);
	if (p && is_known && l.stack->is_python)
		add_next(f, "py-spy dump --pid %d   shows the call it is stuck in",
			 p->pid);
	else if (p && is_known && strcmp(l.stack->name, "java") == 0)
		add_next(f, "jstack %d   shows what its threads wait for", p->pid);
	else if (p)
		add_next(
			f,
			"cat /proc/%d/stack; gdb -p %d   shows the call it is stuck in",
			p->pid, p->pid);
	if (life == WORKER_IS_SLOW)
		add_next(f, "it answers, but slower than requests come: more workers, "
			    "or faster handlers");
	else if (is_known && l.stack->is_data_server)
		add_next(f, "no kernel timer ends this by itself; a restart ends all "
			    "sessions");
	else if (life == WORKER_ANSWERS_OTHERS)
		add_next(f, "a restart frees them and cuts those that are answered; no "
			    "kernel timer ends this by itself");
	else
		add_next(f, "restart the worker: no kernel timer ends this by itself");
}

/* ", 2 clients gave up"; nothing for none. */
static const char *gave_up(char out[static 48], size_t count)
{
	out[0] = '\0';
	if (count)
		snprintf(out, 48, ", %zu client%s gave up", count, plural(count));
	return out;
}

static bool holds_most_descriptors(const struct report *r, const struct group *g,
				   const struct process *p)
{
	return p && p->fd_limit > 0 &&
	       permille_of(g->count, (uint64_t)p->fd_limit) >
		       limit_value(r, LIMIT_CLOSE_WAIT_FD_SHARE);
}

/* Of those that the peer closed, how many the application did not look at. */
static void say_unseen(struct finding *f, const struct group *g)
{
	if (!g->unseen_count)
		add_evidence(f, "the application has read the end of the stream and "
				"did not close");
	else if (g->unseen_count == g->closed_count)
		add_evidence(f, "the application has not even read the end of the "
				"stream");
	else
		add_evidence(f,
			     "of %zu the application has not even read the end of "
			     "the stream",
			     g->unseen_count);
}

/* Kept in a pool that did not look at them since: it does when it needs one. */
static bool is_idle_pool(const struct group *g)
{
	return g->service == NO_INDEX && g->unseen_count == g->count &&
	       g->unread_bytes == 0;
}

static void add_close_wait_leak(struct report *r, const struct group *g)
{
	char age[FORMAT_SIZE];
	struct finding *f = add_finding(r, g);
	const struct process *p = process_at(r, g->process);
	f->acts = ACTS_LOCAL_APP;
	if (is_older(r, g, LIMIT_CLOSE_WAIT_CRITICAL_AGE) && !is_idle_pool(g) &&
	    g->count >= limit_value(r, LIMIT_CLOSE_WAIT_CRITICAL_COUNT))
		f->severity = SEVERITY_CRITICAL;
	f->warning = 0;
	f->critical = (double)limit_value(r, LIMIT_CLOSE_WAIT_CRITICAL_COUNT) - 1;
	set_summary(f, "%zu connection%s closed by the peer %s%s ago and kept open",
		    g->count, plural(g->count), at_least(g), oldest(g, age));
	say_unseen(f, g);
	if (p && p->fd_count >= 0 && p->fd_limit > 0)
		add_evidence(f, "%" PRId64 " of %" PRId64 " descriptors in use",
			     p->fd_count, p->fd_limit);
	if (say_leak_growth(r, f) || holds_most_descriptors(r, g, p))
		f->severity = SEVERITY_CRITICAL;
	if (p)
		add_next(f,
			 "ls -l /proc/%d/fd   the descriptors named below are the leak",
			 p->pid);
	if (is_idle_pool(g)) {
		f->cause = "A pool that looks at its idle connections only when it "
			   "needs one.";
		f->is_remedy_told = true;
		add_next(f, "a pool: drop idle connections sooner than the peer closes "
			    "them");
	}
}

void find_close_wait_leak(struct report *r, const struct groups *all,
			  const struct group *g)
{
	(void)all;
	if (!g->unseen_count || is_older(r, g, LIMIT_CLOSE_WAIT_AGE))
		add_close_wait_leak(r, g);
}

/* One alone is no stuck worker, but after a minute it is a leak all the same. */
static void find_unread_leak(struct report *r, const struct group *unread)
{
	if (!unread->closed_count || !is_older(r, unread, LIMIT_CLOSE_WAIT_AGE))
		return;
	struct group g = *unread;
	g.kind = FINDING_CLOSE_WAIT_LEAK;
	add_close_wait_leak(r, &g);
}

/* "gunicorn" of "/usr/bin/gunicorn", "nginx" of "nginx: worker process". */
static const char *program_of(const struct process *p, size_t *length)
{
	const char *start = p->cmdline ? p->cmdline : "";
	size_t size = strnlen(start, p->cmdline ? p->cmdline_len : 0);
	size_t end = 0;
	for (size_t i = 0; i < size && start[i] != ' ' && start[i] != ':'; i++)
		end = i + 1;
	const char *slash = memrchr(start, '/', end);
	*length = slash ? end - (size_t)(slash + 1 - start) : end;
	return slash ? slash + 1 : start;
}

static bool is_same_program(const struct process *a, const struct process *b)
{
	size_t a_length, b_length;
	const char *a_name = program_of(a, &a_length);
	const char *b_name = program_of(b, &b_length);
	return strcmp(a->comm, b->comm) == 0 || !a_length || !b_length ||
	       (a_length == b_length && memcmp(a_name, b_name, a_length) == 0);
}

/*
 * Started others that share the listener: it supervises them and accepts nothing.
 * A foreign program that it started has merely inherited the descriptor.
 */
static bool is_supervisor(const struct report *r, const struct process *p,
			  const struct socket_owner *owners, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct process *child = &r->snap->processes[owners[i].process];
		if (child->ppid == p->pid && is_same_program(p, child))
			return true;
	}
	return false;
}

static bool is_heir(const struct report *r, const struct process *p,
		    const struct socket_owner *owners, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct process *parent = &r->snap->processes[owners[i].process];
		if (parent->pid == p->ppid && !is_same_program(parent, p))
			return true;
	}
	return false;
}

/* Whether it is one of those that should accept from the queue they share. */
static bool is_worker(const struct report *r, const struct process *p,
		      const struct socket_owner *owners, size_t count)
{
	return !is_supervisor(r, p, owners, count) && !is_heir(r, p, owners, count);
}

/* The worker that should accept there; with several, the one with the lowest pid. */
static int32_t accepting_process(const struct report *r, uint32_t listener)
{
	size_t count;
	int32_t best = NO_INDEX;
	const struct socket_owner *owners =
		snapshot_owners(r->snap, r->snap->sockets[listener].inode, &count);
	for (size_t i = 0; i < count; i++) {
		const struct process *p = &r->snap->processes[owners[i].process];
		bool is_first =
			best == NO_INDEX || p->pid < r->snap->processes[best].pid;
		if (is_first && is_worker(r, p, owners, count))
			best = (int32_t)owners[i].process;
	}
	return best;
}

/* Prefork: all workers accept from one queue, and none of them does. */
static void say_workers(const struct report *r, struct finding *f, uint32_t listener)
{
	enum { NAMED_MAX = 8 };
	size_t count, workers = 0;
	auto_strbuf struct strbuf pids = { 0 };
	const struct socket_owner *owners =
		snapshot_owners(r->snap, r->snap->sockets[listener].inode, &count);
	for (size_t i = 0; i < count; i++) {
		const struct process *p = &r->snap->processes[owners[i].process];
		bool is_repeated = i && owners[i].process == owners[i - 1].process;
		if (is_repeated || !is_worker(r, p, owners, count))
			continue;
		if (++workers <= NAMED_MAX)
			strbuf_addf(&pids, "%s%d", workers > 1 ? ", " : "", p->pid);
	}
	if (workers > NAMED_MAX)
		strbuf_addf(&pids, " and %zu more", workers - NAMED_MAX);
	if (workers > 1)
		add_evidence(f, "%zu workers share this queue, none accepts: %s",
			     workers, strbuf_text(&pids));
}

/*
 * With SO_REUSEPORT every worker has a listener and a queue of its own. Whose
 * queue a waiting connection is in, its row does not tell; the listeners do.
 */
static bool is_queue_of(const struct report *r, int32_t service, int32_t process)
{
	if (service == NO_INDEX)
		return false;
	struct queue_state q = queue_state_of(r, &r->services[service]);
	size_t count;
	const struct socket_owner *owners =
		snapshot_owners(r->snap, r->snap->sockets[q.row].inode, &count);
	for (size_t i = 0; i < count; i++)
		if ((int32_t)owners[i].process == process)
			return true;
	return count == 0; /* owners are not visible: one story is likelier than two */
}

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
	if (is_stopped(p) && is_older(r, g, LIMIT_STUCK_WORKER_CRITICAL_AGE))
		f->severity = SEVERITY_CRITICAL;
	set_summary(f, "%zu outgoing connection%s unread for %s%s", g->count,
		    plural(g->count), at_least(g), oldest(g, age));
	add_evidence(f, "%s came from the peers and was not read",
		     size_print(g->unread_bytes, size));
	say_process(r, f);
	if (is_stopped(p)) {
		advise_stuck_worker(r, f, WORKER_SILENT);
		return;
	}
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
					     "inet_csk_accept" };
	for (size_t i = 0; p && i < sizeof(waits) / sizeof(*waits); i++)
		if (strncmp(p->wchan, waits[i], strlen(waits[i])) == 0)
			return true;
	return false;
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
	advise_stuck_worker(r, f,
			    alive_ms >= 0 ? WORKER_ANSWERS_OTHERS : WORKER_SILENT);
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
	int64_t alive_ms = queue_answered_ms(r, f, q.row, oldest_ms(&g));
	say_idle_accept(f, &g, abandoned->count, alive_ms);
	say_queue(r, f, &g, queue, abandoned);
	if (alive_ms >= 0) {
		say_answered(f, alive_ms);
		f->cause = "Requests come faster than the workers answer them.";
	} else {
		say_workers(r, f, q.row);
	}
	say_process(r, f);
	advise_stuck_worker(r, f, alive_ms >= 0 ? WORKER_IS_SLOW : WORKER_SILENT);
}
