/* SPDX-License-Identifier: MIT */
#include "followed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/filter.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

/* Changes of one pass, the first ones told one by one. */
struct changes {
	struct event_log *log;
	uint64_t realtime_ns;
	size_t count;
};

static bool is_complaint(uint8_t verdict)
{
	return verdict_table[verdict].is_complaint;
}

/* The peer of a client stands behind an arrow that leads there. */
void followed_put_name(const struct followed *f, struct strbuf *out)
{
	const struct tcp_socket *sk = &f->socket;
	char local[ENDPOINT_TEXT_SIZE], peer[ENDPOINT_TEXT_SIZE];
	strbuf_addf(out, "%s %s %s",
		    endpoint_print(&sk->local, sk->ip_version, sk->local_port, local),
		    f->assessment.role == ROLE_CLIENT ? "->" : "<-",
		    endpoint_print(&sk->peer, sk->ip_version, sk->peer_port, peer));
}

static enum severity severity_of(const struct assessment *a)
{
	static const enum severity by_confidence[] = {
		[CONFIDENCE_SUSPECT] = SEVERITY_INFO,
		[CONFIDENCE_LIKELY] = SEVERITY_WARNING,
		[CONFIDENCE_PROVEN] = SEVERITY_CRITICAL,
	};
	return is_complaint(a->verdict) ? by_confidence[a->confidence] : SEVERITY_OK;
}

static void tell(struct changes *c, const struct followed *f, enum severity severity,
		 const char *what)
{
	auto_strbuf struct strbuf text = { 0 };
	if (!c->log || c->count++ >= CHANGES_PER_PASS)
		return;
	followed_put_name(f, &text);
	strbuf_addf(&text, "  %s", what);
	if (*f->owner)
		strbuf_addf(&text, "  %s", f->owner);
	struct event *e = event_log_add(c->log, EVENT_CONNECTION, c->realtime_ns,
					strbuf_text(&text));
	e->subject = f->socket.cookie;
	e->code = verdict_table[f->assessment.verdict].code;
	e->severity = severity;
}

static void tell_rest(const struct changes *c)
{
	auto_strbuf struct strbuf text = { 0 };
	if (!c->log || c->count <= CHANGES_PER_PASS)
		return;
	strbuf_addf(&text, "%zu more changes of connections in this look",
		    c->count - CHANGES_PER_PASS);
	event_log_add(c->log, EVENT_CONNECTION, c->realtime_ns, strbuf_text(&text));
}

static void add_moment(struct timeline *t, uint64_t realtime_ns, uint8_t state,
		       uint8_t verdict)
{
	if (t->count == MOMENTS_MAX) {
		memmove(&t->moments[1], &t->moments[2],
			(MOMENTS_MAX - 2) * sizeof(*t->moments));
		t->count--;
		t->dropped++;
	}
	t->moments[t->count++] = (struct moment){ realtime_ns, state, verdict };
}

/* "uvicorn[4711]"; a name is 15 characters in the kernel, and none of them is cut. */
static void note_owner(struct followed *f, const struct report *r, uint32_t row)
{
	enum { NAME_COLUMNS = 15, NAME_SIZE = OWNER_SIZE - sizeof("[-2147483648]") };
	auto_strbuf struct strbuf name = { 0 };
	const struct process *p = report_process_of(r, row, NULL);
	f->owner[0] = '\0';
	if (!p)
		return;
	text_sanitize(&name, p->comm, strlen(p->comm));
	size_t len = text_fit(strbuf_text(&name), NAME_COLUMNS);
	/* Combining characters take bytes and no columns. */
	if (len > NAME_SIZE)
		len = 0;
	snprintf(f->owner, sizeof(f->owner), "%.*s[%" PRId32 "]", (int)len,
		 strbuf_text(&name), p->pid);
}

/* A verdict that follows from the state, or asks nobody, is not worth a word. */
static bool is_told(uint8_t before, uint8_t now)
{
	return before != now && (is_complaint(before) || is_complaint(now));
}

