/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "context.h"

/*
 * Values that follow from a row and its past, each computed in one place. The
 * meaning of the kernel's fields, and the traps in them: kernel-facts.md 2-4.
 */

/* tcp_rto_max and the smallest RTO, as compiled into the kernel (ms). */
enum { RTO_MAX_MS = 120000, RTO_MIN_MS = 200 };

/* States in which a full socket carries the tcp_info clocks. */
static bool has_clocks(const struct tcp_socket *sk)
{
	/* In SYN_SENT the last_* fields hold the time since boot. */
	return (sk->has & TCP_HAS_INFO) && sk->state != TCP_STATE_SYN_SENT &&
	       sk->state != TCP_STATE_LISTEN && sk->state != TCP_STATE_CLOSED;
}

bool can_keepalive(const struct tcp_socket *sk)
{
	return sk->state == TCP_STATE_ESTABLISHED ||
	       sk->state == TCP_STATE_CLOSE_WAIT ||
	       (sk->state == TCP_STATE_FIN_WAIT_2 && sk->inode);
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int64_t max_i64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool has_peer_fin(const struct tcp_socket *sk)
{
	return sk->state == TCP_STATE_CLOSE_WAIT || sk->state == TCP_STATE_LAST_ACK ||
	       sk->state == TCP_STATE_CLOSING;
}

/*
 * Data came and data went within one tick of the clock. On a short path, what we
 * sent before the peer did was acknowledged along with the peer's data; an
 * acknowledgement that came alone, a delayed one, is for what we sent after it.
 */
static bool is_ack_alone(const struct tcp_socket *sk)
{
	enum { TICKS_MS = 8, TICK_US = 4000, DELAYED_ACK_MS = 250 };
	uint32_t sent_ms = sk->last_data_sent_ms;
	return sk->min_rtt_us && sk->min_rtt_us < TICK_US &&
	       sent_ms >= sk->last_ack_recv_ms + TICKS_MS &&
	       sent_ms <= sk->last_ack_recv_ms + DELAYED_ACK_MS;
}

/*
 * Whose move it is: the side that did not cause the last data event. Unknown
 * when no byte has moved yet, or both events fell into one clock tick and no
 * acknowledgement tells them apart. The clock of a direction that never moved
 * shows the handshake and says nothing.
 */
static enum turn turn_of(const struct tcp_socket *sk)
{
	if (!has_clocks(sk) || !(sk->has & TCP_HAS_BYTES) ||
	    !(sk->has & TCP_HAS_NOTSENT))
		return TURN_UNKNOWN;
	bool has_received = sk->bytes_received > (has_peer_fin(sk) ? 1 : 0);
	bool has_sent = sk->data_segs_out > 0;
	if (has_received &&
	    (!has_sent || sk->last_data_recv_ms < sk->last_data_sent_ms))
		return TURN_LOCAL;
	if (has_sent &&
	    (!has_received || sk->last_data_sent_ms < sk->last_data_recv_ms ||
	     (sk->last_data_sent_ms == sk->last_data_recv_ms && is_ack_alone(sk))))
		return TURN_PEER;
	return TURN_UNKNOWN;
}

/*
 * On an otherwise idle socket the keepalive timer runs exactly when SO_KEEPALIVE
 * is on. Any other timer hides it.
 */
static enum keepalive keepalive_of(const struct tcp_socket *sk, bool is_quiet)
{
	if (!can_keepalive(sk) || !is_quiet)
		return KEEPALIVE_UNKNOWN;
	if (sk->timer == TCP_TIMER_KEEPALIVE)
		return KEEPALIVE_ON;
	return sk->timer == TCP_TIMER_NONE ? KEEPALIVE_OFF : KEEPALIVE_UNKNOWN;
}

/* How long ago the running back-off began, from its state alone (lower bound). */
static int64_t backoff_age_ms(const struct tcp_socket *sk, uint64_t interval_us)
{
	/*
	 * The waits so far were interval/2 + interval/4 + ... for each step of the
	 * back-off, or longer where they were capped; plus what has passed of the
	 * current one.
	 */
	uint64_t interval_ms = interval_us / 1000;
	uint8_t steps = sk->backoff < 31 ? sk->backoff : 31;
	uint64_t before = interval_ms - (interval_ms >> steps);
	uint64_t now = interval_ms > sk->expires_ms ? interval_ms - sk->expires_ms : 0;
	return (int64_t)(before + now);
}

static uint64_t probe_interval_us(const struct tcp_socket *sk, unsigned backoff)
{
	uint64_t cap = RTO_MAX_MS * 1000ULL;
	if (backoff > 20 || ((uint64_t)sk->rto_us << backoff) > cap)
		return cap;
	return (uint64_t)sk->rto_us << backoff;
}

/*
 * Since when the peer owes us an acknowledgement. Not last_ack_recv alone: on a
 * connection that was idle for an hour that is an hour, a second after a send.
 */
static int64_t silent_of(const struct tcp_socket *sk)
{
	if (!has_clocks(sk))
		return DERIVED_UNKNOWN;
	if (sk->timer == TCP_TIMER_RETRANSMIT && sk->retransmits)
		return (int64_t)min_u32(sk->last_ack_recv_ms,
					(uint32_t)backoff_age_ms(sk, sk->rto_us));
	if (sk->timer == TCP_TIMER_PROBE0)
		return backoff_age_ms(sk, probe_interval_us(sk, sk->backoff));
	return 0;
}

int64_t model_timeout_ms(int64_t retries)
{
	enum { LINEAR_AFTER = 9 }; /* ilog2(RTO_MAX / RTO_MIN) */
	if (retries <= LINEAR_AFTER)
		return ((2LL << retries) - 1) * RTO_MIN_MS;
	return ((2LL << LINEAR_AFTER) - 1) * RTO_MIN_MS +
	       (retries - LINEAR_AFTER) * RTO_MAX_MS;
}

static int64_t retransmit_gives_up(const struct tcp_socket *sk, const int64_t *kernel,
				   int64_t silent_ms)
{
	int64_t retries = kernel[KERNEL_TCP_RETRIES2];
	if (sk->state == TCP_STATE_SYN_SENT)
		return DERIVED_UNKNOWN; /* depends on tcp_syn_linear_timeouts */
	if (!sk->inode) {
		retries = kernel[KERNEL_TCP_ORPHAN_RETRIES];
		if (retries == 0)
			retries = 8; /* tcp_orphan_retries(): "at least 100 s" */
	}
	if (retries < 0 || retries > 255)
		return DERIVED_UNKNOWN;
	/* It ends at the first firing of the timer past the model's time. */
	return max_i64(model_timeout_ms(retries) - max_i64(silent_ms, 0),
		       sk->expires_ms);
}

/* What no process holds is ended once the wait for the next probe is at its longest. */
static int64_t orphan_probe_gives_up(const struct tcp_socket *sk)
{
	enum { LONGEST_BACKOFF = 10 }; /* ilog2(RTO_MAX / RTO_MIN) + 1 */
	int64_t total = sk->expires_ms;
	for (unsigned i = sk->backoff + 1U;
	     i <= LONGEST_BACKOFF &&
	     probe_interval_us(sk, i - 1) < RTO_MAX_MS * 1000ULL;
	     i++)
		total += (int64_t)probe_interval_us(sk, i) / 1000;
	return total;
}

/* A window probe that is answered starts the count anew: such a socket lives on. */
static int64_t probe_gives_up(const struct tcp_socket *sk, const int64_t *kernel)
{
	int64_t limit = kernel[KERNEL_TCP_RETRIES2];
	if (sk->probes == 0)
		return sk->inode ? DERIVED_NEVER : orphan_probe_gives_up(sk);
	if (limit < 0 || limit > 255)
		return DERIVED_UNKNOWN;
	int64_t total = sk->expires_ms;
	for (int64_t i = 1; i < limit - sk->probes; i++)
		total += (int64_t)probe_interval_us(sk, sk->backoff + (unsigned)i) /
			 1000;
	return total;
}

/* SYN-ACKs are repeated after 1, 2, 4, ... s (RFC 6298). */
static int64_t handshake_gives_up(const struct tcp_socket *sk, const int64_t *kernel)
{
	int64_t limit = kernel[KERNEL_TCP_SYNACK_RETRIES];
	if (limit < 0 || limit > 20)
		return DERIVED_UNKNOWN;
	int64_t total = sk->expires_ms;
	for (int64_t i = sk->timer_retrans + 1; i <= limit; i++)
		total += 1000LL << i;
	return total;
}

static int64_t gives_up_of(const struct tcp_socket *sk, const int64_t *kernel,
			   int64_t silent_ms)
{
	if (sk->state == TCP_STATE_LISTEN || sk->state == TCP_STATE_CLOSED)
		return DERIVED_UNKNOWN;
	if (sk->state == TCP_STATE_SYN_RECV)
		return handshake_gives_up(sk, kernel);
	switch (sk->timer) {
	case TCP_TIMER_RETRANSMIT:
		return retransmit_gives_up(sk, kernel, silent_ms);
	case TCP_TIMER_PROBE0:
		return probe_gives_up(sk, kernel);
	case TCP_TIMER_TIME_WAIT:
		return sk->expires_ms;
	case TCP_TIMER_NONE:
		return DERIVED_NEVER;
	default:
		/* Keepalive: the application's own KEEPCNT cannot be seen here. */
		return DERIVED_UNKNOWN;
	}
}

int64_t connection_age_ms(const struct tcp_socket *sk, const struct socket_past *past,
			  uint64_t now_ms)
{
	int64_t age = DERIVED_UNKNOWN;
	if (has_clocks(sk)) {
		/* None of the clocks can be older than the connection itself. */
		age = max_i64(sk->last_ack_recv_ms, sk->last_data_recv_ms);
		age = max_i64(age, sk->last_data_sent_ms);
	}
	return past ? max_i64(age, (int64_t)(now_ms - past->first_seen_ms)) : age;
}

/*
 * In CLOSE_WAIT and the like, the peer's FIN was the last segment that could
 * reset last_ack_recv: the state is at least that old. Keepalive answers reset
 * it again, so it may be older.
 */
static void derive_ages(struct context *c)
{
	const struct tcp_socket *sk = c->sk;
	struct derived *d = &c->d;
	d->age_ms = connection_age_ms(sk, c->past, c->now_ms);
	d->in_state_ms = DERIVED_UNKNOWN;
	if (has_clocks(sk))
		d->in_state_ms = sk->state == TCP_STATE_ESTABLISHED
					 ? connection_age_ms(sk, NULL, c->now_ms)
					 : sk->last_ack_recv_ms;
	if (!c->past)
		return;
	int64_t state = (int64_t)(c->now_ms - c->past->state_since_ms);
	d->is_in_state_exact = c->past->is_state_since_exact;
	d->in_state_ms = d->is_in_state_exact ? state : max_i64(d->in_state_ms, state);
}

static void derive_from_context(struct context *c)
{
	const struct tcp_socket *sk = c->sk;
	const struct snapshot *snap = c->report->snap;
	struct derived *d = &c->d;
	*d = (struct derived){
		.role = role_of(c->report, sk),
		.turn = turn_of(sk),
		.keepidle_ms = DERIVED_UNKNOWN,
		.idle_ms = DERIVED_UNKNOWN,
		.consumed_bytes = DERIVED_UNKNOWN,
	};
	d->is_in_flight = (sk->has & TCP_HAS_INFO) && sk->unacked &&
			  sk->state != TCP_STATE_LISTEN;
	d->is_quiet = !sk->recv_queue && !sk->send_queue && !d->is_in_flight;
	d->keepalive = keepalive_of(sk, d->is_quiet);
	/* Where either side may send at any time, nobody owes a move. */
	if (has_protocol(c, PROTOCOL_PUSH))
		d->turn = TURN_UNKNOWN;
	if (has_clocks(sk)) {
		d->idle_ms = min_u32(sk->last_data_sent_ms, sk->last_data_recv_ms);
		if (d->keepalive == KEEPALIVE_ON && sk->probes == 0)
			d->keepidle_ms =
				(int64_t)sk->expires_ms +
				min_u32(sk->last_data_recv_ms, sk->last_ack_recv_ms);
	}
	if ((sk->has & TCP_HAS_BYTES) && !(sk->has & TCP_IS_MPTCP) &&
	    sk->bytes_received >= sk->recv_queue)
		d->consumed_bytes = (int64_t)(sk->bytes_received - sk->recv_queue);
	d->silent_ms = silent_of(sk);
	d->gives_up_ms = gives_up_of(sk, snap->kernel, d->silent_ms);
	derive_ages(c);
	derive_detection(c);
}

static uint16_t conditions_of(const struct context *c)
{
	const struct tcp_socket *sk = c->sk;
	bool is_probe0 = sk->timer == TCP_TIMER_PROBE0;
	bool is_probing = is_probe0 || sk->timer == TCP_TIMER_KEEPALIVE;
	unsigned bits = 0;
	bits |= c->d.is_in_flight ? WHEN_IN_FLIGHT : 0;
	bits |= sk->timer == TCP_TIMER_RETRANSMIT && sk->retransmits
			? WHEN_RETRANSMITTING
			: 0;
	bits |= is_probe0 && sk->send_queue ? WHEN_UNSENT_PROBE : 0;
	bits |= is_probing && sk->probes ? WHEN_PROBE_UNANSWERED : 0;
	bits |= sk->recv_queue ? WHEN_UNREAD : WHEN_READ;
	bits |= c->d.is_quiet ? WHEN_QUIET : 0;
	bits |= sk->inode ? WHEN_OWNED : WHEN_NOT_OWNED;
	bits |= c->d.role == ROLE_SERVER ? WHEN_SERVER : 0;
	bits |= c->d.role == ROLE_CLIENT ? WHEN_CLIENT : 0;
	bits |= sk->has & TCP_IS_MPTCP ? WHEN_MPTCP : 0;
	return (uint16_t)bits;
}

void context_init(struct context *c, const struct report *r, uint32_t row,
		  const struct socket_past *past)
{
	c->report = r;
	c->row = row;
	c->sk = &r->snap->sockets[row];
	c->past = past;
	c->now_ms = r->snap->monotonic_ms;
	derive_from_context(c);
	c->conditions = conditions_of(c);
}

void context_of_row(struct context *c, const struct report *r, uint32_t row,
		    struct socket_past *past)
{
	bool is_known = history_find(r->history, r->snap->sockets[row].cookie, past);
	context_init(c, r, row, is_known ? past : NULL);
}

void derive(const struct report *r, uint32_t row, struct derived *out)
{
	struct context c;
	struct socket_past past;
	context_of_row(&c, r, row, &past);
	*out = c.d;
}
