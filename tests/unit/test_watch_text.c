/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"
#include "editor.h"
#include "live_filter.h"
#include "page.h"

static const char long_text[] =
	"a blocking call in an event loop, or all threads wait for something slow, "
	"averylongwordthatisnotbrokenbyanyblankandgoesonforeverandeverandeverandever";

static void fill(struct page *p)
{
	page_set_title(p, "title");
	page_add_heading(p, "Heading");
	page_add(p, "cause", long_text, PAINT_NORMAL);
	page_add(p, "empty", "", PAINT_NORMAL);
	page_add(p, "", "short", PAINT_NORMAL);
}

/* Every byte but the blanks at the breaks is on some line, in order. */
static void assert_all_is_shown(const struct page *p, int width)
{
	size_t count = page_line_count(p, width), shown = 0;
	const struct paragraph *last = NULL;
	size_t end = 0;
	for (size_t i = 0; i < count; i++) {
		struct page_line line;
		assert_true(page_find_line(p, width, i, &line));
		if (line.paragraph != last)
			end = 0, shown++;
		last = line.paragraph;
		for (; end < line.start; end++)
			assert_int_equal(last->text[end], ' ');
		end = line.start + line.len;
		auto_free char *part = xstrndup(last->text + line.start, line.len);
		assert_true((int)text_width(part) + page_indent(last, width) <= width);
		assert_true(line.len || !*last->text);
	}
	assert_int_equal(shown, p->count);
	struct page_line line;
	assert_false(page_find_line(p, width, count, &line));
}

static void page_is_wrapped_at_every_width(void **state)
{
	(void)state;
	struct page p = { 0 };
	fill(&p);
	for (int width = 1; width <= 250; width++)
		assert_all_is_shown(&p, width);
	assert_int_equal(page_line_count(&p, 250), 4);
	page_clear(&p);
	assert_int_equal(page_line_count(&p, 80), 0);
}

static void a_page_moves_as_a_whole(void **state)
{
	(void)state;
	struct page from = { 0 }, to = { 0 };
	fill(&from);
	page_add(&to, "old", "text", PAINT_NORMAL);
	page_move(&to, &from);
	assert_int_equal(to.count, 4);
	assert_string_equal(to.title, "title");
	assert_int_equal(from.count, 0);
	page_clear(&to);
}

static enum edit_result press(struct editor *e, int key)
{
	return editor_act(e, keys_find(MODE_LINE, key), key);
}

static void type(struct editor *e, const char *text)
{
	for (; *text; text++)
		assert_int_equal(press(e, *text), EDIT_CHANGED);
}

static void the_line_is_edited_where_the_cursor_is(void **state)
{
	(void)state;
	struct editor e = { 0 };
	editor_open(&e, "");
	assert_int_equal(press(&e, CHAR_BACKSPACE), EDIT_NOTHING);
	assert_int_equal(press(&e, SPECIAL_DELETE), EDIT_NOTHING);
	assert_int_equal(press(&e, KEY_CTRL_W), EDIT_NOTHING);
	type(&e, "idle 5s");
	press(&e, SPECIAL_LEFT);
	press(&e, SPECIAL_LEFT);
	type(&e, "> ");
	assert_string_equal(strbuf_text(&e.text), "idle > 5s");
	press(&e, SPECIAL_HOME);
	assert_int_equal(press(&e, SPECIAL_DELETE), EDIT_CHANGED);
	assert_string_equal(strbuf_text(&e.text), "dle > 5s");
	assert_int_equal(press(&e, SPECIAL_END), EDIT_MOVED);
	press(&e, KEY_CTRL_W);
	assert_string_equal(strbuf_text(&e.text), "dle > ");
	press(&e, KEY_CTRL_U);
	assert_string_equal(strbuf_text(&e.text), "");
	assert_int_equal(press(&e, CHAR_ENTER), EDIT_KEPT);
	editor_clear(&e);
}

