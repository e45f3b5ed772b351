/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "context.h"

/*
 * Of a connection within this host both ends are rows, and one end's state settles
 * the other's doubt. A client in FIN_WAIT2 that its application still holds has said
 * all and waits for the reply; had it left, the row would have no owner any more.
 */

/* The connection as the side in FIN_WAIT2 sees it, to 64 bits. */
static uint64_t key_of(const struct ip_address *near, uint16_t near_port,
		       const struct ip_address *far, uint16_t far_port, uint16_t netns)
{
	uint64_t words[4];
	memcpy(words, near->bytes, sizeof(*near));
	memcpy(words + 2, far->bytes, sizeof(*far));
	uint64_t key = (uint64_t)netns << 32 | (uint32_t)near_port << 16 | far_port;
	for (size_t i = 0; i < 4; i++)
		key = u64_hash(key ^ words[i]);
	return key;
}

void half_closed_add(struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	bool is_new;
	if (sk->inode)
		*u64_map_insert(&r->half_closed,
				key_of(&sk->local, sk->local_port, &sk->peer,
				       sk->peer_port, sk->netns),
				&is_new) = row;
}

bool is_peer_half_closed(const struct report *r, const struct tcp_socket *sk)
{
	const uint32_t *row = u64_map_find(&r->half_closed,
					   key_of(&sk->peer, sk->peer_port, &sk->local,
						  sk->local_port, sk->netns));
	if (!row)
		return false;
	const struct tcp_socket *other = &r->snap->sockets[*row];
	return other->local_port == sk->peer_port &&
	       other->peer_port == sk->local_port &&
	       ip_address_equal(&other->local, &sk->peer) &&
	       ip_address_equal(&other->peer, &sk->local);
}
