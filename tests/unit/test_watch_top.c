/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builders.h"
#include "gauge.h"
#include "spark.h"
#include "trend.h"

static void assert_bar(uint64_t used, uint64_t limit, bool use_utf8,
		       const char *expected, int columns)
{
	auto_strbuf struct strbuf bar = { 0 };
	assert_int_equal(bar_put(used, limit, 4, use_utf8, &bar), columns);
	assert_string_equal(strbuf_text(&bar), expected);
}

static void a_bar_shows_the_share(void **state)
{
	(void)state;
	assert_bar(0, 128, true, "", 0);
	assert_bar(0, 0, true, "", 0);
	assert_bar(1, 100000, true, "\u258f", 1); /* a little is not nothing */
	assert_bar(64, 128, true, "\u2588\u2588", 2);
	assert_bar(72, 128, true, "\u2588\u2588\u258e", 3);
	assert_bar(127, 128, true, "\u2588\u2588\u2588\u2589", 4);
	assert_bar(128, 128, true, "\u2588\u2588\u2588\u2588", 4);
	assert_bar(200, 128, true, "\u2588\u2588\u2588\u2588", 4);
	assert_bar(1, 0, true, "\u2588\u2588\u2588\u2588", 4);
	assert_bar(UINT64_MAX - 1, UINT64_MAX, false, "####", 4);
	assert_bar(72, 128, false, "##-", 3);
	assert_bar(128, 128, false, "####", 4);
}

static void every_part_of_a_bar_is_seen(void **state)
{
	(void)state;
	int cells[4];
	bar_share((const uint32_t[]){ 1, 0, 0, 1000000 }, 4, 10, cells);
	assert_int_equal(cells[0], 1);
	assert_int_equal(cells[1], 0);
	assert_int_equal(cells[3], 9);
	bar_share((const uint32_t[]){ 5, 5, 0, 0 }, 4, 10, cells);
	assert_int_equal(cells[0], 5);
	assert_int_equal(cells[1], 5);
	bar_share((const uint32_t[]){ 0, 0, 0, 0 }, 4, 10, cells);
	assert_int_equal(cells[0] + cells[1] + cells[2] + cells[3], 0);
	/* Fewer cells than parts: the worst are served first. */
	bar_share((const uint32_t[]){ 1, 1, 1, 1000 }, 4, 2, cells);
	assert_int_equal(cells[0], 1);
	assert_int_equal(cells[1], 1);
	assert_int_equal(cells[2] + cells[3], 0);
	for (int width = 4; width < 60; width++) {
		bar_share((const uint32_t[]){ 3, 1, 4000000000U, 15 }, 4, width, cells);
		assert_int_equal(cells[0] + cells[1] + cells[2] + cells[3], width);
	}
}

static void assert_spark(const double *cells, int count, struct spark_scale scale,
			 int line, const char *expected)
{
	auto_strbuf struct strbuf text = { 0 };
	spark_put(cells, count, &scale, line, &text);
	assert_string_equal(strbuf_text(&text), expected);
}

static void zero_is_told_from_unknown_and_from_little(void **state)
{
	(void)state;
	static const double cells[] = { SPARK_UNKNOWN, 0, 1, 50, 99, 100 };
	assert_spark(cells, 6, (struct spark_scale){ 100, 1, true }, 0,
		     " \u2581\u2582\u2585\u2587\u2588");
	assert_spark(cells, 6, (struct spark_scale){ 100, 1, false }, 0, " .-*%@");
	/* Higher ones go on in the line above. */
	assert_spark(cells, 6, (struct spark_scale){ 100, 2, true }, 0,
		     " \u2581\u2582\u2588\u2588\u2588");
	assert_spark(cells, 6, (struct spark_scale){ 100, 2, true }, 1,
		     "   \u2581\u2587\u2588");
	/* All of it zero. */
	assert_spark(cells + 1, 1, (struct spark_scale){ 0, 1, true }, 0, "\u2581");
}

