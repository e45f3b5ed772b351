/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conn-doctor/memory.h"
#include "menu.h"
#include "state_file.h"

/* Menus, settings and their file. */

static enum menu_result press(struct menu *m, struct settings *s, int key, size_t page)
{
	return menu_act(m, keys_find(MODE_MENU, key), s, page);
}

static void selection_stays_on_the_page_whatever_its_size(void **state)
{
	(void)state;
	static const int keys[] = { 'j', SPECIAL_PAGE_DOWN, 'G',
				    'k', SPECIAL_PAGE_UP,   'g' };
	for (size_t page = 0; page < 40; page++) {
		struct settings s;
		struct menu m;
		settings_init(&s);
		menu_open(&m, MENU_OPTIONS, 0);
		for (size_t i = 0; i < 60; i++) {
			press(&m, &s, keys[i % 6], page);
			press(&m, &s, 'j', page);
			assert_true(m.selected < menu_count(&m));
			assert_true(m.top <= m.selected);
			assert_true(m.selected < m.top + (page ? page : 1));
		}
	}
}

static void sort_menu_gives_the_column_and_closes(void **state)
{
	(void)state;
	struct settings s;
	struct menu m;
	settings_init(&s);
	menu_open(&m, MENU_SORT, COLUMN_PEER);
	assert_int_equal(menu_count(&m), COLUMN_COUNT);
	assert_int_equal(press(&m, &s, 'j', 5), MENU_MOVED);
	assert_int_equal(press(&m, &s, '>', 5), MENU_NOTHING);
	assert_int_equal(press(&m, &s, CHAR_ENTER, 5), MENU_CHOSEN);
	assert_int_equal(m.selected, COLUMN_PEER + 1);
	assert_int_equal(m.kind, MENU_NONE);
	menu_open(&m, MENU_SORT, 0);
	assert_int_equal(press(&m, &s, KEY_ESC, 5), MENU_CLOSED);
	assert_int_equal(m.kind, MENU_NONE);
}

static void options_change_the_settings(void **state)
{
	(void)state;
	struct settings s;
	struct menu m;
	settings_init(&s);
	s.interval_ms = 2000;
	menu_open(&m, MENU_OPTIONS, MENU_GROUP_BY);
	assert_int_equal(press(&m, &s, ' ', 9), MENU_CHANGED);
	assert_int_equal(s.group_by, GROUP_PEER);
	press(&m, &s, '<', 9);
	press(&m, &s, '<', 9);
	assert_int_equal(s.group_by, GROUP_BY_COUNT - 1);
	m.selected = MENU_SCHEME;
	press(&m, &s, '>', 9);
	assert_int_equal(s.scheme, SCHEME_CONTRAST);
	m.selected = MENU_ASCII;
	press(&m, &s, CHAR_ENTER, 9);
	assert_true(s.is_ascii);
	m.selected = MENU_INTERVAL;
	press(&m, &s, '>', 9);
	assert_int_equal(s.interval_ms, 5000);
	m.selected = MENU_COLUMNS + COLUMN_STATE;
	assert_int_equal(press(&m, &s, ' ', 9), MENU_CHANGED);
	assert_true(s.columns.is_hidden[COLUMN_STATE]);
	assert_int_equal(press(&m, &s, '<', 9), MENU_CHANGED);
	assert_int_equal(s.columns.order[COLUMN_STATE - 1], COLUMN_STATE);
	assert_int_equal(m.selected, MENU_COLUMNS + COLUMN_STATE - 1);
	/* Who could tell the rows apart without them? */
	m.selected = MENU_COLUMNS;
	assert_int_equal(s.columns.order[0], COLUMN_VERDICT);
	assert_int_equal(press(&m, &s, ' ', 9), MENU_NOTHING);
	assert_false(s.columns.is_hidden[COLUMN_VERDICT]);
}

static void every_entry_has_a_text(void **state)
{
	(void)state;
	struct settings s;
	settings_init(&s);
	for (int kind = MENU_SORT; kind <= MENU_OPTIONS; kind++) {
		struct menu m;
		menu_open(&m, (enum menu_kind)kind, 0);
		assert_true(*menu_title(&m));
		for (size_t i = 0; i < menu_count(&m); i++) {
			auto_strbuf struct strbuf text = { 0 };
			menu_put_entry(&m, i, &s, COLUMN_PEER, &text);
			assert_true(text.len > 4);
			assert_int_equal(kind == MENU_SORT && text.text[0] == '*',
					 kind == MENU_SORT && i == COLUMN_PEER);
		}
	}
}

