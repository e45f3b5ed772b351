/* SPDX-License-Identifier: MIT */

/* Groups of connections to findings: when each opens, its severity, its story. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	sk.last_data_sent_ms = since_ms + 100;
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

/* An idle pool of a client does not look at what its peer closed or sent. */
static void a_client_that_does_not_look_is_not_stuck(void **state)
{
	(void)state;
	static const struct {
		uint32_t since_ms, unread;
		int severity; /* of the leak, -1 = none */
	} cases[] = {
		{ 59990, 1, -1 },
		{ 60000, 1, SEVERITY_WARNING },
		{ 300000, 1, SEVERITY_WARNING },  /* a pool: only the end is unread */
		{ 300000, 9, SEVERITY_CRITICAL }, /* a reply is */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		for (int j = 0; j < 10; j++) {
			struct tcp_socket sk =
				closed(cases[i].since_ms, cases[i].unread);
			sk.local_port = 50000;
			scene_add(&s, sk);
		}
		scene_show(&f, &s, a_listener(0, 128));
		const struct finding *leak = find(&f, FINDING_CLOSE_WAIT_LEAK);
		assert_null(find(&f, FINDING_STUCK_WORKER));
		assert_int_equal(leak ? (int)leak->severity : -1, cases[i].severity);
		fixture_clear(&f);
	}
}

static void what_a_client_leaves_unread_is_a_suspicion(void **state)
{
	(void)state;
	struct fixture f;
	struct scene s = { 0 };
	fixture_init(&f);
	for (int i = 0; i < 3; i++) {
		struct tcp_socket sk = unread(40000);
		sk.local_port = 50000;
		scene_add(&s, sk);
	}
	scene_show(&f, &s, a_listener(0, 128));
	/* So few bytes may be tickets of TLS, or a goodbye. */
	const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
	assert_int_equal(finding->severity, SEVERITY_INFO);
	assert_int_equal(finding->confidence, CONFIDENCE_SUSPECT);
	assert_string_equal(finding->summary,
			    "3 outgoing connections unread for at least 40s");
	f.snap.sockets[1].recv_queue = 3 * 2048 - 2 * 278 + 1;
	f.snap.sockets[1].bytes_received = 10000;
	fixture_diagnose_again(&f);
	finding = find(&f, FINDING_STUCK_WORKER);
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	/* A stopped process reads nothing, and nobody has to guess why. */
	f.snap.processes[0].state = 'T';
	fixture_diagnose_again(&f);
	finding = find(&f, FINDING_STUCK_WORKER);
	assert_int_equal(finding->severity, SEVERITY_CRITICAL);
	assert_string_equal(finding->next[0], "kill -CONT 4711   lets it go on");
	fixture_clear(&f);
}

/* Replies on other connections refute that the worker is stuck, not the wait. */
static void a_worker_that_answers_others_is_not_stuck(void **state)
{
	(void)state;
	static const struct {
		uint32_t replied_ms;
		bool is_stuck;
	} cases[] = { { 4990, false }, { 5000, true } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		for (int j = 0; j < 2; j++)
			scene_add(&s, unread(40000));
		struct tcp_socket sk = a_connection();
		sk.last_data_sent_ms = cases[i].replied_ms;
		sk.last_data_recv_ms = cases[i].replied_ms + 10;
		scene_add(&s, sk);
		scene_show(&f, &s, a_listener(0, 128));
		const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
		assert_int_equal(finding->severity, SEVERITY_CRITICAL);
		assert_int_equal(finding->confidence, cases[i].is_stuck
							      ? CONFIDENCE_PROVEN
							      : CONFIDENCE_LIKELY);
		assert_int_equal(strstr(finding->summary, "worker stuck") != NULL,
				 cases[i].is_stuck);
		fixture_clear(&f);
	}
}

/* Whose they are is not visible: then any worker's reply may be this one's. */
static void without_owners_a_reply_of_any_worker_counts(void **state)
{
	(void)state;
	for (uint32_t replied_ms = 4990; replied_ms <= 5000; replied_ms += 10) {
		struct fixture f;
		fixture_init(&f);
		snapshot_begin(&f.snap, 1000000);
		snapshot_put(&f.snap, a_listener(0, 128));
		for (uint64_t i = 0; i < 3; i++) {
			struct tcp_socket sk = i < 2 ? unread(40000) : a_connection();
			sk.cookie = 100 + i;
			sk.last_data_sent_ms = i < 2 ? 50000 : replied_ms;
			snapshot_put(&f.snap, sk);
		}
		snapshot_finish(&f.snap);
		fixture_diagnose(&f);
		const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
		assert_int_equal(finding->process, NO_INDEX);
		assert_int_equal(strstr(finding->summary, "worker stuck") != NULL,
				 replied_ms == 5000);
		fixture_clear(&f);
	}
}