static void a_sparkline_keeps_peaks_and_shows_gaps(void **state)
{
	(void)state;
	static const struct spark_point points[] = {
		{ 500, 7 }, { 1000, 1 }, { 1400, 9 }, { 1500, 2 }, { 8000, 3 },
	};
	struct spark_span span = { points, 5, 1000, 11000, 500 };
	double cells[10];
	spark_sample(&span, cells, 10);
	assert_true(cells[0] == 9.0); /* not the last of that second */
	/* Half a second, and half of its age: then nothing is known. */
	assert_true(cells[1] == 2.0 && cells[5] == 2.0);
	assert_true(cells[6] == SPARK_UNKNOWN);
	assert_true(cells[7] == 3.0 && cells[9] == 3.0);
	assert_true(spark_max(cells, 10) == 9.0);
	assert_true(spark_max(cells + 6, 1) == 0.0);
	/* The newest value stands at the right edge. */
	span.to_ms = 8000;
	spark_sample(&span, cells, 7);
	assert_true(cells[6] == 3.0);
	span.count = 0;
	spark_sample(&span, cells, 10);
	assert_true(cells[0] == SPARK_UNKNOWN && cells[9] == SPARK_UNKNOWN);
	span.to_ms = span.from_ms;
	spark_sample(&span, cells, 10);
	assert_true(cells[5] == SPARK_UNKNOWN);
}

static void assert_value(double value, const char *expected)
{
	auto_strbuf struct strbuf text = { 0 };
	trend_put_value(value, &text);
	assert_string_equal(strbuf_text(&text), expected);
}

static void values_take_four_columns(void **state)
{
	(void)state;
	assert_value(SPARK_UNKNOWN, "?");
	assert_value(0, "0");
	assert_value(9999, "9999");
	assert_value(10000, "10K");
	assert_value(999499, "999K");
	assert_value(999500, "1.0M");
	assert_value(4294967295.0, "4.3G");
}

static void a_trend_is_a_copy_of_the_series(void **state)
{
	(void)state;
	struct series *series = series_new();
	struct series_scope host = { .kind = SERIES_HOST };
	struct series_values values;
	struct trend t = { 0 };
	trend_take(&t, NULL, &host);
	assert_false(trend_is_known(&t));
	for (int i = 0; i < SERIES_METRIC_COUNT; i++)
		values.of[i] = SERIES_UNKNOWN;
	for (uint32_t i = 1; i <= 1000; i++) {
		values.of[SERIES_ESTABLISHED] = i;
		values.of[SERIES_ACCEPT_QUEUE] = 1000 - i;
		series_add(series, &host, 2000 * i, &values);
	}
	trend_take(&t, series, &host);
	series_free(series);
	assert_true(trend_is_known(&t));
	assert_true(trend_value(&t, TREND_ESTABLISHED) == 1000.0);
	assert_true(trend_value(&t, TREND_QUEUE) == 0.0);
	/* What was not counted is not zero. */
	assert_true(trend_value(&t, TREND_HALF_OPEN) == SPARK_UNKNOWN);
	/* What a series thins out leaves no holes: half an hour in every cell. */
	double cells[60];
	trend_sample(&t, TREND_ESTABLISHED, 2000000, 1990000, cells, 60);
	for (int i = 0; i < 60; i++)
		assert_true(cells[i] > 0);
}

static void a_trend_ends_now(void **state)
{
	(void)state;
	struct trend t = { 0 };
	double cells[10];
	assert_true(trend_value(&t, TREND_QUEUE) == SPARK_UNKNOWN);
	t.points[TREND_QUEUE][0] = (struct spark_point){ 40000, 3 };
	t.points[TREND_QUEUE][1] = (struct spark_point){ 100000, 8 };
	t.counts[TREND_QUEUE] = 2;
	assert_true(trend_value(&t, TREND_QUEUE) == 8.0);
	trend_sample(&t, TREND_QUEUE, 100000, 60000, cells, 10);
	assert_true(cells[0] == 3.0 && cells[9] == 8.0);
	/* The span is longer than the machine is up. */
	trend_sample(&t, TREND_QUEUE, 100000, 600000, cells, 10);
	assert_true(cells[0] == SPARK_UNKNOWN && cells[4] == 3.0 && cells[9] == 8.0);
	assert_int_equal(trend_span_ms(TREND_ZOOM_START), 300000);
	for (unsigned zoom = 1; zoom < TREND_ZOOM_COUNT; zoom++)
		assert_true(trend_span_ms(zoom) > trend_span_ms(zoom - 1));
}