static void characters_are_never_cut(void **state)
{
	(void)state;
	static const int keys[] = { 'a', 0xe9, 0x8b66, 0x1f600 };
	static const size_t ends[] = { 1, 3, 6, 10 };
	struct editor e = { 0 };
	editor_open(&e, "");
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(press(&e, keys[i]), EDIT_CHANGED);
		assert_int_equal(e.cursor, ends[i]);
	}
	assert_string_equal(strbuf_text(&e.text), "a\u00e9\u8b66\U0001f600");
	for (size_t i = 4; i-- > 0;) {
		press(&e, SPECIAL_LEFT);
		assert_int_equal(e.cursor, i ? ends[i - 1] : 0);
	}
	press(&e, SPECIAL_RIGHT);
	press(&e, SPECIAL_DELETE);
	assert_string_equal(strbuf_text(&e.text), "a\u8b66\U0001f600");
	/* Control characters, surrogates and special keys are no text. */
	static const int others[] = { 1 + 1, 0x85, 0xd800, SPECIAL_F0 + 3, 0 };
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_int_equal(press(&e, others[i]), EDIT_NOTHING);
	editor_clear(&e);
}

static void the_line_has_an_end(void **state)
{
	(void)state;
	struct editor e = { 0 };
	editor_open(&e, "");
	for (int i = 0; i < 2 * EDITOR_LENGTH_MAX; i++)
		press(&e, 'x');
	assert_int_equal(e.text.len, EDITOR_LENGTH_MAX);
	editor_clear(&e);
}

static void entries_come_back_and_so_does_the_draft(void **state)
{
	(void)state;
	struct editor e = { 0 };
	static const char *const kept[] = { "one", "two", "two", "" };
	for (size_t i = 0; i < 4; i++) {
		editor_open(&e, kept[i]);
		editor_remember(&e);
	}
	assert_int_equal(e.entry_count, 2);
	editor_open(&e, "before");
	type(&e, "!");
	press(&e, SPECIAL_UP);
	assert_string_equal(strbuf_text(&e.text), "two");
	press(&e, SPECIAL_UP);
	assert_int_equal(press(&e, SPECIAL_UP), EDIT_NOTHING);
	assert_string_equal(strbuf_text(&e.text), "one");
	press(&e, SPECIAL_DOWN);
	press(&e, SPECIAL_DOWN);
	assert_string_equal(strbuf_text(&e.text), "before!");
	assert_int_equal(press(&e, SPECIAL_DOWN), EDIT_NOTHING);
	assert_int_equal(press(&e, KEY_ESC), EDIT_CANCELLED);
	assert_string_equal(strbuf_text(&e.text), "before");
	for (int i = 0; i < 2 * EDITOR_ENTRIES_MAX; i++) {
		editor_open(&e, i % 2 ? "odd" : "even");
		editor_remember(&e);
	}
	assert_int_equal(e.entry_count, EDITOR_ENTRIES_MAX);
	editor_clear(&e);
}

static void a_wrong_filter_leaves_the_old_one(void **state)
{
	(void)state;
	struct live_filter f = { 0 };
	struct error err = { 0 };
	size_t column;
	assert_int_equal(live_filter_set(&f, ":80", 1, NULL, &column, &err), 0);
	const struct filter *before = f.filter;
	assert_int_equal(live_filter_set(&f, ":80 nad", 2, NULL, &column, &err), -1);
	assert_int_equal(column, 4);
	assert_string_equal(err.text, "'nad' is no term of a filter");
	assert_int_equal(live_filter_set(&f, "dev lo", 2, NULL, &column, &err), -1);
	assert_non_null(strstr(err.text, "cannot be looked up"));
	assert_ptr_equal(f.filter, before);
	assert_int_equal(f.number, 1);
	assert_int_equal(live_filter_set(&f, "", 2, NULL, &column, &err), 0);
	assert_null(f.filter->root);
	live_filter_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_is_wrapped_at_every_width),
		cmocka_unit_test(a_page_moves_as_a_whole),
		cmocka_unit_test(the_line_is_edited_where_the_cursor_is),
		cmocka_unit_test(characters_are_never_cut),
		cmocka_unit_test(the_line_has_an_end),
		cmocka_unit_test(entries_come_back_and_so_does_the_draft),
		cmocka_unit_test(a_wrong_filter_leaves_the_old_one),
	};
	return cmocka_run_group_tests_name("watch_text", tests, NULL, NULL);
}
