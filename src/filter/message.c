/* SPDX-License-Identifier: MIT */
#include "parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * The error message shows the expression with a mark under the place. The
 * expression may come from a file, so it may hold anything: what is not plain
 * ASCII is shown as '?', which keeps one byte one column.
 */
enum { EXCERPT_COLUMNS = 96, EXCERPT_BEFORE = 60, REASON_SIZE = 480 };

void message_make_plain(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

struct filter_node *parser_fail(struct parser *p, size_t at, const char *fmt, ...)
{
	char reason[REASON_SIZE];
	va_list args;
	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	message_make_plain(reason);

	const char *text = p->lexer.text;
	size_t len = strlen(text), start = 0, end = len;
	if (len > EXCERPT_COLUMNS) {
		start = at > EXCERPT_BEFORE ? at - EXCERPT_BEFORE : 0;
		if (start > len - EXCERPT_COLUMNS)
			start = len - EXCERPT_COLUMNS;
		end = start + EXCERPT_COLUMNS;
	}
	char excerpt[EXCERPT_COLUMNS + 1];
	snprintf(excerpt, sizeof(excerpt), "%.*s", (int)(end - start), text + start);
	message_make_plain(excerpt);

	const char *before = start ? "..." : "", *after = end < len ? "..." : "";
	p->error_at = at;
	error_set(p->err, ERROR_USAGE, "filter: %s\n  %s%s%s\n  %*s^", reason, before,
		  excerpt, after, (int)(at - start + strlen(before)), "");
	return NULL;
}
