/* SPDX-License-Identifier: MIT */

/* What a judge found said wrongly or not at all: odd states, healthy and sick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builders.h"

enum { SERVER_PID = 4711, OTHER_PID = 4712 };

/* Begins a snapshot with a listener of the server and the rows, all of them its own. */
static void see(struct fixture *f, struct tcp_socket listener,
		const struct tcp_socket *rows, size_t count)
{
	uint32_t inodes[64];
	size_t owned = 0;
	fixture_init(f);
	snapshot_begin(&f->snap, 1000000);
	snapshot_put(&f->snap, listener);
	inodes[owned++] = listener.inode;
	for (size_t i = 0; i < count; i++) {
		struct tcp_socket sk = rows[i];
		sk.cookie = 100 + i;
		if (sk.inode)
			inodes[owned++] = sk.inode = 5000 + (uint32_t)i;
		snapshot_put(&f->snap, sk);
	}
	snapshot_put_process(&f->snap, SERVER_PID, "api", inodes, owned);
}

static void judge(struct fixture *f)
{
	snapshot_finish(&f->snap);
	fixture_diagnose(f);
}

static const struct finding *find(const struct fixture *f, enum finding_kind kind)
{
	for (size_t i = 0; i < f->report.finding_count; i++)
		if (f->report.findings[i].kind == kind)
			return &f->report.findings[i];
	return NULL;
}

static bool has_line(char *const *lines, size_t count, const char *part)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(lines[i], part))
			return true;
	return false;
}

static void assert_says(const struct finding *f, const char *part)
{
	if (!has_line(f->evidence, f->evidence_count, part))
		fail_msg("no evidence '%s'", part);
}

static void assert_advises(const struct finding *f, const char *part)
{
	if (!has_line(f->next, f->next_count, part))
		fail_msg("no advice '%s'", part);
}

/* NULL = the usual cause of its kind. */
static bool has_cause(const struct finding *f, const char *part)
{
	return f->cause && strstr(f->cause, part);
}

static struct tcp_socket quiet_for(uint32_t ms)
{
	struct tcp_socket sk = a_connection();
	sk.last_data_sent_ms = sk.last_ack_recv_ms = ms;
	sk.last_data_recv_ms = ms + 20;
	return sk;
}

static struct tcp_socket queued_for(uint32_t ms)
{
	struct tcp_socket sk = quiet_for(ms);
	sk.inode = 0;
	sk.data_segs_out = 0;
	return sk;
}

static struct tcp_socket unread_for(uint32_t ms)
{
	struct tcp_socket sk = quiet_for(ms);
	sk.last_data_recv_ms = ms;
	sk.recv_queue = 10;
	return sk;
}

/* --- handshakes --- */

static struct tcp_socket handshake(uint8_t retrans, uint32_t expires_ms)
{
	struct tcp_socket sk = a_connection();
	sk.state = TCP_STATE_SYN_RECV;
	sk.timer = TCP_TIMER_RETRANSMIT;
	sk.timer_retrans = retrans;
	sk.expires_ms = expires_ms;
	sk.inode = 0;
	return sk;
}

static void clients_that_say_nothing_yet_are_no_flood(void **state)
{
	(void)state;
	static const struct {
		struct {
			uint8_t retrans;
			uint32_t expires_ms;
		} some, others; /* two, and eighteen */
		size_t unfinished;
	} cases[] = {
		{ { 0, 1900 }, { 0, 900 }, 0 }, /* TCP_DEFER_ACCEPT */
		{ { 0, 1000 }, { 0, 900 }, 20 },
		{ { 1, 1900 }, { 1, 900 }, 20 },
		{ { 0, 1900 }, { 1, 900 }, 18 },
		{ { 1, 1900 }, { 0, 7900 }, 0 }, /* two are below the limit */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct tcp_socket rows[20];
		for (size_t j = 0; j < 20; j++)
			rows[j] = j < 2 ? handshake(cases[i].some.retrans,
						    cases[i].some.expires_ms)
					: handshake(cases[i].others.retrans,
						    cases[i].others.expires_ms);
		see(&f, a_listener(0, 32), rows, 20);
		judge(&f);
		const struct finding *flood = find(&f, FINDING_SYN_FLOOD);
		assert_int_equal(flood ? (size_t)flood->value : 0, cases[i].unfinished);
		fixture_clear(&f);
	}
}

