/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "chain.h"

/*
 * Who stands before a server and reuses connections to it: what was declared, an
 * nginx of this host whose configuration names the server or whose workers are
 * connected to it, and Node programs of this host that hold idle connections.
 */
struct hops {
	const struct report *r;
	const struct service *s;
	struct chain_hop *items;
	size_t count;
};

size_t chain_closed_first(const struct report *r, const struct service *s,
			  bool is_local)
{
	size_t count = 0;
	for (size_t i = 0;
	     s && s->verdicts[VERDICT_TIME_WAIT] && i < r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[i];
		count += sk->state == TCP_STATE_TIME_WAIT &&
			 sk->local_port == s->port && sk->netns == s->netns &&
			 snapshot_is_local_address(r->snap, &sk->peer) == is_local;
	}
	return count;
}

static void add_hop(struct hops *h, struct chain_hop hop)
{
	if (h->count < CHAIN_HOPS_MAX)
		h->items[h->count++] = hop;
}

/* Open, as a client, to one of the service's listeners on this host. */
static bool is_to_service(const struct hops *h, const struct tcp_socket *sk)
{
	if (sk->state != TCP_STATE_ESTABLISHED || sk->peer_port != h->s->port ||
	    sk->netns != h->s->netns || !sk->inode)
		return false;
	for (size_t i = 0; i < h->s->listener_count; i++) {
		const struct tcp_socket *listener =
			&h->r->snap->sockets[h->s->listeners[i]];
		bool is_any = ip_address_is_any(&listener->local) &&
			      snapshot_is_local_address(h->r->snap, &sk->peer);
		if (is_any || ip_address_equal(&listener->local, &sk->peer))
			return true;
	}
	return false;
}

/*
 * For how long the client keeps the connection after the reply has come; -1: not so.
 */
static int64_t pooled_ms(const struct hops *h, uint32_t row)
{
	struct derived d;
	derive(h->r, row, &d);
	bool is_pooled = d.role == ROLE_CLIENT && d.is_quiet && d.turn == TURN_LOCAL;
	return is_pooled ? d.idle_ms : -1;
}

/* More was sent than one request needs: header and body, and another one. */
static bool is_reused(const struct tcp_socket *sk)
{
	enum { SEGMENTS_OF_ONE = 2 };
	return sk->data_segs_out > SEGMENTS_OF_ONE;
}

static bool is_of_nginx(const struct process *p, const struct nginx_upstream *u)
{
	return p->pid == u->pid || p->ppid == u->pid;
}

/* The upstream is written as an address of this host that the service listens on. */
static bool is_address_of(const struct hops *h, const struct nginx_upstream *u)
{
	struct ip_address ip;
	uint8_t version;
	bool is_name = !ip_address_parse(u->address, &ip, &version);
	bool is_localhost = is_name && strcmp(u->address, "localhost") == 0;
	if (u->port != h->s->port || (is_name && !is_localhost))
		return false;
	for (size_t i = 0; i < h->s->listener_count; i++) {
		const struct ip_address *local =
			&h->r->snap->sockets[h->s->listeners[i]].local;
		bool is_any = ip_address_is_any(local);
		if (is_localhost
			    ? is_any || ip_address_is_loopback(local)
			    : ip_address_equal(local, &ip) ||
				      (is_any &&
				       (ip_address_is_loopback(&ip) ||
					snapshot_is_local_address(h->r->snap, &ip))))
			return true;
	}
	return false;
}

/* Whether the nginx lives where the service does; an address alone does not say. */
static bool is_in_namespace(const struct hops *h, const struct nginx_upstream *u)
{
	for (size_t i = 0; i < h->r->service_count; i++) {
		const struct service *s = &h->r->services[i];
		for (size_t j = 0; j < s->process_count && s->netns == h->s->netns; j++)
			if (is_of_nginx(&h->r->snap->processes[s->processes[j]], u))
				return true;
	}
	return false;
}

static void add_nginx(struct hops *h, const struct nginx_upstream *u)
{
	struct chain_hop hop = {
		.kind = HOP_NGINX,
		.name = "nginx",
		.nginx = u,
		.process = NO_INDEX,
		.is_local = true,
	};
	bool is_connected = false;
	for (size_t i = 0; i < h->r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &h->r->snap->sockets[i];
		if (sk->peer_port != u->port || !is_to_service(h, sk))
			continue;
		const struct process *p = report_process_of(h->r, (uint32_t)i, NULL);
		if (!p || !is_of_nginx(p, u))
			continue;
		is_connected = true;
		hop.process = (int32_t)(p - h->r->snap->processes);
		hop.pooled_count += pooled_ms(h, (uint32_t)i) >= 0;
	}
	if (is_connected || (is_address_of(h, u) && is_in_namespace(h, u)))
		add_hop(h, hop);
}

