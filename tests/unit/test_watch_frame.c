/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn-doctor/memory.h"
#include "film.h"
#include "ranking.h"
#include "summary.h"

/* Frames of a listener and ten connections, cookies 100 to 109. */
enum { CONNECTIONS = 10 };

/* The even ones are unread; the last one came in only now. */
static struct tcp_socket connection_number(int i)
{
	struct tcp_socket sk = a_connection();
	sk.cookie = 100 + (uint64_t)i;
	sk.peer_port = (uint16_t)(CLIENT_PORT + i);
	sk.recv_queue = i % 2 ? 0 : 20;
	if (i == CONNECTIONS - 1)
		sk.last_ack_recv_ms = sk.last_data_recv_ms = sk.last_data_sent_ms = 30;
	return sk;
}

static void see(struct film *film, uint64_t monotonic_ms, int count)
{
	film_begin(film, monotonic_ms);
	film_put(film, a_listener(0, 128));
	for (int i = 0; i < count; i++)
		film_put(film, connection_number(i));
	film_end(film);
}

static void arrange(struct film *film, const char *filter, enum column sort)
{
	struct error err = { 0 };
	size_t column;
	struct frame_order order = { sort, false, &film->live, GROUP_NONE };
	uint64_t number = film->live.number + 1;
	assert_int_equal(
		live_filter_set(&film->live, filter, number, NULL, &column, &err), 0);
	frame_arrange(&film->frame, &order);
}

static void the_live_filter_narrows_the_rows(void **state)
{
	struct film *film = *state;
	const struct frame *f = &film->frame;
	see(film, 100000, CONNECTIONS);
	assert_int_equal(f->row_count, CONNECTIONS);
	arrange(film, "recvq > 0", COLUMN_VERDICT);
	assert_int_equal(f->row_count, CONNECTIONS / 2);
	assert_int_equal(f->connection_count, CONNECTIONS);
	uint32_t total = 0;
	for (int v = 0; v < VERDICT_COUNT; v++)
		total += f->verdicts[v];
	assert_int_equal(total, f->row_count);
	/* A hidden row is not found, and its connection is still there. */
	assert_int_equal(frame_find(f, 101), SIZE_MAX);
	assert_non_null(snapshot_find(&f->snap, 101));
	arrange(film, "dport = 40004", COLUMN_PEER);
	assert_int_equal(f->row_count, 1);
	assert_int_equal(frame_find(f, 104), 0);
	arrange(film, "", COLUMN_PEER);
	assert_int_equal(f->row_count, CONNECTIONS);
	for (size_t i = 0; i < CONNECTIONS; i++)
		assert_int_not_equal(frame_find(f, 100 + i), SIZE_MAX);
}

static void age_in_the_live_filter_knows_the_history(void **state)
{
	struct film *film = *state;
	see(film, 100000, CONNECTIONS);
	see(film, 100500, CONNECTIONS);
	/* The newest: 30 ms by the kernel's clocks, 500 ms as it was seen. */
	arrange(film, "age < 490ms", COLUMN_VERDICT);
	assert_int_equal(film->frame.row_count, 0);
	arrange(film, "age <= 500ms", COLUMN_VERDICT);
	assert_int_equal(film->frame.row_count, 1);
	arrange(film, "age >= 10s", COLUMN_VERDICT);
	assert_int_equal(film->frame.row_count, CONNECTIONS - 1);
}

static void a_new_frame_comes_filtered_and_in_order(void **state)
{
	struct film *film = *state;
	see(film, 100000, CONNECTIONS);
	arrange(film, "recvq > 0", COLUMN_SQ);
	film->order.sort = COLUMN_SQ;
	see(film, 101000, CONNECTIONS);
	assert_int_equal(film->frame.row_count, CONNECTIONS / 2);
	assert_true(frame_is_arranged(&film->frame, &film->order));
	film->order.is_reversed = true;
	assert_false(frame_is_arranged(&film->frame, &film->order));
}

/* The text of the first paragraph with the label, "" when there is none. */
static const char *text_of(const struct page *page, const char *label)
{
	for (size_t i = 0; i < page->count; i++)
		if (page->paragraphs[i].label &&
		    strcmp(page->paragraphs[i].label, label) == 0)
			return page->paragraphs[i].text;
	return "";
}

