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
#include "conn-doctor/u64_map.h"
#include "recording_append.h"
#include "recording_format.h"

/*
 * The recorder gathers the items of a pass and writes them as one frame, so a
 * file always ends after a whole pass or, when the machine died, inside one.
 *
 * Ten thousand quiet connections give 5 MB a pass in which only timers move.
 * zstd against the pass before is not enough: the timers of each row change, by
 * the same amount but from values that have nothing in common. So a pass is cut
 * into units (a netlink message, another item), each unit is looked up in the
 * pass before, and only the difference of their 32-bit words is compressed: one
 * pattern, thousands of times. What the lookup finds matters for the size only;
 * the frame says what was subtracted, so the reader knows nothing of units.
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

/* Bytes that are looked for as a whole in the pass before. */
struct unit {
	uint64_t key; /* equal for "the same" unit of two passes */
	uint32_t at;
	uint32_t len;
	bool is_message; /* its words must stay words when segments are merged */
};

struct pass {
	uint8_t *bytes;
	size_t len, capacity;
	struct unit *units;
	size_t unit_count, unit_capacity;
	uint32_t netlink_count; /* items of that kind */
	uint64_t realtime_ns, monotonic_ms;
	bool is_too_large;
};

/* A run of bytes that is taken from one place of the pass before. */
struct segment {
	uint32_t len;
	uint32_t ref; /* offset into the pass before */
	bool is_literal;
};

struct recorder {
	char *path;
	int fd;
	bool is_regular;
	bool is_broken; /* half a frame went into a pipe: nothing can follow it */
	off_t end;      /* behind the last whole frame */
	struct pass now, before;
	struct u64_map before_units; /* key -> index into before.units */
	struct segment *segments;
	size_t segment_count, segment_capacity;
	uint8_t *plain; /* what zstd compresses: segments, then differences */
	size_t plain_capacity;
	uint8_t *frame; /* frame header, pass header, compressed */
	size_t frame_capacity;
	ZSTD_CCtx *zstd;
	unsigned passes_since_full;
	uint64_t payload_since_full;
};

static void pass_reset(struct pass *pass)
{
	pass->len = pass->unit_count = 0;
	pass->netlink_count = 0;
	pass->realtime_ns = pass->monotonic_ms = 0;
	pass->is_too_large = false;
}

static void pass_clear(struct pass *pass)
{
	free(pass->bytes);
	free(pass->units);
}

static uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, size_t len)
{
	size_t i = 0;
	for (; i + 8 <= len; i += 8)
		hash = u64_hash(hash ^ get_le64(bytes + i)) + 1;
	for (; i < len; i++)
		hash = u64_hash(hash ^ bytes[i]) + 1;
	return hash;
}

/*
 * A message of sock_diag is known by its inet_diag_sockid (addresses, ports,
 * cookie), which follows the nlmsghdr and four bytes of family, state, timer.
 */
static uint64_t message_key(const uint8_t *message, size_t len)
{
	enum { SOCKID_AT = 20, SOCKID_SIZE = 48 };
	uint64_t seed = len << 16 | get_le16(message + 4);
	if (len < SOCKID_AT + SOCKID_SIZE)
		return u64_hash(seed);
	return hash_bytes(seed, message + SOCKID_AT, SOCKID_SIZE);
}

static void add_unit(struct pass *pass, uint64_t key, size_t at, size_t len,
		     bool is_message)
{
	array_reserve(&pass->units, &pass->unit_capacity, pass->unit_count + 1,
		      sizeof(*pass->units));
	pass->units[pass->unit_count++] = (struct unit){
		.key = key,
		.at = (uint32_t)at,
		.len = (uint32_t)len,
		.is_message = is_message,
	};
}

/* Units from `at` to the end: the item's header, each message, what is left. */
static void add_netlink_units(struct pass *pass, size_t at, size_t head_len)
{
	add_unit(pass, u64_hash(pass->netlink_count++), at, head_len, false);
	at += head_len;
	while (pass->len - at >= 16) {
		uint64_t len =
			((uint64_t)get_le32(pass->bytes + at) + 3) & ~UINT64_C(3);
		if (len < 16 || len > pass->len - at)
			break;
		add_unit(pass, message_key(pass->bytes + at, len), at, len, true);
		at += len;
	}
	if (at < pass->len)
		add_unit(pass, u64_hash(pass->len - at), at, pass->len - at, false);
}

static void append(struct pass *pass, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(pass->bytes + pass->len, bytes, len);
	pass->len += len;
}

static void append_item(struct pass *pass, const struct item *item)
{
	uint8_t header[ITEM_HEADER_SIZE];
	put_le16(header, item->kind);
	put_le16(header + 2, item->key_len);
	put_le32(header + 4, item->len);
	append(pass, header, sizeof(header));
	append(pass, item->key, item->key_len);
	append(pass, item->data, item->len);
}

