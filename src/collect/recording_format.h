/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_RECORDING_FORMAT_H
#define CONN_DOCTOR_RECORDING_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	FILE_HEADER_SIZE = 16,  /* magic, u32 version, u32 reserved */
	FRAME_HEADER_SIZE = 16, /* u32 type, length, checksum, checksum of these 12 */
	PASS_HEADER_SIZE = 24,  /* u64 realtime, u64 monotonic, u32 raw, u32 segments */
	SEGMENT_SIZE = 8,       /* u32 length, u32 where from */
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

struct frame_header {
	uint32_t type;
	uint32_t length; /* of the payload */
	uint32_t checksum;
};

/* CRC-32 as in IEEE 802.3, zlib and PNG. */
uint32_t recording_checksum(const uint8_t *bytes, size_t len);

void frame_header_put(uint8_t *out, const struct frame_header *header);
/* False when the header's own checksum does not match. */
bool frame_header_get(struct frame_header *header, const uint8_t *in);

static inline uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t get_le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

static inline void put_le16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static inline void put_le32(uint8_t *p, uint32_t value)
{
	put_le16(p, (uint16_t)value);
	put_le16(p + 2, (uint16_t)(value >> 16));
}

static inline void put_le64(uint8_t *p, uint64_t value)
{
	put_le32(p, (uint32_t)value);
	put_le32(p + 4, (uint32_t)(value >> 32));
}

#endif
