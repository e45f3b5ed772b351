/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_VERDICT_H
#define CONN_DOCTOR_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The words of a diagnosis: what one connection is, how sure that is, and who
 * must act. Rows are in order of harm, worst first; screens sort by it.
 * `acts` says whether somebody must act on such a connection at all.
 */
#define VERDICTS(X)                                                                    \
	/* id, code, is a complaint, meaning */                                        \
	X(HALF_OPEN, "half-open", true,                                                \
	  "the peer is gone and this side does not know it")                           \
	X(UNREACHABLE, "unreachable", true,                                            \
	  "the network says that the peer cannot be reached")                          \
	X(LOCAL_PATH_DOWN, "local-path-down", true,                                    \
	  "this host cannot send: interface, route or firewall")                       \
	X(UNREAD, "unread", true, "received bytes that the application does not read") \
	X(CLOSE_WAIT_UNREAD, "close-wait-unread", true,                                \
	  "the peer has closed and the application has not even looked")               \
	X(QUEUE_ABANDONED, "queue-abandoned", true,                                    \
	  "the client left before the application accepted it")                        \
	X(QUEUED, "queued", true, "waits in the accept queue")                         \
	X(CLOSE_WAIT_LEAK, "close-wait-leak", true,                                    \
	  "the peer has closed, the application knows and keeps the descriptor")       \
	X(SLOW_READER, "slow-reader", true,                                            \
	  "the peer is alive and does not read what it asked for")                     \
	X(CONNECT_STUCK, "connect-stuck", true, "nobody answers the SYN")              \
	X(SLOW_UPSTREAM, "slow-upstream", true, "the peer owes a reply")               \
	X(SLOW_RESPONSE, "slow-response", true, "our application owes a reply")        \
	X(FIN_WAIT_HELD, "fin-wait-held", true,                                        \
	  "half-closed by the application, which keeps it")                            \
	X(LOSSY, "lossy", true, "the path loses segments and still works")             \
	X(HALF_OPEN_SUSPECT, "half-open-suspect", true,                                \
	  "idle for long, and nobody would notice a dead peer")                        \
	X(NOT_ASSESSED, "not-assessed", false,                                         \
	  "the kernel did not give what a verdict needs")                              \
	X(CONNECTING, "connecting", false, "the SYN is on its way")                    \
	X(HANDSHAKE, "handshake", false, "a client is connecting")                     \
	X(CLOSE_WAIT, "close-wait", false, "the peer has just closed: normal")         \
	X(CLOSING, "closing", false, "on its way out, acknowledged in time")           \
	X(TIME_WAIT, "time-wait", false, "closed; the kernel keeps the ports apart")   \
	X(ACTIVE, "active", false, "data moves")                                       \
	X(IDLE, "idle", false, "nothing to do, within the limits")                     \
	X(LISTENING, "listening", false, "waits for clients")

enum verdict {
#define X(id, ...) VERDICT_##id,
	VERDICTS(X)
#undef X
		VERDICT_COUNT
};

enum confidence { CONFIDENCE_SUSPECT, CONFIDENCE_LIKELY, CONFIDENCE_PROVEN };

enum acts { ACTS_NOBODY, ACTS_LOCAL_APP, ACTS_PEER, ACTS_NETWORK };

/* server: a LISTEN socket of the same namespace covers the local address and port */
enum role { ROLE_NONE, ROLE_SERVER, ROLE_CLIENT };

/* Whose move it is. */
enum turn { TURN_UNKNOWN, TURN_LOCAL, TURN_PEER };

enum severity { SEVERITY_OK, SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };

struct verdict_info {
	const char *code;
	bool is_complaint;
	const char *meaning;
};

extern const struct verdict_info verdict_table[VERDICT_COUNT];

/* VERDICT_COUNT when the code is unknown. */
enum verdict verdict_parse(const char *code, size_t len);

const char *confidence_name(enum confidence c); /* suspect likely proven */
const char *acts_name(enum acts a);             /* nobody local-app peer network */
const char *acts_phrase(enum acts a);           /* "local application must act" */
const char *role_name(enum role r);             /* none server client */
const char *turn_name(enum turn t);             /* unknown local peer */
const char *severity_name(enum severity s);     /* ok info warning critical */

/*
 * What was concluded about one socket. `since_ms` is how long the described
 * condition has lasted: exactly, or at least so long ("≥"). Eight bytes, one
 * for each row of the snapshot.
 */
#define ASSESSMENT_SINCE_UNKNOWN UINT32_MAX

struct assessment {
	uint32_t since_cs; /* hundredths of a second: 497 days */
	uint8_t verdict;
	uint8_t acts;
	uint8_t confidence : 2;
	uint8_t role : 2;
	bool is_since_exact : 1;
	bool is_selected : 1; /* matches the filter */
	uint8_t target;       /* index into policy->targets + 1; 0 = none */
};

#endif