/* Three connections unread for ten seconds, the queue as given. */
static void see_stuck(struct fixture *f, uint32_t queued, uint32_t backlog,
		      bool has_owner)
{
	static const uint32_t inodes[] = { 4999, 5000, 5001, 5002 };
	fixture_init(f);
	for (uint64_t ms = 100000; ms <= 110000; ms += 5000) {
		snapshot_begin(&f->snap, ms);
		snapshot_put(&f->snap, a_listener(queued, backlog));
		for (uint32_t i = 0; i < 4; i++) {
			struct tcp_socket sk = a_connection();
			sk.cookie += i;
			sk.inode += i;
			sk.peer_port = (uint16_t)(CLIENT_PORT + i);
			sk.recv_queue = i < 3 ? 20 : 0;
			snapshot_put(&f->snap, sk);
		}
		if (has_owner) {
			snapshot_put_process(&f->snap, 4711, "api\033[2J", inodes, 4);
			snapshot_put_process(&f->snap, 4700, "api", inodes, 1);
			f->snap.processes[0].ppid = 4700;
		}
		snapshot_finish(&f->snap);
		history_update(f->history, &f->snap);
	}
	fixture_diagnose(f);
}

static void a_service_is_measured(void **state)
{
	(void)state;
	struct fixture f;
	struct service_gauge g;
	see_stuck(&f, 90, 128, true);
	gauges_measure(&f.report, &g);
	assert_int_equal(g.stuck_count, 1);
	assert_int_equal(g.worker_count, 1); /* the supervisor does not accept */
	assert_int_equal(g.queue_count, 90);
	assert_int_equal(g.queue_limit, 128);
	assert_int_equal(g.queue_severity, SEVERITY_WARNING);
	assert_int_equal(g.waiting_cs, 1002);
	assert_int_equal(g.fd_count, 20);
	assert_int_equal(g.fd_limit, 1024);
	assert_int_equal(g.severities[SEVERITY_OK], 1);
	assert_int_equal(g.severities[SEVERITY_OK] + g.severities[SEVERITY_INFO] +
				 g.severities[SEVERITY_WARNING] +
				 g.severities[SEVERITY_CRITICAL],
			 4);
	fixture_clear(&f);
}

