/* SPDX-License-Identifier: MIT */
#include "detail.h"

#include <inttypes.h>
#include <string.h>

#include "clock_text.h"
#include "conn-doctor/fields.h"
#include "conn-doctor/format.h"
#include "remedies.h"

/* The page is a table of lines; a line that has nothing to say is left out. */
struct subject {
	const struct report *report;
	const struct tcp_socket *sk;
	const struct assessment *a;
	struct field_row row;
	struct socket_past past;
	bool has_past;
	const struct followers *followers; /* may be NULL */
};

static void put_ms(struct strbuf *out, uint64_t ms)
{
	char text[FORMAT_SIZE];
	strbuf_add(out, duration_print(ms, text));
}

static void put_size(struct strbuf *out, uint64_t bytes)
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

static void put_verdict(const struct subject *s, struct strbuf *out)
{
	put_field(s, FIELD_VERDICT, out);
	if (verdict_table[s->a->verdict].is_complaint)
		strbuf_addf(out, ", %s", confidence_name(s->a->confidence));
	strbuf_addf(out, ": %s", verdict_table[s->a->verdict].meaning);
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
	put_size(out, s->sk->recv_queue);
	strbuf_add(out, " received and unread, ");
	put_size(out, s->sk->send_queue);
	strbuf_add(out, " sent or to be sent and not acknowledged");
	if (s->sk->has & TCP_HAS_NOTSENT) {
		strbuf_add(out, " (");
		put_size(out, s->sk->notsent_bytes);
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
		put_size(out, s->sk->snd_wnd);
	}
	if (s->sk->has & TCP_HAS_RCV_WND) {
		strbuf_addf(out, "%sours: ", out->len ? ", " : "");
		put_size(out, s->sk->rcv_wnd);
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

/* A line of the timeline: what is new, and what it was. */
static void add_moment(struct page *page, const struct moment *m,
		       const struct moment *before)
{
	char at[CLOCK_TEXT_SIZE];
	auto_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%s  ", clock_print(m->realtime_ns, at));
	if (!before || before->state != m->state)
		strbuf_add(&text, tcp_state_name(m->state));
	if (!before || before->verdict != m->verdict)
		strbuf_addf(&text, "%sverdict %s",
			    !before || before->state != m->state ? ", " : "",
			    verdict_table[m->verdict].code);
	page_add(page, "", strbuf_text(&text), PAINT_NORMAL);
}

static void add_dropped(struct page *page, uint32_t count)
{
	auto_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "... %" PRIu32 " changes not kept", count);
	page_add(page, "", strbuf_text(&text), PAINT_NORMAL);
}

static void add_moments(struct page *page, const struct timeline *t)
{
	char at[32];
	page_add_heading(page, "Timeline");
	page_add(page, "first seen", clock_print_day(t->first_seen_ns, at),
		 PAINT_NORMAL);
	for (uint32_t i = 0; i < t->count; i++) {
		add_moment(page, &t->moments[i], i ? &t->moments[i - 1] : NULL);
		if (i == 0 && t->dropped)
			add_dropped(page, t->dropped);
	}
}

enum { STEPS_SHOWN = 6 };

static void add_step(struct page *page, const char *label, const struct step *step)
{
	char at[CLOCK_TEXT_SIZE];
	auto_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%s  ", clock_print(step->realtime_ns, at));
	if (step->consumed) {
		put_size(&text, step->consumed);
		strbuf_add(&text, " taken by the application");
	}
	if (step->acked) {
		strbuf_add(&text, step->consumed ? ", " : "");
		put_size(&text, step->acked);
		strbuf_add(&text, " acknowledged by the peer");
	}
	page_add(page, label, strbuf_text(&text), PAINT_NORMAL);
}

/* What moved while this page was open, newest first. */
static void add_steps(struct page *page, const struct steps *steps)
{
	char at[CLOCK_TEXT_SIZE];
	auto_strbuf struct strbuf text = { 0 };
	for (uint32_t i = 0; i < steps->total && i < STEPS_SHOWN; i++)
		add_step(page, i ? "" : "moved",
			 &steps->ring[(steps->total - 1 - i) % STEPS_MAX]);
	if (steps->total)
		return;
	strbuf_addf(&text, "nothing since %s", clock_print(steps->since_ns, at));
	page_add(page, "moved", strbuf_text(&text), PAINT_NORMAL);
}

static void add_timeline(struct page *page, const struct subject *s)
{
	const struct followed *f =
		s->followers ? followers_find(s->followers, s->sk->cookie) : NULL;
	if (!f)
		return;
	add_moments(page, &f->timeline);
	if (s->followers->steps.cookie == s->sk->cookie)
		add_steps(page, &s->followers->steps);
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
	{ NULL, NULL, add_timeline },
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

/* The evidence's sentences stand right below the verdict. */
static void add_evidence(struct page *page, const struct subject *s)
{
	auto_strbuf struct strbuf sentences = { 0 };
	verdict_evidence(s->report, s->row.row, &sentences);
	const char *label = "evidence";
	for (const char *at = strbuf_text(&sentences); *at; label = "") {
		size_t len = strcspn(at, "\n");
		auto_strbuf struct strbuf sentence = { 0 };
		strbuf_add_len(&sentence, at, len);
		page_add(page, label, strbuf_text(&sentence), PAINT_NORMAL);
		at += len + (at[len] == '\n');
	}
}

static void add_lines(struct page *page, const struct subject *s)
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

static void add_title(struct page *page, const struct subject *s)
{
	auto_strbuf struct strbuf title = { 0 };
	put_local(s, &title);
	strbuf_add(&title, s->a->role == ROLE_CLIENT ? " -> " : " <- ");
	put_peer(s, &title);
	page_set_title(page, strbuf_text(&title));
}

bool detail_make(struct detail *d, const struct report *r,
		 const struct followers *followers, uint64_t cookie, bool use_utf8)
{
	const struct render_options options = { .use_utf8 = use_utf8 };
	const struct tcp_socket *sk = snapshot_find(r->snap, cookie);
	if (!sk)
		return false;
	uint32_t row = (uint32_t)(sk - r->snap->sockets);
	struct subject s = {
		.report = r, .sk = sk, .a = &r->assessments[row], .followers = followers
	};
	field_row_init(&s.row, r, row, &options);
	s.has_past = history_find(r->history, cookie, &s.past);
	detail_clear(d);
	d->cookie = cookie;
	d->monotonic_ms = r->snap->monotonic_ms;
	add_title(&d->page, &s);
	auto_strbuf struct strbuf verdict = { 0 };
	put_verdict(&s, &verdict);
	page_add(&d->page, "verdict", strbuf_text(&verdict),
		 paint_of_severity(field_row_severity(s.a)));
	add_evidence(&d->page, &s);
	add_lines(&d->page, &s);
	return true;
}

static void add_ended_numbers(struct page *page, const struct tcp_socket *sk)
{
	auto_strbuf struct strbuf text = { 0 };
	put_size(&text, sk->recv_queue);
	strbuf_add(&text, " received and unread, ");
	put_size(&text, sk->send_queue);
	strbuf_add(&text, " not acknowledged");
	page_add(page, "queues", strbuf_text(&text), PAINT_NORMAL);
	if (!(sk->has & TCP_HAS_BYTES))
		return;
	strbuf_reset(&text);
	strbuf_addf(&text, "%" PRIu64 " received, %" PRIu64 " acknowledged by the peer",
		    sk->bytes_received, sk->bytes_acked);
	page_add(page, "bytes", strbuf_text(&text), PAINT_NORMAL);
}

void detail_write_ended(struct page *page, const struct ended *e)
{
	const struct followed *f = &e->last;
	char at[CLOCK_TEXT_SIZE];
	auto_strbuf struct strbuf text = { 0 };
	page_clear(page);
	strbuf_addf(&text, "ended by %s  ", clock_print(f->missed_ns, at));
	followed_put_name(f, &text);
	page_set_title(page, strbuf_text(&text));
	strbuf_reset(&text);
	ended_put_how(e, &text);
	page_add(page, "ended", strbuf_text(&text), PAINT_NORMAL);
	page_add(page, "last verdict", verdict_table[f->assessment.verdict].code,
		 PAINT_NORMAL);
	page_add(page, "last state", tcp_state_name(f->socket.state), PAINT_NORMAL);
	page_add(page, "last seen", clock_print(f->seen_ns, at), PAINT_NORMAL);
	if (*f->owner)
		page_add(page, "owner", f->owner, PAINT_NORMAL);
	add_moments(page, &f->timeline);
	page_add_heading(page, "Numbers of the last look");
	add_ended_numbers(page, &f->socket);
}

void detail_clear(struct detail *d)
{
	page_clear(&d->page);
	*d = (struct detail){ 0 };
}
