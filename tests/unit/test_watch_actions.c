/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actions.h"
#include "trend.h"

static const struct view_bounds bounds = { 100, 10, 50, 20, 30, 10, false };

static unsigned press(struct view_state *v, int key)
{
	return action_apply(keys_find(MODE_VIEW, key), v, &bounds);
}

static void every_key_has_one_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_table_count; i++) {
		assert_non_null(key_table[i].help);
		for (size_t j = 0; j < KEYS_PER_ACTION && key_table[i].keys[j]; j++)
			assert_int_equal(
				keys_find(key_table[i].mode, key_table[i].keys[j]),
				key_table[i].action);
	}
	assert_int_equal(keys_find(MODE_VIEW, 'X'), ACTION_NONE);
	assert_int_equal(keys_find(MODE_VIEW, 0), ACTION_NONE);
	assert_int_equal(keys_find(MODE_VIEW, KEY_NOTHING), ACTION_NONE);
}

static void every_action_has_a_key_and_answers(void **state)
{
	(void)state;
	for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++) {
		size_t i = 0;
		while (i < key_table_count && (int)key_table[i].action != action)
			i++;
		assert_true(i < key_table_count);
		if (key_table[i].mode != MODE_VIEW)
			continue;
		struct view_state v = { .interval_ms = 2000,
					.zoom = TREND_ZOOM_START,
					.settings.columns.skip = 1,
					.settings.group_by = GROUP_PEER };
		struct view_state help = { .is_help = true };
		unsigned reactions = action_apply((enum action)action, &v, &bounds);
		reactions |= action_apply((enum action)action, &help, &bounds);
		assert_int_not_equal(reactions, 0);
	}
	struct view_state v = { 0 };
	assert_int_equal(action_apply(ACTION_NONE, &v, &bounds), 0);
}

static void keys_have_names(void **state)
{
	(void)state;
	char name[KEY_NAME_SIZE];
	assert_string_equal(key_label(SPECIAL_PAGE_UP, name), "PgUp");
	assert_string_equal(key_label(SPECIAL_F0 + 10, name), "F10");
	assert_string_equal(key_label(KEY_CTRL_C, name), "Ctrl-C");
	assert_string_equal(key_label(KEY_ESC, name), "Esc");
	assert_string_equal(key_label('?', name), "?");
}

static void moves_stay_within_the_rows(void **state)
{
	(void)state;
	static const int keys[] = { 'j', 'k', SPECIAL_PAGE_DOWN, SPECIAL_PAGE_UP, 'G',
				    'k', 'j', SPECIAL_PAGE_DOWN };
	for (size_t rows = 0; rows < 30; rows++) {
		struct view_bounds b = { .row_count = rows, .page = 10 };
		struct view_state v = { 0 };
		for (size_t i = 0; i < 8 * sizeof(keys) / sizeof(*keys); i++) {
			action_apply(keys_find(MODE_VIEW, keys[i % 8]), &v, &b);
			assert_true(v.lists[0].selected < rows ||
				    v.lists[0].selected == 0);
			assert_true(v.lists[0].top <= v.lists[0].selected &&
				    v.lists[0].selected < v.lists[0].top + 10);
			assert_true(rows <= 10 ? v.lists[0].top == 0
					       : v.lists[0].top + 10 <= rows);
		}
	}
}

static void a_page_moves_by_a_page(void **state)
{
	(void)state;
	struct view_state v = { 0 };
	assert_int_equal(press(&v, SPECIAL_PAGE_DOWN), REACT_DRAW | REACT_MOVED);
	assert_int_equal(v.lists[0].selected, 10);
	assert_int_equal(v.lists[0].top, 10);
	press(&v, SPECIAL_END);
	assert_int_equal(v.lists[0].selected, 99);
	assert_int_equal(v.lists[0].top, 90);
	press(&v, SPECIAL_PAGE_UP);
	assert_int_equal(v.lists[0].selected, 89);
	press(&v, 'g');
	assert_int_equal(v.lists[0].selected, 0);
	assert_int_equal(v.lists[0].top, 0);
}

static void held_row_stays_on_its_line_when_the_order_changes(void **state)
{
	(void)state;
	struct view_state v = { 0 };
	for (int i = 0; i < 25; i++)
		press(&v, 'j');
	size_t line = v.lists[0].selected - v.lists[0].top;
	view_follow(&v, &bounds, 60);
	assert_int_equal(v.lists[0].selected, 60);
	assert_int_equal(v.lists[0].selected - v.lists[0].top, line);
	/* Near the top there are not as many rows above it. */
	view_follow(&v, &bounds, 2);
	assert_int_equal(v.lists[0].selected, 2);
	assert_int_equal(v.lists[0].top, 0);
}

