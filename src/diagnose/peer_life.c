/* SPDX-License-Identifier: MIT */
#include "finding_groups.h"

/*
 * Whether the peers of dead connections are gone: an address that answers on other
 * connections is not. Then the network ended these, or loses some of their packets.
 */

static bool is_dead(const struct assessment *a)
{
	return a->verdict == VERDICT_HALF_OPEN || a->verdict == VERDICT_UNREACHABLE;
}

static bool is_of_group(const struct report *r, const struct group *g, uint32_t row)
{
	const struct assessment *a = &r->assessments[row];
	return a->is_selected && is_dead(a) && service_index(r, row) == g->service &&
	       (g->service != NO_INDEX || process_index(r, row) == g->process);
}

static bool is_heard(const struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	return (sk->has & TCP_HAS_INFO) && sk->state == TCP_STATE_ESTABLISHED &&
	       !is_dead(&r->assessments[row]) &&
	       sk->last_ack_recv_ms < limit_value(r, LIMIT_HALF_OPEN_NO_ACK);
}

/* Nothing but large segments waits for an acknowledgement. */
static bool is_large(const struct tcp_socket *sk)
{
	enum { LARGE_SEGMENT = 1000 }; /* Ethernet carries 1448 or so */
	return (sk->has & TCP_HAS_NOTSENT) && sk->unacked &&
	       (sk->send_queue - sk->notsent_bytes) / sk->unacked >= LARGE_SEGMENT;
}

struct peer_life peer_life_of(const struct report *r, const struct group *g)
{
	bool is_new;
	struct peer_life life = { 0 };
	struct u64_map heard = { 0 };
	size_t rows = r->snap->socket_count;
	const struct tcp_socket *sockets = r->snap->sockets;
	for (size_t i = 0; i < rows; i++)
		if (is_of_group(r, g, (uint32_t)i))
			u64_map_insert(&heard, ip_address_hash(&sockets[i].peer),
				       &is_new);
	for (size_t i = 0; i < rows; i++) {
		uint32_t *is_alive =
			is_heard(r, (uint32_t)i)
				? u64_map_find(&heard,
					       ip_address_hash(&sockets[i].peer))
				: NULL;
		if (is_alive)
			*is_alive = 1;
	}
	for (size_t i = 0; i < rows; i++)
		if (is_of_group(r, g, (uint32_t)i) &&
		    *u64_map_find(&heard, ip_address_hash(&sockets[i].peer))) {
			life.alive++;
			life.large += is_large(&sockets[i]);
		}
	u64_map_clear(&heard);
	return life;
}
