/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_CLOCK_TEXT_H
#define CONN_DOCTOR_TUI_CLOCK_TEXT_H

#include <stdint.h>

enum { CLOCK_TEXT_SIZE = 16 };

/* "18:00:31" in local time. Returns `out`. */
char *clock_print(uint64_t realtime_ns, char out[static CLOCK_TEXT_SIZE]);
/* "2026-11-20 18:00:31" for a page; `out` has 32 bytes. */
char *clock_print_day(uint64_t realtime_ns, char out[static 32]);

#endif
