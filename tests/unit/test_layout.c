/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "layout.h"

enum { LINES_MAX = 80, COLUMNS_MAX = 250 };

static const struct column_choice *all_columns(void)
{
	static struct column_choice choice;
	columns_choose_all(&choice);
	return &choice;
}

static void assert_inside(const struct rect *r, int lines, int columns)
{
	assert_true(r->y >= 0 && r->x >= 0 && r->height >= 0 && r->width >= 0);
	assert_true(r->y + r->height <= lines);
	assert_true(r->x + r->width <= columns);
}

/* Every line of the screen belongs to exactly one part, in the order of the eye. */
static void assert_stacked(const struct layout *l, int lines, int columns)
{
	const struct rect *parts[] = { &l->title, &l->notice,   &l->services,
				       &l->trend, &l->findings, &l->heading,
				       &l->table, &l->editor,   &l->footer };
	int y = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		assert_inside(parts[i], lines, columns);
		assert_int_equal(parts[i]->y, y);
		y += parts[i]->height;
	}
	assert_int_equal(y, lines);
}

static void assert_sound(int lines, int columns, const struct layout_needs *needs)
{
	struct layout l;
	layout_compute(lines, columns, needs, &l);
	assert_int_equal(l.is_too_small, lines < 10 || columns < 40);
	if (l.is_too_small)
		return;
	assert_stacked(&l, lines, columns);
	assert_true(l.table.height >= (lines >= 24 ? 8 : 3));
	assert_true(l.table.height * 3 >= lines - 1);
	assert_true(l.services.height <= (int)needs->service_count);
	assert_true(l.findings.height <= (int)needs->finding_count);
	assert_true(needs->has_trend || !l.trend.height);
}

static void parts_cover_every_screen_without_overlap(void **state)
{
	(void)state;
	static const size_t counts[] = { 0, 1, 3, 30 };
	enum { COUNTS = sizeof(counts) / sizeof(*counts) };
	for (int lines = 1; lines <= LINES_MAX; lines++)
		for (int columns = 1; columns <= COLUMNS_MAX; columns++)
			for (unsigned i = 0; i < COUNTS * COUNTS * 8; i++) {
				struct layout_needs needs = { counts[i / 8 % COUNTS],
							      counts[i / 8 / COUNTS],
							      i & 1, i & 2, i & 4 };
				assert_sound(lines, columns, &needs);
			}
}

static void what_stands_above_has_its_share(void **state)
{
	(void)state;
	struct layout l;
	struct layout_needs all = { 100, 100, true, true, false };
	layout_compute(10, 40, &all, &l);
	assert_int_equal(l.services.height, 1);
	assert_int_equal(l.findings.height, 0);
	assert_int_equal(l.trend.height, 0);
	assert_int_equal(l.table.height, 4);
	layout_compute(24, 80, &all, &l);
	assert_int_equal(l.services.height, 3);
	assert_int_equal(l.trend.height, 2);
	assert_int_equal(l.findings.height, 4);
	assert_int_equal(l.table.height, 10);
	layout_compute(60, 200, &all, &l);
	assert_int_equal(l.services.height, 7);
	assert_int_equal(l.trend.height, 3);
	assert_int_equal(l.findings.height, 10);
	assert_int_equal(l.table.height, 35);
	int height = l.table.height;
	all.has_editor = true;
	layout_compute(60, 200, &all, &l);
	assert_int_equal(l.table.height, height - 1);
}

/* Cells of a line stand in order, with a gap, and end before the edge. */
static void gauges_never_overlap(void **state)
{
	(void)state;
	for (int width = 1; width <= COLUMNS_MAX; width++)
		for (int name = 5; name < 120; name += 7) {
			int wanted[GAUGE_CELL_COUNT] = {
				8, name, 9, 0, 7, 13, 12, 0, 60
			};
			struct place at[GAUGE_CELL_COUNT];
			int end = -1;
			wanted[GAUGE_BAR] = layout_bar_width(width, GAUGE_BAR);
			wanted[GAUGE_QUEUE_BAR] =
				layout_bar_width(width, GAUGE_QUEUE_BAR);
			layout_gauges(width, wanted, at);
			for (int c = 0; c < GAUGE_CELL_COUNT; c++) {
				assert_true(at[c].width <= wanted[c]);
				if (!at[c].width)
					continue;
				assert_true(at[c].x > end);
				end = at[c].x + at[c].width;
			}
			assert_true(end <= width);
		}
}

