/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_DIAG_DECODE_H
#define CONN_DOCTOR_DIAG_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/snapshot.h"

/*
 * Decodes a buffer of netlink messages as sock_diag answers a dump: rows are
 * added to the snapshot. Takes any bytes; what is not a whole, readable row is
 * counted in snap->unreadable_count.
 *
 * Returns 1 when the dump goes on, 0 when it is complete (NLMSG_DONE), -errno
 * when the kernel answered with an error.
 */
int diag_decode(struct snapshot *snap, uint16_t netns, const void *bytes, size_t len);

#endif
