/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/text.h"
#include "remedies.h"
#include "view.h"

/*
 * What was found, worst first, one line each; its page tells the story. Behind it,
 * dimmed, what could not be asked: that is neither sick nor healthy.
 */

enum { SEVERITY_WIDTH = 10, CODE_WIDTH = 19, NARROW_COLUMNS = 60 };

/* What only the host can know is no lack of this namespace. */
static bool is_shown(const struct unknown_check *u)
{
	return !u->is_of_host;
}

static size_t count_rows(const struct frame *f)
{
	size_t count = f->report.finding_count;
	for (size_t i = 0; i < f->report.unknown_count; i++)
		count += is_shown(&f->report.unknown[i]);
	return count;
}

/* NULL: a finding stands there. */
static const struct unknown_check *unknown_at(const struct frame *f, size_t position)
{
	const struct report *r = &f->report;
	size_t at = r->finding_count;
	for (size_t i = 0; position >= at && i < r->unknown_count; i++) {
		if (!is_shown(&r->unknown[i]))
			continue;
		if (at++ == position)
			return &r->unknown[i];
	}
	return NULL;
}

static uint64_t row_id(const struct frame *f, size_t position)
{
	const struct unknown_check *u = unknown_at(f, position);
	return u ? u64_hash(u->kind + 1) : f->report.findings[position].fingerprint;
}

static void draw_heading(const struct scene *s)
{
	const struct rect *r = &s->layout.heading;
	screen_put(r->y, r->x, r->width,
		   r->width < NARROW_COLUMNS ? "S FINDING"
					     : "SEVERITY  FINDING            WHAT",
		   PAINT_HEADING);
}

/* Narrow screens keep the sentence, which is what matters. */
static void put_head(const char *word, enum finding_kind kind, bool is_narrow,
		     struct strbuf *severity, struct strbuf *code)
{
	if (is_narrow) {
		strbuf_addf(severity, "%c ", word[0]);
		strbuf_addf(code, "%s: ", finding_table[kind].code);
	} else {
		strbuf_addf(severity, "%-*s", SEVERITY_WIDTH, word);
		strbuf_addf(code, "%-*s", CODE_WIDTH, finding_table[kind].code);
	}
}

static const char *how_unknown(const struct unknown_check *u)
{
	if (u->needs_time)
		return "too early to tell";
	return u->is_partial ? "not fully checked" : "not checked";
}

static void draw_unknown(const struct rect *line, const struct unknown_check *u)
{
	auto_strbuf struct strbuf text = { 0 }, severity = { 0 };
	put_head("unknown", u->kind, line->width < NARROW_COLUMNS, &severity, &text);
	int x = view_put_left(line, 0, 0, strbuf_text(&severity), PAINT_DIM);
	strbuf_addf(&text, "%s: ", how_unknown(u));
	text_sanitize(&text, u->reason, strlen(u->reason));
	view_put_left(line, 0, x, strbuf_text(&text), PAINT_DIM);
}

static void draw_row(const struct scene *s, size_t position, int y)
{
	const struct rect *r = &s->layout.table;
	const struct unknown_check *u = unknown_at(s->frame, position);
	struct rect line = { y, r->x, 1, r->width };
	auto_strbuf struct strbuf text = { 0 }, severity = { 0 };
	if (u) {
		draw_unknown(&line, u);
		return;
	}
	const struct finding *f = &s->frame->report.findings[position];
	put_head(summary_severity(f->severity), f->kind, r->width < NARROW_COLUMNS,
		 &severity, &text);
	int x = view_put_left(&line, 0, 0, strbuf_text(&severity),
			      paint_of_severity(f->severity));
	text_sanitize(&text, f->summary, strlen(f->summary));
	if (f->part_of != NO_INDEX)
		strbuf_addf(
			&text, " (part of %s)",
			finding_table[s->frame->report.findings[f->part_of].kind].code);
	view_put_left(&line, 0, x, strbuf_text(&text), PAINT_NORMAL);
}

static void add_outside(struct page *page, const char *label, const char *text,
			enum paint paint)
{
	auto_strbuf struct strbuf safe = { 0 };
	text_sanitize(&safe, text, strlen(text));
	page_add(page, label, strbuf_text(&safe), paint);
}

static void add_texts(struct page *page, const char *label, char *const *texts,
		      size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_outside(page, i ? "" : label, texts[i], PAINT_NORMAL);
}

static void add_since(struct page *page, const struct finding *f)
{
	char duration[FORMAT_SIZE];
	auto_strbuf struct strbuf text = { 0 };
	if (f->since_cs == ASSESSMENT_SINCE_UNKNOWN)
		return;
	strbuf_addf(&text, "%s%s", f->is_since_exact ? "" : "at least ",
		    duration_print(f->since_cs * 10ULL, duration));
	page_add(page, "since", strbuf_text(&text), PAINT_NORMAL);
}

