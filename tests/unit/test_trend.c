/* SPDX-License-Identifier: MIT */

/* Growth against chance: known truth with noise, and noise without a truth. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "trend.h"

enum { RUNS = 1000, LONGEST = SERIES_POINTS };

static const struct trend_demand DEMAND = { 10, 10000 };

/* xorshift64*: the same numbers everywhere. */
static uint64_t seed;

static double uniform(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (double)((seed * 0x2545F4914F6CDD1DULL) >> 11) / 9007199254740992.0;
}

/* Normal to a good approximation, deviation 1. */
static double noise(void)
{
	double sum = 0;
	for (int i = 0; i < 12; i++)
		sum += uniform();
	return sum - 6;
}

static double poisson(double mean)
{
	double left = exp(-mean), product = uniform();
	int count = 0;
	while (product > left) {
		product *= uniform();
		count++;
	}
	return count;
}

struct points {
	struct series_point at[LONGEST];
	size_t count;
};

/* One more, a second after the last one and some milliseconds late. */
static void add(struct points *p, double value)
{
	p->at[p->count].at_ms = 500000 + p->count * 1000 + (uint64_t)(uniform() * 30);
	p->at[p->count++].value = value > 0 ? (uint32_t)lround(value) : 0;
}

static bool grows(const struct points *p, struct trend *t)
{
	return trend_find(p->at, p->count, &DEMAND, t);
}

static bool grows_at_all(const struct points *p)
{
	struct trend t;
	return grows(p, &t);
}

static void a_line_is_found_with_its_slope(void **state)
{
	(void)state;
	struct trend t;
	for (size_t n = 12; n <= LONGEST; n += 29) {
		struct points p = { 0 };
		seed = 1;
		for (size_t i = 0; i < n; i++)
			add(&p, 100 + 10.0 * (double)i);
		assert_true(grows(&p, &t));
		assert_in_range(lround(t.slope * 1e6), 9900, 10100); /* 10/s */
		assert_true(t.low <= t.slope && t.slope <= t.high);
		assert_int_equal(t.point_count, n);
	}
}

/* What each process does in `n` samples, sample by sample. */
static double constant_noise(size_t i, double before)
{
	(void)i, (void)before;
	return 100 + 10 * noise();
}

static double walk(size_t i, double before)
{
	return i ? before + 5 * noise() : 1000;
}

static double sawtooth(size_t i, double before)
{
	(void)before;
	return 50 + (double)(i % 10) * 10;
}

static double bursts(size_t i, double before)
{
	(void)i, (void)before;
	return uniform() < 0.15 ? 50 + 200 * uniform() : 50 + 3 * noise();
}

static double clients(size_t i, double before)
{
	/* Arrivals and departures in balance: each stays for some 20 s. */
	return i ? before - poisson(before * 0.05) + poisson(5) : 100;
}

static double step(size_t i, double before)
{
	static size_t when;
	if (i == 0)
		when = 1 + (size_t)(uniform() * 100);
	(void)before;
	return (i < when ? 50 : 150) + 2 * noise();
}

static double decline(size_t i, double before)
{
	(void)before;
	return 1000 - (double)i * 5 + noise();
}

static double flat(size_t i, double before)
{
	(void)i, (void)before;
	return 42;
}

static const struct {
	const char *name;
	double (*next)(size_t i, double before);
} idle[] = {
	{ "constant with noise", constant_noise },
	{ "random walk", walk },
	{ "sawtooth", sawtooth },
	{ "bursts", bursts },
	{ "clients that come and go", clients },
	{ "a single step", step },
	{ "decline", decline },
	{ "constant", flat },
};

static size_t false_alarms(size_t kind, size_t n)
{
	size_t alarms = 0;
	for (size_t run = 0; run < RUNS; run++) {
		struct points p = { 0 };
		double value = 0;
		for (size_t i = 0; i < n; i++)
			add(&p, value = idle[kind].next(i, value));
		alarms += grows_at_all(&p);
	}
	return alarms;
}

static void what_does_not_grow_is_rarely_called_growing(void **state)
{
	(void)state;
	static const size_t lengths[] = { 12, 30, 60, 120 };
	for (size_t kind = 0; kind < sizeof(idle) / sizeof(*idle); kind++)
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
			seed = 20261121 + kind * 10 + i;
			size_t alarms = false_alarms(kind, lengths[i]);
			print_message("%s, %zu samples: %zu of %d\n", idle[kind].name,
				      lengths[i], alarms, RUNS);
			assert_in_range(alarms, 0, RUNS / 100);
		}
}

static double leak(size_t i, double before)
{
	return i ? before + poisson(3) : 20;
}

static double noisy_line(size_t i, double before)
{
	(void)before;
	return 200 + 3 * (double)i + 10 * noise();
}

static const struct {
	const char *name;
	double (*next)(size_t i, double before);
	size_t length;
	long found; /* of RUNS, at least */
} growing[] = {
	{ "a leak of 3 a second by chance", leak, 12, 850 },
	{ "a leak of 3 a second by chance", leak, 60, 1000 },
	{ "3 a second under a noise of 10", noisy_line, 60, 900 },
	{ "3 a second under a noise of 10", noisy_line, 120, 1000 },
};

