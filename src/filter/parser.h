/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FILTER_PARSER_H
#define CONN_DOCTOR_FILTER_PARSER_H

#include "conn-doctor/filter.h"
#include "lexer.h"
#include "node.h"

/*
 * Recursive descent with one token of lookahead. Functions that parse return a
 * tree the caller owns, or NULL with the error set.
 */
struct parser {
	struct lexer lexer;
	unsigned depth; /* of the recursion */
	size_t error_at;
	struct error *err;
};

/* Sets the error for a place in the text. Returns NULL, to be returned. */
struct filter_node *parser_fail(struct parser *p, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Replaces what is not printable ASCII by '?', in place. */
void message_make_plain(char *text);

/* A single term: everything but and, or, not and brackets. */
struct filter_node *parser_term(struct parser *p);

/* The keyword of a leaf; "" for a shorthand, which has none. */
const char *term_name(enum filter_kind kind, enum filter_end end);

#endif
