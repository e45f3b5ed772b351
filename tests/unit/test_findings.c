/* SPDX-License-Identifier: MIT */

/* Groups of connections to findings: when each opens, its severity, its story. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builders.h"

/* A scene: a listener, connections of one process, seen twice a second apart, or
 * once. */
struct scene {
	struct tcp_socket rows[64];
	size_t count;
	uint32_t inodes[64];
	bool is_seen_once;
};

static void scene_add(struct scene *s, struct tcp_socket sk)
{
	sk.cookie = 100 + s->count;
	sk.peer_port = (uint16_t)(CLIENT_PORT + s->count);
	if (sk.inode)
		sk.inode = (uint32_t)(5000 + s->count);
	s->inodes[s->count] = sk.inode;
	s->rows[s->count++] = sk;
}

static void scene_show(struct fixture *f, const struct scene *s,
		       struct tcp_socket listener)
{
	for (int pass = s->is_seen_once ? 1 : 0; pass < 2; pass++) {
		snapshot_begin(&f->snap, 1000000 + (uint64_t)pass * 1000);
		snapshot_put(&f->snap, listener);
		for (size_t i = 0; i < s->count; i++)
			snapshot_put(&f->snap, s->rows[i]);
		snapshot_put_process(&f->snap, 4711, "api", s->inodes, s->count);
		snapshot_add_owner(&f->snap, listener.inode, 0, 3);
		snapshot_finish(&f->snap);
		history_update(f->history, &f->snap);
	}
	fixture_diagnose(f);
}

static const struct finding *find(const struct fixture *f, enum finding_kind kind)
{
	for (size_t i = 0; i < f->report.finding_count; i++)
		if (f->report.findings[i].kind == kind)
			return &f->report.findings[i];
	return NULL;
}

static struct tcp_socket unread(uint32_t since_ms)
{
	struct tcp_socket sk = a_connection();
	sk.recv_queue = 278;
	sk.bytes_received += 278;
	sk.last_data_recv_ms = since_ms;
	return sk;
}

static struct tcp_socket closed(uint32_t since_ms, uint32_t recv_queue)
{
	struct tcp_socket sk = a_connection();
	sk.state = TCP_STATE_CLOSE_WAIT;
	sk.recv_queue = recv_queue;
	sk.last_ack_recv_ms = sk.last_data_sent_ms = sk.last_data_recv_ms = since_ms;
	return sk;
}

static struct tcp_socket queued(uint32_t since_ms)
{
	struct tcp_socket sk = a_connection();
	sk.inode = 0;
	sk.data_segs_out = 0;
	sk.last_data_sent_ms = sk.last_data_recv_ms = sk.last_ack_recv_ms = since_ms;
	return sk;
}

static void healthy_connections_make_no_finding(void **state)
{
	(void)state;
	struct fixture f;
	struct scene s = { 0 };
	fixture_init(&f);
	for (int i = 0; i < 10; i++)
		scene_add(&s, a_connection());
	scene_show(&f, &s, a_listener(0, 128));
	assert_int_equal(f.report.finding_count, 0);
	assert_int_equal(f.report.severity, SEVERITY_OK);
	fixture_clear(&f);
}

static void one_unread_connection_is_no_stuck_worker_two_are(void **state)
{
	(void)state;
	for (int count = 1; count <= 2; count++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		for (int i = 0; i < count; i++)
			scene_add(&s, unread(8000));
		scene_show(&f, &s, a_listener(0, 128));
		const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
		assert_int_equal(finding != NULL, count == 2);
		if (finding) {
			assert_int_equal(finding->severity, SEVERITY_WARNING);
			assert_int_equal(finding->confidence, CONFIDENCE_PROVEN);
			assert_int_equal(finding->acts, ACTS_LOCAL_APP);
			assert_int_equal(f.snap.processes[finding->process].pid, 4711);
		}
		fixture_clear(&f);
	}
}

static void a_stuck_worker_is_critical_after_thirty_seconds(void **state)
{
	(void)state;
	static const struct {
		uint32_t since_ms;
		enum severity severity;
	} cases[] = { { 29990, SEVERITY_WARNING }, { 30000, SEVERITY_CRITICAL } };
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		scene_add(&s, unread(cases[i].since_ms));
		scene_add(&s, unread(8000));
		scene_show(&f, &s, a_listener(0, 128));
		assert_int_equal(find(&f, FINDING_STUCK_WORKER)->severity,
				 cases[i].severity);
		fixture_clear(&f);
	}
}