static void row_that_is_gone_leaves_the_selection_where_it_was(void **state)
{
	(void)state;
	struct view_state v = { .lists[0] = { 90, 95, true, 0 } };
	view_follow(&v, &bounds, VIEW_NOT_FOUND);
	assert_int_equal(v.lists[0].selected, 95);
	struct view_bounds fewer = { .row_count = 20, .page = 10 };
	view_follow(&v, &fewer, VIEW_NOT_FOUND);
	assert_int_equal(v.lists[0].selected, 19);
	assert_int_equal(v.lists[0].top, 10);
	struct view_bounds none = { .row_count = 0, .page = 10 };
	view_follow(&v, &none, VIEW_NOT_FOUND);
	assert_int_equal(v.lists[0].selected, 0);
}

static void without_a_move_the_worst_row_stays_selected(void **state)
{
	(void)state;
	struct view_state v = { 0 };
	view_follow(&v, &bounds, 40);
	assert_int_equal(v.lists[0].selected, 0);
	press(&v, 'j');
	assert_true(v.lists[0].is_held);
	press(&v, SPECIAL_HOME);
	assert_false(v.lists[0].is_held);
}

static void smaller_screen_keeps_the_selection_on_it(void **state)
{
	(void)state;
	struct view_state v = { .lists[0] = { 50, 59, true, 0 } };
	struct view_bounds b = { .row_count = 100, .page = 4 };
	view_follow(&v, &b, 59);
	assert_int_equal(v.lists[0].selected, 59);
	assert_true(v.lists[0].top <= 59 && 59 < v.lists[0].top + 4);
	/* The screen is too small for any row. */
	b.page = 0;
	view_follow(&v, &b, 59);
	assert_int_equal(v.lists[0].selected, 59);
}

static void sort_goes_round_and_reverse_is_taken_back(void **state)
{
	(void)state;
	struct view_state v = { 0 };
	assert_int_equal(press(&v, '<'), REACT_DRAW | REACT_SORT);
	assert_int_equal(v.sort, COLUMN_COUNT - 1);
	press(&v, 'r');
	assert_true(v.is_reversed);
	press(&v, '>');
	assert_int_equal(v.sort, COLUMN_VERDICT);
	assert_false(v.is_reversed);
	press(&v, '>');
	assert_int_equal(v.sort, COLUMN_SINCE);
	assert_int_equal(press(&v, 's'), REACT_DRAW);
	assert_int_equal(v.menu.kind, MENU_SORT);
	assert_int_equal(v.menu.selected, COLUMN_SINCE);
}

static void interval_goes_in_steps_and_has_ends(void **state)
{
	(void)state;
	struct view_state v = { .interval_ms = 3000 };
	assert_int_equal(press(&v, '+'), REACT_DRAW | REACT_INTERVAL | REACT_SETTINGS);
	assert_int_equal(v.interval_ms, 2000);
	press(&v, '-');
	assert_int_equal(v.interval_ms, 5000);
	for (int i = 0; i < 20; i++)
		press(&v, '+');
	assert_int_equal(v.interval_ms, 250);
	assert_int_equal(press(&v, '+'), 0);
	for (int i = 0; i < 20; i++)
		press(&v, '-');
	assert_int_equal(v.interval_ms, 600000);
	assert_int_equal(press(&v, '-'), 0);
}

static void help_takes_the_moves_and_leaves_first(void **state)
{
	(void)state;
	struct view_state v = { .lists[0] = { 0, 5, true, 0 } };
	press(&v, '?');
	assert_true(v.is_help);
	assert_int_equal(press(&v, SPECIAL_END), REACT_DRAW);
	assert_int_equal(v.help_top, 30);
	press(&v, 'j');
	assert_int_equal(v.help_top, 30);
	press(&v, SPECIAL_PAGE_UP);
	assert_int_equal(v.help_top, 10);
	press(&v, SPECIAL_HOME);
	assert_int_equal(v.help_top, 0);
	assert_int_equal(v.lists[0].selected, 5);
	assert_true(v.lists[0].is_held);
	assert_int_equal(press(&v, 'q'), REACT_DRAW);
	assert_false(v.is_help);
	assert_int_equal(press(&v, KEY_ESC), 0);
	assert_int_equal(press(&v, 'q'), REACT_QUIT);
}

