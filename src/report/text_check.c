/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "formats.h"
#include "names.h"
#include "paint.h"
#include "table.h"
#include "text_page.h"

/*
 * What is read at three in the morning, most important first: a line for each
 * service, then the findings with their evidence, then the worst connections,
 * then how complete the picture is.
 */
enum {
	SEVERITY_WIDTH = 10, /* "CRITICAL" and the gap */
	CODE_WIDTH = 17,     /* longest code of a finding */
	LABEL_INDENT = 4,
	LABEL_WIDTH = 10, /* "evidence" and the gap */
	HEALTHY_MAX = 20, /* services without findings, unless --wide */
	REMEDIES_MAX = 3,
	ROWS_MAX = 20, /* connections, unless --wide or --all-connections */
};

/* One subject of the opening lines: a service, or a finding outside of one. */
struct headline {
	enum severity severity;
	size_t order; /* among the same severity */
	const struct service *service;
	const struct finding *finding; /* worst one, NULL = healthy */
};

struct headlines {
	struct headline *items;
	size_t count, capacity;
};

static void add_headline(struct headlines *all, struct headline h)
{
	array_reserve(&all->items, &all->capacity, all->count + 1, sizeof(*all->items));
	all->items[all->count++] = h;
}

/* Worst first; stories that are told elsewhere only when there is nothing else. */
static const struct finding *worst_finding(const struct report *r, int32_t service)
{
	const struct finding *part = NULL;
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		if (f->service != service)
			continue;
		if (f->part_of == NO_INDEX)
			return f;
		if (!part)
			part = f;
	}
	return part;
}

static int compare_headlines(const void *a, const void *b)
{
	const struct headline *x = a, *y = b;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static void collect_headlines(const struct report *r, struct headlines *all)
{
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		const struct finding *f = worst_finding(r, (int32_t)i);
		if (!f && !is_service_shown(r, s))
			continue;
		add_headline(all, (struct headline){
					  .severity = f ? f->severity : SEVERITY_OK,
					  .order = (size_t)s->netns << 16 | s->port,
					  .service = s,
					  .finding = f,
				  });
	}
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct finding *f = &r->findings[i];
		if (f->service == NO_INDEX && f->part_of == NO_INDEX)
			add_headline(all, (struct headline){
						  .severity = f->severity,
						  .order = SIZE_MAX / 2 + i,
						  .finding = f,
					  });
	}
	if (all->count)
		qsort(all->items, all->count, sizeof(*all->items), compare_headlines);
}

/* "CRITICAL  ", painted. */
static void write_severity(const struct page *p, enum severity severity)
{
	const char *word = severity_word(severity);
	fprintf(p->out, "%s%s%s%*s", paint_on(severity, p->o), word,
		paint_off(severity, p->o), SEVERITY_WIDTH - (int)strlen(word), "");
}

static void write_headline(struct page *p, const struct headline *h)
{
	strbuf_reset(&p->line);
	if (h->service)
		put_service(&p->line, p->r, h->service, h->finding, p->o);
	else
		put_scope(&p->line, p->r, h->finding, p->o);
	strbuf_add(&p->line, ": ");
	if (h->finding)
		put_outside(&p->line, h->finding->summary, p->o);
	else
		put_counts(&p->line, h->service->verdicts);
	write_severity(p, h->severity);
	write_wrapped(p->out, strbuf_text(&p->line), SEVERITY_WIDTH, SEVERITY_WIDTH,
		      p->o);
}

/* Connections that no listener covers, unless a finding speaks of such. */
static void write_outgoing(struct page *p)
{
	const struct report *r = p->r;
	uint32_t verdicts[VERDICT_COUNT], count = 0;
	memcpy(verdicts, r->verdicts, sizeof(verdicts));
	for (size_t i = 0; i < r->service_count; i++)
		for (size_t v = 0; v < VERDICT_COUNT; v++)
			verdicts[v] -= r->services[i].verdicts[v];
	for (size_t v = 0; v < VERDICT_LISTENING; v++)
		count += verdicts[v];
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].service == NO_INDEX)
			return;
	if (!count)
		return;
	strbuf_reset(&p->line);
	strbuf_add(&p->line, "outgoing: ");
	put_counts(&p->line, verdicts);
	write_severity(p, SEVERITY_OK);
	write_wrapped(p->out, strbuf_text(&p->line), SEVERITY_WIDTH, SEVERITY_WIDTH,
		      p->o);
}

static void write_headlines(struct page *p)
{
	struct headlines all = { 0 };
	size_t healthy = 0;
	collect_headlines(p->r, &all);
	for (size_t i = 0; i < all.count; i++) {
		if (!all.items[i].finding && ++healthy > HEALTHY_MAX && !p->o->wide)
			continue;
		write_headline(p, &all.items[i]);
	}
	if (healthy > HEALTHY_MAX && !p->o->wide) {
		write_severity(p, SEVERITY_OK);
		fprintf(p->out, "and %zu more services without findings\n",
			healthy - HEALTHY_MAX);
	}
	write_outgoing(p);
	free(all.items);
}

