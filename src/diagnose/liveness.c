/* SPDX-License-Identifier: MIT */
#include "finding_groups.h"

/*
 * Signs of life: a worker that answers others meanwhile is slow, not stuck. What
 * refutes "stuck" is a reply, or a connection closed, since the oldest that waits
 * came. Of what is in the send buffer still, the kernel may be the only mover.
 */

/* A TIME_WAIT may be young because the peer closed late; two in a row are closes. */
enum { TIME_WAIT_MS = 60000, CLOSES_MIN = 2 };

static bool is_reply(const struct tcp_socket *sk)
{
	return sk->inode && (sk->has & TCP_HAS_INFO) && (sk->has & TCP_HAS_NOTSENT) &&
	       (sk->state == TCP_STATE_ESTABLISHED ||
		sk->state == TCP_STATE_CLOSE_WAIT) &&
	       sk->data_segs_out && !sk->send_queue && !sk->recv_queue;
}

static bool is_closed_here(const struct tcp_socket *sk)
{
	return sk->state == TCP_STATE_TIME_WAIT && sk->expires_ms <= TIME_WAIT_MS;
}

/* Of the worker itself, or of any where they share one queue. */
static bool is_its(const struct report *r, uint32_t row, int32_t process)
{
	return process == NO_INDEX || process_index(r, row) == process;
}

int64_t answered_ms(const struct report *r, int32_t service, int32_t process,
		    int64_t within_ms)
{
	int64_t replied = within_ms, closed = within_ms;
	size_t close_count = 0;
	for (size_t i = 0; service != NO_INDEX && i < r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[i];
		uint32_t row = (uint32_t)i;
		if (sk->local_port != r->services[service].port ||
		    service_index(r, row) != service)
			continue;
		if (is_reply(sk) && sk->last_data_sent_ms < replied &&
		    is_its(r, row, process))
			replied = sk->last_data_sent_ms;
		int64_t age = TIME_WAIT_MS - (int64_t)sk->expires_ms;
		if (!is_closed_here(sk) || age >= within_ms)
			continue;
		close_count++;
		closed = age < closed ? age : closed;
	}
	/* Closed connections have no owner: they speak for a single worker only. */
	bool is_counted = close_count >= CLOSES_MIN && process == NO_INDEX;
	int64_t least = is_counted && closed < replied ? closed : replied;
	return least < within_ms ? least : -1;
}
