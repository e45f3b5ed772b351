/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "conn-doctor/format.h"
#include "context.h"

/*
 * What is said about a verdict. In few words, for a column: the one number that
 * decided it; how long it has been so is the business of another column, and the
 * history is not needed. In sentences: the numbers behind it, each with its unit and,
 * where one was applied, its limit; only made for rows that are shown.
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

static void brief_half_open(const struct context *c, struct strbuf *out)
{
	if (c->sk->timer == TCP_TIMER_RETRANSMIT)
		strbuf_addf(out, "%u resends unanswered", c->sk->retransmits);
	else
		strbuf_addf(out, "%u probes unanswered", c->sk->probes);
}

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

static void brief_unreachable(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "network errors, %u resends", c->sk->retransmits);
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

static void brief_local_path_down(const struct context *c, struct strbuf *out)
{
	char size[FORMAT_SIZE];
	strbuf_addf(out, "%s unsent, window open",
		    size_print(c->sk->notsent_bytes, size));
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

static void brief_unread(const struct context *c, struct strbuf *out)
{
	char size[FORMAT_SIZE];
	strbuf_addf(out, "%s unread", size_print(c->sk->recv_queue, size));
	if (c->d.consumed_bytes >= 0)
		strbuf_addf(out, ", %s read",
			    size_print((uint64_t)c->d.consumed_bytes, size));
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

/* The FIN itself counts one in Recv-Q. */
static void brief_close_wait_unread(const struct context *c, struct strbuf *out)
{
	char size[FORMAT_SIZE];
	if (c->sk->recv_queue > 1)
		strbuf_addf(out, "%s, end unread",
			    size_print(c->sk->recv_queue - 1, size));
	else
		strbuf_add(out, "end of stream unread");
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

static void brief_queue_abandoned(const struct context *c, struct strbuf *out)
{
	(void)c;
	strbuf_add(out, "left before accept");
}

static void say_queue_abandoned(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out,
		    "the client closed before it was accepted; it waited at least %s "
		    "(limit %s)\n",
		    DURATION(c->d.age_ms), LIMIT(c, QUEUED_AGE));
}

static void brief_queued(const struct context *c, struct strbuf *out)
{
	char size[FORMAT_SIZE];
	if (c->sk->recv_queue)
		strbuf_addf(out, "%s sent, ", size_print(c->sk->recv_queue, size));
	strbuf_add(out, "not accepted");
}

static void say_queued(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "not accepted for at least %s (limit %s), %s waiting unread\n",
		    DURATION(c->d.age_ms), LIMIT(c, QUEUED_AGE),
		    SIZE(c->sk->recv_queue));
}

static void brief_close_wait_leak(const struct context *c, struct strbuf *out)
{
	(void)c;
	strbuf_add(out, "end read, still open");
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

static void brief_slow_reader(const struct context *c, struct strbuf *out)
{
	char size[FORMAT_SIZE];
	strbuf_addf(out, "window 0, %s wait", size_print(c->sk->send_queue, size));
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

static void brief_connect_stuck(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "%u SYNs unanswered", c->sk->timer_retrans + 1U);
}

static void say_connect_stuck(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "SYN sent %u times again, no answer (limit %s)\n",
		    c->sk->timer_retrans, LIMIT(c, CONNECT_AGE));
}

static void brief_slow_upstream(const struct context *c, struct strbuf *out)
{
	char text[FORMAT_SIZE];
	strbuf_addf(out, "no answer for %s",
		    duration_print(c->sk->last_data_sent_ms, text));
}

static void say_slow_upstream(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "last data sent %s ago (limit %s), nothing came back since\n",
		    DURATION(c->sk->last_data_sent_ms), LIMIT(c, SLOW_UPSTREAM_AGE));
}

static void brief_slow_response(const struct context *c, struct strbuf *out)
{
	char text[FORMAT_SIZE];
	strbuf_addf(out, "no reply for %s",
		    duration_print(c->sk->last_data_recv_ms, text));
}