static void note_change(struct followed *f, const struct tcp_socket *sk,
			const struct assessment *a, struct changes *c)
{
	uint8_t before = f->assessment.verdict, state = f->socket.state;
	bool has_verdict = is_told(before, a->verdict);
	f->assessment = *a;
	if (!has_verdict && state == sk->state)
		return;
	add_moment(&f->timeline, c->realtime_ns, sk->state, a->verdict);
	if (!is_complaint(before) && !is_complaint(a->verdict))
		return;
	auto_strbuf struct strbuf text = { 0 };
	if (has_verdict)
		strbuf_addf(&text, "%s, was %s", verdict_table[a->verdict].code,
			    verdict_table[before].code);
	if (state != sk->state)
		strbuf_addf(&text, "%s%s, was %s", text.len ? "; " : "",
			    tcp_state_name(sk->state), tcp_state_name(state));
	tell(c, f, severity_of(a), strbuf_text(&text));
}

static void see_again(struct followed *f, const struct follow_pass *pass, uint32_t row,
		      struct changes *c)
{
	const struct tcp_socket *sk = &pass->report->snap->sockets[row];
	/* A socket gets an owner by accept(). */
	if (!*f->owner || f->socket.inode != sk->inode)
		note_owner(f, pass->report, row);
	note_change(f, sk, &pass->report->assessments[row], c);
	f->socket = *sk;
	f->seen_ns = c->realtime_ns;
	f->missed_ns = f->missed_ms = 0;
}

/* The dump may show only some of the states; then leaving them looks like an end. */
static bool hides_states(const struct filter *filter)
{
	uint32_t all = TCP_STATES_ALL & ~TCP_STATE_BIT(TCP_STATE_LISTEN) &
		       ~TCP_STATE_BIT(TCP_STATE_CLOSED);
	return filter && (filter_states(filter) & all) != all;
}

/* Room for the newest: the oldest goes, a healthy one before a complaint. */
static void drop_ended(struct followers *f)
{
	size_t victim = 0;
	for (size_t i = 0; i < f->ended_count; i++) {
		if (!is_complaint(f->ended[i].last.assessment.verdict)) {
			victim = i;
			break;
		}
	}
	f->ended_count--;
	memmove(&f->ended[victim], &f->ended[victim + 1],
		(f->ended_count - victim) * sizeof(*f->ended));
}

/*
 * What was in TIME-WAIT had ended a minute before, and was on the screen as that
 * all the time.
 */
static void note_end(struct followers *f, const struct followed *gone,
		     const struct follow_pass *pass, struct changes *c)
{
	struct ended e = { .last = *gone,
			   .pass = f->pass,
			   .may_be_hidden = hides_states(pass->filter) };
	auto_strbuf struct strbuf text = { 0 };
	if (gone->socket.state == TCP_STATE_TIME_WAIT)
		return;
	/* An index into a snapshot that is no more. */
	e.last.socket.has &= (uint16_t)~TCP_HAS_CGROUP;
	if (!f->ended)
		f->ended = xcalloc(ENDED_MAX, sizeof(*f->ended));
	if (f->ended_count == ENDED_MAX)
		drop_ended(f);
	f->ended[f->ended_count++] = e;
	if (!is_complaint(gone->assessment.verdict))
		return;
	strbuf_addf(&text, "ended, was %s; ",
		    verdict_table[gone->assessment.verdict].code);
	ended_put_how(&e, &text);
	tell(c, gone, SEVERITY_INFO, strbuf_text(&text));
}

/* False when it need not be followed any more. */
static bool follow_on(struct followers *f, struct followed *item,
		      const struct follow_pass *pass, struct changes *c)
{
	const struct snapshot *snap = pass->report->snap;
	const struct tcp_socket *sk = snapshot_find(snap, item->socket.cookie);
	if (sk) {
		uint32_t row = (uint32_t)(sk - snap->sockets);
		if (!pass->report->assessments[row].is_selected)
			return false;
		see_again(item, pass, row, c);
		return pass->row_count <= FOLLOW_ALL_MAX ||
		       is_complaint(item->assessment.verdict) ||
		       sk->cookie == pass->wanted;
	}
	if (!snap->is_complete)
		return true;
	if (!item->missed_ns) {
		/* A dump may miss a living socket: once proves nothing. */
		item->missed_ns = snap->realtime_ns;
		item->missed_ms = snap->monotonic_ms;
		return true;
	}
	note_end(f, item, pass, c);
	return false;
}

