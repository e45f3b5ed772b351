/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actions.h"
#include "frame.h"
#include "replay.h"
#include "summary.h"

#define SECOND_NS UINT64_C(1000000000)

static const struct source_extent extent = {
	.pass_count = 101,
	.first_realtime_ns = 1763676000 * SECOND_NS,
	.last_realtime_ns = 1763676500 * SECOND_NS,
};

static void speeds_go_from_a_quarter_to_64(void **state)
{
	(void)state;
	unsigned speed = REPLAY_SPEED_NORMAL;
	assert_string_equal(replay_speed_name(speed), "1x");
	for (int i = 0; i < 20; i++)
		speed = replay_speed_step(speed, false);
	assert_string_equal(replay_speed_name(speed), "1/4x");
	assert_int_equal(replay_wait_ms(1000, speed), 4000);
	for (int i = 0; i < 20; i++) {
		unsigned before = speed;
		speed = replay_speed_step(speed, true);
		assert_int_equal(replay_wait_ms(6400, speed) *
					 (speed == before ? 1 : 2),
				 replay_wait_ms(6400, before));
	}
	assert_string_equal(replay_speed_name(speed), "64x");
	assert_int_equal(replay_wait_ms(6400, speed), 100);
}

static void gaps_are_as_recorded(void **state)
{
	(void)state;
	assert_int_equal(replay_gap_ms(SECOND_NS, 6 * SECOND_NS, 2000), 5000);
	assert_int_equal(replay_gap_ms(SECOND_NS, 60 * SECOND_NS, 2000), 59000);
	/* A break of the recorder is not waited out. */
	assert_int_equal(replay_gap_ms(SECOND_NS, 61 * SECOND_NS, 2000), 60000);
	assert_int_equal(replay_gap_ms(SECOND_NS, 9999 * SECOND_NS, 2000), 60000);
	/* Unknown, or the clock was set back. */
	assert_int_equal(replay_gap_ms(0, SECOND_NS, 2000), 2000);
	assert_int_equal(replay_gap_ms(SECOND_NS, 0, 2000), 2000);
	assert_int_equal(replay_gap_ms(SECOND_NS, SECOND_NS, 2000), 2000);
	assert_int_equal(replay_gap_ms(2 * SECOND_NS, SECOND_NS, 2000), 2000);
}

static void steps_stay_in_the_recording(void **state)
{
	(void)state;
	assert_int_equal(replay_step(5, 1, 10), 6);
	assert_int_equal(replay_step(5, -1, 10), 4);
	assert_int_equal(replay_step(9, 1, 10), 9);
	assert_int_equal(replay_step(0, -1, 10), 0);
	assert_int_equal(replay_step(SIZE_MAX, 0, 10), 9);
	assert_int_equal(replay_step(SIZE_MAX, -1, 10), 8);
	assert_int_equal(replay_step(3, INT64_MAX, 10), 9);
	assert_int_equal(replay_step(3, INT64_MIN + 1, 10), 0);
	assert_int_equal(replay_step(0, 1, 1), 0);
	assert_int_equal(replay_step(7, -1, 0), 0);
	assert_int_equal(replay_lead_start(9), 0);
	assert_int_equal(replay_lead_start(10), 0);
	assert_int_equal(replay_lead_start(11), 1);
}

static void goals_are_times_and_shares(void **state)
{
	(void)state;
	struct replay_goal goal;
	struct error err;
	static const struct {
		const char *text;
		enum replay_goal_kind kind;
		uint64_t value;
	} good[] = {
		{ "0%", REPLAY_TO_PASS, 0 },
		{ "50%", REPLAY_TO_PASS, 50 },
		{ "100%", REPLAY_TO_PASS, 100 },
		{ "+10s", REPLAY_TO_TIME, 1763676010 * SECOND_NS },
		{ "-10s", REPLAY_TO_TIME, 1763676490 * SECOND_NS },
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(replay_parse_goal(good[i].text, &extent, &goal, &err),
				 0);
		assert_int_equal(goal.kind, good[i].kind);
		assert_int_equal(goal.value, good[i].value);
	}
	static const char *const bad[] = {
		"",    "%",    "101%", "-5%", "5%%",
		"5 %", "noon", "+1h",  "5",   "99999999999999999999999%"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err = (struct error){ 0 };
		assert_int_equal(replay_parse_goal(bad[i], &extent, &goal, &err), -1);
		assert_int_equal(err.code, ERROR_USAGE);
		assert_true(*err.text);
	}
}

static void without_times_there_are_shares(void **state)
{
	(void)state;
	const struct source_extent timeless = { .pass_count = 5 };
	struct replay_goal goal;
	struct error err;
	assert_int_equal(replay_parse_goal("99%", &timeless, &goal, &err), 0);
	assert_int_equal(goal.value, 3);
	assert_int_equal(replay_parse_goal("+1s", &timeless, &goal, &err), -1);
	assert_non_null(strstr(err.text, "does not say when"));
}

