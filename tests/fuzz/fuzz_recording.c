/* SPDX-License-Identifier: MIT */

/*
 * A whole recording or ss dump, from the file to the snapshot. A checksum stops
 * nearly every mutation at the door, so an input that begins with 'F' is not
 * the file but what to make one of: passes, which are compressed and given
 * right checksums here.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "conn-doctor/source.h"
#include "recording_format.h"

/* Type, u16 length of the plain bytes, u32 raw length, u32 segment count. */
enum { RECIPE_SIZE = 11, PLAIN_SIZE_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_all(int fd, const void *data, size_t size)
{
	if (write(fd, data, size) != (ssize_t)size)
		abort();
}

/* One frame; returns how much of the input it took. */
static size_t write_frame(int fd, const uint8_t *data, size_t size)
{
	uint8_t head[FRAME_HEADER_SIZE];
	uint8_t payload[PASS_HEADER_SIZE + ZSTD_COMPRESSBOUND(PLAIN_SIZE_MAX)] = { 0 };
	size_t plain_len = get_le16(data + 1) % (PLAIN_SIZE_MAX + 1);
	if (plain_len > size - RECIPE_SIZE)
		plain_len = size - RECIPE_SIZE;
	memcpy(payload + 16, data + 3, 8);
	size_t packed_len = ZSTD_compress(payload + PASS_HEADER_SIZE,
					  sizeof(payload) - PASS_HEADER_SIZE,
					  data + RECIPE_SIZE, plain_len, 1);
	struct frame_header header = {
		.type = data[0],
		.length = (uint32_t)(PASS_HEADER_SIZE + packed_len),
	};
	header.checksum = checksum32(payload, header.length);
	frame_header_put(head, &header);
	write_all(fd, head, sizeof(head));
	write_all(fd, payload, header.length);
	return RECIPE_SIZE + plain_len;
}

static void write_recording(int fd, const uint8_t *data, size_t size)
{
	uint8_t header[FILE_HEADER_SIZE] = RECORDING_MAGIC;
	put_le32(header + 8, RECORDING_VERSION);
	write_all(fd, header, sizeof(header));
	while (size >= RECIPE_SIZE) {
		size_t used = write_frame(fd, data, size);
		data += used;
		size -= used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);
	if (fd < 0)
		abort();
	if (size > 0 && data[0] == 'F')
		write_recording(fd, data + 1, size - 1);
	else
		write_all(fd, data, size);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct source source;
	struct error err;
	if (source_open_recording(&source, path, &err) == 0) {
		auto_snapshot struct snapshot snap = { 0 };
		while (source.ops->take(source.self, &snap, &err) == SOURCE_OK)
			;
		source.ops->close(source.self, &err);
	}
	close(fd);
	return 0;
}
