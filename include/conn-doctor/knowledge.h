/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_KNOWLEDGE_H
#define CONN_DOCTOR_KNOWLEDGE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What a verdict or finding means and what to change, in the words of the server
 * that is running. The texts are the files of knowledge/, made into these tables
 * when the program is built (tools/embed_knowledge.py); nothing is read at run
 * time. All texts are ASCII on one line, for the reader to wrap. Every table and
 * list ends with a zero row or NULL and is never NULL itself, unless said so.
 */

struct knowledge_remedy {
	const char *text;
	const char *const *settings; /* to type or to copy, one line each */
	const char *const *flags;    /* the same, of the server's command line */
	const char *versions;        /* it is true for these; "any" */
	const char *source;          /* the documents it rests on */
	/*
	 * Of a stack's remedy: it mends these. "CODE:WHEN": only in such a case, see
	 * remedy_is_condition() of report.h.
	 */
	const char *const *codes;
};

struct knowledge_next {
	const char *command;
	const char *shows;
};

/* Popular advice that does not help. */
struct knowledge_wrong {
	const char *claim;
	const char *why;
	const char *const *codes; /* of a stack's: it is said about these */
};

struct knowledge_code {
	const char *code;
	const char *title;
	const char *meaning;
	const char *const *evidence;
	const char *const *causes;
	const struct knowledge_remedy *remedies; /* true for every stack */
	const struct knowledge_next *next;
	const struct knowledge_wrong *wrong;
};

struct knowledge_stack {
	const char *name;
	const char *title;
	const char *const *recognised; /* how a process is known to be one */
	const char *const *defaults;   /* its timeouts and limits as shipped */
	const struct knowledge_remedy *remedies;
	const struct knowledge_wrong *wrong;
};

/* In alphabetical order. */
extern const struct knowledge_code knowledge_codes[];
extern const struct knowledge_stack knowledge_stacks[];

/* NULL when there is no such text. */
const struct knowledge_code *knowledge_find(const char *code);
const struct knowledge_stack *knowledge_find_stack(const char *name);

/* Whether the codes of a stack's remedy or warning name this one, in any case. */
bool knowledge_concerns(const char *const *codes, const char *code);

/* Whether the stack has a remedy of its own for the code. */
bool knowledge_stack_mends(const struct knowledge_stack *stack, const char *code);

/* For text_nearest(): the i-th name, NULL after the last. */
const char *knowledge_code_at(size_t i);
const char *knowledge_stack_at(size_t i);

#endif
