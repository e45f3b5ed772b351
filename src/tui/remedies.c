/* SPDX-License-Identifier: MIT */
#include "remedies.h"

#include "conn-doctor/knowledge.h"
#include "conn-doctor/strbuf.h"

static void add_typed(struct page *page, const char *const *lines)
{
	for (; *lines; lines++)
		page_add(page, "", *lines, PAINT_KEY);
}

/* The label is the stack's name, so that it is plain whom the words are for. */
static void add_remedy(struct page *page, const char *label,
		       const struct knowledge_remedy *r)
{
	page_add(page, label, r->text, PAINT_NORMAL);
	add_typed(page, r->flags);
	add_typed(page, r->settings);
}

static void add_of_stack(struct page *page, const struct knowledge_stack *stack,
			 const char *code)
{
	const char *label = stack->name;
	for (const struct knowledge_remedy *r = stack->remedies; r->text; r++) {
		if (!knowledge_concerns(r->codes, code))
			continue;
		add_remedy(page, label, r);
		label = "";
	}
}

void remedies_add(struct page *page, const char *code, const char *stack)
{
	const struct knowledge_code *known = knowledge_find(code);
	const struct knowledge_stack *server =
		stack ? knowledge_find_stack(stack) : NULL;
	bool has_own = server && knowledge_stack_mends(server, code);
	auto_strbuf struct strbuf more = { 0 };
	if (!known)
		return;
	page_add_heading(page, "What to change");
	if (has_own)
		add_of_stack(page, server, code);
	const char *label = has_own ? "any server" : "remedy";
	for (const struct knowledge_remedy *r = known->remedies; r->text; r++) {
		add_remedy(page, label, r);
		label = "";
	}
	strbuf_addf(&more, "conn-doctor explain %s%s%s", code,
		    has_own ? " --stack " : "", has_own ? server->name : "");
	page_add(page, "all of it", strbuf_text(&more), PAINT_KEY);
}

bool remedies_add_causes(struct page *page, const char *code)
{
	const struct knowledge_code *known = knowledge_find(code);
	const char *label = "cause";
	if (!known)
		return false;
	for (const char *const *cause = known->causes; *cause; cause++) {
		page_add(page, label, *cause, PAINT_NORMAL);
		label = "";
	}
	return known->causes[0] != NULL;
}
