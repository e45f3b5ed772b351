/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_DIAGNOSE_WORKER_H
#define CONN_DOCTOR_DIAGNOSE_WORKER_H

#include "finding_groups.h"

/* The parts of a finding about a worker that leaves somebody waiting. */

/* acceptors.c: the worker that should accept there; of several the lowest pid. */
int32_t accepting_process(const struct report *r, uint32_t listener);
/* Prefork: all workers accept from one queue, and none of them does. */
void say_workers(const struct report *r, struct finding *f, uint32_t listener);
/* Whether the process accepts from the queue of the service. */
bool is_queue_of(const struct report *r, int32_t service, int32_t process);

/* worker_words.c: stopped or frozen: it goes on where it was when it is told to. */
bool is_halted(const struct process *p);
/* Then, what lets it run again; false when it is not. */
bool advise_halted(struct finding *f, const struct process *p);
/* In one of these kernel functions, a list that ends with NULL. */
bool waits_in(const struct process *p, const char *const *functions);
/* Whom it leaves waiting: `queued` to be accepted, `abandoned` have left. */
void say_queue(const struct report *r, struct finding *f, const struct group *g,
	       const struct group *queued, const struct group *abandoned);
/* What the process does just now. */
void say_process(const struct report *r, struct finding *f);

/* What the workers of a service have accepted already; worker_holds.c. */
struct held {
	size_t count;
	uint32_t oldest_ms;
	uint32_t row; /* the oldest */
};
struct holds {
	size_t total;
	struct held owed, idle, stalled; /* read, answered, not taken by the client */
};
struct holds holds_of(const struct report *r, int32_t service);
void say_holds(const struct report *r, struct finding *f, const struct holds *h);

/* It answers others: lately, or as long ago as it works on what it has accepted. */
bool is_going_on(const struct report *r, const struct holds *h, int64_t answered_ms);

/* Why nobody accepts, as far as it can be told; answered_ms: -1 = nobody was. */
enum not_accepting { NOT_KNOWN, NO_DESCRIPTOR, KEPT_IDLE, AT_ITS_LIMIT };
enum not_accepting why_not_accepting(const struct report *r, const struct finding *f,
				     const struct holds *h, int64_t answered_ms);

/* What the worker does besides leaving somebody waiting. */
enum worker_life {
	WORKER_SILENT,
	WORKER_ANSWERS_OTHERS, /* some of its connections hang */
	WORKER_IS_SLOW,        /* it takes them all, one after the other */
};

void advise_stuck_worker(const struct report *r, struct finding *f,
			 enum worker_life life);

/* Of a reason why nobody accepts; of another one the worker counts as stuck. */
void advise_acceptor(const struct report *r, struct finding *f, enum not_accepting why);

/* ", 2 clients gave up"; nothing for none. */
const char *gave_up(char out[static 48], size_t count);

/* find_leak.c: one unread alone is no stuck worker, after a minute it is a leak. */
void find_unread_leak(struct report *r, const struct group *unread);

#endif
