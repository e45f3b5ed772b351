/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_SOCK_DIAG_H
#define CONN_DOCTOR_SOCK_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "intake.h"

/* One dump: which states, and a bytecode program (len 0 = none). */
struct dump_request {
	uint32_t states;
	const void *bytecode;
	size_t bytecode_len;
	uint64_t deadline_ms; /* CLOCK_MONOTONIC; 0 = none */
};

/*
 * Dumps the TCP sockets of the network namespace the calling thread is in,
 * IPv4 and IPv6 in one legacy pass. Every reply goes to the intake.
 *
 * A dump the kernel cut short is repeated a few times; rows are unique by
 * cookie, so what came twice does no harm. *is_complete tells whether one of
 * the attempts got to its end. -1: the kernel refused (no sock_diag, bytecode),
 * or the deadline passed.
 */
int sock_diag_dump(struct intake *in, const struct dump_request *request,
		   bool *is_complete, struct error *err);

#endif
