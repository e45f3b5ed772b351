/* SPDX-License-Identifier: MIT */
#include "conn-doctor/format.h"
#include "context.h"

/*
 * The one number that decided a verdict, in few words. How long it has been so is
 * the business of another column; evidence.c tells all of it, with the limits.
 * Nothing here needs the history.
 */

static void brief_half_open(const struct context *c, struct strbuf *out)
{
	if (c->sk->timer == TCP_TIMER_RETRANSMIT)
		strbuf_addf(out, "%u resends unanswered", c->sk->retransmits);
	else
		strbuf_addf(out, "%u probes unanswered", c->sk->probes);
}

static void brief_unreachable(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "network errors, %u resends", c->sk->retransmits);
}

static void brief_local_path_down(const struct context *c, struct strbuf *out)
{
	char size[FORMAT_SIZE];
	strbuf_addf(out, "%s unsent, window open",
		    size_print(c->sk->notsent_bytes, size));
}

static void brief_unread(const struct context *c, struct strbuf *out)
{
	char size[FORMAT_SIZE];
	strbuf_addf(out, "%s unread", size_print(c->sk->recv_queue, size));
	if (c->d.consumed_bytes >= 0)
		strbuf_addf(out, ", %s read",
			    size_print((uint64_t)c->d.consumed_bytes, size));
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

static void brief_queue_abandoned(const struct context *c, struct strbuf *out)
{
	(void)c;
	strbuf_add(out, "left before accept");
}

static void brief_queued(const struct context *c, struct strbuf *out)
{
	char size[FORMAT_SIZE];
	if (c->sk->recv_queue)
		strbuf_addf(out, "%s sent, ", size_print(c->sk->recv_queue, size));
	strbuf_add(out, "not accepted");
}

static void brief_close_wait_leak(const struct context *c, struct strbuf *out)
{
	(void)c;
	strbuf_add(out, "end read, still open");
}

static void brief_slow_reader(const struct context *c, struct strbuf *out)
{
	char size[FORMAT_SIZE];
	strbuf_addf(out, "window 0, %s wait", size_print(c->sk->send_queue, size));
}

static void brief_connect_stuck(const struct context *c, struct strbuf *out)
{
	strbuf_addf(out, "%u SYNs unanswered", c->sk->timer_retrans + 1U);
}

static void brief_slow_response(const struct context *c, struct strbuf *out)
{
	char text[FORMAT_SIZE];
	strbuf_addf(out, "no reply for %s",
		    duration_print(c->sk->last_data_recv_ms, text));
}

static void brief_slow_upstream(const struct context *c, struct strbuf *out)
{
	char text[FORMAT_SIZE];
	strbuf_addf(out, "no answer for %s",
		    duration_print(c->sk->last_data_sent_ms, text));
}

static void brief_fin_wait_held(const struct context *c, struct strbuf *out)
{
	(void)c;
	strbuf_add(out, "our half closed, kept");
}

static void brief_lossy(const struct context *c, struct strbuf *out)
{
	const struct tcp_socket *sk = c->sk;
	strbuf_addf(out, "%u of %u segments resent", sk->total_retrans,
		    sk->data_segs_out);
}

static void brief_half_open_suspect(const struct context *c, struct strbuf *out)
{
	char text[FORMAT_SIZE];
	if (c->d.idle_ms >= 0)
		strbuf_addf(out, "idle %s, no keepalive",
			    duration_print((uint64_t)c->d.idle_ms, text));
}

static void brief_not_assessed(const struct context *c, struct strbuf *out)
{
	strbuf_add(out, c->sk->has & TCP_IS_MPTCP ? "MPTCP subflow" : "fields missing");
}

static void (*const speakers[VERDICT_COUNT])(const struct context *c,
					     struct strbuf *out) = {
	[VERDICT_HALF_OPEN] = brief_half_open,
	[VERDICT_UNREACHABLE] = brief_unreachable,
	[VERDICT_LOCAL_PATH_DOWN] = brief_local_path_down,
	[VERDICT_UNREAD] = brief_unread,
	[VERDICT_CLOSE_WAIT_UNREAD] = brief_close_wait_unread,
	[VERDICT_QUEUE_ABANDONED] = brief_queue_abandoned,
	[VERDICT_QUEUED] = brief_queued,
	[VERDICT_CLOSE_WAIT_LEAK] = brief_close_wait_leak,
	[VERDICT_SLOW_READER] = brief_slow_reader,
	[VERDICT_CONNECT_STUCK] = brief_connect_stuck,
	[VERDICT_SLOW_UPSTREAM] = brief_slow_upstream,
	[VERDICT_SLOW_RESPONSE] = brief_slow_response,
	[VERDICT_FIN_WAIT_HELD] = brief_fin_wait_held,
	[VERDICT_LOSSY] = brief_lossy,
	[VERDICT_HALF_OPEN_SUSPECT] = brief_half_open_suspect,
	[VERDICT_NOT_ASSESSED] = brief_not_assessed,
};

void verdict_brief(const struct report *r, uint32_t row, struct strbuf *out)
{
	struct context c;
	struct socket_past past;
	enum verdict verdict = r->assessments[row].verdict;
	if (!speakers[verdict])
		return;
	context_of_row(&c, r, row, &past);
	speakers[verdict](&c, out);
}
