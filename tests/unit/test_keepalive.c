/* SPDX-License-Identifier: MIT */

/* Keepalive settings: read from real sockets, taken in, and what follows from them. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "builders.h"
#include "keepalive_audit.h"

/* A minute of which the settings were read once. */
struct world {
	struct keepalive_audit *audit;
	struct intake in;
	struct snapshot snap;
	int fds[40];
	size_t count;
};

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	w->audit = keepalive_audit_new();
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < w->count; i++)
		close(w->fds[i]);
	keepalive_audit_free(w->audit);
	intake_clear(&w->in);
	snapshot_clear(&w->snap);
	free(w);
	return 0;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

static int open_socket(struct world *w, int idle, int interval, int count, int timeout)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = idle > 0;
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (on) {
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	}
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	return w->fds[w->count++] = fd;
}

/* The sockets as rows of this process, each with the cookie given for it. */
static void look(struct world *w, uint64_t now_ms, int32_t pid, const uint64_t *cookies)
{
	intake_begin(&w->in, &w->snap, NULL);
	snapshot_begin(&w->snap, now_ms);
	uint32_t index = (uint32_t)w->snap.process_count;
	snapshot_add_process(&w->snap, pid);
	for (size_t i = 0; i < w->count; i++) {
		struct tcp_socket sk = a_connection();
		sk.cookie = cookies ? cookies[i] : cookie_of(w->fds[i]);
		sk.inode = (uint32_t)(5000 + i);
		snapshot_put(&w->snap, sk);
		snapshot_add_owner(&w->snap, sk.inode, index, w->fds[i]);
	}
	snapshot_put(&w->snap, a_listener(0, 128));
	keepalive_audit_look(w->audit, &w->in);
	snapshot_finish(&w->snap);
}

static void settings_are_read_from_a_socket(void **state)
{
	struct world *w = *state;
	open_socket(w, 60, 10, 3, 90000);
	open_socket(w, 0, 0, 0, 0);
	look(w, 1000, getpid(), NULL);
	assert_int_equal(w->snap.socket_options_count, 2);
	const struct socket_options *o =
		snapshot_socket_options(&w->snap, cookie_of(w->fds[0]));
	assert_non_null(o);
	assert_true(o->keepalive);
	assert_int_equal(o->keepidle_s, 60);
	assert_int_equal(o->keepintvl_s, 10);
	assert_int_equal(o->keepcnt, 3);
	assert_int_equal(o->user_timeout_ms, 90000);
	o = snapshot_socket_options(&w->snap, cookie_of(w->fds[1]));
	assert_non_null(o);
	assert_false(o->keepalive);
	assert_int_equal(o->user_timeout_ms, 0);
	assert_int_equal(w->snap.degraded_count, 0);
}

static void a_reused_descriptor_is_not_believed(void **state)
{
	struct world *w = *state;
	const uint64_t other[] = { 1234567 };
	open_socket(w, 60, 10, 3, 0);
	look(w, 1000, getpid(), other);
	assert_int_equal(w->snap.socket_options_count, 0);
}

static void a_descriptor_that_is_no_socket_is_passed_over(void **state)
{
	struct world *w = *state;
	const uint64_t cookies[] = { 7 };
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	w->fds[w->count++] = pipes[0];
	look(w, 1000, getpid(), cookies);
	assert_int_equal(w->snap.socket_options_count, 0);
	assert_int_equal(w->snap.degraded_count, 0);
	close(pipes[1]);
}

static void of_a_service_sixteen_sockets_are_read(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < AUDIT_GROUP_MAX + 2; i++)
		open_socket(w, 60, 10, 3, 0);
	look(w, 1000, getpid(), NULL);
	assert_int_equal(w->snap.socket_options_count, AUDIT_GROUP_MAX);
}

static void what_was_read_counts_for_a_minute(void **state)
{
	struct world *w = *state;
	int off = 0, fd = open_socket(w, 60, 10, 3, 0);
	look(w, 1000, getpid(), NULL);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof(off));
	look(w, 1000 + AUDIT_AGE_MS - 1, getpid(), NULL);
	assert_true(snapshot_socket_options(&w->snap, cookie_of(fd))->keepalive);
	look(w, 1000 + AUDIT_AGE_MS, getpid(), NULL);
	assert_false(snapshot_socket_options(&w->snap, cookie_of(fd))->keepalive);
}