void recorder_add(struct recorder *r, const struct item *item)
{
	struct pass *pass = &r->now;
	/* A pass that failed half-way was never ended; it is not recorded. */
	if (item->kind == ITEM_PASS)
		pass_reset(pass);
	size_t at = pass->len, head_len = (size_t)ITEM_HEADER_SIZE + item->key_len;
	if (item->key_len > ITEM_KEY_MAX || item->len > ITEM_LEN_MAX ||
	    at + head_len + item->len > PASS_SIZE_MAX) {
		pass->is_too_large = true;
		return;
	}
	array_reserve(&pass->bytes, &pass->capacity, at + head_len + item->len, 1);
	append_item(pass, item);
	if (item->kind == ITEM_PASS && item->len >= 16) {
		pass->realtime_ns = get_le64(item->data);
		pass->monotonic_ms = get_le64(item->data + 8);
	}
	if (item->kind == ITEM_NETLINK)
		add_netlink_units(pass, at, head_len);
	else
		add_unit(pass, hash_bytes(item->len, pass->bytes + at, head_len), at,
			 pass->len - at, false);
}

static const struct unit *unit_before(const struct recorder *r, const struct unit *unit)
{
	const uint32_t *index = u64_map_find(&r->before_units, unit->key);
	if (!index || r->before.units[*index].len != unit->len)
		return NULL;
	return &r->before.units[*index];
}

static bool continues(const struct segment *last, const struct unit *unit,
		      const struct unit *base)
{
	if (!base || last->is_literal)
		return !base && last->is_literal;
	if (base->at != last->ref + last->len)
		return false;
	return !unit->is_message || last->len % 4 == 0;
}

/* Finds the units of this pass in the one before. Returns how many bytes are new. */
static size_t plan_segments(struct recorder *r)
{
	size_t literal_bytes = 0;
	r->segment_count = 0;
	for (size_t i = 0; i < r->now.unit_count; i++) {
		const struct unit *unit = &r->now.units[i],
				  *base = unit_before(r, unit);
		literal_bytes += base ? 0 : unit->len;
		if (r->segment_count > 0 &&
		    continues(&r->segments[r->segment_count - 1], unit, base)) {
			r->segments[r->segment_count - 1].len += unit->len;
			continue;
		}
		array_reserve(&r->segments, &r->segment_capacity, r->segment_count + 1,
			      sizeof(*r->segments));
		r->segments[r->segment_count++] = (struct segment){
			.len = unit->len,
			.ref = base ? base->at : 0,
			.is_literal = !base,
		};
	}
	return literal_bytes;
}

/* Differences of the little-endian words; of the bytes that are left over. */
static void subtract(uint8_t *out, const uint8_t *now, const uint8_t *before,
		     size_t len)
{
	size_t i = 0;
	for (; i + 4 <= len; i += 4)
		put_le32(out + i, get_le32(now + i) - get_le32(before + i));
	for (; i < len; i++)
		out[i] = (uint8_t)(now[i] - before[i]);
}

static size_t build_plain(struct recorder *r)
{
	size_t len = r->segment_count * SEGMENT_SIZE + r->now.len;
	array_reserve(&r->plain, &r->plain_capacity, len, 1);
	uint8_t *entry = r->plain, *out = r->plain + r->segment_count * SEGMENT_SIZE;
	const uint8_t *now = r->now.bytes;
	uint32_t expected = 0; /* where the segment starts if nothing came or went */
	for (size_t i = 0; i < r->segment_count; i++) {
		const struct segment *s = &r->segments[i];
		put_le32(entry, s->len);
		if (s->is_literal) {
			put_le32(entry + 4, SEGMENT_LITERAL);
			memcpy(out, now, s->len);
		} else {
			put_le32(entry + 4, s->ref - expected);
			subtract(out, now, r->before.bytes + s->ref, s->len);
			expected = s->ref + s->len;
		}
		entry += SEGMENT_SIZE;
		out += s->len;
		now += s->len;
	}
	return len;
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
		    const struct pass *prefix, size_t *payload_len, struct error *err)
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
		 type == FRAME_PASS_DELTA ? (uint32_t)r->segment_count : 0);
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
	size_t literal_bytes = plan_segments(r);
	size_t len = build_plain(r);
	const struct pass *prefix =
		literal_bytes >= LITERAL_WORTH_PREFIX ? &r->before : NULL;
	if (compress(r, DELTA_LEVEL, r->plain, len, prefix, payload_len, err))
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

static void index_units_before(struct recorder *r)
{
	u64_map_reset(&r->before_units);
	u64_map_reserve(&r->before_units, r->before.unit_count);
	for (size_t i = 0; i < r->before.unit_count; i++) {
		bool is_new;
		uint32_t *index = u64_map_insert(&r->before_units,
						 r->before.units[i].key, &is_new);
		if (is_new)
			*index = (uint32_t)i;
	}
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
		struct pass written = r->now;
		r->now = r->before;
		r->before = written;
		index_units_before(r);
	}
	pass_reset(&r->now);
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
	pass_clear(&r->now);
	pass_clear(&r->before);
	u64_map_clear(&r->before_units);
	ZSTD_freeCCtx(r->zstd);
	free(r->segments);
	free(r->plain);
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
