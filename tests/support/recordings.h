/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TEST_RECORDINGS_H
#define CONN_DOCTOR_TEST_RECORDINGS_H

/*
 * Recordings made below the port: passes as bytes, files of them through the
 * recorder, and frame by frame what no recorder would write. cmocka's headers
 * come before this one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "conn-doctor/memory.h"
#include "recording.h"
#include "recording_format.h"

enum { ROW_SIZE = 16 + 72 };

struct bytes {
	uint8_t *data;
	size_t len, capacity;
};

static inline void put(struct bytes *b, const void *data, size_t len)
{
	array_reserve(&b->data, &b->capacity, b->len + len + 1, 1);
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

static inline void put_u32(struct bytes *b, uint32_t value)
{
	uint8_t le[4];
	put_le32(le, value);
	put(b, le, sizeof(le));
}

static inline void put_u64(struct bytes *b, uint64_t value)
{
	uint8_t le[8];
	put_le64(le, value);
	put(b, le, sizeof(le));
}

static inline void bytes_clear(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){ 0 };
}
#define auto_bytes __attribute__((cleanup(bytes_clear)))

static inline void put_item(struct bytes *b, enum item_kind kind, const char *key,
			    const void *data, size_t len)
{
	uint8_t header[ITEM_HEADER_SIZE];
	put_le16(header, (uint16_t)kind);
	put_le16(header + 2, (uint16_t)strlen(key));
	put_le32(header + 4, (uint32_t)len);
	put(b, header, sizeof(header));
	put(b, key, strlen(key));
	put(b, data, len);
}

/* A message of sock_diag: an established connection with that cookie. */
static inline void put_row(struct bytes *b, uint32_t cookie, uint32_t timer)
{
	uint8_t row[ROW_SIZE] = { 0 };
	put_le32(row, ROW_SIZE);
	put_le16(row + 4, 20); /* SOCK_DIAG_BY_FAMILY */
	put_le16(row + 6, 2);  /* NLM_F_MULTI */
	row[16] = 2;           /* AF_INET */
	row[17] = 1;           /* ESTABLISHED */
	put_le32(row + 24, 0x0100007f);
	put_le32(row + 40, 0x0200007f);
	put_le32(row + 60, cookie);
	put_le32(row + 68, timer + cookie * 2654435761U);
	put(b, row, sizeof(row));
}

static inline void put_done(struct bytes *b)
{
	uint8_t done[20] = { 20, [4] = 3, [6] = 2 };
	put(b, done, sizeof(done));
}

/* Pass number n: rows first to last, a text whose length varies, an end. */
static inline void put_pass(struct bytes *b, uint32_t n, uint32_t first, uint32_t last)
{
	auto_bytes struct bytes rows = { 0 };
	uint8_t stamps[16], end[9] = { [8] = 1 };
	put_le64(stamps, 1000000000ULL * n);
	put_le64(stamps + 8, 1000ULL * n);
	for (uint32_t i = first; i < last; i++)
		put_row(&rows, i, 5000 * n);
	put_item(b, ITEM_PASS, "", stamps, sizeof(stamps));
	put_item(b, ITEM_FILE, "77/stat", "77 (a) S 1\n and so on", 11 + n % 3);
	put_item(b, ITEM_NETLINK, "", rows.data, rows.len);
	put_item(b, ITEM_END, "", end, sizeof(end));
}

/* Gives the items in `bytes` to the recorder. */
static inline void add_items(struct recorder *r, const struct bytes *b)
{
	for (size_t at = 0; at < b->len;) {
		const uint8_t *p = b->data + at;
		struct item item = {
			.kind = get_le16(p),
			.key_len = get_le16(p + 2),
			.len = get_le32(p + 4),
			.key = (const char *)p + ITEM_HEADER_SIZE,
		};
		item.data = p + ITEM_HEADER_SIZE + item.key_len;
		recorder_add(r, &item);
		at += (size_t)ITEM_HEADER_SIZE + item.key_len + item.len;
	}
}

