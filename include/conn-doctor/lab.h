/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_LAB_H
#define CONN_DOCTOR_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conn-doctor/error.h"
#include "conn-doctor/limits.h"
#include "conn-doctor/verdict.h"

/*
 * Bad states, made on purpose with real sockets, so that alerts can be proven.
 * Two processes, "server" and "client", each in a network namespace of its own
 * and joined by a veth pair, take the steps of a row in turns. Nothing touches
 * the host's network, and nothing is left when the program ends in any way: the
 * namespaces are held by these processes only.
 */

struct lab_step;

struct lab_state {
	const char *name; /* the verdict's code, or what it is made for */
	const char *help;
	enum verdict verdict;
	enum limit_id limit;    /* its default is when the verdict appears ... */
	uint64_t after_ms;      /* ... unless that is later: then this */
	const char *finding;    /* one that must appear as well, or NULL */
	bool is_seen_by_client; /* the sick end is the client's */
	bool is_ipv4_only;
	const struct lab_step *steps;
	size_t step_count;
};

/* In the order of the list; ends with an all-zero row. */
extern const struct lab_state lab_table[];

enum { LAB_PORT = 30020, LAB_COUNT = 3, LAB_COUNT_MAX = 1000, LAB_HOLD_MS = 600000 };

struct lab_options {
	const struct lab_state *state;
	uint16_t port;
	uint32_t count; /* connections */
	uint64_t hold_ms;
};

/* NULL with an ERROR_USAGE that names the nearest state. */
const struct lab_state *lab_state_find(const char *name, struct error *err);

/* From the last step to the verdict with default limits. */
uint64_t lab_state_after_ms(const struct lab_state *state);

void lab_list(FILE *out);

/*
 * Makes the state, says how to look at it, and holds it. Returns 0 when the time
 * is over, the number of the signal that ended it, or -1.
 */
int lab_run(const struct lab_options *o, FILE *out, struct error *err);

#endif
