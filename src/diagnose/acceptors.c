/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conn-doctor/strbuf.h"
#include "worker.h"

/* Which of the processes that hold a listener should accept from it. */

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

bool is_same_program(const struct process *a, const struct process *b)
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

int32_t accepting_process(const struct report *r, uint32_t listener)
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

void say_workers(const struct report *r, struct finding *f, uint32_t listener)
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
bool is_queue_of(const struct report *r, int32_t service, int32_t process)
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
