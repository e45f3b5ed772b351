/* SPDX-License-Identifier: MIT */

/* Findings about what grows, and about resets: passes of a service over time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builders.h"
#include "conn-doctor/config.h"

/* A service whose counts the test sets before each pass. */
struct scene {
	struct fixture f;
	struct series *series;
	uint64_t now_ms;
	uint32_t established, closed, resting;
	uint32_t queue, backlog;
	int64_t fd_count, fd_limit;
	int64_t resets, sent, on_close;
	uint32_t closed_age_ms;
	bool is_without_series;
	bool is_without_owners;
	bool is_waiting;
	uint32_t pooled; /* connections to an upstream */
	struct filter *filter;
	struct config declared;
};

static void scene_init(struct scene *s)
{
	*s = (struct scene){
		.series = series_new(),
		.now_ms = 1000000,
		.established = 50,
		.backlog = 128,
		.fd_count = 60,
		.fd_limit = 1024,
		.closed_age_ms = 100,
	};
	fixture_init(&s->f);
	config_init(&s->declared);
}

static void scene_clear(struct scene *s)
{
	fixture_clear(&s->f);
	series_free(s->series);
	config_clear(&s->declared);
}

static struct tcp_socket row_of(const struct scene *s, uint32_t i)
{
	struct tcp_socket sk = a_connection();
	sk.cookie = 1000 + i;
	sk.inode = 10000 + i;
	sk.peer = an_ip(10, 1, (uint8_t)(i >> 8), (uint8_t)i);
	if (i == 0 && s->is_waiting) {
		sk.inode = 0;
		sk.data_segs_out = 0;
		sk.last_data_sent_ms = sk.last_data_recv_ms = sk.last_ack_recv_ms =
			3000;
	}
	if (i >= s->established) {
		sk.state = TCP_STATE_CLOSE_WAIT;
		sk.last_ack_recv_ms = sk.last_data_sent_ms = sk.last_data_recv_ms =
			s->closed_age_ms;
	}
	if (i >= s->established + s->closed) {
		sk.state = TCP_STATE_TIME_WAIT;
		sk.timer = TCP_TIMER_TIME_WAIT;
		sk.inode = 0;
	}
	return sk;
}

static void scene_fill(struct scene *s)
{
	struct snapshot *snap = &s->f.snap;
	uint32_t inodes[8192];
	snapshot_begin(snap, s->now_ms);
	snapshot_put(snap, a_listener(s->queue, s->backlog));
	for (uint32_t i = 0; i < s->established + s->closed + s->resting; i++) {
		snapshot_put(snap, row_of(s, i));
		inodes[i] = 10000 + i;
	}
	for (uint32_t i = 0; i < s->pooled; i++) {
		struct tcp_socket sk = a_connection();
		sk.cookie = 90000 + i;
		sk.inode = 90000 + i;
		sk.local_port = (uint16_t)(40000 + i);
		sk.peer = an_ip(10, 0, 3, 7);
		sk.peer_port = 5432;
		snapshot_put(snap, sk);
		inodes[s->established + s->closed + i] = sk.inode;
	}
	if (!s->is_without_owners) {
		snapshot_put_process(snap, 4711, "api", inodes,
				     s->established + s->closed + s->pooled);
		snapshot_add_owner(snap, 4999, 0, 3);
		snap->processes[0].fd_count = s->fd_count;
		snap->processes[0].fd_limit = s->fd_limit;
		snap->processes[0].start_ticks = 77;
	}
	snap->kernel[KERNEL_ESTAB_RESETS] = s->resets;
	snap->kernel[KERNEL_OUT_RSTS] = s->sent;
	snap->kernel[KERNEL_ABORT_ON_CLOSE] = s->on_close;
	snapshot_finish(snap);
	history_update(s->f.history, snap);
}

/* One pass, as the program makes it: diagnose, then the series. */
static void scene_pass(struct scene *s, uint64_t elapsed_ms)
{
	struct diagnose_options options = {
		.with_findings = true,
		.filter = s->filter,
		.series = s->is_without_series ? NULL : s->series,
		.policy = &s->declared.policy,
	};
	s->now_ms += elapsed_ms;
	scene_fill(s);
	diagnose(&s->f.snap, s->f.history, &s->f.limits, &options, &s->f.report);
	series_update(s->series, &s->f.report);
}

