/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_JOURNAL_H
#define CONN_DOCTOR_TUI_JOURNAL_H

#include "conn-doctor/strbuf.h"
#include "event_log.h"
#include "followed.h"

/*
 * What opened, changed and closed while watch was looking. It belongs to the
 * collector, who feeds it each pass; a frame gets copies of what the screen shows.
 * No clock: the times are those of the snapshots. Calm on purpose: connections that
 * ask nobody to act are counted, all others are told one by one (followed.h).
 */
struct journal {
	struct event_log log;
	struct followers followers;
	struct known_finding *findings;
	size_t finding_count, finding_capacity;
	struct known_service *services;
	size_t service_count, service_capacity;
	/* Of the event that counts; it goes on while nothing else happens. */
	uint64_t traffic_event; /* its number, 0 = none */
	uint64_t traffic_since_ns, opened, closed;
	size_t known_count; /* history_count() of the pass before */
	uint64_t last_ms;
	bool has_begun;
	/* Of the passes that failed since the last good one. */
	size_t failure_count;
	struct strbuf failure;
};

/* Takes in one pass. `past` already contains its snapshot. */
void journal_update(struct journal *j, const struct follow_pass *pass);

/* A pass that failed; told with the next one that does not. */
void journal_fail(struct journal *j, const char *reason);

void journal_clear(struct journal *j);

#endif
