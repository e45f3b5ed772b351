/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_PAGE_H
#define CONN_DOCTOR_TUI_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "screen.h"

/*
 * A text to be read: a title and labelled paragraphs, kept unwrapped, so that a
 * resize costs nothing but drawing. All texts are sanitized by who adds them.
 */
struct paragraph {
	const char *label; /* a literal; NULL: the text is a heading */
	char *text;
	enum paint paint;
};

struct page {
	char *title;
	struct paragraph *paragraphs;
	size_t count, capacity;
};

/* Copies the text. */
void page_set_title(struct page *p, const char *title);
void page_add(struct page *p, const char *label, const char *text, enum paint paint);
void page_add_heading(struct page *p, const char *text);
/* In front of all others. */
void page_add_first(struct page *p, const char *label, const char *text,
		    enum paint paint);

/* One line of the wrapped text: bytes [start, start + len) of a paragraph. */
struct page_line {
	const struct paragraph *paragraph;
	size_t start, len;
};

/* Columns before the text of a paragraph. */
int page_indent(const struct paragraph *paragraph, int width);

size_t page_line_count(const struct page *p, int width);
/* False when there is no such line. */
bool page_find_line(const struct page *p, int width, size_t line,
		    struct page_line *out);

/* Only the first `count` paragraphs stay. */
void page_cut(struct page *p, size_t count);
void page_clear(struct page *p);
/* Takes over what `from` holds. */
void page_move(struct page *to, struct page *from);

#endif