static void settings_survive_their_file(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct settings before, after;
	auto_strbuf struct strbuf text = { 0 };
	settings_init(&before);
	before.group_by = GROUP_SERVICE;
	before.scheme = SCHEME_MONO;
	before.is_ascii = true;
	before.interval_ms = 250;
	before.columns.is_hidden[COLUMN_OWNER] = true;
	columns_move(&before.columns, 2, true);
	settings_print(&before, &text);
	settings_init(&after);
	assert_int_equal(settings_parse(&after, text.text, text.len, &err), 0);
	assert_int_equal(after.group_by, before.group_by);
	assert_int_equal(after.scheme, before.scheme);
	assert_true(after.is_ascii);
	assert_int_equal(after.interval_ms, 250);
	assert_memory_equal(after.columns.order, before.columns.order,
			    sizeof(before.columns.order));
	assert_memory_equal(after.columns.is_hidden, before.columns.is_hidden,
			    sizeof(before.columns.is_hidden));
}

static int parse(struct settings *s, const char *text, struct error *err)
{
	return settings_parse(s, text, strlen(text), err);
}

static void damaged_settings_change_nothing(void **state)
{
	(void)state;
	auto_free char *lengthy = xcalloc(1, 400);
	memset(lengthy, 'x', 399);
	const char *const bad[] = {
		"[watch]\ngroup = peer\ncolours = pink\n",
		"[watch]\ngroup = peer\n?\n",
		"[watch]\ngroup = peer\ninterval = 1ms\n",
		"[watch]\ngroup = peer\nascii = maybe\n",
		"[columns]\nverdict = perhaps\n",
		lengthy,
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error err = { 0 };
		struct settings s;
		settings_init(&s);
		assert_int_equal(parse(&s, bad[i], &err), -1);
		assert_true(err.text[0]);
		assert_int_equal(s.group_by, GROUP_NONE);
	}
	struct error err = { 0 };
	struct settings s;
	settings_init(&s);
	assert_int_equal(settings_parse(&s, "a\0b", 3, &err), -1);
}

/* A file of an older or newer version: no column is lost, none is there twice. */
static void settings_of_another_version_are_completed(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct settings s;
	assert_int_equal(parse(&s,
			       "[watch]\nnovelty = 7\n[columns]\nowner = no\n"
			       "owner = yes\nnovelty = yes\nverdict = no\n",
			       &err),
			 0);
	uint32_t seen = 0;
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		seen |= 1U << s.columns.order[i];
	assert_int_equal(seen, (1U << COLUMN_COUNT) - 1);
	assert_int_equal(s.columns.order[0], COLUMN_OWNER);
	assert_true(s.columns.is_hidden[COLUMN_OWNER]);
	assert_false(s.columns.is_hidden[COLUMN_VERDICT]);
}

static void state_files_are_replaced_whole_and_private(void **state)
{
	(void)state;
	struct error err = { 0 };
	struct state_file f;
	struct stat st;
	char base[] = "/tmp/cd-state-XXXXXX";
	assert_non_null(mkdtemp(base));
	auto_free char *dir = xasprintf("%s/a/b", base);
	auto_free char *path = xasprintf("%s/x.conf", dir);
	auto_free char *text = NULL, *none = NULL;
	size_t len;
	assert_int_equal(state_file_read(dir, "x.conf", 9, &none, &len, &err), 0);
	assert_null(none);
	assert_int_equal(state_file_open(&f, dir, "x.conf", &err), 0);
	fputs("12345", f.stream);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(state_file_commit(&f, true, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(state_file_read(dir, "x.conf", 5, &text, &len, &err), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(text, "12345", 5);
	assert_int_equal(state_file_read(dir, "x.conf", 4, &none, &len, &err), -1);
	assert_int_equal(state_file_read(base, "a", 4, &none, &len, &err), -1);
	assert_int_equal(state_file_open(&f, path, "y", &err), -1);
	unlink(path);
	rmdir(dir);
	auto_free char *above = xasprintf("%s/a", base);
	rmdir(above);
	assert_int_equal(rmdir(base), 0); /* nothing was left beside it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selection_stays_on_the_page_whatever_its_size),
		cmocka_unit_test(sort_menu_gives_the_column_and_closes),
		cmocka_unit_test(options_change_the_settings),
		cmocka_unit_test(every_entry_has_a_text),
		cmocka_unit_test(settings_survive_their_file),
		cmocka_unit_test(damaged_settings_change_nothing),
		cmocka_unit_test(settings_of_another_version_are_completed),
		cmocka_unit_test(state_files_are_replaced_whole_and_private),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
