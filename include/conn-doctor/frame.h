/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FRAME_H
#define CONN_DOCTOR_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the binary files of this program have in common: little-endian numbers,
 * and frames, whose header says what follows and whether it is whole.
 */

enum {
	FRAME_HEADER_SIZE = 16, /* u32 type, length, checksum, checksum of these 12 */
};

struct frame_header {
	uint32_t type;
	uint32_t length; /* of the payload */
	uint32_t checksum;
};

/* CRC-32 as in IEEE 802.3, zlib and PNG. */
uint32_t checksum32(const uint8_t *bytes, size_t len);
/* The checksum of what `sum` is the checksum of (nothing: 0) and these bytes. */
uint32_t checksum32_more(uint32_t sum, const uint8_t *bytes, size_t len);

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
