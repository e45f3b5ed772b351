/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_DETAIL_H
#define CONN_DOCTOR_TUI_DETAIL_H

#include <stdint.h>

#include "conn-doctor/report.h"
#include "followed.h"
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

/*
 * False, and nothing is made, when the snapshot does not have the cookie. Without
 * followers (NULL) there is no timeline.
 */
bool detail_make(struct detail *d, const struct report *r,
		 const struct followers *followers, uint64_t cookie, bool use_utf8);
/* The page of a connection that is no more: what is left of it, and how it ended. */
void detail_write_ended(struct page *page, const struct ended *e);
void detail_clear(struct detail *d);

#endif
