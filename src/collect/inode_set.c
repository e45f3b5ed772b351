/* SPDX-License-Identifier: MIT */
#include "inode_set.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/u64_map.h"

/* Where the inode is, or the free slot where it belongs. */
static size_t slot_of(const struct inode_set *set, uint32_t inode)
{
	size_t i = u64_slot(u64_hash(inode), set->slot_count);
	while (set->inodes[i] && set->inodes[i] != inode)
		if (++i == set->slot_count)
			i = 0;
	return i;
}

void inode_set_reset(struct inode_set *set, size_t room)
{
	size_t count = room + room / 3 + 1; /* one is always free */
	if (count == set->slot_count) {
		memset(set->inodes, 0, count * sizeof(*set->inodes));
		memset(set->flags, 0, count * sizeof(*set->flags));
		return;
	}
	inode_set_clear(set);
	set->inodes = xcalloc(count, sizeof(*set->inodes));
	set->flags = xcalloc(count, sizeof(*set->flags));
	set->slot_count = count;
}

uint8_t *inode_set_find(const struct inode_set *set, uint32_t inode)
{
	if (set->slot_count == 0 || inode == 0)
		return NULL;
	size_t i = slot_of(set, inode);
	return set->inodes[i] ? &set->flags[i] : NULL;
}

uint8_t *inode_set_add(struct inode_set *set, uint32_t inode)
{
	size_t i = slot_of(set, inode);
	set->inodes[i] = inode;
	return &set->flags[i];
}

void inode_set_clear(struct inode_set *set)
{
	free(set->inodes);
	free(set->flags);
	*set = (struct inode_set){ 0 };
}
