/* SPDX-License-Identifier: MIT */
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "conn-doctor/memory.h"
#include "recording_dump.h"
#include "recording_format.h"
#include "recording_index.h"

/*
 * Reads recordings and the raw dumps of `ss -D`. The file is hostile until
 * proven otherwise: each length is compared with what there is, memory grows
 * with the bytes that have really been read (pass_size_allowed), and the
 * checksum is looked at before the content. Reads forward, so that a pipe will do;
 * only recording_seek() needs a file.
 */

struct recording {
	char *name; /* for messages */
	FILE *file;
	uint64_t offset;     /* read so far */
	uint64_t pass_count; /* delivered so far, or passed over */
	bool is_finished;
	struct buffer payload;
	struct buffer plain; /* segments, then the pass */
	struct buffer spare; /* becomes plain while plain is the base of the next */
	const uint8_t *pass; /* the last pass: inside plain */
	size_t pass_len;
	bool has_base; /* pass may be built upon */
	uint64_t payload_since_full;
	ZSTD_DCtx *zstd; /* NULL: a dump */
	struct recording_index index;
};

/* Reads up to `len` bytes; fewer at the end of the file. -1 when it cannot. */
static int read_bytes(struct recording *r, uint8_t *out, size_t len, size_t *got,
		      struct error *err)
{
	*got = fread(out, 1, len, r->file);
	r->offset += *got;
	if (*got < len && ferror(r->file))
		return error_errno(err, errno, "cannot read %s", r->name);
	return 0;
}

/* Appends up to `len` bytes in steps, so that a claim alone allocates nothing. */
static int read_more(struct recording *r, struct buffer *buffer, size_t len,
		     struct error *err)
{
	enum { STEP = 256 * 1024 };
	size_t got = 1;
	while (len > 0 && got > 0) {
		size_t step = len < STEP ? len : STEP;
		array_reserve(&buffer->bytes, &buffer->capacity, buffer->len + step, 1);
		if (read_bytes(r, buffer->bytes + buffer->len, step, &got, err))
			return -1;
		buffer->len += got;
		len -= got;
	}
	return 0;
}

static bool is_at_end(struct recording *r)
{
	int c = fgetc(r->file);
	if (c == EOF)
		return true;
	ungetc(c, r->file);
	return false;
}

static enum source_result damaged(const struct recording *r, uint64_t offset,
				  const char *why, struct error *err)
{
	return (enum source_result)error_set(
		err, ERROR_INPUT,
		"%s: damaged at byte %llu (pass %llu of the recording): %s; passes "
		"before it are good",
		r->name, (unsigned long long)offset,
		(unsigned long long)r->pass_count + 1, why);
}

/* Room for `len` bytes; what was there is lost. */
static void buffer_renew(struct buffer *buffer, size_t len)
{
	if (len > buffer->capacity) {
		free(buffer->bytes);
		buffer->bytes = xmalloc(len);
		buffer->capacity = len;
	}
	buffer->len = len;
}

/* Turns differences back into what they are differences of. */
static void add(uint8_t *out, const uint8_t *before, size_t len)
{
	size_t i = 0;
	for (; i + 4 <= len; i += 4)
		put_le32(out + i, get_le32(out + i) + get_le32(before + i));
	for (; i < len; i++)
		out[i] = (uint8_t)(out[i] + before[i]);
}

/* Undoes the differences in `out`. NULL, or what is wrong with the segments. */
static const char *apply_segments(const uint8_t *segments, size_t count, uint8_t *out,
				  size_t out_len, const uint8_t *base, size_t base_len)
{
	uint32_t expected = 0;
	for (size_t i = 0; i < count; i++, segments += SEGMENT_SIZE) {
		uint32_t len = get_le32(segments), from = get_le32(segments + 4);
		if (len == 0 || len > out_len)
			return "a segment is too long";
		if (from != SEGMENT_LITERAL) {
			uint32_t ref = expected + from;
			if ((uint64_t)ref + len > base_len)
				return "a segment refers to nothing";
			add(out, base + ref, len);
			expected = ref + len;
		}
		out += len;
		out_len -= len;
	}
	return out_len == 0 ? NULL : "the segments do not cover the pass";
}

/* The compressed part of a payload into r->plain. NULL, or what is wrong. */
static const char *unpack(struct recording *r, uint64_t plain_len, bool is_delta)
{
	const uint8_t *packed = r->payload.bytes + PASS_HEADER_SIZE;
	size_t packed_len = r->payload.len - PASS_HEADER_SIZE;
	if (ZSTD_getFrameContentSize(packed, packed_len) != plain_len)
		return "the lengths contradict each other";
	if (plain_len > pass_size_allowed(r->payload_since_full) ||
	    plain_len > 2 * PASS_SIZE_MAX)
		return "the pass is impossibly large";
	buffer_renew(&r->plain, (size_t)plain_len + 1);
	if (is_delta)
		ZSTD_DCtx_refPrefix(r->zstd, r->pass, r->pass_len);
	size_t got = ZSTD_decompressDCtx(r->zstd, r->plain.bytes, (size_t)plain_len,
					 packed, packed_len);
	return got == plain_len ? NULL : "it does not decompress";
}