static void the_detail_comes_with_the_frame_and_knows_the_past(void **state)
{
	struct film *film = *state;
	film->wanted = 100;
	see(film, 100000, CONNECTIONS);
	see(film, 110000, CONNECTIONS);
	const struct detail *d = &film->frame.detail;
	assert_int_equal(d->cookie, 100);
	assert_int_equal(d->monotonic_ms, 110000);
	assert_non_null(strstr(text_of(&d->page, "verdict"), "unread, proven"));
	assert_non_null(strstr(text_of(&d->page, "evidence"), "(limit 5s)"));
	assert_string_equal(text_of(&d->page, "seen"), "in 2 looks, first 10s ago");
	assert_non_null(strstr(text_of(&d->page, "reading"), "at least 10s"));
	assert_string_equal(text_of(&d->page, "writing"), "");
	assert_string_equal(text_of(&d->page, "gives up in"), "never");
	assert_string_equal(d->page.title, "10.0.0.1:30020 <- 10.0.0.2:40000");
	/* It is not there any more. */
	see(film, 111000, 0);
	assert_int_equal(film->frame.detail.cookie, 0);
}

static void a_frame_alone_says_that_it_does_not_know_the_past(void **state)
{
	struct film *film = *state;
	struct detail d = { 0 };
	see(film, 100000, CONNECTIONS);
	assert_int_equal(film->frame.detail.cookie, 0);
	assert_false(detail_make(&d, &film->frame.report, NULL, 99, false));
	assert_int_equal(d.cookie, 0);
	assert_true(detail_make(&d, &film->frame.report, NULL, 103, false));
	assert_non_null(strstr(text_of(&d.page, "seen"), "not at hand"));
	detail_clear(&d);
}

/* What the kernel did not say is left out, whatever the state and the timer. */
static void absent_fields_are_not_shown_as_zero(void **state)
{
	struct film *film = *state;
	film_begin(film, 100000);
	for (uint8_t i = 1; i < TCP_STATE_COUNT; i++) {
		struct tcp_socket sk = a_connection();
		sk.cookie = i;
		sk.state = i;
		sk.timer = i; /* unknown ones too */
		sk.has = 0;
		film_put(film, sk);
	}
	film_end(film);
	for (uint8_t i = 1; i < TCP_STATE_COUNT; i++) {
		static const char *const labels[] = { "idle",       "heard",
						      "bytes",      "segments",
						      "windows",    "turn",
						      "round trip", "sent again" };
		struct detail d = { 0 };
		assert_true(detail_make(&d, &film->frame.report, NULL, i, false));
		for (size_t j = 0; j < sizeof(labels) / sizeof(*labels); j++)
			assert_string_equal(text_of(&d.page, labels[j]), "");
		assert_string_not_equal(text_of(&d.page, "not known"), "");
		detail_clear(&d);
	}
}

static void the_time_in_a_state_knows_the_history(void **state)
{
	struct film *film = *state;
	const struct frame *f = &film->frame;
	static const struct render_options options = { 0 };
	struct field_row row;
	see(film, 100000, CONNECTIONS);
	see(film, 140000, CONNECTIONS);
	frame_row_init(&row, f, 0, &options);
	/* Ten seconds by the kernel's clocks, forty as it was seen. */
	assert_int_equal(row.derived.in_state_ms, 40000);
	assert_false(row.derived.is_in_state_exact);
	/* What was not seen before is as old as its clocks say. */
	film->frame.state_ages[0] = UINT32_MAX;
	frame_row_init(&row, f, 0, &options);
	assert_int_equal(row.derived.in_state_ms, 10020);
	film->frame.state_ages[0] = 2 * 300 + 1;
	frame_row_init(&row, f, 0, &options);
	assert_int_equal(row.derived.in_state_ms, 3000);
	assert_true(row.derived.is_in_state_exact);
}

