/* SPDX-License-Identifier: MIT */
#include "detail.h"

#include <inttypes.h>
#include <string.h>

#include "clock_text.h"
#include "detail_parts.h"

static void put_verdict(const struct subject *s, struct strbuf *out)
{
	field_table[FIELD_VERDICT].put(&s->row, out);
	if (verdict_table[s->a->verdict].is_complaint)
		strbuf_addf(out, ", %s", confidence_name(s->a->confidence));
	strbuf_addf(out, ": %s", verdict_table[s->a->verdict].meaning);
}

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

static void add_title(struct page *page, const struct subject *s)
{
	auto_strbuf struct strbuf title = { 0 };
	field_table[FIELD_LOCAL].put(&s->row, &title);
	strbuf_add(&title, s->a->role == ROLE_CLIENT ? " -> " : " <- ");
	field_table[FIELD_PEER].put(&s->row, &title);
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
	detail_add_lines(&d->page, &s);
	return true;
}

static void add_ended_numbers(struct page *page, const struct tcp_socket *sk)
{
	auto_strbuf struct strbuf text = { 0 };
	detail_put_size(&text, sk->recv_queue);
	strbuf_add(&text, " received and unread, ");
	detail_put_size(&text, sk->send_queue);
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
	detail_add_moments(page, &f->timeline);
	page_add_heading(page, "Numbers of the last look");
	add_ended_numbers(page, &f->socket);
}

void detail_clear(struct detail *d)
{
	page_clear(&d->page);
	*d = (struct detail){ 0 };
}
