/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

enum { LABEL_WIDTH = 14, TEXT_WIDTH_MIN = 16 };

void page_set_title(struct page *p, const char *title)
{
	free(p->title);
	p->title = xstrdup(title);
}

void page_add(struct page *p, const char *label, const char *text, enum paint paint)
{
	array_reserve(&p->paragraphs, &p->capacity, p->count + 1,
		      sizeof(*p->paragraphs));
	p->paragraphs[p->count++] =
		(struct paragraph){ .label = label, .text = xstrdup(text), paint };
}

void page_add_first(struct page *p, const char *label, const char *text,
		    enum paint paint)
{
	page_add(p, label, text, paint);
	struct paragraph added = p->paragraphs[p->count - 1];
	memmove(&p->paragraphs[1], p->paragraphs,
		(p->count - 1) * sizeof(*p->paragraphs));
	p->paragraphs[0] = added;
}

void page_add_heading(struct page *p, const char *text)
{
	page_add(p, NULL, text, PAINT_HEADING);
}

int page_indent(const struct paragraph *paragraph, int width)
{
	return paragraph->label && width >= LABEL_WIDTH + TEXT_WIDTH_MIN ? LABEL_WIDTH
									 : 0;
}

/* Bytes for a line: up to the last blank that fits; a longer word is cut. */
static size_t line_length(const char *text, int columns)
{
	size_t fit = text_fit(text, columns > 0 ? (size_t)columns : 1);
	if (!text[fit])
		return fit;
	for (size_t i = fit; i > 0; i--)
		if (text[i] == ' ')
			return i;
	/* A character that is wider than the line: it is taken all the same. */
	return fit ? fit : strlen(text);
}

/* Goes to the next line of the paragraph; false at its end. */
static bool next_line(struct page_line *at, int columns)
{
	const char *text = at->paragraph->text;
	at->start += at->len;
	at->start += strspn(text + at->start, " ");
	if (!text[at->start])
		return false;
	at->len = line_length(text + at->start, columns);
	return true;
}

/* Line number *line of the paragraph, or what is left of *line behind its end. */
static bool find_in(const struct paragraph *paragraph, int width, size_t *line,
		    struct page_line *out)
{
	int columns = width - page_indent(paragraph, width);
	*out = (struct page_line){ paragraph, 0,
				   line_length(paragraph->text, columns) };
	do {
		if (*line == 0)
			return true;
		(*line)--;
	} while (next_line(out, columns));
	return false;
}

bool page_find_line(const struct page *p, int width, size_t line, struct page_line *out)
{
	for (size_t i = 0; i < p->count; i++)
		if (find_in(&p->paragraphs[i], width, &line, out))
			return true;
	return false;
}

size_t page_line_count(const struct page *p, int width)
{
	struct page_line unused;
	size_t left = SIZE_MAX;
	for (size_t i = 0; i < p->count; i++)
		find_in(&p->paragraphs[i], width, &left, &unused);
	return SIZE_MAX - left;
}

void page_cut(struct page *p, size_t count)
{
	while (p->count > count)
		free(p->paragraphs[--p->count].text);
}

void page_clear(struct page *p)
{
	page_cut(p, 0);
	free(p->paragraphs);
	free(p->title);
	*p = (struct page){ 0 };
}

void page_move(struct page *to, struct page *from)
{
	page_clear(to);
	*to = *from;
	*from = (struct page){ 0 };
}
