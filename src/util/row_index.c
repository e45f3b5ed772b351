/* SPDX-License-Identifier: MIT */
#include "conn-doctor/row_index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/u64_map.h"

void row_index_reset(struct row_index *index, size_t count)
{
	size_t slot_count = (count / 3 + 1) * 4;
	if (slot_count <= index->slot_count && slot_count >= index->slot_count / 4) {
		memset(index->slots, 0, index->slot_count * sizeof(*index->slots));
		return;
	}
	free(index->slots);
	*index = (struct row_index){
		.slots = xcalloc(slot_count, sizeof(*index->slots)),
		.slot_count = slot_count,
		.room = slot_count / 4 * 3,
	};
	while (index->row_bits < index->room)
		index->row_bits = index->row_bits << 1 | 1;
}

void row_index_clear(struct row_index *index)
{
	free(index->slots);
	*index = (struct row_index){ 0 };
}

/* The high half of the hash chooses the slot; the low half is left for what is in it.
 */
static uint32_t *home_of(const struct row_index *index, uint64_t hash)
{
	return &index->slots[u64_slot(hash, index->slot_count)];
}

static uint32_t mark_of(const struct row_index *index, uint64_t hash)
{
	return (uint32_t)hash & ~index->row_bits;
}

static uint32_t row_in(const struct row_index *index, uint32_t slot)
{
	return (slot & index->row_bits) - 1;
}

static bool has_key(const void *rows, size_t row_size, uint32_t row, uint64_t key)
{
	return memcmp((const char *)rows + row * row_size, &key, sizeof(key)) == 0;
}

/* The slot that holds the key's row, or the free one where it belongs. */
static uint32_t *slot_of(const struct row_index *index, const void *rows,
			 size_t row_size, uint64_t key)
{
	uint64_t hash = u64_hash(key);
	uint32_t mark = mark_of(index, hash);
	uint32_t *slot = home_of(index, hash);
	while (*slot && ((*slot & ~index->row_bits) != mark ||
			 !has_key(rows, row_size, row_in(index, *slot), key)))
		if (++slot == index->slots + index->slot_count)
			slot = index->slots;
	return slot;
}

uint32_t row_index_find(const struct row_index *index, const void *rows,
			size_t row_size, uint64_t key)
{
	if (index->slot_count == 0)
		return ROW_NONE;
	uint32_t slot = *slot_of(index, rows, row_size, key);
	return slot ? row_in(index, slot) : ROW_NONE;
}

uint32_t row_index_insert(struct row_index *index, const void *rows, size_t row_size,
			  uint64_t key, uint32_t row)
{
	uint32_t *slot = slot_of(index, rows, row_size, key);
	if (!*slot)
		*slot = mark_of(index, u64_hash(key)) | (row + 1);
	return row_in(index, *slot);
}

void row_index_prefetch(const struct row_index *index, uint64_t key)
{
	__builtin_prefetch(home_of(index, u64_hash(key)), 1);
}
