/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_PROCESSES_H
#define CONN_DOCTOR_TUI_PROCESSES_H

#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/report.h"
#include "row_sample.h"

/* The processes that own connections or listen, with what they own. */
struct process_row {
	uint64_t id;      /* pid and start time: a reused pid is another process */
	uint32_t process; /* index into snapshot->processes */
	int32_t service;  /* the first one that it listens for, NO_INDEX = none */
	uint32_t verdicts[VERDICT_COUNT];
	uint32_t count;
	uint32_t complaints;
	struct row_sample sample;
};

struct process_list {
	struct process_row *rows; /* worst first */
	size_t count, capacity;
	size_t unowned; /* connections without a known owner */
};

/* `rows`: the connections; those whose order matters stand first, worst first. */
void processes_make(struct process_list *list, const struct report *r,
		    const uint32_t *rows, size_t row_count);
/* Per mille of the descriptor limit, -1 = not known. */
int process_fd_share(const struct process *p);
/* *out: the same, with the rows that an excerpt has. */
void processes_copy(struct process_list *out, const struct process_list *list,
		    const struct snapshot *from, const struct snapshot *to);
void processes_clear(struct process_list *list);

#endif
