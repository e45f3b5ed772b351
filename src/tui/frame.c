/* SPDX-License-Identifier: MIT */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/memory.h"

/* Rows that are looked at for the width of PEER; the rest may be cut. */
enum { PEER_SAMPLE = 1000 };

#define AGE_UNKNOWN UINT32_MAX

static int widest_peer(const struct frame *f)
{
	size_t widest = 0;
	for (size_t i = 0; i < f->row_count && i < PEER_SAMPLE; i++) {
		const struct tcp_socket *sk = &f->snap.sockets[f->rows[i]];
		char text[ENDPOINT_TEXT_SIZE];
		size_t len = (size_t)(endpoint_put(text, &sk->peer, sk->ip_version,
						   sk->peer_port) -
				      text);
		if (len > widest)
			widest = len;
	}
	return (int)widest;
}

/* Twice the hundredths of a second, and whether that is all. */
static uint32_t state_age_of(const struct socket_past *past, uint64_t now_ms)
{
	uint64_t cs = (now_ms - past->state_since_ms) / 10;
	uint64_t most = AGE_UNKNOWN / 2 - 1;
	return (uint32_t)(cs < most ? cs : most) * 2 + past->is_state_since_exact;
}

static void keep_age(struct frame *f, const struct history *history, uint32_t row)
{
	const struct tcp_socket *sk = &f->snap.sockets[row];
	uint64_t now_ms = f->snap.monotonic_ms;
	struct socket_past past;
	bool is_known = history_find(history, sk->cookie, &past);
	int64_t age_ms = connection_age_ms(sk, is_known ? &past : NULL, now_ms);
	f->ages[row] = age_ms < 0 ? AGE_UNKNOWN : (uint32_t)(age_ms / 10);
	f->state_ages[row] = is_known ? state_age_of(&past, now_ms) : AGE_UNKNOWN;
}

static void keep_ages(struct frame *f, const struct history *past)
{
	size_t count = f->snap.socket_count;
	array_reserve(&f->ages, &f->age_capacity, count, sizeof(*f->ages));
	array_reserve(&f->state_ages, &f->state_age_capacity, count,
		      sizeof(*f->state_ages));
	for (size_t i = 0; i < count; i++)
		keep_age(f, past, (uint32_t)i);
}

void frame_row_init(struct field_row *out, const struct frame *f, uint32_t row,
		    const struct render_options *options)
{
	field_row_init(out, &f->report, row, options);
	uint32_t age = f->state_ages[row];
	int64_t ms = age / 2 * 10LL;
	if (age == AGE_UNKNOWN)
		return;
	struct derived *d = &out->derived;
	d->is_in_state_exact = age & 1;
	if (d->is_in_state_exact || ms > d->in_state_ms)
		d->in_state_ms = ms;
}

static bool ended_matches(const struct frame *f, const struct filter *filter,
			  const struct followed *e)
{
	uint64_t first_ns = e->timeline.first_seen_ns;
	struct filter_subject subject = {
		.snap = &f->snap,
		.socket = &e->socket,
		.age_ms = e->missed_ns > first_ns
				  ? (int64_t)((e->missed_ns - first_ns) / 1000000)
				  : -1,
		.verdict = e->assessment.verdict,
		.role = e->assessment.role,
	};
	return filter_match(filter, &subject);
}

static void filter_ended(struct frame *f, const struct filter *filter)
{
	f->ended_row_count = 0;
	for (size_t i = 0; i < f->ended_count; i++)
		if (!filter || ended_matches(f, filter, &f->ended[i].last))
			f->ended_rows[f->ended_row_count++] = (uint16_t)i;
}

static bool matches(const struct frame *f, const struct filter *filter, uint32_t row)
{
	int64_t age_ms = f->ages[row] == AGE_UNKNOWN ? -1 : f->ages[row] * 10LL;
	return row_matches(&f->report, row, age_ms, filter);
}

static void apply_filter(struct frame *f, const struct live_filter *live)
{
	const struct filter *filter = live ? live->filter : NULL;
	f->row_count = 0;
	memset(f->verdicts, 0, sizeof(f->verdicts));
	for (uint32_t row = 0; row < f->own_count; row++) {
		if (filter && !matches(f, filter, row))
			continue;
		f->verdicts[f->report.assessments[row].verdict]++;
		f->rows[f->row_count++] = row;
	}
	f->matching_count = f->row_count;
	filter_ended(f, filter);
	f->filter_number = live ? live->number : 0;
}

/* That is how they stand in the snapshot. */
static void order_by_harm(struct frame *f, const struct live_filter *live)
{
	grouping_clear(&f->grouping);
	free(f->rows);
	f->rows = xcalloc(f->own_count + 1, sizeof(*f->rows));
	apply_filter(f, live);
	f->sort = COLUMN_VERDICT;
	f->is_reversed = false;
	f->peer_width = widest_peer(f);
}

static void copy_services(struct frame *f, const struct pass *p)
{
	size_t count = p->service_count;
	free(f->services);
	free(f->gauges);
	f->services = xcalloc(count + 1, sizeof(*f->services));
	f->gauges = xcalloc(p->report.service_count + 1, sizeof(*f->gauges));
	memcpy(f->services, p->services, count * sizeof(*f->services));
	memcpy(f->gauges, p->gauges, p->report.service_count * sizeof(*f->gauges));
	f->service_count = count;
}

