/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_CONFIG_COMMAND_H
#define CONN_DOCTOR_CONFIG_COMMAND_H

#include "conn-doctor/error.h"
#include "options.h"

/* `conn-doctor config show` and `config check`; returns the exit status. */
int config_command(const struct options *o, struct error *err);

#endif
