/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "detail_parts.h"
#include "remedies.h"

/* The lines that say all that the kernel tells of one connection. */

static void put_ms(struct strbuf *out, uint64_t ms)
{
	char text[FORMAT_SIZE];
	strbuf_add(out, duration_print(ms, text));
}

void detail_put_size(struct strbuf *out, uint64_t bytes)
{
	char text[FORMAT_SIZE];
	strbuf_add(out, size_print(bytes, text));
}

static void put_field(const struct subject *s, enum field_id id, struct strbuf *out)
{
	field_table[id].put(&s->row, out);
}

/* As a field, but nothing instead of "-". */
static void put_known(const struct subject *s, enum field_id id, struct strbuf *out)
{
	size_t start = out->len;
	put_field(s, id, out);
	if (strcmp(out->text + start, "-") == 0) {
		out->len = start;
		out->text[start] = '\0';
	}
}

static bool has_info(const struct subject *s)
{
	return s->sk->has & TCP_HAS_INFO;
}

/* In SYN_SENT the clocks hold the time since boot. */
static bool has_clocks(const struct subject *s)
{
	return has_info(s) && s->sk->state != TCP_STATE_SYN_SENT &&
	       s->sk->state != TCP_STATE_CLOSED;
}

static void put_acts(const struct subject *s, struct strbuf *out)
{
	if (s->a->acts != ACTS_NOBODY)
		strbuf_add(out, acts_phrase(s->a->acts));
}

static void put_since(const struct subject *s, struct strbuf *out)
{
	put_known(s, FIELD_SINCE, out);
}

static void put_state(const struct subject *s, struct strbuf *out)
{
	auto_strbuf struct strbuf time = { 0 };
	put_field(s, FIELD_STATE, out);
	put_known(s, FIELD_IN_STATE, &time);
	if (time.len)
		strbuf_addf(out, " for %s", strbuf_text(&time));
}

static void put_role(const struct subject *s, struct strbuf *out)
{
	static const char *const words[] = {
		[ROLE_NONE] = "",
		[ROLE_SERVER] = "server: a socket here listens on the local port",
		[ROLE_CLIENT] = "client: this side connected",
	};
	strbuf_add(out, words[s->a->role]);
}

static void put_local(const struct subject *s, struct strbuf *out)
{
	put_field(s, FIELD_LOCAL, out);
}

static void put_peer(const struct subject *s, struct strbuf *out)
{
	put_field(s, FIELD_PEER, out);
}

static void put_owner(const struct subject *s, struct strbuf *out)
{
	put_field(s, FIELD_OWNER, out);
}

static void put_cookie(const struct subject *s, struct strbuf *out)
{
	put_field(s, FIELD_COOKIE, out);
	strbuf_addf(out, ", inode %" PRIu32 ", uid %" PRIu32, s->sk->inode, s->sk->uid);
}

static void put_gives_up(const struct subject *s, struct strbuf *out)
{
	put_known(s, FIELD_GIVES_UP, out);
	if (!out->len)
		strbuf_add(out, "not known");
}

static const char *why_by_timer(const struct tcp_socket *sk)
{
	static const char *const reasons[] = {
		[TCP_TIMER_NONE] = "no timer runs: the kernel will never end it; only "
				   "the application or the peer can",
		[TCP_TIMER_RETRANSMIT] =
			"unacknowledged data is sent again until tcp_retries2 is "
			"reached",
		[TCP_TIMER_KEEPALIVE] =
			"keepalive ends it after unanswered probes; how many the "
			"application has asked for cannot be seen",
		[TCP_TIMER_TIME_WAIT] = "the kernel forgets it when this timer fires",
		[TCP_TIMER_PROBE0] =
			"window probes run; the limit is tcp_retries2 unanswered ones",
		[TCP_TIMER_DELAYED_ACK] =
			"an acknowledgement is due; it hides the other timers",
	};
	if (sk->timer >= sizeof(reasons) / sizeof(*reasons))
		return "";
	return reasons[sk->timer];
}

static void put_why(const struct subject *s, struct strbuf *out)
{
	const struct tcp_socket *sk = s->sk;
	if (sk->state == TCP_STATE_SYN_RECV)
		strbuf_add(out, "the SYN-ACK is repeated until tcp_synack_retries");
	else if (sk->state == TCP_STATE_SYN_SENT)
		strbuf_add(out, "the SYN is repeated until tcp_syn_retries");
	else if (sk->timer == TCP_TIMER_RETRANSMIT && !sk->inode)
		strbuf_add(out,
			   "nobody owns it: what is not acknowledged is sent again "
			   "until tcp_orphan_retries is reached");
	else if (sk->timer == TCP_TIMER_PROBE0 && !sk->probes)
		strbuf_add(out,
			   "the peer answers each window probe, so the count begins "
			   "anew every time");
	else
		strbuf_add(out, why_by_timer(sk));
}