/* The payload as a pass: sets r->pass. NULL, or what is wrong with it. */
static const char *decode_pass(struct recording *r, bool is_delta)
{
	if (r->payload.len < PASS_HEADER_SIZE)
		return "the frame is too short";
	if (is_delta && !r->has_base)
		return "the pass before it, on which it builds, is missing";
	uint32_t raw_len = get_le32(r->payload.bytes + 16);
	uint32_t segment_count = get_le32(r->payload.bytes + 20);
	if (raw_len > PASS_SIZE_MAX || (!is_delta && segment_count > 0))
		return "the lengths are impossible";
	r->payload_since_full = r->payload.len + (is_delta ? r->payload_since_full : 0);

	struct buffer base = r->plain;
	r->plain = r->spare;
	r->spare = base;
	uint64_t segments_len = (uint64_t)segment_count * SEGMENT_SIZE;
	const char *wrong = unpack(r, segments_len + raw_len, is_delta);
	uint8_t *pass = wrong ? NULL : r->plain.bytes + segments_len;
	if (!wrong && is_delta)
		wrong = apply_segments(r->plain.bytes, segment_count, pass, raw_len,
				       r->pass, r->pass_len);
	r->has_base = !wrong;
	r->pass = pass;
	r->pass_len = raw_len;
	return wrong;
}

static enum source_result end_here(struct recording *r)
{
	r->is_finished = true;
	return SOURCE_END;
}

/* Reads a whole frame. SOURCE_END when there is none, *is_torn when half a one. */
static enum source_result read_frame(struct recording *r, struct frame_header *header,
				     bool *is_torn, struct error *err)
{
	uint8_t bytes[FRAME_HEADER_SIZE];
	uint64_t offset = r->offset;
	size_t got;
	if (read_bytes(r, bytes, sizeof(bytes), &got, err))
		return SOURCE_ERROR;
	*is_torn = got > 0 && got < sizeof(bytes);
	if (got < sizeof(bytes))
		return end_here(r);
	if (!frame_header_get(header, bytes))
		return damaged(r, offset,
			       "the checksum of the frame header does not match", err);
	if (header->length > PAYLOAD_SIZE_MAX)
		return damaged(r, offset, "the frame is impossibly long", err);
	r->payload.len = 0;
	if (read_more(r, &r->payload, header->length, err))
		return SOURCE_ERROR;
	bool is_good = r->payload.len == header->length &&
		       checksum32(r->payload.bytes, r->payload.len) == header->checksum;
	if (is_good)
		return SOURCE_OK;
	*is_torn = is_at_end(r);
	return *is_torn ? end_here(r)
			: damaged(r, offset, "the checksum does not match", err);
}

static enum source_result next_pass(struct recording *r, bool *is_torn,
				    struct error *err)
{
	for (;;) {
		uint64_t offset = r->offset;
		struct frame_header header;
		enum source_result result = read_frame(r, &header, is_torn, err);
		if (result != SOURCE_OK)
			return result;
		/* Other types are for later versions to add; this one can do without.
		 */
		if (header.type != FRAME_PASS_FULL && header.type != FRAME_PASS_DELTA)
			continue;
		const char *wrong = decode_pass(r, header.type == FRAME_PASS_DELTA);
		return wrong ? damaged(r, offset, wrong, err) : SOURCE_OK;
	}
}

enum source_result recording_next(struct recording *r, const uint8_t **bytes,
				  size_t *len, bool *is_torn, struct error *err)
{
	*is_torn = false;
	if (r->is_finished)
		return SOURCE_END;
	if (!r->zstd) {
		/* A dump: the one pass that recording_open() made. */
		r->is_finished = true;
	} else {
		enum source_result result = next_pass(r, is_torn, err);
		if (result != SOURCE_OK) {
			r->is_finished = true;
			return result;
		}
	}
	r->pass_count++;
	*bytes = r->pass;
	*len = r->pass_len;
	return SOURCE_OK;
}

static int open_dump(struct recording *r, const uint8_t *start, size_t start_len,
		     struct error *err)
{
	array_reserve(&r->payload.bytes, &r->payload.capacity, start_len, 1);
	memcpy(r->payload.bytes, start, start_len);
	r->payload.len = start_len;
	if (read_more(r, &r->payload, PASS_SIZE_MAX, err))
		return -1;
	if (r->payload.len > PASS_SIZE_MAX)
		return error_set(err, ERROR_INPUT,
				 "%s is an ss dump of more than 1 GiB", r->name);
	dump_to_pass(&r->plain, r->payload.bytes, r->payload.len, r->file);
	r->pass = r->plain.bytes;
	r->pass_len = r->plain.len;
	return 0;
}

