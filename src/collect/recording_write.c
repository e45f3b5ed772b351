/* SPDX-License-Identifier: MIT */
#include "recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "conn-doctor/memory.h"
#include "recording_append.h"
#include "recording_delta.h"
#include "recording_format.h"

/*
 * The recorder gathers the items of a pass and writes them as one frame, so a
 * file always ends after a whole pass or, when the machine died, inside one. What
 * makes a pass after another one small is in recording_delta.c.
 */

enum {
	/* Differences are quick to pack, so they get the better level. */
	DELTA_LEVEL = 6,
	FULL_LEVEL = 3,
	/* A full pass costs as much as thirty or more deltas. */
	FULL_PASS_INTERVAL = 128,
	/* Below this, indexing the pass before costs more time than it saves bytes. */
	LITERAL_WORTH_PREFIX = 4096,
	WINDOW_LOG_MIN = 17,
	WINDOW_LOG_MAX = 27,
};

struct recorder {
	char *path;
	int fd;
	bool is_regular;
	bool is_broken; /* half a frame went into a pipe: nothing can follow it */
	off_t end;      /* behind the last whole frame */
	struct pass_bytes now, before;
	struct delta delta; /* of `now` against `before` */
	uint8_t *frame;     /* frame header, pass header, compressed */
	size_t frame_capacity;
	ZSTD_CCtx *zstd;
	unsigned passes_since_full;
	uint64_t payload_since_full;
};

void recorder_add(struct recorder *r, const struct item *item)
{
	/* A pass that failed half-way was never ended; it is not recorded. */
	if (item->kind == ITEM_PASS)
		pass_bytes_reset(&r->now);
	pass_bytes_add(&r->now, item);
}

static void set_up_zstd(ZSTD_CCtx *zstd, int level, size_t window)
{
	int log = WINDOW_LOG_MIN;
	while (log < WINDOW_LOG_MAX && (size_t)1 << log < window)
		log++;
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, log);
}

/* Compresses behind the two headers; -1 when zstd cannot. */
static int compress(struct recorder *r, int level, const uint8_t *plain, size_t len,
		    const struct pass_bytes *prefix, size_t *payload_len,
		    struct error *err)
{
	size_t head = FRAME_HEADER_SIZE + PASS_HEADER_SIZE;
	array_reserve(&r->frame, &r->frame_capacity, head + ZSTD_compressBound(len), 1);
	set_up_zstd(r->zstd, level, len + (prefix ? prefix->len : 0));
	if (prefix)
		ZSTD_CCtx_refPrefix(r->zstd, prefix->bytes, prefix->len);
	size_t packed = ZSTD_compress2(r->zstd, r->frame + head,
				       r->frame_capacity - head, plain, len);
	if (ZSTD_isError(packed))
		return error_set(err, ERROR_SYSTEM, "cannot record to %s: zstd: %s",
				 r->path, ZSTD_getErrorName(packed));
	*payload_len = PASS_HEADER_SIZE + packed;
	return 0;
}

/* Fills in the headers in front of what compress() made. */
static void finish_frame(struct recorder *r, enum frame_type type, size_t payload_len)
{
	uint8_t *payload = r->frame + FRAME_HEADER_SIZE;
	put_le64(payload, r->now.realtime_ns);
	put_le64(payload + 8, r->now.monotonic_ms);
	put_le32(payload + 16, (uint32_t)r->now.len);
	put_le32(payload + 20,
		 type == FRAME_PASS_DELTA ? (uint32_t)r->delta.segment_count : 0);
	struct frame_header header = {
		.type = type,
		.length = (uint32_t)payload_len,
		.checksum = checksum32(payload, payload_len),
	};
	frame_header_put(r->frame, &header);
}

static int build_full(struct recorder *r, size_t *payload_len, struct error *err)
{
	static const uint8_t nothing;
	const uint8_t *plain = r->now.bytes ? r->now.bytes : &nothing;
	if (compress(r, FULL_LEVEL, plain, r->now.len, NULL, payload_len, err))
		return -1;
	if (r->now.len > pass_size_allowed(*payload_len))
		return error_set(
			err, ERROR_INPUT,
			"cannot record to %s: a pass of %zu bytes that packs to "
			"%zu is not one of sockets",
			r->path, r->now.len, *payload_len);
	finish_frame(r, FRAME_PASS_FULL, *payload_len);
	return 0;
}

/* *is_made is false when the reader would find the delta too good to be true. */
static int build_delta(struct recorder *r, size_t *payload_len, bool *is_made,
		       struct error *err)
{
	delta_make(&r->delta, &r->before, &r->now);
	size_t len = r->delta.plain_len;
	const struct pass_bytes *prefix =
		r->delta.literal_bytes >= LITERAL_WORTH_PREFIX ? &r->before : NULL;
	if (compress(r, DELTA_LEVEL, r->delta.plain, len, prefix, payload_len, err))
		return -1;
	*is_made = len <= pass_size_allowed(r->payload_since_full + *payload_len);
	if (*is_made)
		finish_frame(r, FRAME_PASS_DELTA, *payload_len);
	return 0;
}

