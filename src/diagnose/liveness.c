/* SPDX-License-Identifier: MIT */
#include "conn-doctor/memory.h"
#include "finding_groups.h"

/*
 * Signs of life: a worker that answers others meanwhile is slow, not stuck. What
 * refutes "stuck" is a reply, or a connection closed, since the oldest that waits
 * came. Of what is in the send buffer still, the kernel may be the only mover: then
 * the newest bytes from the peer, which were read, tell when the worker was alive.
 */

/* A TIME_WAIT may be young because the peer closed late; two in a row are closes. */
enum { TIME_WAIT_MS = 60000, CLOSES_MIN = LIFE_CLOSES };

static bool is_reply(const struct tcp_socket *sk)
{
	return sk->inode && (sk->has & TCP_HAS_INFO) && (sk->has & TCP_HAS_NOTSENT) &&
	       (sk->state == TCP_STATE_ESTABLISHED ||
		sk->state == TCP_STATE_CLOSE_WAIT) &&
	       sk->data_segs_out && !sk->recv_queue;
}

static uint32_t reply_age_ms(const struct tcp_socket *sk)
{
	return sk->send_queue && sk->last_data_recv_ms > sk->last_data_sent_ms
		       ? sk->last_data_recv_ms
		       : sk->last_data_sent_ms;
}

static bool is_closed_here(const struct tcp_socket *sk)
{
	return sk->state == TCP_STATE_TIME_WAIT && sk->expires_ms <= TIME_WAIT_MS;
}

static struct life_sign *sign_of(struct report *r, int32_t service, int32_t process)
{
	bool is_new;
	uint64_t key = (uint64_t)service << 32 | (uint32_t)(process + 1);
	uint32_t *index = u64_map_insert(&r->life_index, key, &is_new);
	if (is_new) {
		array_reserve(&r->life_signs, &r->life_sign_capacity,
			      r->life_sign_count + 1, sizeof(*r->life_signs));
		*index = (uint32_t)r->life_sign_count;
		r->life_signs[r->life_sign_count++] =
			(struct life_sign){ UINT32_MAX, { UINT32_MAX, UINT32_MAX } };
	}
	return &r->life_signs[*index];
}

static void note_reply(struct life_sign *sign, uint32_t age_ms)
{
	if (age_ms < sign->replied_ms)
		sign->replied_ms = age_ms;
}

/* The youngest CLOSES_MIN are kept, youngest first. */
static void note_close(struct life_sign *sign, uint32_t age_ms)
{
	for (size_t i = 0; i < CLOSES_MIN; i++) {
		uint32_t older = sign->closed_ms[i];
		if (age_ms >= older)
			continue;
		sign->closed_ms[i] = age_ms;
		age_ms = older;
	}
}

/* One look at the rows for all services and workers, whoever asks later. */
void life_signs_build(struct report *r)
{
	r->life_sign_count = 0;
	u64_map_reset(&r->life_index);
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[i];
		bool is_closed = is_closed_here(sk);
		int32_t service = is_closed || is_reply(sk)
					  ? service_index(r, (uint32_t)i)
					  : NO_INDEX;
		if (service == NO_INDEX)
			continue;
		if (is_closed) {
			note_close(sign_of(r, service, NO_INDEX),
				   TIME_WAIT_MS - sk->expires_ms);
			continue;
		}
		int32_t process = process_index(r, (uint32_t)i);
		note_reply(sign_of(r, service, NO_INDEX), reply_age_ms(sk));
		if (process != NO_INDEX)
			note_reply(sign_of(r, service, process), reply_age_ms(sk));
	}
}

int64_t answered_ms(const struct report *r, int32_t service, int32_t process,
		    int64_t within_ms)
{
	uint64_t key = (uint64_t)service << 32 | (uint32_t)(process + 1);
	const uint32_t *index =
		service == NO_INDEX ? NULL : u64_map_find(&r->life_index, key);
	if (!index)
		return -1;
	const struct life_sign *sign = &r->life_signs[*index];
	/* Closed connections have no owner: they speak for a single worker only. */
	bool is_counted =
		process == NO_INDEX && sign->closed_ms[CLOSES_MIN - 1] < within_ms;
	int64_t least = sign->replied_ms;
	if (is_counted && sign->closed_ms[0] < least)
		least = sign->closed_ms[0];
	return least < within_ms ? least : -1;
}