/* "    evidence  text"; the label stands on the first line only. */
static void write_labelled(struct page *p, const char *label, const char *text)
{
	enum { INDENT = LABEL_INDENT + LABEL_WIDTH };
	strbuf_reset(&p->line);
	put_outside(&p->line, text, p->o);
	fprintf(p->out, "%*s%-*s", LABEL_INDENT, "", LABEL_WIDTH, label);
	write_wrapped(p->out, strbuf_text(&p->line), INDENT, INDENT, p->o);
}

static void write_evidence(struct page *p, const struct finding *f)
{
	const char *label = "evidence";
	for (size_t i = 0; i < f->evidence_count; i++, label = "")
		write_labelled(p, label, f->evidence[i]);
}

static void write_info(struct page *p, const struct finding *f)
{
	enum { INDENT = 2 + SEVERITY_WIDTH + CODE_WIDTH + 2 };
	fputs("  ", p->out);
	write_severity(p, f->severity);
	fprintf(p->out, "%-*s  ", CODE_WIDTH, finding_table[f->kind].code);
	strbuf_reset(&p->line);
	put_scope(&p->line, p->r, f, p->o);
	strbuf_add(&p->line, ": ");
	put_outside(&p->line, f->summary, p->o);
	if (f->phase == PHASE_PENDING && f->evidence_count) {
		strbuf_add(&p->line, "; ");
		put_outside(&p->line, f->evidence[f->evidence_count - 1], p->o);
	}
	write_wrapped(p->out, strbuf_text(&p->line), INDENT, INDENT, p->o);
}

/* "next": what changes it for good, of the server that is running first. */
static void write_remedies(struct page *p, const struct finding *f)
{
	const struct knowledge_remedy *remedies[REMEDIES_MAX];
	size_t count = report_remedies(p->r, f, remedies, REMEDIES_MAX);
	auto_strbuf struct strbuf text = { 0 };
	for (size_t i = 0; i < count; i++) {
		strbuf_reset(&text);
		remedy_put(remedies[i], &text);
		write_labelled(p, i ? "" : "next", strbuf_text(&text));
	}
}

static void write_finding(struct page *p, const struct finding *f)
{
	if (f->severity <= SEVERITY_INFO) {
		write_info(p, f);
		return;
	}
	strbuf_reset(&p->line);
	put_scope(&p->line, p->r, f, p->o);
	fputs("  ", p->out);
	write_severity(p, f->severity);
	fprintf(p->out, "%-*s  %s   %s   %s\n", CODE_WIDTH, finding_table[f->kind].code,
		strbuf_text(&p->line), confidence_name(f->confidence),
		acts_phrase(f->acts));
	write_evidence(p, f);
	if (f->phase != PHASE_RECOVERING)
		write_labelled(p, "cause", finding_cause(f));
	for (size_t i = 0; i < f->next_count; i++)
		write_labelled(p, i ? "" : "now", f->next[i]);
	if (f->phase != PHASE_RECOVERING)
		write_remedies(p, f);
}

static void write_findings(struct page *p)
{
	bool is_first = true;
	for (size_t i = 0; i < p->r->finding_count; i++) {
		if (p->r->findings[i].part_of != NO_INDEX)
			continue;
		if (is_first)
			fputc('\n', p->out);
		is_first = false;
		write_finding(p, &p->r->findings[i]);
	}
}

static void write_connections(struct page *p)
{
	static const enum field_id columns[] = {
		FIELD_VERDICT, FIELD_SINCE, FIELD_PEER,     FIELD_STATE,
		FIELD_RQ,      FIELD_SQ,    FIELD_GIVES_UP, FIELD_OWNER,
	};
	auto_free uint32_t *rows = NULL;
	bool is_all = p->o->wide || p->o->all_connections;
	size_t count = report_worst_first(p->r, p->o->all_connections, &rows);
	/* Listeners come last in the order of harm and are no connections. */
	while (count && p->r->assessments[rows[count - 1]].verdict == VERDICT_LISTENING)
		count--;
	if (!count)
		return;
	size_t shown = is_all || count <= ROWS_MAX ? count : ROWS_MAX;
	struct table table = {
		.report = p->r,
		.options = p->o,
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(*columns),
		.indent = 2,
	};
	fputc('\n', p->out);
	table_write(&table, rows, shown, p->out);
	if (shown < count)
		fprintf(p->out, "  ... and %zu more; --wide shows all\n",
			count - shown);
}

/* A filter may be mistyped: it is named, with what it does select. */
static void write_nothing(struct page *p)
{
	size_t listeners = p->r->verdicts[VERDICT_LISTENING];
	strbuf_reset(&p->line);
	strbuf_add(&p->line, "no connection matches ");
	put_outside(&p->line, p->r->filter_text, p->o);
	if (listeners) {
		strbuf_add(&p->line, "; it selects ");
		put_quantity(&p->line, listeners, "listener");
	}
	write_wrapped(p->out, strbuf_text(&p->line), 0, 0, p->o);
}

int text_check(const struct report *r, const struct render_options *o, FILE *out,
	       struct error *err)
{
	(void)err;
	struct page p = { .r = r, .o = o, .out = out };
	write_headlines(&p);
	if (r->filter_text[0] && selected_connections(r) == 0)
		write_nothing(&p);
	write_findings(&p);
	write_connections(&p);
	if (r->selected_count)
		fputc('\n', out);
	write_completeness(&p);
	strbuf_clear(&p.line);
	return 0;
}
