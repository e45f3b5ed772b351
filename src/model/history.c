/* SPDX-License-Identifier: MIT */
#include "conn-doctor/history.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "history_parts.h"

struct history *history_new(void)
{
	return xcalloc(1, sizeof(struct history));
}

void history_free(struct history *h)
{
	if (!h)
		return;
	free(h->entries);
	row_index_clear(&h->index);
	free(h->drops);
	u64_map_clear(&h->drops_index);
	free(h);
}

_Static_assert(offsetof(struct entry, cookie) == 0, "what row_index looks at");

uint32_t history_insert(struct history *h, uint64_t cookie)
{
	return row_index_insert(&h->index, h->entries, sizeof(*h->entries), cookie,
				(uint32_t)h->count);
}

void history_rebuild_index(struct history *h, size_t need)
{
	row_index_reset(&h->index, need);
	for (size_t i = 0; i < h->count; i++)
		row_index_insert(&h->index, h->entries, sizeof(*h->entries),
				 h->entries[i].cookie, (uint32_t)i);
}

static uint32_t consumed_of(const struct tcp_socket *sk)
{
	return (uint32_t)tcp_socket_consumed(sk);
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
		.state = sk->state,
		.was_unread = sk->recv_queue > 0,
		.was_unsent = sk->send_queue > 0,
	};
}

/* How far the pass is from the one before it. */
struct step {
	uint32_t now_cs;
	uint32_t before_cs;
	bool is_long;  /* a change between the two has no exact time */
	bool is_blind; /* nor does it say what moves now: the first after a restore */
};

/*
 * Beyond this the time of a change is a guess. `check` and `watch` look again
 * after one or two seconds; a report tells times of minutes.
 */
enum { EXACT_STEP_MS = 10000 };

/* bytes_acked only grows, unless the socket was disconnected and used anew. */
static bool is_used_anew(const struct entry *e, const struct tcp_socket *sk)
{
	return e->state == sk->state && (sk->has & TCP_HAS_BYTES) &&
	       sk->bytes_acked < e->progress;
}

static bool has_moved(const struct entry *e, const struct tcp_socket *sk)
{
	return e->state != sk->state || e->consumed != consumed_of(sk) ||
	       e->progress != sk->bytes_acked || (sk->recv_queue && !e->was_unread) ||
	       (sk->send_queue && !e->was_unsent);
}

static void follow_state(struct entry *e, const struct tcp_socket *sk,
			 const struct step *t)
{
	if (e->state == sk->state)
		return;
	e->state = sk->state;
	e->state_since_cs = t->now_cs;
	e->is_state_since_exact = !t->is_long;
}

/* A clock runs only while something waits: an idle hour is no stall. */
static void follow_receiving(struct entry *e, const struct tcp_socket *sk,
			     const struct step *t)
{
	bool has_consumed = e->consumed != consumed_of(sk);
	if (has_consumed || !e->was_unread || sk->recv_queue == 0)
		e->unread_since_cs = t->now_cs;
	e->has_consumed = has_consumed && !t->is_blind;
	e->consumed = consumed_of(sk);
	e->was_unread = sk->recv_queue > 0;
}

static void follow_retrans(struct entry *e, const struct tcp_socket *sk,
			   const struct step *t, bool is_anew)
{
	/* A socket that connects for the second time counts from zero. */
	bool is_reset = sk->total_retrans < e->total_retrans;
	uint32_t grown = sk->total_retrans - (is_reset ? 0 : e->total_retrans);
	uint32_t before = is_reset ? 0 : e->retrans_since_progress;
	e->retrans_since_progress =
		is_anew ? 0 : history_u16(before + history_u16(grown));
	e->retrans_recent = t->is_blind ? 0 : history_u16(grown);
	e->total_retrans = sk->total_retrans;
}

static void follow_sending(struct entry *e, const struct tcp_socket *sk,
			   const struct step *t)
{
	bool has_progressed = e->progress != sk->bytes_acked;
	if (has_progressed || !e->was_unsent || sk->send_queue == 0)
		e->stalled_since_cs = t->now_cs;
	e->has_progressed = has_progressed && !t->is_blind;
	e->progress = sk->bytes_acked;
	e->was_unsent = sk->send_queue > 0;
	follow_retrans(e, sk, t, has_progressed || sk->send_queue == 0);
}

static void follow_peer(struct entry *e, const struct tcp_socket *sk,
			const struct step *t)
{
	if (e->segs_in == sk->segs_in)
		return;
	e->segs_in = sk->segs_in;
	/* Somewhere in a long gap: what rests on it must hold for all of it. */
	e->heard_since_cs = t->is_blind ? t->before_cs : t->now_cs;
}

static void follow_entry(struct entry *e, const struct tcp_socket *sk,
			 const struct step *t)
{
	if (is_used_anew(e, sk)) {
		begin_entry(e, sk, t->now_cs);
		return;
	}
	/* What moved unseen is judged as at first sight: this look stands alone. */
	if (t->is_blind && has_moved(e, sk))
		e->sample_count = 0;
	follow_state(e, sk, t);
	follow_receiving(e, sk, t);
	follow_sending(e, sk, t);
	follow_peer(e, sk, t);
}

