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

bool is_stopped(const struct process *p)
{
	return p && (p->state == 'T' || p->state == 't');
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
	else if (p->wchan[0])
		add_evidence(f, "%s is in state %c, waits in %s%s", strbuf_text(&who),
			     p->state, p->wchan, meaning_of_wchan(p->wchan));
	else if (p->state)
		add_evidence(f, "%s is in state %c", strbuf_text(&who), p->state);
}

static void advise_stopped(struct finding *f, const struct process *p)
{
	add_next(f,
		 p->state == 't' ? "grep TracerPid /proc/%d/status   who holds it"
				 : "kill -CONT %d   lets it go on",
		 p->pid);
	f->cause = "The process was stopped: SIGSTOP, Ctrl-Z, or a debugger.";
	f->is_remedy_told = true;
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
	if (is_stopped(p)) {
		advise_stopped(f, p);
		return;
	}
	launch_of_finding(r, f, &l);
	say_watchdog(f, &l);
	if (p)
		advise_look(f, p, l.stack);
	advise_end(f, l.stack, life);
}

const char *gave_up(char out[static 48], size_t count)
{
	out[0] = '\0';
	if (count)
		snprintf(out, 48, ", %zu client%s gave up", count, plural(count));
	return out;
}
