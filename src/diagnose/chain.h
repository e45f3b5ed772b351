/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_CHAIN_H
#define CONN_DOCTOR_CHAIN_H

#include "finding_groups.h"
#include "nginx.h"

/*
 * The timeouts along one hop: client or proxy -> server -> what the server calls.
 * Each value is known, hidden (somebody has it, and it cannot be seen) or absent
 * (nobody has it, so no rule about it applies). Rules R1 to R13: domain-facts.md 4.
 */
enum chain_value {
	CHAIN_SERVER_IDLE,  /* the server closes a connection that is idle for this */
	CHAIN_HOP_IDLE,     /* the side that reuses connections keeps one for this */
	CHAIN_HOP_SILENCE,  /* what stands in front cuts a silent connection */
	CHAIN_HOP_STREAM,   /* ... waits for the next byte of the server */
	CHAIN_HOP_RESPONSE, /* ... waits for a response */
	CHAIN_HEARTBEAT,
	CHAIN_TWO_HEARTBEATS, /* room for one that is lost */
	CHAIN_DETECTION,      /* heartbeat + pong */
	CHAIN_PATIENCE,
	CHAIN_SILENT_STREAM, /* pushes, and only TCP keepalive breaks the silence */
	CHAIN_KEEPALIVE_IDLE,
	CHAIN_KEEPALIVE_DOUBLE, /* twice idle + interval * count */
	CHAIN_USER_TIMEOUT,
	CHAIN_CLIENT_TIMEOUT,
	CHAIN_HANDLER_TIMEOUT,
	CHAIN_STATEMENT_TIMEOUT,
	CHAIN_POOL_WAIT,
	CHAIN_POOL_TOTAL, /* connections of all pools */
	CHAIN_DATABASE_CONNECTIONS,
	CHAIN_POOL_AGE, /* how old or idle a pooled connection becomes */
	CHAIN_DATABASE_IDLE,
	CHAIN_AMQP_TWO,
	CHAIN_WEBSOCKET_TIMEOUT,
	CHAIN_GROUP_EXPIRY,
	CHAIN_LONGEST_REQUEST,
	CHAIN_SERVER_GRACE,
	CHAIN_SHUTDOWN_GRACE,
	CHAIN_HEADER_TIMEOUT,
	CHAIN_FOREVER,
	CHAIN_VALUE_COUNT,
};

struct chain_value_info {
	const char *name; /* "keep-alive of the server" */
	bool is_count;    /* connections; else seconds */
};
extern const struct chain_value_info chain_values[CHAIN_VALUE_COUNT];

enum chain_known { CHAIN_ABSENT, CHAIN_HIDDEN, CHAIN_KNOWN };

struct chain_fact {
	enum chain_known known;
	double amount;              /* INFINITY: without limit */
	enum confidence confidence; /* that this is the value in force */
	char *origin;               /* where from; with CHAIN_HIDDEN: why not */
};

/* What stands before the server: declared, or seen on this host. */
enum hop_kind { HOP_NONE, HOP_FRONT, HOP_NGINX, HOP_CLIENT, HOP_POOL };

struct chain_hop {
	enum hop_kind kind;
	const char *name;                   /* "ALB", "nginx" */
	const struct front_info *front;     /* HOP_FRONT */
	const struct nginx_upstream *nginx; /* HOP_NGINX */
	int32_t process;                    /* HOP_NGINX, HOP_CLIENT: who connects */
	size_t pooled_count; /* connections it holds idle for another request */
	bool is_local;
	bool is_no_pool; /* HOP_CLIENT: what it keeps outlives every keep-alive */
};

enum { CHAIN_HOPS_MAX = 16 };

struct chain {
	const struct report *r;
	const struct service *service; /* NULL: only what was declared */
	const struct target *target;   /* NULL: nothing was declared */
	struct chain_hop hop;
	struct launch launch; /* of the service; stack NULL = not recognised */
	struct chain_fact facts[CHAIN_VALUE_COUNT];
};

/* Fills the facts of a chain whose other fields are set; chain_clear() frees them. */
void chain_resolve(struct chain *c);
void chain_clear(struct chain *c);

/* Whether a Node program is here, whose connections are worth a look. */
bool chain_has_node(const struct report *r);

/*
 * What stands before the service (which may be NULL); returns how many. `upstreams`
 * are those of every nginx of the host.
 */
size_t chain_hops(const struct report *r, const struct service *s,
		  const struct target *t, const struct nginx_upstream *upstreams,
		  size_t upstream_count, bool has_node,
		  struct chain_hop out[static CHAIN_HOPS_MAX]);

/* Where the server itself has closed first, its side is left in TIME_WAIT. */
size_t chain_closed_first(const struct report *r, const struct service *s,
			  bool is_local);

/* Appends "60 s", "250 ms", "100 connections" or "no limit". */
void chain_amount_put(enum chain_value value, double amount, struct strbuf *out);

#endif
