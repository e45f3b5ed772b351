/* SPDX-License-Identifier: MIT */

/*
 * `explain`: the knowledge base as text. Sentences are wrapped at the width of
 * the terminal; what is meant to be typed is never broken, so that it can be
 * copied.
 */
#include "explain.h"

#include <string.h>

#include "conn-doctor/knowledge.h"
#include "conn-doctor/text.h"
#include "output.h"

enum { COLUMNS_DEFAULT = 80, TEXT_MIN = 20, INDENT = 2, CODE_WIDTH = 18 };

struct page {
	FILE *out;
	size_t columns;
	bool use_color;
};

static void put_bold(const struct page *p, const char *text)
{
	fprintf(p->out, "%s%s%s\n", p->use_color ? "\033[1m" : "", text,
		p->use_color ? "\033[0m" : "");
}

static void put_heading(const struct page *p, const char *text)
{
	fputc('\n', p->out);
	put_bold(p, text);
}

/* Bytes of `text` for a line of `columns`: up to the last blank that fits. */
static size_t line_length(const char *text, size_t columns)
{
	size_t fit = text_fit(text, columns);
	if (!text[fit] || text[fit] == ' ')
		return fit;
	for (size_t i = fit; i > 0; i--)
		if (text[i] == ' ')
			return i;
	return strcspn(text, " "); /* one long word: better whole than cut */
}

/* `lead` stands in front of the first line, within the indent of the others. */
static void put_text(const struct page *p, size_t indent, const char *lead,
		     const char *text)
{
	size_t room = p->columns > indent + TEXT_MIN ? p->columns - indent : TEXT_MIN;
	fprintf(p->out, "%*s", (int)indent, lead);
	for (;;) {
		size_t len = line_length(text, room);
		fwrite(text, 1, len, p->out);
		fputc('\n', p->out);
		text += len;
		text += strspn(text, " ");
		if (!*text)
			return;
		fprintf(p->out, "%*s", (int)indent, "");
	}
}

static void put_items(const struct page *p, const char *const *texts)
{
	for (; *texts; texts++)
		put_text(p, 2 * INDENT, "- ", *texts);
}

static void put_typed(const struct page *p, const char *const *lines)
{
	for (; *lines; lines++)
		fprintf(p->out, "%*s%s\n", 3 * INDENT, "", *lines);
}

/* `server`: whose versions these are, "" when they name it themselves. */
static void put_remedy(const struct page *p, const struct knowledge_remedy *r,
		       const char *server)
{
	auto_strbuf struct strbuf note = { 0 };
	put_text(p, 2 * INDENT, "- ", r->text);
	put_typed(p, r->flags);
	put_typed(p, r->settings);
	bool is_bare = r->versions[0] >= '0' && r->versions[0] <= '9';
	if (strcmp(r->versions, "any") != 0)
		strbuf_addf(&note, "for %s%s%s; ", is_bare ? server : "",
			    is_bare ? " " : "", r->versions);
	strbuf_addf(&note, "source: %s", r->source);
	put_text(p, 2 * INDENT, "", strbuf_text(&note));
}

/* Those for the code; all of them without a code. */
static void put_stack_remedies(const struct page *p, const struct knowledge_stack *s,
			       const char *code)
{
	for (const struct knowledge_remedy *r = s->remedies; r->text; r++)
		if (!code || knowledge_concerns(r->codes, code))
			put_remedy(p, r, s->name);
}

static void put_wrong(const struct page *p, const struct knowledge_wrong *w,
		      const char *code)
{
	for (; w->claim; w++) {
		if (code && !knowledge_concerns(w->codes, code))
			continue;
		put_text(p, 2 * INDENT, "- ", w->claim);
		put_text(p, 3 * INDENT, "", w->why);
	}
}

static bool has_wrong(const struct knowledge_wrong *w, const char *code)
{
	for (; w->claim; w++)
		if (!code || knowledge_concerns(w->codes, code))
			return true;
	return false;
}

static void put_title(const struct page *p, const char *name, const char *title)
{
	put_bold(p, name);
	put_text(p, INDENT, "", title);
}

static void put_next(const struct page *p, const struct knowledge_next *next)
{
	put_heading(p, "Look next");
	for (; next->command; next++) {
		fprintf(p->out, "%*s%s\n", 2 * INDENT, "", next->command);
		put_text(p, 3 * INDENT, "", next->shows);
	}
}

/* Where the same is said in the words of a server. */
static void put_stacks_for(const struct page *p, const char *code)
{
	auto_strbuf struct strbuf names = { 0 };
	for (const struct knowledge_stack *s = knowledge_stacks; s->name; s++)
		if (knowledge_stack_mends(s, code))
			strbuf_addf(&names, "%s%s", names.len ? ", " : "", s->name);
	if (!names.len)
		return;
	put_heading(p, "With the exact flags of your server");
	fprintf(p->out, "%*sconn-doctor explain %s --stack NAME\n", 2 * INDENT, "",
		code);
	put_text(p, 3 * INDENT, "", strbuf_text(&names));
}

static void put_stack_answer(const struct page *p, const struct knowledge_stack *s,
			     const char *code)
{
	auto_strbuf struct strbuf line = { 0 };
	strbuf_addf(&line, "What to do: %s", s->name);
	put_heading(p, strbuf_text(&line));
	if (knowledge_stack_mends(s, code)) {
		put_stack_remedies(p, s, code);
		return;
	}
	strbuf_reset(&line);
	strbuf_addf(&line, "No setting of %s mends this.", s->name);
	put_text(p, 2 * INDENT, "", strbuf_text(&line));
}

