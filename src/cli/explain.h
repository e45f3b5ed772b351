/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_EXPLAIN_H
#define CONN_DOCTOR_EXPLAIN_H

#include "conn-doctor/error.h"
#include "options.h"

/* The command `explain`: what a code means, and what to change. Returns 0 or -1. */
int explain_command(const struct options *o, struct error *err);

/*
 * The same as text for a screen: what the code means, the remedies of the stack
 * (NULL = not known) before those for any server. `columns` is the width to wrap
 * at; 0 or -1 is returned, -1 when there is no such code.
 */
int explain_write(const char *code, const char *stack, size_t columns, FILE *out,
		  struct error *err);

#endif
