/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_RECORDING_DELTA_H
#define CONN_DOCTOR_RECORDING_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/u64_map.h"
#include "intake.h"

/* A pass as the recorder keeps it, and what of it is not in the pass before. */

struct pass_bytes {
	uint8_t *bytes;
	size_t len, capacity;
	struct unit *units;
	size_t unit_count, unit_capacity;
	uint32_t netlink_count; /* items of that kind */
	uint64_t realtime_ns, monotonic_ms;
	bool is_too_large;
};

struct delta {
	struct u64_map base_units; /* key -> index into the units of the base */
	struct segment *segments;
	size_t segment_count, segment_capacity;
	uint8_t *plain; /* what is to be compressed: segments, then differences */
	size_t plain_len, plain_capacity;
	size_t literal_bytes; /* how many bytes the base does not have */
};

/* Empties it and keeps its memory. */
void pass_bytes_reset(struct pass_bytes *pass);
/* Copies the item behind the others; is_too_large is set instead where it must. */
void pass_bytes_add(struct pass_bytes *pass, const struct item *item);
void pass_bytes_clear(struct pass_bytes *pass);

/* The pass against which the next ones are written; it is not kept. */
void delta_set_base(struct delta *d, const struct pass_bytes *base);
/* Fills segments and what follows them; the base is the one that was set. */
void delta_make(struct delta *d, const struct pass_bytes *base,
		const struct pass_bytes *now);
void delta_clear(struct delta *d);

#endif