static void explain_code(const struct page *p, const struct knowledge_code *k,
			 const struct knowledge_stack *s)
{
	put_title(p, k->code, k->title);
	put_heading(p, "What it means");
	put_text(p, 2 * INDENT, "", k->meaning);
	put_heading(p, "How it is recognised");
	put_items(p, k->evidence);
	put_heading(p, "Usual causes");
	put_items(p, k->causes);
	if (s)
		put_stack_answer(p, s, k->code);
	put_heading(p, s ? "What to do: any server" : "What to do");
	for (const struct knowledge_remedy *r = k->remedies; r->text; r++)
		put_remedy(p, r, "");
	put_next(p, k->next);
	if (has_wrong(k->wrong, NULL) || (s && has_wrong(s->wrong, k->code))) {
		put_heading(p, "Often said, and wrong");
		if (s)
			put_wrong(p, s->wrong, k->code);
		put_wrong(p, k->wrong, NULL);
	}
	if (!s)
		put_stacks_for(p, k->code);
}

static void explain_stack(const struct page *p, const struct knowledge_stack *s)
{
	put_title(p, s->name, s->title);
	put_heading(p, "How it is recognised");
	put_items(p, s->recognised);
	put_heading(p, "As shipped");
	put_items(p, s->defaults);
	put_heading(p, "What can be changed");
	put_stack_remedies(p, s, NULL);
	if (has_wrong(s->wrong, NULL)) {
		put_heading(p, "Often said, and wrong");
		put_wrong(p, s->wrong, NULL);
	}
}

/* A verdict that asks nobody to act needs no text of its own. */
static void explain_verdict(const struct page *p, const struct verdict_info *v)
{
	put_title(p, v->code, v->meaning);
	put_heading(p, "What to do");
	put_text(p, 2 * INDENT, "", "Nothing: nobody has to act.");
}

/* With a stack only the codes that it has a remedy for. */
static void list_codes(const struct page *p, const struct knowledge_stack *s)
{
	put_bold(p, "Codes");
	for (const struct knowledge_code *k = knowledge_codes; k->code; k++)
		if (!s || knowledge_stack_mends(s, k->code))
			fprintf(p->out, "  %-*s %s\n", CODE_WIDTH, k->code, k->title);
	if (s)
		return;
	put_heading(p, "Stacks");
	for (const struct knowledge_stack *row = knowledge_stacks; row->name; row++)
		fprintf(p->out, "  %-*s %s\n", CODE_WIDTH, row->name, row->title);
}

static const char *any_code_at(size_t i)
{
	size_t count = 0;
	while (knowledge_code_at(count))
		count++;
	if (i < count)
		return knowledge_code_at(i);
	return i - count < VERDICT_COUNT ? verdict_table[i - count].code : NULL;
}

static int unknown(const char *name, const char *what, const char *(*name_at)(size_t i),
		   struct error *err)
{
	const char *nearest = text_nearest(name, name_at);
	if (nearest)
		return error_set(err, ERROR_INPUT,
				 "'%.60s' is not a %s; did you mean '%s'?", name, what,
				 nearest);
	return error_set(err, ERROR_INPUT,
			 "'%.60s' is not a %s; 'conn-doctor explain --list' shows them",
			 name, what);
}

/* What the command line asks for; a verdict only when it has no text. */
struct question {
	const struct knowledge_code *code;
	const struct knowledge_stack *stack;
	const struct verdict_info *verdict;
};

static int find_code(struct question *q, const char *name, struct error *err)
{
	q->code = knowledge_find(name);
	enum verdict v = verdict_parse(name, strlen(name));
	if (!q->code && v != VERDICT_COUNT)
		q->verdict = &verdict_table[v];
	return q->code || q->verdict
		       ? 0
		       : unknown(name, "verdict or finding", any_code_at, err);
}

static int read_question(const struct options *o, struct question *q, struct error *err)
{
	const char *code = strbuf_text(&o->filter);
	if (o->stack_name) {
		q->stack = knowledge_find_stack(o->stack_name);
		if (!q->stack)
			return unknown(o->stack_name, "known stack", knowledge_stack_at,
				       err);
	}
	return *code ? find_code(q, code, err) : 0;
}

static void answer(const struct page *p, const struct question *q, bool is_list)
{
	if (is_list || (!q->code && !q->verdict && !q->stack))
		list_codes(p, q->stack);
	else if (q->code)
		explain_code(p, q->code, q->stack);
	else if (q->verdict)
		explain_verdict(p, q->verdict);
	else
		explain_stack(p, q->stack);
}

int explain_command(const struct options *o, struct error *err)
{
	struct question q = { 0 };
	struct output out;
	struct render_options render = output_render_options(o);
	if (read_question(o, &q, err) || output_open(&out, o, err))
		return -1;
	struct page p = {
		.out = out.stream,
		.columns =
			render.columns > 0 ? (size_t)render.columns : COLUMNS_DEFAULT,
		.use_color = render.use_color,
	};
	answer(&p, &q, o->is_listed);
	return output_close(&out, err);
}

int explain_write(const char *code, const char *stack, size_t columns, FILE *out,
		  struct error *err)
{
	struct question q = { .stack = stack ? knowledge_find_stack(stack) : NULL };
	struct page p = { .out = out, .columns = columns };
	if (find_code(&q, code, err))
		return -1;
	answer(&p, &q, false);
	return 0;
}
