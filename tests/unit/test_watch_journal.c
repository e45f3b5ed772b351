/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"
#include "film.h"

static void begin(struct film *film, uint64_t second)
{
	film_begin(film, second * 1000);
}

/* A pass with the listener and one connection. */
static void see(struct film *film, uint64_t second, struct tcp_socket sk)
{
	begin(film, second);
	film_put(film, a_listener(0, 128));
	film_put(film, sk);
	film_end(film);
}

static void see_nothing(struct film *film, uint64_t second)
{
	begin(film, second);
	film_put(film, a_listener(0, 128));
	film_end(film);
}

/* As long unread as it is seen. */
static struct tcp_socket an_unread_one(uint64_t cookie)
{
	struct tcp_socket sk = a_connection();
	sk.cookie = cookie;
	sk.peer_port = (uint16_t)(CLIENT_PORT + cookie);
	sk.recv_queue = 20;
	return sk;
}

static struct tcp_socket a_quiet_one(uint64_t cookie)
{
	struct tcp_socket sk = an_unread_one(cookie);
	sk.recv_queue = 0;
	return sk;
}

/* Events of the kind whose text has the part. */
static size_t count_events(const struct film *film, enum event_kind kind,
			   const char *part)
{
	const struct event_log *log = &film->frame.events;
	size_t count = 0;
	for (uint64_t n = 1; n <= log->total; n++) {
		const struct event *e = event_log_find(log, n);
		count += e && e->kind == kind && strstr(e->text, part);
	}
	return count;
}

static void the_ring_drops_the_oldest_and_counts_them(void **state)
{
	(void)state;
	struct event_log log = { 0 }, copy = { 0 };
	assert_null(event_log_find(&log, 0));
	assert_null(event_log_find(&log, 1));
	assert_null(event_log_newest(&log));
	event_log_copy(&copy, &log);
	for (uint64_t i = 1; i <= EVENTS_MAX + 10; i++) {
		event_log_add(&log, EVENT_WATCH, i, "x");
		if (i == 5 || i == EVENTS_MAX)
			event_log_copy(&copy, &log);
	}
	assert_int_equal(event_log_count(&log), EVENTS_MAX);
	assert_int_equal(event_log_dropped(&log), 10);
	assert_null(event_log_find(&log, 10));
	assert_null(event_log_find(&log, EVENTS_MAX + 11));
	/* What was copied may be changed, as long as it is the newest. */
	event_set_text(event_log_newest(&log), "changed");
	event_log_copy(&copy, &log);
	event_set_text(event_log_newest(&log), "again");
	event_log_copy(&copy, &log);
	for (uint64_t i = 11; i <= EVENTS_MAX + 10; i++) {
		assert_int_equal(event_log_find(&copy, i)->realtime_ns, i);
		assert_string_equal(event_log_find(&copy, i)->text,
				    event_log_find(&log, i)->text);
	}
	assert_string_equal(event_log_find(&copy, EVENTS_MAX + 10)->text, "again");
	event_log_clear(&log);
	event_log_clear(&copy);
}

static void a_text_is_cut_between_characters_and_made_safe(void **state)
{
	(void)state;
	char text[4097];
	struct event_log log = { 0 };
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'a', sizeof(text));
		for (size_t i = shift; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe8\xad\xa6", 3);
		text[sizeof(text) - 1] = '\0';
		const struct event *e = event_log_add(&log, EVENT_WATCH, 1, text);
		auto_strbuf struct strbuf again = { 0 };
		assert_in_range(strlen(e->text), EVENT_TEXT_SIZE - 4,
				EVENT_TEXT_SIZE - 1);
		text_sanitize(&again, e->text, strlen(e->text));
		assert_string_equal(strbuf_text(&again), e->text);
	}
	const struct event *e =
		event_log_add(&log, EVENT_WATCH, 1, "a\x1b[2J\n\x7f\xc2\x9b\xff");
	assert_string_equal(e->text, "a?[2J???\xef\xbf\xbd");
	event_log_clear(&log);
}

