/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_FOLLOWED_H
#define CONN_DOCTOR_TUI_FOLLOWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/history.h"
#include "conn-doctor/report.h"
#include "conn-doctor/strbuf.h"
#include "conn-doctor/u64_map.h"
#include "event_log.h"

/*
 * Connections that are followed one by one: how they changed, and how they ended.
 * All of them where they are few, else those that ask somebody to act and the one
 * whose page is open: so the cost has a bound, however many sockets there are. It
 * is kept apart from the frames, because the frame before may be overwritten by
 * the pass that it would be compared with.
 */
enum {
	FOLLOW_ALL_MAX = 2000, /* connections of a host that are few */
	FOLLOWED_MAX = 4096,   /* what is beyond is only counted */
	MOMENTS_MAX = 12,
	STEPS_MAX = 32,
	ENDED_MAX = 200,
	OWNER_SIZE = 80,
	/* Long enough to be read, even where a pass takes seconds. */
	ENDED_SHOWN_MS = 10000,
	ENDED_SHOWN_PASSES = 5,
	/* More changes of one pass than can be read are told as a number. */
	CHANGES_PER_PASS = 64,
};

/* A change of state or verdict. */
struct moment {
	uint64_t realtime_ns;
	uint8_t state, verdict;
};

/* How it went so far: the first moment is kept, then the newest ones. */
struct timeline {
	uint64_t first_seen_ns; /* wall clock; may lie before the first moment */
	uint32_t dropped;       /* between the first moment and the others */
	uint32_t count;
	struct moment moments[MOMENTS_MAX];
};

/* One pass of the connection that is open, when something moved. */
struct step {
	uint64_t realtime_ns;
	uint64_t consumed, acked; /* bytes since the pass before */
};

struct steps {
	uint64_t cookie;
	uint64_t since_ns;        /* recorded since then */
	uint64_t consumed, acked; /* as of the last pass */
	uint32_t total;           /* the newest STEPS_MAX of them are kept */
	struct step ring[STEPS_MAX];
};

struct followed {
	struct tcp_socket socket; /* as last seen */
	struct assessment assessment;
	struct timeline timeline;
	uint64_t seen_ns;   /* wall clock of the last pass that showed it */
	uint64_t missed_ns; /* and of the first one that did not; 0 = it is there */
	uint64_t missed_ms;
	char owner[OWNER_SIZE]; /* sanitized, "" = not known */
};

/* A connection that is no more. */
struct ended {
	struct followed last;
	uint64_t pass;      /* when that was certain */
	bool may_be_hidden; /* the filter does not ask for every state */
};

struct followers {
	struct followed *items;
	size_t count, capacity;
	struct u64_map index; /* cookie -> items */
	struct ended *ended;  /* newest last */
	size_t ended_count;
	struct steps steps;
	uint64_t pass;
};

/* What a pass saw. */
struct follow_pass {
	const struct report *report;
	const struct history *past;
	const uint32_t *rows; /* the connections, worst first */
	size_t row_count;
	const struct filter *filter; /* of the command line; NULL = everything */
	uint64_t wanted;             /* cookie of the open page, 0 = none */
};

/* Takes in a pass; what is worth an event goes to the log. */
void followers_update(struct followers *f, const struct follow_pass *pass,
		      struct event_log *log);

/* NULL when the connection is not followed. */
const struct followed *followers_find(const struct followers *f, uint64_t cookie);

/* How it ended, as far as known: one sentence without a full stop. */
void ended_put_how(const struct ended *e, struct strbuf *out);
/* "10.0.0.1:30020 <- 10.0.0.2:40000" */
void followed_put_name(const struct followed *f, struct strbuf *out);

/* Forgets all: the time went back. */
void followers_reset(struct followers *f);
void followers_clear(struct followers *f);

#endif
