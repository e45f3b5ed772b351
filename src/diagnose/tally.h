/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TALLY_H
#define CONN_DOCTOR_TALLY_H

#include "finding_groups.h"

/*
 * Groups of rows by where they go or come from: by peer, upstream, prefix. What
 * the rows of a group have in common is the request's choice.
 */
enum tally_by {
	BY_SERVICE = 1 << 0,
	BY_PROCESS = 1 << 1,
	BY_PEER = 1 << 2,        /* address */
	BY_PEER_PORT = 1 << 3,   /* with BY_PEER: the upstream */
	BY_PEER_PREFIX = 1 << 4, /* /24 of IPv4, /64 of IPv6 */
	BY_LOCAL = 1 << 5,       /* address */
	BY_FAMILY = 1 << 6,      /* of the socket: a mapped IPv4 row is IPv6 */
	BY_TARGET = 1 << 7,      /* of the configuration */
};

struct tally_request {
	enum finding_kind kind;
	unsigned by;      /* enum tally_by */
	size_t min_count; /* smaller groups are not looked at */
	bool (*wants)(const struct report *r, uint32_t row);
	/* Looks at one group; g->oldest_row stands for it. */
	void (*find)(struct report *r, const struct group *g);
};

/* Sorts the selected rows that are wanted, and hands the groups to `find`. */
void tally_rows(struct report *r, const struct tally_request *request);

/* Whether the row's socket, not only its addresses, is one of IPv4. */
bool is_ipv4_socket(const struct tcp_socket *sk);

/* "10.0.3.7:5432" and "10.0.3.0/24" of the row, into f->peer. */
void set_upstream(struct finding *f, const struct tcp_socket *sk);
void set_peer(struct finding *f, const struct tcp_socket *sk);
void set_prefix(struct finding *f, const struct tcp_socket *sk);

#endif
