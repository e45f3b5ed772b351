/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "conn-doctor/memory.h"
#include "finding_groups.h"

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

void group_add_row(struct group *g, const struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	const struct assessment *a = &r->assessments[row];
	int32_t owner = process_index(r, row);
	if (g->count++ == 0) {
		g->oldest_row = row;
		g->owner = owner;
	}
	if (g->owner != owner)
		g->owner = NO_INDEX;
	g->closed_count += sk->state == TCP_STATE_CLOSE_WAIT;
	g->unseen_count += sk->state == TCP_STATE_CLOSE_WAIT && sk->recv_queue > 0;
	g->queued_count += sk->inode == 0;
	g->full_count += (sk->has & TCP_HAS_RCV_WND) && sk->rcv_wnd == 0;
	g->proven_count += a->confidence == CONFIDENCE_PROVEN;
	g->likely_count += a->confidence == CONFIDENCE_LIKELY;
	g->unread_bytes += sk->recv_queue -
			   (sk->state == TCP_STATE_CLOSE_WAIT && sk->recv_queue > 0);
	g->unsent_bytes += sk->send_queue;
	g->retransmitted_segs += sk->total_retrans;
	g->sent_segs += sk->data_segs_out;
	g->addressed_count += sk->last_data_sent_ms < sk->last_data_recv_ms;
	if (sk->last_data_recv_ms >= g->longest_silence_ms) {
		g->longest_silence_ms = sk->last_data_recv_ms;
		g->silent_row = row;
	}
	if (a->since_cs != ASSESSMENT_SINCE_UNKNOWN && a->since_cs >= g->oldest_cs) {
		g->oldest_cs = a->since_cs;
		g->is_oldest_exact = a->is_since_exact;
		g->oldest_row = row;
	}
}

/* Which kind of finding a verdict belongs to, and whether it names a process. */
static const struct {
	uint8_t verdict, kind;
	bool is_by_process;
} membership[] = {
	{ VERDICT_HALF_OPEN, FINDING_HALF_OPEN, false },
	{ VERDICT_UNREACHABLE, FINDING_HALF_OPEN, false },
	{ VERDICT_LOCAL_PATH_DOWN, FINDING_LOCAL_PATH_DOWN, false },
	{ VERDICT_UNREAD, FINDING_STUCK_WORKER, true },
	{ VERDICT_CLOSE_WAIT_UNREAD, FINDING_STUCK_WORKER, true },
	{ VERDICT_QUEUED, FINDING_ACCEPT_QUEUE_FULL, false },
	{ VERDICT_QUEUE_ABANDONED, FINDING_QUEUE_ABANDONED, false },
	{ VERDICT_CLOSE_WAIT_LEAK, FINDING_CLOSE_WAIT_LEAK, true },
	{ VERDICT_SLOW_READER, FINDING_SLOW_READER, false },
	{ VERDICT_SLOW_RESPONSE, FINDING_SLOW_RESPONSE, false },
	{ VERDICT_HALF_OPEN_SUSPECT, FINDING_HALF_OPEN_SUSPECT, false },
};

int32_t process_index(const struct report *r, uint32_t row)
{
	const struct process *p = report_process_of(r, row, NULL);
	return p ? (int32_t)(p - r->snap->processes) : NO_INDEX;
}

int32_t service_index(const struct report *r, uint32_t row)
{
	const struct service *s = report_service_of(r, row);
	return s ? (int32_t)(s - r->services) : NO_INDEX;
}

/*
 * A server that starts another program may leave it a copy of each descriptor: what
 * that one holds is the server's connection, and the server's mistake.
 */
static int32_t give_to_server(const struct report *r, int32_t service, int32_t process,
			      int32_t *heir)
{
	const struct service *s = &r->services[service];
	const struct process *p = process_at(r, process);
	for (size_t i = 0; p && i < s->process_count; i++) {
		const struct process *server = &r->snap->processes[s->processes[i]];
		if (server->pid != p->ppid || is_same_program(server, p))
			continue;
		*heir = process;
		return (int32_t)s->processes[i];
	}
	return process;
}

static void note_heir(struct group *g, int32_t heir)
{
	if (heir == NO_INDEX)
		return;
	if (g->heir_rows++ == 0)
		g->heir = heir;
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
		int kind = kind_of[a->verdict];
		/* A pool that does not look at what the peer closed is not stuck. */
		if (a->verdict == VERDICT_CLOSE_WAIT_UNREAD && service == NO_INDEX)
			kind = FINDING_CLOSE_WAIT_LEAK;
		/* Without a service the process is all there is to go by. */
		int32_t process = is_by_process[a->verdict] || service == NO_INDEX
					  ? process_index(r, row)
					  : NO_INDEX;
		int32_t heir = NO_INDEX;
		if (kind == FINDING_CLOSE_WAIT_LEAK && service != NO_INDEX)
			process = give_to_server(r, service, process, &heir);
		struct group *g =
			group_of(all, (enum finding_kind)kind, service, process);
		group_add_row(g, r, row);
		note_heir(g, heir);
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

void groups_build(const struct report *r, struct groups *all)
{
	group_rows(r, all);
	group_listeners(r, all);
}

void groups_clear(struct groups *all)
{
	free(all->items);
	u64_map_clear(&all->index);
}

const struct group *groups_sibling(const struct groups *all, enum finding_kind kind,
				   int32_t service)
{
	static const struct group none = { .service = NO_INDEX, .process = NO_INDEX };
	for (size_t i = 0; service != NO_INDEX && i < all->count; i++)
		if (all->items[i].kind == kind && all->items[i].service == service)
			return &all->items[i];
	return &none;
}
