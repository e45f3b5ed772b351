/* SPDX-License-Identifier: MIT */
#include "recording_delta.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "recording_format.h"

/*
 * Ten thousand quiet connections give 5 MB a pass in which only timers move.
 * zstd against the pass before is not enough: the timers of each row change, by
 * the same amount but from values that have nothing in common. So a pass is cut
 * into units (a netlink message, another item), each unit is looked up in the
 * pass before, and only the difference of their 32-bit words is compressed: one
 * pattern, thousands of times. What the lookup finds matters for the size only;
 * the frame says what was subtracted, so the reader knows nothing of units.
 */

/* Bytes that are looked for as a whole in the pass before. */
struct unit {
	uint64_t key; /* equal for "the same" unit of two passes */
	uint32_t at;
	uint32_t len;
	bool is_message; /* its words must stay words when segments are merged */
};

/* A run of bytes that is taken from one place of the pass before. */
struct segment {
	uint32_t len;
	uint32_t ref; /* offset into the pass before */
	bool is_literal;
};

void pass_bytes_reset(struct pass_bytes *pass)
{
	pass->len = pass->unit_count = 0;
	pass->netlink_count = 0;
	pass->realtime_ns = pass->monotonic_ms = 0;
	pass->is_too_large = false;
}

void pass_bytes_clear(struct pass_bytes *pass)
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

static void add_unit(struct pass_bytes *pass, uint64_t key, size_t at, size_t len,
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
static void add_netlink_units(struct pass_bytes *pass, size_t at, size_t head_len)
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

static void append(struct pass_bytes *pass, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(pass->bytes + pass->len, bytes, len);
	pass->len += len;
}

static void append_item(struct pass_bytes *pass, const struct item *item)
{
	uint8_t header[ITEM_HEADER_SIZE];
	put_le16(header, item->kind);
	put_le16(header + 2, item->key_len);
	put_le32(header + 4, item->len);
	append(pass, header, sizeof(header));
	append(pass, item->key, item->key_len);
	append(pass, item->data, item->len);
}

void pass_bytes_add(struct pass_bytes *pass, const struct item *item)
{
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

static const struct unit *unit_before(const struct delta *d,
				      const struct pass_bytes *base,
				      const struct unit *unit)
{
	const uint32_t *index = u64_map_find(&d->base_units, unit->key);
	if (!index || base->units[*index].len != unit->len)
		return NULL;
	return &base->units[*index];
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

/* Finds the units of this pass in the one before. */
static void plan_segments(struct delta *d, const struct pass_bytes *base_pass,
			  const struct pass_bytes *now)
{
	d->literal_bytes = 0;
	d->segment_count = 0;
	for (size_t i = 0; i < now->unit_count; i++) {
		const struct unit *unit = &now->units[i],
				  *base = unit_before(d, base_pass, unit);
		d->literal_bytes += base ? 0 : unit->len;
		if (d->segment_count > 0 &&
		    continues(&d->segments[d->segment_count - 1], unit, base)) {
			d->segments[d->segment_count - 1].len += unit->len;
			continue;
		}
		array_reserve(&d->segments, &d->segment_capacity, d->segment_count + 1,
			      sizeof(*d->segments));
		d->segments[d->segment_count++] = (struct segment){
			.len = unit->len,
			.ref = base ? base->at : 0,
			.is_literal = !base,
		};
	}
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

static void build_plain(struct delta *d, const struct pass_bytes *before,
			const struct pass_bytes *now_pass)
{
	d->plain_len = d->segment_count * SEGMENT_SIZE + now_pass->len;
	array_reserve(&d->plain, &d->plain_capacity, d->plain_len, 1);
	uint8_t *entry = d->plain, *out = d->plain + d->segment_count * SEGMENT_SIZE;
	const uint8_t *now = now_pass->bytes;
	uint32_t expected = 0; /* where the segment starts if nothing came or went */
	for (size_t i = 0; i < d->segment_count; i++) {
		const struct segment *s = &d->segments[i];
		put_le32(entry, s->len);
		if (s->is_literal) {
			put_le32(entry + 4, SEGMENT_LITERAL);
			memcpy(out, now, s->len);
		} else {
			put_le32(entry + 4, s->ref - expected);
			subtract(out, now, before->bytes + s->ref, s->len);
			expected = s->ref + s->len;
		}
		entry += SEGMENT_SIZE;
		out += s->len;
		now += s->len;
	}
}

void delta_make(struct delta *d, const struct pass_bytes *base,
		const struct pass_bytes *now)
{
	plan_segments(d, base, now);
	build_plain(d, base, now);
}

void delta_set_base(struct delta *d, const struct pass_bytes *base)
{
	u64_map_reset(&d->base_units);
	u64_map_reserve(&d->base_units, base->unit_count);
	for (size_t i = 0; i < base->unit_count; i++) {
		bool is_new;
		uint32_t *index =
			u64_map_insert(&d->base_units, base->units[i].key, &is_new);
		if (is_new)
			*index = (uint32_t)i;
	}
}

void delta_clear(struct delta *d)
{
	u64_map_clear(&d->base_units);
	free(d->segments);
	free(d->plain);
}
