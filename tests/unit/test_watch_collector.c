/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builders.h"
#include "collector.h"

/* The collector on a source of ten connections, cookies 100 to 109, every pass. */
enum { CONNECTIONS = 10, PATIENCE_MS = 20000 };

static enum source_result take(void *self, struct snapshot *out, struct error *err)
{
	uint64_t *pass = self;
	(void)err;
	snapshot_begin(out, 100000 + 1000 * (*pass)++);
	snapshot_put(out, a_listener(0, 128));
	for (int i = 0; i < CONNECTIONS; i++) {
		struct tcp_socket sk = a_connection();
		sk.cookie = 100 + (uint64_t)i;
		sk.peer_port = (uint16_t)(CLIENT_PORT + i);
		sk.send_queue = (uint32_t)i;
		snapshot_put(out, sk);
	}
	snapshot_finish(out);
	return SOURCE_OK;
}

struct stage {
	struct collector *collector;
	struct collector_status status;
	struct limits limits;
	uint64_t pass;
};

static const struct source_ops source_ops = { .take = take, .is_live = true };

/* The same as a recording of so many passes; stage.pass is the next one. */
enum { PASSES = 9 };

static enum source_result take_recorded(void *self, struct snapshot *out,
					struct error *err)
{
	uint64_t *pass = self;
	return *pass < PASSES ? take(self, out, err) : SOURCE_END;
}

static int tell_extent(void *self, struct source_extent *out, struct error *err)
{
	uint64_t *pass = self;
	(void)err;
	*out = (struct source_extent){ .pass_count = PASSES, .position = *pass };
	return 0;
}

static int seek_recorded(void *self, size_t pass, struct error *err)
{
	uint64_t *next = self;
	(void)err;
	*next = pass;
	return 0;
}

static const struct source_ops recorded_ops = { .take = take_recorded,
						.extent = tell_extent,
						.seek = seek_recorded };

static void start_source(struct stage *stage, const struct source_ops *ops,
			 uint64_t interval_ms, size_t frame_rows)
{
	*stage = (struct stage){ 0 };
	limits_init(&stage->limits);
	struct collector_options options = {
		.source = { ops, &stage->pass },
		.limits = &stage->limits,
		.interval_ms = interval_ms,
		.frame_rows = frame_rows,
	};
	struct error err = { 0 };
	assert_int_equal(collector_start(&stage->collector, &options, &err), 0);
	collector_set_order(stage->collector, COLUMN_VERDICT, false, GROUP_NONE);
}

static void start(struct stage *stage, uint64_t interval_ms, size_t frame_rows)
{
	start_source(stage, &source_ops, interval_ms, frame_rows);
}

static void wait_for_news(struct stage *stage)
{
	struct pollfd fd = { collector_fd(stage->collector), POLLIN, 0 };
	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
}

static struct frame *wait_for_frame(struct stage *stage)
{
	struct frame *f = NULL;
	while (!f) {
		wait_for_news(stage);
		f = collector_take(stage->collector, true, &stage->status);
	}
	return f;
}

static void order(struct stage *stage, enum column sort, bool is_reversed,
		  enum group_by group_by)
{
	collector_set_order(stage->collector, sort, is_reversed, group_by);
	collector_arrange(stage->collector);
}

static uint64_t cookie_at(const struct frame *f, size_t position)
{
	return f->snap.sockets[f->rows[position]].cookie;
}

/* So few that another order needs another frame. */
enum { SOME = 4 };

static void a_new_order_needs_no_new_pass(void **state)
{
	(void)state;
	struct stage stage;
	start(&stage, 3600000, SOME);
	struct frame *f = wait_for_frame(&stage);
	assert_false(f->is_whole);
	assert_int_equal(f->row_count, SOME);
	assert_null(collector_take(stage.collector, true, &stage.status));
	order(&stage, COLUMN_SQ, false, GROUP_NONE);
	f = wait_for_frame(&stage);
	assert_int_equal(f->sort, COLUMN_SQ);
	assert_int_equal(f->row_count, SOME);
	for (size_t i = 0; i < SOME; i++)
		assert_int_equal(cookie_at(f, i), 100 + CONNECTIONS - 1 - i);
	assert_null(collector_take(stage.collector, true, &stage.status));
	collector_stop(stage.collector);
	assert_int_equal(stage.pass, 1);
}

static void filter_and_groups_come_the_same_way(void **state)
{
	(void)state;
	struct stage stage;
	start(&stage, 3600000, SOME);
	wait_for_frame(&stage);
	collector_set_filter(stage.collector, "dport = 40004", 1);
	order(&stage, COLUMN_VERDICT, false, GROUP_PEER);
	struct frame *f = wait_for_frame(&stage);
	assert_int_equal(f->filter_number, 1);
	assert_int_equal(f->row_count, 1);
	assert_int_equal(f->matching_count, 1);
	assert_int_equal(f->connection_count, CONNECTIONS);
	assert_int_equal(cookie_at(f, 0), 104);
	assert_int_equal(f->grouping.count, 1);
	assert_int_equal(f->grouping.groups[0].count, 1);
	collector_stop(stage.collector);
}

