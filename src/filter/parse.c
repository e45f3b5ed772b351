/* SPDX-License-Identifier: MIT */
#include "parser.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

/*
 * The grammar, as in ss(8) with `and` binding tighter than `or`:
 *
 *	either: both { or both }
 *	both:   one { [and] one }
 *	one:    not one | ( either ) | term
 *
 * Brackets that group nothing do not count as nesting, so that the printed form
 * of every tree that was accepted is accepted again; they only count for the
 * recursion, which has a wider limit.
 */
enum { RECURSION_MAX = 4 * FILTER_NESTING_MAX };

static struct filter_node *parse_either(struct parser *p);

static struct filter_node *too_deep(struct parser *p, size_t at)
{
	return parser_fail(p, at, "nested deeper than %d levels", FILTER_NESTING_MAX);
}

/* Joins and checks the nesting; both trees are taken over, also on failure. */
static struct filter_node *join(struct parser *p, size_t at, enum filter_kind kind,
				struct filter_node *left, struct filter_node *right)
{
	struct filter_node *node = filter_node_join(kind, left, right);
	if (filter_node_nesting(node) <= FILTER_NESTING_MAX)
		return node;
	filter_node_free(node);
	return too_deep(p, at);
}

static struct filter_node *unexpected(struct parser *p)
{
	const struct token *token = &p->lexer.token;
	if (token->kind == TOKEN_END)
		return parser_fail(p, token->at,
				   token->at ? "a term is missing at the end"
					     : "a term is missing");
	return parser_fail(p, token->at, "a term must stand before '%.*s'",
			   (int)token->len, p->lexer.text + token->at);
}

static struct filter_node *parse_group(struct parser *p)
{
	size_t open_at = p->lexer.token.at;
	lexer_next(&p->lexer);
	struct filter_node *node = parse_either(p);
	if (!node)
		return NULL;
	if (p->lexer.token.kind != TOKEN_CLOSE) {
		filter_node_free(node);
		return parser_fail(p, open_at, "this '(' is not closed");
	}
	lexer_next(&p->lexer);
	return node;
}

static struct filter_node *parse_one(struct parser *p);

static struct filter_node *parse_not(struct parser *p)
{
	size_t at = p->lexer.token.at;
	lexer_next(&p->lexer);
	struct filter_node *node = parse_one(p);
	return node ? join(p, at, FILTER_NOT, node, NULL) : NULL;
}

static struct filter_node *parse_one(struct parser *p)
{
	if (p->depth >= RECURSION_MAX)
		return too_deep(p, p->lexer.token.at);
	struct filter_node *node;
	p->depth++;
	if (lexer_at(&p->lexer, TOKEN_NOT))
		node = parse_not(p);
	else if (p->lexer.token.kind == TOKEN_OPEN)
		node = parse_group(p);
	else if (p->lexer.token.keyword == TOKEN_WORD)
		node = parser_term(p);
	else
		node = unexpected(p);
	p->depth--;
	return node;
}

static struct filter_node *parse_both(struct parser *p)
{
	struct filter_node *node = parse_one(p);
	while (node && p->lexer.token.kind != TOKEN_END &&
	       p->lexer.token.kind != TOKEN_CLOSE && !lexer_at(&p->lexer, TOKEN_OR)) {
		size_t at = p->lexer.token.at;
		if (lexer_at(&p->lexer, TOKEN_AND))
			lexer_next(&p->lexer);
		struct filter_node *right = parse_one(p);
		if (!right) {
			filter_node_free(node);
			return NULL;
		}
		node = join(p, at, FILTER_AND, node, right);
	}
	return node;
}

static struct filter_node *parse_either(struct parser *p)
{
	struct filter_node *node = parse_both(p);
	while (node && lexer_at(&p->lexer, TOKEN_OR)) {
		size_t at = p->lexer.token.at;
		lexer_next(&p->lexer);
		struct filter_node *right = parse_both(p);
		if (!right) {
			filter_node_free(node);
			return NULL;
		}
		node = join(p, at, FILTER_OR, node, right);
	}
	return node;
}

/* False on error; the empty expression has no tree. */
static bool parse_all(struct parser *p, struct filter_node **root)
{
	*root = NULL;
	if (strlen(p->lexer.text) > FILTER_LENGTH_MAX) {
		parser_fail(p, FILTER_LENGTH_MAX, "longer than %d bytes",
			    FILTER_LENGTH_MAX);
		return false;
	}
	lexer_next(&p->lexer);
	if (p->lexer.token.kind == TOKEN_END)
		return true;
	*root = parse_either(p);
	if (*root && p->lexer.token.kind == TOKEN_CLOSE) {
		filter_node_free(*root);
		*root = parser_fail(p, p->lexer.token.at, "no '(' belongs to this ')'");
	}
	return *root != NULL;
}

int filter_parse(const char *text, struct filter **out, size_t *error_column,
		 struct error *err)
{
	struct parser p = { .lexer.text = text, .err = err };
	struct filter_node *root;
	bool ok = parse_all(&p, &root);
	strbuf_clear(&p.lexer.word);
	if (!ok) {
		if (error_column)
			*error_column = p.error_at;
		return -1;
	}
	struct filter *f = xcalloc(1, sizeof(*f));
	f->root = root;
	f->text = xstrdup(text);
	*out = f;
	return 0;
}
