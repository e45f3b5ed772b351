/* SPDX-License-Identifier: MIT */
#include "lexer.h"

#include <string.h>
#include <strings.h>

/* Longest first where one begins with another. */
static const struct sign {
	const char *text;
	enum token_kind kind;
	enum filter_op op;
} signs[] = {
	{ "&&", TOKEN_AND, 0 },
	{ "&", TOKEN_AND, 0 },
	{ "||", TOKEN_OR, 0 },
	{ "|", TOKEN_OR, 0 },
	{ "==", TOKEN_OPERATOR, FILTER_EQ },
	{ "=", TOKEN_OPERATOR, FILTER_EQ },
	{ "!=", TOKEN_OPERATOR, FILTER_NE },
	{ "!", TOKEN_NOT, 0 },
	{ "<=", TOKEN_OPERATOR, FILTER_LE },
	{ "<", TOKEN_OPERATOR, FILTER_LT },
	{ ">=", TOKEN_OPERATOR, FILTER_GE },
	{ ">", TOKEN_OPERATOR, FILTER_GT },
	{ "(", TOKEN_OPEN, 0 },
	{ ")", TOKEN_CLOSE, 0 },
};

static const struct sign keywords[] = {
	{ "and", TOKEN_AND, 0 },
	{ "or", TOKEN_OR, 0 },
	{ "not", TOKEN_NOT, 0 },
	{ "eq", TOKEN_OPERATOR, FILTER_EQ },
	{ "ne", TOKEN_OPERATOR, FILTER_NE },
	{ "neq", TOKEN_OPERATOR, FILTER_NE },
	{ "lt", TOKEN_OPERATOR, FILTER_LT },
	{ "gt", TOKEN_OPERATOR, FILTER_GT },
	{ "le", TOKEN_OPERATOR, FILTER_LE },
	{ "leq", TOKEN_OPERATOR, FILTER_LE },
	{ "ge", TOKEN_OPERATOR, FILTER_GE },
	{ "geq", TOKEN_OPERATOR, FILTER_GE },
};

static const char blanks[] = " \t\n\v\f\r";
static const char word_ends[] = " \t\n\v\f\r()&|!=<>";

static const struct sign *sign_at(const char *text)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (strncmp(text, signs[i].text, strlen(signs[i].text)) == 0)
			return &signs[i];
	return NULL;
}

static const struct sign *keyword_find(const char *word)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (strcasecmp(word, keywords[i].text) == 0)
			return &keywords[i];
	return NULL;
}

/* A backslash takes the meaning from the next character, as in ss. */
static size_t read_word(struct lexer *lexer, const char *start)
{
	const char *p = start;
	strbuf_reset(&lexer->word);
	for (; *p && !strchr(word_ends, *p); p++) {
		if (*p == '\\' && p[1])
			p++;
		strbuf_add_char(&lexer->word, *p);
	}
	return (size_t)(p - start);
}

void lexer_next(struct lexer *lexer)
{
	lexer->next += strspn(lexer->text + lexer->next, blanks);
	const char *start = lexer->text + lexer->next;
	struct token *token = &lexer->token;
	*token = (struct token){ .kind = TOKEN_END, .at = lexer->next };
	if (!*start)
		return;

	const struct sign *sign = sign_at(start);
	if (sign) {
		token->kind = token->keyword = sign->kind;
		token->len = strlen(sign->text);
	} else {
		token->kind = token->keyword = TOKEN_WORD;
		token->len = read_word(lexer, start);
		sign = keyword_find(strbuf_text(&lexer->word));
	}
	if (sign) {
		token->keyword = sign->kind;
		token->op = sign->op;
	}
	lexer->next += token->len;
}

bool lexer_at(const struct lexer *lexer, enum token_kind kind)
{
	return lexer->token.kind == kind || lexer->token.keyword == kind;
}

const char *filter_op_sign(enum filter_op op)
{
	static const char *const op_signs[] = {
		[FILTER_EQ] = "=", [FILTER_NE] = "!=", [FILTER_LT] = "<",
		[FILTER_GT] = ">", [FILTER_LE] = "<=", [FILTER_GE] = ">=",
	};
	return op_signs[op];
}

void lexer_quote(struct strbuf *out, const char *word)
{
	for (; *word; word++) {
		if (*word == '\\' || strchr(word_ends, *word))
			strbuf_add_char(out, '\\');
		strbuf_add_char(out, *word);
	}
}
