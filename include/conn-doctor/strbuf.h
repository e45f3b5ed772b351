/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_STRBUF_H
#define CONN_DOCTOR_STRBUF_H

#include <stdarg.h>
#include <stddef.h>

/*
 * A growing text. `text` is NUL-terminated as soon as anything was added;
 * a zeroed strbuf is empty and valid. Release with strbuf_clear().
 */
struct strbuf {
	char *text;
	size_t len;
	size_t capacity;
};

void strbuf_add(struct strbuf *sb, const char *text);
void strbuf_add_len(struct strbuf *sb, const char *text, size_t len);
void strbuf_add_char(struct strbuf *sb, char c);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Sets the length to 0 and keeps the memory. */
void strbuf_reset(struct strbuf *sb);

/* The text, never NULL. */
const char *strbuf_text(const struct strbuf *sb);

/* Hands the text over to the caller (free() it) and leaves the buffer empty. */
char *strbuf_steal(struct strbuf *sb);

void strbuf_clear(struct strbuf *sb);
#define auto_strbuf __attribute__((cleanup(strbuf_clear)))

#endif
