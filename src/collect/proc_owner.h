/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_PROC_OWNER_H
#define CONN_DOCTOR_PROC_OWNER_H

#include "conn-doctor/error.h"
#include "intake.h"

/*
 * Finds which process and descriptor a socket belongs to by reading
 * /proc/PID/fd. That costs more than all the rest (3.3 us a descriptor, against
 * 1 us a socket for the dump), so what was found is remembered by inode: a
 * later pass looks only for sockets it has not seen, and reads only links of
 * descriptors it does not know.
 */
struct owner_cache;

/*
 * `proc` is the root of the proc file system ("/proc"; tests have their own). In a
 * single pass nothing is remembered, and each process's links are given at once.
 */
struct owner_cache *owner_cache_new(const char *proc, bool is_single_pass);
void owner_cache_free(struct owner_cache *cache);

/*
 * Gives the intake the owners of the sockets in its snapshot (ITEM_OWNERS) and
 * the facts of those processes (ITEM_FILE), and notes in ITEM_DEGRADED for how
 * many processes the permission is missing.
 */
void owner_cache_look_up(struct owner_cache *cache, struct intake *in);

#endif
