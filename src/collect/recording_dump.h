/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_RECORDING_DUMP_H
#define CONN_DOCTOR_RECORDING_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The raw dumps of `ss -D`, made into one pass. They are as hostile as recordings. */

struct buffer {
	uint8_t *bytes;
	size_t len, capacity;
};

/*
 * Whether these FILE_HEADER_SIZE bytes are what `ss -D` writes first: the header of
 * a row, or of the NLMSG_DONE of a host without any.
 */
bool dump_is_start(const uint8_t *message);

/* Appends the items of the pass to `out`; `file` tells when it was dumped. */
void dump_to_pass(struct buffer *out, const uint8_t *in, size_t len, FILE *file);

#endif
