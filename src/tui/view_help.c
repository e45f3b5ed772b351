/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conn-doctor/text.h"
#include "keys.h"
#include "view.h"

/*
 * Footer and help, both made from the table of keys. The help has three parts:
 * keys by group, columns, verdicts; each line is made when it is drawn.
 */

void view_draw_footer(const struct rect *r, enum key_mode mode, bool is_recording)
{
	int x = 0;
	for (size_t i = 0; i < key_table_count; i++) {
		const struct key_info *k = &key_table[i];
		char name[KEY_NAME_SIZE];
		if (!k->footer || k->mode != mode || !key_is_shown(k, is_recording))
			continue;
		int key_width = (int)text_width(key_label(k->keys[0], name));
		int width = key_width + 1 + (int)text_width(k->footer);
		if (x + width > r->width)
			break;
		screen_put(r->y, r->x + x, key_width, name, PAINT_KEY);
		screen_put(r->y, r->x + x + key_width + 1, width - key_width - 1,
			   k->footer, PAINT_NORMAL);
		x += width + 2;
	}
}

/* The next key that is shown, from this one on; key_table_count = none. */
static size_t next_key(size_t key, bool is_recording)
{
	while (key < key_table_count && !key_is_shown(&key_table[key], is_recording))
		key++;
	return key;
}

/* `group` is that of the key before; NULL = there is none. */
static bool begins_group(size_t key, const char *group)
{
	return !group || strcmp(key_table[key].group, group) != 0;
}

enum { PARTS = 2 }; /* columns and verdicts, each with a title */

size_t view_help_line_count(bool is_recording)
{
	size_t count = PARTS + COLUMN_COUNT + VERDICT_COUNT;
	const char *group = NULL;
	for (size_t i = next_key(0, is_recording); i < key_table_count;
	     i = next_key(i + 1, is_recording)) {
		count += 1 + begins_group(i, group);
		group = key_table[i].group;
	}
	return count;
}

static void put_title(int y, int width, const char *text)
{
	screen_put(y, 0, width, text, PAINT_HEADING);
}

static void put_entry(int y, int width, const char *name, const char *text)
{
	enum { NAME_WIDTH = 18 };
	screen_put(y, 1, NAME_WIDTH, name, PAINT_KEY);
	screen_put(y, 2 + NAME_WIDTH, width - 2 - NAME_WIDTH, text, PAINT_NORMAL);
}

static void put_key(int y, int width, const struct key_info *k)
{
	auto_strbuf struct strbuf names = { 0 };
	for (size_t i = 0; i < KEYS_PER_ACTION && k->keys[i]; i++) {
		char name[KEY_NAME_SIZE];
		strbuf_addf(&names, "%s%s", i ? " " : "", key_label(k->keys[i], name));
	}
	put_entry(y, width, strbuf_text(&names), k->help);
}

/* Returns false when the line lies behind the keys; *line then counts from there. */
static bool put_key_line(int y, int width, size_t *line, bool is_recording)
{
	const char *group = NULL;
	for (size_t i = next_key(0, is_recording); i < key_table_count;
	     i = next_key(i + 1, is_recording)) {
		if (begins_group(i, group) && (*line)-- == 0) {
			put_title(y, width, key_table[i].group);
			return true;
		}
		if ((*line)-- == 0) {
			put_key(y, width, &key_table[i]);
			return true;
		}
		group = key_table[i].group;
	}
	return false;
}

static void put_line(int y, int width, size_t line, bool is_recording)
{
	if (put_key_line(y, width, &line, is_recording))
		return;
	if (line == 0) {
		put_title(y, width, "Columns");
	} else if (line <= COLUMN_COUNT) {
		const struct field *f = &field_table[column_table[line - 1].field];
		put_entry(y, width, f->heading, f->help);
	} else if (line == COLUMN_COUNT + 1) {
		put_title(y, width, "Verdicts, worst first");
	} else {
		const struct verdict_info *v = &verdict_table[line - COLUMN_COUNT - 2];
		put_entry(y, width, v->code, v->meaning);
	}
}

void view_draw_help(const struct scene *s)
{
	const struct rect *footer = &s->layout.footer;
	bool is_recording = s->view->is_recording;
	size_t count = view_help_line_count(is_recording);
	for (int y = 0; y < footer->y; y++) {
		size_t line = s->view->help_top + (size_t)y;
		if (line < count)
			put_line(y, footer->width, line, is_recording);
	}
	view_draw_footer(footer, MODE_VIEW, is_recording);
}