/* The path of a new, empty file; the caller unlinks and frees. */
static inline char *temp_path(void)
{
	const char *folder = getenv("TMPDIR");
	char *path = xasprintf("%s/recording-XXXXXX", folder ? folder : "/tmp");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return path;
}

static inline void drop_path(char **path)
{
	unlink(*path);
	free(*path);
}
#define auto_path __attribute__((cleanup(drop_path)))

static inline void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	if (len > 0)
		assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline void read_file(const char *path, struct bytes *out)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	uint8_t chunk[4096];
	for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
		put(out, chunk, n);
	fclose(f);
}

static inline off_t size_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static inline void assert_text(const struct error *err, const char *part)
{
	if (!strstr(err->text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, err->text);
}

/* Records passes; ends[i] = size of the file after pass i. */
static inline void record(const char *path, const struct bytes *passes, size_t count,
			  off_t *ends)
{
	struct error err = { 0 };
	struct recorder *r;
	if (recorder_open(&r, path, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < count; i++) {
		add_items(r, &passes[i]);
		if (recorder_end_pass(r, &err))
			fail_msg("%s", err.text);
		if (ends)
			ends[i] = size_of(path);
	}
	assert_int_equal(recorder_close(r, &err), 0);
}

static inline void make_passes(struct bytes *passes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		put_pass(&passes[i], i, i % 5, 20 + i % 7);
}

static inline void clear_passes(struct bytes *passes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes_clear(&passes[i]);
}

/* A file of `count` passes, what went in and what came out. */
struct recorded {
	char *path;
	size_t count;
	struct bytes *passes;
	off_t *ends; /* ends[i] = size of the file after pass i */
	struct bytes file;
};

static inline struct recorded record_passes(uint32_t count)
{
	struct recorded t = {
		.path = temp_path(),
		.count = count,
		.passes = xcalloc(count, sizeof(*t.passes)),
		.ends = xcalloc(count, sizeof(*t.ends)),
	};
	make_passes(t.passes, count);
	record(t.path, t.passes, count, t.ends);
	read_file(t.path, &t.file);
	return t;
}

static inline void drop_recorded(struct recorded *t)
{
	drop_path(&t->path);
	clear_passes(t->passes, t->count);
	free(t->passes);
	free(t->ends);
	bytes_clear(&t->file);
}
#define auto_recorded __attribute__((cleanup(drop_recorded)))

/* Turns bits of a byte of the file over. */
static inline void damage(struct recorded *t, off_t at, uint8_t bits)
{
	t->file.data[at] ^= bits;
	write_file(t->path, t->file.data, t->file.len);
}

/* How many passes are whole in the first `len` bytes of the file. */
static inline size_t whole_passes(const struct recorded *t, size_t len)
{
	size_t n = 0;
	while (n < t->count && (size_t)t->ends[n] <= len)
		n++;
	return n;
}

/* A file header, and frames whose checksums are right whatever they hold. */
static inline void put_header(struct bytes *b)
{
	put(b, RECORDING_MAGIC, RECORDING_MAGIC_SIZE);
	put_u32(b, RECORDING_VERSION);
	put_u32(b, 0);
}

static inline void put_frame(struct bytes *b, uint32_t type,
			     const struct bytes *payload)
{
	uint8_t head[FRAME_HEADER_SIZE];
	struct frame_header header = {
		.type = type,
		.length = (uint32_t)payload->len,
		.checksum = checksum32(payload->data, payload->len),
	};
	frame_header_put(head, &header);
	put(b, head, sizeof(head));
	put(b, payload->data, payload->len);
}

static inline void put_pass_frame(struct bytes *b, uint32_t type, uint32_t raw_len,
				  uint32_t segment_count, const void *plain,
				  size_t plain_len)
{
	auto_bytes struct bytes payload = { 0 };
	put_u64(&payload, 1);
	put_u64(&payload, 1);
	put_u32(&payload, raw_len);
	put_u32(&payload, segment_count);
	auto_free void *packed = xmalloc(ZSTD_compressBound(plain_len));
	size_t len = ZSTD_compress(packed, ZSTD_compressBound(plain_len), plain,
				   plain_len, 1);
	put(&payload, packed, len);
	put_frame(b, type, &payload);
}

#endif
