/* SPDX-License-Identifier: MIT */
#include "editor.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

static void set_text(struct editor *e, const char *text)
{
	strbuf_reset(&e->text);
	strbuf_add(&e->text, text);
	e->cursor = e->text.len;
}

void editor_open(struct editor *e, const char *text)
{
	free(e->before);
	free(e->draft);
	e->before = xstrdup(text);
	e->draft = NULL;
	e->shown = e->entry_count;
	set_text(e, text);
}

static bool is_inside_character(const struct editor *e, size_t at)
{
	return at < e->text.len && (e->text.text[at] & 0xc0) == 0x80;
}

static size_t before(const struct editor *e, size_t at)
{
	if (at == 0)
		return 0;
	do
		at--;
	while (at > 0 && is_inside_character(e, at));
	return at;
}

static size_t after(const struct editor *e, size_t at)
{
	if (at >= e->text.len)
		return e->text.len;
	do
		at++;
	while (is_inside_character(e, at));
	return at;
}

static enum edit_result cut(struct editor *e, size_t start, size_t end)
{
	if (start == end)
		return EDIT_NOTHING;
	memmove(e->text.text + start, e->text.text + end, e->text.len - end + 1);
	e->text.len -= end - start;
	e->cursor = start;
	return EDIT_CHANGED;
}

static enum edit_result move_to(struct editor *e, size_t at)
{
	e->cursor = at;
	return EDIT_MOVED;
}

static size_t word_before(const struct editor *e)
{
	size_t at = e->cursor;
	while (at > 0 && e->text.text[at - 1] == ' ')
		at--;
	while (at > 0 && e->text.text[at - 1] != ' ')
		at--;
	return at;
}

/* Past the newest entry stands the line that was being written. */
static enum edit_result show_entry(struct editor *e, size_t entry)
{
	if (e->shown == e->entry_count) {
		free(e->draft);
		e->draft = xstrdup(strbuf_text(&e->text));
	}
	e->shown = entry;
	set_text(e, entry < e->entry_count ? e->entries[entry] : e->draft);
	return EDIT_CHANGED;
}

static size_t encode(int key, char out[static 4])
{
	unsigned c = (unsigned)key;
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(marks[len] | c);
	return len;
}

/* Control characters and keys without a character are no text. */
static bool is_text(int key)
{
	return key >= ' ' && key < SPECIAL_UP && key != 127 &&
	       !(key >= 0x80 && key < 0xa0) && !(key >= 0xd800 && key < 0xe000);
}

static enum edit_result insert(struct editor *e, int key)
{
	char bytes[4];
	if (!is_text(key) || e->text.len >= EDITOR_LENGTH_MAX)
		return EDIT_NOTHING;
	size_t len = encode(key, bytes), tail = e->text.len - e->cursor;
	strbuf_add_len(&e->text, bytes, len);
	char *at = e->text.text + e->cursor;
	memmove(at + len, at, tail);
	memcpy(at, bytes, len);
	e->cursor += len;
	return EDIT_CHANGED;
}

static enum edit_result cancel(struct editor *e)
{
	set_text(e, e->before);
	return EDIT_CANCELLED;
}

static enum edit_result older(struct editor *e)
{
	return e->shown ? show_entry(e, e->shown - 1) : EDIT_NOTHING;
}

static enum edit_result newer(struct editor *e)
{
	return e->shown < e->entry_count ? show_entry(e, e->shown + 1) : EDIT_NOTHING;
}

enum edit_result editor_act(struct editor *e, enum action action, int key)
{
	switch (action) {
	case ACTION_LINE_KEEP:
		return EDIT_KEPT;
	case ACTION_LINE_CANCEL:
		return cancel(e);
	case ACTION_LINE_OLDER:
		return older(e);
	case ACTION_LINE_NEWER:
		return newer(e);
	case ACTION_LINE_LEFT:
		return move_to(e, before(e, e->cursor));
	case ACTION_LINE_RIGHT:
		return move_to(e, after(e, e->cursor));
	case ACTION_LINE_HOME:
		return move_to(e, 0);
	case ACTION_LINE_END:
		return move_to(e, e->text.len);
	case ACTION_LINE_BACKSPACE:
		return cut(e, before(e, e->cursor), e->cursor);
	case ACTION_LINE_DELETE:
		return cut(e, e->cursor, after(e, e->cursor));
	case ACTION_LINE_WORD:
		return cut(e, word_before(e), e->cursor);
	case ACTION_LINE_CLEAR:
		return cut(e, 0, e->text.len);
	default:
		return insert(e, key);
	}
}

/* The same twice in a row is one entry; the oldest makes room. */
void editor_remember(struct editor *e)
{
	const char *text = strbuf_text(&e->text);
	size_t last = e->entry_count - 1;
	if (!*text || (e->entry_count && strcmp(e->entries[last], text) == 0))
		return;
	if (e->entry_count == EDITOR_ENTRIES_MAX) {
		free(e->entries[0]);
		memmove(e->entries, e->entries + 1, last * sizeof(*e->entries));
		e->entry_count--;
	}
	e->entries[e->entry_count++] = xstrdup(text);
}

void editor_clear(struct editor *e)
{
	for (size_t i = 0; i < e->entry_count; i++)
		free(e->entries[i]);
	free(e->draft);
	free(e->before);
	strbuf_clear(&e->text);
	*e = (struct editor){ 0 };
}
