/* SPDX-License-Identifier: MIT */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/memory.h"

/* Rows that are looked at for the width of PEER; the rest may be cut. */
enum { PEER_SAMPLE = 1000 };

#define AGE_UNKNOWN      UINT32_MAX
#define NO_FILTER_NUMBER UINT64_MAX

/* Listeners are shown as services. */
static void drop_listeners(struct frame *f)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->row_count; i++)
		if (f->snap.sockets[f->rows[i]].state != TCP_STATE_LISTEN)
			f->rows[kept++] = f->rows[i];
	f->row_count = kept;
}

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
	f->new_count += is_known && past.sample_count == 1;
	f->ages[row] = age_ms < 0 ? AGE_UNKNOWN : (uint32_t)(age_ms / 10);
	f->state_ages[row] = is_known ? state_age_of(&past, now_ms) : AGE_UNKNOWN;
}

static void keep_ages(struct frame *f, const struct history *past)
{
	size_t count = f->snap.socket_count;
	array_reserve(&f->ages, &f->age_capacity, count, sizeof(*f->ages));
	array_reserve(&f->state_ages, &f->state_age_capacity, count,
		      sizeof(*f->state_ages));
	f->new_count = 0;
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

static bool matches(const struct frame *f, const struct filter *filter, uint32_t row)
{
	const struct assessment *a = &f->report.assessments[row];
	struct filter_subject subject = {
		.snap = &f->snap,
		.socket = &f->snap.sockets[row],
		.age_ms = f->ages[row] == AGE_UNKNOWN ? -1 : f->ages[row] * 10LL,
		.verdict = a->verdict,
		.role = a->role,
	};
	return filter_match(filter, &subject);
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

static void apply_filter(struct frame *f, const struct live_filter *live)
{
	const struct filter *filter = live ? live->filter : NULL;
	size_t kept = 0;
	f->connection_count = f->row_count;
	memset(f->verdicts, 0, sizeof(f->verdicts));
	for (size_t i = 0; i < f->row_count; i++) {
		if (filter && !matches(f, filter, f->rows[i]))
			continue;
		f->verdicts[f->report.assessments[f->rows[i]].verdict]++;
		f->rows[kept++] = f->rows[i];
	}
	f->row_count = kept;
	filter_ended(f, filter);
	f->filter_number = live ? live->number : 0;
}

static void order_by_harm(struct frame *f, const struct live_filter *live)
{
	grouping_clear(&f->grouping);
	free(f->rows);
	f->row_count = report_worst_first(&f->report, true, &f->rows);
	drop_listeners(f);
	apply_filter(f, live);
	f->sort = COLUMN_VERDICT;
	f->is_reversed = false;
	f->peer_width = widest_peer(f);
}

struct service_item {
	enum severity severity;
	uint32_t connections;
	uint32_t index;
};

static int compare_services(const void *a, const void *b)
{
	const struct service_item *x = a, *y = b;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->connections != y->connections)
		return x->connections > y->connections ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static void order_services(struct frame *f)
{
	size_t count = f->report.service_count;
	auto_free struct service_item *items = xcalloc(count + 1, sizeof(*items));
	for (size_t i = 0; i < count; i++) {
		const struct service *s = &f->report.services[i];
		items[i] = (struct service_item){ s->severity, s->connection_count,
						  (uint32_t)i };
	}
	qsort(items, count, sizeof(*items), compare_services);
	free(f->services);
	f->services = xcalloc(count + 1, sizeof(*f->services));
	for (size_t i = 0; i < count; i++)
		f->services[i] = items[i].index;
	f->service_count = count;
}

/* More services than a screen has lines for are not looked into the future of. */
enum { FORESEEN_MAX = 16 };

static void measure_services(struct frame *f)
{
	free(f->gauges);
	f->gauges = xcalloc(f->report.service_count + 1, sizeof(*f->gauges));
	gauges_measure(&f->report, f->gauges);
	for (size_t i = 0; i < f->service_count && i < FORESEEN_MAX; i++)
		gauge_foresee(&f->report, &f->gauges[f->services[i]]);
}

/* The journal goes on with the next pass; what the screen shows of it is copied. */
static void keep_journal(struct frame *f, const struct journal *j)
{
	const struct followers *followers = &j->followers;
	if (!f->ended)
		f->ended = xcalloc(ENDED_MAX, sizeof(*f->ended));
	f->ended_count = followers->ended_count;
	for (size_t i = 0; i < f->ended_count; i++)
		f->ended[i] = followers->ended[f->ended_count - 1 - i];
	filter_ended(f, NULL);
	event_log_copy(&f->events, &j->log);
}

static void update_journal(struct frame *f, const struct history *past,
			   const struct frame_question *q)
{
	const struct follow_pass pass = {
		.report = &f->report,
		.past = past,
		.rows = f->rows,
		.row_count = f->row_count,
		.filter = q->filter,
		.wanted = q->wanted,
	};
	if (!q->journal)
		return;
	journal_update(q->journal, &pass, f->new_count);
	keep_journal(f, q->journal);
}

void frame_diagnose(struct frame *f, const struct history *past,
		    const struct frame_question *q)
{
	struct diagnose_options options = { .filter = q->filter,
					    .policy = q->policy,
					    .with_findings = true,
					    .series = q->series };
	diagnose(&f->snap, past, q->limits, &options, &f->report);
	f->report.pass_count = history_pass_count(past);
	f->report.duration_ns = f->snap.duration_ns;
	keep_ages(f, past);
	order_by_harm(f, NULL);
	order_services(f);
	measure_services(f);
	peers_make(&f->peers, &f->report, f->rows, f->row_count);
	processes_make(&f->processes, &f->report, f->rows, f->row_count);
	update_journal(f, past, q);
	detail_clear(&f->detail);
	if (q->wanted)
		detail_make(&f->detail, &f->report,
			    q->journal ? &q->journal->followers : NULL, q->wanted,
			    q->use_utf8);
	/* History and series go on with the next pass, this frame does not. */
	f->report.history = NULL;
	f->report.series = NULL;
}

struct sort_item {
	struct sort_key key;
	uint32_t rank; /* place in the order by harm */
	uint32_t row;
};

static int compare_items(const void *a, const void *b)
{
	const struct sort_item *x = a, *y = b;
	if (x->key.high != y->key.high)
		return x->key.high < y->key.high ? -1 : 1;
	if (x->key.low != y->key.low)
		return x->key.low < y->key.low ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

static void sort_by_key(struct frame *f, const struct column_info *column,
			bool is_descending)
{
	static const struct render_options options = { 0 };
	auto_free struct sort_item *items = xmalloc(f->row_count * sizeof(*items));
	for (size_t i = 0; i < f->row_count; i++) {
		struct field_row row;
		frame_row_init(&row, f, f->rows[i], &options);
		struct sort_key key = column->key(&row);
		if (is_descending)
			key = (struct sort_key){ ~key.high, ~key.low };
		items[i] = (struct sort_item){ key, (uint32_t)i, f->rows[i] };
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
	const struct column_info *column = &column_table[o->sort];
	if ((o->sort != COLUMN_VERDICT || o->is_reversed) && f->row_count)
		sort_by_key(f, column, column->is_largest_first != o->is_reversed);
	f->sort = o->sort;
	f->is_reversed = o->is_reversed;
}

static bool is_filtered_so(const struct frame *f, const struct frame_order *o)
{
	return f->filter_number == (o->filter ? o->filter->number : 0);
}

static bool is_sorted_so(const struct frame *f, const struct frame_order *o)
{
	return is_filtered_so(f, o) && f->sort == o->sort &&
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
		sort_rows(f, o, is_filtered_so(f, o));
	grouping_make(&f->grouping, &f->report, f->rows, f->row_count, f->ages,
		      o->group_by);
}

void frame_borrow(struct frame *out, const struct frame *f)
{
	*out = (struct frame){
		.snap = f->snap,
		.report = f->report,
		.ended = f->ended,
		.ended_count = f->ended_count,
		.ages = f->ages,
		.state_ages = f->state_ages,
		.filter_number = NO_FILTER_NUMBER,
	};
}

void frame_drop_order(struct frame *borrowed)
{
	grouping_clear(&borrowed->grouping);
	free(borrowed->rows);
	*borrowed = (struct frame){ 0 };
}

void frame_move_order(struct frame *to, struct frame *from)
{
	grouping_clear(&to->grouping);
	free(to->rows);
	to->rows = from->rows;
	to->row_count = from->row_count;
	to->connection_count = from->connection_count;
	memcpy(to->verdicts, from->verdicts, sizeof(to->verdicts));
	to->grouping = from->grouping;
	memcpy(to->ended_rows, from->ended_rows, sizeof(to->ended_rows));
	to->ended_row_count = from->ended_row_count;
	to->sort = from->sort;
	to->is_reversed = from->is_reversed;
	to->filter_number = from->filter_number;
	to->peer_width = from->peer_width;
	*from = (struct frame){ 0 };
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
