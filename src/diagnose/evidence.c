/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "conn-doctor/format.h"
#include "context.h"

/*
 * The numbers behind a verdict in sentences, each with its unit and, where one
 * was applied, its limit. Only made for rows that are shown.
 */

/* A duration in a buffer of its own, so that several fit one format. */
struct duration_text {
	char text[FORMAT_SIZE];
};

static struct duration_text duration_of(int64_t ms)
{
	struct duration_text d;
	duration_print(ms > 0 ? (uint64_t)ms : 0, d.text);
	return d;
}

static struct duration_text size_of(uint64_t bytes)
{
	struct duration_text d;
	size_print(bytes, d.text);
	return d;
}

static struct duration_text limit_text(const struct context *c, enum limit_id id)
{
	struct duration_text d;
	limit_print(id, limit_of(c, id), d.text);
	return d;
}

#define DURATION(ms) duration_of(ms).text
#define SIZE(bytes)  size_of(bytes).text
#define LIMIT(c, id) limit_text(c, LIMIT_##id).text

static void say_half_open(const struct context *c, struct strbuf *out)
{
	const struct tcp_socket *sk = c->sk;
	if (sk->timer == TCP_TIMER_RETRANSMIT) {
		strbuf_addf(out,
			    "%u retransmissions in a row unanswered (limit %s), silent "
			    "for at least %s since the send (limit %s)\n",
			    sk->retransmits, LIMIT(c, HALF_OPEN_RETRANSMITS),
			    DURATION(c->d.silent_ms), LIMIT(c, HALF_OPEN_NO_ACK));
		strbuf_addf(out,
			    "%u segments in flight, last heard from the peer %s ago\n",
			    sk->unacked, DURATION(sk->last_ack_recv_ms));
		return;
	}
	strbuf_addf(out,
		    "%u %s probes in a row unanswered (limit %s), last answer %s ago\n",
		    sk->probes,
		    sk->timer == TCP_TIMER_KEEPALIVE ? "keepalive" : "window",
		    LIMIT(c, PROBES_UNANSWERED), DURATION(sk->last_ack_recv_ms));
}

static void say_unreachable(const struct context *c, struct strbuf *out)
{
	strbuf_addf(
		out,
		"%u retransmissions with a back-off of only %u: the network answers "
		"with errors (ICMP unreachable, or no neighbour)\n",
		c->sk->retransmits, c->sk->backoff);
	strbuf_addf(out, "last heard from the peer %s ago (limit %s)\n",
		    DURATION(c->sk->last_ack_recv_ms), LIMIT(c, HALF_OPEN_NO_ACK));
}

static void say_local_path_down(const struct context *c, struct strbuf *out)
{
	strbuf_addf(
		out,
		"%s unsent for at least %s (limit %s) although the peer's window is "
		"open (%s): this host cannot send\n",
		SIZE(c->sk->notsent_bytes), DURATION(c->d.silent_ms),
		LIMIT(c, LOCAL_PATH_AGE), SIZE(c->sk->snd_wnd));
}

static void say_slow_reader(const struct context *c, struct strbuf *out)
{
	const struct assessment *a = &c->report->assessments[c->row];
	strbuf_addf(
		out,
		"%s wait in the send queue, nothing taken for at least %s (limit %s); "
		"the peer's window is 0\n",
		SIZE(c->sk->send_queue), DURATION(a->since_cs * 10LL),
		LIMIT(c, SLOW_READER_AGE));
	strbuf_addf(out, "the peer's kernel answers window probes, last %s ago\n",
		    DURATION(c->sk->last_ack_recv_ms));
}

static void say_lossy(const struct context *c, struct strbuf *out)
{
	const struct tcp_socket *sk = c->sk;
	double share =
		sk->data_segs_out ? 100.0 * sk->total_retrans / sk->data_segs_out : 0;
	strbuf_addf(out,
		    "%u of %u data segments retransmitted (%.1f %%, limit %s), and "
		    "acknowledgements still arrive, last %s ago\n",
		    sk->total_retrans, sk->data_segs_out, share, LIMIT(c, LOSSY_SHARE),
		    DURATION(sk->last_ack_recv_ms));
}

static void say_queued(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "not accepted for at least %s (limit %s), %s waiting unread\n",
		    DURATION(c->d.age_ms), LIMIT(c, QUEUED_AGE),
		    SIZE(c->sk->recv_queue));
}

static void say_queue_abandoned(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out,
		    "the client closed before it was accepted; it waited at least %s "
		    "(limit %s)\n",
		    DURATION(c->d.age_ms), LIMIT(c, QUEUED_AGE));
}