/* Either all of it, or nothing and errno. */
static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? ENOSPC : errno;
			return -1;
		}
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Writes behind the last whole frame; what could not be written whole is undone. */
static int write_frame(struct recorder *r, const uint8_t *bytes, size_t len,
		       struct error *err)
{
	if (r->is_broken)
		return error_set(err, ERROR_SYSTEM,
				 "cannot record to %s: an earlier write failed",
				 r->path);
	if (write_all(r->fd, bytes, len) == 0) {
		r->end += (off_t)len;
		return 0;
	}
	int errnum = errno;
	r->is_broken = !r->is_regular || ftruncate(r->fd, r->end) != 0 ||
		       lseek(r->fd, r->end, SEEK_SET) != r->end;
	return error_errno(err, errnum, "cannot record to %s", r->path);
}

static int write_pass(struct recorder *r, struct error *err)
{
	if (r->now.is_too_large)
		return error_set(err, ERROR_INPUT,
				 "cannot record to %s: a pass is larger than 1 GiB; "
				 "record fewer sockets, with a filter",
				 r->path);
	bool is_delta = false;
	size_t payload_len;
	bool has_base = r->before.len > 0 && r->now.len > 0 &&
			r->passes_since_full < FULL_PASS_INTERVAL;
	if (has_base && build_delta(r, &payload_len, &is_delta, err))
		return -1;
	if (!is_delta && build_full(r, &payload_len, err))
		return -1;
	if (write_frame(r, r->frame, FRAME_HEADER_SIZE + payload_len, err))
		return -1;
	r->passes_since_full = is_delta ? r->passes_since_full + 1 : 1;
	r->payload_since_full = payload_len + (is_delta ? r->payload_since_full : 0);
	return 0;
}

int recorder_end_pass(struct recorder *r, struct error *err)
{
	int result = write_pass(r, err);
	if (result == 0) {
		struct pass_bytes written = r->now;
		r->now = r->before;
		r->before = written;
		delta_set_base(&r->delta, &r->before);
	}
	pass_bytes_reset(&r->now);
	return result;
}

/* Readies an existing file for the next frame; *is_empty: it needs the header. */
static int continue_file(struct recorder *r, off_t size, bool *is_empty,
			 struct error *err)
{
	struct recording_file file = { .fd = r->fd, .path = r->path };
	if (recording_find_end(&file, size, &r->end, err))
		return -1;
	*is_empty = r->end == 0;
	if (ftruncate(r->fd, r->end) != 0 || lseek(r->fd, r->end, SEEK_SET) != r->end)
		return error_errno(err, errno, "cannot record to %s", r->path);
	return 0;
}

static int lock_file(struct recorder *r, struct error *err)
{
	if (flock(r->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return error_set(err, ERROR_SYSTEM,
				 "cannot record to %s: another conn-doctor records to "
				 "it; choose another name",
				 r->path);
	/* File systems without locks: recording is worth more than the lock. */
	return 0;
}

static int begin_file(struct recorder *r, struct error *err)
{
	struct stat st;
	r->fd = open(r->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (r->fd < 0 || fstat(r->fd, &st) != 0)
		return error_errno(err, errno, "cannot record to %s", r->path);
	r->is_regular = S_ISREG(st.st_mode);
	bool is_empty = true;
	if (r->is_regular && lock_file(r, err))
		return -1;
	/* Again: the one that held the lock may have written since. */
	if (r->is_regular && fstat(r->fd, &st) != 0)
		return error_errno(err, errno, "cannot record to %s", r->path);
	if (r->is_regular && st.st_size > 0 &&
	    continue_file(r, st.st_size, &is_empty, err))
		return -1;
	uint8_t header[FILE_HEADER_SIZE];
	recording_put_file_header(header);
	return is_empty ? write_frame(r, header, sizeof(header), err) : 0;
}

static void free_recorder(struct recorder *r)
{
	if (r->fd >= 0)
		close(r->fd);
	pass_bytes_clear(&r->now);
	pass_bytes_clear(&r->before);
	delta_clear(&r->delta);
	ZSTD_freeCCtx(r->zstd);
	free(r->frame);
	free(r->path);
	free(r);
}

int recorder_open(struct recorder **out, const char *path, struct error *err)
{
	struct recorder *r = xcalloc(1, sizeof(*r));
	r->path = xstrdup(path);
	r->fd = -1;
	r->zstd = ZSTD_createCCtx();
	int result = 0;
	if (!r->zstd)
		result = error_set(err, ERROR_SYSTEM, "cannot record to %s: no memory",
				   path);
	if (result == 0)
		result = begin_file(r, err);
	if (result) {
		free_recorder(r);
		return -1;
	}
	*out = r;
	return 0;
}

int recorder_close(struct recorder *r, struct error *err)
{
	if (!r)
		return 0;
	int result = 0;
	/* NFS and quotas report a failed write here. */
	if (close(r->fd) != 0)
		result = error_errno(err, errno, "cannot finish the recording %s",
				     r->path);
	r->fd = -1;
	free_recorder(r);
	return result;
}