/* What the kernel still sends of an earlier reply says nothing about the worker. */
static void what_the_kernel_sends_is_no_reply(void **state)
{
	(void)state;
	struct fixture f;
	struct scene s = { 0 };
	fixture_init(&f);
	scene_add(&s, unread(40000));
	scene_add(&s, unread(40000));
	struct tcp_socket sk = a_connection();
	sk.last_data_sent_ms = 10;
	sk.send_queue = 70000;
	scene_add(&s, sk);
	scene_show(&f, &s, a_listener(0, 128));
	assert_non_null(strstr(find(&f, FINDING_STUCK_WORKER)->summary, "stuck for"));
	/* What it read a moment ago it read while the others waited. */
	f.snap.sockets[3].last_data_recv_ms = 20;
	fixture_diagnose_again(&f);
	assert_non_null(strstr(find(&f, FINDING_STUCK_WORKER)->summary, "answered"));
	fixture_clear(&f);
}

static struct tcp_socket closed_here(uint32_t ago_ms)
{
	struct tcp_socket sk = a_connection();
	sk.state = TCP_STATE_TIME_WAIT;
	sk.timer = TCP_TIMER_TIME_WAIT;
	sk.has = 0;
	sk.inode = 0;
	sk.expires_ms = 60000 - ago_ms;
	return sk;
}

/* A saturated worker accepts, and its clients wait all the same. */
static void a_queue_that_moves_is_not_called_abandoned_by_all(void **state)
{
	(void)state;
	static const struct {
		int closes;
		uint32_t ago_ms;
		bool is_moving;
	} cases[] = {
		{ 2, 4990, true },
		{ 2, 5000, false }, /* and it works on nothing that it accepted */
		{ 1, 4990, false }, /* the peer may have closed late */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		scene_add(&s, queued(10000));
		scene_add(&s, queued(2000));
		for (int j = 0; j < cases[i].closes; j++)
			scene_add(&s, closed_here(cases[i].ago_ms));
		scene_show(&f, &s, a_listener(2, 128));
		const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
		assert_int_equal(finding->severity, SEVERITY_WARNING);
		assert_int_equal(strstr(finding->summary, "nobody accepts") == NULL,
				 cases[i].is_moving);
		fixture_clear(&f);
	}
}

