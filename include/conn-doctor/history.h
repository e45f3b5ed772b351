/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_HISTORY_H
#define CONN_DOCTOR_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/snapshot.h"
#include "conn-doctor/strbuf.h"

/*
 * What is remembered of a connection from one snapshot to the next. The kernel
 * gives a socket no birth date and no age of its state, so both begin at first
 * sight; a change that happened between two passes is known exactly (to one
 * interval, unless that is long), one that had happened before the first pass is a
 * lower bound.
 *
 * Two clocks tell whether a connection moves: `consumed` is what the local
 * application took (bytes_received - Recv-Q), `progress` what the peer
 * acknowledged (bytes_acked).
 */

/* All times are monotonic milliseconds, on the clock of snapshot.monotonic_ms. */
struct socket_past {
	uint64_t first_seen_ms;
	uint64_t state_since_ms;
	uint64_t unread_since_ms;  /* Recv-Q > 0 and nothing taken from it since then */
	uint64_t stalled_since_ms; /* Send-Q > 0 and nothing acknowledged since then */
	uint64_t heard_since_ms;   /* segs_in has this value at least since then */
	/* These three stop at 65535. */
	uint32_t retrans_since_progress; /* growth of total_retrans since bytes_acked
					    grew */
	uint32_t retrans_recent; /* growth of total_retrans since the last pass */
	uint32_t sample_count;
	bool is_state_since_exact; /* seen entering the state */
	bool has_progressed;       /* bytes_acked grew since the last pass */
	bool has_consumed;         /* the application took bytes since the last pass */
};

struct history;

/* Reading functions take NULL for "no history" (a single pass). */
struct history *history_new(void);
void history_free(struct history *h);

/*
 * Takes in a snapshot. A cookie that is missing is kept for one more pass,
 * since a dump may miss a living socket (kernel-facts 1.6), then forgotten.
 */
void history_update(struct history *h, const struct snapshot *snap);

/* False when nothing is known of the cookie. */
bool history_find(const struct history *h, uint64_t cookie, struct socket_past *out);

/* How many sockets are remembered: those of the last pass, and what it missed. */
size_t history_count(const struct history *h);

/* How many of them the last pass showed for the first time. */
size_t history_new_count(const struct history *h);

/* How many snapshots were taken in. */
size_t history_pass_count(const struct history *h);

/*
 * Growth of a kernel counter (enum kernel_value) since the first pass, or since the
 * last run when that is remembered; -1 unknown.
 */
int64_t history_counter_growth(const struct history *h, enum kernel_value value);

/* Growth of a listener's sk_drops (`drops` now) since it was first seen. */
uint32_t history_drops_growth(const struct history *h, uint64_t cookie, uint32_t drops);

/* These two grow from the end of the last run, not from the first pass. */
bool history_counts_since_last_run(const struct history *h);

/*
 * Memory between runs of the program, on the same boot of the machine. Encoding
 * appends bytes of a documented form (docs/state-format.md), sixty for a socket.
 *
 * Decoding fills a history that took nothing in yet; `now_ms` is the clock of the
 * snapshot that comes next. The next update then compares with the last run: a
 * state that changed in between has a time that is only a lower bound, and what
 * moved in between is judged as at first sight. Returns false, with the history
 * empty as before, when the bytes are not those of an encoding.
 */
void history_encode(const struct history *h, struct strbuf *out);
bool history_decode(struct history *h, const uint8_t *bytes, size_t len,
		    uint64_t now_ms);

/*
 * The counters and drops of the last run were of another network namespace: they
 * grow from the next pass on. For use between decoding and the next update.
 */
void history_forget_counts(struct history *h);

#endif
