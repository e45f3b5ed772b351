/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_KEEPALIVE_AUDIT_H
#define CONN_DOCTOR_KEEPALIVE_AUDIT_H

#include <stdint.h>

#include "intake.h"

/*
 * Reads the keepalive settings of other processes' sockets, through duplicates of
 * their descriptors (pidfd_getfd, Linux 5.6). It only looks: a duplicate shares
 * everything with the original, so nothing but harmless getsockopt() is ever done
 * to it. SO_ERROR would take a pending error away from the application, fcntl()
 * would change the original's flags, recv() would take data. And it is closed at
 * once: while it is open, the application's own close() sends no FIN.
 */
struct keepalive_audit;

struct keepalive_audit *keepalive_audit_new(void);
void keepalive_audit_free(struct keepalive_audit *audit);

/*
 * Gives the intake the settings (ITEM_SOCKET_OPTIONS) of some sockets of each
 * process and service, and notes (ITEM_DEGRADED) where the permission is missing.
 * Call after the owners were looked up. What was read counts for a minute:
 * applications set these options once, and each look costs 15 us.
 */
void keepalive_audit_look(struct keepalive_audit *audit, struct intake *in);

/* How a bounded choice is made among rows; for tests. */
enum { AUDIT_GROUP_MAX = 16, AUDIT_PASS_MAX = 256, AUDIT_AGE_MS = 60000 };

#endif
