/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "clock_text.h"
#include "detail_parts.h"

/* How the connection came to be as it is: changes of state, and what moved. */

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

void detail_add_moments(struct page *page, const struct timeline *t)
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
		detail_put_size(&text, step->consumed);
		strbuf_add(&text, " taken by the application");
	}
	if (step->acked) {
		strbuf_add(&text, step->consumed ? ", " : "");
		detail_put_size(&text, step->acked);
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

void detail_add_timeline(struct page *page, const struct subject *s)
{
	const struct followed *f =
		s->followers ? followers_find(s->followers, s->sk->cookie) : NULL;
	if (!f)
		return;
	detail_add_moments(page, &f->timeline);
	if (s->followers->steps.cookie == s->sk->cookie)
		add_steps(page, &s->followers->steps);
}
