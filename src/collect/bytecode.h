/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_BYTECODE_H
#define CONN_DOCTOR_BYTECODE_H

#include <stdbool.h>

#include "conn-doctor/filter.h"
#include "conn-doctor/strbuf.h"

/*
 * The part of a filter that the kernel can decide, as the program for
 * INET_DIAG_REQ_BYTECODE (raw bytes are appended to `out`). It lets through all
 * that filter_match() accepts and maybe more, so filter_match() still has the
 * last word. False, and nothing in `out`, when the kernel can exclude nothing
 * or the program would be too large.
 *
 * States are not in it: ask for filter_states(). Names should have been looked
 * up by filter_resolve() before; a name that was not is left to filter_match().
 */
bool bytecode_compile(const struct filter *f, struct strbuf *out);

#endif