static void the_name_and_the_stuck_workers_go_last(void **state)
{
	(void)state;
	int wanted[GAUGE_CELL_COUNT] = { 1, 24, 9, 12, 7, 13, 12, 8, 60 };
	struct place at[GAUGE_CELL_COUNT];
	layout_gauges(38, wanted, at);
	assert_true(at[GAUGE_SEVERITY].width && at[GAUGE_NAME].width == 24 &&
		    at[GAUGE_STUCK].width);
	assert_false(at[GAUGE_QUEUE].width || at[GAUGE_BAR].width);
	layout_gauges(20, wanted, at);
	assert_int_equal(at[GAUGE_NAME].width, 18);
	layout_gauges(200, wanted, at);
	for (int c = 0; c < GAUGE_CELL_COUNT; c++)
		assert_true(at[c].width > 0);
	/* What has nothing to say takes no room. */
	wanted[GAUGE_WAITING] = 0;
	layout_gauges(200, wanted, at);
	assert_int_equal(at[GAUGE_WAITING].width, 0);
}

static void sparklines_stay_in_their_part(void **state)
{
	(void)state;
	for (int width = 1; width <= COLUMNS_MAX; width++)
		for (int height = 0; height <= 6; height++) {
			struct rect part = { 3, 0, height, width }, at[4];
			size_t shown = layout_trend(&part, 4, at);
			assert_true(shown <= 4 &&
				    (shown > 0) == (height > 0 && width > 9));
			for (size_t i = 0; i < shown; i++) {
				assert_true(at[i].height >= 1 && at[i].width >= 1);
				assert_true(at[i].y >= 3 &&
					    at[i].y + at[i].height <= 3 + height);
				assert_true(at[i].x >= 9 &&
					    at[i].x + at[i].width <= width);
				bool is_beside = i && at[i].y == at[i - 1].y;
				if (i && !is_beside)
					assert_true(at[i].y >=
						    at[i - 1].y + at[i - 1].height);
				if (is_beside)
					assert_true(at[i].x >
						    at[i - 1].x + at[i - 1].width);
			}
		}
}

static void columns_do_not_overlap_and_stay_inside(void **state)
{
	(void)state;
	for (int width = 1; width <= COLUMNS_MAX; width++) {
		for (int peer = 0; peer <= 60; peer += 5) {
			struct column_place places[COLUMN_COUNT];
			size_t count =
				layout_columns(width, peer, all_columns(), places);
			int end = -1;
			for (size_t i = 0; i < count; i++) {
				assert_true(places[i].x == end + 1);
				assert_true(places[i].width >=
					    column_table[places[i].column].width);
				end = places[i].x + places[i].width;
				if (i)
					assert_true(places[i].column >
						    places[i - 1].column);
			}
			assert_true(end <= width);
		}
	}
}

static uint32_t shown(int width)
{
	struct column_place places[COLUMN_COUNT];
	size_t count = layout_columns(width, 21, all_columns(), places);
	uint32_t mask = 0;
	for (size_t i = 0; i < count; i++)
		mask |= 1U << places[i].column;
	return mask;
}

#define HAS(mask, column) (((mask) >> (column)) & 1)

static void columns_go_in_a_fixed_order(void **state)
{
	(void)state;
	uint32_t before = 0;
	for (int width = 1; width <= COLUMNS_MAX; width++) {
		uint32_t now = shown(width);
		/* More room never takes a column away. */
		assert_int_equal(before & ~now, 0);
		before = now;
	}
	assert_int_equal(before, (1U << COLUMN_COUNT) - 1);
}

static void the_last_to_go_are_verdict_peer_state_and_queues(void **state)
{
	(void)state;
	uint32_t at_40 = shown(40), at_60 = shown(60), at_80 = shown(80);
	assert_true(HAS(at_40, COLUMN_VERDICT) && HAS(at_40, COLUMN_PEER));
	assert_true(HAS(at_60, COLUMN_STATE) && HAS(at_60, COLUMN_RQ) &&
		    HAS(at_60, COLUMN_SQ));
	assert_true(HAS(at_80, COLUMN_SINCE) && HAS(at_80, COLUMN_OWNER));
	assert_int_equal(shown(120),
			 (1U << COLUMN_COUNT) - 1 - (1U << COLUMN_EVIDENCE));
	assert_int_equal(shown(143), (1U << COLUMN_COUNT) - 1);
}

static void each_column_has_a_rank_of_its_own(void **state)
{
	(void)state;
	uint32_t ranks = 0;
	for (int c = 0; c < COLUMN_COUNT; c++)
		ranks |= 1U << column_table[c].keep;
	assert_int_equal(ranks, (1U << COLUMN_COUNT) - 1);
}

