/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_PASS_H
#define CONN_DOCTOR_TUI_PASS_H

#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/history.h"
#include "conn-doctor/report.h"
#include "conn-doctor/snapshot.h"
#include "gauge.h"
#include "journal.h"
#include "peers.h"
#include "processes.h"

/*
 * One pass as the collector has it: every row, its past, and what is counted over
 * all of them. The screen never sees it; it gets frames, which are excerpts. There
 * is one of it, since on a host with a million sockets a second one would cost
 * as much as all the rest.
 */
struct pass {
	struct snapshot snap;
	struct report report; /* with its history, until that takes in the next pass */
	size_t number;        /* of a recording, from 1; 0 = not known */
	size_t frame_rows;    /* of more connections a frame does not have all */
	uint32_t *worst;      /* connections, worst first: at most frame_rows */
	size_t worst_count;
	size_t connection_count;
	uint32_t verdicts[VERDICT_COUNT]; /* over the connections */
	uint32_t *services; /* indices into report.services, worst first */
	size_t service_count;
	struct service_gauge *gauges; /* one for each of report.services */
	struct peers peers;
	struct process_list processes;
};

struct pass_question {
	const struct limits *limits;
	const struct filter *filter; /* of the command line */
	const struct policy *policy; /* NULL = nothing was declared */
	struct journal *journal;     /* takes the pass in; NULL = none is kept */
	uint64_t wanted;             /* cookie to be followed, 0 = none */
	const struct series *series; /* of the passes before; may be NULL */
	size_t frame_rows;           /* 0 = FRAME_ROWS */
};

/*
 * So many rows a frame has, chosen by its order and filter. Nobody reads more of
 * them, and at a million sockets they cost 10 bytes a socket.
 */
enum { FRAME_ROWS = 20000 };

/* p->snap was just filled, and `past` includes it. */
void pass_diagnose(struct pass *p, const struct history *past,
		   const struct pass_question *question);

/* Every connection fits into a frame. */
bool pass_is_small(const struct pass *p);

/* Selected, and no listener: those are shown as services. */
bool pass_is_connection(const struct pass *p, uint32_t row);

void pass_clear(struct pass *p);

#endif
