/* SPDX-License-Identifier: MIT */

/* Series: bounded in points and scopes, dense lately, and safe to read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/series.h"

static const struct series_scope HOST = { .kind = SERIES_HOST };

static struct series_scope service(uint64_t port)
{
	return (struct series_scope){ .kind = SERIES_SERVICE, .id = port };
}

static void add(struct series *s, struct series_scope scope, uint64_t at_ms,
		uint32_t value)
{
	struct series_values values;
	for (size_t i = 0; i < SERIES_METRIC_COUNT; i++)
		values.of[i] = value + (uint32_t)i;
	series_add(s, &scope, at_ms, &values);
}

static void points_come_back_in_order(void **state)
{
	(void)state;
	struct series_point points[SERIES_POINTS];
	struct series *s = series_new();
	assert_int_equal(series_points(NULL, &HOST, SERIES_CLOSE_WAIT, points), 0);
	assert_int_equal(series_points(s, &HOST, SERIES_CLOSE_WAIT, points), 0);
	add(s, HOST, 5000, 10);
	add(s, HOST, 6000, 20);
	add(s, HOST, 6000, 99); /* the same pass again */
	add(s, HOST, 5500, 99); /* a clock that goes back */
	add(s, HOST, 100, 99);
	assert_int_equal(series_points(s, &HOST, SERIES_CLOSE_WAIT, points), 2);
	assert_int_equal(points[0].at_ms, 5000);
	assert_int_equal(points[0].value, 10 + SERIES_CLOSE_WAIT);
	assert_int_equal(points[1].at_ms, 6000);
	/* A host has no descriptors, and another scope has nothing. */
	assert_int_equal(series_points(s, &HOST, SERIES_DESCRIPTORS, points), 0);
	struct series_scope other = service(80);
	assert_int_equal(series_points(s, &other, SERIES_CLOSE_WAIT, points), 0);
	series_free(s);
}

static void what_is_unknown_is_a_gap(void **state)
{
	(void)state;
	struct series_point points[SERIES_POINTS];
	struct series *s = series_new();
	struct series_values values = { 0 };
	add(s, HOST, 1000, 1);
	values.of[SERIES_OUT_RSTS] = SERIES_UNKNOWN;
	series_add(s, &HOST, 2000, &values);
	add(s, HOST, 3000, 3);
	assert_int_equal(series_points(s, &HOST, SERIES_OUT_RSTS, points), 2);
	assert_int_equal(points[1].at_ms, 3000);
	assert_int_equal(series_points(s, &HOST, SERIES_CLOSE_WAIT, points), 3);
	series_free(s);
}

/* A day of passes each 2 s: all of the last ones, and the day covered evenly. */
static void a_long_window_stays_covered(void **state)
{
	(void)state;
	enum { PASSES = 43200 };
	struct series_point points[SERIES_POINTS];
	struct series *s = series_new();
	for (uint64_t i = 0; i < PASSES; i++)
		add(s, HOST, 1000 + i * 2000, (uint32_t)i);
	size_t count = series_points(s, &HOST, SERIES_ESTABLISHED, points);
	assert_int_equal(count, SERIES_POINTS);
	assert_int_equal(points[0].at_ms, 1000);
	for (size_t i = 1; i < count; i++) {
		uint64_t gap = points[i].at_ms - points[i - 1].at_ms;
		uint64_t age = points[count - 1].at_ms - points[i - 1].at_ms;
		if (i > SERIES_POINTS - SERIES_DENSE)
			assert_int_equal(gap, 2000);
		/* A third of its age is the worst; a tenth is usual. */
		assert_true(gap <= 2000 || gap * 3 <= age);
	}
	series_free(s);
}

static void the_scope_not_seen_for_longest_gives_way(void **state)
{
	(void)state;
	struct series_point points[SERIES_POINTS];
	struct series *s = series_new();
	for (uint64_t i = 0; i < SERIES_SCOPES; i++)
		add(s, service(i), 1000, 1);
	struct series_scope first = service(0), second = service(1),
			    more = service(9999);
	add(s, more, 1000, 1); /* all were seen just now: no room */
	assert_int_equal(series_points(s, &more, SERIES_ESTABLISHED, points), 0);
	for (uint64_t i = 0; i < SERIES_SCOPES; i++)
		if (i != 1)
			add(s, service(i), 2000, 1);
	add(s, more, 2000, 1);
	assert_int_equal(series_points(s, &more, SERIES_ESTABLISHED, points), 1);
	assert_int_equal(series_points(s, &second, SERIES_ESTABLISHED, points), 0);
	assert_int_equal(series_points(s, &first, SERIES_ESTABLISHED, points), 2);
	series_free(s);
}