static void complaints_are_told_and_others_are_counted(void **state)
{
	struct film *film = *state;
	struct tcp_socket sk = an_unread_one(100);
	sk.recv_queue = 0;
	see(film, 100, sk);
	assert_int_equal(count_events(film, EVENT_WATCH, "watch began: 1 connection, "),
			 1);
	sk.recv_queue = 20;
	see(film, 102, sk);
	see(film, 110, sk);
	assert_int_equal(film->frame.report.assessments[0].verdict, VERDICT_UNREAD);
	assert_int_equal(count_events(film, EVENT_CONNECTION, "  unread, was "), 1);
	assert_int_equal(
		count_events(film, EVENT_CONNECTION, "10.0.0.1:30020 <- 10.0.0.2:4"),
		1);
	see(film, 112, sk); /* nothing new */
	sk.bytes_received += 10;
	sk.recv_queue = 0;
	see(film, 114, sk);
	assert_int_equal(count_events(film, EVENT_CONNECTION, ", was unread"), 1);
	assert_int_equal(count_events(film, EVENT_CONNECTION, ""), 2);
	/* A healthy one comes and goes: no event of its own. */
	struct tcp_socket other = a_connection();
	other.cookie = 101;
	begin(film, 116);
	film_put(film, a_listener(0, 128));
	film_put(film, sk);
	film_put(film, other);
	film_end(film);
	assert_int_equal(
		count_events(film, EVENT_TRAFFIC, "1 socket appeared, 0 ended"), 1);
	for (uint64_t second = 118; second < 126; second += 2)
		see(film, second, sk);
	/* The same event goes on. */
	assert_int_equal(
		count_events(film, EVENT_TRAFFIC, "1 socket appeared, 1 ended"), 1);
	assert_int_equal(count_events(film, EVENT_TRAFFIC, ""), 1);
	assert_int_equal(count_events(film, EVENT_CONNECTION, ""), 2);
}

static void one_missed_look_is_no_end(void **state)
{
	struct film *film = *state;
	struct tcp_socket sk = an_unread_one(100);
	see(film, 100, sk);
	see(film, 110, sk);
	see_nothing(film, 112);
	assert_int_equal(film->frame.ended_row_count, 0);
	see(film, 114, sk);
	see_nothing(film, 116);
	assert_int_equal(film->frame.ended_count, 0);
	assert_int_equal(count_events(film, EVENT_CONNECTION, "ended"), 0);
	see_nothing(film, 118);
	assert_int_equal(film->frame.ended_count, 1);
	assert_int_equal(film->frame.ended_row_count, 1);
	assert_int_equal(
		count_events(film, EVENT_CONNECTION, "ended, was unread; gone between"),
		1);
	const struct ended *e = frame_find_ended(&film->frame, 100);
	assert_non_null(e);
	assert_int_equal(e->last.missed_ms, 116000);
	assert_null(frame_find_ended(&film->frame, 101));
	assert_int_equal(frame_find(&film->frame, 100), SIZE_MAX);
}

/* Ten seconds, and where passes are long, five of them. */
static void ended_ones_stay_for_a_while(void **state)
{
	struct film *film = *state;
	see(film, 100, an_unread_one(100));
	for (uint64_t second = 101; second <= 111; second++) {
		see_nothing(film, second);
		assert_int_equal(film->frame.ended_count, second > 101);
	}
	see_nothing(film, 112);
	assert_int_equal(film->frame.ended_count, 0);
	see(film, 120, an_unread_one(200));
	for (uint64_t pass = 1; pass <= 7; pass++) {
		see_nothing(film, 120 + pass * 60);
		assert_int_equal(film->frame.ended_count, pass > 1);
	}
	see_nothing(film, 120 + 8 * 60);
	assert_int_equal(film->frame.ended_count, 0);
}

