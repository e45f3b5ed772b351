/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_RECORDING_APPEND_H
#define CONN_DOCTOR_RECORDING_APPEND_H

#include <stdint.h>
#include <sys/types.h>

#include "conn-doctor/error.h"

/* Continuing a recording that exists: where its last whole frame ends. */
struct recording_file {
	int fd;
	const char *path; /* for messages */
};

/* FILE_HEADER_SIZE bytes: what every recording begins with. */
void recording_put_file_header(uint8_t *out);

/*
 * Sets *end behind the last good frame, to 0 when the file holds no whole header
 * yet. -1 when it is no recording of ours, or damaged in the middle.
 */
int recording_find_end(const struct recording_file *f, off_t size, off_t *end,
		       struct error *err);

#endif
