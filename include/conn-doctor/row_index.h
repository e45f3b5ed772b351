/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_ROW_INDEX_H
#define CONN_DOCTOR_ROW_INDEX_H

#include <stddef.h>
#include <stdint.h>

/*
 * Finds rows of an array by the 64-bit key each row begins with. Open addressing, at
 * most 3/4 full, of any size: 5.4 bytes a row. A u64_map holds the keys once more and
 * takes 21 to 43.
 *
 * A slot has the number of its row + 1 in the low bits and bits of the key's hash in
 * the others, so that the slot alone tells nearly always that its row is another one,
 * and the row is not fetched from memory. 0 is free.
 *
 * A zeroed index is empty and valid, but has no room.
 */
struct row_index {
	uint32_t *slots;
	size_t slot_count;
	size_t room;       /* so many rows it may hold */
	uint32_t row_bits; /* mask: where a slot has the row */
};

#define ROW_NONE UINT32_MAX

/* Empties the index and makes room for `count` rows. Memory is kept where it fits. */
void row_index_reset(struct row_index *index, size_t count);
void row_index_clear(struct row_index *index);

/* The row of the key, or ROW_NONE. */
uint32_t row_index_find(const struct row_index *index, const void *rows,
			size_t row_size, uint64_t key);

/* The row of the key; that is `row`, which need not be filled in yet, when it is new.
 */
uint32_t row_index_insert(struct row_index *index, const void *rows, size_t row_size,
			  uint64_t key, uint32_t row);

/* Begins to fetch what the insertion of the key will touch. */
void row_index_prefetch(const struct row_index *index, uint64_t key);

#endif
