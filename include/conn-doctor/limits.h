/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_LIMITS_H
#define CONN_DOCTOR_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"

/*
 * Every threshold of the program is a row here: identifier, name for --set and
 * the manual, unit, default, range, what it decides, and why this default.
 * Durations are held in milliseconds, shares in per mille.
 */

enum limit_unit { LIMIT_COUNT, LIMIT_DURATION, LIMIT_SHARE };

#define LIMIT_SECONDS(n) ((n)*1000ULL)
#define LIMIT_WEEK       LIMIT_SECONDS(7 * 24 * 3600)

#define LIMITS(X)                                                                      \
	X(HALF_OPEN_RETRANSMITS, "half-open-retransmits", COUNT, 3, 1, 15,             \
	  "retransmissions without an answer before a connection is likely half-open", \
	  "the kernel itself begins to doubt the path at tcp_retries1 = 3")            \
	X(HALF_OPEN_NO_ACK, "half-open-no-ack", DURATION, LIMIT_SECONDS(5),            \
	  LIMIT_SECONDS(1), LIMIT_WEEK,                                                \
	  "silence after a send before a connection is likely half-open",              \
	  "20 % loss gave at most 2.6 s of silence; 5 s is twice that")                \
	X(HALF_OPEN_PROVEN_RETRANSMITS, "half-open-proven-retransmits", COUNT, 5, 1,   \
	  15, "retransmissions before half-open counts as proven",                     \
	  "five RTOs in a row are never lost by a path that still works")              \
	X(HALF_OPEN_PROVEN_NO_ACK, "half-open-proven-no-ack", DURATION,                \
	  LIMIT_SECONDS(6), LIMIT_SECONDS(1), LIMIT_WEEK,                              \
	  "silence before half-open counts as proven",                                 \
	  "the fifth retransmission of a default RTO leaves after 6.6 s")              \
	X(HALF_OPEN_CRITICAL_AGE, "half-open-critical-age", DURATION,                  \
	  LIMIT_SECONDS(30), 0, LIMIT_WEEK, "silence that makes half-open critical",   \
	  "an outage of 30 s is no hand-over or reroute any more")                     \
	X(PROBES_UNANSWERED, "probes-unanswered", COUNT, 2, 2, 127,                    \
	  "keepalive or window probes in a row without answer: likely half-open",      \
	  "one unanswered probe is normal: receivers rate-limit such ACKs")            \
	X(PROBES_UNANSWERED_PROVEN, "probes-unanswered-proven", COUNT, 3, 2, 127,      \
	  "probes in a row without answer: half-open is proven",                       \
	  "three in a row are as convincing as three retransmissions")                 \
	X(UNREACHABLE_RETRANSMITS, "unreachable-retransmits", COUNT, 3, 1, 100,        \
	  "retransmissions beyond the back-off that mean an ICMP or neighbour error",  \
	  "the kernel retries early, without backing off, after such an error")        \
	X(LOCAL_PATH_AGE, "local-path-down-age", DURATION, LIMIT_SECONDS(2),           \
	  LIMIT_SECONDS(1), LIMIT_WEEK,                                                \
	  "unsent data with an open window before the local path counts as down",      \
	  "a full local queue looks alike for a moment")                               \
	X(SLOW_READER_AGE, "slow-reader-age", DURATION, LIMIT_SECONDS(10),             \
	  LIMIT_SECONDS(1), LIMIT_WEEK,                                                \
	  "closed window without progress before the peer is a slow reader",           \
	  "a reader that takes 60 kB/s moves every few seconds")                       \
	X(SLOW_READER_CRITICAL_AGE, "slow-reader-critical-age", DURATION,              \
	  LIMIT_SECONDS(60), LIMIT_SECONDS(1), LIMIT_WEEK,                             \
	  "closed window without progress that is critical",                           \
	  "nginx gives such a client up after send_timeout = 60 s")                    \
	X(LOSSY_SHARE, "lossy-share", SHARE, 20, 1, 1000,                              \
	  "retransmitted share of data segments that makes a path lossy",              \
	  "TCP throughput falls steeply above 2 % loss")                               \
	X(LOSSY_RETRANSMITS, "lossy-retransmits", COUNT, 3, 1, 1000000,                \
	  "retransmissions a connection must have had before its share is judged",     \
	  "one tail loss probe on a short connection is a large share of little")      \
	X(QUEUED_AGE, "queued-age", DURATION, LIMIT_SECONDS(1), 0, LIMIT_WEEK,         \
	  "wait in the accept queue that is too long",                                 \
	  "a healthy accept loop takes a connection within milliseconds")              \
	X(CLOSE_WAIT_UNREAD_AGE, "close-wait-unread-age", DURATION, LIMIT_SECONDS(5),  \
	  0, LIMIT_WEEK, "age of CLOSE_WAIT with the end of the stream unread",        \
	  "uvicorn's own health check gives a worker 5 s")                             \
	X(CLOSE_WAIT_AGE, "close-wait-age", DURATION, LIMIT_SECONDS(60), 0,            \
	  LIMIT_WEEK, "age of CLOSE_WAIT with the end of the stream read",             \
	  "after 60 s the peer's FIN_WAIT2 and the conntrack entry are gone")          \
	X(CLOSE_WAIT_CRITICAL_AGE, "close-wait-critical-age", DURATION,                \
	  LIMIT_SECONDS(300), 0, LIMIT_WEEK,                                           \
	  "age of the oldest leaked connection that is critical",                      \
	  "five minutes and more of them: it is a leak, not a slow handler")           \
	X(CLOSE_WAIT_CRITICAL_COUNT, "close-wait-critical-count", COUNT, 10, 1,        \
	  1000000, "leaked connections that are critical at that age",                 \
	  "a few may be one forgotten pool; ten are a pattern")                        \
	X(CLOSE_WAIT_FD_SHARE, "close-wait-fd-share", SHARE, 500, 1, 1000,             \
	  "share of a process's descriptors that leaked connections critically hold",  \
	  "the leak has taken more than all its work")                                 \
	X(TREND_POINTS, "trend-points", COUNT, 10, 8, 100,                             \
	  "samples before a growth is judged",                                         \
	  "below 8 chance cannot be excluded; two more for passes that come late")     \
	X(TREND_WINDOW, "trend-window", DURATION, LIMIT_SECONDS(60), LIMIT_SECONDS(1), \
	  LIMIT_WEEK, "time before a growth is judged",                                \
	  "clients that come back after a restart need some tens of seconds")          \
	X(GROWTH_MIN, "growth-min", COUNT, 20, 1, 100000000,                           \
	  "connections a service must gain before its growth is told",                 \
	  "a few more clients are a few more clients")                                 \
	X(GROWTH_SHARE, "growth-share", SHARE, 200, 1, 1000,                           \
	  "growth against what was there before it is told",                           \
	  "a service of many clients moves by some percent all the time")              \
	X(GROWTH_ETA, "growth-eta", DURATION, LIMIT_SECONDS(3600), LIMIT_SECONDS(1),   \
	  LIMIT_WEEK, "time to the descriptor limit that makes growth a warning",      \
	  "an hour is enough to look, and short enough to be foreseen")                \
	X(RESET_BASELINE, "reset-baseline", COUNT, 5, 1, 1000000,                      \
	  "resets per second that are always taken for usual",                         \
	  "health checks, scanners and closed browser tabs make some everywhere")      \
	X(RESET_FACTOR, "reset-factor", COUNT, 10, 2, 1000,                            \
	  "times the usual rate of resets that are a warning",                         \
	  "netdata's rule: ten times the baseline")                                    \
	X(RESET_WINDOW, "reset-window", DURATION, 500, 100, LIMIT_SECONDS(600),        \
	  "shortest time over which a rate of resets is read",                         \
	  "half the interval of check's two passes")                                   \
	X(RESET_CRITICAL_AGE, "reset-critical-age", DURATION, LIMIT_SECONDS(60),       \
	  LIMIT_SECONDS(1), LIMIT_WEEK, "time a reset storm lasts that is critical",   \
	  "a restart is over in less")                                                 \
	X(RESET_LEARN, "reset-learn", DURATION, LIMIT_SECONDS(600), LIMIT_SECONDS(1),  \
	  LIMIT_WEEK, "time of earlier samples from which the usual rate is learnt",   \
	  "shorter, and a storm that goes on would soon be taken for usual")           \
	X(UNREAD_AGE, "unread-age", DURATION, LIMIT_SECONDS(5), 0, LIMIT_WEEK,         \
	  "received bytes left unread before a worker counts as stuck",                \
	  "uvicorn's own health check gives a worker 5 s")                             \
	X(STUCK_WORKER_SOCKETS, "stuck-worker-sockets", COUNT, 2, 1, 1000000,          \
	  "unread connections of one process that make a stuck worker",                \
	  "one alone may be back-pressure on purpose")                                 \
	X(UNREAD_NOTICE, "unread-notice", COUNT, 2048, 0, 1000000000,                  \
	  "unread bytes on an outgoing connection that are no more than a notice",     \
	  "two tickets of TLS 1.3, a heartbeat, a goodbye: nobody waits for them")     \
	X(STUCK_WORKER_CRITICAL_AGE, "stuck-worker-critical-age", DURATION,            \
	  LIMIT_SECONDS(30), 0, LIMIT_WEEK, "time a worker is stuck that is critical", \
	  "gunicorn's watchdog kills a silent worker after 30 s")                      \
	X(SLOW_RESPONSE_AGE, "slow-response-age", DURATION, LIMIT_SECONDS(30), 0,      \
	  LIMIT_WEEK, "time our application owes a reply",                             \
	  "most proxies and clients give up at 30 to 60 s")                            \
	X(SLOW_RESPONSE_COUNT, "slow-response-count", COUNT, 3, 1, 1000000,            \
	  "owed replies of one service that are a warning",                            \
	  "one long request may be meant to be long")                                  \
	X(SLOW_UPSTREAM_AGE, "slow-upstream-age", DURATION, LIMIT_SECONDS(30), 0,      \
	  LIMIT_WEEK, "time the peer owes us a reply",                                 \
	  "most proxies and clients give up at 30 to 60 s")                            \
	X(FIN_WAIT_AGE, "fin-wait-age", DURATION, LIMIT_SECONDS(60), 0, LIMIT_WEEK,    \
	  "age of FIN_WAIT2 that the application still holds",                         \
	  "the kernel itself gives an orphan tcp_fin_timeout = 60 s")                  \
	X(IDLE_UNVERIFIED_AGE, "idle-unverified-age", DURATION, LIMIT_SECONDS(350),    \
	  LIMIT_SECONDS(1), LIMIT_WEEK,                                                \
	  "idle time without keepalive after which a peer may be gone unnoticed",      \
	  "the common middlebox timeout (AWS NLB, NAT gateway: 350 s)")                \
	X(CONNECT_AGE, "connect-age", DURATION, LIMIT_SECONDS(3), LIMIT_SECONDS(1),    \
	  LIMIT_WEEK, "unanswered SYN before a connect is stuck",                      \
	  "three SYNs at the initial RTO of 1 s")                                      \
	X(ACTIVE_AGE, "active-age", DURATION, LIMIT_SECONDS(1), 0, LIMIT_WEEK,         \
	  "a connection is active when data moved within this time",                   \
	  "one refresh interval")                                                      \
	X(ACCEPT_QUEUE_SHARE, "accept-queue-share", SHARE, 700, 1, 1000,               \
	  "filled share of an accept queue that is a warning",                         \
	  "leaves time to act before clients are dropped")                             \
	X(QUEUE_ABANDONED_CRITICAL, "queue-abandoned-critical", COUNT, 10, 1, 1000000, \
	  "clients that gave up in the accept queue before it is critical",            \
	  "a few may be health checks")                                                \
	X(FD_SHARE, "fd-share", SHARE, 800, 1, 1000,                                   \
	  "descriptors in use against the soft limit that are a warning",              \
	  "leaves time to act before accept() and connect() fail")                     \
	X(FD_CRITICAL_SHARE, "fd-critical-share", SHARE, 950, 1, 1000,                 \
	  "descriptors in use against the soft limit that are critical",               \
	  "what netdata uses for a process")                                           \
	X(SYN_QUEUE_COUNT, "syn-queue-count", COUNT, 16, 1, 1000000,                   \
	  "unfinished handshakes of a listener before their share is judged",          \
	  "a few are always under way, and a small backlog is soon half full")         \
	X(SYN_QUEUE_SHARE, "syn-queue-share", SHARE, 500, 1, 1000,                     \
	  "unfinished handshakes against the backlog that are a warning",              \
	  "a healthy client finishes within one round trip")                           \
	X(SYN_QUEUE_CRITICAL_SHARE, "syn-queue-critical-share", SHARE, 900, 1, 1000,   \
	  "unfinished handshakes against the backlog that are critical",               \
	  "beyond the backlog the kernel drops SYNs or sends cookies")                 \
	X(PORTS_SHARE, "ports-share", SHARE, 700, 1, 1000,                             \
	  "local ports in use to one destination that are a warning",                  \
	  "near the end of the range connect() searches long")                         \
	X(PORTS_CRITICAL_SHARE, "ports-critical-share", SHARE, 900, 1, 1000,           \
	  "local ports in use to one destination that are critical",                   \
	  "a burst takes the rest at once: a port rests 60 s in TIME_WAIT")            \
	X(ORPHANS_SHARE, "orphans-share", SHARE, 250, 1, 1000,                         \
	  "orphans against tcp_max_orphans that are a warning",                        \
	  "the kernel may count an orphan two to four times")                          \
	X(ORPHANS_CRITICAL_SHARE, "orphans-critical-share", SHARE, 500, 1, 1000,       \
	  "orphans against tcp_max_orphans that are critical",                         \
	  "the kernel may count an orphan two to four times")                          \
	X(LOSSY_PATH_COUNT, "lossy-path-count", COUNT, 3, 1, 1000000,                  \
	  "lossy connections to one network that are a warning",                       \
	  "one bad connection is its peer's trouble, several are the path's")          \
	X(LOSSY_PATH_SHARE, "lossy-path-share", SHARE, 100, 1, 1000,                   \
	  "retransmitted share over these connections that is a warning",              \
	  "at 5 % connections still do their work, at 10 % they crawl")                \
	X(POOL_WAIT_AGE, "pool-wait-age", DURATION, LIMIT_SECONDS(5), 0, LIMIT_WEEK,   \
	  "time all connections of a pool wait for a reply before it is exhausted",    \
	  "as long as httpx waits for a connection of its pool")                       \
	X(POOL_CRITICAL_AGE, "pool-critical-age", DURATION, LIMIT_SECONDS(30), 0,      \
	  LIMIT_WEEK,                                                                  \
	  "time a pool is exhausted, and requests queue, that is critical",            \
	  "SQLAlchemy and HikariCP give up on a pool after 30 s")                      \
	X(POOL_IDLE_AGE, "pool-idle-age", DURATION, LIMIT_SECONDS(30), 0, LIMIT_WEEK,  \
	  "time all of a full pool is idle while requests wait before it leaks",       \
	  "SQLAlchemy and HikariCP give up on a pool after 30 s")                      \
	X(IDLE_TRANSACTION_AGE, "idle-in-transaction-age", DURATION,                   \
	  LIMIT_SECONDS(30), 0, LIMIT_WEEK,                                            \
	  "silence of a PostgreSQL session in a transaction",                          \
	  "what its idle_in_transaction_session_timeout is usually set to")            \
	X(PEER_COUNT, "peer-count", COUNT, 50, 1, 100000000,                           \
	  "connections of one peer to a service before its share is judged",           \
	  "browsers open six, pools ten to thirty")                                    \
	X(PEER_SHARE, "peer-share", SHARE, 300, 1, 1000,                               \
	  "one peer's share of a service's connections that is told",                  \
	  "one of many clients should not hold a third of them")                       \
	X(PEER_CRITICAL_COUNT, "peer-critical-count", COUNT, 200, 1, 100000000,        \
	  "so many connections of one peer are critical, where proxies are named",     \
	  "four times peer-count; counts only once [ignore] proxies is set")           \
	X(PEER_CRITICAL_SHARE, "peer-critical-share", SHARE, 700, 1, 1000,             \
	  "such a share held by one peer is critical, where proxies are named",        \
	  "there is little left for everybody else")                                   \
	X(KEEPALIVE_IDLE_AGE, "keepalive-idle-age", DURATION, LIMIT_SECONDS(300), 0,   \
	  LIMIT_WEEK, "idle time from which a connection should have keepalive",       \
	  "middleboxes forget idle connections after 240 to 350 s")                    \
	X(KEEPALIVE_MAX_IDLE, "keepalive-max-idle", DURATION, LIMIT_SECONDS(350),      \
	  LIMIT_SECONDS(1), LIMIT_WEEK, "keepalive idle time that is too slow",        \
	  "the common middlebox timeout (AWS NLB, NAT gateway: 350 s)")                \
	X(OPEN_FOR, "open-for", DURATION, 0, 0, LIMIT_WEEK,                            \
	  "with --state: time a finding lasts before it opens; until then it is info", \
	  "each rule waits for its own age already")                                   \
	X(CLOSE_AFTER, "close-after", DURATION, LIMIT_SECONDS(90), 0, LIMIT_WEEK,      \
	  "with --state: time a finding is not seen before it closes",                 \
	  "a finding that one run of each minute misses does not flap")

enum limit_id {
#define X(id, ...) LIMIT_##id,
	LIMITS(X)
#undef X
		LIMITS_END
};

struct limits {
	uint64_t value[LIMITS_END];
};

struct limit_info {
	const char *name;
	enum limit_unit unit;
	uint64_t initial, min, max;
	const char *help;
	const char *reason;
};

extern const struct limit_info limit_table[LIMITS_END];

void limits_init(struct limits *limits);

/* `NAME=VALUE`, as given to --set. Names the nearest limit when NAME is unknown. */
int limits_set(struct limits *limits, const char *assignment, struct error *err);

/* The value with its unit, as limits_set() would take it back. */
char *limit_print(enum limit_id id, uint64_t value, char out[static 32]);

#endif