static void say_slow_response(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "last data came in %s ago (limit %s), nothing sent since\n",
		    DURATION(c->sk->last_data_recv_ms), LIMIT(c, SLOW_RESPONSE_AGE));
}

static void brief_fin_wait_held(const struct context *c, struct strbuf *out)
{
	(void)c;
	strbuf_add(out, "our half closed, kept");
}

static void say_fin_wait_held(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out,
		    "our side closed its half %s%s ago (limit %s), the descriptor is "
		    "kept, and the peer has not closed\n",
		    c->d.is_in_state_exact ? "" : "at least ",
		    DURATION(c->d.in_state_ms), LIMIT(c, FIN_WAIT_AGE));
}

static void brief_lossy(const struct context *c, struct strbuf *out)
{
	const struct tcp_socket *sk = c->sk;
	strbuf_addf(out, "%u of %u segments resent", sk->total_retrans,
		    sk->data_segs_out);
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

static void brief_half_open_suspect(const struct context *c, struct strbuf *out)
{
	char text[FORMAT_SIZE];
	if (c->d.idle_ms >= 0)
		strbuf_addf(out, "idle %s, no keepalive",
			    duration_print((uint64_t)c->d.idle_ms, text));
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

static void brief_not_assessed(const struct context *c, struct strbuf *out)
{
	strbuf_add(out, c->sk->has & TCP_IS_MPTCP ? "MPTCP subflow" : "fields missing");
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

typedef void speaker(const struct context *c, struct strbuf *out);

static const struct words {
	speaker *brief, *evidence;
} words[VERDICT_COUNT] = {
	[VERDICT_HALF_OPEN] = { brief_half_open, say_half_open },
	[VERDICT_UNREACHABLE] = { brief_unreachable, say_unreachable },
	[VERDICT_LOCAL_PATH_DOWN] = { brief_local_path_down, say_local_path_down },
	[VERDICT_UNREAD] = { brief_unread, say_unread },
	[VERDICT_CLOSE_WAIT_UNREAD] = { brief_close_wait_unread,
					say_close_wait_unread },
	[VERDICT_QUEUE_ABANDONED] = { brief_queue_abandoned, say_queue_abandoned },
	[VERDICT_QUEUED] = { brief_queued, say_queued },
	[VERDICT_CLOSE_WAIT_LEAK] = { brief_close_wait_leak, say_close_wait_leak },
	[VERDICT_SLOW_READER] = { brief_slow_reader, say_slow_reader },
	[VERDICT_CONNECT_STUCK] = { brief_connect_stuck, say_connect_stuck },
	[VERDICT_SLOW_UPSTREAM] = { brief_slow_upstream, say_slow_upstream },
	[VERDICT_SLOW_RESPONSE] = { brief_slow_response, say_slow_response },
	[VERDICT_FIN_WAIT_HELD] = { brief_fin_wait_held, say_fin_wait_held },
	[VERDICT_LOSSY] = { brief_lossy, say_lossy },
	[VERDICT_HALF_OPEN_SUSPECT] = { brief_half_open_suspect,
					say_half_open_suspect },
	[VERDICT_NOT_ASSESSED] = { brief_not_assessed, say_not_assessed },
};

static void speak(speaker *say, const struct report *r, uint32_t row,
		  struct strbuf *out)
{
	struct context c;
	struct socket_past past;
	if (!say)
		return;
	context_of_row(&c, r, row, &past);
	say(&c, out);
}

void verdict_brief(const struct report *r, uint32_t row, struct strbuf *out)
{
	speak(words[r->assessments[row].verdict].brief, r, row, out);
}

void verdict_evidence(const struct report *r, uint32_t row, struct strbuf *sentences)
{
	speak(words[r->assessments[row].verdict].evidence, r, row, sentences);
}