static struct series *sample(void)
{
	struct series *s = series_new();
	for (uint64_t i = 0; i < 200; i++) {
		add(s, HOST, 1000 + i * 1000, (uint32_t)i);
		add(s, service(80), 1000 + i * 1000, (uint32_t)i * 2);
	}
	add(s,
	    (struct series_scope){
		    .kind = SERIES_PROCESS, .id = 4711, .start_ticks = 99 },
	    250000, 7);
	return s;
}

static void what_was_encoded_is_decoded(void **state)
{
	(void)state;
	auto_strbuf struct strbuf bytes = { 0 }, again = { 0 };
	struct series_point a[SERIES_POINTS], b[SERIES_POINTS];
	struct series *s = sample(), *back = series_new();
	add(back, HOST, 1, 1); /* replaced */
	series_encode(s, &bytes);
	assert_int_equal(series_decode(back, (const uint8_t *)bytes.text, bytes.len),
			 0);
	struct series_scope scope = service(80);
	size_t count = series_points(s, &scope, SERIES_CONNECTIONS, a);
	assert_int_equal(series_points(back, &scope, SERIES_CONNECTIONS, b), count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(a[i].at_ms, b[i].at_ms);
		assert_int_equal(a[i].value, b[i].value);
	}
	series_encode(back, &again);
	assert_int_equal(again.len, bytes.len);
	assert_memory_equal(again.text, bytes.text, bytes.len);
	/* And it goes on. */
	add(back, HOST, 300000, 5);
	count = series_points(back, &HOST, SERIES_ESTABLISHED, a);
	assert_int_equal(a[count - 1].at_ms, 300000);
	series_free(back);
	series_free(s);
}

static void expect_refused(const char *text, size_t len)
{
	/* Exactly sized, so that the sanitizer sees a read past the end. */
	auto_free uint8_t *bytes = xmalloc(len ? len : 1);
	struct series_point points[SERIES_POINTS];
	struct series *s = sample();
	if (len)
		memcpy(bytes, text, len);
	assert_int_equal(series_decode(s, bytes, len), -1);
	assert_int_equal(series_points(s, &HOST, SERIES_ESTABLISHED, points), 0);
	add(s, HOST, 10, 1);
	assert_int_equal(series_points(s, &HOST, SERIES_ESTABLISHED, points), 1);
	series_free(s);
}

static void damaged_bytes_are_refused(void **state)
{
	(void)state;
	/* Where: version, number of scopes, kind, number of points (two bytes). */
	static const size_t places[] = { 0, 12, 16, 33, 34 };
	auto_strbuf struct strbuf bytes = { 0 };
	struct series *s = sample();
	series_encode(s, &bytes);
	series_free(s);
	for (size_t len = 0; len < bytes.len; len += len < 64 ? 1 : 211)
		expect_refused(bytes.text, len);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		char kept = bytes.text[places[i]];
		bytes.text[places[i]] = (char)0xfe;
		expect_refused(bytes.text, bytes.len);
		bytes.text[places[i]] = kept;
	}
	memset(bytes.text + 35, 0, 8); /* two times that are one */
	expect_refused(bytes.text, bytes.len);
	strbuf_add_char(&bytes, 'x');
	expect_refused(bytes.text, bytes.len);
}

/* u32 hundredths of a second are 497 days; then it begins again. */
static void a_clock_beyond_its_range_begins_again(void **state)
{
	(void)state;
	struct series_point points[SERIES_POINTS];
	struct series *s = series_new();
	add(s, HOST, 1000, 1);
	add(s, HOST, 1000 + 10ULL * UINT32_MAX, 2);
	assert_int_equal(series_points(s, &HOST, SERIES_ESTABLISHED, points), 2);
	add(s, HOST, 1010 + 10ULL * UINT32_MAX, 3);
	assert_int_equal(series_points(s, &HOST, SERIES_ESTABLISHED, points), 1);
	assert_int_equal(points[0].value, 3);
	add(s, HOST, UINT64_MAX, 4);
	assert_int_equal(series_points(s, &HOST, SERIES_ESTABLISHED, points), 1);
	assert_int_equal(points[0].at_ms, UINT64_MAX);
	series_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_come_back_in_order),
		cmocka_unit_test(what_is_unknown_is_a_gap),
		cmocka_unit_test(a_long_window_stays_covered),
		cmocka_unit_test(the_scope_not_seen_for_longest_gives_way),
		cmocka_unit_test(what_was_encoded_is_decoded),
		cmocka_unit_test(damaged_bytes_are_refused),
		cmocka_unit_test(a_clock_beyond_its_range_begins_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
