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
#include "conn-doctor/policy.h"
#include "conn-doctor/text.h"
#include "film.h"

static void begin(struct film *film, uint64_t second)
{
	film_begin(film, second * 1000);
	film_put(film, a_listener(0, 128));
}

static void put(struct film *film, uint64_t cookie, struct ip_address peer,
		uint32_t unread)
{
	struct tcp_socket sk = a_connection();
	sk.cookie = cookie;
	sk.inode = (uint32_t)(5000 + cookie);
	sk.peer = peer;
	sk.peer_port = (uint16_t)(1024 + cookie % 60000);
	sk.recv_queue = unread;
	film_put(film, sk);
}

static const struct peer_row *peer_named(const struct film *film, const char *name)
{
	const struct peers *p = &film->frame.peers;
	for (size_t i = 0; i < p->count; i++) {
		auto_strbuf struct strbuf text = { 0 };
		peer_put_name(&p->rows[i], &text);
		if (strcmp(strbuf_text(&text), name) == 0)
			return &p->rows[i];
	}
	return NULL;
}

/* 10.9.0.1 has `greedy` healthy ones, 10.9.0.2 one unread, others one each. */
static void see_clients(struct film *film, uint64_t second, uint64_t greedy,
			uint64_t others)
{
	uint64_t cookie = 1000;
	begin(film, second);
	for (uint64_t i = 0; i < greedy; i++)
		put(film, cookie++, an_ip(10, 9, 0, 1), 0);
	put(film, cookie++, an_ip(10, 9, 0, 2), 20);
	for (uint64_t i = 0; i < others; i++)
		put(film, cookie++,
		    an_ip(10, 8, (uint8_t)(i / 200), (uint8_t)(i % 200)), 0);
	film_end(film);
}

static void peers_are_worst_first_and_counted(void **state)
{
	struct film *film = *state;
	see_clients(film, 100, 60, 10);
	see_clients(film, 110, 60, 10);
	const struct peers *p = &film->frame.peers;
	assert_int_equal(p->count, 12);
	assert_false(p->is_by_network);
	assert_int_equal(p->left_out, 0);
	assert_ptr_equal(peer_named(film, "10.9.0.2"), &p->rows[0]);
	assert_ptr_equal(peer_named(film, "10.9.0.1"), &p->rows[1]);
	assert_int_equal(p->rows[0].sample.worst.verdict, VERDICT_UNREAD);
	assert_int_equal(p->rows[0].complaints, 1);
	assert_int_equal(p->rows[0].unread, 20);
	assert_int_equal(p->rows[1].count, 60);
	assert_int_equal(p->rows[1].complaints, 0);
	assert_int_equal(p->rows[1].share, 60 * 1000 / 71);
	size_t total = 0;
	for (size_t i = 0; i < p->count; i++)
		total += p->rows[i].count;
	assert_int_equal(total, 71);
}

/* Just below, at and above both limits: 50 connections, 30 %. */
static void a_peer_is_above_when_both_limits_are(void **state)
{
	static const struct {
		uint64_t greedy, others;
		bool is_above;
	} cases[] = {
		{ 49, 10, false },  /* 81 % of 60, but few */
		{ 50, 10, true },   /* at the limit */
		{ 60, 140, false }, /* 29.8 % of 201 */
		{ 60, 139, true },  /* 30 % of 200 */
	};
	struct film *film = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		see_clients(film, 100 + i, cases[i].greedy, cases[i].others);
		const struct peer_row *p = peer_named(film, "10.9.0.1");
		assert_non_null(p);
		assert_int_equal(peer_is_above(p, &film->frame.report),
				 cases[i].is_above);
	}
	/* This host itself is no such peer. */
	begin(film, 200);
	for (uint64_t i = 0; i < 100; i++)
		put(film, 1000 + i, an_ip(127, 0, 0, 1), 0);
	film_end(film);
	assert_false(peer_is_above(peer_named(film, "127.0.0.1"), &film->frame.report));
}

