/* SPDX-License-Identifier: MIT */
#include "context.h"

/*
 * One verdict for one connection: the first rule that holds. A rule names the
 * states it is about, the conditions it asks for, and the fields it cannot do
 * without; if those conditions hold and a field is missing, the answer is
 * not-assessed, never "healthy". What each rule rests on: kernel-facts.md 0.
 */

/* What a rule's check concludes beyond its row of the table. */
struct conclusion {
	enum confidence confidence;
	int64_t since_ms; /* DERIVED_UNKNOWN = unknown */
	bool is_since_exact;
};

struct rule {
	enum verdict verdict;
	enum acts acts;
	enum confidence confidence; /* unless the check says otherwise */
	uint32_t states;
	uint16_t when;  /* enum condition, all of them */
	uint16_t needs; /* enum tcp_socket_has, all of them */
	bool (*check)(const struct context *c, struct conclusion *out);
};

static bool has_two_samples(const struct context *c)
{
	return c->past && c->past->sample_count >= 2;
}

static bool is_at_least(int64_t ms, const struct context *c, enum limit_id id)
{
	return ms >= 0 && (uint64_t)ms >= limit_of(c, id);
}

static bool holds(struct conclusion *out, int64_t since_ms, bool is_exact)
{
	out->since_ms = since_ms;
	out->is_since_exact = is_exact;
	return true;
}

/*
 * Any segment from the peer within the silence a verdict rests on refutes it,
 * even one that acknowledges nothing (its own keepalive probes do not).
 */
static bool is_heard_lately(const struct context *c)
{
	return has_two_samples(c) && c->past->heard_since_ms > c->past->first_seen_ms &&
	       c->now_ms - c->past->heard_since_ms <
		       limit_of(c, LIMIT_HALF_OPEN_NO_ACK);
}

/*
 * The connection's earlier losses, which an acknowledgement made good, are a
 * share of its data that marks the path. What waits for an answer now does not
 * count: it may be a peer that is gone. (A tail loss probe precedes the first
 * timeout and counts in total_retrans, not in retransmits.)
 */
static bool has_lost(const struct context *c)
{
	const struct tcp_socket *sk = c->sk;
	uint32_t unanswered = sk->retransmits ? sk->retransmits + 1U : 0;
	if (sk->total_retrans < unanswered + limit_of(c, LIMIT_LOSSY_RETRANSMITS) ||
	    sk->data_segs_out == 0)
		return false;
	uint64_t answered = sk->total_retrans - unanswered;
	return answered * 1000 / sk->data_segs_out >= limit_of(c, LIMIT_LOSSY_SHARE);
}

static bool is_silent_for(const struct context *c, enum limit_id retransmits,
			  unsigned more, enum limit_id silence)
{
	return c->sk->retransmits >= limit_of(c, retransmits) + more &&
	       is_at_least(c->d.silent_ms, c, silence);
}

/*
 * An ICMP error or a failed neighbour entry takes one step of back-off away, so
 * only in real silence do retransmissions and back-off go together. A path that
 * loses every fifth segment falls silent for five seconds now and then: there
 * more is asked for (seen with 20 % loss; two more steps are four times as long).
 */
static bool is_half_open(const struct context *c, struct conclusion *out)
{
	const struct tcp_socket *sk = c->sk;
	bool is_path_lossy = has_lost(c);
	if (sk->retransmits > sk->backoff + 1 || is_heard_lately(c))
		return false;
	bool is_likely = is_silent_for(c, LIMIT_HALF_OPEN_RETRANSMITS, 0,
				       LIMIT_HALF_OPEN_NO_ACK);
	bool is_convincing = is_silent_for(c, LIMIT_HALF_OPEN_PROVEN_RETRANSMITS, 0,
					   LIMIT_HALF_OPEN_PROVEN_NO_ACK);
	bool is_certain = is_silent_for(c, LIMIT_HALF_OPEN_PROVEN_RETRANSMITS, 2,
					LIMIT_HALF_OPEN_PROVEN_NO_ACK);
	if (is_path_lossy ? !is_convincing : !is_likely)
		return false;
	bool is_proven = is_path_lossy ? is_certain : is_convincing;
	out->confidence = is_proven ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
	return holds(out, c->d.silent_ms, false);
}