static const struct finding *find(const struct scene *s, enum finding_kind kind)
{
	for (size_t i = 0; i < s->f.report.finding_count; i++)
		if (s->f.report.findings[i].kind == kind)
			return &s->f.report.findings[i];
	return NULL;
}

static const struct unknown_check *find_unknown(const struct scene *s,
						enum finding_kind kind)
{
	for (size_t i = 0; i < s->f.report.unknown_count; i++)
		if (s->f.report.unknown[i].kind == kind)
			return &s->f.report.unknown[i];
	return NULL;
}

/* The sentence of the evidence with these words, which must be there. */
static const char *evidence_with(const struct finding *f, const char *words)
{
	for (size_t i = 0; i < f->evidence_count; i++)
		if (strstr(f->evidence[i], words))
			return f->evidence[i];
	return "";
}

/* `passes` of them, 6 s apart, each with so many more of everything. */
static void grow(struct scene *s, int passes, uint32_t established, uint32_t closed)
{
	for (int i = 0; i < passes; i++) {
		scene_pass(s, i ? 6000 : 0);
		if (i + 1 == passes)
			break;
		s->established += established;
		s->closed += closed;
		s->fd_count += established + closed;
	}
}

static void growth_is_told_with_its_descriptor_limit(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	grow(&s, 11, 10, 0);
	const struct finding *f = find(&s, FINDING_CONNECTION_GROWTH);
	assert_non_null(f);
	assert_int_equal(s.f.report.finding_count, 1);
	/* 160 of 1024 at 10 each 6 s: 8.6 minutes, less than an hour. */
	assert_int_equal(f->severity, SEVERITY_WARNING);
	assert_int_equal(f->service, 0);
	assert_int_equal(f->process, 0);
	assert_int_equal(lround(f->value), 100);
	assert_string_equal(f->unit, "{connection}");
	assert_string_equal(f->summary,
			    "100 more connections in 1m, and growing; 150 now");
	assert_string_equal(evidence_with(f, "descriptors +"),
			    "descriptors +1.7/s over 1m (11 samples); the limit of "
			    "1024 descriptors in 9m");
	assert_null(find_unknown(&s, FINDING_CONNECTION_GROWTH));
	scene_clear(&s);
}

static void growth_without_a_limit_in_sight_is_informational(void **state)
{
	(void)state;
	/* One that is far, one that is not known, and owners not looked up. */
	for (int kind = 0; kind < 3; kind++) {
		struct scene s;
		scene_init(&s);
		s.fd_limit = kind == 0 ? 1000000 : -1;
		s.is_without_owners = kind == 2;
		grow(&s, 11, 10, 0);
		const struct finding *f = find(&s, FINDING_CONNECTION_GROWTH);
		assert_non_null(f);
		assert_int_equal(f->severity, SEVERITY_INFO);
		assert_int_equal(f->process, NO_INDEX);
		assert_string_equal(evidence_with(f, "limit"), "");
		scene_clear(&s);
	}
}