static void a_process_that_ended_is_no_missing_permission(void **state)
{
	struct world *w = *state;
	open_socket(w, 60, 10, 3, 0);
	look(w, 1000, INT32_MAX, NULL);
	assert_int_equal(w->snap.socket_options_count, 0);
	assert_int_equal(w->snap.degraded_count, 0);
}

/* Items as a recording may have them. */

static void damaged_items_are_cut(void **state)
{
	struct world *w = *state;
	uint8_t bytes[2 * SOCKET_OPTIONS_SIZE] = { 9, [8] = 1, [12] = 60 };
	for (size_t len = 0; len < sizeof(bytes); len++) {
		intake_begin(&w->in, &w->snap, NULL);
		intake_text(&w->in, ITEM_SOCKET_OPTIONS, "", (const char *)bytes, len);
		intake_finish(&w->in);
		assert_int_equal(w->snap.socket_options_count,
				 len / SOCKET_OPTIONS_SIZE);
		assert_int_equal(snapshot_socket_options(&w->snap, 9) != NULL,
				 len >= SOCKET_OPTIONS_SIZE);
	}
	assert_null(snapshot_socket_options(&w->snap, 8));
}

static void a_setting_line_has_five_fields(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *key, *line;
		size_t count;
	} cases[] = {
		{ "4711", "http\tkeepalive_timeout\t65\t/etc/nginx/nginx.conf\t12", 1 },
		{ "4711", "\tversion\t1.22.1\t/usr/sbin/nginx\t0\n", 1 },
		{ "4711", "a\tb\tc\td\t1\ne\tf\tg\th\t2\n", 2 },
		{ "4711", "a\tb\tc\td", 0 },
		{ "4711", "a\tb\tc\td\t1\t2", 0 },
		{ "4711", "\n\n", 0 },
		{ "4711", "", 0 },
		{ "0", "a\tb\tc\td\t1", 0 },
		{ "-1", "a\tb\tc\td\t1", 0 },
		{ "99999999999", "a\tb\tc\td\t1", 0 },
		{ "47x", "a\tb\tc\td\t1", 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		intake_begin(&w->in, &w->snap, NULL);
		intake_text(&w->in, ITEM_SETTINGS, cases[i].key, cases[i].line,
			    strlen(cases[i].line));
		assert_int_equal(w->snap.setting_count, cases[i].count);
	}
	intake_begin(&w->in, &w->snap, NULL);
	intake_text(&w->in, ITEM_SETTINGS, "4711", cases[0].line,
		    strlen(cases[0].line));
	const struct server_setting *s = w->snap.settings;
	assert_int_equal(s->pid, 4711);
	assert_string_equal(s->context, "http");
	assert_string_equal(s->name, "keepalive_timeout");
	assert_string_equal(s->value, "65");
	assert_string_equal(s->file, "/etc/nginx/nginx.conf");
	assert_int_equal(s->line, 12);
}

static void a_long_setting_is_left_out(void **state)
{
	struct world *w = *state;
	char line[SETTING_LEN_MAX + 32];
	for (size_t len = SETTING_LEN_MAX; len <= SETTING_LEN_MAX + 1; len++) {
		memset(line, 'x', len);
		memcpy(line + len, "\tb\tc\td\t1", 8);
		intake_begin(&w->in, &w->snap, NULL);
		intake_text(&w->in, ITEM_SETTINGS, "1", line, len + 8);
		assert_int_equal(w->snap.setting_count, len == SETTING_LEN_MAX);
	}
}

/* What follows: kernel-facts.md 4c, 4h. */

static struct derived derived_of(struct tcp_socket sk, const struct socket_options *o,
				 int64_t retries2, struct detection *service)
{
	struct fixture f;
	struct derived d;
	fixture_init(&f);
	snapshot_begin(&f.snap, 1000000);
	f.snap.kernel[KERNEL_TCP_RETRIES2] = retries2;
	snapshot_put(&f.snap, a_listener(0, 128));
	snapshot_put(&f.snap, sk);
	if (o)
		snapshot_add_socket_options(&f.snap, o);
	snapshot_finish(&f.snap);
	history_update(f.history, &f.snap);
	fixture_diagnose(&f);
	derive(&f.report, 1, &d);
	if (service)
		*service = f.report.services[0].detection;
	fixture_clear(&f);
	return d;
}

