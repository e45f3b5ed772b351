/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_LAB_COMMAND_H
#define CONN_DOCTOR_LAB_COMMAND_H

#include "conn-doctor/error.h"
#include "options.h"

/* `lab STATE` and `lab --list`: the exit status, or -1. */
int lab_command(const struct options *o, struct error *err);

#endif