static void the_selected_row_is_in_every_frame(void **state)
{
	(void)state;
	struct stage stage;
	start(&stage, 3600000, SOME);
	struct frame *f = wait_for_frame(&stage);
	collector_keep(stage.collector, 100);
	order(&stage, COLUMN_SQ, false, GROUP_NONE);
	f = wait_for_frame(&stage);
	assert_int_equal(frame_find(f, 100), SOME);
	assert_int_equal(f->row_count, SOME + 1);
	collector_stop(stage.collector);
}

/* Frozen: the frame that has not all rows can be made anew, of the same pass. */
static void what_is_frozen_can_be_arranged(void **state)
{
	(void)state;
	struct stage stage;
	start(&stage, 1, SOME);
	wait_for_frame(&stage);
	collector_set_paused(stage.collector, true);
	collector_refresh(stage.collector);
	struct frame *f = wait_for_frame(&stage);
	/* One that was on its way may come behind it; then there is rest. */
	uint64_t shown_ms = 0;
	for (int i = 0; i < 20; i++) {
		order(&stage, i % 2 ? COLUMN_SQ : COLUMN_VERDICT, false, GROUP_NONE);
		f = wait_for_frame(&stage);
		if (i >= 3) {
			assert_true(!shown_ms || f->snap.monotonic_ms == shown_ms);
			shown_ms = f->snap.monotonic_ms;
		}
	}
	assert_int_equal(f->sort, COLUMN_SQ);
	assert_int_equal(cookie_at(f, 0), 100 + CONNECTIONS - 1);
	collector_stop(stage.collector);
}

/* Frozen, and all rows are there: the history goes on. */
static void passes_go_on_behind_a_frozen_screen(void **state)
{
	(void)state;
	struct stage stage;
	start(&stage, 1, 0);
	struct frame *f = wait_for_frame(&stage);
	assert_true(f->is_whole);
	collector_set_paused(stage.collector, true);
	for (int i = 0; i < 5; i++)
		assert_true(wait_for_frame(&stage)->is_whole);
	collector_stop(stage.collector);
}

static struct frame *wait_for_pass(struct stage *stage, size_t number)
{
	struct frame *f;
	do
		f = wait_for_frame(stage);
	while (f->pass_number != number);
	return f;
}

/* Whether a frame is whole or not: a step back, and then another order. */
static void a_recording_is_arranged_where_it_is(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, SOME };
	for (size_t size = 0; size < 2; size++) {
		struct stage stage;
		start_source(&stage, &recorded_ops, 3600000, sizes[size]);
		collector_set_paused(stage.collector, true);
		wait_for_frame(&stage);
		for (size_t number = 2; number <= 6; number++) {
			collector_step(stage.collector, 1);
			wait_for_pass(&stage, number);
		}
		collector_step(stage.collector, -1);
		struct frame *f = wait_for_pass(&stage, 5);
		if (!f->is_whole) {
			order(&stage, COLUMN_SQ, false, GROUP_NONE);
			f = wait_for_frame(&stage);
			assert_int_equal(f->sort, COLUMN_SQ);
		}
		assert_int_equal(f->pass_number, 5);
		assert_int_equal(f->snap.monotonic_ms, 100000 + 4 * 1000);
		collector_stop(stage.collector);
	}
}

/* Whatever comes when: every row is there once. Of use with -fsanitize=thread. */
static void check_rows(const struct frame *f)
{
	unsigned seen = 0;
	size_t least = f->is_whole ? CONNECTIONS : SOME;
	/* A group's worst row is there, too. */
	size_t more = !f->is_whole && f->grouping.by != GROUP_NONE;
	assert_in_range(f->row_count, least, least + more);
	for (size_t i = 0; i < f->row_count; i++) {
		unsigned bit = 1U << (cookie_at(f, i) - 100);
		assert_false(seen & bit);
		seen |= bit;
	}
}

static void orders_and_passes_do_not_mix(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, SOME };
	for (size_t size = 0; size < 2; size++) {
		struct stage stage;
		start(&stage, 1, sizes[size]);
		struct frame *f = wait_for_frame(&stage);
		unsigned frames = 0, orders = 0;
		for (unsigned i = 0; frames < 100 || orders < 10; i++) {
			enum column sort = i % 2 ? COLUMN_SQ : COLUMN_VERDICT;
			order(&stage, sort, i % 3 == 0,
			      i % 5 ? GROUP_NONE : GROUP_PEER);
			wait_for_news(&stage);
			struct frame *next =
				collector_take(stage.collector, i % 4, &stage.status);
			f = next ? next : f;
			frames += next != NULL;
			orders += next && f->sort == sort;
			check_rows(f);
		}
		collector_stop(stage.collector);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_order_needs_no_new_pass),
		cmocka_unit_test(filter_and_groups_come_the_same_way),
		cmocka_unit_test(the_selected_row_is_in_every_frame),
		cmocka_unit_test(what_is_frozen_can_be_arranged),
		cmocka_unit_test(passes_go_on_behind_a_frozen_screen),
		cmocka_unit_test(a_recording_is_arranged_where_it_is),
		cmocka_unit_test(orders_and_passes_do_not_mix),
	};
	return cmocka_run_group_tests_name("watch_collector", tests, NULL, NULL);
}