/* What was agreed counts instead of both limits, and a known proxy has none. */
static void a_declared_limit_counts_for_each_peer(void **state)
{
	struct film *film = *state;
	struct target target = { .name = (char *)(uintptr_t) "api" };
	struct address_block proxy = { an_ip(10, 9, 0, 1), 128, 4 };
	struct error err = { 0 };
	assert_int_equal(filter_parse("sport = 30020", &target.filter, NULL, &err), 0);
	target.values[TARGET_PEER_LIMIT] = (struct declared){ true, 10, "f", 1 };
	film->policy.targets = &target;
	film->policy.target_count = 1;
	for (uint64_t count = 9; count <= 11; count++) {
		see_clients(film, 100 + count, count, 500);
		assert_int_equal(peer_is_above(peer_named(film, "10.9.0.1"),
					       &film->frame.report),
				 count > 10);
	}
	film->policy.ignore[IGNORE_PROXIES] =
		(struct address_list){ .items = &proxy, .count = 1 };
	see_clients(film, 200, 60, 10);
	const struct peer_row *p = peer_named(film, "10.9.0.1");
	assert_true(peer_is_proxy(p, &film->frame.report));
	assert_false(peer_is_above(p, &film->frame.report));
	p = peer_named(film, "10.9.0.2");
	assert_false(peer_is_proxy(p, &film->frame.report));
	filter_free(target.filter);
	film->policy = (struct policy){ 0 };
	see_clients(film, 300, 60, 10);
	assert_true(peer_is_above(peer_named(film, "10.9.0.1"), &film->frame.report));
}

