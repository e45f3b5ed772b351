/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_PRINT_BLOCKS_H
#define CONN_DOCTOR_TUI_PRINT_BLOCKS_H

#include "conn-doctor/watch.h"

/* watch without a terminal: a text block every interval. Returns as watch_run(). */
int print_blocks(const struct watch_options *options, struct error *err);

#endif
