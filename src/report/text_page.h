/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_REPORT_TEXT_PAGE_H
#define CONN_DOCTOR_REPORT_TEXT_PAGE_H

#include <stdio.h>

#include "conn-doctor/renderer.h"
#include "conn-doctor/strbuf.h"

/* What `check` writes for people: text_check.c, and its end in text_completeness.c. */
struct page {
	const struct report *r;
	const struct render_options *o;
	FILE *out;
	struct strbuf line;
};

/* How much was looked at, what is remembered, what could not be seen or asked. */
void write_completeness(struct page *p);

#endif