static void ended_ones_are_bounded_and_complaints_go_last(void **state)
{
	struct film *film = *state;
	begin(film, 100);
	film_put(film, a_listener(0, 128));
	for (uint64_t i = 0; i < ENDED_MAX + 50; i++) {
		struct tcp_socket sk = an_unread_one(1000 + i);
		sk.recv_queue = i < 10 ? 20 : 0;
		film_put(film, sk);
	}
	film_end(film);
	see_nothing(film, 110);
	/* Ten were unread for as long as they are known; so make them so. */
	for (size_t i = 0; i < film->journal.followers.count; i++) {
		struct followed *f = &film->journal.followers.items[i];
		if (f->socket.recv_queue)
			f->assessment.verdict = VERDICT_UNREAD;
	}
	see_nothing(film, 112);
	assert_int_equal(film->frame.ended_count, ENDED_MAX);
	for (uint64_t i = 0; i < 10; i++)
		assert_non_null(frame_find_ended(&film->frame, 1000 + i));
}

static void the_live_filter_is_for_ended_ones_too(void **state)
{
	struct film *film = *state;
	struct error err = { 0 };
	size_t column;
	see(film, 100, an_unread_one(100));
	see_nothing(film, 102);
	see_nothing(film, 104);
	assert_int_equal(film->frame.ended_row_count, 1);
	static const struct {
		const char *text;
		size_t count;
	} cases[] = { { "dport = 40100", 1 },  { "dport = 40101", 0 },
		      { "recvq > 0", 1 },      { "state close-wait", 0 },
		      { "age >= 2s", 1 },      { "age > 2s", 0 },
		      { "dst 10.0.0.0/8", 1 }, { "cgroup = /nosuch", 0 },
		      { "verdict idle", 0 },   { "", 1 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (live_filter_set(&film->live, cases[i].text, i + 1, NULL, &column,
				    &err))
			continue; /* cgroups cannot be looked up here */
		struct frame_order order = { COLUMN_VERDICT, false, &film->live,
					     GROUP_NONE };
		frame_arrange(&film->frame, &order);
		assert_int_equal(film->frame.ended_row_count, cases[i].count);
	}
}

static void assert_how(struct film *film, struct tcp_socket sk, const char *part)
{
	struct ended e = { .last.socket = sk };
	auto_strbuf struct strbuf how = { 0 };
	(void)film;
	ended_put_how(&e, &how);
	if (!strstr(strbuf_text(&how), part))
		fail_msg("\"%s\" is not in \"%s\"", part, strbuf_text(&how));
}

/* Only what was seen is told. */
static void how_it_ended_is_what_was_seen(void **state)
{
	struct film *film = *state;
	struct tcp_socket sk = a_connection();
	assert_how(film, sk, "gone between two looks");
	sk.timer = TCP_TIMER_RETRANSMIT;
	sk.retransmits = 1;
	assert_how(film, sk, "gone between two looks");
	sk.retransmits = 9;
	assert_how(film, sk, "timed out after 9 retransmissions, likely");
	sk.has = 0;
	assert_how(film, sk, "gone between two looks");
	sk = a_connection();
	sk.timer = TCP_TIMER_KEEPALIVE;
	sk.probes = 4;
	assert_how(film, sk, "after 4 unanswered probes, likely");
	for (uint8_t i = 0; i < UINT8_MAX; i++) {
		sk = a_connection();
		sk.state = i;
		assert_how(film, sk, "");
	}
	sk.state = TCP_STATE_FIN_WAIT_2;
	assert_how(film, sk, "this side was closing it, in order so far");
	sk.state = TCP_STATE_LAST_ACK;
	assert_how(film, sk, "both sides were closing it");
}

/* It was on the screen as TIME-WAIT for a minute. */
static void time_wait_ends_without_a_word(void **state)
{
	struct film *film = *state;
	struct tcp_socket sk = a_connection();
	see(film, 100, sk);
	sk.state = TCP_STATE_TIME_WAIT;
	sk.has = 0;
	sk.inode = 0;
	see(film, 102, sk);
	see_nothing(film, 104);
	see_nothing(film, 106);
	assert_int_equal(film->frame.ended_count, 0);
}

/* The dump shows only what the filter asks for: leaving it is no proof of an end. */
static void a_filter_that_hides_states_is_named(void **state)
{
	struct film *film = *state;
	struct error err = { 0 };
	assert_int_equal(filter_parse("state established", &film->filter, NULL, &err),
			 0);
	see(film, 100, an_unread_one(100));
	see_nothing(film, 102);
	see_nothing(film, 104);
	auto_strbuf struct strbuf how = { 0 };
	const struct ended *e = frame_find_ended(&film->frame, 100);
	assert_non_null(e);
	ended_put_how(e, &how);
	assert_non_null(strstr(strbuf_text(&how), "in a state that the filter hides"));
}

static void a_flood_of_changes_is_a_number(void **state)
{
	struct film *film = *state;
	for (uint64_t second = 100; second <= 120; second += 10) {
		begin(film, second);
		film_put(film, a_listener(0, 128));
		for (uint64_t i = 0; i < 300; i++)
			film_put(film, second > 100 ? an_unread_one(1000 + i)
						    : a_quiet_one(1000 + i));
		film_end(film);
	}
	assert_int_equal(count_events(film, EVENT_CONNECTION, "unread, was"),
			 CHANGES_PER_PASS);
	assert_int_equal(count_events(film, EVENT_CONNECTION, "236 more changes"), 1);
}

/* However many there are, what is followed has a bound. */
static void many_connections_are_not_all_followed(void **state)
{
	struct film *film = *state;
	film->wanted = 2 * FOLLOWED_MAX;
	for (int complain = 0; complain < 2; complain++) {
		for (uint64_t second = 100; second <= 110; second += 10) {
			begin(film, second + (uint64_t)complain * 100);
			film_put(film, a_listener(0, 128));
			for (uint64_t i = 1; i <= 2 * FOLLOWED_MAX; i++) {
				struct tcp_socket sk = an_unread_one(1 + i);
				sk.recv_queue = complain ? 20 : 0;
				film_put(film, sk);
			}
			film_end(film);
		}
		assert_int_equal(film->journal.followers.count,
				 complain ? FOLLOWED_MAX : 1);
		assert_non_null(followers_find(&film->journal.followers, film->wanted));
	}
}

static void the_timeline_keeps_the_beginning_and_the_end(void **state)
{
	struct film *film = *state;
	struct tcp_socket sk = a_connection();
	static const uint8_t states[] = { TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE_WAIT };
	for (uint64_t i = 0; i < 40; i++) {
		sk.state = states[i % 2];
		see(film, 100 + i, sk);
	}
	const struct followed *f = followers_find(&film->journal.followers, 100);
	assert_non_null(f);
	const struct timeline *t = &f->timeline;
	assert_int_equal(t->count, MOMENTS_MAX);
	assert_int_equal(t->dropped, 40 - MOMENTS_MAX);
	assert_int_equal(t->moments[0].state, TCP_STATE_ESTABLISHED);
	assert_int_equal(t->moments[0].realtime_ns, t->first_seen_ns);
	assert_int_equal(t->moments[MOMENTS_MAX - 1].realtime_ns,
			 film->frame.snap.realtime_ns);
	for (size_t i = 2; i < MOMENTS_MAX; i++)
		assert_true(t->moments[i].realtime_ns > t->moments[i - 1].realtime_ns);
}

static const char *text_of(const struct page *page, const char *part)
{
	for (size_t i = 0; i < page->count; i++)
		if (strstr(page->paragraphs[i].text, part))
			return page->paragraphs[i].text;
	return "";
}

static void the_detail_tells_the_timeline_and_what_to_change(void **state)
{
	struct film *film = *state;
	struct tcp_socket sk = an_unread_one(100);
	film->wanted = 100;
	see(film, 100, sk);
	sk.bytes_received += 3000;
	see(film, 102, sk);
	see(film, 110, sk);
	const struct page *page = &film->frame.detail.page;
	assert_non_null(strstr(text_of(page, "ESTAB, verdict "), "  ESTAB, verdict "));
	assert_string_not_equal(text_of(page, "  verdict unread"), "");
	assert_string_not_equal(text_of(page, "2.9 KiB taken by the application"), "");
	assert_string_not_equal(text_of(page, "What to change"), "");
	assert_string_not_equal(text_of(page, "conn-doctor explain unread"), "");
	/* The page of what has ended needs no snapshot. */
	see_nothing(film, 112);
	see_nothing(film, 114);
	struct page ended = { 0 };
	detail_write_ended(&ended, frame_find_ended(&film->frame, 100));
	assert_non_null(strstr(ended.title, "ended by "));
	assert_string_not_equal(text_of(&ended, "gone between two looks"), "");
	assert_string_not_equal(text_of(&ended, "  verdict unread"), "");
	page_clear(&ended);
}

static void findings_open_change_and_close(void **state)
{
	struct film *film = *state;
	see_nothing(film, 100);
	for (uint64_t second = 102; second <= 150; second += 2) {
		begin(film, second);
		film_put(film, a_listener(0, 128));
		for (uint64_t i = 0; i < 3; i++) {
			struct tcp_socket sk = an_unread_one(1000 + i);
			sk.inode = (uint32_t)(6000 + i);
			film_put(film, sk);
		}
		snapshot_put_process(&film->pass.snap, 4711, "uvicorn",
				     (const uint32_t[]){ 4999, 6000, 6001, 6002 }, 4);
		film_end(film);
	}
	assert_int_equal(count_events(film, EVENT_FINDING, "stuck-worker opened: "), 1);
	assert_int_equal(count_events(film, EVENT_FINDING,
				      "stuck-worker is CRITICAL now, was WARNING: "),
			 1);
	see_nothing(film, 152);
	assert_int_equal(count_events(film, EVENT_FINDING, "stuck-worker closed: "), 0);
	see_nothing(film, 154);
	see_nothing(film, 156);
	assert_int_equal(count_events(film, EVENT_FINDING, "stuck-worker closed: "), 1);
}

static void see_server(struct film *film, uint64_t second, uint64_t cookie, int32_t pid,
		       uint64_t start)
{
	begin(film, second);
	if (cookie) {
		struct tcp_socket sk = a_listener(0, 128);
		sk.cookie = cookie;
		film_put(film, sk);
	}
	if (pid) {
		snapshot_put_process(&film->pass.snap, pid, "api",
				     (const uint32_t[]){ 4999 }, 1);
		film->pass.snap.processes[0].start_ticks = start;
	}
	film_end(film);
}

static void a_restart_is_an_event(void **state)
{
	struct film *film = *state;
	see_server(film, 100, 1, 10, 7);
	see_server(film, 102, 1, 10, 7);
	assert_int_equal(count_events(film, EVENT_SERVICE, ""), 0);
	see_server(film, 104, 1, 0, 0); /* an owner that is not seen proves nothing */
	assert_int_equal(count_events(film, EVENT_SERVICE, ""), 0);
	see_server(film, 106, 1, 11, 9); /* the socket was handed on */
	assert_int_equal(count_events(film, EVENT_SERVICE,
				      "0.0.0.0:30020 was restarted; is api[11], was "
				      "api[10]"),
			 1);
	see_server(film, 108, 0, 0, 0);
	assert_int_equal(count_events(film, EVENT_SERVICE, "has gone"), 0);
	see_server(film, 110, 0, 0, 0);
	see_server(film, 112, 0, 0, 0);
	assert_int_equal(count_events(film, EVENT_SERVICE, "has gone"), 1);
	see_server(film, 120, 2, 11, 9); /* the same pid, another listener */
	assert_int_equal(
		count_events(film, EVENT_SERVICE, "nobody listened for about 12s"), 1);
	assert_int_equal(count_events(film, EVENT_SERVICE,
				      "listens anew, the same process, nobody"),
			 1);
	see_server(film, 122, 3, 11, 9);
	assert_int_equal(count_events(film, EVENT_SERVICE, "listens anew"), 2);
	see_server(film, 124, 4, 0, 0);
	assert_int_equal(count_events(film, EVENT_SERVICE,
				      "listens anew, was perhaps restarted"),
			 1);
	assert_int_equal(count_events(film, EVENT_SERVICE, "was restarted"), 1);
	see_server(film, 126, 4, 11, 10); /* a reused pid */
	assert_int_equal(count_events(film, EVENT_SERVICE, "was restarted"), 2);
}

/* What a dump that was cut short does not show may well be there. */
static void a_look_that_was_cut_short_ends_nothing(void **state)
{
	struct film *film = *state;
	for (uint64_t second = 100; second < 120; second += 5)
		see(film, second, an_unread_one(100));
	for (uint64_t second = 120; second < 150; second += 5) {
		begin(film, second);
		film->pass.snap.is_complete = false;
		film_end(film);
	}
	assert_int_equal(film->frame.ended_count, 0);
	assert_int_equal(count_events(film, EVENT_CONNECTION, "ended"), 0);
	assert_int_equal(count_events(film, EVENT_SERVICE, ""), 0);
	assert_int_equal(count_events(film, EVENT_FINDING, "closed"), 0);
	assert_non_null(followers_find(&film->journal.followers, 100));
}

static void failed_looks_are_told_with_the_next_good_one(void **state)
{
	struct film *film = *state;
	see_nothing(film, 100);
	journal_fail(&film->journal, "no\033[2J");
	journal_fail(&film->journal, "no answer\nfrom the kernel");
	see_nothing(film, 102);
	see_nothing(film, 104);
	assert_int_equal(count_events(film, EVENT_ERROR,
				      "2 looks failed: no answer?from the kernel"),
			 1);
	assert_int_equal(count_events(film, EVENT_ERROR, ""), 1);
}

/* A recording that is moved back begins anew, and nothing seems to have ended. */
static void time_that_goes_back_is_a_new_beginning(void **state)
{
	struct film *film = *state;
	see(film, 200, an_unread_one(100));
	see(film, 210, an_unread_one(100));
	see(film, 100, an_unread_one(200));
	see(film, 102, an_unread_one(200));
	assert_int_equal(count_events(film, EVENT_WATCH, "the time was moved back"), 1);
	assert_int_equal(count_events(film, EVENT_CONNECTION, "ended"), 0);
	assert_int_equal(film->frame.ended_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ring_drops_the_oldest_and_counts_them),
		cmocka_unit_test(a_text_is_cut_between_characters_and_made_safe),
		FILM_TEST(complaints_are_told_and_others_are_counted),
		FILM_TEST(one_missed_look_is_no_end),
		FILM_TEST(ended_ones_stay_for_a_while),
		FILM_TEST(ended_ones_are_bounded_and_complaints_go_last),
		FILM_TEST(the_live_filter_is_for_ended_ones_too),
		FILM_TEST(how_it_ended_is_what_was_seen),
		FILM_TEST(time_wait_ends_without_a_word),
		FILM_TEST(a_filter_that_hides_states_is_named),
		FILM_TEST(a_flood_of_changes_is_a_number),
		FILM_TEST(many_connections_are_not_all_followed),
		FILM_TEST(the_timeline_keeps_the_beginning_and_the_end),
		FILM_TEST(the_detail_tells_the_timeline_and_what_to_change),
		FILM_TEST(findings_open_change_and_close),
		FILM_TEST(a_restart_is_an_event),
		FILM_TEST(a_look_that_was_cut_short_ends_nothing),
		FILM_TEST(failed_looks_are_told_with_the_next_good_one),
		FILM_TEST(time_that_goes_back_is_a_new_beginning),
	};
	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests_name("watch_journal", tests, NULL, NULL);
}
