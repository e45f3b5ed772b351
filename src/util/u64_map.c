/* SPDX-License-Identifier: MIT */
#include "conn-doctor/u64_map.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

uint64_t u64_hash(uint64_t key)
{
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccdULL;
	key ^= key >> 33;
	key *= 0xc4ceb9fe1a85ec53ULL;
	key ^= key >> 33;
	return key;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct u64_map_slot *slot_of(const struct u64_map *map, uint64_t key)
{
	size_t mask = map->slot_count - 1;
	size_t i = (size_t)u64_hash(key) & mask;
	while (map->slots[i].is_used && map->slots[i].key != key)
		i = (i + 1) & mask;
	return &map->slots[i];
}

static void rehash(struct u64_map *map, size_t slot_count)
{
	struct u64_map old = *map;
	map->slots = xcalloc(slot_count, sizeof(*map->slots));
	map->slot_count = slot_count;
	for (size_t i = 0; i < old.slot_count; i++)
		if (old.slots[i].is_used)
			*slot_of(map, old.slots[i].key) = old.slots[i];
	free(old.slots);
}

void u64_map_reserve(struct u64_map *map, size_t count)
{
	size_t slot_count = map->slot_count ? map->slot_count : 16;
	while (count > slot_count / 4 * 3)
		slot_count *= 2;
	if (slot_count != map->slot_count)
		rehash(map, slot_count);
}

uint32_t *u64_map_find(const struct u64_map *map, uint64_t key)
{
	if (map->count == 0)
		return NULL;
	struct u64_map_slot *slot = slot_of(map, key);
	return slot->is_used ? &slot->value : NULL;
}

uint32_t *u64_map_insert(struct u64_map *map, uint64_t key, bool *is_new)
{
	u64_map_reserve(map, map->count + 1);
	struct u64_map_slot *slot = slot_of(map, key);
	*is_new = !slot->is_used;
	if (*is_new) {
		*slot = (struct u64_map_slot){ .key = key, .is_used = true };
		map->count++;
	}
	return &slot->value;
}

void u64_map_copy(struct u64_map *out, const struct u64_map *from)
{
	bool is_new;
	u64_map_reset(out);
	u64_map_reserve(out, from->count);
	for (size_t i = 0; i < from->slot_count; i++)
		if (from->slots[i].is_used)
			*u64_map_insert(out, from->slots[i].key, &is_new) =
				from->slots[i].value;
}

void u64_map_reset(struct u64_map *map)
{
	if (map->slots)
		memset(map->slots, 0, map->slot_count * sizeof(*map->slots));
	map->count = 0;
}

void u64_map_clear(struct u64_map *map)
{
	free(map->slots);
	*map = (struct u64_map){ 0 };
}