static void the_evidence_is_short_and_there_when_something_is_wrong(void **state)
{
	struct film *film = *state;
	struct report *r = &film->frame.report;
	see(film, 100000, CONNECTIONS);
	see(film, 110000, CONNECTIONS);
	auto_strbuf struct strbuf text = { 0 };
	verdict_brief(r, 0, &text);
	assert_string_equal(strbuf_text(&text), "20 B unread, 280 B read");
	for (uint8_t v = 0; v < VERDICT_COUNT; v++) {
		bool is_told =
			verdict_table[v].is_complaint || v == VERDICT_NOT_ASSESSED;
		r->assessments[0].verdict = v;
		strbuf_reset(&text);
		verdict_brief(r, 0, &text);
		assert_int_equal(text.len > 0, is_told);
		assert_true(text.len < 40);
	}
}

static void services_are_worst_first(void **state)
{
	struct film *film = *state;
	see(film, 100000, CONNECTIONS);
	see(film, 110000, CONNECTIONS);
	assert_int_equal(film->frame.service_count, film->frame.report.service_count);
	assert_int_equal(film->frame.service_count, 1);
	assert_int_equal(film->frame.services[0], 0);
}

/* A server is called by its stack, a Go program by the name it was given. */
static void a_go_program_keeps_its_name(void **state)
{
	struct film *film = *state;
	struct frame *f = &film->frame;
	static const struct {
		const char *comm;
		bool is_go;
		const char *stack, *owner;
	} cases[] = { { "api", true, "go", "api[4711]" },
		      { "mysqld", true, "mysql", "mysql[4711]" },
		      { "api", false, NULL, "api[4711]" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_strbuf struct strbuf owner = { 0 };
		film_begin(film, 100000 + i * 1000);
		struct tcp_socket listener = a_listener(0, 128);
		film_put(film, listener);
		snapshot_put_process(&film->pass.snap, 4711, cases[i].comm,
				     &listener.inode, 1);
		film->pass.snap.processes[0].is_go = cases[i].is_go;
		film_end(film);
		const struct service *s = &f->report.services[0];
		if (cases[i].stack)
			assert_string_equal(s->stack, cases[i].stack);
		else
			assert_null(s->stack);
		summary_put_owner(&f->report, s, &owner);
		assert_string_equal(strbuf_text(&owner), cases[i].owner);
	}
}

static void check_waiting(const struct frame *f, const struct frame_order *wanted,
			  const char *expected)
{
	auto_strbuf struct strbuf text = { 0 };
	summary_put_waiting(f, wanted, &text);
	assert_string_equal(strbuf_text(&text), expected);
}

/* Nobody knows how many match a filter that was not asked yet: not zero. */
static void check_counts(const struct frame *f, const struct frame_order *wanted,
			 const char *expected)
{
	auto_strbuf struct strbuf text = { 0 };
	summary_put_counts(f, "sq > 0", wanted, &text);
	assert_string_equal(strbuf_text(&text), expected);
}

static void what_is_not_done_yet_is_said(void **state)
{
	struct film *film = *state;
	struct frame *f = &film->frame;
	struct live_filter later = { NULL, 1 };
	struct frame_order by_peer = { COLUMN_PEER, false, NULL, GROUP_NONE };
	struct frame_order reversed = { COLUMN_PEER, true, NULL, GROUP_NONE };
	struct frame_order grouped = { COLUMN_PEER, false, NULL, GROUP_PROCESS };
	struct frame_order filtered = { COLUMN_PEER, false, &later, GROUP_NONE };
	see(film, 100000, CONNECTIONS);
	check_waiting(f, &by_peer, "sorting by PEER ...");
	frame_arrange(f, &by_peer);
	check_waiting(f, &by_peer, "");
	check_waiting(f, &reversed, "sorting by PEER reversed ...");
	check_waiting(f, &grouped, "grouping by process ...");
	check_waiting(f, &filtered, "filtering ...");
	check_counts(f, &filtered, "filter sq > 0  ? of 10 connections");
	check_counts(f, &by_peer,
		     "filter sq > 0  10 connections: 5 unread, 1 active, 4 idle");
	frame_arrange(f, &grouped);
	check_waiting(f, &by_peer, "ungrouping ...");
}

static size_t find_cookie(const struct frame *f, uint64_t cookie)
{
	const struct tcp_socket *sk = snapshot_find(&f->snap, cookie);
	return sk ? (size_t)(sk - f->snap.sockets) : SIZE_MAX;
}

/* Three of ten rows: the worst, and the totals of all. */
static void a_frame_of_many_has_the_worst_and_tells_of_all(void **state)
{
	struct film *film = *state;
	const struct frame *f = &film->frame;
	film->frame_rows = 3;
	see(film, 100000, CONNECTIONS);
	see(film, 110000, CONNECTIONS);
	assert_false(f->is_whole);
	assert_int_equal(f->row_count, 3);
	assert_int_equal(f->matching_count, CONNECTIONS);
	assert_int_equal(f->connection_count, CONNECTIONS);
	assert_int_equal(f->verdicts[VERDICT_UNREAD], CONNECTIONS / 2);
	assert_int_equal(f->report.verdicts[VERDICT_UNREAD], CONNECTIONS / 2);
	assert_int_equal(f->report.services[0].connection_count, CONNECTIONS);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(f->snap.sockets[f->rows[i]].cookie, 100 + 2 * i);
		assert_int_equal(f->report.assessments[f->rows[i]].verdict,
				 VERDICT_UNREAD);
	}
	/* Three connections and the listener; the others are counted. */
	assert_int_equal(f->snap.socket_count, 4);
	assert_int_equal(snapshot_omitted_count(&f->snap), CONNECTIONS - 3);
	assert_int_equal(f->report.services[0].listeners[0], find_cookie(f, 1));
	assert_int_equal(f->peers.count, 1);
	assert_int_equal(f->peers.rows[0].count, CONNECTIONS);
	assert_int_equal(f->peers.rows[0].sample.count, 3);
}