/*
 * Keepalive probes, or window probes at a closed window. One unanswered probe
 * means nothing: receivers limit the rate of such answers.
 */
static bool is_probed_half_open(const struct context *c, struct conclusion *out)
{
	const struct tcp_socket *sk = c->sk;
	bool is_local_failure = sk->timer == TCP_TIMER_PROBE0 && sk->snd_wnd > 0;
	if (is_local_failure || sk->probes < limit_of(c, LIMIT_PROBES_UNANSWERED))
		return false;
	bool is_proven = sk->probes >= limit_of(c, LIMIT_PROBES_UNANSWERED_PROVEN);
	out->confidence = is_proven ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
	return holds(out, sk->last_ack_recv_ms, true);
}

static bool is_unreachable(const struct context *c, struct conclusion *out)
{
	/* `retransmits` is a u8 and wraps; the history counts on. */
	enum { WRAPPED_RETRANSMITS = 64, WRAPPED_SILENCE_MS = 60000 };
	const struct tcp_socket *sk = c->sk;
	bool is_early = sk->retransmits >=
			sk->backoff + limit_of(c, LIMIT_UNREACHABLE_RETRANSMITS);
	bool is_wrapped = has_two_samples(c) &&
			  c->past->retrans_since_progress >= WRAPPED_RETRANSMITS &&
			  sk->last_ack_recv_ms >= WRAPPED_SILENCE_MS;
	if ((!is_early && !is_wrapped) || is_heard_lately(c) ||
	    !is_at_least(sk->last_ack_recv_ms, c, LIMIT_HALF_OPEN_NO_ACK))
		return false;
	return holds(out, c->d.silent_ms, false);
}

static bool is_local_path_down(const struct context *c, struct conclusion *out)
{
	const struct tcp_socket *sk = c->sk;
	if (sk->snd_wnd == 0 || sk->unacked || sk->notsent_bytes == 0 ||
	    !is_at_least(c->d.silent_ms, c, LIMIT_LOCAL_PATH_AGE))
		return false;
	return holds(out, c->d.silent_ms, false);
}

/* The window is closed, the peer answers our probes, and takes nothing. */
static bool is_slow_reader(const struct context *c, struct conclusion *out)
{
	const struct tcp_socket *sk = c->sk;
	if (sk->snd_wnd > 0 || sk->notsent_bytes == 0)
		return false;
	int64_t stalled_ms = c->d.silent_ms;
	if (has_two_samples(c)) {
		if (c->past->has_progressed)
			return false;
		int64_t seen_ms = (int64_t)(c->now_ms - c->past->stalled_since_ms);
		if (seen_ms > stalled_ms)
			stalled_ms = seen_ms;
		out->confidence = CONFIDENCE_PROVEN;
	}
	return is_at_least(stalled_ms, c, LIMIT_SLOW_READER_AGE) &&
	       holds(out, stalled_ms, false);
}

static bool is_lossy(const struct context *c, struct conclusion *out)
{
	enum { CA_RECOVERY = 3 };
	const struct tcp_socket *sk = c->sk;
	bool is_retransmitting = sk->retransmits || sk->ca_state >= CA_RECOVERY ||
				 (c->past && c->past->retrans_recent);
	if (!is_retransmitting ||
	    is_at_least(sk->last_ack_recv_ms, c, LIMIT_HALF_OPEN_NO_ACK))
		return false;
	return has_lost(c) && holds(out, DERIVED_UNKNOWN, false);
}

/* Never sent anything: last_data_sent is the time since the handshake. */
static bool is_waiting_for_accept(const struct context *c, struct conclusion *out)
{
	return is_at_least(c->d.age_ms, c, LIMIT_QUEUED_AGE) &&
	       holds(out, c->d.age_ms, c->sk->data_segs_out == 0);
}

