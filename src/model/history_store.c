/* SPDX-License-Identifier: MIT */

/*
 * The history as bytes, for the state file. All numbers are little-endian:
 *
 *   u64 start and u64 last, monotonic ms
 *   u64 identity of the table of kernel values, u32 count, i64 for each
 *   u32 count of listeners: u64 cookie, u32 drops
 *   u32 count of sockets: 60 bytes each, see put_entry()
 */
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/frame.h"
#include "conn-doctor/memory.h"
#include "history_parts.h"

enum {
	HEAD_SIZE = 8 + 8 + 8 + 4,
	LISTENER_SIZE = 12,
	ENTRY_SIZE = 60,
	/*
	 * Drops of long ago say nothing about a queue that is filled for a moment
	 * now; ten minutes is two runs of the slowest usual cron line.
	 */
	COUNTS_GAP_MAX_MS = 600000,
};

/* Times are kept in 32 bits of 10 ms, 497 days: older ones become this old. */
#define AGE_MAX_MS (UINT64_C(250) * 24 * 3600 * 1000)

enum entry_flag { STATE_EXACT = 1, WAS_UNREAD = 2, WAS_UNSENT = 4, MISSED = 8 };

/* Another version may know other counters, or in another order. */
static uint64_t kernel_table_identity(void)
{
	static const char *const names[] = {
#define X(id, file, field) #id,
		KERNEL_VALUES(X)
#undef X
	};
	uint64_t hash = KERNEL_VALUE_COUNT;
	for (size_t i = 0; i < KERNEL_VALUE_COUNT; i++)
		for (const char *p = names[i]; *p; p++)
			hash = u64_hash(hash ^ (uint8_t)*p) + 1;
	return hash;
}

static void add_u32(struct strbuf *out, uint32_t value)
{
	uint8_t bytes[4];
	put_le32(bytes, value);
	strbuf_add_len(out, (const char *)bytes, sizeof(bytes));
}

static void add_u64(struct strbuf *out, uint64_t value)
{
	uint8_t bytes[8];
	put_le64(bytes, value);
	strbuf_add_len(out, (const char *)bytes, sizeof(bytes));
}

/* The 32-bit members of an entry, in the order of the file. */
static const size_t entry_members[] = {
	offsetof(struct entry, first_seen_cs),
	offsetof(struct entry, state_since_cs),
	offsetof(struct entry, unread_since_cs),
	offsetof(struct entry, stalled_since_cs),
	offsetof(struct entry, heard_since_cs),
	offsetof(struct entry, segs_in),
	offsetof(struct entry, total_retrans),
};
enum {
	TIMES = 5, /* so many of them are times */
	ENTRY_MEMBERS = sizeof(entry_members) / sizeof(*entry_members),
};
_Static_assert(24 + 4 * ENTRY_MEMBERS + 8 == ENTRY_SIZE, "three u64, members, tail");

static uint32_t *member_of(struct entry *e, size_t i)
{
	return (uint32_t *)((char *)e + entry_members[i]);
}

static void put_entry(uint8_t *out, struct entry e, bool is_missed)
{
	unsigned flags = (e.is_state_since_exact ? STATE_EXACT : 0) |
			 (e.was_unread ? WAS_UNREAD : 0) |
			 (e.was_unsent ? WAS_UNSENT : 0) | (is_missed ? MISSED : 0);
	put_le64(out, e.cookie);
	put_le64(out + 8, e.consumed);
	put_le64(out + 16, e.progress);
	for (size_t i = 0; i < ENTRY_MEMBERS; i++)
		put_le32(out + 24 + 4 * i, *member_of(&e, i));
	put_le32(out + 52, e.total_retrans - e.retrans_since_progress);
	put_le16(out + 56, e.sample_count);
	out[58] = e.state;
	out[59] = (uint8_t)flags;
}

static void add_counts(const struct history *h, struct strbuf *out)
{
	uint32_t known = 0;
	add_u64(out, kernel_table_identity());
	add_u32(out, KERNEL_VALUE_COUNT);
	for (size_t i = 0; i < KERNEL_VALUE_COUNT; i++)
		add_u64(out, (uint64_t)h->last_kernel[i]);
	for (size_t i = 0; i < h->drops_count; i++)
		known += h->drops[i].last_pass == h->pass;
	add_u32(out, known);
	for (size_t i = 0; i < h->drops_count; i++) {
		if (h->drops[i].last_pass != h->pass)
			continue;
		add_u64(out, h->drops[i].cookie);
		add_u32(out, h->drops[i].last);
	}
}

void history_encode(const struct history *h, struct strbuf *out)
{
	uint8_t bytes[ENTRY_SIZE];
	add_u64(out, h->start_ms);
	add_u64(out, h->last_ms);
	add_counts(h, out);
	add_u32(out, (uint32_t)h->count);
	for (size_t i = 0; i < h->count; i++) {
		put_entry(bytes, h->entries[i],
			  history_passes_missed(h, &h->entries[i]));
		strbuf_add_len(out, (const char *)bytes, sizeof(bytes));
	}
}

/* Bytes that are still to be read. */
struct input {
	const uint8_t *at;
	size_t left;
};