static void follow_known(struct followers *f, const struct follow_pass *pass,
			 struct changes *c)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->count; i++) {
		if (!follow_on(f, &f->items[i], pass, c))
			continue;
		if (kept != i)
			f->items[kept] = f->items[i];
		kept++;
	}
	f->count = kept;
}

static void index_all(struct followers *f)
{
	bool is_new;
	u64_map_reset(&f->index);
	for (size_t i = 0; i < f->count; i++)
		*u64_map_insert(&f->index, f->items[i].socket.cookie, &is_new) =
			(uint32_t)i;
}

/* Wall clock of a moment of the monotonic one. */
static uint64_t wall_clock(const struct snapshot *snap, uint64_t monotonic_ms)
{
	uint64_t ago_ms = snap->monotonic_ms > monotonic_ms
				  ? snap->monotonic_ms - monotonic_ms
				  : 0;
	uint64_t ago_ns = ago_ms * 1000000;
	return snap->realtime_ns > ago_ns ? snap->realtime_ns - ago_ns : 0;
}

static void begin_to_follow(struct followers *f, const struct follow_pass *pass,
			    uint32_t row, struct changes *c)
{
	const struct snapshot *snap = pass->report->snap;
	const struct tcp_socket *sk = &snap->sockets[row];
	const struct assessment *a = &pass->report->assessments[row];
	struct socket_past past;
	bool is_new;
	uint32_t *place = u64_map_insert(&f->index, sk->cookie, &is_new);
	if (!is_new)
		return;
	*place = (uint32_t)f->count;
	array_reserve(&f->items, &f->capacity, f->count + 1, sizeof(*f->items));
	struct followed *item = &f->items[f->count++];
	*item = (struct followed){ .socket = *sk,
				   .assessment = *a,
				   .seen_ns = snap->realtime_ns };
	item->timeline.first_seen_ns = snap->realtime_ns;
	if (history_find(pass->past, sk->cookie, &past))
		item->timeline.first_seen_ns = wall_clock(snap, past.first_seen_ms);
	add_moment(&item->timeline, snap->realtime_ns, sk->state, a->verdict);
	note_owner(item, pass->report, row);
	if (is_complaint(a->verdict) && f->pass > 1)
		tell(c, item, severity_of(a), verdict_table[a->verdict].code);
}

/* Worst first: where only complaints are followed, the first other one ends it. */
static void follow_more(struct followers *f, const struct follow_pass *pass,
			struct changes *c)
{
	const struct report *r = pass->report;
	bool is_all = pass->row_count <= FOLLOW_ALL_MAX;
	const struct tcp_socket *wanted =
		pass->wanted ? snapshot_find(r->snap, pass->wanted) : NULL;
	if (wanted)
		begin_to_follow(f, pass, (uint32_t)(wanted - r->snap->sockets), c);
	for (size_t i = 0; i < pass->row_count && f->count < FOLLOWED_MAX; i++) {
		uint32_t row = pass->rows[i];
		if (!is_all && !is_complaint(r->assessments[row].verdict))
			return;
		begin_to_follow(f, pass, row, c);
	}
}

static void forget_ended(struct followers *f, uint64_t now_ms)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->ended_count; i++) {
		const struct ended *e = &f->ended[i];
		if (now_ms - e->last.missed_ms <= ENDED_SHOWN_MS ||
		    f->pass - e->pass <= ENDED_SHOWN_PASSES)
			f->ended[kept++] = *e;
	}
	f->ended_count = kept;
}

static void begin_steps(struct steps *s, const struct tcp_socket *sk, uint64_t now_ns)
{
	*s = (struct steps){ .cookie = sk->cookie,
			     .since_ns = now_ns,
			     .consumed = tcp_socket_consumed(sk),
			     .acked = sk->bytes_acked };
}

