/* SPDX-License-Identifier: MIT */
#include "ranking.h"

#include <stdlib.h>

#include "conn-doctor/memory.h"

static int compare(const struct report *report, const struct ranked *x,
		   const struct ranked *y)
{
	int by_key = sort_key_compare(&x->key, &y->key);
	return by_key ? by_key : report_compare_harm(report, x->row, y->row);
}

/* For qsort_r. */
static int compare_items(const void *a, const void *b, void *ranking)
{
	return compare(((const struct ranking *)ranking)->report, a, b);
}

void ranking_begin(struct ranking *r, const struct report *report, size_t most)
{
	r->report = report;
	r->most = most;
	r->count = 0;
}

/* The heap's first item stands last of all. */
static void sift_down(struct ranking *r, size_t at)
{
	struct ranked item = r->items[at];
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= r->count)
			break;
		if (child + 1 < r->count &&
		    compare(r->report, &r->items[child], &r->items[child + 1]) < 0)
			child++;
		if (compare(r->report, &r->items[child], &item) <= 0)
			break;
		r->items[at] = r->items[child];
		at = child;
	}
	r->items[at] = item;
}

static void make_heap(struct ranking *r)
{
	for (size_t i = r->count / 2; i-- > 0;)
		sift_down(r, i);
}

void ranking_add(struct ranking *r, struct sort_key key, uint32_t row)
{
	struct ranked item = { key, row };
	if (r->count < r->most) {
		array_reserve(&r->items, &r->capacity, r->count + 1, sizeof(*r->items));
		r->items[r->count++] = item;
		if (r->count == r->most)
			make_heap(r);
		return;
	}
	if (r->most && compare(r->report, &item, &r->items[0]) < 0) {
		r->items[0] = item;
		sift_down(r, 0);
	}
}

void ranking_end(struct ranking *r)
{
	if (r->count)
		qsort_r(r->items, r->count, sizeof(*r->items), compare_items, r);
}

void ranking_clear(struct ranking *r)
{
	free(r->items);
	*r = (struct ranking){ 0 };
}
