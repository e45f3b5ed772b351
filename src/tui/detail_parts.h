/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_DETAIL_PARTS_H
#define CONN_DOCTOR_TUI_DETAIL_PARTS_H

#include "conn-doctor/fields.h"
#include "followed.h"
#include "page.h"

/* The parts of the page of a connection, which detail.c puts together. */

struct subject {
	const struct report *report;
	const struct tcp_socket *sk;
	const struct assessment *a;
	struct field_row row;
	struct socket_past past;
	bool has_past;
	const struct followers *followers; /* may be NULL */
};

/* detail_lines.c: a table of lines; a line that has nothing to say is left out. */
void detail_add_lines(struct page *page, const struct subject *s);

/* detail_past.c: what was seen while watch ran; nothing of one it did not follow. */
void detail_add_timeline(struct page *page, const struct subject *s);
void detail_add_moments(struct page *page, const struct timeline *t);

/* "12 KiB" */
void detail_put_size(struct strbuf *out, uint64_t bytes);

#endif