static void a_frame_of_few_has_them_all(void **state)
{
	struct film *film = *state;
	film->frame_rows = CONNECTIONS;
	see(film, 100000, CONNECTIONS);
	assert_true(film->frame.is_whole);
	assert_int_equal(film->frame.row_count, CONNECTIONS);
	assert_int_equal(snapshot_omitted_count(&film->frame.snap), 0);
}

/* What is hidden by the filter or stands behind is there when it is asked for. */
static void order_and_filter_choose_the_rows_of_a_frame(void **state)
{
	struct film *film = *state;
	const struct frame *f = &film->frame;
	film->frame_rows = 3;
	film->held = 101;
	see(film, 100000, CONNECTIONS);
	see(film, 110000, CONNECTIONS);
	film->order.sort = COLUMN_PEER;
	film->order.is_reversed = true;
	film_make_frame(film);
	assert_int_equal(f->row_count, 4);
	/* All have one address: the worst stand first, and behind them the held one. */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(frame_find(f, 100 + 2 * i), i);
	assert_int_equal(frame_find(f, 101), 3);
	struct error err = { 0 };
	size_t column;
	assert_int_equal(
		live_filter_set(&film->live, "dport >= 40005", 1, NULL, &column, &err),
		0);
	film_make_frame(film);
	assert_int_equal(f->matching_count, 5);
	assert_int_equal(f->connection_count, CONNECTIONS);
	assert_int_equal(f->row_count, 3);
	assert_int_equal(f->verdicts[VERDICT_UNREAD], 2);
	for (size_t i = 0; i < f->row_count; i++)
		assert_true(f->snap.sockets[f->rows[i]].peer_port >= 40005);
	/* The held one is there, and hidden. */
	assert_int_equal(frame_find(f, 101), SIZE_MAX);
	assert_int_not_equal(find_cookie(f, 101), SIZE_MAX);
}

/* A sort by what differs takes the rows that stand first of all, not of the worst. */
static void the_greatest_of_all_stand_first(void **state)
{
	struct film *film = *state;
	const struct frame *f = &film->frame;
	film->frame_rows = 3;
	film->order.sort = COLUMN_SQ;
	film_begin(film, 100000);
	for (int i = 0; i < CONNECTIONS; i++) {
		struct tcp_socket sk = connection_number(i);
		sk.recv_queue = 0;
		sk.send_queue = (uint32_t)(i * 7 % CONNECTIONS);
		film_put(film, sk);
	}
	film_end(film);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f->snap.sockets[f->rows[i]].send_queue,
				 CONNECTIONS - 1 - i);
}