/*
 * The application sends on this very connection, and began long after the newest
 * bytes of the peer came: it is busy with its reply, or does not care for input.
 * Once that is as long ago as it had lasted, it says nothing any more.
 */
static bool is_serving(const struct context *c, enum limit_id patience)
{
	const struct tcp_socket *sk = c->sk;
	return (sk->has & TCP_HAS_NOTSENT) && sk->data_segs_out &&
	       sk->last_data_recv_ms >= sk->last_data_sent_ms + limit_of(c, patience) &&
	       sk->last_data_sent_ms * 2ULL < sk->last_data_recv_ms;
}

/* Only the end of the stream is unread, and the other end, on this host, stays. */
static bool is_end_of_half_close(const struct context *c)
{
	return c->sk->recv_queue == 1 && is_peer_half_closed(c->report, c->sk);
}

static bool is_close_wait_unread(const struct context *c, struct conclusion *out)
{
	/* A client that has said all may wait for a long reply. */
	if (is_serving(c, LIMIT_CLOSE_WAIT_UNREAD_AGE) || is_end_of_half_close(c))
		return false;
	/* Reading what came before the FIN, however slowly, is looking. */
	if (has_two_samples(c) && c->past->has_consumed)
		return false;
	return is_at_least(c->d.in_state_ms, c, LIMIT_CLOSE_WAIT_UNREAD_AGE) &&
	       holds(out, c->d.in_state_ms, c->d.is_in_state_exact);
}

/* A half-close on purpose looks the same as long as the application sends. */
static bool is_close_wait_leak(const struct context *c, struct conclusion *out)
{
	if (!is_at_least(c->d.in_state_ms, c, LIMIT_CLOSE_WAIT_AGE) ||
	    !is_at_least(c->sk->last_data_sent_ms, c, LIMIT_CLOSE_WAIT_AGE) ||
	    (c->past && c->past->has_progressed))
		return false;
	out->confidence = has_two_samples(c) ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
	return holds(out, c->d.in_state_ms, c->d.is_in_state_exact);
}

static bool is_state_only(const struct context *c, struct conclusion *out)
{
	return holds(out, c->d.in_state_ms, c->d.is_in_state_exact);
}

/*
 * The newest bytes lie in the queue since they came. Whether the application is
 * still reading older ones, only a second sample can tell.
 */
static bool is_unread(const struct context *c, struct conclusion *out)
{
	bool is_window_closed = (c->sk->has & TCP_HAS_RCV_WND) && c->sk->rcv_wnd == 0;
	int64_t since_ms = c->sk->last_data_recv_ms;
	if (is_serving(c, LIMIT_UNREAD_AGE) && !is_window_closed)
		return false;
	if (has_two_samples(c)) {
		if (c->past->has_consumed)
			return false;
		int64_t seen_ms = (int64_t)(c->now_ms - c->past->unread_since_ms);
		if (seen_ms > since_ms)
			since_ms = seen_ms;
		/* Behind a closed window older bytes may be read, and none comes. */
		if (!is_window_closed || is_at_least(seen_ms, c, LIMIT_UNREAD_AGE))
			out->confidence = CONFIDENCE_PROVEN;
	}
	return is_at_least(since_ms, c, LIMIT_UNREAD_AGE) &&
	       holds(out, since_ms, false);
}

/*
 * Declared, or a known request/response stack that has been silent for longer than
 * pushes are.
 */
static bool is_reply_certain(const struct context *c, int64_t since_ms)
{
	if (has_protocol(c, PROTOCOL_REQUEST_RESPONSE))
		return true;
	const struct service *s = report_service_of(c->report, c->row);
	return s && s->request_response_ms && since_ms >= s->request_response_ms;
}

/*
 * Data went one way only, and went on for longer than a reply may take after the
 * handshake (the clock of a direction that never moved shows it): logs and metrics
 * are sent like that, and nobody owes anything.
 */