static struct chain_hop *client_hop(struct hops *h, int32_t process)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->items[i].kind == HOP_CLIENT && h->items[i].process == process)
			return &h->items[i];
	return NULL;
}

/* Of clients only Node is known by its default: the agent keeps 5 s or longer. */
static bool is_node(const struct report *r, const struct process *p)
{
	struct launch l;
	stack_recognise(r->snap, p, &l);
	return l.stack && strcmp(l.stack->name, "node") == 0;
}

/* The hop of a Node program, made when it is wanted for the first time. */
static struct chain_hop *node_hop(struct hops *h, uint32_t row)
{
	const struct process *p = report_process_of(h->r, row, NULL);
	if (!p)
		return NULL;
	int32_t index = (int32_t)(p - h->r->snap->processes);
	if (!client_hop(h, index) && is_node(h->r, p))
		add_hop(h, (struct chain_hop){ .kind = HOP_CLIENT,
					       .name = "Node",
					       .process = index,
					       .is_local = true });
	return client_hop(h, index);
}

/*
 * Idle ones that are kept: used again before, or closed by the server's timer. One
 * that outlives the timer of 5 s is none of these, but a WebSocket or the like; then
 * the others may be as well.
 */
static void add_clients(struct hops *h)
{
	enum { LONG_MS = 8000 };
	bool has_closed = chain_closed_first(h->r, h->s, true) > 0;
	for (size_t i = 0; i < h->r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &h->r->snap->sockets[i];
		if (!is_to_service(h, sk))
			continue;
		int64_t idle_ms = pooled_ms(h, (uint32_t)i);
		if (idle_ms < 0 || !(is_reused(sk) || has_closed || idle_ms >= LONG_MS))
			continue;
		struct chain_hop *hop = node_hop(h, (uint32_t)i);
		if (!hop)
			continue;
		hop->pooled_count++;
		hop->is_no_pool |= idle_ms >= LONG_MS;
	}
}

/* An nginx that was seen says more than the same one declared. */
static bool is_seen(const struct hops *h, const struct front_info *front)
{
	bool is_nginx = front == &front_table[FRONT_NGINX];
	for (size_t i = 0; i < h->count; i++)
		if (h->items[i].kind == HOP_NGINX && is_nginx)
			return true;
	return false;
}

/* The pool that is declared is the one with which the service calls others. */
static bool has_own_pool(const struct target *t)
{
	static const enum target_key keys[] = { TARGET_POOL_SIZE,
						TARGET_POOL_WAIT,
						TARGET_POOL_LIFETIME,
						TARGET_POOL_PROCESSES,
						TARGET_DATABASE_CONNECTIONS,
						TARGET_DATABASE_IDLE };
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (t->values[keys[i]].is_set)
			return true;
	return false;
}

static void add_declared(struct hops *h, const struct target *t)
{
	const struct front_info *front = target_front(t);
	uint64_t idle_ms;
	bool has_idle = target_value(t, TARGET_FRONT_IDLE, &idle_ms, NULL);
	if (front == &front_table[FRONT_NONE])
		front = NULL;
	if ((front && !is_seen(h, front)) || (!front && has_idle))
		add_hop(h, (struct chain_hop){
				   .kind = HOP_FRONT,
				   .name = front ? front->name : "the front",
				   .front = front,
				   .process = NO_INDEX,
			   });
	if (t->values[TARGET_POOL_IDLE].is_set && !(h->s && has_own_pool(t)))
		add_hop(h, (struct chain_hop){ .kind = HOP_POOL,
					       .name = "the client pool",
					       .process = NO_INDEX });
}

bool chain_has_node(const struct report *r)
{
	for (size_t i = 0; i < r->snap->process_count; i++)
		if (is_node(r, &r->snap->processes[i]))
			return true;
	return false;
}

size_t chain_hops(const struct report *r, const struct service *s,
		  const struct target *t, const struct nginx_upstream *upstreams,
		  size_t upstream_count, bool has_node,
		  struct chain_hop out[static CHAIN_HOPS_MAX])
{
	struct hops h = { .r = r, .s = s, .items = out };
	for (size_t i = 0; s && i < upstream_count; i++)
		if (upstreams[i].port == s->port)
			add_nginx(&h, &upstreams[i]);
	if (t)
		add_declared(&h, t);
	/* A client of this host has its other end here. */
	if (s && has_node && (s->connection_count || *r->filter_text))
		add_clients(&h);
	return h.count;
}