/* Groups tell of all their rows, and none is missing. */
static void groups_of_a_frame_of_many_are_whole(void **state)
{
	struct film *film = *state;
	const struct grouping *g = &film->frame.grouping;
	film->frame_rows = 3;
	film->order.group_by = GROUP_VERDICT;
	see(film, 100000, CONNECTIONS);
	see(film, 110000, CONNECTIONS);
	assert_true(g->count >= 2);
	uint32_t total = 0, listed = 0;
	for (size_t i = 0; i < g->count; i++) {
		total += g->groups[i].total;
		listed += g->groups[i].count;
		assert_true(g->groups[i].count >= 1);
	}
	assert_int_equal(total, CONNECTIONS);
	assert_int_equal(listed, film->frame.row_count);
	assert_true(listed < CONNECTIONS);
	assert_int_equal(g->groups[0].total, CONNECTIONS / 2);
	assert_int_equal(g->groups[0].recv_queue, 20 * CONNECTIONS / 2);
}

/* The kernel's clocks are off by some milliseconds, another way each time. */
static void rows_that_began_together_keep_their_places(void **state)
{
	struct film *film = *state;
	const struct frame *f = &film->frame;
	uint64_t before[CONNECTIONS] = { 0 };
	for (uint64_t pass = 0; pass < 6; pass++) {
		film_begin(film, 100000 + 1000 * pass);
		film_put(film, a_listener(0, 128));
		for (uint32_t i = 0; i < CONNECTIONS; i++) {
			struct tcp_socket sk = connection_number((int)i);
			uint32_t noise = (i + 1) * (uint32_t)(pass + 3) % 7 * 6;
			uint32_t age_ms = 20010 + (uint32_t)pass * 1000 + noise;
			sk.last_data_recv_ms = sk.last_ack_recv_ms = age_ms;
			sk.last_data_sent_ms = age_ms + 10;
			film_put(film, sk);
		}
		film_end(film);
		for (size_t i = 0; i < CONNECTIONS; i++) {
			uint64_t cookie = f->snap.sockets[f->rows[i]].cookie;
			assert_true(pass < 2 || cookie == before[i]);
			before[i] = cookie;
		}
	}
}

/* The order of the heap is that of a sort, whatever comes when. */
static void a_ranking_keeps_the_first(void **state)
{
	struct film *film = *state;
	enum { ROWS = 300 };
	film_begin(film, 100000);
	for (int i = 0; i < ROWS; i++)
		film_put(film, connection_number(i));
	film_end(film);
	for (size_t most = 0; most < 40; most++) {
		struct ranking r = { 0 };
		ranking_begin(&r, &film->pass.report, most);
		for (uint32_t i = 0; i < ROWS; i++) {
			uint32_t row = i * 7 % ROWS;
			ranking_add(&r, (struct sort_key){ row / 4, 0 }, row);
		}
		ranking_end(&r);
		assert_int_equal(r.count, most);
		for (size_t i = 1; i < r.count; i++)
			assert_true(r.items[i - 1].key.high <= r.items[i].key.high);
		for (size_t i = 0; i < r.count; i++)
			assert_int_equal(r.items[i].key.high, i / 4);
		ranking_clear(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILM_TEST(the_live_filter_narrows_the_rows),
		FILM_TEST(age_in_the_live_filter_knows_the_history),
		FILM_TEST(a_new_frame_comes_filtered_and_in_order),
		FILM_TEST(the_detail_comes_with_the_frame_and_knows_the_past),
		FILM_TEST(a_frame_alone_says_that_it_does_not_know_the_past),
		FILM_TEST(absent_fields_are_not_shown_as_zero),
		FILM_TEST(services_are_worst_first),
		FILM_TEST(a_go_program_keeps_its_name),
		FILM_TEST(what_is_not_done_yet_is_said),
		FILM_TEST(a_frame_of_many_has_the_worst_and_tells_of_all),
		FILM_TEST(a_frame_of_few_has_them_all),
		FILM_TEST(order_and_filter_choose_the_rows_of_a_frame),
		FILM_TEST(the_greatest_of_all_stand_first),
		FILM_TEST(groups_of_a_frame_of_many_are_whole),
		FILM_TEST(a_ranking_keeps_the_first),
		FILM_TEST(rows_that_began_together_keep_their_places),
		FILM_TEST(the_time_in_a_state_knows_the_history),
		FILM_TEST(the_evidence_is_short_and_there_when_something_is_wrong),
	};
	return cmocka_run_group_tests_name("watch_frame", tests, NULL, NULL);
}