static void say_close_wait_unread(const struct context *c, struct strbuf *out)
{
	/* The FIN itself counts one in Recv-Q. */
	uint32_t unread = c->sk->recv_queue - 1;
	strbuf_addf(out,
		    "the peer closed %s%s ago (limit %s), the end of the stream is "
		    "unread, and %s before it\n",
		    c->d.is_in_state_exact ? "" : "at least ",
		    DURATION(c->d.in_state_ms), LIMIT(c, CLOSE_WAIT_UNREAD_AGE),
		    SIZE(unread));
}

static void say_close_wait_leak(const struct context *c, struct strbuf *out)
{
	strbuf_addf(
		out,
		"the peer closed %s%s ago (limit %s); the application has read that "
		"and sent nothing for %s\n",
		c->d.is_in_state_exact ? "" : "at least ", DURATION(c->d.in_state_ms),
		LIMIT(c, CLOSE_WAIT_AGE), DURATION(c->sk->last_data_sent_ms));
}

static void say_unread(const struct context *c, struct strbuf *out)
{
	const struct assessment *a = &c->report->assessments[c->row];
	strbuf_addf(out,
		    "%s unread for at least %s (limit %s), %" PRId64
		    " bytes taken before that\n",
		    SIZE(c->sk->recv_queue), DURATION(a->since_cs * 10LL),
		    LIMIT(c, UNREAD_AGE), c->d.consumed_bytes);
}

static void say_slow_response(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "last data came in %s ago (limit %s), nothing sent since\n",
		    DURATION(c->sk->last_data_recv_ms), LIMIT(c, SLOW_RESPONSE_AGE));
}

static void say_slow_upstream(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "last data sent %s ago (limit %s), nothing came back since\n",
		    DURATION(c->sk->last_data_sent_ms), LIMIT(c, SLOW_UPSTREAM_AGE));
}

static void say_fin_wait_held(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out,
		    "our side closed its half %s%s ago (limit %s), the descriptor is "
		    "kept, and the peer has not closed\n",
		    c->d.is_in_state_exact ? "" : "at least ",
		    DURATION(c->d.in_state_ms), LIMIT(c, FIN_WAIT_AGE));
}

static void say_half_open_suspect(const struct context *c, struct strbuf *out)
{
	char limit[32];
	uint64_t silence_ms;
	auto_strbuf struct strbuf origin = { 0 };
	const struct target *t = report_target_of(c->report, c->row);
	if (t && target_silence(t, &silence_ms, &origin))
		strbuf_add(&origin, ": heartbeat + pong");
	limit_print(LIMIT_IDLE_UNVERIFIED_AGE, unverified_limit_ms(c), limit);
	strbuf_addf(out,
		    "idle for %s (limit %s%s%s) with keepalive off: if the peer "
		    "vanished, nobody would notice\n",
		    DURATION(c->d.idle_ms), limit, origin.len ? ", " : "",
		    strbuf_text(&origin));
}

static void say_connect_stuck(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "SYN sent %u times again, no answer (limit %s)\n",
		    c->sk->timer_retrans, LIMIT(c, CONNECT_AGE));
}

static void say_not_assessed(const struct context *c, struct strbuf *out)
{
	if (c->sk->has & TCP_IS_MPTCP)
		strbuf_add(out,
			   "MPTCP subflow: its queues are not the application's\n");
	else
		strbuf_add(out, "this kernel does not report the fields that a verdict "
				"needs\n");
}

static void (*const speakers[VERDICT_COUNT])(const struct context *c,
					     struct strbuf *out) = {
	[VERDICT_HALF_OPEN] = say_half_open,
	[VERDICT_UNREACHABLE] = say_unreachable,
	[VERDICT_LOCAL_PATH_DOWN] = say_local_path_down,
	[VERDICT_SLOW_READER] = say_slow_reader,
	[VERDICT_LOSSY] = say_lossy,
	[VERDICT_QUEUED] = say_queued,
	[VERDICT_QUEUE_ABANDONED] = say_queue_abandoned,
	[VERDICT_CLOSE_WAIT_UNREAD] = say_close_wait_unread,
	[VERDICT_CLOSE_WAIT_LEAK] = say_close_wait_leak,
	[VERDICT_UNREAD] = say_unread,
	[VERDICT_SLOW_RESPONSE] = say_slow_response,
	[VERDICT_SLOW_UPSTREAM] = say_slow_upstream,
	[VERDICT_FIN_WAIT_HELD] = say_fin_wait_held,
	[VERDICT_HALF_OPEN_SUSPECT] = say_half_open_suspect,
	[VERDICT_CONNECT_STUCK] = say_connect_stuck,
	[VERDICT_NOT_ASSESSED] = say_not_assessed,
};

void verdict_evidence(const struct report *r, uint32_t row, struct strbuf *sentences)
{
	struct context c;
	struct socket_past past;
	enum verdict verdict = r->assessments[row].verdict;
	if (!speakers[verdict])
		return;
	context_of_row(&c, r, row, &past);
	speakers[verdict](&c, sentences);
}