static void enter_opens_a_page_and_three_keys_leave_it(void **state)
{
	(void)state;
	static const int keys[] = { KEY_ESC, CHAR_ENTER, 'q' };
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct view_state v = { 0 };
		assert_int_equal(press(&v, CHAR_ENTER),
				 REACT_DRAW | REACT_MOVED | REACT_OPEN);
		assert_true(v.is_open && v.lists[0].is_held);
		press(&v, SPECIAL_END);
		assert_int_equal(v.page_top, 20);
		assert_int_equal(v.lists[0].selected, 0);
		press(&v, SPECIAL_PAGE_UP);
		assert_int_equal(v.page_top, 10);
		/* The help lies over the page, and goes first. */
		press(&v, '?');
		press(&v, 'q');
		assert_true(v.is_open && !v.is_help);
		assert_int_equal(press(&v, 's'), 0);
		assert_int_equal(press(&v, keys[i]), REACT_DRAW | REACT_OPEN);
		assert_false(v.is_open);
	}
	struct view_state v = { 0 };
	struct view_bounds none = { .page = 10 };
	assert_int_equal(action_apply(ACTION_OPEN, &v, &none), 0);
}

static void a_page_that_shrinks_is_not_scrolled_beyond_its_end(void **state)
{
	(void)state;
	struct view_state v = { .is_open = true, .page_top = 20 };
	struct view_bounds b = { .row_count = 1, .text_count = 12, .text_page = 10 };
	view_follow(&v, &b, 0);
	assert_int_equal(v.page_top, 2);
	b.text_page = 40;
	view_follow(&v, &b, 0);
	assert_int_equal(v.page_top, 0);
}

static void each_view_has_a_place_of_its_own(void **state)
{
	(void)state;
	struct view_state v = { 0 };
	press(&v, SPECIAL_PAGE_DOWN);
	assert_int_equal(press(&v, CHAR_TAB), REACT_DRAW | REACT_VIEW | REACT_OPEN);
	assert_int_equal(v.view, VIEW_FINDINGS);
	assert_int_equal(view_list(&v)->selected, 0);
	press(&v, 'j');
	press(&v, '1');
	assert_int_equal(view_list(&v)->selected, 10);
	press(&v, SPECIAL_BACK_TAB);
	assert_int_equal(v.view, VIEW_EVENTS);
	assert_int_equal(press(&v, 's'), 0);
	assert_int_equal(press(&v, 'r'), 0);
	press(&v, CHAR_TAB);
	assert_int_equal(v.view, VIEW_CONNECTIONS);
	press(&v, '2');
	assert_int_equal(view_list(&v)->selected, 1);
	press(&v, CHAR_ENTER);
	press(&v, '3');
	assert_false(v.is_open);
	for (int view = 0; view < VIEW_COUNT; view++) {
		press(&v, '1' + view);
		assert_int_equal(v.view, view);
	}
}

static void the_zoom_stops_at_both_ends(void **state)
{
	(void)state;
	struct view_state v = { .zoom = TREND_ZOOM_START };
	for (unsigned i = TREND_ZOOM_START + 1; i < TREND_ZOOM_COUNT; i++) {
		assert_int_equal(press(&v, '['), REACT_DRAW);
		assert_int_equal(v.zoom, i);
	}
	assert_int_equal(press(&v, '['), 0);
	for (unsigned i = TREND_ZOOM_COUNT - 1; i > 0; i--)
		assert_int_equal(press(&v, ']'), REACT_DRAW);
	assert_int_equal(press(&v, ']'), 0);
	assert_int_equal(v.zoom, 0);
}

static void the_filter_is_written_over_the_connections(void **state)
{
	(void)state;
	struct view_state v = { .view = VIEW_SERVICES, .is_help = true };
	unsigned reactions = press(&v, '/');
	assert_true(reactions & REACT_FILTER && reactions & REACT_VIEW);
	assert_true(v.is_editing && !v.is_help);
	assert_int_equal(v.view, VIEW_CONNECTIONS);
}

static void freeze_and_refresh_leave_it_to_the_loop(void **state)
{
	(void)state;
	struct view_state v = { 0 };
	assert_int_equal(press(&v, 'p'), REACT_DRAW | REACT_FREEZE);
	assert_true(v.is_frozen);
	assert_int_equal(press(&v, 'R'), REACT_COLLECT);
	assert_true(v.is_frozen);
	press(&v, 'Z');
	assert_false(v.is_frozen);
	assert_int_equal(press(&v, KEY_CTRL_L), REACT_DRAW | REACT_REPAINT);
}