static void a_peer_keeps_its_identity(void **state)
{
	struct film *film = *state;
	see_clients(film, 100, 60, 10);
	uint64_t first = peer_named(film, "10.9.0.1")->id;
	uint64_t second = peer_named(film, "10.9.0.2")->id;
	see_clients(film, 110, 2, 100);
	assert_int_equal(peer_named(film, "10.9.0.1")->id, first);
	assert_int_equal(peer_named(film, "10.9.0.2")->id, second);
	for (size_t i = 0; i < film->frame.peers.count; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(film->frame.peers.rows[i].id,
					     film->frame.peers.rows[j].id);
}

static void an_upstream_is_another_peer_than_a_client(void **state)
{
	struct film *film = *state;
	begin(film, 100);
	put(film, 1000, an_ip(10, 9, 0, 1), 0);
	struct tcp_socket sk = a_connection();
	sk.cookie = 1001;
	sk.local_port = 50000;
	sk.peer = an_ip(10, 9, 0, 1);
	sk.peer_port = 5432;
	film_put(film, sk);
	film_end(film);
	const struct peer_row *client = peer_named(film, "10.9.0.1");
	const struct peer_row *upstream = peer_named(film, "10.9.0.1:5432");
	assert_non_null(client);
	assert_non_null(upstream);
	assert_int_equal(client->service, 0);
	assert_int_equal(upstream->service, NO_INDEX);
	assert_int_equal(upstream->share, 0);
	auto_strbuf struct strbuf use = { 0 };
	peer_put_use(upstream, &film->frame.report, &use);
	assert_string_equal(strbuf_text(&use), "upstream");
}

static void too_many_peers_are_told_by_network(void **state)
{
	struct film *film = *state;
	begin(film, 100);
	for (uint64_t i = 0; i <= PEERS_MAX; i++)
		put(film, 1000 + i,
		    an_ip(10, 8, (uint8_t)(i / 250), (uint8_t)(i % 250)), 0);
	struct tcp_socket sk = a_connection();
	sk.cookie = 999;
	sk.ip_version = 6;
	assert_true(ip_address_parse("2001:db8:0:1:2:3:4:5", &sk.peer, &sk.ip_version));
	film_put(film, sk);
	film_end(film);
	assert_true(film->frame.peers.is_by_network);
	const struct peer_row *p = peer_named(film, "10.8.3.0/24");
	assert_non_null(p);
	assert_int_equal(p->count, 250);
	assert_false(peer_is_above(p, &film->frame.report));
	assert_non_null(peer_named(film, "2001:db8:0:1::/64"));
	assert_int_equal(film->frame.peers.count, PEERS_MAX / 250 + 2);
	/* Even of networks there may be too many: they are counted. */
	begin(film, 110);
	for (uint64_t i = 0; i < PEERS_MAX + 7; i++)
		put(film, 1000 + i,
		    an_ip(11, (uint8_t)(i / 256), (uint8_t)(i % 256), 1), 0);
	film_end(film);
	assert_int_equal(film->frame.peers.count, PEERS_MAX);
	assert_int_equal(film->frame.peers.left_out, 7);
}

static const struct process_row *process_of(const struct film *film, int32_t pid)
{
	const struct process_list *list = &film->frame.processes;
	for (size_t i = 0; i < list->count; i++)
		if (film->frame.snap.processes[list->rows[i].process].pid == pid)
			return &list->rows[i];
	return NULL;
}

static void processes_have_what_they_own(void **state)
{
	struct film *film = *state;
	static const uint32_t of_first[] = { 4999, 6000, 6001 };
	static const uint32_t of_second[] = { 6002, 6003, 6004 };
	for (uint64_t second = 100; second <= 120; second += 10) {
		begin(film, second);
		for (uint64_t i = 0; i < 6; i++)
			put(film, 1000 + i, an_ip(10, 9, 0, 1), i == 4 ? 20 : 0);
		snapshot_put_process(&film->pass.snap, 10, "first", of_first, 3);
		snapshot_put_process(&film->pass.snap, 11, "second", of_second, 3);
		snapshot_put_process(&film->pass.snap, 12, "other",
				     (const uint32_t[]){ 7 }, 1);
		film_end(film);
	}
	const struct process_list *list = &film->frame.processes;
	assert_int_equal(list->count, 2);
	assert_int_equal(list->unowned, 1);
	assert_null(process_of(film, 12));
	const struct process_row *first = process_of(film, 10);
	const struct process_row *second = process_of(film, 11);
	assert_ptr_equal(second, &list->rows[0]);
	assert_int_equal(second->sample.worst.verdict, VERDICT_UNREAD);
	assert_int_equal(second->count, 3);
	assert_int_equal(second->verdicts[VERDICT_UNREAD], 1);
	assert_int_equal(second->service, NO_INDEX);
	assert_int_equal(first->count, 2);
	assert_int_equal(first->service, 0);
	assert_int_not_equal(first->id, second->id);
	/* A reused pid is another process. */
	uint64_t id = first->id;
	begin(film, 130);
	snapshot_put_process(&film->pass.snap, 10, "first", of_first, 3);
	film->pass.snap.processes[0].start_ticks = 77;
	film_end(film);
	assert_int_not_equal(process_of(film, 10)->id, id);
	assert_int_equal(process_of(film, 10)->count, 0);
	assert_int_equal(process_of(film, 10)->sample.count, 0);
}

/* The short cut finds the owners that the slow way finds. */
static void owners_are_found_wherever_inodes_lie(void **state)
{
	struct film *film = *state;
	static const uint32_t inodes[] = {
		1, 2, 70000, 1000000, 1000001, 2147483648, 4294967294, 4294967295
	};
	enum { COUNT = sizeof(inodes) / sizeof(*inodes) };
	begin(film, 100);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct tcp_socket sk = a_connection();
		sk.cookie = 1000 + i;
		sk.inode = inodes[i];
		film_put(film, sk);
		sk.cookie = 2000 + i;
		sk.inode = inodes[i] + 3; /* nobody's, or 0 */
		film_put(film, sk);
	}
	snapshot_put_process(&film->pass.snap, 10, "a", inodes, COUNT);
	film_end(film);
	size_t owned = 0;
	for (uint32_t row = 0; row < film->frame.own_count; row++)
		owned += report_process_of(&film->frame.report, row, NULL) != NULL;
	assert_int_equal(process_of(film, 10)->count, owned);
	assert_int_equal(film->frame.processes.unowned, 2 * COUNT - owned);
}

