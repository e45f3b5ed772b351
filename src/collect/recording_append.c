/* SPDX-License-Identifier: MIT */
#include "recording_append.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn-doctor/memory.h"
#include "recording_format.h"

void recording_put_file_header(uint8_t *out)
{
	memcpy(out, RECORDING_MAGIC, RECORDING_MAGIC_SIZE);
	put_le32(out + 8, RECORDING_VERSION);
	put_le32(out + 12, 0);
}

/* Reads at an offset; what is missing at the end of the file is an error too. */
static int read_at(const struct recording_file *f, uint8_t *out, size_t len, off_t at,
		   struct error *err)
{
	while (len > 0) {
		ssize_t n = pread(f->fd, out, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "cannot read %s", f->path);
		if (n == 0)
			return error_set(err, ERROR_SYSTEM,
					 "%s became shorter while it was read",
					 f->path);
		out += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The file must begin as ours do; *is_empty: it holds less than a header. */
static int check_file_header(const struct recording_file *f, off_t size, bool *is_empty,
			     struct error *err)
{
	uint8_t ours[FILE_HEADER_SIZE], theirs[FILE_HEADER_SIZE];
	size_t len = size < FILE_HEADER_SIZE ? (size_t)size : FILE_HEADER_SIZE;
	recording_put_file_header(ours);
	if (read_at(f, theirs, len, 0, err))
		return -1;
	*is_empty = len < FILE_HEADER_SIZE;
	size_t magic_len = len < RECORDING_MAGIC_SIZE ? len : RECORDING_MAGIC_SIZE;
	if (memcmp(ours, theirs, magic_len) != 0)
		return error_set(
			err, ERROR_INPUT,
			"%s exists and is not a recording; choose another name",
			f->path);
	if (!*is_empty && get_le32(theirs + 8) != RECORDING_VERSION)
		return error_set(err, ERROR_INPUT,
				 "%s exists and is a recording of format %u, this "
				 "conn-doctor writes format %u; choose another name",
				 f->path, get_le32(theirs + 8), RECORDING_VERSION);
	return 0;
}

static int is_frame_good(const struct recording_file *f, off_t at,
			 const struct frame_header *header, bool *is_good,
			 struct error *err)
{
	auto_free uint8_t *payload = xmalloc((size_t)header->length + 1);
	if (read_at(f, payload, header->length, at + FRAME_HEADER_SIZE, err))
		return -1;
	*is_good = checksum32(payload, header->length) == header->checksum;
	return 0;
}

/*
 * Sets *end behind the last good frame. Only what a crash leaves at the end
 * may be cut off later: a header that is wrong is damage, and what follows it
 * may be worth something.
 */
static int find_end(const struct recording_file *f, off_t size, off_t *end,
		    struct error *err)
{
	struct frame_header header = { 0 };
	off_t last = 0, at = FILE_HEADER_SIZE;
	while (size - at >= FRAME_HEADER_SIZE) {
		uint8_t bytes[FRAME_HEADER_SIZE];
		struct frame_header next;
		if (read_at(f, bytes, sizeof(bytes), at, err))
			return -1;
		if (!frame_header_get(&next, bytes))
			return error_set(err, ERROR_INPUT,
					 "%s is damaged at byte %lld and cannot be "
					 "continued; choose another name",
					 f->path, (long long)at);
		if (size - at - FRAME_HEADER_SIZE < (off_t)next.length)
			break;
		last = at;
		header = next;
		at += FRAME_HEADER_SIZE + (off_t)next.length;
	}
	bool is_good = true;
	if (last > 0 && is_frame_good(f, last, &header, &is_good, err))
		return -1;
	*end = is_good ? at : last;
	return 0;
}

int recording_find_end(const struct recording_file *f, off_t size, off_t *end,
		       struct error *err)
{
	bool is_empty;
	*end = 0;
	if (check_file_header(f, size, &is_empty, err))
		return -1;
	return is_empty ? 0 : find_end(f, size, end, err);
}