/* The journal goes on with the next pass; what the screen shows of it is copied. */
static void copy_journal(struct frame *f, const struct journal *j)
{
	const struct followers *followers = &j->followers;
	if (!f->ended)
		f->ended = xcalloc(ENDED_MAX, sizeof(*f->ended));
	f->ended_count = followers->ended_count;
	for (size_t i = 0; i < f->ended_count; i++)
		f->ended[i] = followers->ended[f->ended_count - 1 - i];
	event_log_copy(&f->events, &j->log);
}

static void copy_series(struct frame *f, const struct series *series)
{
	struct series_scope host = series_of_host();
	trend_take(&f->trend, series, &host);
}

/* What is counted over the whole pass. */
static void take_totals(struct frame *f, const struct pass *p,
			const struct selection *s)
{
	f->connection_count = p->connection_count;
	if (f->is_whole)
		return;
	f->matching_count = s->matching;
	memcpy(f->verdicts, s->verdicts, sizeof(f->verdicts));
	grouping_set_totals(&f->grouping, &s->totals);
}

static void make_detail(struct frame *f, const struct pass *p,
			const struct frame_request *q)
{
	detail_clear(&f->detail);
	if (q->wanted)
		detail_make(&f->detail, &p->report,
			    q->journal ? &q->journal->followers : NULL, q->wanted,
			    q->use_utf8);
}

static void group_rows(struct frame *f, enum group_by by)
{
	grouping_make(&f->grouping, &f->report, f->rows, f->row_count, f->ages, by);
}

void frame_make(struct frame *f, const struct pass *p, const struct frame_request *q)
{
	const uint64_t kept[KEPT_COOKIES] = { q->wanted, q->held };
	struct selection s;
	selection_make(&s, p, q->order, kept);
	report_excerpt(&p->report, s.rows, s.count, &f->snap, &f->report);
	f->own_count = s.count;
	f->is_whole = pass_is_small(p);
	f->pass_number = p->number;
	keep_ages(f, p->report.history);
	copy_services(f, p);
	peers_copy(&f->peers, &p->peers, &p->snap, &f->snap);
	processes_copy(&f->processes, &p->processes, &p->snap, &f->snap);
	if (q->journal)
		copy_journal(f, q->journal);
	if (q->series)
		copy_series(f, q->series);
	make_detail(f, p, q);
	order_by_harm(f, q->order->filter);
	frame_arrange(f, q->order);
	take_totals(f, p, &s);
	selection_clear(&s);
}

struct sort_item {
	struct sort_key key;
	uint32_t rank; /* place in the order by harm */
	uint32_t row;
};

static int compare_items(const void *a, const void *b)
{
	const struct sort_item *x = a, *y = b;
	int by_key = sort_key_compare(&x->key, &y->key);
	return by_key ? by_key : (x->rank > y->rank) - (x->rank < y->rank);
}

static void sort_by_key(struct frame *f, const struct frame_order *order)
{
	static const struct render_options options = { 0 };
	auto_free struct sort_item *items = xcalloc(f->row_count + 1, sizeof(*items));
	for (size_t i = 0; i < f->row_count; i++) {
		struct field_row row;
		frame_row_init(&row, f, f->rows[i], &options);
		items[i] = (struct sort_item){ row_key(&row, order), (uint32_t)i,
					       f->rows[i] };
	}
	qsort(items, f->row_count, sizeof(*items), compare_items);
	for (size_t i = 0; i < f->row_count; i++)
		f->rows[i] = items[i].row;
}

static void sort_rows(struct frame *f, const struct frame_order *o, bool is_filtered)
{
	/* The order by harm is the tie-break of every other one. */
	if (!is_filtered || f->sort != COLUMN_VERDICT || f->is_reversed)
		order_by_harm(f, o->filter);
	if (o->sort != COLUMN_VERDICT || o->is_reversed)
		sort_by_key(f, o);
	f->sort = o->sort;
	f->is_reversed = o->is_reversed;
}

bool frame_is_filtered(const struct frame *f, const struct frame_order *o)
{
	return f->filter_number == (o->filter ? o->filter->number : 0);
}

static bool is_sorted_so(const struct frame *f, const struct frame_order *o)
{
	return frame_is_filtered(f, o) && f->sort == o->sort &&
	       f->is_reversed == o->is_reversed;
}

bool frame_is_arranged(const struct frame *f, const struct frame_order *o)
{
	return is_sorted_so(f, o) && f->grouping.by == o->group_by;
}

void frame_arrange(struct frame *f, const struct frame_order *o)
{
	if (frame_is_arranged(f, o))
		return;
	if (!is_sorted_so(f, o))
		sort_rows(f, o, frame_is_filtered(f, o));
	group_rows(f, o->group_by);
}

size_t frame_find(const struct frame *f, uint64_t cookie)
{
	const struct tcp_socket *sk = snapshot_find(&f->snap, cookie);
	if (!sk)
		return SIZE_MAX;
	uint32_t row = (uint32_t)(sk - f->snap.sockets);
	for (size_t i = 0; i < f->row_count; i++)
		if (f->rows[i] == row)
			return i;
	return SIZE_MAX;
}

const struct ended *frame_find_ended(const struct frame *f, uint64_t cookie)
{
	for (size_t i = 0; i < f->ended_count; i++)
		if (f->ended[i].last.socket.cookie == cookie)
			return &f->ended[i];
	return NULL;
}

void frame_clear(struct frame *f)
{
	report_clear(&f->report);
	snapshot_clear(&f->snap);
	detail_clear(&f->detail);
	grouping_clear(&f->grouping);
	free(f->rows);
	free(f->services);
	free(f->gauges);
	free(f->ages);
	free(f->state_ages);
	free(f->ended);
	peers_clear(&f->peers);
	processes_clear(&f->processes);
	event_log_clear(&f->events);
	*f = (struct frame){ 0 };
}