static void descriptors_that_are_not_known_have_no_share(void **state)
{
	(void)state;
	static const struct {
		int64_t count, limit;
		int share;
	} cases[] = { { -1, 1024, -1 },    { 10, -1, -1 },     { 10, 0, -1 },
		      { 0, 1024, 0 },      { 512, 1024, 500 }, { 1024, 1024, 1000 },
		      { 2000, 1024, 1000 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct process p = { .fd_count = cases[i].count,
				     .fd_limit = cases[i].limit };
		assert_int_equal(process_fd_share(&p), cases[i].share);
	}
}

/* Escapes, a wide one, a combining one, a direction, bytes that are no UTF-8. */
static char *a_hostile_name(size_t len)
{
	static const char part[] = "a\x1b[2J\xe8\xad\xa6"
				   "e\xcc\x81\xe2\x80\xae\xff\n\r%s";
	char *name = xmalloc(len + 1);
	for (size_t i = 0; i < len; i++)
		name[i] = part[i % (sizeof(part) - 1)];
	name[len] = '\0';
	return name;
}

static void assert_sober(const char *text)
{
	auto_strbuf struct strbuf again = { 0 };
	text_sanitize(&again, text, strlen(text));
	assert_string_equal(strbuf_text(&again), text);
}

/* Whatever a process calls itself, no control character gets to the screen. */
static void hostile_names_are_made_safe_everywhere(void **state)
{
	struct film *film = *state;
	static const size_t lengths[] = { 1, 2, 3, 15, 16, 63, 64, 65, 255, 4096 };
	static const uint32_t inodes[] = { 4999, 6000 };
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		auto_free char *name = a_hostile_name(lengths[i]);
		begin(film, 100 + i * 20);
		put(film, 1000 + i, an_ip(10, 9, 0, 1), 20);
		film->pass.snap.sockets[1].inode = 6000;
		snapshot_put_process(&film->pass.snap, 4711 + (int32_t)i, name, inodes,
				     2);
		film_end(film);
		const struct followed *f =
			followers_find(&film->journal.followers, 1000 + i);
		assert_non_null(f);
		assert_sober(f->owner);
		assert_in_range(text_width(f->owner), 6, 15 + 6);
		struct detail d = { 0 };
		assert_true(detail_make(&d, &film->frame.report, NULL, 1000 + i, true));
		for (size_t j = 0; j < d.page.count; j++)
			assert_sober(d.page.paragraphs[j].text);
		detail_clear(&d);
	}
	for (uint64_t n = 1; n <= film->frame.events.total; n++)
		assert_sober(event_log_find(&film->frame.events, n)->text);
	assert_true(film->frame.events.total > 2);
}

/* Cut by columns, never inside a character, and the pid stays. */
static void a_hostile_owner_fits_every_column(void **state)
{
	(void)state;
	auto_free char *name = a_hostile_name(4096);
	for (int width = 7; width < 80; width++) {
		auto_strbuf struct strbuf text = { 0 };
		text_sanitize(&text, name, strlen(name));
		strbuf_add(&text, "[4711]");
		columns_shorten_owner(&text, width);
		assert_sober(strbuf_text(&text));
		assert_in_range(text_width(strbuf_text(&text)), 6, (size_t)width);
		assert_string_equal(text.text + text.len - 6, "[4711]");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILM_TEST(peers_are_worst_first_and_counted),
		FILM_TEST(a_peer_is_above_when_both_limits_are),
		FILM_TEST(a_declared_limit_counts_for_each_peer),
		FILM_TEST(a_peer_keeps_its_identity),
		FILM_TEST(an_upstream_is_another_peer_than_a_client),
		FILM_TEST(too_many_peers_are_told_by_network),
		FILM_TEST(processes_have_what_they_own),
		FILM_TEST(owners_are_found_wherever_inodes_lie),
		FILM_TEST(hostile_names_are_made_safe_everywhere),
		cmocka_unit_test(descriptors_that_are_not_known_have_no_share),
		cmocka_unit_test(a_hostile_owner_fits_every_column),
	};
	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests_name("watch_groups", tests, NULL, NULL);
}