static void followed_row_stays_in_the_middle_until_a_move(void **state)
{
	(void)state;
	struct view_state v = { 0 };
	press(&v, 'j');
	assert_int_equal(press(&v, 'F') & REACT_VIEW, REACT_VIEW);
	assert_true(v.is_following);
	for (size_t at = 95; at > 0; at -= 19) {
		view_follow(&v, &bounds, at);
		assert_int_equal(v.lists[0].selected, at);
		/* The last page is full. */
		assert_int_equal(v.lists[0].top, at == 95 ? 90 : at > 5 ? at - 5 : 0);
	}
	press(&v, 'j');
	assert_false(v.is_following);
	press(&v, 'F');
	press(&v, 'F');
	assert_false(v.is_following);
	press(&v, 'F');
	view_follow(&v, &bounds, VIEW_NOT_FOUND);
	assert_false(v.is_following);
}

static void pages_of_a_row_change_into_each_other(void **state)
{
	(void)state;
	struct view_state v = { 0 };
	assert_int_equal(press(&v, 'y') & REACT_OPEN, REACT_OPEN);
	assert_true(v.is_open && v.page_kind == PAGE_JSON);
	press(&v, 'x');
	assert_true(v.is_open && v.page_kind == PAGE_EXPLAIN);
	press(&v, 'x');
	assert_false(v.is_open);
	assert_int_equal(v.page_kind, PAGE_DETAIL);
	press(&v, 'y');
	press(&v, KEY_ESC);
	assert_false(v.is_open);
	press(&v, CHAR_ENTER);
	assert_int_equal(v.page_kind, PAGE_DETAIL);
	struct view_bounds none = { .page = 10 };
	v = (struct view_state){ 0 };
	assert_int_equal(action_apply(ACTION_JSON, &v, &none), 0);
	assert_int_equal(action_apply(ACTION_EXPLAIN, &v, &none), 0);
}

static void enter_on_a_group_folds_it_and_opens_no_page(void **state)
{
	(void)state;
	struct view_state v = { .settings.group_by = GROUP_PEER };
	struct view_bounds b = bounds;
	b.is_on_group = true;
	assert_int_equal(action_apply(ACTION_OPEN, &v, &b), REACT_DRAW | REACT_FOLD);
	assert_int_equal(action_apply(ACTION_JSON, &v, &b), 0);
	assert_false(v.is_open);
	v.settings.group_by = GROUP_NONE;
	assert_int_equal(action_apply(ACTION_FOLD, &v, &b), 0);
	for (int i = 0; i < GROUP_BY_COUNT; i++)
		assert_true(press(&v, 't') & REACT_GROUP);
	assert_int_equal(v.settings.group_by, GROUP_NONE);
	v.view = VIEW_FINDINGS;
	assert_int_equal(press(&v, 't'), 0);
	assert_int_equal(press(&v, ' '), 0);
}

static void columns_scroll_to_the_last_and_back(void **state)
{
	(void)state;
	struct view_state v = { 0 };
	settings_init(&v.settings);
	size_t steps = 0;
	while (press(&v, SPECIAL_RIGHT))
		steps++;
	assert_int_equal(steps, columns_skip_max(&v.settings.columns));
	while (press(&v, SPECIAL_LEFT))
		steps--;
	assert_int_equal(steps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_has_one_meaning),
		cmocka_unit_test(every_action_has_a_key_and_answers),
		cmocka_unit_test(keys_have_names),
		cmocka_unit_test(moves_stay_within_the_rows),
		cmocka_unit_test(a_page_moves_by_a_page),
		cmocka_unit_test(held_row_stays_on_its_line_when_the_order_changes),
		cmocka_unit_test(row_that_is_gone_leaves_the_selection_where_it_was),
		cmocka_unit_test(without_a_move_the_worst_row_stays_selected),
		cmocka_unit_test(smaller_screen_keeps_the_selection_on_it),
		cmocka_unit_test(sort_goes_round_and_reverse_is_taken_back),
		cmocka_unit_test(interval_goes_in_steps_and_has_ends),
		cmocka_unit_test(help_takes_the_moves_and_leaves_first),
		cmocka_unit_test(enter_opens_a_page_and_three_keys_leave_it),
		cmocka_unit_test(a_page_that_shrinks_is_not_scrolled_beyond_its_end),
		cmocka_unit_test(each_view_has_a_place_of_its_own),
		cmocka_unit_test(the_zoom_stops_at_both_ends),
		cmocka_unit_test(the_filter_is_written_over_the_connections),
		cmocka_unit_test(freeze_and_refresh_leave_it_to_the_loop),
		cmocka_unit_test(followed_row_stays_in_the_middle_until_a_move),
		cmocka_unit_test(pages_of_a_row_change_into_each_other),
		cmocka_unit_test(enter_on_a_group_folds_it_and_opens_no_page),
		cmocka_unit_test(columns_scroll_to_the_last_and_back),
	};
	return cmocka_run_group_tests_name("watch_actions", tests, NULL, NULL);
}
