/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn-doctor/time_at.h"

#define S INT64_C(1000000000)

/* 2026-11-20T18:00:05.250Z, and ten hours later: 04:00:05.250Z of the next day. */
#define FIRST (INT64_C(1795197605) * S + 250000000)
#define LAST  (FIRST + 36000 * S)
#define EVEN  (INT64_C(1795197600) * S) /* 18:00:00Z */

static void use_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

struct good {
	const char *text;
	int64_t ns;
};

static void expect_good(const struct good *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct error err = { 0 };
		int64_t ns = -1;
		if (time_parse_at(cases[i].text, FIRST, LAST, &ns, &err))
			fail_msg("%s: %s", cases[i].text, err.text);
		if (ns != cases[i].ns)
			fail_msg("%s: %lld s off", cases[i].text,
				 (long long)((ns - cases[i].ns) / S));
	}
}

static void each_form_is_understood(void **state)
{
	(void)state;
	static const struct good cases[] = {
		{ "2026-11-20T18:00:06Z", EVEN + 6 * S },
		{ "2026-11-20t18:00:06z", EVEN + 6 * S },
		{ "2026-11-20 18:00:06Z", EVEN + 6 * S },
		{ "2026-11-20T19:30:06+01:30", EVEN + 6 * S },
		{ "2026-11-20T19:30:06+0130", EVEN + 6 * S },
		{ "2026-11-20T10:00:06-08:00", EVEN + 6 * S },
		{ "2026-11-20T18:00:06.5Z", EVEN + 6 * S + 500000000 },
		{ "2026-11-20T18:00:06.123456789987Z", EVEN + 6 * S + 123456789 },
		{ "2026-11-20T18:01", EVEN + 60 * S },
		{ "2026-11-20 18:01:02", EVEN + 62 * S },
		{ "18:01", EVEN + 60 * S },
		{ "18:01:02", EVEN + 62 * S },
		{ "18:01:02.25", EVEN + 62 * S + 250000000 },
		{ "23:59:59", EVEN + 21599 * S },
		{ "00:00", EVEN + 21600 * S }, /* of the next day */
		{ "03:30", EVEN + 34200 * S },
		{ "03:30Z", EVEN + 34200 * S },
		{ "22:30-05:00", EVEN + 34200 * S },
		{ "2026-11-21T04:00:05Z", EVEN + 36005 * S },
	};
	use_zone("UTC");
	expect_good(cases, sizeof(cases) / sizeof(*cases));
}

static void distances_are_from_the_start_and_the_end(void **state)
{
	(void)state;
	static const struct good cases[] = {
		{ "+0s", FIRST },
		{ "-0s", LAST },
		{ "+10m", FIRST + 600 * S },
		{ "-5m", LAST - 300 * S },
		{ "+1h30m", FIRST + 5400 * S },
		{ "+10h", LAST },
		{ "-10h", FIRST },
	};
	expect_good(cases, sizeof(cases) / sizeof(*cases));
}

/* The screen says 18:00 of a recording that began five seconds later. */
static void what_coarseness_puts_before_the_start_is_the_start(void **state)
{
	(void)state;
	static const struct good cases[] = {
		{ "18:00", FIRST },
		{ "18:00:05", FIRST },
		{ "18:00:05.2", FIRST },
		{ "2026-11-20T18:00Z", FIRST },
		{ "2026-11-20T18:00:05.250Z", FIRST },
	};
	use_zone("UTC");
	expect_good(cases, sizeof(cases) / sizeof(*cases));
}

static void the_zone_is_that_of_the_reader(void **state)
{
	(void)state;
	static const struct good east[] = {
		{ "03:00:06", EVEN + 6 * S }, /* of the 21st there */
		{ "13:00", EVEN + 36000 * S },
		{ "2026-11-21T03:00:06", EVEN + 6 * S },
		{ "18:01Z", EVEN + 60 * S },
	};
	static const struct good west[] = {
		{ "13:00:06", EVEN + 6 * S },
		{ "22:59", EVEN + 35940 * S },
	};
	use_zone("<EAST>-9");
	expect_good(east, sizeof(east) / sizeof(*east));
	use_zone("<WEST>5");
	expect_good(west, sizeof(west) / sizeof(*west));
}

/* Summer time ended in this night: 02:30 was twice, and is one of the two. */
static void a_night_with_a_change_of_clocks(void **state)
{
	(void)state;
	struct error err = { 0 };
	int64_t ns;
	use_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	int64_t first = INT64_C(1792875600) * S; /* 2026-10-24T21:00:00Z = 23:00 CEST */
	int64_t last = first + 36000 * S;
	assert_int_equal(time_parse_at("06:00", first, last, &ns, &err), 0);
	assert_int_equal(ns,
			 first + 8 * 3600 * S); /* an hour more than the clock says */
	assert_int_equal(time_parse_at("02:30", first, last, &ns, &err), 0);
	assert_true(ns == first + 12600 * S || ns == first + 16200 * S);
	use_zone("UTC");
}