static void assert_pace(int columns, uint64_t interval_ms, const char *expected)
{
	struct replay_state replay = { .can_seek = true, .extent = extent };
	struct frame f = { .pass_number = 31, .sort = COLUMN_VERDICT };
	struct summary_pace pace = { REPLAY_SPEED_NORMAL + 2, interval_ms };
	auto_strbuf struct strbuf text = { 0 };
	f.snap.duration_ns = 1300000;
	f.is_reversed = true;
	summary_put_replay(&f, &replay, &pace, columns, &text);
	assert_string_equal(strbuf_text(&text), expected);
}

static void the_title_says_what_has_room(void **state)
{
	(void)state;
	assert_pace(99, 0, "by VERDICT reversed  pass 31 of 101, taken in 1.3ms, 4x");
	assert_pace(55, 0, "by VERDICT reversed  pass 31 of 101, taken in 1.3ms, 4x");
	assert_pace(54, 0, "by VERDICT reversed  pass 31 of 101, 4x");
	assert_pace(38, 0, "pass 31 of 101, 4x");
	assert_pace(38, 2000, "pass 31 of 101, every 500ms");
	assert_pace(17, 0, "pass 31 of 101");
	assert_pace(13, 0, "");
	assert_pace(-1, 0, "");
}

static void what_is_known_of_the_length_is_told(void **state)
{
	(void)state;
	struct replay_state replay = { .can_seek = true, .extent = extent };
	auto_strbuf struct strbuf text = { 0 };
	replay.is_growing = true;
	replay_put_pass(&replay, 101, &text);
	assert_string_equal(strbuf_text(&text), "pass 101 of 101+");
	strbuf_reset(&text);
	replay.can_seek = false;
	replay_put_pass(&replay, 7, &text);
	assert_string_equal(strbuf_text(&text), "pass 7");
	strbuf_reset(&text);
	replay_put_pass(&replay, 0, &text);
	assert_string_equal(strbuf_text(&text), "");
}

static unsigned press(struct view_state *v, int key)
{
	static const struct view_bounds bounds = { 100, 10, 50, 20, 30, 10, false };
	return action_apply(keys_find(MODE_VIEW, key), v, &bounds);
}

static void stepping_pauses(void **state)
{
	(void)state;
	struct view_state v = { .is_recording = true, .interval_ms = 2000 };
	assert_int_equal(press(&v, '.'), REACT_DRAW | REACT_FREEZE | REACT_STEP);
	assert_true(v.is_frozen);
	assert_int_equal(press(&v, ','), REACT_STEP_BACK);
	assert_true(v.is_frozen);
	assert_int_equal(press(&v, 'p'), REACT_DRAW | REACT_FREEZE);
	assert_false(v.is_frozen);
	assert_int_equal(press(&v, 'B'), REACT_FIRST_PASS);
	assert_int_equal(press(&v, 'E'), REACT_LAST_PASS);
	assert_false(v.is_frozen);
}

static void speed_is_not_the_interval(void **state)
{
	(void)state;
	struct view_state v = { .is_recording = true,
				.interval_ms = 2000,
				.speed = REPLAY_SPEED_NORMAL };
	assert_int_equal(press(&v, '}'), REACT_DRAW | REACT_SPEED);
	assert_int_equal(press(&v, '+'), REACT_DRAW | REACT_SPEED);
	assert_string_equal(replay_speed_name(v.speed), "4x");
	assert_int_equal(press(&v, '-'), REACT_DRAW | REACT_SPEED);
	assert_int_equal(press(&v, '{'), REACT_DRAW | REACT_SPEED);
	assert_string_equal(replay_speed_name(v.speed), "1x");
	assert_int_equal(v.interval_ms, 2000);
	assert_int_equal(v.settings.interval_ms, 0);
	v.speed = 0;
	assert_int_equal(press(&v, '{'), 0);
}

/* They answer, so that it can be said why not, and change nothing. */
static void a_live_screen_has_no_past(void **state)
{
	(void)state;
	struct view_state v = { .interval_ms = 2000, .speed = REPLAY_SPEED_NORMAL };
	struct view_state before = v;
	for (const char *key = ".,BET{}"; *key; key++)
		assert_int_not_equal(press(&v, *key), 0);
	assert_memory_equal(&v, &before, sizeof(v));
}

static void keys_are_shown_where_they_do_something(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_table_count; i++) {
		const struct key_info *k = &key_table[i];
		bool is_replay = strcmp(k->group, "Recording") == 0;
		assert_int_equal(key_is_shown(k, false), !is_replay);
		bool is_live = k->action == ACTION_FASTER ||
			       k->action == ACTION_SLOWER ||
			       (k->action == ACTION_FREEZE && !is_replay);
		assert_int_equal(key_is_shown(k, true), !is_live);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(speeds_go_from_a_quarter_to_64),
		cmocka_unit_test(gaps_are_as_recorded),
		cmocka_unit_test(steps_stay_in_the_recording),
		cmocka_unit_test(goals_are_times_and_shares),
		cmocka_unit_test(without_times_there_are_shares),
		cmocka_unit_test(the_title_says_what_has_room),
		cmocka_unit_test(what_is_known_of_the_length_is_told),
		cmocka_unit_test(stepping_pauses),
		cmocka_unit_test(speed_is_not_the_interval),
		cmocka_unit_test(a_live_screen_has_no_past),
		cmocka_unit_test(keys_are_shown_where_they_do_something),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