static void what_a_stuck_worker_explains_is_part_of_its_story(void **state)
{
	(void)state;
	struct fixture f;
	struct scene s = { 0 };
	fixture_init(&f);
	scene_add(&s, unread(8000));
	scene_add(&s, closed(8000, 36));
	for (int i = 0; i < 3; i++)
		scene_add(&s, queued(8000));
	struct tcp_socket left = queued(8000);
	left.state = TCP_STATE_CLOSE_WAIT;
	scene_add(&s, left);
	scene_show(&f, &s, a_listener(3, 2));

	const struct finding *story = &f.report.findings[0];
	assert_int_equal(story->kind, FINDING_STUCK_WORKER);
	assert_int_equal(story->severity, SEVERITY_CRITICAL); /* as the full queue */
	assert_int_equal(story->part_of, NO_INDEX);
	assert_int_equal(find(&f, FINDING_ACCEPT_QUEUE_FULL)->part_of, 0);
	assert_int_equal(find(&f, FINDING_QUEUE_ABANDONED)->part_of, 0);
	assert_null(find(&f, FINDING_CLOSE_WAIT_LEAK));
	fixture_clear(&f);
}

static void a_queue_nobody_empties_is_a_stuck_worker_by_itself(void **state)
{
	(void)state;
	for (uint32_t since_ms = 4990; since_ms <= 5000; since_ms += 10) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		scene_add(&s, queued(since_ms));
		scene_show(&f, &s, a_listener(1, 128));
		const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
		assert_int_equal(finding != NULL, since_ms == 5000);
		if (finding)
			assert_int_equal(f.snap.processes[finding->process].pid, 4711);
		fixture_clear(&f);
	}
}

/* Two workers with a listener each; only the second one's queue has somebody. */
static void of_several_workers_the_one_with_the_queue_is_named(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	snapshot_begin(&f.snap, 1000000);
	struct tcp_socket listener = a_listener(0, 128);
	snapshot_put(&f.snap, listener);
	listener.cookie = 2;
	listener.inode = 4998;
	listener.recv_queue = 1;
	snapshot_put(&f.snap, listener);
	snapshot_put(&f.snap, queued(8000));
	struct tcp_socket sk = unread(8000); /* back-pressure of the first, alone */
	sk.cookie = 200;
	snapshot_put(&f.snap, sk);
	snapshot_put_process(&f.snap, 4711, "one", (uint32_t[]){ 4999, 5000 }, 2);
	snapshot_put_process(&f.snap, 4712, "two", (uint32_t[]){ 4998 }, 1);
	snapshot_finish(&f.snap);
	history_update(f.history, &f.snap);
	fixture_diagnose(&f);
	assert_int_equal(f.report.finding_count, 1);
	const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
	assert_non_null(finding);
	assert_int_equal(f.snap.processes[finding->process].pid, 4712);
	fixture_clear(&f);
}

static void a_queue_is_a_fault_when_it_lasts(void **state)
{
	(void)state;
	static const struct {
		uint32_t waiting, backlog, since_ms;
		int severity; /* -1 = no finding */
	} cases[] = {
		{ 6, 9, 2000, -1 },                 /* 60 % */
		{ 7, 9, 2000, SEVERITY_WARNING },   /* 70 % */
		{ 9, 9, 2000, SEVERITY_WARNING },   /* one place is left */
		{ 10, 9, 2000, SEVERITY_CRITICAL }, /* a backlog of n holds n + 1 */
		{ 10, 9, 500, -1 },                 /* a burst */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		/* What is seen twice has waited for a second at least. */
		struct scene s = { .is_seen_once = cases[i].since_ms < 1000 };
		fixture_init(&f);
		for (uint32_t j = 0; j < cases[i].waiting; j++)
			scene_add(&s, queued(cases[i].since_ms));
		scene_show(&f, &s, a_listener(cases[i].waiting, cases[i].backlog));
		const struct finding *finding = find(&f, FINDING_ACCEPT_QUEUE_FULL);
		assert_int_equal(finding ? (int)finding->severity : -1,
				 cases[i].severity);
		fixture_clear(&f);
	}
}

