/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_LIVE_FILTER_H
#define CONN_DOCTOR_TUI_LIVE_FILTER_H

#include "conn-doctor/filter.h"

/*
 * The filter that is typed while watching. It narrows the connections that the
 * command line's filter has let in; findings and services stay about all of
 * those. Screen and collector each parse their own copy of the text, so that no
 * tree is ever shared; the number tells which text a frame was arranged by.
 */
struct live_filter {
	struct filter *filter; /* NULL = none */
	uint64_t number;       /* 0 = never set */
};

/*
 * Replaces the filter, or leaves it in force and says why: the reason alone,
 * without the excerpt, and the place in *column.
 */
int live_filter_set(struct live_filter *f, const char *text, uint64_t number,
		    const struct filter_resolver *resolver, size_t *column,
		    struct error *err);
void live_filter_clear(struct live_filter *f);

#endif