/* The next `count` things of that size; NULL when there are fewer. */
static const uint8_t *take(struct input *in, uint64_t count, size_t size)
{
	if (count > in->left / size)
		return NULL;
	const uint8_t *start = in->at;
	in->at += count * size;
	in->left -= count * size;
	return start;
}

/* A number in front says how many follow. */
static const uint8_t *take_counted(struct input *in, size_t size, uint32_t *count)
{
	const uint8_t *head = take(in, 1, 4);
	if (!head)
		return NULL;
	*count = get_le32(head);
	return take(in, *count, size);
}

/* What the file holds, before any of it is believed. */
struct encoded {
	uint64_t start_ms, last_ms, identity;
	const uint8_t *kernel, *listeners, *entries;
	uint32_t kernel_count, listener_count, entry_count;
};

static bool find_parts(struct encoded *in, const uint8_t *bytes, size_t len)
{
	struct input input = { bytes, len };
	const uint8_t *head = take(&input, 1, HEAD_SIZE - 4);
	if (!head)
		return false;
	in->start_ms = get_le64(head);
	in->last_ms = get_le64(head + 8);
	in->identity = get_le64(head + 16);
	in->kernel = take_counted(&input, 8, &in->kernel_count);
	if (in->kernel)
		in->listeners =
			take_counted(&input, LISTENER_SIZE, &in->listener_count);
	if (in->listeners)
		in->entries = take_counted(&input, ENTRY_SIZE, &in->entry_count);
	return in->entries && input.left == 0 && in->start_ms <= in->last_ms;
}

static void take_counts(struct history *h, const struct encoded *in)
{
	if (in->identity != kernel_table_identity() ||
	    in->kernel_count != KERNEL_VALUE_COUNT)
		return;
	for (size_t i = 0; i < KERNEL_VALUE_COUNT; i++)
		h->first_kernel[i] = (int64_t)get_le64(in->kernel + 8 * i);
	for (size_t i = 0; i < in->listener_count; i++) {
		const uint8_t *p = in->listeners + LISTENER_SIZE * i;
		history_drops_of(h, get_le64(p), get_le32(p + 8));
	}
	h->has_earlier_counts = true;
}

/*
 * False for an entry that cannot be: its times lie behind the last run. A time
 * before the new start becomes the start, which is a lower bound of the age.
 */
static bool get_entry(struct entry *e, const uint8_t *in, uint32_t last_cs,
		      uint32_t shift_cs)
{
	unsigned flags = in[59];
	*e = (struct entry){
		.cookie = get_le64(in),
		.consumed = (uint32_t)get_le64(in + 8),
		.progress = get_le64(in + 16),
		.sample_count = get_le16(in + 56),
		.state = in[58],
		.was_unread = flags & WAS_UNREAD,
		.was_unsent = flags & WAS_UNSENT,
		.last_pass = flags & MISSED ? 0 : 1,
	};
	for (size_t i = 0; i < ENTRY_MEMBERS; i++)
		*member_of(e, i) = get_le32(in + 24 + 4 * i);
	e->retrans_since_progress = history_u16(e->total_retrans - get_le32(in + 52));
	e->is_state_since_exact =
		(flags & STATE_EXACT) && e->state_since_cs >= shift_cs;
	for (size_t i = 0; i < TIMES; i++) {
		uint32_t *time = member_of(e, i);
		if (*time > last_cs)
			return false;
		*time = *time > shift_cs ? *time - shift_cs : 0;
	}
	return true;
}

static void take_entries(struct history *h, const struct encoded *in)
{
	uint32_t last_cs = (uint32_t)((in->last_ms - in->start_ms) / 10);
	uint32_t shift_cs = (uint32_t)((h->start_ms - in->start_ms) / 10);
	array_reserve(&h->entries, &h->capacity, in->entry_count, sizeof(*h->entries));
	history_rebuild_index(h, in->entry_count);
	for (size_t i = 0; i < in->entry_count; i++) {
		struct entry *e = &h->entries[h->count];
		if (get_entry(e, in->entries + ENTRY_SIZE * i, last_cs, shift_cs) &&
		    history_insert(h, e->cookie) == h->count)
			h->count++;
	}
}

bool history_decode(struct history *h, const uint8_t *bytes, size_t len,
		    uint64_t now_ms)
{
	struct encoded in = { 0 };
	if (!find_parts(&in, bytes, len) || in.last_ms > now_ms ||
	    (in.last_ms - in.start_ms) / 10 > UINT32_MAX)
		return false;
	uint64_t oldest_ms = now_ms > AGE_MAX_MS ? now_ms - AGE_MAX_MS : 0;
	/* All times of the file lie before the new start: nothing is left of them. */
	if (in.last_ms <= oldest_ms)
		return true;
	h->start_ms = in.start_ms < oldest_ms ? oldest_ms : in.start_ms;
	h->last_ms = in.last_ms;
	if (now_ms - in.last_ms <= COUNTS_GAP_MAX_MS)
		take_counts(h, &in);
	take_entries(h, &in);
	h->pass = 1;
	h->is_resumed = true;
	return true;
}

void history_forget_counts(struct history *h)
{
	h->has_earlier_counts = false;
	h->drops_count = 0;
	u64_map_reset(&h->drops_index);
}
