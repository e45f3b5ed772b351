/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/frame.h"
#include "conn-doctor/memory.h"
#include "state_parts.h"

/*
 * u32 count, then for each: five u64 (fingerprint, filter, first, since, last), five
 * bytes (severity, confidence, who acts, open, recovering), a byte of no meaning,
 * u16 port, u64 count of connections plus 1 (0 = none), four u16 lengths, and so
 * many bytes of code, listener, peer, summary.
 */
enum {
	EPISODE_SIZE = 40 + 6 + 2 + 8 + 8,
	LENGTHS_AT = 56,
	TEXTS = 4,
	SUMMARY_MAX = 1000
};

/* More connections than any host has; doubles count exactly up to there. */
#define VALUE_MAX (UINT64_C(1) << 40)

void episodes_clear(struct episodes *all)
{
	for (size_t i = 0; i < all->count; i++)
		free(all->items[i].summary);
	free(all->items);
	*all = (struct episodes){ 0 };
}

struct episode *episodes_add(struct episodes *all)
{
	array_reserve(&all->items, &all->capacity, all->count + 1, sizeof(*all->items));
	struct episode *e = &all->items[all->count++];
	*e = (struct episode){ .value = NAN, .value_before = NAN };
	return e;
}

static void encode_episode(const struct episode *e, struct strbuf *out)
{
	const char *texts[TEXTS] = { finding_table[e->kind].code, e->listener, e->peer,
				     e->summary };
	uint8_t bytes[EPISODE_SIZE] = { [40] = (uint8_t)e->severity,
					[41] = (uint8_t)e->confidence,
					[42] = (uint8_t)e->acts,
					[43] = e->is_open,
					[44] = e->is_recovering };
	put_le64(bytes, e->fingerprint);
	put_le64(bytes + 8, e->filter);
	put_le64(bytes + 16, e->first_ms);
	put_le64(bytes + 24, e->since_ms);
	put_le64(bytes + 32, e->last_ms);
	put_le16(bytes + 46, e->port);
	put_le64(bytes + 48, e->value >= 0 ? (uint64_t)e->value + 1 : 0);
	for (size_t i = 0; i < TEXTS; i++)
		put_le16(bytes + LENGTHS_AT + 2 * i,
			 (uint16_t)strnlen(texts[i], SUMMARY_MAX));
	strbuf_add_len(out, (const char *)bytes, sizeof(bytes));
	for (size_t i = 0; i < TEXTS; i++)
		strbuf_add_len(out, texts[i], strnlen(texts[i], SUMMARY_MAX));
}

void episodes_encode(const struct episodes *all, struct strbuf *out)
{
	uint8_t count[4];
	put_le32(count, (uint32_t)all->count);
	strbuf_add_len(out, (const char *)count, sizeof(count));
	for (size_t i = 0; i < all->count; i++)
		encode_episode(&all->items[i], out);
}

/* FINDING_KIND_COUNT: this version has no such check. */
static enum finding_kind kind_of(const char *code, size_t len)
{
	enum finding_kind kind = 0;
	while (kind < FINDING_KIND_COUNT &&
	       (strlen(finding_table[kind].code) != len ||
		memcmp(finding_table[kind].code, code, len) != 0))
		kind++;
	return kind;
}

static bool decode_numbers(struct episode *e, const uint8_t *in, uint64_t now_ms)
{
	*e = (struct episode){
		.fingerprint = get_le64(in),
		.filter = get_le64(in + 8),
		.first_ms = get_le64(in + 16),
		.since_ms = get_le64(in + 24),
		.last_ms = get_le64(in + 32),
		.severity = (enum severity)in[40],
		.confidence = (enum confidence)in[41],
		.acts = (enum acts)in[42],
		.is_open = in[43] & 1,
		.is_recovering = in[44] & 1,
		.port = get_le16(in + 46),
		.value = NAN,
		.value_before = NAN,
	};
	uint64_t value = get_le64(in + 48);
	if (value > 0 && value <= VALUE_MAX)
		e->value = (double)(value - 1);
	return in[40] <= SEVERITY_CRITICAL && in[41] <= CONFIDENCE_PROVEN &&
	       in[42] <= ACTS_NETWORK && e->first_ms <= e->since_ms &&
	       e->since_ms <= e->last_ms && e->last_ms <= now_ms;
}

static bool decode_texts(struct episode *e, const uint8_t *lengths, const char *text)
{
	size_t code = get_le16(lengths), listener = get_le16(lengths + 2),
	       peer = get_le16(lengths + 4), summary = get_le16(lengths + 6);
	if (listener >= sizeof(e->listener) || peer >= sizeof(e->peer) ||
	    summary > SUMMARY_MAX)
		return false;
	e->kind = kind_of(text, code);
	memcpy(e->listener, text + code, listener);
	memcpy(e->peer, text + code + listener, peer);
	e->summary = xstrndup(text + code + listener + peer, summary);
	return true;
}

/* How long it is, 0 = cannot be. One of an unknown kind is passed over. */
static size_t decode_episode(struct episodes *all, const uint8_t *in, size_t len,
			     uint64_t now_ms)
{
	struct episode e;
	size_t size = EPISODE_SIZE;
	if (len < size || !decode_numbers(&e, in, now_ms))
		return 0;
	for (size_t i = 0; i < TEXTS; i++)
		size += get_le16(in + LENGTHS_AT + 2 * i);
	if (len < size ||
	    !decode_texts(&e, in + LENGTHS_AT, (const char *)in + EPISODE_SIZE))
		return 0;
	if (e.kind == FINDING_KIND_COUNT)
		free(e.summary);
	else
		*episodes_add(all) = e;
	return size;
}

bool episodes_decode(struct episodes *all, const uint8_t *bytes, size_t len,
		     uint64_t now_ms)
{
	if (len < 4)
		return false;
	uint32_t count = get_le32(bytes);
	bytes += 4;
	len -= 4;
	for (uint32_t i = 0; i < count; i++) {
		size_t size = decode_episode(all, bytes, len, now_ms);
		if (size == 0)
			return false;
		bytes += size;
		len -= size;
	}
	return len == 0;
}
