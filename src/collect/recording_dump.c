/* SPDX-License-Identifier: MIT */
#include "recording_dump.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "conn-doctor/memory.h"
#include "intake.h"
#include "recording_format.h"

/* The reply type of the old TCPDIAG_GETSOCK request; rows look the same. */
enum { OLD_TCP_REPLY = 18 };
/* nlmsghdr and inet_diag_msg: no row is shorter. */
enum { ROW_SIZE_MIN = 16 + 72, ROW_SIZE_MAX = 64 * 1024 };
/* How much a netlink item made from a dump holds, about as the kernel replies. */
enum { DUMP_CHUNK_SIZE = 32 * 1024 };

static void add_item(struct buffer *out, enum item_kind kind, const char *key,
		     const void *data, size_t len)
{
	size_t key_len = strlen(key);
	array_reserve(&out->bytes, &out->capacity,
		      out->len + ITEM_HEADER_SIZE + key_len + len, 1);
	uint8_t *p = out->bytes + out->len;
	put_le16(p, (uint16_t)kind);
	put_le16(p + 2, (uint16_t)key_len);
	put_le32(p + 4, (uint32_t)len);
	memcpy(p + ITEM_HEADER_SIZE, key, key_len);
	memcpy(p + ITEM_HEADER_SIZE + key_len, data, len);
	out->len += ITEM_HEADER_SIZE + key_len + len;
}

static void add_note(struct buffer *out, const char *what, const char *why)
{
	add_item(out, ITEM_DEGRADED, what, why, strlen(why));
}

/* When the sockets were dumped: a file tells, of a pipe it is now. */
static void add_dump_head(struct buffer *out, FILE *file)
{
	static const uint8_t no_inode[8];
	struct timespec when = { 0 };
	struct stat st;
	if (fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode))
		when = st.st_mtim;
	else
		clock_gettime(CLOCK_REALTIME, &when);
	uint8_t stamps[16] = { 0 };
	put_le64(stamps, (uint64_t)when.tv_sec * 1000000000U + (uint64_t)when.tv_nsec);
	add_item(out, ITEM_PASS, "", stamps, sizeof(stamps));
	add_item(out, ITEM_HOST, "name", "", 0);
	add_item(out, ITEM_NETNS, "self", no_inode, sizeof(no_inode));
}

static void add_dump_end(struct buffer *out)
{
	static const char why[] = "an ss dump holds none";
	static const uint8_t end[9] = { [8] = 1 };
	add_note(out, "process owners", why);
	add_note(out, "kernel settings", why);
	add_note(out, "addresses of the host", why);
	add_item(out, ITEM_END, "", end, sizeof(end));
}

static size_t message_size(uint32_t nlmsg_len)
{
	return ((size_t)nlmsg_len + 3) & ~(size_t)3;
}

static bool is_row(const uint8_t *message)
{
	uint16_t type = get_le16(message + 4);
	return type == SOCK_DIAG_BY_FAMILY || type == OLD_TCP_REPLY;
}

/* Netlink is in the byte order of its host; only little-endian ones are read. */
bool dump_is_start(const uint8_t *message)
{
	uint32_t len = get_le32(message);
	uint16_t type = get_le16(message + 4), flags = get_le16(message + 6);
	if (type == NLMSG_DONE)
		return len == 20 && (flags & NLM_F_MULTI);
	return is_row(message) && len >= ROW_SIZE_MIN && len <= ROW_SIZE_MAX;
}

/* The record that `in` begins with, padded; 0 where none can be read: why. */
static size_t record_size(const uint8_t *in, size_t len, const char **why)
{
	uint32_t size = len >= 16 ? get_le32(in) : 0;
	if (len >= 16 && (size < 16 || size > ROW_SIZE_MAX)) {
		*why = "it is damaged; what follows the damage was left out";
		return 0;
	}
	if (len < 16 || size > len) {
		*why = "the last record is cut short and was left out";
		return 0;
	}
	size_t padded = message_size(size);
	return padded < len ? padded : len;
}

static void add_chunk(struct buffer *out, const uint8_t *rows, size_t len)
{
	if (len)
		add_item(out, ITEM_NETLINK, "", rows, len);
}

/*
 * The rows in `in` as netlink items. Control messages are left out: ss dumps
 * the families one after the other, so NLMSG_DONE is not the end of the file.
 */
static void add_rows(struct buffer *out, const uint8_t *in, size_t len)
{
	size_t at = 0, chunk = 0, size; /* rows from chunk to at are in no item yet */
	const char *problem = NULL;
	while (at < len && (size = record_size(in + at, len - at, &problem)) > 0) {
		bool has_row = is_row(in + at);
		if (!has_row || at + size - chunk > DUMP_CHUNK_SIZE) {
			add_chunk(out, in + chunk, at - chunk);
			chunk = at;
		}
		at += size;
		if (!has_row)
			chunk = at;
	}
	add_chunk(out, in + chunk, at - chunk);
	if (problem)
		add_note(out, "ss dump", problem);
}

void dump_to_pass(struct buffer *out, const uint8_t *in, size_t len, FILE *file)
{
	add_dump_head(out, file);
	add_rows(out, in, len);
	add_dump_end(out);
}