/* Who it is about: the service with its owner, or the listener. */
static void add_subject(struct page *page, const struct report *r,
			const struct finding *f)
{
	char listener[ENDPOINT_TEXT_SIZE];
	auto_strbuf struct strbuf text = { 0 };
	if (f->service != NO_INDEX) {
		const struct service *s = &r->services[f->service];
		finding_listener_print(r, f, listener);
		strbuf_addf(&text, "%s ", *listener ? listener : s->listener_text);
		if (f->process == NO_INDEX)
			summary_put_owner(r, s, &text);
	}
	if (f->process != NO_INDEX) {
		const struct process *p = &r->snap->processes[f->process];
		const char *name = process_name(r, p);
		text_sanitize(&text, name, strlen(name));
		strbuf_addf(&text, "[%d]", p->pid);
	}
	if (text.len)
		page_add(page, "about", strbuf_text(&text), PAINT_NORMAL);
}

static void add_verdict(struct page *page, const struct finding *f)
{
	auto_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "%s: %s", finding_table[f->kind].code,
		    finding_title(f->kind));
	page_add(page, "finding", strbuf_text(&text), PAINT_NORMAL);
	strbuf_reset(&text);
	strbuf_addf(&text, "%s; %s", confidence_name(f->confidence),
		    acts_phrase(f->acts));
	page_add(page, "acts", strbuf_text(&text), PAINT_NORMAL);
}

static void add_parts(struct page *page, const struct report *r, size_t whole)
{
	const char *label = "tells too of";
	for (size_t i = 0; i < r->finding_count; i++) {
		if (r->findings[i].part_of != (int32_t)whole)
			continue;
		add_outside(page, label, r->findings[i].summary, PAINT_NORMAL);
		label = "";
	}
}

static void add_remedies(struct page *page, const struct report *r,
			 const struct finding *f)
{
	enum { REMEDIES_MAX = 3 };
	const struct knowledge_remedy *remedies[REMEDIES_MAX];
	size_t count = report_remedies(r, f, remedies, REMEDIES_MAX);
	for (size_t i = 0; i < count; i++) {
		auto_strbuf struct strbuf text = { 0 };
		remedy_put(remedies[i], &text);
		page_add(page, i ? "" : "next", strbuf_text(&text), PAINT_NORMAL);
	}
}

/* All the causes that are known, after the usual one and what mends it. */
static void add_causes(struct page *page, const char *code)
{
	size_t heading = page->count;
	page_add_heading(page, "What brings it about");
	if (!remedies_add_causes(page, code))
		page_cut(page, heading);
}

static void write_unknown(struct page *out, const struct unknown_check *u)
{
	const char *code = finding_table[u->kind].code;
	auto_strbuf struct strbuf text = { 0 };
	page_clear(out);
	strbuf_addf(&text, "unknown  %s", code);
	page_set_title(out, strbuf_text(&text));
	strbuf_reset(&text);
	strbuf_addf(&text, "%s: %s", how_unknown(u), u->reason);
	add_outside(out, "unknown", strbuf_text(&text), PAINT_NORMAL);
	page_add(out, "finding", finding_title(u->kind), PAINT_NORMAL);
	add_causes(out, code);
}

static bool write_page(const struct frame *frame, uint64_t id, struct page *out)
{
	const struct report *r = &frame->report;
	size_t position = view_find(&view_findings, frame, id);
	if (position == VIEW_NOT_FOUND)
		return false;
	if (unknown_at(frame, position)) {
		write_unknown(out, unknown_at(frame, position));
		return true;
	}
	const struct finding *f = &r->findings[position];
	auto_strbuf struct strbuf title = { 0 };
	page_clear(out);
	strbuf_addf(&title, "%s  %s", summary_severity(f->severity),
		    finding_table[f->kind].code);
	page_set_title(out, strbuf_text(&title));
	add_outside(out, "summary", f->summary, paint_of_severity(f->severity));
	add_verdict(out, f);
	add_subject(out, r, f);
	add_since(out, f);
	add_texts(out, "evidence", f->evidence, f->evidence_count);
	page_add(out, "cause", finding_cause(f), PAINT_NORMAL);
	add_texts(out, "now", f->next, f->next_count);
	add_remedies(out, r, f);
	add_parts(out, r, position);
	add_causes(out, finding_table[f->kind].code);
	return true;
}

static bool find_subject(const struct frame *f, uint64_t id, struct row_subject *out)
{
	size_t position = view_find(&view_findings, f, id);
	if (position == VIEW_NOT_FOUND)
		return false;
	const struct unknown_check *u = unknown_at(f, position);
	if (u) {
		*out = (struct row_subject){ .code = finding_table[u->kind].code };
		return true;
	}
	const struct finding *finding = &f->report.findings[position];
	*out = (struct row_subject){
		.has_json = true,
		.subject = { SUBJECT_FINDING, (uint32_t)position },
		.code = finding_table[finding->kind].code,
		.stack = finding->service == NO_INDEX
				 ? NULL
				 : f->report.services[finding->service].stack,
	};
	return true;
}

const struct view_ops view_findings = {
	.name = "findings",
	.empty = "nothing was found that asks anybody to act",
	.count = count_rows,
	.id = row_id,
	.draw_heading = draw_heading,
	.draw_row = draw_row,
	.write_page = write_page,
	.subject = find_subject,
};
