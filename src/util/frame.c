/* SPDX-License-Identifier: MIT */
#include "conn-doctor/frame.h"

/*
 * Eight bytes are taken at a time: slice[k] is the effect of a byte with k bytes
 * behind it. A state file of ten megabytes is read at the start of each run.
 */
enum { SLICES = 8 };

static uint32_t slice[SLICES][256];

/* Before main(), so that threads only read it. */
__attribute__((constructor)) static void fill_slices(void)
{
	const uint32_t polynomial = 0xedb88320;
	for (uint32_t i = 0; i < 256; i++) {
		slice[0][i] = i;
		for (int bit = 0; bit < 8; bit++)
			slice[0][i] =
				slice[0][i] >> 1 ^ (slice[0][i] & 1 ? polynomial : 0);
	}
	for (size_t k = 1; k < SLICES; k++)
		for (size_t i = 0; i < 256; i++)
			slice[k][i] =
				slice[k - 1][i] >> 8 ^ slice[0][slice[k - 1][i] & 0xff];
}

uint32_t checksum32_more(uint32_t sum, const uint8_t *bytes, size_t len)
{
	uint32_t crc = ~sum;
	for (; len >= 8; len -= 8, bytes += 8) {
		uint32_t low = crc ^ get_le32(bytes), high = get_le32(bytes + 4);
		crc = slice[7][low & 0xff] ^ slice[6][low >> 8 & 0xff] ^
		      slice[5][low >> 16 & 0xff] ^ slice[4][low >> 24] ^
		      slice[3][high & 0xff] ^ slice[2][high >> 8 & 0xff] ^
		      slice[1][high >> 16 & 0xff] ^ slice[0][high >> 24];
	}
	for (; len > 0; len--, bytes++)
		crc = crc >> 8 ^ slice[0][(crc ^ *bytes) & 0xff];
	return ~crc;
}

uint32_t checksum32(const uint8_t *bytes, size_t len)
{
	return checksum32_more(0, bytes, len);
}

void frame_header_put(uint8_t *out, const struct frame_header *header)
{
	put_le32(out, header->type);
	put_le32(out + 4, header->length);
	put_le32(out + 8, header->checksum);
	put_le32(out + 12, checksum32(out, 12));
}

bool frame_header_get(struct frame_header *header, const uint8_t *in)
{
	header->type = get_le32(in);
	header->length = get_le32(in + 4);
	header->checksum = get_le32(in + 8);
	return get_le32(in + 12) == checksum32(in, 12);
}
