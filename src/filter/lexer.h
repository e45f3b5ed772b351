/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FILTER_LEXER_H
#define CONN_DOCTOR_FILTER_LEXER_H

#include "conn-doctor/filter.h"

/*
 * Cuts an expression into brackets, operators and words. Every word is a word
 * first: `and` is the connective between terms and a name after `dev =`, so the
 * token carries what it means as a keyword (`keyword`) beside what it is.
 */
enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_NOT,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_OPERATOR,
};

struct token {
	enum token_kind kind;
	enum token_kind keyword; /* of a word: what it may stand for, else TOKEN_WORD */
	enum filter_op op;       /* of an operator, as a sign or a word */
	size_t at, len;          /* place in the text */
};

struct lexer {
	const char *text;
	size_t next;
	struct token token;
	struct strbuf word; /* the token's word, backslashes resolved */
};

/* Reads the next token into lexer->token. */
void lexer_next(struct lexer *lexer);

/* The token is of this kind, by its sign or by the keyword for it. */
bool lexer_at(const struct lexer *lexer, enum token_kind kind);

const char *filter_op_sign(enum filter_op op);

/* Appends a word so that the lexer reads it back as one. */
void lexer_quote(struct strbuf *out, const char *word);

#endif
