/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "conn-doctor/strbuf.h"
#include "conn-doctor/text.h"
#include "growth.h"
#include "worker.h"

/* Connections that the peer has closed, and the application keeps. */

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

/* Programs that the server started hold them, whether the server closed or not. */
static void say_heirs(const struct report *r, struct finding *f, const struct group *g)
{
	const struct process *heir = process_at(r, g->heir);
	auto_strbuf struct strbuf who = { 0 };
	text_sanitize(&who, heir->comm, strlen(heir->comm));
	add_evidence(f,
		     "%zu of them held by programs that it started, the first by "
		     "%s[%d]",
		     g->heir_rows, strbuf_text(&who), heir->pid);
	f->cause = "Programs that the server starts inherit its connections and keep "
		   "them.";
	f->is_remedy_told = true;
	add_next(f, "start programs without the server's descriptors: SOCK_CLOEXEC, "
		    "Python: close_fds=True");
	add_next(f, "ls -l /proc/%d/fd   what it has inherited; its end frees them",
		 heir->pid);
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
	if (g->heir_rows)
		say_heirs(r, f, g);
	else
		say_unseen(f, g);
	if (p && p->fd_count >= 0 && p->fd_limit > 0)
		add_evidence(f, "%" PRId64 " of %" PRId64 " descriptors in use",
			     p->fd_count, p->fd_limit);
	if (say_leak_growth(r, f) || holds_most_descriptors(r, g, p))
		f->severity = SEVERITY_CRITICAL;
	if (p && !g->heir_rows)
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

void find_unread_leak(struct report *r, const struct group *unread)
{
	if (!unread->closed_count || !is_older(r, unread, LIMIT_CLOSE_WAIT_AGE))
		return;
	struct group g = *unread;
	g.kind = FINDING_CLOSE_WAIT_LEAK;
	add_close_wait_leak(r, &g);
}
