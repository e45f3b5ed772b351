/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/strbuf.h"
#include "conn-doctor/text.h"
#include "worker.h"

/* What is said about a process that leaves somebody waiting, and what to do. */

void say_queue(const struct report *r, struct finding *f, const struct group *g,
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
		{ "wait_woken", " (a socket, to read from or to write to)" },
		{ "unix_stream_read", " (another program, through a Unix socket)" },
		{ "__skb_wait_for_more", " (a datagram: DNS, or a Unix socket)" },
		{ "poll_schedule_timeout", " (poll or select: any of several)" },
		{ "do_epoll_wait", " (events: its loop is not blocked)" },
		{ "ep_poll", " (events: its loop is not blocked)" },
		{ "inet_csk_accept", " (new clients)" },
		{ "locks_lock_inode", " (a file lock)" },
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

bool waits_in(const struct process *p, const char *const *functions)
{
	for (; p && *functions; functions++)
		if (strncmp(p->wchan, *functions, strlen(*functions)) == 0)
			return true;
	return false;
}

static bool is_stopped(const struct process *p)
{
	return p && (p->state == 'T' || p->state == 't');
}

/* By its cgroup, as `docker pause` does: the old freezer and the new one. */
static bool is_frozen(const struct process *p)
{
	static const char *const waits[] = { "__refrigerator", "get_signal",
					     "do_freezer_trap", NULL };
	return waits_in(p, waits);
}

bool is_halted(const struct process *p)
{
	return is_stopped(p) || is_frozen(p);
}

void say_process(const struct report *r, struct finding *f)
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
	else if (is_frozen(p))
		add_evidence(f,
			     "%s is frozen by its cgroup (waits in %s): docker pause, "
			     "or a freezer",
			     strbuf_text(&who), p->wchan);
	else if (p->wchan[0])
		add_evidence(f, "%s is in state %c, waits in %s%s", strbuf_text(&who),
			     p->state, p->wchan, meaning_of_wchan(p->wchan));
	else if (p->state)
		add_evidence(f, "%s is in state %c", strbuf_text(&who), p->state);
}

bool advise_halted(struct finding *f, const struct process *p)
{
	if (is_stopped(p)) {
		add_next(f,
			 p->state == 't'
				 ? "grep TracerPid /proc/%d/status   who holds it"
				 : "kill -CONT %d   lets it go on",
			 p->pid);
		f->cause = "The process was stopped: SIGSTOP, Ctrl-Z, or a debugger.";
	} else if (is_frozen(p)) {
		add_next(f, "cat /proc/%d/cgroup   which container or unit it is in",
			 p->pid);
		add_next(f,
			 "docker unpause CONTAINER, or systemctl thaw UNIT   lets it "
			 "go on");
		f->cause = "The process was frozen by its cgroup: a paused container.";
	} else {
		return false;
	}
	f->is_remedy_told = true;
	return true;
}

/* What shows where it hangs; `server` may be NULL. */
static void advise_look(struct finding *f, const struct process *p,
			const struct stack *server)
{
	if (server && server->is_python)
		add_next(f, "py-spy dump --pid %d   shows the call it is stuck in",
			 p->pid);
	else if (server && strcmp(server->name, "java") == 0)
		add_next(f, "jstack %d   shows what its threads wait for", p->pid);
	else if (p->thread_count > 1)
		add_next(
			f,
			"cat /proc/%d/task/*/stack; gdb -p %d -batch -ex 'thread apply "
			"all bt'   shows what its %d threads wait for",
			p->pid, p->pid, p->thread_count);
	else
		add_next(
			f,
			"cat /proc/%d/stack; gdb -p %d   shows the call it is stuck in",
			p->pid, p->pid);
}

static void advise_end(struct finding *f, const struct stack *server,
		       enum worker_life life)
{
	if (life == WORKER_IS_SLOW)
		add_next(f, "it answers, but slower than requests come: more workers, "
			    "or faster handlers");
	else if (server && server->is_data_server)
		add_next(f, "no kernel timer ends this by itself; a restart ends all "
			    "sessions");
	else if (life == WORKER_ANSWERS_OTHERS)
		add_next(f, "a restart frees them and cuts those that are answered; no "
			    "kernel timer ends this by itself");
	else
		add_next(f, "restart the worker: no kernel timer ends this by itself");
}

void advise_stuck_worker(const struct report *r, struct finding *f,
			 enum worker_life life)
{
	const struct process *p = process_at(r, f->process);
	struct launch l;
	if (advise_halted(f, p))
		return;
	launch_of_finding(r, f, &l);
	say_watchdog(f, &l);
	if (p)
		advise_look(f, p, l.stack);
	advise_end(f, l.stack, life);
}

void advise_acceptor(const struct report *r, struct finding *f, enum not_accepting why)
{
	static const struct {
		const char *aspect, *cause, *next;
	} rows[] = {
		[NO_DESCRIPTOR] = { "no-descriptor",
				    "No descriptor is left: accept() fails (EMFILE).",
				    "free descriptors, or raise their limit: see "
				    "fd-exhaustion" },
		[KEPT_IDLE] = { "kept-idle",
				"Idle connections, kept open for their clients, may "
				"hold all workers.",
				"end idle connections sooner, or serve them without a "
				"worker each" },
		[AT_ITS_LIMIT] = { "at-limit",
				   "It waits for events and does not accept: its limit "
				   "of connections may be reached.",
				   "look for its limit of connections; raise it, or "
				   "end "
				   "idle ones sooner" },
	};
	struct launch l;
	const struct process *p = process_at(r, f->process);
	f->aspect = rows[why].aspect;
	f->cause = rows[why].cause;
	f->is_remedy_told = why == NO_DESCRIPTOR;
	if (why != NO_DESCRIPTOR) {
		f->confidence = CONFIDENCE_LIKELY;
		launch_of_finding(r, f, &l);
		if (p)
			advise_look(f, p, l.stack);
	}
	add_next(f, "%s", rows[why].next);
}

const char *gave_up(char out[static 48], size_t count)
{
	out[0] = '\0';
	if (count)
		snprintf(out, 48, ", %zu client%s gave up", count, plural(count));
	return out;
}
