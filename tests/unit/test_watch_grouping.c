/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builders.h"
#include "conn-doctor/memory.h"
#include "grouping.h"

/* A listener and connections of three peers; no history, no diagnosis needed. */
enum { CONNECTIONS = 9, PEERS = 3 };

struct film {
	struct snapshot snap;
	struct report report;
	uint32_t rows[CONNECTIONS];
	uint32_t ages[CONNECTIONS];
	struct grouping grouping;
	struct folds folds;
};

static int set_up(void **state)
{
	struct film *film = xcalloc(1, sizeof(*film));
	snapshot_begin(&film->snap, 1000);
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		struct tcp_socket sk = a_connection();
		sk.cookie = 100 + i;
		sk.peer.bytes[3] = (uint8_t)(i % PEERS);
		sk.peer_port = (uint16_t)(1000 + i);
		sk.recv_queue = 10;
		sk.send_queue = i;
		snapshot_put(&film->snap, sk);
	}
	snapshot_finish(&film->snap);
	film->report.snap = &film->snap;
	film->report.assessments =
		xcalloc(CONNECTIONS, sizeof(*film->report.assessments));
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		film->rows[i] = CONNECTIONS - 1 - i; /* the last one first */
		film->ages[i] = UINT32_MAX;
		film->report.assessments[i].verdict =
			i == 4 ? VERDICT_UNREAD : VERDICT_IDLE;
	}
	film->ages[1] = 500;
	film->ages[7] = 300;
	*state = film;
	return 0;
}

static int tear_down(void **state)
{
	struct film *film = *state;
	grouping_clear(&film->grouping);
	folds_clear(&film->folds);
	report_clear(&film->report);
	snapshot_clear(&film->snap);
	free(film);
	return 0;
}

static void make(struct film *film, enum group_by by)
{
	grouping_make(&film->grouping, &film->report, film->rows, CONNECTIONS,
		      film->ages, by);
	grouping_fold(&film->grouping, &film->folds);
}

static uint32_t peer_of(const struct film *film, uint32_t row)
{
	return film->snap.sockets[row].peer.bytes[3];
}

static void groups_stand_where_their_first_row_would(void **state)
{
	struct film *film = *state;
	const struct grouping *g = &film->grouping;
	make(film, GROUP_PEER);
	assert_int_equal(g->count, PEERS);
	for (size_t i = 0; i < PEERS; i++) {
		assert_int_equal(g->groups[i].count, CONNECTIONS / PEERS);
		/* Rows 8, 7, 6 come first, one for each peer. */
		assert_int_equal(g->order[g->groups[i].first], CONNECTIONS - 1 - i);
		for (uint32_t j = 1; j < g->groups[i].count; j++) {
			uint32_t row = g->order[g->groups[i].first + j];
			assert_int_equal(peer_of(film, row),
					 peer_of(film, g->order[g->groups[i].first]));
			/* In the order of the rows. */
			assert_true(row < g->order[g->groups[i].first + j - 1]);
		}
	}
}

static void a_group_tells_the_worst_the_oldest_and_the_sums(void **state)
{
	struct film *film = *state;
	make(film, GROUP_PEER);
	const struct group *g = &film->grouping.groups[1]; /* rows 7, 4, 1 */
	assert_int_equal(g->worst, 4);
	assert_int_equal(g->oldest_cs, 500);
	assert_int_equal(g->recv_queue, 30);
	assert_int_equal(g->send_queue, 12);
	/* Unknown is not zero. */
	assert_true(film->grouping.groups[0].oldest_cs == UINT32_MAX);
	make(film, GROUP_VERDICT);
	assert_int_equal(film->grouping.count, 2);
	make(film, GROUP_PROCESS);
	assert_int_equal(film->grouping.count, 1);
	make(film, GROUP_SERVICE);
	assert_int_equal(film->grouping.count, 1);
	make(film, GROUP_NONE);
	assert_int_equal(film->grouping.count, 0);
	assert_int_equal(film->grouping.line_count, 0);
}

static void folding_shows_and_hides_rows(void **state)
{
	struct film *film = *state;
	const struct grouping *g = &film->grouping;
	make(film, GROUP_PEER);
	assert_int_equal(g->line_count, PEERS);
	uint64_t id = g->groups[1].id;
	folds_toggle(&film->folds, id);
	grouping_fold(&film->grouping, &film->folds);
	assert_int_equal(g->line_count, PEERS + 3);
	assert_int_equal(g->lines[1].row, GROUP_HEADING);
	assert_int_equal(g->lines[2].row, 7);
	assert_int_equal(grouping_line_of_row(g, 1), 4);
	/* A row in a closed group is found at the group, so nothing jumps. */
	assert_int_equal(grouping_line_of_row(g, 0), 5);
	assert_int_equal(grouping_line_of_row(g, 8), 0);
	assert_true(grouping_line_of_row(g, 99) == SIZE_MAX);
	assert_int_equal(grouping_line_of_group(g, id), 1);
	assert_true(grouping_line_of_group(g, 104) == SIZE_MAX);
	assert_int_equal(grouping_find(g, id), 1);
	folds_set_all(&film->folds, true);
	grouping_fold(&film->grouping, &film->folds);
	assert_int_equal(g->line_count, PEERS + CONNECTIONS);
	folds_toggle(&film->folds, id);
	grouping_fold(&film->grouping, &film->folds);
	assert_int_equal(g->line_count, PEERS + CONNECTIONS - 3);
	folds_toggle(&film->folds, id);
	assert_true(folds_is_open(&film->folds, id));
}

/* What is open stays open, whatever the next pass brings. */
static void a_group_keeps_its_identity(void **state)
{
	struct film *film = *state;
	make(film, GROUP_PEER);
	uint64_t id = film->grouping.groups[0].id;
	film->rows[0] = 0;
	film->rows[CONNECTIONS - 1] = CONNECTIONS - 1;
	make(film, GROUP_PEER);
	assert_int_equal(grouping_find(&film->grouping, id), 2);
	make(film, GROUP_VERDICT);
	assert_true(grouping_find(&film->grouping, id) == SIZE_MAX);
}

static void groups_have_names(void **state)
{
	struct film *film = *state;
	static const char *const names[] = { NULL, NULL, "no owner known", "idle",
					     "no service here" };
	for (int by = GROUP_PROCESS; by < GROUP_BY_COUNT; by++) {
		auto_strbuf struct strbuf name = { 0 };
		make(film, (enum group_by)by);
		grouping_put_name(&film->grouping, &film->report, 0, &name);
		assert_string_equal(strbuf_text(&name), names[by]);
		assert_true(*group_by_name((enum group_by)by));
	}
	auto_strbuf struct strbuf name = { 0 };
	char text[IP_TEXT_SIZE];
	const struct tcp_socket *sk = &film->snap.sockets[CONNECTIONS - 1];
	make(film, GROUP_PEER);
	grouping_put_name(&film->grouping, &film->report, 0, &name);
	assert_string_equal(strbuf_text(&name),
			    ip_address_print(&sk->peer, sk->ip_version, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			groups_stand_where_their_first_row_would, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_group_tells_the_worst_the_oldest_and_the_sums, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(folding_shows_and_hides_rows, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_group_keeps_its_identity, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(groups_have_names, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