static void growth_is_found_and_its_range_holds_the_truth(void **state)
{
	(void)state;
	const double truth = 3e-3; /* a millisecond */
	for (size_t k = 0; k < sizeof(growing) / sizeof(*growing); k++) {
		long found = 0, held = 0;
		double error = 0;
		seed = 4711 + k;
		for (size_t run = 0; run < RUNS; run++) {
			struct points p = { 0 };
			struct trend t;
			struct trend_eta eta;
			double value = 0;
			for (size_t i = 0; i < growing[k].length; i++)
				add(&p, value = growing[k].next(i, value));
			if (!grows(&p, &t))
				continue;
			found++;
			error += fabs(t.slope / truth - 1);
			/* 120 more at 3 a second: 40 s. */
			held += trend_foresee(&t, 120, &eta) && eta.early_ms <= 40000 &&
				eta.late_ms >= 40000;
		}
		print_message("%s, %zu samples: %ld of %d found, slope off by %.1f %%, "
			      "range right in %.1f %%\n",
			      growing[k].name, growing[k].length, found, RUNS,
			      100 * error / (double)found,
			      100.0 * (double)held / (double)found);
		assert_true(found >= growing[k].found);
		assert_true(error / (double)found <= 0.15);
		assert_true(held * 100 >= found * 90);
	}
}

static void few_points_or_a_short_time_say_nothing(void **state)
{
	(void)state;
	struct points p = { 0 };
	seed = 1;
	assert_false(grows_at_all(&p));
	for (int i = 0; i < 10; i++)
		add(&p, i * 10);
	assert_false(grows_at_all(&p)); /* 9 s */
	add(&p, 100);
	assert_true(grows_at_all(&p)); /* 10 s */
	struct trend_demand more = { 12, 1000 };
	struct trend t;
	assert_false(trend_find(p.at, p.count, &more, &t));
	more.min_points = 11;
	assert_true(trend_find(p.at, p.count, &more, &t));
	more.min_window_ms = 11000;
	assert_false(trend_find(p.at, p.count, &more, &t));
	/* Fewer than 8 are never enough, whatever is demanded. */
	more = (struct trend_demand){ 1, 1 };
	assert_false(trend_find(p.at, 7, &more, &t));
}

/* An hour of rest, then a leak: its own window is told, not the whole one. */
static void growth_that_began_lately_is_found(void **state)
{
	(void)state;
	struct points p = { 0 };
	struct trend t;
	seed = 1;
	for (int i = 0; i < 90; i++)
		add(&p, 50 + noise());
	for (int i = 0; i < 30; i++)
		add(&p, 50 + i * 4);
	assert_true(grows(&p, &t));
	assert_in_range(t.window_ms, 10000, 31000);
	assert_in_range(lround(t.slope * 1e6), 3900, 4100);
}

static void growth_that_has_ended_is_none(void **state)
{
	(void)state;
	struct points p = { 0 };
	seed = 1;
	for (int i = 0; i < 60; i++)
		add(&p, i * 10);
	for (int i = 0; i < 20; i++)
		add(&p, 600);
	assert_false(grows_at_all(&p));
}

static void nobody_foresees_further_than_ten_windows(void **state)
{
	(void)state;
	struct trend t = {
		.window_ms = 10000, .slope = 1e-3, .low = 5e-4, .high = 2e-3
	};
	struct trend_eta eta;
	assert_true(trend_foresee(&t, 10, &eta));
	assert_in_range(lround(eta.early_ms), 5000, 5000);
	assert_in_range(lround(eta.middle_ms), 10000, 10000);
	assert_in_range(lround(eta.late_ms), 20000, 20000);
	assert_true(trend_foresee(&t, 60, &eta)); /* 30 s to 120 s, 100 s are seen */
	assert_true(isinf(eta.late_ms));
	assert_false(trend_foresee(&t, 201, &eta));
	assert_false(trend_foresee(&t, 0, &eta)); /* it is there already */
	t.low = 0;
	assert_true(trend_foresee(&t, 10, &eta));
	assert_true(isinf(eta.late_ms));
}

/* Slow, quick, slow: the slope's sum would be more than there is at the end. */
static void the_rise_is_what_came_and_never_more_than_there_is(void **state)
{
	(void)state;
	struct points p = { 0 };
	struct trend t;
	seed = 77;
	for (size_t i = 0; i < 100; i++)
		add(&p, i < 30   ? (double)i * 0.4
			: i < 70 ? 12 + (double)(i - 30)
				 : 52 + (double)(i - 70) * 0.4);
	assert_true(trend_find(p.at, p.count, &DEMAND, &t));
	assert_float_equal(t.last, 64, 0.5);
	assert_true(t.slope * (double)t.window_ms > t.last + 1);
	assert_float_equal(t.rise, 64, 0.5);
	/* What was there before does not count, and a wild value does not either. */
	for (size_t i = 0; i < 100; i++)
		p.at[i].value += 1000;
	p.at[0].value += 3;
	assert_true(trend_find(p.at, p.count, &DEMAND, &t));
	assert_float_equal(t.rise, 64, 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_found_with_its_slope),
		cmocka_unit_test(what_does_not_grow_is_rarely_called_growing),
		cmocka_unit_test(growth_is_found_and_its_range_holds_the_truth),
		cmocka_unit_test(few_points_or_a_short_time_say_nothing),
		cmocka_unit_test(growth_that_began_lately_is_found),
		cmocka_unit_test(growth_that_has_ended_is_none),
		cmocka_unit_test(the_rise_is_what_came_and_never_more_than_there_is),
		cmocka_unit_test(nobody_foresees_further_than_ten_windows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
