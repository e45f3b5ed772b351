/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "worker.h"

/*
 * What the workers of a service, from whose queue nobody accepts, have accepted
 * before: where each connection takes a worker, it is what they are busy with.
 */

static void note_oldest(struct held *h, uint32_t row, uint32_t since_ms)
{
	if (h->count++ && since_ms <= h->oldest_ms)
		return;
	h->oldest_ms = since_ms;
	h->row = row;
}

struct holds holds_of(const struct report *r, int32_t service)
{
	struct holds h = { 0 };
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[i];
		const struct assessment *a = &r->assessments[i];
		uint32_t row = (uint32_t)i;
		struct derived d;
		if (sk->state != TCP_STATE_ESTABLISHED || !sk->inode ||
		    !(sk->has & TCP_HAS_INFO) || service_index(r, row) != service)
			continue;
		h.total++;
		derive(r, row, &d);
		if (a->verdict == VERDICT_SLOW_READER)
			note_oldest(&h.stalled, row, a->since_cs * 10);
		else if (d.is_quiet && d.turn == TURN_LOCAL)
			note_oldest(&h.owed, row, sk->last_data_recv_ms);
		else if (d.is_quiet && sk->data_segs_out)
			note_oldest(&h.idle, row, sk->last_data_sent_ms);
	}
	return h;
}

static bool has_open_request(const struct report *r, int32_t process)
{
	for (size_t i = 0; process != NO_INDEX && i < r->snap->socket_count; i++) {
		struct derived d;
		uint32_t row = (uint32_t)i;
		if (r->assessments[i].role != ROLE_CLIENT ||
		    process_index(r, row) != process)
			continue;
		derive(r, row, &d);
		if (d.turn == TURN_PEER ||
		    r->snap->sockets[i].state == TCP_STATE_SYN_SENT)
			return true;
	}
	return false;
}

/*
 * Answered, and nothing has come since, on all that was accepted: where a connection
 * takes a worker until it ends, idle ones are what the workers wait for. Of the
 * servers that are recognised only Apache's prefork serves like that.
 */
static bool is_kept_idle(const struct report *r, const struct finding *f,
			 const struct holds *h, int64_t answered_ms)
{
	static const char *const sockets[] = { "wait_woken", "poll_schedule", NULL };
	struct launch l;
	int64_t lately = (int64_t)limit_value(r, LIMIT_UNREAD_AGE);
	if (launch_of_finding(r, f, &l) && strcmp(l.stack->name, "apache") != 0)
		return false;
	return h->total && h->idle.count == h->total &&
	       !has_open_request(r, f->process) &&
	       (answered_ms < 0 ? waits_in(process_at(r, f->process), sockets)
				: answered_ms >= lately);
}

bool is_going_on(const struct report *r, const struct holds *h, int64_t answered_ms)
{
	enum limit_id within =
		h->owed.count ? LIMIT_STUCK_WORKER_CRITICAL_AGE : LIMIT_UNREAD_AGE;
	return answered_ms >= 0 && answered_ms < (int64_t)limit_value(r, within);
}

enum not_accepting why_not_accepting(const struct report *r, const struct finding *f,
				     const struct holds *h, int64_t answered_ms)
{
	static const char *const events[] = { "do_epoll_wait", "ep_poll", NULL };
	const struct process *p = process_at(r, f->process);
	if (p && p->fd_limit > 0 && p->fd_count >= p->fd_limit)
		return NO_DESCRIPTOR;
	if (is_kept_idle(r, f, h, answered_ms))
		return KEPT_IDLE;
	bool is_limit = !is_going_on(r, h, answered_ms) && waits_in(p, events);
	return is_limit ? AT_ITS_LIMIT : NOT_KNOWN;
}

static const char *peer_at(const struct report *r, const struct held *h,
			   char out[static ENDPOINT_TEXT_SIZE])
{
	const struct tcp_socket *sk = &r->snap->sockets[h->row];
	return endpoint_print(&sk->peer, sk->ip_version, sk->peer_port, out);
}

void say_holds(const struct report *r, struct finding *f, const struct holds *h)
{
	char age[FORMAT_SIZE], peer[ENDPOINT_TEXT_SIZE];
	if (h->stalled.count)
		add_evidence(f,
			     "meanwhile %zu client%s of it do%s not read, %s for %s: a "
			     "write without a timeout waits for that",
			     h->stalled.count, plural(h->stalled.count),
			     h->stalled.count == 1 ? "es" : "",
			     peer_at(r, &h->stalled, peer),
			     duration_print(h->stalled.oldest_ms, age));
	if (h->owed.count)
		add_evidence(
			f,
			"accepted before: %zu connection%s, read and not answered, "
			"%s for %s",
			h->owed.count, plural(h->owed.count),
			peer_at(r, &h->owed, peer),
			duration_print(h->owed.oldest_ms, age));
	if (h->idle.count)
		add_evidence(
			f,
			"accepted before: %zu idle connection%s, answered up to %s "
			"ago and kept open",
			h->idle.count, plural(h->idle.count),
			duration_print(h->idle.oldest_ms, age));
}
