/* SPDX-License-Identifier: MIT */
#include "recording_index.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "conn-doctor/memory.h"
#include "recording_format.h"

/* What the index needs of a frame: its header and the time behind it. */
enum { LOOK_SIZE = FRAME_HEADER_SIZE + 8 };

/*
 * The file in blocks: most frames are small, so that a block holds several; what a
 * large one has inside is passed over.
 */
enum { BLOCK_SIZE = 64 * 1024 };

struct walker {
	const char *name;
	struct error *err;
	int fd;
	uint64_t at; /* offset of the block */
	size_t len;
	uint8_t *block;
};

/* Fills the block from `offset` on. -1 when the file cannot be read. */
static int load(struct walker *w, uint64_t offset)
{
	w->at = offset;
	w->len = 0;
	while (w->len < BLOCK_SIZE) {
		ssize_t got = pread(w->fd, w->block + w->len, BLOCK_SIZE - w->len,
				    (off_t)(offset + w->len));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(w->err, errno, "cannot read %s", w->name);
		if (got == 0)
			break;
		w->len += (size_t)got;
	}
	return 0;
}

/* 1 = *bytes are `len` bytes (at most LOOK_SIZE) at `offset`; 0 = the file ends. */
static int look(struct walker *w, uint64_t offset, size_t len, const uint8_t **bytes)
{
	if (offset < w->at || offset + len > w->at + w->len) {
		if (load(w, offset))
			return -1;
		if (w->len < len)
			return 0;
	}
	*bytes = w->block + (offset - w->at);
	return 1;
}

/* Whether the payload is there and right; asked of the last frame only. */
static int is_whole(struct walker *w, uint64_t offset,
		    const struct frame_header *header)
{
	uint32_t sum = 0;
	uint64_t end = offset + header->length;
	while (offset < end) {
		if (load(w, offset))
			return -1;
		if (w->len == 0)
			return 0;
		size_t part = end - offset < w->len ? (size_t)(end - offset) : w->len;
		sum = checksum32_more(sum, w->block, part);
		offset += part;
	}
	return sum == header->checksum;
}

void index_add(struct recording_index *index, uint64_t offset, bool is_full,
	       uint64_t realtime_ns)
{
	array_reserve(&index->entries, &index->capacity, index->count + 1,
		      sizeof(*index->entries));
	index->entries[index->count++] = (struct index_entry){
		.place = offset * 2 + is_full,
		.realtime_ns = realtime_ns <= INT64_MAX ? realtime_ns : 0,
	};
}

/* The header of a frame that the reader would accept, and when a pass, its time. */
static bool accept(const struct recording_index *index, const uint8_t *bytes,
		   struct frame_header *header, bool *is_pass)
{
	if (!frame_header_get(header, bytes) || header->length > PAYLOAD_SIZE_MAX)
		return false;
	*is_pass = header->type == FRAME_PASS_FULL || header->type == FRAME_PASS_DELTA;
	if (*is_pass && header->length < PASS_HEADER_SIZE)
		return false;
	return header->type != FRAME_PASS_DELTA || index->count > 0;
}

/* One frame into the index. 1 = go on, 0 = nothing more to find, -1 = error. */
static int step(struct recording_index *index, struct walker *w)
{
	const uint8_t *bytes;
	struct frame_header header;
	bool is_pass;
	uint64_t offset = index->walked, realtime_ns = 0;
	int result = look(w, offset, FRAME_HEADER_SIZE, &bytes);
	if (result <= 0 || !accept(index, bytes, &header, &is_pass))
		return result < 0 ? -1 : 0;
	if (is_pass) {
		result = look(w, offset, LOOK_SIZE, &bytes);
		if (result <= 0)
			return result;
		realtime_ns = get_le64(bytes + FRAME_HEADER_SIZE);
	}
	uint64_t next = offset + FRAME_HEADER_SIZE + header.length;
	result = look(w, next, 1, &bytes);
	if (result == 0)
		result = is_whole(w, offset + FRAME_HEADER_SIZE, &header);
	if (result <= 0)
		return result;
	if (is_pass && index->count == INDEX_PASSES_MAX)
		return error_set(w->err, ERROR_UNSUPPORTED,
				 "%s holds more than %d passes, too many to seek in",
				 w->name, INDEX_PASSES_MAX);
	if (is_pass)
		index_add(index, offset, header.type == FRAME_PASS_FULL, realtime_ns);
	index->walked = next;
	return 1;
}

int index_extend(struct recording_index *index, int fd, const char *name,
		 struct error *err)
{
	auto_free uint8_t *block = xmalloc(BLOCK_SIZE);
	struct walker w = { .name = name, .err = err, .fd = fd, .block = block };
	if (index->walked == 0)
		index->walked = FILE_HEADER_SIZE;
	int result;
	do {
		result = step(index, &w);
	} while (result > 0);
	return result;
}

uint64_t index_offset(const struct recording_index *index, size_t pass)
{
	return index->entries[pass].place / 2;
}

size_t index_full_pass(const struct recording_index *index, size_t pass)
{
	while (pass > 0 && !(index->entries[pass].place & 1))
		pass--;
	return pass;
}

int index_find_time(const struct recording_index *index, uint64_t realtime_ns,
		    size_t *pass)
{
	bool is_found = false;
	for (size_t i = 0; i < index->count; i++) {
		uint64_t time = index->entries[i].realtime_ns;
		if (time == 0 || (is_found && time > realtime_ns))
			continue;
		*pass = i;
		is_found = true;
	}
	return is_found ? 0 : -1;
}

void index_clear(struct recording_index *index)
{
	free(index->entries);
	*index = (struct recording_index){ 0 };
}
