/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_COLLECT_INODE_SET_H
#define CONN_DOCTOR_COLLECT_INODE_SET_H

#include <stddef.h>
#include <stdint.h>

/*
 * A set of socket inodes, each with a byte of the user's. Seven bytes an inode: five
 * a slot, of which three quarters are taken. The number of inodes is known
 * beforehand, so it never grows. A zeroed set is empty.
 */
struct inode_set {
	uint32_t *inodes; /* 0 = free: no socket has it */
	uint8_t *flags;
	size_t slot_count;
};

/* Empties the set and makes room for so many inodes, and for hardly any more. */
void inode_set_reset(struct inode_set *set, size_t room);

/*
 * Byte of the inode, NULL when it is not there. inode_set_add() adds it, with the
 * byte 0; the inode must not be 0. Pointers are valid until the reset.
 */
uint8_t *inode_set_find(const struct inode_set *set, uint32_t inode);
uint8_t *inode_set_add(struct inode_set *set, uint32_t inode);

void inode_set_clear(struct inode_set *set);

#endif