static void leaks_are_critical_when_old_and_many(void **state)
{
	(void)state;
	static const struct {
		int count;
		uint32_t since_ms;
		enum severity severity;
	} cases[] = {
		{ 1, 60000, SEVERITY_WARNING },
		{ 9, 300000, SEVERITY_WARNING },
		{ 10, 299990, SEVERITY_WARNING },
		{ 10, 300000, SEVERITY_CRITICAL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		for (int j = 0; j < cases[i].count; j++)
			scene_add(&s, closed(cases[i].since_ms, 0));
		scene_show(&f, &s, a_listener(0, 128));
		assert_int_equal(f.report.finding_count, 1);
		assert_int_equal(find(&f, FINDING_CLOSE_WAIT_LEAK)->severity,
				 cases[i].severity);
		fixture_clear(&f);
	}
}

static void one_old_unread_end_of_stream_is_a_leak(void **state)
{
	(void)state;
	struct fixture f;
	struct scene s = { 0 };
	fixture_init(&f);
	scene_add(&s, closed(60000, 1));
	scene_show(&f, &s, a_listener(0, 128));
	assert_non_null(find(&f, FINDING_CLOSE_WAIT_LEAK));
	assert_null(find(&f, FINDING_STUCK_WORKER));
	fixture_clear(&f);
}

static void suspicions_stay_informational(void **state)
{
	(void)state;
	struct fixture f;
	struct scene s = { 0 };
	fixture_init(&f);
	for (int i = 0; i < 20; i++) {
		struct tcp_socket sk = a_connection();
		sk.last_data_sent_ms = sk.last_ack_recv_ms = 400000;
		sk.last_data_recv_ms = 400020;
		scene_add(&s, sk);
		sk.last_data_sent_ms = 50000; /* a reply may be owed */
		sk.last_data_recv_ms = 40000;
		scene_add(&s, sk);
	}
	scene_show(&f, &s, a_listener(0, 128));
	assert_int_equal(find(&f, FINDING_HALF_OPEN_SUSPECT)->severity, SEVERITY_INFO);
	assert_int_equal(find(&f, FINDING_SLOW_RESPONSE)->severity, SEVERITY_INFO);
	assert_int_equal(f.report.severity, SEVERITY_INFO);
	fixture_clear(&f);
}

/* The recognised stack, and the flags that change what it may be silent for. */
static void owed_replies_of_a_known_stack_are_a_warning(void **state)
{
	(void)state;
	static const struct {
		const char *cmdline;
		size_t len;
		enum severity severity;
	} cases[] = {
#define CMDLINE(text) text, sizeof(text)
		{ CMDLINE("python3\0/usr/bin/uvicorn\0app:app"), SEVERITY_WARNING },
		{ CMDLINE("python3\0-m\0uvicorn\0app:app"), SEVERITY_WARNING },
		{ CMDLINE("python3\0-m\0uvicorn\0app:app\0--ws-ping-interval\0"
			  "0"),
		  SEVERITY_INFO },
		{ CMDLINE("./server\0--name\0not-uvicorn"), SEVERITY_INFO },
		{ CMDLINE("gunicorn: worker [app:app]"), SEVERITY_INFO },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct tcp_socket sk = a_connection();
		fixture_init(&f);
		sk.last_data_sent_ms = 50000;
		sk.last_data_recv_ms = 40000;
		snapshot_begin(&f.snap, 1000000);
		snapshot_put(&f.snap, a_listener(0, 128));
		uint32_t inode = 4999;
		snapshot_put_process(&f.snap, 4711, "python3", &inode, 1);
		f.snap.processes[0].cmdline = xmalloc(cases[i].len);
		memcpy(f.snap.processes[0].cmdline, cases[i].cmdline, cases[i].len);
		f.snap.processes[0].cmdline_len = (uint32_t)cases[i].len;
		for (uint64_t j = 0; j < 3; j++) {
			sk.cookie = 100 + j;
			snapshot_put(&f.snap, sk);
		}
		snapshot_finish(&f.snap);
		history_update(f.history, &f.snap);
		fixture_diagnose(&f);
		assert_int_equal(find(&f, FINDING_SLOW_RESPONSE)->severity,
				 cases[i].severity);
		fixture_clear(&f);
	}
}

static void the_fingerprint_outlives_a_restart(void **state)
{
	(void)state;
	uint64_t fingerprints[2];
	for (int i = 0; i < 2; i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		for (int j = 0; j < 2 + i; j++) /* other counts and times */
			scene_add(&s, unread(8000 + (uint32_t)i * 50000));
		scene_show(&f, &s, a_listener(0, 128));
		fingerprints[i] = find(&f, FINDING_STUCK_WORKER)->fingerprint;
		fixture_clear(&f);
	}
	assert_true(fingerprints[0] == fingerprints[1] && fingerprints[0] != 0);
}

static void a_filter_leaves_other_services_out(void **state)
{
	(void)state;
	struct fixture f;
	struct scene s = { 0 };
	struct filter *filter;
	struct error err;
	fixture_init(&f);
	scene_add(&s, unread(8000));
	scene_add(&s, unread(8000));
	scene_show(&f, &s, a_listener(3, 2));
	assert_int_equal(filter_parse(":443", &filter, NULL, &err), 0);
	struct diagnose_options options = { .filter = filter, .with_findings = true };
	diagnose(&f.snap, f.history, &f.limits, &options, &f.report);
	assert_int_equal(f.report.finding_count, 0);
	assert_int_equal(f.report.selected_count, 0);
	filter_free(filter);
	fixture_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy_connections_make_no_finding),
		cmocka_unit_test(one_unread_connection_is_no_stuck_worker_two_are),
		cmocka_unit_test(a_stuck_worker_is_critical_after_thirty_seconds),
		cmocka_unit_test(what_a_stuck_worker_explains_is_part_of_its_story),
		cmocka_unit_test(a_queue_nobody_empties_is_a_stuck_worker_by_itself),
		cmocka_unit_test(of_several_workers_the_one_with_the_queue_is_named),
		cmocka_unit_test(a_queue_is_a_fault_when_it_lasts),
		cmocka_unit_test(leaks_are_critical_when_old_and_many),
		cmocka_unit_test(one_old_unread_end_of_stream_is_a_leak),
		cmocka_unit_test(suspicions_stay_informational),
		cmocka_unit_test(owed_replies_of_a_known_stack_are_a_warning),
		cmocka_unit_test(the_fingerprint_outlives_a_restart),
		cmocka_unit_test(a_filter_leaves_other_services_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
