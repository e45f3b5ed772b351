/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_RECORDING_INDEX_H
#define CONN_DOCTOR_RECORDING_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"

/*
 * Where the passes of a recording are and when they were taken, found by walking
 * over the frame headers: nothing is unpacked. It ends where the reader would end
 * that goes from frame to frame: at a torn tail, and at a header that is damaged or
 * impossible. Damage inside a payload is not looked for, but found when that pass
 * is read.
 */
struct index_entry {
	uint64_t place;       /* offset of the frame * 2, + 1 for a full pass */
	uint64_t realtime_ns; /* 0 = unknown */
};

/* 160 MB, and at one pass a second four months. */
enum { INDEX_PASSES_MAX = 10000000 };

struct recording_index {
	struct index_entry *entries;
	size_t count, capacity;
	uint64_t walked; /* what is in front of this offset is in the index */
};

/*
 * Brings the index up to date with the file, which may have grown since the last
 * call. Does not move the file position. -1 when the file cannot be read or holds
 * more than INDEX_PASSES_MAX passes; `name` is for the message.
 */
int index_extend(struct recording_index *index, int fd, const char *name,
		 struct error *err);

/* A time that is no int64_t is an unknown one. */
void index_add(struct recording_index *index, uint64_t offset, bool is_full,
	       uint64_t realtime_ns);

uint64_t index_offset(const struct recording_index *index, size_t pass);

/* The nearest full pass that is not after this one. */
size_t index_full_pass(const struct recording_index *index, size_t pass);

/*
 * The last pass that was taken at that time or before it; the first one with a time
 * when all are later. -1 when no pass has a time. Clocks are set back, so the
 * passes need not be in the order of their times.
 */
int index_find_time(const struct recording_index *index, uint64_t realtime_ns,
		    size_t *pass);

void index_clear(struct recording_index *index);

#endif
