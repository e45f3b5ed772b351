/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_U64_MAP_H
#define CONN_DOCTOR_U64_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Open-addressing hash table from 64-bit key to 32-bit value, for the hot
 * paths (a cookie or an inode per socket). 16 bytes a slot, at most 3/4 full.
 * A zeroed map is empty and valid.
 */
struct u64_map_slot {
	uint64_t key;
	uint32_t value;
	bool is_used;
};

struct u64_map {
	struct u64_map_slot *slots;
	size_t slot_count; /* power of two, or 0 */
	size_t count;
};

/* Value of the key, or NULL. The pointer is valid until the next insertion. */
uint32_t *u64_map_find(const struct u64_map *map, uint64_t key);

/* Slot of the key, inserted with value 0 if it was absent; *is_new tells. */
uint32_t *u64_map_insert(struct u64_map *map, uint64_t key, bool *is_new);

/* *out has what *from has, and nothing else. */
void u64_map_copy(struct u64_map *out, const struct u64_map *from);

void u64_map_reserve(struct u64_map *map, size_t count);
void u64_map_reset(struct u64_map *map); /* empty, memory kept */
void u64_map_clear(struct u64_map *map); /* empty, memory released */

/* Finaliser of MurmurHash3: every input bit reaches every output bit. */
uint64_t u64_hash(uint64_t key);

/*
 * The slot of a hash in a table of any size up to 2^32: where a table has a slot for
 * each socket, the next power of two may be twice as large as needed.
 */
static inline size_t u64_slot(uint64_t hash, size_t slot_count)
{
	return (size_t)((hash >> 32) * slot_count >> 32);
}

#endif
