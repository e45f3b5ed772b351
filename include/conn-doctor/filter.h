/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FILTER_H
#define CONN_DOCTOR_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/history.h"
#include "conn-doctor/snapshot.h"
#include "conn-doctor/strbuf.h"

/*
 * The filter grammar of ss(8) with shorthands and our own terms. The parsed
 * form is a plain tree, so that the collector can compile what the kernel is
 * able to decide; filter_match() decides all of it, so the result is the same
 * whether the kernel helped or not.
 */

enum filter_op { FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_GT, FILTER_LE, FILTER_GE };

enum filter_kind {
	FILTER_AND,
	FILTER_OR,
	FILTER_NOT,
	FILTER_ADDRESS,   /* end, address/prefix and optional port */
	FILTER_PORT,      /* end, op, value */
	FILTER_STATES,    /* value = mask of TCP_STATE_BIT */
	FILTER_DEVICE,    /* op EQ/NE, name; value = interface index */
	FILTER_MARK,      /* op EQ/NE, value, mask */
	FILTER_CGROUP,    /* op EQ/NE, name; value = cgroup id */
	FILTER_AUTOBOUND, /* local port not chosen by the application */
	FILTER_AGE,       /* op, value ms; subject.age_ms */
	FILTER_IDLE,      /* op, value ms */
	FILTER_RTT,       /* op, value us */
	FILTER_RECVQ,     /* op, value bytes */
	FILTER_SENDQ,     /* op, value bytes */
	FILTER_RETRANS,   /* op, value: total_retrans */
	FILTER_VERDICT,   /* op EQ/NE, value = enum verdict */
	FILTER_NOTHING,   /* a term of another family (unix:, vsock:): matches no TCP */
};

enum filter_end { FILTER_LOCAL, FILTER_PEER, FILTER_EITHER };

struct filter_node {
	enum filter_kind kind;
	enum filter_op op;
	enum filter_end end;
	struct filter_node *left, *right; /* NOT uses left */
	struct ip_address address;
	uint8_t ip_version; /* 0 = any address, 4, 6 */
	uint8_t prefix_len; /* in bits of the family: 0..32 or 0..128 */
	int32_t port;       /* of FILTER_ADDRESS; -1 = any */
	uint64_t value;
	uint32_t mask;
	char *name;
};

struct filter {
	struct filter_node *root; /* NULL: everything matches */
	char *text;               /* as given */
};

/*
 * Parses an expression. On a syntax error the message is the reason, and on
 * lines of their own the expression and a caret under the place; *error_column
 * (may be NULL) is the offset in bytes. The empty expression matches all.
 */
int filter_parse(const char *text, struct filter **out, size_t *error_column,
		 struct error *err);
void filter_free(struct filter *f);

/* The parsed form in canonical ss spelling, fully parenthesised. */
void filter_print(const struct filter *f, struct strbuf *out);

/* States that can match at all: what to ask the kernel for. */
uint32_t filter_states(const struct filter *f);

struct filter_subject {
	const struct snapshot *snap;
	const struct tcp_socket *socket;
	const struct socket_past *past; /* NULL: first sight */
	int64_t age_ms;                 /* of the connection, -1 = unknown */
	uint8_t verdict;
	uint8_t role; /* enum role; autobound means a client port */
};

bool filter_match(const struct filter *f, const struct filter_subject *subject);

/*
 * Looks up device and cgroup names in place (FILTER_DEVICE, FILTER_CGROUP) by
 * the given functions, which return false for an unknown name. The filter
 * itself does no I/O.
 */
struct filter_resolver {
	bool (*device)(const char *name, uint64_t *index);
	bool (*cgroup)(const char *path, uint64_t *id);
};
int filter_resolve(struct filter *f, const struct filter_resolver *resolver,
		   struct error *err);

#endif