static bool is_one_way(const struct context *c, uint32_t moved_ms, uint32_t silent_ms,
		       bool has_answered, enum limit_id patience)
{
	return !has_answered && silent_ms > moved_ms &&
	       silent_ms - moved_ms >= limit_of(c, patience);
}

static bool is_slow_response(const struct context *c, struct conclusion *out)
{
	const struct tcp_socket *sk = c->sk;
	int64_t since_ms = sk->last_data_recv_ms;
	if (!is_reply_certain(c, since_ms) &&
	    is_one_way(c, sk->last_data_recv_ms, sk->last_data_sent_ms,
		       sk->data_segs_out > 0, LIMIT_SLOW_RESPONSE_AGE))
		return false;
	if (c->d.turn != TURN_LOCAL ||
	    !is_at_least(since_ms, c, LIMIT_SLOW_RESPONSE_AGE))
		return false;
	if (is_reply_certain(c, since_ms))
		out->confidence = CONFIDENCE_LIKELY;
	return holds(out, since_ms, true);
}

/*
 * From a port of the kernel's range to one that is not: the peer connected, and no
 * listener tells it any more. A server that drains has closed its own.
 */
static bool is_opened_by_peer(const struct context *c)
{
	const int64_t *kernel = c->report->snap->kernel;
	int64_t low = kernel[KERNEL_PORT_RANGE_LOW];
	int64_t high = kernel[KERNEL_PORT_RANGE_HIGH];
	bool is_range_known = low >= 0 && high >= low;
	return is_range_known && c->sk->peer_port >= low && c->sk->peer_port <= high &&
	       (c->sk->local_port < low || c->sk->local_port > high);
}

static bool is_slow_upstream(const struct context *c, struct conclusion *out)
{
	const struct tcp_socket *sk = c->sk;
	if (is_opened_by_peer(c))
		return false;
	int64_t since_ms = sk->last_data_sent_ms;
	if (!has_protocol(c, PROTOCOL_REQUEST_RESPONSE) &&
	    is_one_way(c, sk->last_data_sent_ms, sk->last_data_recv_ms,
		       sk->bytes_received > 0, LIMIT_SLOW_UPSTREAM_AGE))
		return false;
	if (c->d.turn != TURN_PEER ||
	    !is_at_least(since_ms, c, LIMIT_SLOW_UPSTREAM_AGE))
		return false;
	if (has_protocol(c, PROTOCOL_REQUEST_RESPONSE))
		out->confidence = CONFIDENCE_LIKELY;
	return holds(out, since_ms, true);
}

/* The peer may be using its half: then its data keeps last_ack_recv young. */
static bool is_fin_wait_held(const struct context *c, struct conclusion *out)
{
	return is_at_least(c->sk->last_ack_recv_ms, c, LIMIT_FIN_WAIT_AGE) &&
	       is_at_least(c->d.in_state_ms, c, LIMIT_FIN_WAIT_AGE) &&
	       holds(out, c->d.in_state_ms, c->d.is_in_state_exact);
}

static bool is_half_open_suspect(const struct context *c, struct conclusion *out)
{
	uint64_t limit_ms = unverified_limit_ms(c);
	if (c->d.keepalive != KEEPALIVE_OFF || c->d.idle_ms < 0 ||
	    (uint64_t)c->d.idle_ms < limit_ms || c->sk->last_ack_recv_ms < limit_ms ||
	    snapshot_is_local_address(c->report->snap, &c->sk->peer))
		return false;
	/* The peer's own keepalive probes count: its kernel is alive. */
	bool is_heard = has_two_samples(c) &&
			c->past->heard_since_ms > c->past->first_seen_ms &&
			c->now_ms - c->past->heard_since_ms < limit_ms;
	return !is_heard && holds(out, c->d.idle_ms, true);
}

/* The first retransmissions of a SYN are 1 s apart (tcp_syn_linear_timeouts). */
static bool is_connect_stuck(const struct context *c, struct conclusion *out)
{
	int64_t waited_ms = c->sk->timer_retrans * 1000LL;
	if (c->past && c->d.age_ms > waited_ms)
		waited_ms = c->d.age_ms;
	return c->sk->timer_retrans && is_at_least(waited_ms, c, LIMIT_CONNECT_AGE) &&
	       holds(out, waited_ms, false);
}