static void what_is_not_inside_is_told_with_the_range(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"17:59",
		"17:59:59",
		"18:00:04",
		"04:00:06",
		"04:01",
		"12:00",
		"2026-11-20T18:00:05.249Z",
		"2026-11-21T04:00:06Z",
		"2026-11-20T12:00:00Z",
		"2025-11-20T19:00:00Z",
		"+601m",
		"-601m",
		"+52w",
		"1970-01-01T00:00:00Z",
		"2200-12-31T23:59:59Z",
	};
	use_zone("UTC");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error err = { 0 };
		int64_t ns = 7;
		if (time_parse_at(cases[i], FIRST, LAST, &ns, &err) != -1)
			fail_msg("%s was accepted", cases[i]);
		assert_int_equal(err.code, ERROR_USAGE);
		assert_int_equal(ns, 7);
		if (!strstr(err.text, "is not in the recording, which goes from "
				      "2026-11-20T18:00:05+0000 to "
				      "2026-11-21T04:00:05+0000"))
			fail_msg("%s: %s", cases[i], err.text);
	}
}

/* What the message says can be typed back. */
static void the_ends_of_the_range_are_inside(void **state)
{
	(void)state;
	static const struct good cases[] = {
		{ "2026-11-20T18:00:05+0000", FIRST },
		{ "2026-11-21T04:00:05+0000", LAST - 250000000 },
	};
	expect_good(cases, sizeof(cases) / sizeof(*cases));
}

static void other_texts_are_no_times(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		" ",
		"noon",
		"18",
		"18:",
		"18:0",
		"1:00",
		"24:00",
		"18:60",
		"18:00:60",
		"18:00:",
		"18:00:05.",
		"18:00:05.x",
		"18:00 ",
		" 18:00",
		"18:00x",
		"18:00+",
		"18:00+1",
		"18:00+01:",
		"18:00+24:00",
		"18:00+01:60",
		"2026-11-20",
		"2026-11-20T",
		"2026-11-20x18:00",
		"2026-13-20T18:00",
		"2026-00-20T18:00",
		"2026-11-31T18:00Z",
		"2026-11-31T18:00",
		"2026-02-29T18:00Z",
		"2026-11-00T18:00",
		"2026-1-2T18:00",
		"0000-01-01T18:00",
		"9999-01-01T18:00",
		"2026-11-20T18",
		"18:00:05Z5",
		"12345",
		"1234-",
		"2026-",
	};
	use_zone("UTC");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error err = { 0 };
		int64_t ns;
		if (time_parse_at(cases[i], FIRST, LAST, &ns, &err) != -1)
			fail_msg("'%s' was accepted", cases[i]);
		assert_int_equal(err.code, ERROR_USAGE);
		if (!strstr(err.text, "is not a time"))
			fail_msg("'%s': %s", cases[i], err.text);
	}
}

static void distances_that_are_no_durations(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"+", "-", "+x", "-5x", "+-5m", "--5m", "+99999999999999999999s"
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error err = { 0 };
		int64_t ns;
		assert_int_equal(time_parse_at(cases[i], FIRST, LAST, &ns, &err), -1);
		assert_non_null(strstr(err.text, "duration"));
	}
}

static void hostile_ranges_do_not_overflow(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"18:00",      "+10m", "-10m", "+9999w", "2200-12-31T23:59:59.9Z",
		"00:00+23:59"
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error err = { 0 };
		int64_t ns = 0;
		int result = time_parse_at(cases[i], 0, INT64_MAX, &ns, &err);
		assert_true(result == -1 || (ns >= 0 && ns < INT64_MAX));
		result = time_parse_at(cases[i], INT64_MAX, INT64_MAX, &ns, &err);
		assert_int_equal(result, -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_understood),
		cmocka_unit_test(distances_are_from_the_start_and_the_end),
		cmocka_unit_test(what_coarseness_puts_before_the_start_is_the_start),
		cmocka_unit_test(the_zone_is_that_of_the_reader),
		cmocka_unit_test(a_night_with_a_change_of_clocks),
		cmocka_unit_test(what_is_not_inside_is_told_with_the_range),
		cmocka_unit_test(the_ends_of_the_range_are_inside),
		cmocka_unit_test(other_texts_are_no_times),
		cmocka_unit_test(distances_that_are_no_durations),
		cmocka_unit_test(hostile_ranges_do_not_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
