/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_RECORDING_FORMAT_H
#define CONN_DOCTOR_RECORDING_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/frame.h"

/*
 * What the writer and the reader of recordings must agree on. The format in
 * words, with the reasons: docs/recording-format.md.
 */

/* A byte that is no text, then line ends that a transfer in text mode changes. */
#define RECORDING_MAGIC \
	"\x89"          \
	"CDR\r\n\x1a\n"

enum {
	RECORDING_VERSION = 1,
	RECORDING_MAGIC_SIZE = 8,
	FILE_HEADER_SIZE = 16, /* magic, u32 version, u32 reserved */
	PASS_HEADER_SIZE = 24, /* u64 realtime, u64 monotonic, u32 raw, u32 segments */
	SEGMENT_SIZE = 8,      /* u32 length, u32 where from */
};

enum frame_type {
	FRAME_PASS_FULL = 1,  /* stands alone */
	FRAME_PASS_DELTA = 2, /* against the pass before it */
};

/* In place of where from: the bytes of this segment are as they were received. */
#define SEGMENT_LITERAL UINT32_C(0x80000000)

/* Item bytes of one pass; also keeps every distance clear of SEGMENT_LITERAL. */
#define PASS_SIZE_MAX ((uint64_t)1 << 30)

/* Nothing in a frame is longer: compressed data may exceed plain data a little. */
#define PAYLOAD_SIZE_MAX (PASS_SIZE_MAX + PASS_SIZE_MAX / 128)

/*
 * How large a pass may unpack to, given the bytes of payload since the last full
 * pass, its own and that of the full pass included. So a small hostile file
 * cannot make the reader allocate much, and deltas cannot add up to more.
 */
static inline uint64_t pass_size_allowed(uint64_t payload_bytes)
{
	return (UINT64_C(64) << 20) + 256 * payload_bytes;
}

#endif