static bool is_active(const struct context *c, struct conclusion *out)
{
	bool is_moving = c->d.is_in_flight || c->sk->recv_queue || c->sk->send_queue ||
			 (uint64_t)c->d.idle_ms < limit_of(c, LIMIT_ACTIVE_AGE);
	return is_moving && holds(out, c->d.age_ms, false);
}

static bool is_idle(const struct context *c, struct conclusion *out)
{
	return holds(out, c->d.idle_ms, true);
}

#define BIT(state) TCP_STATE_BIT(TCP_STATE_##state)
#define ESTAB      BIT(ESTABLISHED)
#define LEAVING    (BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2) | BIT(CLOSING) | BIT(LAST_ACK))
#define FULL       (ESTAB | BIT(CLOSE_WAIT) | LEAVING)

#define PROVEN  CONFIDENCE_PROVEN
#define LIKELY  CONFIDENCE_LIKELY
#define SUSPECT CONFIDENCE_SUSPECT

#define INFO    TCP_HAS_INFO
#define SENDING (TCP_HAS_INFO | TCP_HAS_NOTSENT | TCP_HAS_SND_WND)

static const struct rule rules[] = {
	/* verdict, who acts, confidence, states, when, needs, check */
	{ VERDICT_HALF_OPEN, ACTS_PEER, LIKELY, FULL,
	  WHEN_IN_FLIGHT | WHEN_RETRANSMITTING, INFO, is_half_open },
	{ VERDICT_HALF_OPEN, ACTS_PEER, LIKELY,
	  ESTAB | BIT(CLOSE_WAIT) | BIT(FIN_WAIT_2), WHEN_PROBE_UNANSWERED, SENDING,
	  is_probed_half_open },
	{ VERDICT_UNREACHABLE, ACTS_NETWORK, LIKELY, FULL,
	  WHEN_IN_FLIGHT | WHEN_RETRANSMITTING, INFO, is_unreachable },
	{ VERDICT_LOCAL_PATH_DOWN, ACTS_NETWORK, LIKELY, FULL, WHEN_UNSENT_PROBE,
	  SENDING, is_local_path_down },
	{ VERDICT_SLOW_READER, ACTS_PEER, LIKELY,
	  ESTAB | BIT(CLOSE_WAIT) | BIT(FIN_WAIT_1) | BIT(LAST_ACK), WHEN_UNSENT_PROBE,
	  SENDING, is_slow_reader },
	{ VERDICT_LOSSY, ACTS_NETWORK, LIKELY, FULL, WHEN_IN_FLIGHT,
	  INFO | TCP_HAS_NOTSENT, is_lossy },
	/* The queues of an MPTCP subflow are not the application's. */
	{ VERDICT_NOT_ASSESSED, ACTS_NOBODY, PROVEN, FULL, WHEN_MPTCP, 0,
	  is_state_only },
	{ VERDICT_QUEUED, ACTS_LOCAL_APP, PROVEN, ESTAB, WHEN_NOT_OWNED | WHEN_SERVER,
	  INFO, is_waiting_for_accept },
	{ VERDICT_QUEUE_ABANDONED, ACTS_LOCAL_APP, PROVEN, BIT(CLOSE_WAIT),
	  WHEN_NOT_OWNED | WHEN_SERVER, INFO, is_waiting_for_accept },
	{ VERDICT_CLOSE_WAIT_UNREAD, ACTS_LOCAL_APP, PROVEN, BIT(CLOSE_WAIT),
	  WHEN_OWNED | WHEN_UNREAD, INFO | TCP_HAS_BYTES, is_close_wait_unread },
	{ VERDICT_CLOSE_WAIT_LEAK, ACTS_LOCAL_APP, LIKELY, BIT(CLOSE_WAIT),
	  WHEN_OWNED | WHEN_READ, INFO, is_close_wait_leak },
	{ VERDICT_CLOSE_WAIT, ACTS_NOBODY, PROVEN, BIT(CLOSE_WAIT), 0, INFO,
	  is_state_only },
	{ VERDICT_UNREAD, ACTS_LOCAL_APP, LIKELY, ESTAB, WHEN_OWNED | WHEN_UNREAD,
	  INFO | TCP_HAS_BYTES, is_unread },
	{ VERDICT_SLOW_RESPONSE, ACTS_LOCAL_APP, SUSPECT, ESTAB,
	  WHEN_QUIET | WHEN_SERVER | WHEN_OWNED, INFO, is_slow_response },
	{ VERDICT_SLOW_UPSTREAM, ACTS_PEER, SUSPECT, ESTAB, WHEN_QUIET | WHEN_CLIENT,
	  INFO, is_slow_upstream },
	{ VERDICT_FIN_WAIT_HELD, ACTS_LOCAL_APP, PROVEN, BIT(FIN_WAIT_2), WHEN_OWNED,
	  INFO, is_fin_wait_held },
	{ VERDICT_HALF_OPEN_SUSPECT, ACTS_LOCAL_APP, SUSPECT, ESTAB, WHEN_QUIET, INFO,
	  is_half_open_suspect },
	{ VERDICT_ACTIVE, ACTS_NOBODY, PROVEN, ESTAB, 0, INFO, is_active },
	{ VERDICT_IDLE, ACTS_NOBODY, PROVEN, ESTAB, 0, INFO, is_idle },
	{ VERDICT_CONNECT_STUCK, ACTS_PEER, PROVEN, BIT(SYN_SENT), 0, 0,
	  is_connect_stuck },
	{ VERDICT_CONNECTING, ACTS_NOBODY, PROVEN, BIT(SYN_SENT), 0, 0, is_state_only },
	{ VERDICT_HANDSHAKE, ACTS_NOBODY, PROVEN, BIT(SYN_RECV) | BIT(NEW_SYN_RECV), 0,
	  0, is_state_only },
	{ VERDICT_CLOSING, ACTS_NOBODY, PROVEN, LEAVING, 0, 0, is_state_only },
	{ VERDICT_TIME_WAIT, ACTS_NOBODY, PROVEN, BIT(TIME_WAIT), 0, 0, is_state_only },
	{ VERDICT_LISTENING, ACTS_NOBODY, PROVEN, BIT(LISTEN), 0, 0, is_state_only },
	{ VERDICT_NOT_ASSESSED, ACTS_NOBODY, PROVEN, ~0U, 0, 0, is_state_only },
};

