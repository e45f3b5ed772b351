/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_EXPLAIN_H
#define CONN_DOCTOR_EXPLAIN_H

#include "conn-doctor/error.h"
#include "options.h"

/* The command `explain`: what a code means, and what to change. Returns 0 or -1. */
int explain_command(const struct options *o, struct error *err);

#endif
