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

/* To each of the first passes from the end, and to the times they are said to have. */
static void wander(struct source *source, struct snapshot *snap)
{
	enum { PASSES_MAX = 16 };
	struct error err;
	struct source_extent extent;
	size_t found;
	if (source_extent(source, &extent, &err))
		return; /* such a file is refused as a whole */
	size_t count = extent.pass_count < PASSES_MAX ? extent.pass_count : PASSES_MAX;
	for (size_t pass = count; pass-- > 0;)
		if (source_seek_pass(source, pass, &err) == 0 &&
		    source->ops->take(source->self, snap, &err) == SOURCE_END)
			abort(); /* it is in the index */
	if (source_seek_pass(source, extent.pass_count, &err) == 0)
		abort();
	if (source_find_time(source, extent.last_realtime_ns, &found, &err) == 0 &&
	    found >= extent.pass_count)
		abort();
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
		wander(&source, &snap);
		source.ops->close(source.self, &err);
	}
	close(fd);
	return 0;
}