static const struct rule *const unassessed = &rules[sizeof(rules) / sizeof(*rules) - 1];

static uint32_t centiseconds(int64_t ms)
{
	if (ms < 0)
		return ASSESSMENT_SINCE_UNKNOWN;
	int64_t cs = ms / 10;
	return cs < (int64_t)ASSESSMENT_SINCE_UNKNOWN ? (uint32_t)cs
						      : ASSESSMENT_SINCE_UNKNOWN - 1;
}

/* FIN_WAIT2 orphans are minisocks: no tcp_info, and none is needed. */
static bool is_minisock(const struct tcp_socket *sk)
{
	return sk->timer == TCP_TIMER_TIME_WAIT;
}

void verdict_decide(const struct context *c, struct assessment *out)
{
	uint32_t state = TCP_STATE_BIT(c->sk->state);
	const struct rule *rule = rules;
	struct conclusion conclusion;
	for (;; rule++) {
		if (!(rule->states & state) ||
		    (rule->when & c->conditions) != rule->when)
			continue;
		if ((rule->needs & c->sk->has) != rule->needs) {
			if (is_minisock(c->sk))
				continue;
			rule = unassessed;
		}
		conclusion.confidence = rule->confidence;
		if (rule->check(c, &conclusion))
			break;
	}
	out->verdict = (uint8_t)rule->verdict;
	out->acts = (uint8_t)rule->acts;
	out->confidence = conclusion.confidence & 3;
	out->since_cs = centiseconds(conclusion.since_ms);
	out->is_since_exact = conclusion.is_since_exact;
}