/* The main thread waits for events, and only ends of streams are unread. */
static void handlers_of_clients_that_left_are_no_stuck_worker(void **state)
{
	(void)state;
	static const struct {
		const char *wchan;
		uint32_t unread;
		bool is_stuck;
	} cases[] = {
		{ "do_epoll_wait", 1, false }, { "inet_csk_accept", 1, false },
		{ "do_epoll_wait", 2, true }, /* a byte of a request is unread */
		{ "futex_wait", 1, true },     { "", 1, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		for (int j = 0; j < 3; j++)
			scene_add(&s, closed(40000, cases[i].unread));
		scene_show(&f, &s, a_listener(0, 128));
		snprintf(f.snap.processes[0].wchan, sizeof(f.snap.processes[0].wchan),
			 "%s", cases[i].wchan);
		fixture_diagnose_again(&f);
		const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
		bool is_stuck = strstr(finding->summary, "worker stuck") != NULL;
		assert_int_equal(is_stuck, cases[i].is_stuck);
		assert_int_equal(finding->severity,
				 is_stuck ? SEVERITY_CRITICAL : SEVERITY_WARNING);
		fixture_clear(&f);
	}
}

/* `sleep`, started by the server, has inherited the listener: it is no worker. */
static void a_program_that_inherited_the_listener_is_not_accused(void **state)
{
	(void)state;
	static const char *const commands[] = { "/usr/bin/sleep", "/usr/bin/python3" };
	for (int is_worker = 0; is_worker < 2; is_worker++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		scene_add(&s, queued(8000));
		scene_add(&s, queued(8000));
		scene_show(&f, &s, a_listener(2, 128));
		snapshot_put_process(&f.snap, 4712, is_worker ? "python3" : "sleep",
				     (uint32_t[]){ 4999 }, 1);
		struct process *child = &f.snap.processes[1];
		child->ppid = 4711;
		for (int i = 0; i < 2; i++) {
			const char *line = i ? commands[is_worker] : commands[1];
			f.snap.processes[i].cmdline = xstrdup(line);
			f.snap.processes[i].cmdline_len = (uint32_t)strlen(line) + 1;
		}
		snapshot_finish(&f.snap);
		fixture_diagnose_again(&f);
		const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
		assert_int_equal(f.snap.processes[finding->process].pid,
				 is_worker ? 4712 : 4711);
		fixture_clear(&f);
	}
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

/* A client-role connection of the process to 10.0.3.7:5432, its last word ours. */
static struct tcp_socket owed_by_upstream(uint32_t since_ms)
{
	struct tcp_socket sk = a_connection();
	sk.peer = an_ip(10, 0, 3, 7);
	sk.local_port = 51000;
	sk.last_data_sent_ms = since_ms;
	sk.last_data_recv_ms = since_ms + 20;
	return sk;
}

static bool has_evidence(const struct finding *f, const char *part)
{
	for (size_t i = 0; i < f->evidence_count; i++)
		if (strstr(f->evidence[i], part))
			return true;
	return false;
}

/* scene_add() numbers the peers' ports; upstreams keep theirs. */
static void scene_add_upstream(struct scene *s, uint32_t since_ms)
{
	scene_add(s, owed_by_upstream(since_ms));
	s->rows[s->count - 1].peer_port = 5432;
	s->rows[s->count - 1].local_port = (uint16_t)(51000 + s->count);
}

static void a_slow_upstream_alone_is_information(void **state)
{
	(void)state;
	for (uint32_t since_ms = 29990; since_ms <= 30000; since_ms += 10) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		scene_add_upstream(&s, since_ms);
		scene_show(&f, &s, a_listener(0, 128));
		const struct finding *finding = find(&f, FINDING_SLOW_UPSTREAM);
		assert_int_equal(finding != NULL, since_ms == 30000);
		if (finding) {
			assert_int_equal(finding->severity, SEVERITY_INFO);
			assert_int_equal(finding->acts, ACTS_PEER);
			assert_string_equal(finding->peer, "10.0.3.7:5432");
			assert_int_equal(finding->part_of, NO_INDEX);
		}
		fixture_clear(&f);
	}
}

static void a_stuck_worker_names_the_upstream_it_waits_for(void **state)
{
	(void)state;
	for (int count = 1; count <= 2; count++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		scene_add(&s, unread(8000));
		scene_add(&s, unread(8000));
		for (int i = 0; i < count; i++)
			scene_add_upstream(&s, 35880000);
		scene_show(&f, &s, a_listener(0, 128));
		const struct finding *story = &f.report.findings[0];
		assert_int_equal(story->kind, FINDING_STUCK_WORKER);
		const char *line = count == 1 ? "its only open request is to "
						"10.0.3.7:5432, unanswered for 9h58m"
					      : "its oldest open request of 2 is to "
						"10.0.3.7:5432, unanswered for 9h58m";
		assert_true(has_evidence(story, line));
		const struct finding *part = find(&f, FINDING_SLOW_UPSTREAM);
		assert_int_equal(part->part_of, 0);
		assert_int_equal(part->severity, SEVERITY_WARNING);
		fixture_clear(&f);
	}
}

/* gunicorn's master holds the listener and accepts nothing. */
static void of_a_prefork_group_the_workers_are_named(void **state)
{
	(void)state;
	struct fixture f;
	uint32_t inode = 4999;
	fixture_init(&f);
	snapshot_begin(&f.snap, 1000000);
	snapshot_put(&f.snap, a_listener(1, 128));
	snapshot_put(&f.snap, queued(8000));
	for (int32_t pid = 4711; pid <= 4713; pid++) {
		snapshot_put_process(&f.snap, pid, "gunicorn", &inode, 1);
		f.snap.processes[pid - 4711].ppid = pid == 4711 ? 1 : 4711;
		f.snap.processes[pid - 4711].state = 'S';
	}
	snapshot_finish(&f.snap);
	history_update(f.history, &f.snap);
	fixture_diagnose(&f);
	const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
	assert_int_equal(f.snap.processes[finding->process].pid, 4712);
	assert_true(has_evidence(
		finding, "2 workers share this queue, none accepts: 4712, 4713"));
	assert_true(
		has_evidence(finding, "process 4712 (worker of 4711) is in state S"));
	fixture_clear(&f);
}

static void connects_without_answer_are_told_by_peer(void **state)
{
	(void)state;
	for (uint8_t sent = 2; sent <= 3; sent++) {
		struct fixture f;
		struct scene s = { .is_seen_once = true };
		fixture_init(&f);
		for (int i = 0; i < 2; i++) {
			struct tcp_socket sk = owed_by_upstream(0);
			sk.state = TCP_STATE_SYN_SENT;
			sk.timer_retrans = sent;
			scene_add(&s, sk);
			s.rows[s.count - 1].peer_port = 5432;
		}
		scene_show(&f, &s, a_listener(0, 128));
		const struct finding *finding = find(&f, FINDING_CONNECT_STUCK);
		assert_int_equal(f.report.finding_count, sent == 3);
		if (finding) {
			assert_int_equal(finding->severity, SEVERITY_WARNING);
			assert_true(finding->value == 2);
			assert_string_equal(finding->peer, "10.0.3.7:5432");
			assert_int_equal(f.snap.processes[finding->process].pid, 4711);
		}
		fixture_clear(&f);
	}
}

static void a_lossy_path_is_a_warning_when_several_suffer_much(void **state)
{
	(void)state;
	static const struct {
		int count;
		uint32_t retransmitted; /* of 100 */
		enum severity severity;
	} cases[] = {
		{ 1, 50, SEVERITY_INFO }, /* one peer */
		{ 3, 9, SEVERITY_INFO },
		{ 2, 10, SEVERITY_INFO },
		{ 3, 10, SEVERITY_WARNING },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		for (int j = 0; j < cases[i].count; j++) {
			struct tcp_socket sk = a_connection();
			sk.unacked = 1;
			sk.send_queue = 100;
			sk.ca_state = 3;
			sk.last_ack_recv_ms = 100;
			sk.data_segs_out = 100;
			sk.total_retrans = cases[i].retransmitted;
			sk.peer = an_ip(10, 7, 7, (uint8_t)(1 + j));
			scene_add(&s, sk);
		}
		scene_show(&f, &s, a_listener(0, 128));
		const struct finding *finding = find(&f, FINDING_LOSSY_PATH);
		assert_non_null(finding);
		assert_int_equal(finding->severity, cases[i].severity);
		assert_string_equal(finding->peer, "10.7.7.0/24");
		assert_int_equal(finding->acts, ACTS_NETWORK);
		fixture_clear(&f);
	}
}

static void late_keepalive_is_information(void **state)
{
	(void)state;
	static const struct {
		uint32_t idle_ms, expires_ms;
		uint8_t timer;
		bool is_local, is_found;
	} cases[] = {
		{ 299000, 0, TCP_TIMER_NONE, false, false },
		{ 300000, 0, TCP_TIMER_NONE, false, true },
		{ 300000, 0, TCP_TIMER_NONE, true, false },
		{ 300000, 50000, TCP_TIMER_KEEPALIVE, false,
		  false }, /* idle time 350 s */
		{ 300000, 50010, TCP_TIMER_KEEPALIVE, false, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct scene s = { 0 };
		struct tcp_socket sk = a_connection();
		fixture_init(&f);
		sk.last_data_sent_ms = sk.last_data_recv_ms = sk.last_ack_recv_ms =
			cases[i].idle_ms;
		sk.timer = cases[i].timer;
		sk.expires_ms = cases[i].expires_ms;
		if (cases[i].is_local)
			sk.peer = sk.local;
		scene_add(&s, sk);
		scene_show(&f, &s, a_listener(0, 128));
		const struct finding *finding = find(&f, FINDING_KEEPALIVE_MISSING);
		assert_int_equal(finding != NULL, cases[i].is_found);
		assert_int_equal(f.report.severity,
				 cases[i].is_found ? SEVERITY_INFO : SEVERITY_OK);
		fixture_clear(&f);
	}
}

static const struct unknown_check *find_unknown(const struct fixture *f,
						enum finding_kind kind)
{
	for (size_t i = 0; i < f->report.unknown_count; i++)
		if (f->report.unknown[i].kind == kind)
			return &f->report.unknown[i];
	return NULL;
}

static void descriptors_run_out_at_their_limits(void **state)
{
	(void)state;
	static const struct {
		int64_t count, limit;
		int severity; /* -1 = no finding */
		bool is_unknown;
	} cases[] = {
		{ 799, 1000, -1, false },
		{ 800, 1000, SEVERITY_WARNING, false },
		{ 949, 1000, SEVERITY_WARNING, false },
		{ 950, 1000, SEVERITY_CRITICAL, false },
		{ -1, 1000, -1, true },
		{ 950, -1, -1, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		uint32_t inode = 4999;
		fixture_init(&f);
		snapshot_begin(&f.snap, 1000000);
		snapshot_put(&f.snap, a_listener(0, 128));
		snapshot_put_process(&f.snap, 4711, "api", &inode, 1);
		f.snap.processes[0].fd_count = cases[i].count;
		f.snap.processes[0].fd_limit = cases[i].limit;
		snapshot_finish(&f.snap);
		fixture_diagnose(&f);
		const struct finding *finding = find(&f, FINDING_FD_EXHAUSTION);
		assert_int_equal(finding ? (int)finding->severity : -1,
				 cases[i].severity);
		assert_int_equal(find_unknown(&f, FINDING_FD_EXHAUSTION) != NULL,
				 cases[i].is_unknown);
		if (finding) {
			assert_int_equal(finding->service, 0);
			assert_true(finding->warning == 799 &&
				    finding->critical == 949);
		}
		fixture_clear(&f);
	}
}

static void without_owners_descriptors_are_unknown(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_see(&f, 1000000, a_connection());
	fixture_diagnose(&f);
	const struct unknown_check *unknown = find_unknown(&f, FINDING_FD_EXHAUSTION);
	assert_non_null(unknown);
	assert_string_equal(unknown->reason, "processes were not looked up");
	fixture_clear(&f);
}

static void handshakes_are_held_against_the_smaller_backlog(void **state)
{
	(void)state;
	static const struct {
		int count;
		uint32_t backlog;
		int64_t max_syn_backlog;
		int severity; /* -1 = no finding */
	} cases[] = {
		{ 15, 16, 128, -1 }, /* too few to judge */
		{ 16, 33, 128, -1 },
		{ 16, 32, 128, SEVERITY_WARNING },
		{ 16, 4096, 32, SEVERITY_WARNING },
		{ 18, 4096, 20, SEVERITY_CRITICAL },
		{ 18, 20, -1, -1 }, /* unknown */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		fixture_init(&f);
		snapshot_begin(&f.snap, 1000000);
		f.snap.kernel[KERNEL_TCP_MAX_SYN_BACKLOG] = cases[i].max_syn_backlog;
		snapshot_put(&f.snap, a_listener(0, cases[i].backlog));
		for (int j = 0; j < cases[i].count; j++) {
			struct tcp_socket sk = a_connection();
			sk.cookie = 100 + (uint64_t)j;
			sk.state = TCP_STATE_SYN_RECV;
			sk.inode = 0;
			snapshot_put(&f.snap, sk);
		}
		snapshot_finish(&f.snap);
		fixture_diagnose(&f);
		const struct finding *finding = find(&f, FINDING_SYN_FLOOD);
		assert_int_equal(finding ? (int)finding->severity : -1,
				 cases[i].severity);
		assert_int_equal(find_unknown(&f, FINDING_SYN_FLOOD) != NULL,
				 cases[i].max_syn_backlog < 0);
		fixture_clear(&f);
	}
}

static void ports_to_one_destination_run_out(void **state)
{
	(void)state;
	static const struct {
		int count;
		int64_t low;
		int severity; /* -1 = no finding */
	} cases[] = {
		{ 69, 40000, -1 },
		{ 70, 40000, SEVERITY_WARNING },
		{ 90, 40000, SEVERITY_CRITICAL },
		{ 90, -1, -1 }, /* unknown */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		fixture_init(&f);
		snapshot_begin(&f.snap, 1000000);
		f.snap.kernel[KERNEL_PORT_RANGE_LOW] = cases[i].low;
		f.snap.kernel[KERNEL_PORT_RANGE_HIGH] = 40099;
		snapshot_put(&f.snap, a_listener(0, 128));
		for (int j = 0; j < cases[i].count; j++) {
			struct tcp_socket sk = a_connection();
			sk.cookie = 100 + (uint64_t)j;
			sk.peer_port = 5432;
			sk.local_port = (uint16_t)(40000 + j);
			sk.state = j % 2 ? TCP_STATE_TIME_WAIT : TCP_STATE_ESTABLISHED;
			snapshot_put(&f.snap, sk);
			/* another destination, and a port outside of the range */
			sk.cookie += 10000;
			sk.peer_port = 6432;
			snapshot_put(&f.snap, sk);
			sk.cookie += 10000;
			sk.peer_port = 5432;
			sk.local_port = (uint16_t)(1000 + j);
			if (j < 30)
				snapshot_put(&f.snap, sk);
		}
		snapshot_finish(&f.snap);
		fixture_diagnose(&f);
		const struct finding *finding = find(&f, FINDING_PORT_EXHAUSTION);
		assert_int_equal(finding ? (int)finding->severity : -1,
				 cases[i].severity);
		if (finding)
			assert_true(finding->value == cases[i].count);
		assert_int_equal(find_unknown(&f, FINDING_PORT_EXHAUSTION) != NULL,
				 cases[i].low < 0);
		fixture_clear(&f);
	}
}

static void orphans_are_held_against_their_limit(void **state)
{
	(void)state;
	static const struct {
		int64_t count, max;
		int severity; /* -1 = no finding */
		bool is_unknown;
		int64_t other; /* what every network namespace has */
		bool is_of_host;
	} cases[] = {
		{ 249, 1000, -1, false, 0, false },
		{ 250, 1000, SEVERITY_WARNING, false, 0, false },
		{ 500, 1000, SEVERITY_CRITICAL, false, 0, false },
		{ -1, 1000, -1, true, 0, false },
		{ 500, 0, -1, true, 0, false },
		{ 500, -1, -1, true, 0, true },
		{ 500, -1, -1, true, -1, false }, /* nothing can be read there */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		fixture_init(&f);
		snapshot_begin(&f.snap, 1000000);
		f.snap.kernel[KERNEL_TCP_ORPHANS] = cases[i].count;
		f.snap.kernel[KERNEL_TCP_MAX_ORPHANS] = cases[i].max;
		f.snap.kernel[KERNEL_TCP_ORPHAN_RETRIES] = cases[i].other;
		snapshot_finish(&f.snap);
		fixture_diagnose(&f);
		const struct finding *finding = find(&f, FINDING_ORPHANS);
		assert_int_equal(finding ? (int)finding->severity : -1,
				 cases[i].severity);
		const struct unknown_check *u = find_unknown(&f, FINDING_ORPHANS);
		assert_int_equal(u != NULL, cases[i].is_unknown);
		assert_int_equal(u && u->is_of_host, cases[i].is_of_host);
		fixture_clear(&f);
	}
}

static void one_peer_may_hold_a_share_but_not_too_much(void **state)
{
	(void)state;
	static const struct {
		int mine, others;
		uint8_t peer[4];
		int severity; /* -1 = no finding */
	} cases[] = {
		{ 49, 0, { 10, 5, 5, 5 }, -1 },
		{ 50, 0, { 10, 5, 5, 5 }, SEVERITY_INFO },
		{ 60, 140, { 10, 5, 5, 5 }, SEVERITY_INFO }, /* 30 % */
		{ 60, 141, { 10, 5, 5, 5 }, -1 },
		{ 199, 0, { 10, 5, 5, 5 }, SEVERITY_INFO },
		{ 200, 0, { 10, 5, 5, 5 }, SEVERITY_INFO },
		{ 210, 90, { 10, 5, 5, 5 }, SEVERITY_INFO }, /* 70 % */
		{ 210, 91, { 10, 5, 5, 5 }, SEVERITY_INFO },
		{ 200, 0, { 127, 0, 0, 1 }, -1 },
		{ 200, 0, { 10, 0, 0, 1 }, -1 }, /* this host */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		fixture_init(&f);
		snapshot_begin(&f.snap, 1000000);
		snapshot_put(&f.snap, a_listener(0, 128));
		for (int j = 0; j < cases[i].mine + cases[i].others; j++) {
			struct tcp_socket sk = a_connection();
			sk.cookie = 100 + (uint64_t)j;
			const uint8_t *ip = cases[i].peer;
			sk.peer = j < cases[i].mine ? an_ip(ip[0], ip[1], ip[2], ip[3])
						    : an_ip(10, 6, 0, (uint8_t)j);
			snapshot_put(&f.snap, sk);
		}
		snapshot_finish(&f.snap);
		fixture_diagnose(&f);
		const struct finding *finding = find(&f, FINDING_TOO_MANY_PER_PEER);
		assert_int_equal(finding ? (int)finding->severity : -1,
				 cases[i].severity);
		fixture_clear(&f);
	}
}

static void risky_command_lines_are_told_once(void **state)
{
	(void)state;
	static const struct {
		const char *cmdline;
		size_t len;
		bool is_loopback;
		int severity; /* -1 = no finding */
	} cases[] = {
		{ CMDLINE("python3\0/usr/bin/uvicorn\0--reload\0a:a"), false,
		  SEVERITY_WARNING },
		{ CMDLINE("python3\0/usr/bin/uvicorn\0--reload\0a:a"), true, -1 },
		{ CMDLINE("python3\0/usr/bin/uvicorn\0a:a"), false, -1 },
		{ CMDLINE("python3\0/usr/bin/gunicorn\0-w4\0-t\0000\0a:a"), true,
		  SEVERITY_WARNING },
		{ CMDLINE("python3\0/usr/bin/gunicorn\0-w4\0-t\00030\0a:a"), false,
		  -1 },
		{ CMDLINE("python3\0/usr/bin/gunicorn\0-w4\0-t\00090\0a:a"), false,
		  SEVERITY_INFO },
		{ CMDLINE("gunicorn: worker [a:a]"), false, -1 }, /* not visible */
		{ CMDLINE("python3\0manage.py\0runserver\0000.0.0.0:8000"), false,
		  SEVERITY_WARNING },
		{ CMDLINE("python3\0manage.py\0runserver"), true, -1 },
		{ CMDLINE("node\0server.js"), false, -1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		uint32_t inode = 4999;
		fixture_init(&f);
		snapshot_begin(&f.snap, 1000000);
		struct tcp_socket listener = a_listener(0, 128);
		if (cases[i].is_loopback)
			listener.local = an_ip(127, 0, 0, 1);
		snapshot_put(&f.snap, listener);
		listener.cookie = 2;
		listener.local_port = 9123;
		listener.inode = 4998;
		snapshot_put(&f.snap, listener);
		for (int j = 0; j < 2; j++) {
			snapshot_put_process(&f.snap, 4711 + j, "python3", &inode, 1);
			if (j)
				snapshot_add_owner(&f.snap, 4998, 1, 20);
			struct process *p = &f.snap.processes[j];
			p->cmdline = xmalloc(cases[i].len);
			memcpy(p->cmdline, cases[i].cmdline, cases[i].len);
			p->cmdline_len = (uint32_t)cases[i].len;
		}
		snapshot_finish(&f.snap);
		fixture_diagnose(&f);
		/* A port of its own in one of the workers: still one command line. */
		const struct finding *finding = find(&f, FINDING_RISKY_FLAGS);
		assert_int_equal(finding ? (int)finding->severity : -1,
				 cases[i].severity);
		assert_int_equal(f.report.finding_count, finding != NULL);
		fixture_clear(&f);
	}
}

static bool has_next(const struct finding *f, const char *part)
{
	for (size_t i = 0; i < f->next_count; i++)
		if (strstr(f->next[i], part))
			return true;
	return false;
}

/* What the report shows below "next". */
static char *remedies_of(const struct fixture *f, const struct finding *finding)
{
	const struct knowledge_remedy *remedies[3];
	struct strbuf out = { 0 };
	size_t count = report_remedies(&f->report, finding, remedies, 3);
	for (size_t i = 0; i < count; i++) {
		remedy_put(remedies[i], &out);
		strbuf_add_char(&out, '\n');
	}
	return strbuf_steal(&out);
}

static bool has_remedy(const struct fixture *f, const struct finding *finding,
		       const char *part)
{
	auto_free char *text = remedies_of(f, finding);
	return strstr(text, part) != NULL;
}

#define TOLD_AS(text) text, sizeof(text)

/* The scene's only process gets a command line and a number of threads. */
static void scene_show_as(struct fixture *f, const struct scene *s, const char *cmdline,
			  size_t len, int32_t threads)
{
	snapshot_begin(&f->snap, 1000000);
	snapshot_put(&f->snap, a_listener(0, 128));
	for (size_t i = 0; i < s->count; i++)
		snapshot_put(&f->snap, s->rows[i]);
	snapshot_put_process(&f->snap, 4711, "python3", s->inodes, s->count);
	snapshot_add_owner(&f->snap, a_listener(0, 128).inode, 0, 3);
	struct process *p = &f->snap.processes[0];
	p->cmdline = xmalloc(len);
	memcpy(p->cmdline, cmdline, len);
	p->cmdline_len = (uint32_t)len;
	p->state = 'S';
	p->thread_count = threads;
	snapshot_finish(&f->snap);
	history_update(f->history, &f->snap);
	fixture_diagnose(f);
}

static void scene_add_owed(struct scene *s, size_t count)
{
	struct tcp_socket sk = a_connection();
	sk.last_data_sent_ms = 50000;
	sk.last_data_recv_ms = 40000;
	for (size_t i = 0; i < count; i++)
		scene_add(s, sk);
}

static void slow_replies_name_the_process_and_the_upstream(void **state)
{
	(void)state;
	for (int has_upstream = 0; has_upstream < 2; has_upstream++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		scene_add_owed(&s, 3);
		if (has_upstream)
			scene_add_upstream(&s, 40000);
		scene_show_as(&f, &s, TOLD_AS("python3\0uvicorn\0a:a"), 5);
		const struct finding *story = &f.report.findings[0];
		assert_int_equal(story->kind, FINDING_SLOW_RESPONSE);
		assert_int_equal(story->severity, SEVERITY_WARNING);
		assert_int_equal(f.snap.processes[story->process].pid, 4711);
		assert_true(has_remedy(&f, story, "asyncio.timeout"));
		assert_false(has_evidence(story, "threads"));
		assert_int_equal(has_evidence(story, "only open request is to "
						     "10.0.3.7:5432"),
				 has_upstream);
		assert_int_equal(has_next(story, "calls to 10.0.3.7:5432 a timeout"),
				 has_upstream);
		assert_true(has_remedy(&f, story, "(database, HTTP)"));
		if (has_upstream) {
			const struct finding *part = find(&f, FINDING_SLOW_UPSTREAM);
			assert_int_equal(part->part_of, 0);
			assert_int_equal(part->severity, SEVERITY_WARNING);
		}
		fixture_clear(&f);
	}
}

/* Of an unknown protocol nothing is certain, and so nothing of it is raised. */
static void an_upstream_behind_mere_suspicion_stays_information(void **state)
{
	(void)state;
	struct fixture f;
	struct scene s = { 0 };
	fixture_init(&f);
	scene_add_owed(&s, 3);
	scene_add_upstream(&s, 40000);
	scene_show_as(&f, &s, TOLD_AS("./server"), 5);
	assert_int_equal(find(&f, FINDING_SLOW_UPSTREAM)->severity, SEVERITY_INFO);
	assert_int_equal(f.report.severity, SEVERITY_INFO);
	fixture_clear(&f);
}

static void others_that_are_served_show_that_the_process_is_alive(void **state)
{
	(void)state;
	for (uint32_t since_ms = 4999; since_ms <= 5000; since_ms++) {
		struct fixture f;
		struct scene s = { 0 };
		struct tcp_socket served = a_connection();
		served.last_data_sent_ms = since_ms;
		served.last_data_recv_ms = since_ms + 10;
		served.last_ack_recv_ms = since_ms;
		fixture_init(&f);
		scene_add_owed(&s, 3);
		scene_add(&s, served);
		served.data_segs_out = 0; /* the age of the connection, no answer */
		scene_add(&s, served);
		served.data_segs_out = 5;
		served.has = 0; /* nothing is known of it */
		scene_add(&s, served);
		scene_show_as(&f, &s, TOLD_AS("python3\0uvicorn\0a:a"), 5);
		assert_int_equal(has_evidence(find(&f, FINDING_SLOW_RESPONSE),
					      "1 other connection was answered"),
				 since_ms == 4999);
		fixture_clear(&f);
	}
}

/* Forty threads, and one that runs the loop. */
static void a_full_pool_of_threads_is_a_suspicion(void **state)
{
	(void)state;
	static const struct {
		size_t owed;
		int32_t threads; /* 0 = unknown */
		const char *said;
	} cases[] = {
		{ 39, 41, NULL },
		{ 40, 40, NULL },
		{ 40, 41, "process 4711 has 41 threads: the 40 threads" },
		{ 52, 60, "process 4711 has 60 threads: the 40 threads" },
		{ 40, 0, "how many threads process 4711 has is not known" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		scene_add_owed(&s, cases[i].owed);
		scene_show_as(&f, &s, TOLD_AS("python3\0uvicorn\0a:a"),
			      cases[i].threads);
		const struct finding *finding = find(&f, FINDING_SLOW_RESPONSE);
		assert_int_equal(has_evidence(finding, cases[i].said ? cases[i].said
								     : "threads"),
				 cases[i].said != NULL);
		assert_int_equal(has_remedy(&f, finding, "anyio"),
				 cases[i].said != NULL);
		assert_int_equal(has_remedy(&f, finding, "asyncio.timeout"),
				 !cases[i].said);
		fixture_clear(&f);
	}
}

/* Clients that gave up are gone; the threads that work for them are not. */
static void as_many_open_requests_as_threads_are_a_warning(void **state)
{
	(void)state;
	static const struct {
		size_t count;
		int32_t threads;
		enum severity severity;
	} cases[] = {
		{ 39, 41, SEVERITY_INFO },
		{ 40, 40, SEVERITY_INFO },
		{ 40, 0, SEVERITY_INFO },
		{ 40, 41, SEVERITY_WARNING },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		for (size_t j = 0; j < cases[i].count; j++)
			scene_add_upstream(&s, 40000);
		scene_show_as(&f, &s, TOLD_AS("python3\0uvicorn\0a:a"),
			      cases[i].threads);
		assert_int_equal(find(&f, FINDING_SLOW_UPSTREAM)->severity,
				 cases[i].severity);
		fixture_clear(&f);
	}
}

static bool is_advised(const struct fixture *f, const struct finding *finding,
		       const char *part)
{
	return has_next(finding, part) || has_evidence(finding, part) ||
	       has_remedy(f, finding, part);
}

static void a_stuck_worker_gets_the_advice_of_its_server(void **state)
{
	(void)state;
	static const struct {
		const char *cmdline;
		size_t len;
		const char *next, *never;
	} cases[] = {
		{ TOLD_AS("python3\0uvicorn\0a:a"), "asyncio.to_thread", "gthread" },
		{ TOLD_AS("python3\0uvicorn\0a:a"), "--workers 4", "--no-reload" },
		{ TOLD_AS("python3\0uvicorn\0--workers\0002\0a:a"),
		  "gunicorn -k uvicorn_worker", "--workers 4" },
		{ TOLD_AS("python3\0gunicorn\0a:a"), "gthread --threads 8",
		  "to_thread" },
		{ TOLD_AS("python3\0gunicorn\0a:a"),
		  "30 s, with all its connections (--timeout, the default)",
		  "to_thread" },
		{ TOLD_AS("python3\0gunicorn\0-t\000300\0a:a"),
		  "300 s, with all its connections (--timeout, given)", "to_thread" },
		{ TOLD_AS("python3\0gunicorn\0-t\0000\0a:a"),
		  "--timeout 0 has switched", "given)" },
		{ TOLD_AS("gunicorn: worker [a:a]"), "not visible", "gthread" },
		{ TOLD_AS("python3\0gunicorn\0-k\0gthread\0--threads\0004\0a:a"),
		  "--threads or --workers", "--timeout " },
		{ TOLD_AS("python3\0gunicorn\0-k\0uvicorn.workers.UvicornWorker\0a:a"),
		  "to_thread", "gthread" },
		{ TOLD_AS("node\0server.js"), "monitorEventLoopDelay", "py-spy" },
		{ TOLD_AS("/usr/bin/java\0-jar\0a.jar"), "jstack 4711", "gdb" },
		{ TOLD_AS("./server"), "gdb -p 4711", "py-spy" },
		{ TOLD_AS("/usr/bin/redis-server *:6379"), "SLOWLOG", "restart the" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct scene s = { 0 };
		fixture_init(&f);
		scene_add(&s, unread(8000));
		scene_add(&s, unread(8000));
		scene_show_as(&f, &s, cases[i].cmdline, cases[i].len, 1);
		const struct finding *finding = find(&f, FINDING_STUCK_WORKER);
		if (!is_advised(&f, finding, cases[i].next))
			fail_msg("case %zu lacks %s", i, cases[i].next);
		if (is_advised(&f, finding, cases[i].never))
			fail_msg("case %zu has %s", i, cases[i].never);
		fixture_clear(&f);
	}
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
		cmocka_unit_test(a_client_that_does_not_look_is_not_stuck),
		cmocka_unit_test(what_a_client_leaves_unread_is_a_suspicion),
		cmocka_unit_test(a_worker_that_answers_others_is_not_stuck),
		cmocka_unit_test(without_owners_a_reply_of_any_worker_counts),
		cmocka_unit_test(what_the_kernel_sends_is_no_reply),
		cmocka_unit_test(a_queue_that_moves_is_not_called_abandoned_by_all),
		cmocka_unit_test(handlers_of_clients_that_left_are_no_stuck_worker),
		cmocka_unit_test(a_program_that_inherited_the_listener_is_not_accused),
		cmocka_unit_test(suspicions_stay_informational),
		cmocka_unit_test(owed_replies_of_a_known_stack_are_a_warning),
		cmocka_unit_test(the_fingerprint_outlives_a_restart),
		cmocka_unit_test(a_filter_leaves_other_services_out),
		cmocka_unit_test(a_slow_upstream_alone_is_information),
		cmocka_unit_test(a_stuck_worker_names_the_upstream_it_waits_for),
		cmocka_unit_test(of_a_prefork_group_the_workers_are_named),
		cmocka_unit_test(connects_without_answer_are_told_by_peer),
		cmocka_unit_test(a_lossy_path_is_a_warning_when_several_suffer_much),
		cmocka_unit_test(late_keepalive_is_information),
		cmocka_unit_test(descriptors_run_out_at_their_limits),
		cmocka_unit_test(without_owners_descriptors_are_unknown),
		cmocka_unit_test(handshakes_are_held_against_the_smaller_backlog),
		cmocka_unit_test(ports_to_one_destination_run_out),
		cmocka_unit_test(orphans_are_held_against_their_limit),
		cmocka_unit_test(one_peer_may_hold_a_share_but_not_too_much),
		cmocka_unit_test(risky_command_lines_are_told_once),
		cmocka_unit_test(slow_replies_name_the_process_and_the_upstream),
		cmocka_unit_test(an_upstream_behind_mere_suspicion_stays_information),
		cmocka_unit_test(others_that_are_served_show_that_the_process_is_alive),
		cmocka_unit_test(a_full_pool_of_threads_is_a_suspicion),
		cmocka_unit_test(as_many_open_requests_as_threads_are_a_warning),
		cmocka_unit_test(a_stuck_worker_gets_the_advice_of_its_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