static void the_queue_is_judged_as_the_kernel_does(void **state)
{
	(void)state;
	static const struct {
		uint32_t count, limit;
		enum severity expected;
	} cases[] = {
		{ 0, 0, SEVERITY_OK },          { 1, 0, SEVERITY_CRITICAL },
		{ 89, 128, SEVERITY_OK },       { 90, 128, SEVERITY_WARNING },
		{ 128, 128, SEVERITY_WARNING }, { 129, 128, SEVERITY_CRITICAL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct service_gauge g;
		see_stuck(&f, cases[i].count, cases[i].limit, true);
		gauges_measure(&f.report, &g);
		assert_int_equal(g.queue_severity, cases[i].expected);
		fixture_clear(&f);
	}
}

/* A process that opens `step` descriptors in each of 40 passes, 15 s apart. */
static void see_descriptors(struct fixture *f, struct series *series, int64_t step)
{
	static const uint32_t inodes[] = { 4999, 5000 };
	fixture_init(f);
	for (int64_t i = 0; i < 40; i++) {
		struct diagnose_options options = { .with_findings = true,
						    .series = series };
		snapshot_begin(&f->snap, 100000 + (uint64_t)i * 15000);
		snapshot_put(&f->snap, a_listener(0, 128));
		snapshot_put(&f->snap, a_connection());
		snapshot_put_process(&f->snap, 4711, "api", inodes, 2);
		f->snap.processes[0].fd_count = 100 + i * step;
		snapshot_finish(&f->snap);
		history_update(f->history, &f->snap);
		diagnose(&f->snap, f->history, &f->limits, &options, &f->report);
		series_update(series, &f->report);
	}
}

static void the_end_of_the_descriptors_is_foreseen(void **state)
{
	(void)state;
	struct fixture f;
	struct service_gauge g;
	struct gauge_texts t = { 0 };
	struct gauge_style style = { .use_utf8 = false, .is_short = true };
	struct series *series = series_new();
	see_descriptors(&f, series, 5);
	gauges_measure(&f.report, &g);
	assert_int_equal(g.fds_end_in_ms, DERIVED_UNKNOWN);
	gauge_foresee(&f.report, &g);
	/* 729 are left, five go in 15 s: 2187 s. */
	assert_in_range(g.fds_end_in_ms, 2100000, 2250000);
	gauge_write(&f.report, &f.report.services[0], &g, &style, &t);
	assert_non_null(strstr(strbuf_text(&t.cells[GAUGE_FDS].text),
			       "fds 295/1024, full in about 36m"));
	/* Without the past, nothing is foreseen. */
	f.report.series = NULL;
	gauges_measure(&f.report, &g);
	gauge_foresee(&f.report, &g);
	assert_int_equal(g.fds_end_in_ms, DERIVED_UNKNOWN);
	gauge_texts_clear(&t);
	fixture_clear(&f);
	series_free(series);

	series = series_new();
	see_descriptors(&f, series, 0);
	gauges_measure(&f.report, &g);
	gauge_foresee(&f.report, &g);
	assert_int_equal(g.fds_end_in_ms, DERIVED_UNKNOWN);
	fixture_clear(&f);
	series_free(series);
}

static void assert_cell(const struct gauge_texts *t, enum gauge_cell cell,
			const char *expected)
{
	assert_string_equal(strbuf_text(&t->cells[cell].text), expected);
}

static void a_line_says_what_is_known(void **state)
{
	(void)state;
	struct fixture f;
	struct service_gauge g;
	struct gauge_texts t = { 0 };
	struct gauge_style style = { .use_utf8 = false, .is_short = true };
	see_stuck(&f, 0, 128, true);
	gauges_measure(&f.report, &g);
	gauge_write(&f.report, &f.report.services[0], &g, &style, &t);
	assert_cell(&t, GAUGE_NAME, "0.0.0.0:30020 api?[2J[4711] +1");
	assert_cell(&t, GAUGE_STUCK, "stuck 1/1");
	assert_cell(&t, GAUGE_QUEUE, "0/128");
	assert_cell(&t, GAUGE_WAITING, "oldest >=10s");
	assert_cell(&t, GAUGE_FDS, "fds 20/1024");
	assert_cell(&t, GAUGE_VERDICTS, "3 unread, 1 idle");
	assert_int_equal(t.cells[GAUGE_STUCK].paint, PAINT_CRITICAL);
	gauge_texts_clear(&t);
	fixture_clear(&f);
}

static void what_is_not_known_is_not_said(void **state)
{
	(void)state;
	struct fixture f;
	struct service_gauge g;
	struct gauge_texts t = { 0 };
	struct gauge_style style = { .use_utf8 = false, .is_short = false };
	see_stuck(&f, 0, 128, false);
	gauges_measure(&f.report, &g);
	assert_int_equal(g.worker_count, 0);
	assert_int_equal(g.fd_count, -1);
	gauge_write(&f.report, &f.report.services[0], &g, &style, &t);
	assert_cell(&t, GAUGE_NAME, "0.0.0.0:30020");
	assert_cell(&t, GAUGE_STUCK, g.stuck_count ? "stuck 1/?" : "");
	assert_cell(&t, GAUGE_FDS, "");
	gauge_texts_clear(&t);
	/* A check that could not be asked is no zero. */
	t = (struct gauge_texts){ 0 };
	g.stuck_count = 0;
	g.worker_count = 4;
	size_t asked = f.report.unknown_count++;
	f.report.unknown[asked].kind = FINDING_STUCK_WORKER;
	gauge_write(&f.report, &f.report.services[0], &g, &style, &t);
	assert_cell(&t, GAUGE_STUCK, "stuck ?/4");
	f.report.unknown_count = asked;
	gauge_texts_clear(&t);
	fixture_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bar_shows_the_share),
		cmocka_unit_test(every_part_of_a_bar_is_seen),
		cmocka_unit_test(zero_is_told_from_unknown_and_from_little),
		cmocka_unit_test(a_sparkline_keeps_peaks_and_shows_gaps),
		cmocka_unit_test(values_take_four_columns),
		cmocka_unit_test(a_trend_is_a_copy_of_the_series),
		cmocka_unit_test(a_trend_ends_now),
		cmocka_unit_test(a_service_is_measured),
		cmocka_unit_test(the_queue_is_judged_as_the_kernel_does),
		cmocka_unit_test(the_end_of_the_descriptors_is_foreseen),
		cmocka_unit_test(a_line_says_what_is_known),
		cmocka_unit_test(what_is_not_known_is_not_said),
	};
	return cmocka_run_group_tests_name("watch_top", tests, NULL, NULL);
}