static struct tcp_socket with_timer(uint8_t timer)
{
	struct tcp_socket sk = a_connection();
	sk.timer = timer;
	sk.expires_ms = timer ? 50000 : 0;
	sk.last_data_recv_ms = sk.last_ack_recv_ms = sk.last_data_sent_ms = 10000;
	return sk;
}

static void a_dead_peer_is_noticed_after_the_last_probe(void **state)
{
	(void)state;
	static const struct {
		uint32_t idle, interval, count, user_timeout_ms;
		int64_t idle_ms, in_flight_ms;
	} cases[] = {
		{ 60, 10, 3, 0, 90000, 924600 },    { 7200, 75, 9, 0, 7875000, 924600 },
		{ 1, 1, 5, 3000, 3000, 3000 },    /* seen: 3.2 s */
		{ 1, 1, 5, 12000, 12000, 12000 }, /* seen: 12.4 s */
		{ 60, 10, 3, 5000, 70000, 5000 }, /* one probe must be unanswered */
		{ 60, 10, 3, 70000, 70000, 70000 }, { 60, 10, 3, 70001, 80000, 70001 },
		{ 60, 10, 3, 90000, 90000, 90000 }, { 60, 0, 3, 90000, 60000, 90000 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct socket_options o = {
			.cookie = 100,
			.keepalive = true,
			.keepidle_s = cases[i].idle,
			.keepintvl_s = cases[i].interval,
			.keepcnt = cases[i].count,
			.user_timeout_ms = cases[i].user_timeout_ms,
		};
		struct derived d =
			derived_of(with_timer(TCP_TIMER_KEEPALIVE), &o, 15, NULL);
		assert_true(d.is_audited);
		assert_true(d.is_detects_exact);
		assert_int_equal(d.detects_idle_ms, cases[i].idle_ms);
		assert_int_equal(d.detects_in_flight_ms, cases[i].in_flight_ms);
	}
}

static void without_the_settings_the_timer_tells_a_lower_bound(void **state)
{
	(void)state;
	struct derived d = derived_of(with_timer(TCP_TIMER_KEEPALIVE), NULL, 15, NULL);
	assert_false(d.is_audited);
	assert_int_equal(d.detects_idle_ms, 60000);
	assert_false(d.is_detects_exact);
	assert_int_equal(d.detects_in_flight_ms, DERIVED_UNKNOWN);
	assert_int_equal(d.keepcnt, DERIVED_UNKNOWN);
	d = derived_of(with_timer(TCP_TIMER_NONE), NULL, 15, NULL);
	assert_int_equal(d.detects_idle_ms, DERIVED_NEVER);
	/* Data in flight hides the keepalive timer. */
	d = derived_of(with_timer(TCP_TIMER_RETRANSMIT), NULL, 15, NULL);
	assert_int_equal(d.detects_idle_ms, DERIVED_UNKNOWN);
}

static void settings_tell_what_another_timer_hides(void **state)
{
	(void)state;
	struct socket_options o = { .cookie = 100, .keepidle_s = 60 };
	struct derived d = derived_of(with_timer(TCP_TIMER_RETRANSMIT), &o, 15, NULL);
	assert_int_equal(d.keepalive, KEEPALIVE_OFF);
	assert_int_equal(d.detects_idle_ms, DERIVED_NEVER);
	assert_int_equal(d.detects_in_flight_ms, 924600);
	d = derived_of(with_timer(TCP_TIMER_RETRANSMIT), &o, -1, NULL);
	assert_int_equal(d.detects_in_flight_ms, DERIVED_UNKNOWN);
}

static void settings_the_timer_refutes_are_old(void **state)
{
	(void)state;
	struct socket_options off = { .cookie = 100 };
	struct socket_options on = { .cookie = 100,
				     .keepalive = true,
				     .keepidle_s = 60 };
	struct derived d = derived_of(with_timer(TCP_TIMER_KEEPALIVE), &off, 15, NULL);
	assert_int_equal(d.keepalive, KEEPALIVE_ON);
	assert_false(d.is_audited);
	d = derived_of(with_timer(TCP_TIMER_NONE), &on, 15, NULL);
	assert_int_equal(d.keepalive, KEEPALIVE_OFF);
	assert_false(d.is_audited);
}

static void impossible_settings_are_ignored(void **state)
{
	(void)state;
	struct socket_options o = { .cookie = 100,
				    .keepalive = true,
				    .keepidle_s = UINT32_MAX,
				    .keepintvl_s = UINT32_MAX,
				    .keepcnt = UINT32_MAX };
	struct derived d = derived_of(with_timer(TCP_TIMER_KEEPALIVE), &o, 15, NULL);
	assert_false(d.is_audited);
	assert_int_equal(d.detects_idle_ms, 60000);
}

static void a_service_is_as_slow_as_its_slowest_connection(void **state)
{
	(void)state;
	struct detection all;
	auto_strbuf struct strbuf words = { 0 };
	struct socket_options o = { .cookie = 100,
				    .keepalive = true,
				    .keepidle_s = 60,
				    .keepintvl_s = 10,
				    .keepcnt = 3 };
	derived_of(with_timer(TCP_TIMER_KEEPALIVE), &o, 15, &all);
	assert_int_equal(all.idle_ms, 90000);
	assert_true(detection_is_exact(&all));
	detection_put(&all, &words);
	assert_string_equal(words.text,
			    "within 1m30s (read from the process for 1 of 1)");
	derived_of(with_timer(TCP_TIMER_KEEPALIVE), NULL, 15, &all);
	assert_int_equal(all.idle_ms, 60000);
	assert_false(detection_is_exact(&all));
	strbuf_reset(&words);
	detection_put(&all, &words);
	assert_string_equal(words.text, "within 1m or later (as far as timers tell)");
	derived_of(with_timer(TCP_TIMER_NONE), NULL, 15, &all);
	assert_int_equal(all.idle_ms, DERIVED_NEVER);
	assert_int_equal(all.never_count, 1);
	derived_of(with_timer(TCP_TIMER_RETRANSMIT), NULL, 15, &all);
	assert_int_equal(all.idle_ms, DERIVED_UNKNOWN);
	strbuf_reset(&words);
	detection_put(&all, &words);
	assert_int_equal(words.len, 0);
}

/* The first probe at the limit is in time, a second later it is not. */
static void a_finding_rests_on_what_was_read(void **state)
{
	(void)state;
	for (uint32_t idle_s = 350; idle_s <= 351; idle_s++) {
		struct fixture f;
		struct tcp_socket sk = with_timer(TCP_TIMER_KEEPALIVE);
		struct socket_options o = {
			.cookie = 100,
			.keepalive = true,
			.keepidle_s = idle_s,
			.keepintvl_s = 75,
			.keepcnt = 9,
		};
		sk.last_data_recv_ms = sk.last_data_sent_ms = sk.last_ack_recv_ms =
			300000;
		fixture_init(&f);
		snapshot_begin(&f.snap, 1000000);
		snapshot_put(&f.snap, a_listener(0, 128));
		snapshot_put(&f.snap, sk);
		snapshot_add_socket_options(&f.snap, &o);
		snapshot_finish(&f.snap);
		history_update(f.history, &f.snap);
		fixture_diagnose(&f);
		assert_int_equal(f.report.finding_count, idle_s > 350 ? 1 : 0);
		if (f.report.finding_count) {
			const struct finding *finding = f.report.findings;
			assert_int_equal(finding->kind, FINDING_KEEPALIVE_MISSING);
			assert_string_equal(finding->evidence[1],
					    "while idle, a vanished peer is noticed "
					    "within 17m6s (read from the process for 1 "
					    "of 1)");
		}
		fixture_clear(&f);
	}
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_WORLD(settings_are_read_from_a_socket),
		IN_WORLD(a_reused_descriptor_is_not_believed),
		IN_WORLD(a_descriptor_that_is_no_socket_is_passed_over),
		IN_WORLD(of_a_service_sixteen_sockets_are_read),
		IN_WORLD(what_was_read_counts_for_a_minute),
		IN_WORLD(a_process_that_ended_is_no_missing_permission),
		IN_WORLD(damaged_items_are_cut),
		IN_WORLD(a_setting_line_has_five_fields),
		IN_WORLD(a_long_setting_is_left_out),
		cmocka_unit_test(a_dead_peer_is_noticed_after_the_last_probe),
		cmocka_unit_test(without_the_settings_the_timer_tells_a_lower_bound),
		cmocka_unit_test(settings_tell_what_another_timer_hides),
		cmocka_unit_test(settings_the_timer_refutes_are_old),
		cmocka_unit_test(impossible_settings_are_ignored),
		cmocka_unit_test(a_finding_rests_on_what_was_read),
		cmocka_unit_test(a_service_is_as_slow_as_its_slowest_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