static void spare_room_goes_to_peer_and_owner(void **state)
{
	(void)state;
	struct column_place places[COLUMN_COUNT];
	size_t count = layout_columns(200, 47, all_columns(), places);
	assert_int_equal(count, COLUMN_COUNT);
	assert_int_equal(places[COLUMN_PEER].width, 47);
	assert_int_equal(places[COLUMN_OWNER].width, 24);
	assert_int_equal(places[COLUMN_EVIDENCE].x + places[COLUMN_EVIDENCE].width,
			 200);
}

static void assert_shortened(void (*shorten)(struct strbuf *, int), const char *text,
			     int width, const char *expected)
{
	auto_strbuf struct strbuf sb = { 0 };
	strbuf_add(&sb, text);
	shorten(&sb, width);
	assert_string_equal(strbuf_text(&sb), expected);
	assert_int_equal(sb.len, strlen(expected));
}

static void texts_are_shortened_to_what_tells_most(void **state)
{
	(void)state;
	assert_shortened(columns_shorten_bytes, "10000", 4, "9.7K");
	assert_shortened(columns_shorten_bytes, "65536", 4, "64K");
	assert_shortened(columns_shorten_bytes, "4194304", 4, "4.0M");
	assert_shortened(columns_shorten_bytes, "4294967295", 4, "3.9G");
	assert_shortened(columns_shorten_since, "≥ 23h59m", 7, "≥23h59m");
	assert_shortened(columns_shorten_since, ">= 23h59m", 7, ">23h59m");
	assert_shortened(columns_shorten_pair, "23h59m/23h59m", 11, "23h/23h");
	assert_shortened(columns_shorten_pair, "23h59m/160ms", 11, "23h/160ms");
	assert_shortened(columns_shorten_pair, "497d12h/4.3s", 11, "497d/4.3s");
	assert_shortened(columns_shorten_head, "[2001:db8::1234]:41234", 12,
			 "~1234]:41234");
	assert_shortened(columns_shorten_owner, "uvicorn[4711] fd 31", 13,
			 "uvicorn[4711]");
	assert_shortened(columns_shorten_owner, "uvicorn[4711] fd 31", 11,
			 "uvic~[4711]");
	assert_shortened(columns_shorten_owner, "we[i]rd[4711] fd 31", 11,
			 "we[i~[4711]");
	assert_shortened(columns_shorten_owner, "x[1234567890] fd 3", 11,
			 "[1234567890]");
	assert_shortened(columns_shorten_owner, "(not accepted yet)", 11,
			 "(not accept");
}

static void chosen_columns_fit_in_their_order_wherever_scrolled(void **state)
{
	(void)state;
	struct column_choice choice = *all_columns();
	columns_move(&choice, 0, true);
	columns_move(&choice, COLUMN_COUNT - 1, false);
	choice.is_hidden[COLUMN_STATE] = true;
	for (choice.skip = 0; choice.skip <= columns_skip_max(&choice); choice.skip++)
		for (choice.indent = 0; choice.indent <= 2; choice.indent += 2)
			for (int width = 1; width <= COLUMNS_MAX; width++) {
				struct column_place places[COLUMN_COUNT];
				size_t count =
					layout_columns(width, 30, &choice, places);
				int end = choice.indent - 1;
				for (size_t i = 0; i < count; i++) {
					assert_int_not_equal(places[i].column,
							     COLUMN_STATE);
					assert_int_equal(places[i].x, end + 1);
					end = places[i].x + places[i].width;
				}
				assert_true(end <= width || count == 0);
			}
	/* The skipped ones make room for what comes next. */
	struct column_place places[COLUMN_COUNT];
	choice = *all_columns();
	choice.skip = columns_skip_max(&choice);
	size_t count = layout_columns(60, 21, &choice, places);
	assert_int_equal(count, 3);
	assert_int_equal(places[2].column, COLUMN_EVIDENCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_cover_every_screen_without_overlap),
		cmocka_unit_test(what_stands_above_has_its_share),
		cmocka_unit_test(gauges_never_overlap),
		cmocka_unit_test(the_name_and_the_stuck_workers_go_last),
		cmocka_unit_test(sparklines_stay_in_their_part),
		cmocka_unit_test(columns_do_not_overlap_and_stay_inside),
		cmocka_unit_test(columns_go_in_a_fixed_order),
		cmocka_unit_test(the_last_to_go_are_verdict_peer_state_and_queues),
		cmocka_unit_test(each_column_has_a_rank_of_its_own),
		cmocka_unit_test(spare_room_goes_to_peer_and_owner),
		cmocka_unit_test(texts_are_shortened_to_what_tells_most),
		cmocka_unit_test(chosen_columns_fit_in_their_order_wherever_scrolled),
	};
	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
