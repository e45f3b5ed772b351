/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FILM_H
#define CONN_DOCTOR_FILM_H

#include "builders.h"
#include "conn-doctor/policy.h"
#include "frame.h"

/* Passes and their frames, made as the collector makes them. */
struct film {
	struct pass
		pass; /* its snapshot is filled between film_begin() and film_end() */
	struct frame frame;
	struct history *history;
	struct limits limits;
	struct journal journal;
	struct policy policy;
	struct filter *filter;    /* of the command line */
	struct live_filter live;  /* of the screen */
	struct frame_order order; /* worst first, unless the test says so */
	uint64_t wanted, held;
	size_t frame_rows;
};

static inline int film_set_up(void **state)
{
	struct film *film = xcalloc(1, sizeof(*film));
	film->history = history_new();
	film->order.filter = &film->live;
	limits_init(&film->limits);
	*state = film;
	return 0;
}

static inline int film_tear_down(void **state)
{
	struct film *film = *state;
	pass_clear(&film->pass);
	frame_clear(&film->frame);
	history_free(film->history);
	journal_clear(&film->journal);
	live_filter_clear(&film->live);
	filter_free(film->filter);
	free(film);
	return 0;
}

#define FILM_TEST(name) \
	cmocka_unit_test_setup_teardown(name, film_set_up, film_tear_down)

static inline void film_begin(struct film *film, uint64_t monotonic_ms)
{
	snapshot_begin(&film->pass.snap, monotonic_ms);
}

static inline void film_put(struct film *film, struct tcp_socket sk)
{
	snapshot_put(&film->pass.snap, sk);
}

/* A frame of the pass as it was last diagnosed. */
static inline void film_make_frame(struct film *film)
{
	const struct frame_request request = { .order = &film->order,
					       .journal = &film->journal,
					       .wanted = film->wanted,
					       .held = film->held };
	frame_make(&film->frame, &film->pass, &request);
}

static inline void film_end(struct film *film)
{
	const struct pass_question question = { .limits = &film->limits,
						.policy = &film->policy,
						.filter = film->filter,
						.journal = &film->journal,
						.wanted = film->wanted,
						.frame_rows = film->frame_rows };
	snapshot_finish(&film->pass.snap);
	history_update(film->history, &film->pass.snap);
	pass_diagnose(&film->pass, film->history, &question);
	film_make_frame(film);
}

#endif