struct drops *history_drops_of(struct history *h, uint64_t cookie, uint32_t drops)
{
	bool is_new;
	uint32_t *index = u64_map_insert(&h->drops_index, cookie, &is_new);
	if (!is_new)
		return &h->drops[*index];
	array_reserve(&h->drops, &h->drops_capacity, h->drops_count + 1,
		      sizeof(*h->drops));
	*index = (uint32_t)h->drops_count;
	h->drops[h->drops_count] = (struct drops){ .cookie = cookie, .first = drops };
	return &h->drops[h->drops_count++];
}

static void update_drops(struct history *h, const struct tcp_socket *sk)
{
	if (sk->state != TCP_STATE_LISTEN || !(sk->has & TCP_HAS_DROPS))
		return;
	struct drops *d = history_drops_of(h, sk->cookie, sk->drops);
	d->last = sk->drops;
	d->last_pass = h->pass;
}

static void update_socket(struct history *h, const struct tcp_socket *sk,
			  const struct step *t)
{
	if (h->count == h->index.room)
		history_rebuild_index(h, h->count + h->count / 2 + 1);
	uint32_t row = history_insert(h, sk->cookie);
	bool is_new = row == h->count;
	if (is_new)
		array_reserve(&h->entries, &h->capacity, ++h->count,
			      sizeof(*h->entries));
	struct entry *e = &h->entries[row];
	if (is_new)
		begin_entry(e, sk, t->now_cs);
	else
		follow_entry(e, sk, t);
	e->last_pass = h->pass % 4;
	if (e->sample_count < UINT16_MAX)
		e->sample_count++;
	h->new_count += e->sample_count == 1;
	update_drops(h, sk);
}

/* Drops what two passes in a row did not show. */
static void forget_gone(struct history *h)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->count; i++)
		if (history_passes_missed(h, &h->entries[i]) < 2)
			h->entries[kept++] = h->entries[i];
	if (kept == h->count)
		return;
	h->count = kept;
	history_rebuild_index(h, kept);
}

static uint32_t since_start_cs(const struct history *h, uint64_t ms)
{
	/* A recording may hold a clock that goes back. */
	return ms > h->start_ms ? (uint32_t)((ms - h->start_ms) / 10) : 0;
}

static struct step step_to(const struct history *h, uint64_t now_ms)
{
	bool is_long = h->pass > 0 && now_ms > h->last_ms + EXACT_STEP_MS;
	return (struct step){
		.now_cs = since_start_cs(h, now_ms),
		.before_cs = since_start_cs(h, h->last_ms),
		.is_long = is_long,
		.is_blind = is_long && h->is_resumed,
	};
}

void history_update(struct history *h, const struct snapshot *snap)
{
	if (h->pass == 0)
		h->start_ms = h->last_ms = snap->monotonic_ms;
	if (!h->has_earlier_counts && (h->pass == 0 || h->is_resumed))
		memcpy(h->first_kernel, snap->kernel, sizeof(h->first_kernel));
	memcpy(h->last_kernel, snap->kernel, sizeof(h->last_kernel));
	struct step step = step_to(h, snap->monotonic_ms);
	h->pass++;
	h->new_count = 0;
	if (h->index.room == 0)
		history_rebuild_index(h, snap->socket_count);
	for (size_t i = 0; i < snap->socket_count; i++)
		update_socket(h, &snap->sockets[i], &step);
	forget_gone(h);
	h->last_ms = snap->monotonic_ms;
	h->is_resumed = false;
}

bool history_find(const struct history *h, uint64_t cookie, struct socket_past *out)
{
	uint32_t row =
		h ? row_index_find(&h->index, h->entries, sizeof(*h->entries), cookie)
		  : ROW_NONE;
	if (row == ROW_NONE)
		return false;
	const struct entry *e = &h->entries[row];
	*out = (struct socket_past){
		.first_seen_ms = h->start_ms + e->first_seen_cs * 10ULL,
		.state_since_ms = h->start_ms + e->state_since_cs * 10ULL,
		.unread_since_ms = h->start_ms + e->unread_since_cs * 10ULL,
		.stalled_since_ms = h->start_ms + e->stalled_since_cs * 10ULL,
		.heard_since_ms = h->start_ms + e->heard_since_cs * 10ULL,
		.retrans_since_progress = e->retrans_since_progress,
		.retrans_recent = e->retrans_recent,
		.sample_count = e->sample_count,
		.is_state_since_exact = e->is_state_since_exact,
		.has_progressed = e->has_progressed,
		.has_consumed = e->has_consumed,
	};
	return true;
}

size_t history_count(const struct history *h)
{
	return h ? h->count : 0;
}

size_t history_new_count(const struct history *h)
{
	return h ? h->new_count : 0;
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
	const uint32_t *index = h ? u64_map_find(&h->drops_index, cookie) : NULL;
	return index ? drops - h->drops[*index].first : 0;
}

bool history_counts_since_last_run(const struct history *h)
{
	return h && h->has_earlier_counts;
}
