/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_MONOTONIC_H
#define CONN_DOCTOR_TUI_MONOTONIC_H

#include <stdint.h>

/*
 * Milliseconds of CLOCK_MONOTONIC: when to draw, and to look again. What is shown has
 * its time in the snapshot.
 */
uint64_t monotonic_now_ms(void);

#endif