static void put_timer(const struct subject *s, struct strbuf *out)
{
	static const char *const names[] = {
		"",          "retransmit",   "keepalive",
		"time-wait", "window probe", "delayed ACK"
	};
	const struct tcp_socket *sk = s->sk;
	if (sk->timer == TCP_TIMER_NONE || sk->timer >= sizeof(names) / sizeof(*names))
		return;
	strbuf_addf(out, "%s, fires in ", names[sk->timer]);
	put_ms(out, sk->expires_ms);
	strbuf_addf(out, ", fired %u times", sk->timer_retrans);
}

static void put_keepalive(const struct subject *s, struct strbuf *out)
{
	put_known(s, FIELD_KA, out);
	const struct derived *d = &s->row.derived;
	if (!out->len || d->keepalive != KEEPALIVE_ON || d->keepidle_ms <= 0)
		return;
	strbuf_add(out, d->is_audited ? ", probes after " : ", probes after about ");
	put_ms(out, (uint64_t)d->keepidle_ms);
	strbuf_add(out, " of silence");
	if (!d->is_audited)
		return;
	strbuf_add(out, ", then every ");
	put_ms(out, (uint64_t)d->keepintvl_ms);
	strbuf_addf(out, ", %lld of them", (long long)d->keepcnt);
}

static void put_detection(const struct subject *s, struct strbuf *out)
{
	const struct derived *d = &s->row.derived;
	if (d->detects_idle_ms == DERIVED_NEVER) {
		strbuf_add(out, "never while idle");
	} else if (d->detects_idle_ms >= 0) {
		strbuf_add(out, d->is_detects_exact ? "" : "at least ");
		put_ms(out, (uint64_t)d->detects_idle_ms);
		strbuf_add(out, " while idle");
	}
	if (d->detects_in_flight_ms < 0)
		return;
	strbuf_add(out, out->len ? ", " : "");
	put_ms(out, (uint64_t)d->detects_in_flight_ms);
	strbuf_add(out, " with data in flight");
	strbuf_add(out, d->user_timeout_ms > 0 ? " (TCP_USER_TIMEOUT)" : "");
}

static void put_turn(const struct subject *s, struct strbuf *out)
{
	static const char *const words[] = {
		[TURN_UNKNOWN] = "",
		[TURN_LOCAL] = "local: the last data came in, our side is to answer",
		[TURN_PEER] = "peer: the last data went out, the peer is to answer",
	};
	strbuf_add(out, words[s->row.derived.turn]);
}

static void put_idle(const struct subject *s, struct strbuf *out)
{
	if (!has_clocks(s))
		return;
	put_ms(out, s->sk->last_data_recv_ms);
	strbuf_add(out, " since data came in, ");
	put_ms(out, s->sk->last_data_sent_ms);
	strbuf_add(out, " since data went out");
}

static void put_heard(const struct subject *s, struct strbuf *out)
{
	if (!has_clocks(s))
		return;
	put_ms(out, s->sk->last_ack_recv_ms);
	strbuf_add(out, " since the peer's last acknowledgement");
}

static void put_age(const struct subject *s, struct strbuf *out)
{
	put_known(s, FIELD_AGE, out);
}

static void put_seen(const struct subject *s, struct strbuf *out)
{
	if (!s->has_past) {
		strbuf_add(out, "what was seen before this look is not at hand");
		return;
	}
	strbuf_addf(out, "in %" PRIu32 " looks, first ", s->past.sample_count);
	put_ms(out, s->report->snap->monotonic_ms - s->past.first_seen_ms);
	strbuf_add(out, " ago");
}

/* A time of the past that is 0 means "not so". */
static void put_past_time(const struct subject *s, uint64_t since_ms, const char *what,
			  struct strbuf *out)
{
	uint64_t now_ms = s->report->snap->monotonic_ms;
	strbuf_addf(out, "%s for at least ", what);
	put_ms(out, now_ms > since_ms ? now_ms - since_ms : 0);
}

static void put_taken(const struct subject *s, struct strbuf *out)
{
	if (s->has_past && s->sk->recv_queue)
		put_past_time(s, s->past.unread_since_ms,
			      "the application has taken nothing", out);
}

static void put_progress(const struct subject *s, struct strbuf *out)
{
	if (s->has_past && s->sk->send_queue)
		put_past_time(s, s->past.stalled_since_ms,
			      "the peer has acknowledged nothing", out);
}

static void put_queues(const struct subject *s, struct strbuf *out)
{
	detail_put_size(out, s->sk->recv_queue);
	strbuf_add(out, " received and unread, ");
	detail_put_size(out, s->sk->send_queue);
	strbuf_add(out, " sent or to be sent and not acknowledged");
	if (s->sk->has & TCP_HAS_NOTSENT) {
		strbuf_add(out, " (");
		detail_put_size(out, s->sk->notsent_bytes);
		strbuf_add(out, " not sent yet)");
	}
}