static int open_recording(struct recording *r, const uint8_t *header, size_t len,
			  struct error *err)
{
	if (len < FILE_HEADER_SIZE) {
		r->is_finished = true;
	} else if (get_le32(header + 8) != RECORDING_VERSION) {
		return error_set(err, ERROR_INPUT,
				 "%s is a recording of format %u and this conn-doctor "
				 "reads format %u only; read it with the version that "
				 "wrote it, or a newer one",
				 r->name, get_le32(header + 8), RECORDING_VERSION);
	}
	r->zstd = ZSTD_createDCtx();
	if (!r->zstd)
		return error_set(err, ERROR_SYSTEM, "cannot read %s: no memory",
				 r->name);
	return 0;
}

static int recognise(struct recording *r, struct error *err)
{
	uint8_t start[FILE_HEADER_SIZE];
	size_t len;
	if (read_bytes(r, start, sizeof(start), &len, err))
		return -1;
	if (len >= RECORDING_MAGIC_SIZE &&
	    memcmp(start, RECORDING_MAGIC, RECORDING_MAGIC_SIZE) == 0)
		return open_recording(r, start, len, err);
	if (len == sizeof(start) && dump_is_start(start))
		return open_dump(r, start, len, err);
	if (len >= RECORDING_MAGIC_SIZE && memcmp(start, RECORDING_MAGIC, 4) == 0)
		return error_set(
			err, ERROR_INPUT,
			"%s was a recording, but its line ends were changed on "
			"the way here; copy it again as a binary file",
			r->name);
	return error_set(err, ERROR_INPUT,
			 "%s is neither a conn-doctor recording nor an `ss -D` dump",
			 r->name);
}

/* What a dump's only pass says in its first item. */
static uint64_t dump_time(const struct recording *r)
{
	return get_le64(r->pass + ITEM_HEADER_SIZE);
}

static int require_file(const struct recording *r, struct error *err)
{
	struct stat st;
	if (r->file == stdin)
		return error_set(err, ERROR_INPUT,
				 "standard input is read once, from its beginning to "
				 "its end; to go to a time, name the file");
	if (fstat(fileno(r->file), &st))
		return error_errno(err, errno, "cannot look at %s", r->name);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_INPUT,
				 "%s is no regular file and is read once, from its "
				 "beginning to its end; to go to a time, copy it into "
				 "a file first",
				 r->name);
	return 0;
}

/* The index of a dump is its one pass. */
static int update_index(struct recording *r, struct error *err)
{
	if (require_file(r, err))
		return -1;
	if (r->zstd)
		return index_extend(&r->index, fileno(r->file), r->name, err);
	if (r->index.count == 0)
		index_add(&r->index, 0, true, dump_time(r));
	return 0;
}

int recording_index(struct recording *r, const struct recording_index **out,
		    struct error *err)
{
	if (update_index(r, err))
		return -1;
	*out = &r->index;
	return 0;
}

/* To the frame of a full pass; what was read before is forgotten. */
static int go_to(struct recording *r, size_t pass, struct error *err)
{
	/* The tail of a growing file may have changed: nothing buffered is kept. */
	fflush(r->file);
	uint64_t offset = index_offset(&r->index, pass);
	if (fseeko(r->file, (off_t)offset, SEEK_SET))
		return error_errno(err, errno, "cannot seek in %s", r->name);
	r->offset = offset;
	r->pass_count = pass;
	r->has_base = false;
	r->is_finished = false;
	return 0;
}

/* Unpacks passes until the next one is this one; it builds on the one before. */
static int pass_over(struct recording *r, size_t pass, struct error *err)
{
	const uint8_t *bytes;
	size_t len;
	bool is_torn;
	while (r->pass_count < pass) {
		enum source_result result =
			recording_next(r, &bytes, &len, &is_torn, err);
		if (result == SOURCE_END)
			return error_set(err, ERROR_INPUT,
					 "%s has become shorter while it was read",
					 r->name);
		if (result != SOURCE_OK)
			return -1;
	}
	return 0;
}

int recording_seek(struct recording *r, size_t pass, struct error *err)
{
	if (!r->zstd) {
		r->is_finished = false;
		r->pass_count = 0;
		return 0;
	}
	size_t full = index_full_pass(&r->index, pass);
	bool is_ahead = r->pass_count > full && r->pass_count <= pass;
	bool can_go_on = is_ahead && r->has_base && !r->is_finished;
	if (!can_go_on && go_to(r, full, err))
		return -1;
	return pass_over(r, pass, err);
}

int recording_open(struct recording **out, const char *path, struct error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "rbe");
	if (!file)
		return error_errno(err, errno, "cannot open %s", path);
	struct recording *r = xcalloc(1, sizeof(*r));
	r->file = file;
	r->name = xstrdup(is_stdin ? "standard input" : path);
	if (recognise(r, err)) {
		recording_close(r);
		return -1;
	}
	*out = r;
	return 0;
}

void recording_close(struct recording *r)
{
	if (!r)
		return;
	if (r->file != stdin)
		fclose(r->file);
	ZSTD_freeDCtx(r->zstd);
	index_clear(&r->index);
	free(r->payload.bytes);
	free(r->plain.bytes);
	free(r->spare.bytes);
	free(r->name);
	free(r);
}