static void growth_must_be_long_and_large_enough(void **state)
{
	(void)state;
	static const struct {
		int passes;
		uint32_t start, step;
		bool is_found, is_unknown;
	} cases[] = {
		{ 10, 50, 10, false, true },                               /* 54 s */
		{ 11, 50, 10, true, false },  { 11, 10, 2, true, false },  /* 20 more */
		{ 11, 10, 1, false, false },                               /* 10 more */
		{ 11, 50, 1, false, false },  { 11, 100, 2, true, false }, /* 20 % */
		{ 11, 102, 2, false, false }, /* not quite 20 % */
		{ 11, 50, 0, false, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene s;
		scene_init(&s);
		s.established = cases[i].start;
		grow(&s, cases[i].passes, cases[i].step, 0);
		assert_int_equal(find(&s, FINDING_CONNECTION_GROWTH) != NULL,
				 cases[i].is_found);
		assert_int_equal(find_unknown(&s, FINDING_CONNECTION_GROWTH) != NULL,
				 cases[i].is_unknown);
		scene_clear(&s);
	}
}

static void too_few_passes_are_said_without_alarm(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	scene_pass(&s, 0);
	scene_pass(&s, 1000);
	const struct unknown_check *u = find_unknown(&s, FINDING_CONNECTION_GROWTH);
	assert_non_null(u);
	assert_true(u->needs_time);
	assert_string_equal(u->reason, "needs 10 samples over 1m: several runs with "
				       "--state, or more passes");
	/* Nothing there: nothing to judge. */
	s.established = 0;
	scene_pass(&s, 1000);
	assert_null(find_unknown(&s, FINDING_CONNECTION_GROWTH));
	/* No series at all: the same as too few. */
	s.established = 50;
	s.is_without_series = true;
	for (int i = 0; i < 20; i++)
		scene_pass(&s, 6000);
	assert_non_null(find_unknown(&s, FINDING_CONNECTION_GROWTH));
	scene_clear(&s);
}

static void a_restart_that_fills_up_again_is_no_growth(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	s.established = 0;
	for (int i = 0; i < 30; i++) {
		scene_pass(&s, 6000);
		s.established = s.established < 400 ? s.established + 80 : 400;
	}
	assert_null(find(&s, FINDING_CONNECTION_GROWTH));
	assert_int_equal(s.f.report.severity, SEVERITY_OK);
	scene_clear(&s);
}

/* They go by themselves, and a service that was just started has more each second. */
static void time_wait_is_not_counted(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	for (int i = 0; i < 20; i++, s.resting += 50)
		scene_pass(&s, 6000);
	assert_null(find(&s, FINDING_CONNECTION_GROWTH));
	scene_clear(&s);
}

static void growth_of_close_wait_is_a_warning_by_itself(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	s.fd_limit = 1000000;
	grow(&s, 11, 0, 3);
	const struct finding *f = find(&s, FINDING_CONNECTION_GROWTH);
	assert_non_null(f);
	assert_int_equal(f->severity, SEVERITY_WARNING);
	assert_string_equal(f->summary, "30 more connections in CLOSE_WAIT in 1m, and "
					"growing; 30 now");
	assert_string_equal(evidence_with(f, "CLOSE_WAIT +"),
			    "CLOSE_WAIT +30/min over 1m (11 samples)");
	scene_clear(&s);
}

static void a_leak_that_grows_is_critical_and_tells_its_end(void **state)
{
	(void)state;
	for (int is_growing = 0; is_growing < 2; is_growing++) {
		struct scene s;
		scene_init(&s);
		s.closed = 5;
		s.fd_limit = 300;
		s.closed_age_ms = 70000;
		grow(&s, 12, 0, is_growing ? 3 : 0);
		const struct finding *f = find(&s, FINDING_CLOSE_WAIT_LEAK);
		assert_non_null(f);
		assert_int_equal(f->severity,
				 is_growing ? SEVERITY_CRITICAL : SEVERITY_WARNING);
		/* 93 of 300 at 30 a minute: 6.9 minutes. */
		assert_string_equal(evidence_with(f, "CLOSE_WAIT +"),
				    is_growing ? "CLOSE_WAIT +30/min over 1m6s (12 "
						 "samples); the limit of 300 "
						 "descriptors in 7m"
					       : "");
		/* One story: the growth is in it. */
		assert_null(find(&s, FINDING_CONNECTION_GROWTH));
		scene_clear(&s);
	}
}

static void a_leak_of_most_descriptors_is_critical(void **state)
{
	(void)state;
	for (uint32_t closed = 50; closed <= 51; closed++) {
		struct scene s;
		scene_init(&s);
		s.closed_age_ms = 70000;
		s.fd_limit = 100;
		s.fd_count = 70;
		s.established = 10;
		s.closed = closed;
		scene_pass(&s, 0);
		assert_int_equal(find(&s, FINDING_CLOSE_WAIT_LEAK)->severity,
				 closed == 51 ? SEVERITY_CRITICAL : SEVERITY_WARNING);
		scene_clear(&s);
	}
}

static void a_process_that_nears_its_limit_says_when(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	s.fd_limit = 200;
	s.established = 100;
	s.fd_count = 110;
	grow(&s, 11, 5, 0);
	const struct finding *f = find(&s, FINDING_FD_EXHAUSTION);
	assert_non_null(f); /* 160 of 200: 80 % */
	assert_int_equal(f->severity, SEVERITY_WARNING);
	assert_string_equal(evidence_with(f, "descriptors +"),
			    "descriptors +50/min over 1m (11 samples); the limit of "
			    "200 descriptors in 48s");
	scene_clear(&s);
}

/* A client's leak: its descriptors grow, and no service does. */
static void descriptors_alone_can_grow(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	for (int i = 0; i < 12; i++, s.fd_count += 10)
		scene_pass(&s, 6000);
	const struct finding *f = find(&s, FINDING_CONNECTION_GROWTH);
	assert_non_null(f);
	assert_int_equal(f->severity, SEVERITY_WARNING);
	assert_int_equal(f->service, NO_INDEX);
	assert_int_equal(f->process, 0);
	assert_string_equal(f->unit, "{descriptor}");
	scene_clear(&s);

	scene_init(&s);
	for (int i = 0; i < 12; i++) {
		scene_pass(&s, 6000);
		s.fd_count = -1; /* not readable: not judged, not taken for 0 */
	}
	assert_null(find(&s, FINDING_CONNECTION_GROWTH));
	assert_non_null(find_unknown(&s, FINDING_FD_EXHAUSTION));
	scene_clear(&s);
}

static const struct finding *pool_growth(struct scene *s, uint32_t from, uint32_t step,
					 const char *size)
{
	char text[128];
	snprintf(text, sizeof(text),
		 "[target db]\nfilter = dport = :5432\npool-size = %s\n", size);
	scene_init(s);
	config_read(&s->declared, "test.conf", text, strlen(text));
	assert_int_equal(s->declared.error_count, 0);
	s->pooled = from;
	for (int i = 0; i < 12; i++) {
		scene_pass(s, 6000);
		s->pooled += i < 11 ? step : 0;
	}
	return find(s, FINDING_CONNECTION_GROWTH);
}

static void a_pool_that_fills_up_says_when(void **state)
{
	(void)state;
	struct scene s;
	/* 27 of 30, one more in 6 s: full in 18 s. */
	const struct finding *f = pool_growth(&s, 16, 1, "30");
	assert_non_null(f);
	assert_int_equal(f->severity, SEVERITY_INFO);
	assert_string_equal(f->peer, "10.0.3.7:5432");
	assert_string_equal(f->summary,
			    "pool to 10.0.3.7:5432: 27 of 30 connections, and growing");
	assert_non_null(strstr(f->evidence[0],
			       "the limit of 30 connections of the pool "
			       "in 18s"));
	scene_clear(&s);
	/* Full, steady, far from its size, or of no declared size. */
	assert_null(pool_growth(&s, 19, 1, "30"));
	scene_clear(&s);
	assert_null(pool_growth(&s, 27, 0, "30"));
	scene_clear(&s);
	assert_null(pool_growth(&s, 16, 1, "5000"));
	scene_clear(&s);
	scene_init(&s);
	s.pooled = 16;
	for (int i = 0; i < 12; i++, s.pooled++)
		scene_pass(&s, 6000);
	assert_null(find(&s, FINDING_CONNECTION_GROWTH));
	scene_clear(&s);
}

/* A filter asks about some connections: others' descriptors are not its matter. */
static void what_is_not_selected_is_not_judged(void **state)
{
	(void)state;
	static const struct {
		const char *filter;
		bool is_found;
	} cases[] = { { ":30020", true }, { ":9", false } };
	for (size_t i = 0; i < 2; i++) {
		struct scene s;
		struct error err;
		scene_init(&s);
		assert_int_equal(filter_parse(cases[i].filter, &s.filter, NULL, &err),
				 0);
		for (int j = 0; j < 12; j++, s.fd_count += 10) {
			s.resets += 50000;
			scene_pass(&s, 6000);
		}
		assert_int_equal(find(&s, FINDING_CONNECTION_GROWTH) != NULL,
				 cases[i].is_found);
		/* Resets are the host's. */
		assert_null(find(&s, FINDING_RESET_STORM));
		assert_null(find_unknown(&s, FINDING_RESET_STORM));
		filter_free(s.filter);
		scene_clear(&s);
	}
}

static void a_filling_queue_says_when_it_is_full(void **state)
{
	(void)state;
	for (int is_growing = 0; is_growing < 2; is_growing++) {
		struct scene s;
		scene_init(&s);
		s.is_waiting = true; /* one of the connections was not accepted yet */
		s.queue = is_growing ? 40 : 100;
		for (int i = 0; i < 11; i++) {
			scene_pass(&s, 6000);
			s.queue += is_growing && i < 10 ? 6 : 0;
		}
		/* 100 of 129 places, and one more each second: 29 s. */
		const struct finding *f = find(&s, FINDING_ACCEPT_QUEUE_FULL);
		assert_non_null(f);
		assert_int_equal(f->severity, SEVERITY_WARNING);
		assert_string_equal(evidence_with(f, "waiting +"),
				    is_growing ? "waiting +1.0/s over 1m (11 samples); "
						 "the limit of 129 places in 29s"
					       : "");
		scene_clear(&s);
	}
}

static void resets_grow(struct scene *s, int passes, int64_t resets, int64_t sent,
			int64_t on_close)
{
	for (int i = 0; i < passes; i++) {
		s->resets += resets;
		s->sent += sent;
		s->on_close += on_close;
		scene_pass(s, 1000);
	}
}

static void resets_are_a_storm_at_ten_times_the_floor(void **state)
{
	(void)state;
	static const struct {
		int64_t resets, sent;
		bool is_found;
	} cases[] = {
		{ 0, 0, false },  { 49, 0, false }, { 50, 0, true },
		{ 0, 49, false }, { 0, 50, true },  { 51, 200, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene s;
		scene_init(&s);
		resets_grow(&s, 2, cases[i].resets, cases[i].sent, 0);
		const struct finding *f = find(&s, FINDING_RESET_STORM);
		assert_int_equal(f != NULL, cases[i].is_found);
		if (f) {
			assert_int_equal(f->severity, SEVERITY_WARNING);
			assert_int_equal(f->service, NO_INDEX);
			assert_int_equal(lround(f->value),
					 cases[i].sent > 50 ? cases[i].sent : 50);
		}
		scene_clear(&s);
	}
}

static void the_leading_counter_is_named(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	resets_grow(&s, 2, 100, 100, 90);
	const struct finding *f = find(&s, FINDING_RESET_STORM);
	assert_int_equal(f->acts, ACTS_LOCAL_APP);
	assert_string_equal(evidence_with(f, "leads"),
			    "TCPAbortOnClose leads with 90.0/s: closed here with data "
			    "still unread");
	scene_clear(&s);
	scene_init(&s);
	resets_grow(&s, 2, 100, 0, 0);
	f = find(&s, FINDING_RESET_STORM);
	assert_int_equal(f->acts, ACTS_PEER);
	assert_string_equal(
		evidence_with(f, "leads"),
		"EstabResets leads with 100.0/s: mostly reset by the peers");
	scene_clear(&s);
}

static void a_storm_that_lasts_is_critical(void **state)
{
	(void)state;
	for (int passes = 60; passes <= 61; passes++) {
		struct scene s;
		scene_init(&s);
		resets_grow(&s, passes, 80, 0, 0);
		const struct finding *f = find(&s, FINDING_RESET_STORM);
		assert_int_equal(f->severity,
				 passes == 61 ? SEVERITY_CRITICAL : SEVERITY_WARNING);
		assert_int_equal(f->since_cs, (passes - 1) * 100);
		scene_clear(&s);
	}
}

static void a_storm_is_over_when_it_is(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	resets_grow(&s, 61, 80, 0, 0);
	assert_non_null(find(&s, FINDING_RESET_STORM));
	resets_grow(&s, 11, 0, 0, 0);
	assert_null(find(&s, FINDING_RESET_STORM));
	scene_clear(&s);
}

/* 30 a second is what this host does; the floor would call 60 a storm. */
static void what_is_usual_is_learnt(void **state)
{
	(void)state;
	static const struct {
		int quiet; /* seconds at 30/s before */
		int64_t resets;
		bool is_found;
	} cases[] = {
		{ 700, 60, false },
		{ 700, 299, false },
		{ 700, 310, true },
		{ 300, 60, true }, /* too short to be learnt from */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene s;
		scene_init(&s);
		s.established = 1;
		resets_grow(&s, cases[i].quiet, 30, 0, 0);
		assert_null(find(&s, FINDING_RESET_STORM));
		resets_grow(&s, 11, cases[i].resets, 0, 0);
		assert_int_equal(find(&s, FINDING_RESET_STORM) != NULL,
				 cases[i].is_found);
		scene_clear(&s);
	}
}

static void resets_that_cannot_be_known_are_unknown(void **state)
{
	(void)state;
	static const struct {
		int passes;
		int64_t resets, sent;
		bool is_without_series, needs_time;
	} cases[] = {
		{ 1, 0, 0, false, true },
		{ 5, -1, 0, false, false },
		{ 5, 0, -1, false, false },
		{ 5, 0, 0, true, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene s;
		scene_init(&s);
		s.resets = cases[i].resets;
		s.sent = cases[i].sent;
		s.is_without_series = cases[i].is_without_series;
		resets_grow(&s, cases[i].passes, 0, 0, 0);
		const struct unknown_check *u = find_unknown(&s, FINDING_RESET_STORM);
		assert_non_null(u);
		assert_int_equal(u->needs_time, cases[i].needs_time);
		scene_clear(&s);
	}
}

/* Kept modulo 2^32; a counter that begins anew (namespace, restart) is no storm. */
static void counters_wrap_and_begin_anew(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	s.resets = (int64_t)UINT32_MAX - 100;
	resets_grow(&s, 2, 80, 0, 0);
	assert_int_equal(lround(find(&s, FINDING_RESET_STORM)->value), 80);
	s.resets = 0;
	resets_grow(&s, 1, 0, 0, 0);
	s.resets = 0;
	scene_clear(&s);
	scene_init(&s);
	s.resets = 1000000;
	resets_grow(&s, 2, 0, 0, 0);
	s.resets = 0;
	resets_grow(&s, 1, 0, 0, 0);
	assert_null(find(&s, FINDING_RESET_STORM));
	scene_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growth_is_told_with_its_descriptor_limit),
		cmocka_unit_test(growth_without_a_limit_in_sight_is_informational),
		cmocka_unit_test(growth_must_be_long_and_large_enough),
		cmocka_unit_test(too_few_passes_are_said_without_alarm),
		cmocka_unit_test(a_restart_that_fills_up_again_is_no_growth),
		cmocka_unit_test(time_wait_is_not_counted),
		cmocka_unit_test(growth_of_close_wait_is_a_warning_by_itself),
		cmocka_unit_test(a_leak_that_grows_is_critical_and_tells_its_end),
		cmocka_unit_test(a_leak_of_most_descriptors_is_critical),
		cmocka_unit_test(a_process_that_nears_its_limit_says_when),
		cmocka_unit_test(descriptors_alone_can_grow),
		cmocka_unit_test(a_pool_that_fills_up_says_when),
		cmocka_unit_test(what_is_not_selected_is_not_judged),
		cmocka_unit_test(a_filling_queue_says_when_it_is_full),
		cmocka_unit_test(resets_are_a_storm_at_ten_times_the_floor),
		cmocka_unit_test(the_leading_counter_is_named),
		cmocka_unit_test(a_storm_that_lasts_is_critical),
		cmocka_unit_test(a_storm_is_over_when_it_is),
		cmocka_unit_test(what_is_usual_is_learnt),
		cmocka_unit_test(resets_that_cannot_be_known_are_unknown),
		cmocka_unit_test(counters_wrap_and_begin_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
