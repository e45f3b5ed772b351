/* SPDX-License-Identifier: MIT */
#include "conn-doctor/history.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

/*
 * One entry for each cookie, found through an index of row numbers. Times are
 * hundredths of a second since the first pass (u32: 497 days), because in
 * `watch` every socket of the host has an entry.
 */
struct entry {
	uint64_t cookie;
	uint64_t consumed;
	uint64_t progress;
	uint32_t first_seen_cs;
	uint32_t state_since_cs;
	uint32_t unread_since_cs;
	uint32_t stalled_since_cs;
	uint32_t heard_since_cs;
	uint32_t segs_in;
	uint32_t total_retrans;
	uint32_t retrans_at_progress;
	uint32_t last_pass;
	uint16_t retrans_recent;
	uint16_t sample_count;
	uint8_t state;
	bool is_state_since_exact;
	bool has_progressed;
	bool has_consumed;
};

struct history {
	uint64_t start_ms;
	uint32_t pass;
	struct entry *entries;
	size_t count, capacity;
	uint32_t *slots; /* entry + 1, 0 = free; open addressing, power of two */
	size_t slot_count;
	struct u64_map first_drops; /* listener's cookie -> sk_drops at first sight */
	int64_t first_kernel[KERNEL_VALUE_COUNT];
	int64_t last_kernel[KERNEL_VALUE_COUNT];
};

struct history *history_new(void)
{
	return xcalloc(1, sizeof(struct history));
}

void history_free(struct history *h)
{
	if (!h)
		return;
	free(h->entries);
	free(h->slots);
	u64_map_clear(&h->first_drops);
	free(h);
}

static uint32_t *slot_of(const struct history *h, uint64_t cookie)
{
	size_t mask = h->slot_count - 1;
	size_t i = (size_t)u64_hash(cookie) & mask;
	while (h->slots[i] && h->entries[h->slots[i] - 1].cookie != cookie)
		i = (i + 1) & mask;
	return &h->slots[i];
}

static void rebuild_slots(struct history *h, size_t need)
{
	size_t count = 256;
	while (need > count / 4 * 3)
		count *= 2;
	if (count != h->slot_count) {
		free(h->slots);
		h->slots = xcalloc(count, sizeof(*h->slots));
		h->slot_count = count;
	} else {
		memset(h->slots, 0, count * sizeof(*h->slots));
	}
	for (size_t i = 0; i < h->count; i++)
		*slot_of(h, h->entries[i].cookie) = (uint32_t)i + 1;
}

static uint64_t consumed_of(const struct tcp_socket *sk)
{
	return sk->bytes_received > sk->recv_queue ? sk->bytes_received - sk->recv_queue
						   : 0;
}

static void begin_entry(struct entry *e, const struct tcp_socket *sk, uint32_t now_cs)
{
	*e = (struct entry){
		.cookie = sk->cookie,
		.consumed = consumed_of(sk),
		.progress = sk->bytes_acked,
		.first_seen_cs = now_cs,
		.state_since_cs = now_cs,
		.unread_since_cs = now_cs,
		.stalled_since_cs = now_cs,
		.heard_since_cs = now_cs,
		.segs_in = sk->segs_in,
		.total_retrans = sk->total_retrans,
		.retrans_at_progress = sk->total_retrans,
		.state = sk->state,
	};
}

static void follow_entry(struct entry *e, const struct tcp_socket *sk, uint32_t now_cs)
{
	if (e->state != sk->state) {
		e->state = sk->state;
		e->state_since_cs = now_cs;
		e->is_state_since_exact = true;
	}
	/* A clock runs only while something waits: an idle hour is no stall. */
	e->has_consumed = e->consumed != consumed_of(sk);
	if (e->has_consumed || sk->recv_queue == 0)
		e->unread_since_cs = now_cs;
	e->consumed = consumed_of(sk);
	e->has_progressed = e->progress != sk->bytes_acked;
	if (e->has_progressed || sk->send_queue == 0) {
		e->stalled_since_cs = now_cs;
		e->retrans_at_progress = sk->total_retrans;
	}
	e->progress = sk->bytes_acked;
	if (e->segs_in != sk->segs_in) {
		e->segs_in = sk->segs_in;
		e->heard_since_cs = now_cs;
	}
	uint32_t grown = sk->total_retrans - e->total_retrans;
	e->retrans_recent = grown < UINT16_MAX ? (uint16_t)grown : UINT16_MAX;
	e->total_retrans = sk->total_retrans;
}

