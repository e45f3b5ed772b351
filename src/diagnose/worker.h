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

/* worker_words.c: stopped on purpose: it goes on where it was when it is told to. */
bool is_stopped(const struct process *p);
/* Whom it leaves waiting: `queued` to be accepted, `abandoned` have left. */
void say_queue(const struct report *r, struct finding *f, const struct group *g,
	       const struct group *queued, const struct group *abandoned);
/* What the process does just now. */
void say_process(const struct report *r, struct finding *f);

/* What the worker does besides leaving somebody waiting. */
enum worker_life {
	WORKER_SILENT,
	WORKER_ANSWERS_OTHERS, /* some of its connections hang */
	WORKER_IS_SLOW,        /* it takes them all, one after the other */
};

void advise_stuck_worker(const struct report *r, struct finding *f,
			 enum worker_life life);

/* ", 2 clients gave up"; nothing for none. */
const char *gave_up(char out[static 48], size_t count);

/* find_leak.c: one unread alone is no stuck worker, after a minute it is a leak. */
void find_unread_leak(struct report *r, const struct group *unread);

#endif
