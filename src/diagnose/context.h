/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_DIAGNOSE_CONTEXT_H
#define CONN_DOCTOR_DIAGNOSE_CONTEXT_H

#include "conn-doctor/diagnose.h"
#include "conn-doctor/policy.h"
#include "stack.h"

/* All a rule may look at: one row, its past, the host it is on. */
struct context {
	const struct report *report;
	const struct tcp_socket *sk;
	const struct socket_past *past; /* NULL at first sight */
	uint32_t row;
	uint64_t now_ms;     /* snapshot->monotonic_ms */
	uint16_t conditions; /* enum condition */
	struct derived d;
};

/* What a rule can demand of a row before it is asked; computed once a row. */
enum condition {
	WHEN_IN_FLIGHT = 1 << 0,      /* something waits for an acknowledgement */
	WHEN_RETRANSMITTING = 1 << 1, /* retransmission timer, and it has fired */
	WHEN_UNSENT_PROBE = 1 << 2,   /* probe timer: unsent data that may not leave */
	WHEN_PROBE_UNANSWERED = 1 << 3,
	WHEN_UNREAD = 1 << 4,
	WHEN_READ = 1 << 5, /* Recv-Q 0 */
	WHEN_QUIET = 1 << 6,
	WHEN_OWNED = 1 << 7,     /* has an inode */
	WHEN_NOT_OWNED = 1 << 8, /* not accepted, orphan or minisock */
	WHEN_SERVER = 1 << 9,
	WHEN_CLIENT = 1 << 10,
	WHEN_MPTCP = 1 << 11,
};

/* tcp_model_timeout(): how long `retries` retransmissions take, from RTO_MIN. */
int64_t model_timeout_ms(int64_t retries);

/* States in which the keepalive timer of the application can run. */
bool can_keepalive(const struct tcp_socket *sk);

/* Fills the fields of `derived` from is_audited on; those of the timer are there. */
void derive_detection(struct context *c);

/* Counts a connection of a service. */
void detection_add(struct detection *all, const struct context *c);

/* Fills everything but `past`, which the caller owns. */
void context_init(struct context *c, const struct report *r, uint32_t row,
		  const struct socket_past *past);

/* The same with the past looked up into *past. */
void context_of_row(struct context *c, const struct report *r, uint32_t row,
		    struct socket_past *past);

static inline uint64_t limit_of(const struct context *c, enum limit_id id)
{
	return c->report->limits->value[id];
}

/* Decides one row; fills all of `out` but role and is_selected. */
void verdict_decide(const struct context *c, struct assessment *out);

/*
 * The complaints a row might deserve, were it not for what is missing: fields, or
 * the queues of its connection, which a subflow of MPTCP does not show (told by
 * TCP_IS_MPTCP). Where the rest tells another verdict for sure, there are none.
 */
struct withheld {
	uint32_t verdicts;               /* 1 << verdict */
	uint16_t missing[VERDICT_COUNT]; /* enum tcp_socket_has, for each of them */
};
void verdicts_withheld(const struct context *c, struct withheld *out);

/* Fields without which the verdict is never given. */
uint16_t verdict_needs(enum verdict verdict);

/* What was declared: found before the verdict, which it may decide; targets.c. */
uint8_t target_of_row(const struct report *r, uint32_t row,
		      const struct socket_past *past);
bool is_ignored(const struct report *r, const struct tcp_socket *sk);
bool has_protocol(const struct context *c, enum protocol protocol);
/* Silence after which nobody knows whether the peer is alive. */
uint64_t unverified_limit_ms(const struct context *c);

/*
 * Whether the other end is on this host too, and its application, having closed its
 * sending half only, still holds it: it waits, it has not left. See half_closed.c.
 */
void half_closed_add(struct report *r, uint32_t row); /* in FIN_WAIT2 */
bool is_peer_half_closed(const struct report *r, const struct tcp_socket *sk);

/* A service is made by its listeners; then all of them can be recognised. */
void services_add_listener(struct report *r, uint32_t row);
void services_recognise(struct report *r);
enum role role_of(const struct report *r, const struct tcp_socket *sk);

/* Fills what the series take from a report; see series_feed.c. */
void series_values_build(struct report *r);

/* Fills r->pools; see find_pool.c. */
void pools_count(struct report *r);

/* Fills r->findings from assessments and services. */
void findings_build(struct report *r);

#endif