static void update_socket(struct history *h, const struct tcp_socket *sk,
			  uint32_t now_cs)
{
	if (h->count >= h->slot_count / 4 * 3)
		rebuild_slots(h, h->count + 1);
	uint32_t *slot = slot_of(h, sk->cookie);
	struct entry *e;
	if (*slot) {
		e = &h->entries[*slot - 1];
		follow_entry(e, sk, now_cs);
	} else {
		array_reserve(&h->entries, &h->capacity, h->count + 1,
			      sizeof(*h->entries));
		e = &h->entries[h->count++];
		begin_entry(e, sk, now_cs);
		*slot = (uint32_t)h->count;
	}
	e->last_pass = h->pass;
	if (e->sample_count < UINT16_MAX)
		e->sample_count++;
	bool is_new;
	if (sk->state == TCP_STATE_LISTEN && (sk->has & TCP_HAS_DROPS)) {
		uint32_t *first = u64_map_insert(&h->first_drops, sk->cookie, &is_new);
		if (is_new)
			*first = sk->drops;
	}
}

/* Drops what two passes in a row did not show. */
static void forget_gone(struct history *h)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->count; i++)
		if (h->entries[i].last_pass + 1 >= h->pass)
			h->entries[kept++] = h->entries[i];
	if (kept == h->count)
		return;
	h->count = kept;
	rebuild_slots(h, kept);
}

void history_update(struct history *h, const struct snapshot *snap)
{
	if (h->pass == 0) {
		h->start_ms = snap->monotonic_ms;
		memcpy(h->first_kernel, snap->kernel, sizeof(h->first_kernel));
	}
	memcpy(h->last_kernel, snap->kernel, sizeof(h->last_kernel));
	h->pass++;
	/* A recording may hold a clock that goes back. */
	uint64_t elapsed_ms =
		snap->monotonic_ms > h->start_ms ? snap->monotonic_ms - h->start_ms : 0;
	uint32_t now_cs = (uint32_t)(elapsed_ms / 10);
	if (h->slot_count == 0)
		rebuild_slots(h, snap->socket_count);
	for (size_t i = 0; i < snap->socket_count; i++)
		update_socket(h, &snap->sockets[i], now_cs);
	forget_gone(h);
}

bool history_find(const struct history *h, uint64_t cookie, struct socket_past *out)
{
	uint32_t *slot = h && h->slot_count ? slot_of(h, cookie) : NULL;
	if (!slot || !*slot)
		return false;
	const struct entry *e = &h->entries[*slot - 1];
	*out = (struct socket_past){
		.first_seen_ms = h->start_ms + e->first_seen_cs * 10ULL,
		.state_since_ms = h->start_ms + e->state_since_cs * 10ULL,
		.unread_since_ms = h->start_ms + e->unread_since_cs * 10ULL,
		.stalled_since_ms = h->start_ms + e->stalled_since_cs * 10ULL,
		.heard_since_ms = h->start_ms + e->heard_since_cs * 10ULL,
		.retrans_since_progress = e->total_retrans - e->retrans_at_progress,
		.retrans_recent = e->retrans_recent,
		.sample_count = e->sample_count,
		.is_state_since_exact = e->is_state_since_exact,
		.has_progressed = e->has_progressed,
		.has_consumed = e->has_consumed,
	};
	return true;
}

size_t history_pass_count(const struct history *h)
{
	return h->pass;
}

int64_t history_counter_growth(const struct history *h, enum kernel_value value)
{
	if (!h || h->pass == 0 || h->first_kernel[value] < 0 ||
	    h->last_kernel[value] < 0)
		return -1;
	int64_t grown = h->last_kernel[value] - h->first_kernel[value];
	return grown > 0 ? grown : 0;
}

uint32_t history_drops_growth(const struct history *h, uint64_t cookie, uint32_t drops)
{
	const uint32_t *first = h ? u64_map_find(&h->first_drops, cookie) : NULL;
	return first ? drops - *first : 0;
}
