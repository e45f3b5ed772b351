/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_DETAIL_H
#define CONN_DOCTOR_TUI_DETAIL_H

#include <stdint.h>

#include "conn-doctor/report.h"
#include "page.h"

/*
 * All that is known about one connection. Made by the collector, who has the
 * history (report.history), or from a frame alone, when it tells less.
 */
struct detail {
	uint64_t cookie;       /* 0: none was made */
	uint64_t monotonic_ms; /* of the snapshot */
	struct page page;
};

/* False, and nothing is made, when the snapshot does not have the cookie. */
bool detail_make(struct detail *d, const struct report *r, uint64_t cookie,
		 bool use_utf8);
void detail_clear(struct detail *d);

#endif