/* Whose move it must be, and the fields that tell whose it is. */
#define TURN_FIELDS (TCP_HAS_INFO | TCP_HAS_BYTES | TCP_HAS_NOTSENT)

static enum turn turn_for(enum verdict verdict)
{
	return verdict == VERDICT_SLOW_RESPONSE   ? TURN_LOCAL
	       : verdict == VERDICT_SLOW_UPSTREAM ? TURN_PEER
						  : TURN_UNKNOWN;
}

static uint16_t fields_of(const struct rule *rule)
{
	return rule->needs | (turn_for(rule->verdict) ? TURN_FIELDS : 0);
}

uint16_t verdict_needs(enum verdict verdict)
{
	uint16_t fields = 0;
	for (const struct rule *rule = rules; rule < unassessed; rule++)
		if (rule->verdict == verdict)
			fields |= fields_of(rule);
	return fields;
}

/* Conditions that may hold: what would refute them is missing. */
static uint16_t possible_conditions(const struct context *c)
{
	enum { QUEUES = WHEN_UNREAD | WHEN_READ | WHEN_QUIET };
	uint16_t bits = c->conditions;
	bool is_probe =
		c->sk->timer == TCP_TIMER_PROBE0 || c->sk->timer == TCP_TIMER_KEEPALIVE;
	if (c->sk->has & TCP_IS_MPTCP)
		bits |= QUEUES;
	if (c->sk->has & TCP_HAS_INFO)
		return bits;
	if (c->sk->timer == TCP_TIMER_RETRANSMIT)
		bits |= WHEN_RETRANSMITTING;
	return bits | (c->sk->send_queue ? WHEN_IN_FLIGHT : 0) |
	       (is_probe ? WHEN_PROBE_UNANSWERED : 0);
}

/* Whether the check would hold if it were that side's move. */
static bool could_hold(const struct context *c, const struct rule *rule)
{
	struct context other = *c;
	struct conclusion conclusion;
	if (turn_for(rule->verdict) && !has_protocol(c, PROTOCOL_PUSH))
		other.d.turn = turn_for(rule->verdict);
	return rule->check(&other, &conclusion);
}

/* What is missing for the rule, 0 when it could be asked or does not hold. */
static uint16_t missing_for(const struct context *c, const struct rule *rule,
			    bool is_mptcp)
{
	uint16_t fields = fields_of(rule) & (uint16_t)~c->sk->has;
	if (rule->needs & fields)
		return fields;
	if (fields || is_mptcp)
		return could_hold(c, rule) ? fields | (is_mptcp ? TCP_IS_MPTCP : 0) : 0;
	return 0;
}

void verdicts_withheld(const struct context *c, struct withheld *out)
{
	uint32_t state = TCP_STATE_BIT(c->sk->state);
	uint16_t possible = possible_conditions(c);
	bool is_mptcp = false;
	struct conclusion conclusion;
	*out = (struct withheld){ 0 };
	if (!(state & FULL) || is_minisock(c->sk))
		return;
	for (const struct rule *rule = rules; rule < unassessed; rule++) {
		bool is_complaint = verdict_table[rule->verdict].is_complaint;
		if (!(rule->states & state) || (rule->when & possible) != rule->when)
			continue;
		if (rule->when & WHEN_MPTCP) {
			is_mptcp = true;
			continue;
		}
		uint16_t missing = missing_for(c, rule, is_mptcp);
		if (missing && is_complaint) {
			out->verdicts |= 1U << rule->verdict;
			out->missing[rule->verdict] |= missing;
		} else if (!missing && !is_mptcp &&
			   (rule->when & c->conditions) == rule->when &&
			   !(rule->needs & ~c->sk->has) &&
			   rule->check(c, &conclusion)) {
			return;
		}
	}
}
