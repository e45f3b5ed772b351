/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FINDING_GROUPS_H
#define CONN_DOCTOR_FINDING_GROUPS_H

#include "conn-doctor/format.h"
#include "context.h"

/*
 * Findings speak about groups: connections with related verdicts of one service
 * and one process. First the complaints are sorted into groups, then each kind
 * of finding looks at its groups and words what it sees. What belongs to a
 * stuck worker is told by that finding; the others then say they are part of it.
 */
struct group {
	enum finding_kind kind;
	int32_t service; /* NO_INDEX: client-role connections */
	int32_t process; /* NO_INDEX: not known, or about the whole service */
	size_t count;
	size_t closed_count; /* of them, the peer has closed already */
	size_t unseen_count; /* of those, the application did not look */
	size_t queued_count; /* of them, not accepted yet */
	size_t full_count;   /* of them, the window for the peer is closed */
	size_t proven_count, likely_count;
	uint64_t unread_bytes, unsent_bytes;
	uint64_t retransmitted_segs, sent_segs;
	uint32_t oldest_cs; /* longest known `since`; 0 when none is known */
	bool is_oldest_exact;
	uint32_t oldest_row;         /* the first one when no age is known */
	uint32_t longest_silence_ms; /* since data came from the peer */
	uint32_t silent_row;         /* the one it is of */
	size_t addressed_count;      /* of them, data was sent to since */
	int32_t owner;    /* the process that holds all of them, NO_INDEX: several */
	size_t heir_rows; /* of them, held by programs that `process` started */
	int32_t heir;     /* the first of those; with heir_rows */
};

struct groups {
	struct group *items;
	size_t count, capacity;
	struct u64_map index; /* kind, service, process -> position */
};

/* Sorts the complaints among the selected rows into groups. */
void groups_build(const struct report *r, struct groups *all);
void groups_clear(struct groups *all);

/* The group of another kind about the same service, or an empty one. */
const struct group *groups_sibling(const struct groups *all, enum finding_kind kind,
				   int32_t service);

void group_add_row(struct group *g, const struct report *r, uint32_t row);
/* Of the row's owner and service; NO_INDEX = unknown, or a client-role row. */
int32_t process_index(const struct report *r, uint32_t row);
int32_t service_index(const struct report *r, uint32_t row);

/* Words and parts that the findings share; see finding_words.c. */
uint64_t limit_value(const struct report *r, enum limit_id id);
bool is_older(const struct report *r, const struct group *g, enum limit_id id);
const char *at_least(const struct group *g);
const char *plural(uint64_t count);
char *oldest(const struct group *g, char out[static FORMAT_SIZE]);
const struct process *process_at(const struct report *r, int32_t index);
bool is_same_program(const struct process *a,
		     const struct process *b); /* acceptors.c */

/* Of a group's peers: how many answer on other connections; see peer_life.c. */
struct peer_life {
	size_t alive;
	size_t large; /* of them, only large segments wait */
};
struct peer_life peer_life_of(const struct report *r, const struct group *g);

/* How full the fullest queue is, and what was dropped since the first look. */
struct queue_state {
	uint32_t row;          /* the fullest listener */
	uint64_t count, limit; /* of that one */
	uint64_t permille;
	uint64_t dropped;
	bool is_full;
};
struct queue_state queue_state_of(const struct report *r, const struct service *s);

/* Looks at all rows once, before the first question below. */
void life_signs_build(struct report *r);

/*
 * How long ago the service, or that process for it, answered or closed one of its
 * connections; -1 = not within that time. See liveness.c.
 */
int64_t answered_ms(const struct report *r, int32_t service, int32_t process,
		    int64_t within_ms);

/* A new finding about the group, with what all kinds have in common. */
struct finding *add_finding(struct report *r, const struct group *g);
void set_summary(struct finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void add_evidence(struct finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void add_next(struct finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
uint64_t finding_fingerprint(const struct report *r, const struct finding *f);

/* Each looks at one group and adds the finding it makes, if it makes one. */
typedef void finder(struct report *r, const struct groups *all, const struct group *g);
finder find_stuck_worker;                       /* find_worker.c */
finder find_close_wait_leak;                    /* find_leak.c */
finder find_accept_queue, find_queue_abandoned; /* find_queue.c */
finder find_half_open, find_half_open_suspect;  /* find_peer.c */
finder find_local_path_down;
finder find_slow_reader, find_slow_response;

/* Names the only process that holds the group's connections, if there is one. */
void name_owner(struct finding *f, const struct group *g);

/* The server behind the finding; false when it is not recognised. */
struct launch;
bool launch_of_finding(const struct report *r, const struct finding *f,
		       struct launch *out);

/* Of gunicorn: whether and when it replaces a silent worker. */
void say_watchdog(struct finding *f, const struct launch *l);
/*
 * So many requests hang in a Python ASGI server that the 40 threads of anyio's
 * default limiter may all be taken; beside the main thread that makes more than
 * 40. Says so and returns true; a number of threads that is not known is said.
 */
bool say_thread_pool(const struct report *r, struct finding *f, const struct group *g);

/* A rule whose needs are not met says so; once for each kind. */
void add_unknown(struct report *r, enum finding_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same of a rule that only the host's own namespace could answer. */
void add_not_ours(struct report *r, enum finding_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same of a rule that only needs more passes. */
void add_untimed(struct report *r, enum finding_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same of a rule that has judged the rest of what it looks at. */
void add_partly_unknown(struct report *r, enum finding_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Which processes own a selected row, by index; the caller's to free(). */
bool *selected_owners(const struct report *r);

/* Per mille of a whole, and the largest count that is below that share of it. */
uint64_t permille_of(uint64_t count, uint64_t whole);
double below_share(const struct report *r, uint64_t whole, enum limit_id share);

/* Each looks at the whole report once. */
typedef void survey(struct report *r);
survey find_slow_upstreams, find_stuck_connects, find_lossy_paths; /* find_path.c */
survey find_greedy_peers, find_missing_keepalive;                  /* find_client.c */
survey find_fd_exhaustion, find_syn_floods, find_port_exhaustion;  /* find_resource.c */
survey find_orphans;
survey find_risky_flags;                   /* find_flags.c */
survey find_reset_storm;                   /* find_resets.c */
survey find_connection_growth;             /* find_growth.c */
survey find_missed_heartbeats;             /* find_heartbeat.c */
survey find_timeout_chains;                /* find_chain.c */
survey find_pools, find_idle_transactions; /* find_pool.c */

/* What the rules are about; without it there is nothing to look at. */
typedef bool applicable(const struct report *r);
applicable has_descriptors, has_handshakes, has_clients, is_about_host;
applicable has_half_open_suspects, has_connections, has_selected_service;
applicable has_crowded_service, has_idle_clients;
bool is_service_selected(const struct report *r, const struct service *s);
/* Idle for long, or for a time the kernel does not tell, and of another host. */
bool is_idle_client(const struct report *r, uint32_t row);
/* Accepted, open, and a heartbeat is declared for it. */
bool has_heartbeat(const struct report *r, uint32_t row);
/* Whether the passes so far give a rate of resets, and reach far enough. */
bool has_reset_rate(const struct report *r);
bool has_growth_window(const struct report *r);

/* What [check CODE] says about the findings that were made; checks.c. */
void checks_apply(struct report *r);
/* Whether a range decides the severity of findings of this kind. */
bool checks_decide(const struct report *r, enum finding_kind kind);

/* Nobody accepts: a stuck worker that shows only in the accept queue. */
void find_idle_accept(struct report *r, const struct groups *all,
		      const struct group *queue);

#endif
