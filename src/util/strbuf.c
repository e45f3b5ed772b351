/* SPDX-License-Identifier: MIT */
#include "conn-doctor/strbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

/* For `len` bytes more and the NUL; a sum that wraps is more than memory holds. */
static void make_room(struct strbuf *sb, size_t len)
{
	if (len >= PTRDIFF_MAX - sb->len)
		memory_exhausted();
	array_reserve(&sb->text, &sb->capacity, sb->len + len + 1, 1);
}

void strbuf_add_len(struct strbuf *sb, const char *text, size_t len)
{
	make_room(sb, len);
	if (len)
		memcpy(sb->text + sb->len, text, len);
	sb->len += len;
	sb->text[sb->len] = '\0';
}

void strbuf_add(struct strbuf *sb, const char *text)
{
	strbuf_add_len(sb, text, strlen(text));
}

void strbuf_add_char(struct strbuf *sb, char c)
{
	strbuf_add_len(sb, &c, 1);
}

void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list args)
{
	va_list again;
	va_copy(again, args);
	int need = vsnprintf(NULL, 0, fmt, args);
	if (need > 0) {
		make_room(sb, (size_t)need);
		vsnprintf(sb->text + sb->len, (size_t)need + 1, fmt, again);
		sb->len += (size_t)need;
	}
	va_end(again);
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	strbuf_vaddf(sb, fmt, args);
	va_end(args);
}

void strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	if (sb->text)
		sb->text[0] = '\0';
}

const char *strbuf_text(const struct strbuf *sb)
{
	return sb->text ? sb->text : "";
}

char *strbuf_steal(struct strbuf *sb)
{
	char *text = sb->text ? sb->text : xstrdup("");
	*sb = (struct strbuf){ 0 };
	return text;
}

void strbuf_clear(struct strbuf *sb)
{
	free(sb->text);
	*sb = (struct strbuf){ 0 };
}