/* Counters of a living socket only grow; FIN and SYN are no reason to tell 1 byte. */
static void note_step(struct steps *s, const struct snapshot *snap, uint64_t wanted)
{
	const struct tcp_socket *sk = wanted ? snapshot_find(snap, wanted) : NULL;
	if (!sk || !(sk->has & TCP_HAS_BYTES))
		return;
	if (s->cookie != wanted) {
		begin_steps(s, sk, snap->realtime_ns);
		return;
	}
	uint64_t consumed = tcp_socket_consumed(sk), acked = sk->bytes_acked;
	struct step step = { snap->realtime_ns,
			     consumed > s->consumed ? consumed - s->consumed : 0,
			     acked > s->acked ? acked - s->acked : 0 };
	s->consumed = consumed;
	s->acked = acked;
	if (step.consumed || step.acked)
		s->ring[s->total++ % STEPS_MAX] = step;
}

void followers_update(struct followers *f, const struct follow_pass *pass,
		      struct event_log *log)
{
	const struct snapshot *snap = pass->report->snap;
	struct changes changes = { log, snap->realtime_ns, 0 };
	f->pass++;
	follow_known(f, pass, &changes);
	index_all(f);
	follow_more(f, pass, &changes);
	tell_rest(&changes);
	forget_ended(f, snap->monotonic_ms);
	note_step(&f->steps, snap, pass->wanted);
}

const struct followed *followers_find(const struct followers *f, uint64_t cookie)
{
	const uint32_t *i = u64_map_find(&f->index, cookie);
	return i ? &f->items[*i] : NULL;
}

/* What the last look saw, when nobody answered any more. */
static bool put_unanswered(const struct tcp_socket *sk, struct strbuf *out)
{
	if (!(sk->has & TCP_HAS_INFO))
		return false;
	if (sk->timer == TCP_TIMER_RETRANSMIT && sk->retransmits > 1)
		strbuf_addf(out, "timed out after %u retransmissions, likely",
			    sk->retransmits);
	else if (sk->probes > 1)
		strbuf_addf(out, "timed out after %u unanswered probes, likely",
			    sk->probes);
	else
		return false;
	return true;
}

static const char *how_by_state(uint8_t state)
{
	static const char *const texts[TCP_STATE_COUNT] = {
		[TCP_STATE_SYN_SENT] = "the connect was refused or given up, or "
				       "all of it went by between two looks",
		[TCP_STATE_SYN_RECV] = "the handshake was not finished",
		[TCP_STATE_NEW_SYN_RECV] = "the handshake was not finished",
		[TCP_STATE_FIN_WAIT_1] = "this side was closing it",
		[TCP_STATE_FIN_WAIT_2] = "this side was closing it, in order so far",
		[TCP_STATE_TIME_WAIT] = "closed in order",
		[TCP_STATE_CLOSE_WAIT] = "gone between two looks: closed after the "
					 "peer had closed, or reset",
		[TCP_STATE_LAST_ACK] = "both sides were closing it, in order so far",
		[TCP_STATE_CLOSING] = "both sides were closing it, in order so far",
	};
	const char *text = state < TCP_STATE_COUNT ? texts[state] : NULL;
	return text ? text
		    : "gone between two looks: closed by the peer first, reset or "
		      "aborted";
}

void ended_put_how(const struct ended *e, struct strbuf *out)
{
	const struct tcp_socket *sk = &e->last.socket;
	if (!put_unanswered(sk, out))
		strbuf_add(out, how_by_state(sk->state));
	if (e->may_be_hidden)
		strbuf_add(out, "; or it lives on in a state that the filter hides");
}

void followers_reset(struct followers *f)
{
	f->count = f->ended_count = 0;
	f->pass = 0;
	f->steps = (struct steps){ 0 };
	u64_map_reset(&f->index);
}

void followers_clear(struct followers *f)
{
	free(f->items);
	free(f->ended);
	u64_map_clear(&f->index);
	*f = (struct followers){ 0 };
}