/* --- peers --- */

static struct tcp_socket dead(uint32_t segment)
{
	struct tcp_socket sk = quiet_for(60000);
	sk.timer = TCP_TIMER_RETRANSMIT;
	sk.unacked = 2;
	sk.send_queue = 2 * segment;
	sk.notsent_bytes = 0;
	sk.retransmits = sk.backoff = 7;
	sk.rto_us = 26000000;
	return sk;
}

static void a_host_that_answers_elsewhere_is_not_gone(void **state)
{
	(void)state;
	static const struct {
		uint32_t segment, heard_ms;
		uint8_t other_host; /* last byte of the second dead one's address */
		enum acts acts;
		const char *summary, *evidence;
	} cases[] = {
		{ 1448, 100, 2, ACTS_NETWORK, "hosts that answer on others",
		  "2 of these is large segments" },
		{ 100, 100, 2, ACTS_NETWORK, "hosts that answer on others",
		  "2 of them to addresses that answer" },
		{ 1448, 100, 3, ACTS_PEER, "peers that are gone",
		  "1 of them to addresses that answer" },
		{ 1448, 5000, 2, ACTS_PEER, "peers that are gone", "2 proven" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct tcp_socket rows[] = { dead(cases[i].segment),
					     dead(cases[i].segment), a_connection() };
		rows[1].peer.bytes[15] = cases[i].other_host;
		rows[2].last_ack_recv_ms = cases[i].heard_ms;
		see(&f, a_listener(0, 128), rows, 3);
		judge(&f);
		const struct finding *finding = find(&f, FINDING_HALF_OPEN);
		assert_int_equal(finding->acts, cases[i].acts);
		assert_non_null(strstr(finding->summary, cases[i].summary));
		assert_says(finding, cases[i].evidence);
		assert_int_equal(finding->severity, SEVERITY_CRITICAL);
		fixture_clear(&f);
	}
}

static void a_host_that_cannot_send_says_so(void **state)
{
	(void)state;
	static const struct {
		uint32_t backoff;
		int severity; /* -1 = no finding */
	} cases[] = {
		{ 3, -1 }, /* 1.4 s */
		{ 4, SEVERITY_WARNING },
		{ 7, SEVERITY_WARNING }, /* 25 s */
		{ 8, SEVERITY_CRITICAL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct tcp_socket sk = quiet_for(60000);
		sk.timer = TCP_TIMER_PROBE0;
		sk.rto_us = 200000;
		sk.backoff = (uint8_t)cases[i].backoff;
		sk.expires_ms = 200U << cases[i].backoff;
		sk.send_queue = sk.notsent_bytes = 500;
		see(&f, a_listener(0, 128), &sk, 1);
		judge(&f);
		const struct finding *finding = find(&f, FINDING_LOCAL_PATH_DOWN);
		assert_int_equal(finding ? (int)finding->severity : -1,
				 cases[i].severity);
		if (finding) {
			assert_says(finding, "500 B to send");
			assert_advises(finding, "ip route get 10.0.0.2");
		}
		fixture_clear(&f);
	}
}

static void who_reads_slowly_what_was_closed_is_no_alarm(void **state)
{
	(void)state;
	for (int is_held = 0; is_held < 2; is_held++) {
		struct fixture f;
		struct tcp_socket sk = quiet_for(60000);
		sk.state = is_held ? TCP_STATE_ESTABLISHED : TCP_STATE_FIN_WAIT_1;
		sk.inode = (uint32_t)is_held;
		sk.timer = TCP_TIMER_PROBE0;
		sk.rto_us = 200000;
		sk.backoff = 7;
		sk.snd_wnd = 0;
		sk.send_queue = sk.notsent_bytes = 500;
		see(&f, a_listener(0, 128), &sk, 1);
		judge(&f);
		const struct finding *finding = find(&f, FINDING_SLOW_READER);
		assert_int_equal(finding->severity,
				 is_held ? SEVERITY_WARNING : SEVERITY_INFO);
		assert_says(finding, is_held ? "never gives such a peer up"
					     : "ends those that the application has "
					       "closed");
		fixture_clear(&f);
	}
}

static void what_may_be_owed_is_not_claimed(void **state)
{
	(void)state;
	struct fixture f;
	struct tcp_socket rows[2] = { quiet_for(50000), quiet_for(50000) };
	rows[0].last_data_recv_ms = 40000;
	rows[1].local_port = 50000;
	rows[1].peer_port = 5432;
	see(&f, a_listener(0, 128), rows, 2);
	judge(&f);
	assert_string_equal(find(&f, FINDING_SLOW_RESPONSE)->summary,
			    "1 reply may be owed, the oldest for 40s");
	assert_string_equal(find(&f, FINDING_SLOW_UPSTREAM)->summary,
			    "1 request to 10.0.0.2:5432 may be unanswered, the oldest "
			    "for 50s");
	fixture_clear(&f);
}

/* --- workers --- */

static struct finding diagnosed_queue(struct fixture *f, const struct tcp_socket *rows,
				      size_t count, const char *wchan)
{
	see(f, a_listener(2, 128), rows, count);
	struct process *p = &f->snap.processes[0];
	snprintf(p->wchan, sizeof(p->wchan), "%s", wchan);
	judge(f);
	const struct finding *finding = find(f, FINDING_STUCK_WORKER);
	assert_non_null(finding);
	return *finding;
}

static void a_worker_is_told_what_it_holds(void **state)
{
	(void)state;
	struct fixture f;
	struct tcp_socket rows[] = { queued_for(12000), queued_for(9000),
				     quiet_for(13000), quiet_for(20000) };
	/* Both answered, and idle since; what it waits in is not known. */
	struct finding kept = diagnosed_queue(&f, rows, 4, "");
	assert_string_equal(kept.summary,
			    "nobody accepts for 12s: 2 connections in the queue");
	assert_int_equal(kept.confidence, CONFIDENCE_PROVEN);
	fixture_clear(&f);
	/* For a socket: what a kept connection looks like. */
	kept = diagnosed_queue(&f, rows, 4, "poll_schedule_timeout.constprop.0");
	assert_int_equal(kept.confidence, CONFIDENCE_LIKELY);
	assert_true(has_cause(&kept, "Idle connections"));
	fixture_clear(&f);
	/* For events, and among them are those of the queue: it does not want to. */
	kept = diagnosed_queue(&f, rows, 4, "do_epoll_wait");
	assert_true(has_cause(&kept, "its limit of connections may be reached"));
	fixture_clear(&f);
	/* Answered while the queue waited: still kept. */
	rows[2].last_data_sent_ms = 6000;
	kept = diagnosed_queue(&f, rows, 4, "");
	assert_int_equal(kept.confidence, CONFIDENCE_LIKELY);
	assert_says(&kept, "2 idle connections, answered up to 20s ago");
	assert_true(has_cause(&kept, "Idle connections"));
	fixture_clear(&f);
	/* Answered a moment ago: it goes on. */
	rows[2].last_data_sent_ms = 4900;
	struct finding slow = diagnosed_queue(&f, rows, 4, "");
	assert_non_null(strstr(slow.summary, "slower than they come"));
	fixture_clear(&f);
	/* One has not been answered, another client does not read. */
	rows[2] = quiet_for(15000);
	rows[2].last_data_recv_ms = 14000;
	rows[3].timer = TCP_TIMER_PROBE0;
	rows[3].backoff = 7;
	rows[3].snd_wnd = 0;
	rows[3].send_queue = rows[3].notsent_bytes = 500;
	struct finding busy = diagnosed_queue(&f, rows, 4, "");
	assert_says(&busy, "1 connection, read and not answered, 10.0.0.2:40000 for "
			   "14s");
	assert_says(&busy, "1 client of it does not read, 10.0.0.2:40000 for");
	fixture_clear(&f);
}

static void who_is_held_back_on_purpose_is_no_proof(void **state)
{
	(void)state;
	static const struct {
		uint32_t window;
		const char *wchan;
		bool is_held_back;
	} cases[] = {
		{ 0, "do_epoll_wait", true },
		{ 1, "do_epoll_wait", false },
		{ 0, "futex_wait", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct tcp_socket rows[] = { unread_for(40000), unread_for(40000) };
		rows[0].rcv_wnd = rows[1].rcv_wnd = cases[i].window;
		see(&f, a_listener(0, 128), rows, 2);
		struct process *p = &f.snap.processes[0];
		snprintf(p->wchan, sizeof(p->wchan), "%s", cases[i].wchan);
		judge(&f);
		const struct finding *stuck = find(&f, FINDING_STUCK_WORKER);
		assert_int_equal(stuck->severity, cases[i].is_held_back
							  ? SEVERITY_WARNING
							  : SEVERITY_CRITICAL);
		assert_int_equal(strstr(stuck->summary, "2 clients held back") != NULL,
				 cases[i].is_held_back);
		fixture_clear(&f);
	}
}

/* A reply of half a minute ago is one of a handler that still works, or of none. */
static void a_slow_worker_is_slow_while_it_works(void **state)
{
	(void)state;
	static const struct {
		uint32_t answered_ms;
		bool is_working, is_slow;
	} cases[] = {
		{ 4990, false, true },
		{ 5000, false, false },
		{ 29990, true, true },
		{ 30000, true, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct tcp_socket rows[] = { queued_for(50000), queued_for(9000),
					     quiet_for(cases[i].answered_ms),
					     quiet_for(60000) };
		if (cases[i].is_working)
			rows[3].last_data_recv_ms = 20000;
		struct finding stuck = diagnosed_queue(&f, rows, 4, "futex_wait");
		assert_int_equal(strstr(stuck.summary, "slower than they come") != NULL,
				 cases[i].is_slow);
		fixture_clear(&f);
	}
}

static void without_descriptors_nobody_accepts(void **state)
{
	(void)state;
	static const int64_t limits[] = { 20, 21 };
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		struct tcp_socket rows[] = { queued_for(12000), queued_for(9000),
					     quiet_for(100) };
		see(&f, a_listener(2, 128), rows, 3);
		f.snap.processes[0].fd_limit = limits[i];
		judge(&f);
		const struct finding *fds = find(&f, FINDING_FD_EXHAUSTION);
		const struct finding *stuck = find(&f, FINDING_STUCK_WORKER);
		bool is_full = limits[i] == 20;
		assert_int_equal(stuck->part_of != NO_INDEX, is_full);
		assert_int_equal(has_line(fds->evidence, fds->evidence_count,
					  "nobody accepts for 12s"),
				 is_full);
		assert_int_equal(has_cause(stuck, "EMFILE"), is_full);
		fixture_clear(&f);
	}
}

static void what_a_process_waits_in_is_explained(void **state)
{
	(void)state;
	static const struct {
		const char *wchan, *evidence, *advice;
		int32_t thread_count;
	} cases[] = {
		{ "get_signal", "is frozen by its cgroup", "docker unpause", 1 },
		{ "__refrigerator", "is frozen by its cgroup", "docker unpause", 4 },
		{ "wait_woken", "to read from or to write to", "gdb -p 4711   shows",
		  1 },
		{ "do_epoll_wait", "its loop is not blocked", "thread apply all bt",
		  4 },
		{ "locks_lock_inode_wait", "a file lock", "gdb -p 4711", 1 },
		{ "unix_stream_read_generic", "a Unix socket", "gdb -p 4711", 1 },
		{ "__skb_wait_for_more_packets", "DNS", "gdb -p 4711", 1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct tcp_socket rows[] = { unread_for(12000), unread_for(9000) };
		see(&f, a_listener(0, 128), rows, 2);
		struct process *p = &f.snap.processes[0];
		p->state = 'S';
		p->thread_count = cases[i].thread_count;
		snprintf(p->wchan, sizeof(p->wchan), "%s", cases[i].wchan);
		judge(&f);
		const struct finding *stuck = find(&f, FINDING_STUCK_WORKER);
		assert_says(stuck, cases[i].evidence);
		assert_advises(stuck, cases[i].advice);
		bool is_ready = strcmp(cases[i].wchan, "do_epoll_wait") == 0;
		assert_int_equal(has_cause(stuck, "main thread is ready"), is_ready);
		fixture_clear(&f);
	}
}

static void connections_in_flight_accuse_no_process(void **state)
{
	(void)state;
	struct fixture f;
	struct tcp_socket rows[] = { unread_for(12000), unread_for(9000) };
	see(&f, a_listener(0, 128), rows, 0);
	for (uint32_t i = 0; i < 2; i++) {
		rows[i].cookie = 200 + i;
		rows[i].inode = 7000 + i;
		snapshot_put(&f.snap, rows[i]);
	}
	judge(&f);
	const struct finding *stuck = find(&f, FINDING_STUCK_WORKER);
	assert_says(stuck, "no process that is visible here holds them");
	assert_false(has_line(stuck->next, stuck->next_count, "restart"));
	fixture_clear(&f);
}

/* Both ends are on this host: what does not accept is the story. */
static void a_connect_to_a_full_queue_of_this_host_is_its_story(void **state)
{
	(void)state;
	static const struct {
		uint32_t waiting;
		uint8_t peer; /* last byte of its address; 1 is this host's */
		bool is_part;
	} cases[] = { { 3, 1, true }, { 2, 1, false }, { 3, 2, false } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct tcp_socket rows[] = { queued_for(12000), queued_for(9000),
					     a_connection() };
		rows[2].state = TCP_STATE_SYN_SENT;
		rows[2].timer = TCP_TIMER_RETRANSMIT;
		rows[2].timer_retrans = 5;
		rows[2].local_port = 50000;
		rows[2].peer_port = SERVER_PORT;
		rows[2].peer.bytes[15] = cases[i].peer;
		see(&f, a_listener(cases[i].waiting, 2), rows, 3);
		judge(&f);
		const struct finding *stuck = find(&f, FINDING_STUCK_WORKER);
		const struct finding *part = find(&f, FINDING_CONNECT_STUCK);
		assert_int_equal(part->part_of != NO_INDEX, cases[i].is_part);
		assert_int_equal(part->acts,
				 cases[i].is_part ? ACTS_LOCAL_APP : ACTS_PEER);
		assert_int_equal(has_line(stuck->evidence, stuck->evidence_count,
					  "1 connect to 10.0.0.1:30020 unanswered"),
				 cases[i].is_part);
		fixture_clear(&f);
	}
}

/* --- descriptors that were inherited --- */

static void what_helpers_inherit_is_the_servers_leak(void **state)
{
	(void)state;
	static const struct {
		const char *comm;
		int32_t ppid;
		int32_t accused;
	} cases[] = {
		{ "sleep", SERVER_PID, SERVER_PID },
		{ "sleep", 1, OTHER_PID },
		{ "api", SERVER_PID, OTHER_PID }, /* a worker of its own kind */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		uint32_t inode = 7000;
		struct tcp_socket sk = quiet_for(70000);
		sk.state = TCP_STATE_CLOSE_WAIT;
		sk.cookie = 200;
		sk.inode = inode;
		see(&f, a_listener(0, 128), NULL, 0);
		snapshot_put(&f.snap, sk);
		snapshot_put_process(&f.snap, OTHER_PID, cases[i].comm, &inode, 1);
		f.snap.processes[1].ppid = cases[i].ppid;
		f.snap.processes[1].cmdline = xstrdup(cases[i].comm);
		f.snap.processes[1].cmdline_len = (uint32_t)strlen(cases[i].comm);
		f.snap.processes[0].cmdline = xstrdup("api");
		f.snap.processes[0].cmdline_len = 3;
		judge(&f);
		const struct finding *leak = find(&f, FINDING_CLOSE_WAIT_LEAK);
		assert_int_equal(f.snap.processes[leak->process].pid, cases[i].accused);
		if (cases[i].accused == SERVER_PID) {
			assert_says(leak, "1 of them held by programs that it started, "
					  "the first by sleep[4712]");
			assert_advises(leak, "SOCK_CLOEXEC");
		}
		fixture_clear(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_that_say_nothing_yet_are_no_flood),
		cmocka_unit_test(a_host_that_answers_elsewhere_is_not_gone),
		cmocka_unit_test(a_host_that_cannot_send_says_so),
		cmocka_unit_test(who_reads_slowly_what_was_closed_is_no_alarm),
		cmocka_unit_test(what_may_be_owed_is_not_claimed),
		cmocka_unit_test(a_worker_is_told_what_it_holds),
		cmocka_unit_test(who_is_held_back_on_purpose_is_no_proof),
		cmocka_unit_test(a_slow_worker_is_slow_while_it_works),
		cmocka_unit_test(without_descriptors_nobody_accepts),
		cmocka_unit_test(what_a_process_waits_in_is_explained),
		cmocka_unit_test(connections_in_flight_accuse_no_process),
		cmocka_unit_test(a_connect_to_a_full_queue_of_this_host_is_its_story),
		cmocka_unit_test(what_helpers_inherit_is_the_servers_leak),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
