/* SPDX-License-Identifier: MIT */
#include "selection.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/memory.h"
#include "ranking.h"

bool row_matches(const struct report *r, uint32_t row, int64_t age_ms,
		 const struct filter *filter)
{
	const struct assessment *a = &r->assessments[row];
	struct filter_subject subject = {
		.snap = r->snap,
		.socket = &r->snap->sockets[row],
		.age_ms = age_ms,
		.verdict = a->verdict,
		.role = a->role,
	};
	return filter_match(filter, &subject);
}

struct sort_key row_key(const struct field_row *row, const struct frame_order *order)
{
	const struct column_info *column = &column_table[order->sort];
	struct sort_key key = column->key(row);
	if (column->is_largest_first != order->is_reversed)
		key = (struct sort_key){ ~key.high, ~key.low };
	return key;
}

static int64_t age_of(const struct pass *p, uint32_t row)
{
	const struct tcp_socket *sk = &p->snap.sockets[row];
	struct socket_past past;
	bool is_known = history_find(p->report.history, sk->cookie, &past);
	return connection_age_ms(sk, is_known ? &past : NULL, p->snap.monotonic_ms);
}

static void look_at(struct selection *s, struct ranking *ranking, const struct pass *p,
		    const struct frame_order *o, uint32_t row)
{
	static const struct render_options options = { 0 };
	const struct filter *filter = o->filter ? o->filter->filter : NULL;
	int64_t age_ms = age_of(p, row);
	struct field_row fields;
	if (filter && !row_matches(&p->report, row, age_ms, filter))
		return;
	s->matching++;
	s->verdicts[p->report.assessments[row].verdict]++;
	field_row_init(&fields, &p->report, row, &options);
	ranking_add(ranking, row_key(&fields, o), row);
	if (o->group_by != GROUP_NONE)
		grouping_add(&s->totals, &p->report, row,
			     age_ms < 0 ? UINT32_MAX : (uint32_t)(age_ms / 10));
}

/* The groups' worst rows are those that a frame must have to tell of every group. */
static void rank_groups(const struct selection *s, struct ranking *ranking,
			const struct pass *p)
{
	ranking_begin(ranking, &p->report, p->frame_rows);
	for (size_t i = 0; i < s->totals.count; i++) {
		uint32_t row = s->totals.groups[i].worst;
		struct sort_key key = { report_harm(&p->report, row), 0 };
		ranking_add(ranking, key, row);
	}
}

static void add_row(struct ranking *all, uint32_t row)
{
	ranking_add(all, (struct sort_key){ report_harm(all->report, row), 0 }, row);
}

static void add_ranked(struct ranking *all, const struct ranking *some)
{
	for (size_t i = 0; i < some->count; i++)
		add_row(all, some->items[i].row);
}

static void choose_by_order(struct selection *s, struct ranking *all,
			    const struct pass *p, const struct frame_order *o)
{
	struct ranking ranking = { 0 };
	ranking_begin(&ranking, &p->report, p->frame_rows);
	grouping_begin(&s->totals, o->group_by);
	for (uint32_t row = 0; row < p->snap.socket_count; row++)
		if (pass_is_connection(p, row))
			look_at(s, &ranking, p, o, row);
	add_ranked(all, &ranking);
	rank_groups(s, &ranking, p);
	add_ranked(all, &ranking);
	ranking_clear(&ranking);
}

static bool is_by_harm(const struct frame_order *o)
{
	return o->sort == COLUMN_VERDICT && !o->is_reversed &&
	       o->group_by == GROUP_NONE && !(o->filter && o->filter->filter);
}

static void choose_worst(struct selection *s, struct ranking *all, const struct pass *p)
{
	s->matching = p->connection_count;
	memcpy(s->verdicts, p->verdicts, sizeof(s->verdicts));
	for (size_t i = 0; i < p->worst_count; i++)
		add_row(all, p->worst[i]);
}

static void add_kept(struct ranking *all, const struct pass *p,
		     const uint64_t kept[static KEPT_COOKIES])
{
	for (size_t i = 0; i < KEPT_COOKIES; i++) {
		const struct tcp_socket *sk =
			kept[i] ? snapshot_find(&p->snap, kept[i]) : NULL;
		uint32_t row = sk ? (uint32_t)(sk - p->snap.sockets) : 0;
		if (sk && pass_is_connection(p, row))
			add_row(all, row);
	}
}

/* In order of harm, which is total: the same row stands beside itself. */
static void take_rows(struct selection *s, struct ranking *all)
{
	ranking_end(all);
	s->rows = xcalloc(all->count + 1, sizeof(*s->rows));
	for (size_t i = 0; i < all->count; i++)
		if (i == 0 || all->items[i].row != all->items[i - 1].row)
			s->rows[s->count++] = all->items[i].row;
}

void selection_make(struct selection *s, const struct pass *p,
		    const struct frame_order *o,
		    const uint64_t kept[static KEPT_COOKIES])
{
	*s = (struct selection){ 0 };
	if (pass_is_small(p)) {
		s->rows = xcalloc(p->worst_count + 1, sizeof(*s->rows));
		memcpy(s->rows, p->worst, p->worst_count * sizeof(*s->rows));
		s->count = p->worst_count;
		return;
	}
	struct ranking all = { 0 };
	ranking_begin(&all, &p->report, SIZE_MAX);
	if (is_by_harm(o))
		choose_worst(s, &all, p);
	else
		choose_by_order(s, &all, p, o);
	add_kept(&all, p, kept);
	take_rows(s, &all);
	ranking_clear(&all);
}

void selection_clear(struct selection *s)
{
	free(s->rows);
	grouping_clear(&s->totals);
	*s = (struct selection){ 0 };
}
