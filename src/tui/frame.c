/* SPDX-License-Identifier: MIT */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/memory.h"

/* Rows that are looked at for the width of PEER; the rest may be cut. */
enum { PEER_SAMPLE = 1000 };

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

static void order_by_harm(struct frame *f)
{
	free(f->rows);
	f->row_count = report_worst_first(&f->report, true, &f->rows);
	drop_listeners(f);
	f->sort = COLUMN_VERDICT;
	f->is_reversed = false;
}

void frame_diagnose(struct frame *f, const struct history *past,
		    const struct limits *limits, const struct filter *filter)
{
	struct diagnose_options options = { .filter = filter, .with_findings = true };
	diagnose(&f->snap, past, limits, &options, &f->report);
	f->report.pass_count = history_pass_count(past);
	f->report.duration_ns = f->snap.duration_ns;
	/* The history goes on with the next pass, this frame does not. */
	f->report.history = NULL;
	order_by_harm(f);
	f->peer_width = widest_peer(f);
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
		field_row_init(&row, &f->report, f->rows[i], &options);
		struct sort_key key = column->key(&row);
		if (is_descending)
			key = (struct sort_key){ ~key.high, ~key.low };
		items[i] = (struct sort_item){ key, (uint32_t)i, f->rows[i] };
	}
	qsort(items, f->row_count, sizeof(*items), compare_items);
	for (size_t i = 0; i < f->row_count; i++)
		f->rows[i] = items[i].row;
}

void frame_sort(struct frame *f, enum column sort, bool is_reversed)
{
	if (f->sort == sort && f->is_reversed == is_reversed)
		return;
	/* The order by harm is the tie-break of every other one. */
	if (f->sort != COLUMN_VERDICT || f->is_reversed)
		order_by_harm(f);
	const struct column_info *column = &column_table[sort];
	if ((sort != COLUMN_VERDICT || is_reversed) && f->row_count)
		sort_by_key(f, column, column->is_largest_first != is_reversed);
	f->sort = sort;
	f->is_reversed = is_reversed;
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

void frame_clear(struct frame *f)
{
	report_clear(&f->report);
	snapshot_clear(&f->snap);
	free(f->rows);
	*f = (struct frame){ 0 };
}
