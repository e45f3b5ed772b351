/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_STATE_DISK_H
#define CONN_DOCTOR_STATE_DISK_H

#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/strbuf.h"

/*
 * Four million sockets; a larger file was not written by this program. It bounds
 * the memory that a foreign file can cost.
 */
enum { STATE_FILE_MAX = 256 << 20 };

/* Opens and locks the file beside `path` whose name ends in .lock; -1 on error. */
int disk_lock(const char *path, uint64_t timeout_ms, struct error *err);

/*
 * The whole file. A file that is not there is an empty one. 0, or -1: it must not
 * be used (no regular file, of another user, too large, not readable). Of a file that
 * is too large, a little more than STATE_FILE_MAX.
 */
int disk_read(const char *path, struct strbuf *out, struct error *err);

/* Replaces the file at once, or leaves it as it was. */
int disk_replace(const char *path, const struct strbuf *bytes, struct error *err);

/* Renames it to PATH.damaged-`stamp`, or .1 to .9 of it. NULL when it cannot. */
char *disk_set_aside(const char *path, const char *stamp);

#endif
