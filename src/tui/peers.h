/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_PEERS_H
#define CONN_DOCTOR_TUI_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/report.h"
#include "conn-doctor/strbuf.h"
#include "row_sample.h"

/*
 * The connections by who is at the other end: clients of each service, and the
 * servers that this side has connected to. By address, or where there are more of
 * them than anybody reads, by network.
 */
enum { PEERS_MAX = 4096 }; /* what is beyond is only counted */

struct peer_row {
	uint64_t id;
	struct ip_address address;
	uint8_t ip_version;
	uint8_t prefix_len; /* 0 = the address itself */
	bool is_remote;     /* no address of this host */
	uint16_t port;      /* of an upstream; 0 for clients */
	int32_t service; /* whose clients they are; NO_INDEX = upstream, or neither */
	uint32_t count;
	uint32_t open; /* without handshakes and TIME-WAIT, as the finding counts */
	uint32_t complaints;
	uint16_t share; /* per mille of the service's open ones; 0 for upstreams */
	uint64_t unread, unacked; /* bytes in the queues */
	struct row_sample sample; /* has one at least, before an excerpt */
};

struct peers {
	struct peer_row *rows; /* worst first */
	size_t count, capacity;
	size_t left_out; /* connections of peers that did not fit */
	bool is_by_network;
};

/* `rows`: the connections; those whose order matters stand first, worst first. */
void peers_make(struct peers *p, const struct report *r, const uint32_t *rows,
		size_t row_count);

/* One of those that are known to speak for many: no limit is for them. */
bool peer_is_proxy(const struct peer_row *p, const struct report *r);
/* The target that declares a limit for each peer of the service; NULL = none does. */
const struct target *peer_target(const struct peer_row *p, const struct report *r,
				 uint64_t *limit);
/* Above the limits of the finding too-many-per-peer: the declared one, else both. */
bool peer_is_above(const struct peer_row *p, const struct report *r);
/* "10.0.0.9", "10.0.0.0/24", "[2001:db8::1]:5432" */
void peer_put_name(const struct peer_row *p, struct strbuf *out);
/* "127.0.0.1:30020" of the service, "upstream" or "other". */
void peer_put_use(const struct peer_row *p, const struct report *r, struct strbuf *out);

/* *out: the same, with the rows that an excerpt has. */
void peers_copy(struct peers *out, const struct peers *p, const struct snapshot *from,
		const struct snapshot *to);
void peers_clear(struct peers *p);

#endif
