/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_HISTORY_PARTS_H
#define CONN_DOCTOR_HISTORY_PARTS_H

#include "conn-doctor/history.h"
#include "conn-doctor/row_index.h"

/*
 * One entry for each cookie, found through an index of row numbers. Times are
 * hundredths of a second since the first pass (u32: 497 days), because in
 * `watch` every socket of the host has an entry.
 */
struct entry {
	uint64_t cookie;
	uint64_t progress;
	uint32_t consumed; /* modulo 2^32: only asked whether it changed */
	uint32_t first_seen_cs;
	uint32_t state_since_cs;
	uint32_t unread_since_cs;
	uint32_t stalled_since_cs;
	uint32_t heard_since_cs;
	uint32_t segs_in;
	uint32_t total_retrans;
	uint16_t retrans_since_progress; /* these three stop at 65535 */
	uint16_t retrans_recent;
	uint16_t sample_count;
	uint8_t state;
	uint8_t last_pass : 2; /* modulo 4: two passes after it the entry is gone */
	bool is_state_since_exact : 1;
	bool has_progressed : 1;
	bool has_consumed : 1;
	bool was_unread : 1; /* Recv-Q > 0 at the last look */
	bool was_unsent : 1; /* Send-Q > 0 at the last look */
};
_Static_assert(sizeof(struct entry) == 56, "one for each socket of the host");

/* A listener's sk_drops. */
struct drops {
	uint64_t cookie;
	uint32_t first, last;
	uint32_t last_pass;
};

struct history {
	uint64_t start_ms;
	uint64_t last_ms; /* of the last pass */
	uint32_t pass;
	bool is_resumed;         /* the next pass is the first after a restore */
	bool has_earlier_counts; /* counters grow from an earlier run's end */
	struct entry *entries;
	size_t count, capacity;
	size_t new_count;       /* of them, seen for the first time in the last pass */
	struct row_index index; /* cookie -> entry */
	struct drops *drops;
	size_t drops_count, drops_capacity;
	struct u64_map drops_index; /* listener's cookie -> index into drops */
	int64_t first_kernel[KERNEL_VALUE_COUNT];
	int64_t last_kernel[KERNEL_VALUE_COUNT];
};

/* How many passes ago the entry was seen: 0 to 3. */
static inline unsigned history_passes_missed(const struct history *h,
					     const struct entry *e)
{
	return (h->pass - e->last_pass) % 4;
}

/* The most that fits, instead of what is left of a larger number. */
static inline uint16_t history_u16(uint32_t value)
{
	return value < UINT16_MAX ? (uint16_t)value : UINT16_MAX;
}

/* The cookie's entry; its number is h->count, and it is still to be made, when new. */
uint32_t history_insert(struct history *h, uint64_t cookie);

/* Makes the index anew, with room for `need` entries. */
void history_rebuild_index(struct history *h, size_t need);

/* Remembers the listener, or finds it. */
struct drops *history_drops_of(struct history *h, uint64_t cookie, uint32_t drops);

#endif