static void put_bytes(const struct subject *s, struct strbuf *out)
{
	if (!(s->sk->has & TCP_HAS_BYTES))
		return;
	strbuf_addf(out, "%" PRIu64 " received, %" PRIu64 " acknowledged by the peer",
		    s->sk->bytes_received, s->sk->bytes_acked);
	if (s->row.derived.consumed_bytes >= 0)
		strbuf_addf(out, ", %" PRId64 " taken by the application",
			    s->row.derived.consumed_bytes);
}

static void put_segments(const struct subject *s, struct strbuf *out)
{
	if (!has_info(s))
		return;
	strbuf_addf(out, "%" PRIu32 " in flight", s->sk->unacked);
	if (s->sk->has & TCP_HAS_NOTSENT)
		strbuf_addf(out, ", %" PRIu32 " with data sent", s->sk->data_segs_out);
	if (s->sk->has & TCP_HAS_SEGS)
		strbuf_addf(out, ", %" PRIu32 " came in", s->sk->segs_in);
}

static void put_retransmits(const struct subject *s, struct strbuf *out)
{
	if (has_info(s))
		strbuf_addf(out,
			    "%" PRIu32 " in all, %u in a row, back-off %u, %u probes "
			    "unanswered",
			    s->sk->total_retrans, s->sk->retransmits, s->sk->backoff,
			    s->sk->probes);
}

static void put_window(const struct subject *s, struct strbuf *out)
{
	if (s->sk->has & TCP_HAS_SND_WND) {
		strbuf_add(out, "the peer's: ");
		detail_put_size(out, s->sk->snd_wnd);
	}
	if (s->sk->has & TCP_HAS_RCV_WND) {
		strbuf_addf(out, "%sours: ", out->len ? ", " : "");
		detail_put_size(out, s->sk->rcv_wnd);
	}
	if (has_info(s))
		strbuf_addf(out, "%scongestion: %" PRIu32 " segments",
			    out->len ? ", " : "", s->sk->snd_cwnd);
}

static void put_path(const struct subject *s, struct strbuf *out)
{
	if (!has_info(s) || !s->sk->rtt_us)
		return;
	put_field(s, FIELD_RTT, out);
	strbuf_addf(out, ", varies by %" PRIu32 "us, retransmission timeout ",
		    s->sk->rttvar_us);
	put_ms(out, s->sk->rto_us / 1000);
}

static void put_missing(const struct subject *s, struct strbuf *out)
{
	if (!has_info(s))
		strbuf_add(out, "the kernel gives no tcp_info in this state");
	else if (!(s->sk->has & TCP_HAS_BYTES) || !(s->sk->has & TCP_HAS_NOTSENT))
		strbuf_add(out, "this kernel is too old for some of the numbers");
}

/* Of the server that the connection belongs to; clients have none that is known. */
static const char *stack_of(const struct subject *s)
{
	const struct service *service = report_service_of(s->report, s->row.row);
	return service ? service->stack : NULL;
}

static void add_remedies(struct page *page, const struct subject *s)
{
	if (verdict_table[s->a->verdict].is_complaint)
		remedies_add(page, verdict_table[s->a->verdict].code, stack_of(s));
}

static const struct {
	const char *label;
	void (*put)(const struct subject *s, struct strbuf *out); /* NULL: a heading */
	void (*add)(struct page *page, const struct subject *s);  /* a whole section */
} lines[] = {
	{ "acts", put_acts, NULL },
	{ "since", put_since, NULL },
	{ "local", put_local, NULL },
	{ "peer", put_peer, NULL },
	{ "state", put_state, NULL },
	{ "role", put_role, NULL },
	{ "owner", put_owner, NULL },
	{ "identity", put_cookie, NULL },
	{ "What the kernel will do", NULL, NULL },
	{ "gives up in", put_gives_up, NULL },
	{ "why", put_why, NULL },
	{ "timer", put_timer, NULL },
	{ "keepalive", put_keepalive, NULL },
	{ "dead peer", put_detection, NULL },
	{ "How it moved", NULL, NULL },
	{ "turn", put_turn, NULL },
	{ "idle", put_idle, NULL },
	{ "heard", put_heard, NULL },
	{ "age", put_age, NULL },
	{ "seen", put_seen, NULL },
	{ "reading", put_taken, NULL },
	{ "writing", put_progress, NULL },
	{ NULL, NULL, detail_add_timeline },
	{ NULL, NULL, add_remedies },
	{ "Numbers", NULL, NULL },
	{ "queues", put_queues, NULL },
	{ "bytes", put_bytes, NULL },
	{ "segments", put_segments, NULL },
	{ "sent again", put_retransmits, NULL },
	{ "windows", put_window, NULL },
	{ "round trip", put_path, NULL },
	{ "not known", put_missing, NULL },
};

void detail_add_lines(struct page *page, const struct subject *s)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		auto_strbuf struct strbuf text = { 0 };
		if (lines[i].add) {
			lines[i].add(page, s);
			continue;
		}
		if (!lines[i].put) {
			page_add_heading(page, lines[i].label);
			continue;
		}
		lines[i].put(s, &text);
		if (text.len)
			page_add(page, lines[i].label, strbuf_text(&text),
				 PAINT_NORMAL);
	}
}
