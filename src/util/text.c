/* SPDX-License-Identifier: MIT */
#include "conn-doctor/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "conn-doctor/memory.h"

/*
 * Decodes one UTF-8 character; returns its length, or 0 for a byte sequence
 * that is not UTF-8 (overlong, surrogate, beyond U+10FFFF: RFC 3629).
 */
static size_t decode(const unsigned char *s, size_t len, uint32_t *out)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t min;
	} forms[] = { { 0x80, 0x00, 0 },
		      { 0xe0, 0xc0, 0x80 },
		      { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };
	for (size_t n = 0; n < 4; n++) {
		if ((s[0] & forms[n].mask) != forms[n].lead)
			continue;
		if (len <= n)
			return 0;
		uint32_t c = s[0] & (unsigned char)~forms[n].mask;
		for (size_t i = 1; i <= n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3f);
		}
		if (c < forms[n].min || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
		*out = c;
		return n + 1;
	}
	return 0;
}

/*
 * What must not reach a terminal: controls would move the cursor or start an
 * escape sequence, bidirectional overrides reorder what is read, and a line
 * separator breaks "one record per line".
 */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
	       (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void text_sanitize(struct strbuf *out, const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	while (len) {
		uint32_t c;
		size_t n = decode(s, len, &c);
		if (n == 0) {
			strbuf_add(out, "\xef\xbf\xbd"); /* U+FFFD */
			n = 1;
		} else if (is_harmful(c)) {
			strbuf_add_char(out, '?');
		} else {
			strbuf_add_len(out, (const char *)s, n);
		}
		s += n;
		len -= n;
	}
}

/* Columns of the character at s and its length in bytes. */
static size_t char_columns(const char *s, size_t len, size_t *bytes)
{
	uint32_t c;
	*bytes = decode((const unsigned char *)s, len, &c);
	if (*bytes == 0) {
		*bytes = 1;
		return 1;
	}
	int columns = wcwidth((wchar_t)c);
	return columns < 0 ? 1 : (size_t)columns;
}

size_t text_width(const char *text)
{
	size_t columns = 0, bytes;
	for (size_t len = strlen(text); len; len -= bytes, text += bytes)
		columns += char_columns(text, len, &bytes);
	return columns;
}

size_t text_fit(const char *text, size_t columns)
{
	size_t total = strlen(text), at = 0, bytes;
	while (at < total) {
		size_t need = char_columns(text + at, total - at, &bytes);
		if (need > columns)
			break;
		columns -= need;
		at += bytes;
	}
	return at;
}

size_t text_distance(const char *a, const char *b)
{
	size_t len = strlen(b);
	auto_free size_t *row = xcalloc(len + 1, sizeof(*row));
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

const char *text_nearest(const char *word, const char *(*name_at)(size_t i))
{
	const char *best = NULL, *name;
	/* A third of the letters wrong is another word, not a slip. */
	size_t best_distance = strlen(word) / 3 + 2;
	for (size_t i = 0; *word && (name = name_at(i)); i++) {
		if (strncmp(name, word, strlen(word)) == 0)
			return name;
		size_t distance = text_distance(word, name);
		if (distance < best_distance) {
			best = name;
			best_distance = distance;
		}
	}
	return best;
}
