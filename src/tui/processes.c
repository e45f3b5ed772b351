/* SPDX-License-Identifier: MIT */
#include "processes.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

/*
 * Where to look for an inode among the sorted owners: inodes are given out in a row,
 * so a table by their high bits leads next to it, and a million rows need no million
 * binary searches.
 */
struct owner_index {
	const struct snapshot *snap;
	uint32_t *first; /* position of the first owner at or above the step */
	uint32_t base;
	unsigned shift;
	size_t steps;
};

enum { STEPS_BITS = 16 };

static void index_owners(struct owner_index *o, const struct snapshot *snap)
{
	*o = (struct owner_index){ .snap = snap };
	if (!snap->owner_count)
		return;
	o->base = snap->owners[0].inode;
	uint32_t range = snap->owners[snap->owner_count - 1].inode - o->base;
	while (range >> o->shift >= 1U << STEPS_BITS)
		o->shift++;
	o->steps = (range >> o->shift) + 1;
	o->first = xcalloc(o->steps + 1, sizeof(*o->first));
	size_t step = 0;
	for (size_t i = 0; i < snap->owner_count; i++)
		for (; step <= (snap->owners[i].inode - o->base) >> o->shift; step++)
			o->first[step] = (uint32_t)i;
	o->first[o->steps] = (uint32_t)snap->owner_count;
}

/* The first owner of the inode, as report_process_of() has it; SIZE_MAX = none. */
static size_t owner_of(const struct owner_index *o, uint32_t inode)
{
	if (!inode || !o->steps || inode < o->base)
		return SIZE_MAX;
	size_t step = (inode - o->base) >> o->shift;
	if (step >= o->steps)
		return SIZE_MAX;
	for (uint32_t i = o->first[step]; i < o->first[step + 1]; i++)
		if (o->snap->owners[i].inode == inode)
			return o->snap->owners[i].process;
	return SIZE_MAX;
}

static uint64_t id_of(const struct process *p)
{
	return u64_hash((uint64_t)(uint32_t)p->pid << 32 ^ p->start_ticks) | 1;
}

/* `places`: 1 + position of each process's row, 0 = it has none. */
static struct process_row *row_of(struct process_list *list, uint32_t *places,
				  const struct snapshot *snap, size_t process)
{
	if (!places[process]) {
		array_reserve(&list->rows, &list->capacity, list->count + 1,
			      sizeof(*list->rows));
		list->rows[list->count] = (struct process_row){
			.id = id_of(&snap->processes[process]),
			.process = (uint32_t)process,
			.service = NO_INDEX,
		};
		places[process] = (uint32_t)++list->count;
	}
	return &list->rows[places[process] - 1];
}

static void count_row(struct process_row *p, uint32_t row, const struct assessment *a)
{
	row_sample_add(&p->sample, row, a);
	p->count++;
	p->verdicts[a->verdict]++;
	p->complaints += verdict_table[a->verdict].is_complaint;
}

static void count_connections(struct process_list *list, uint32_t *places,
			      const struct report *r, const uint32_t *rows,
			      size_t row_count)
{
	struct owner_index owners;
	index_owners(&owners, r->snap);
	for (size_t i = 0; i < row_count; i++) {
		size_t process = owner_of(&owners, r->snap->sockets[rows[i]].inode);
		if (process == SIZE_MAX)
			list->unowned++;
		else
			count_row(row_of(list, places, r->snap, process), rows[i],
				  &r->assessments[rows[i]]);
	}
	free(owners.first);
}

static void add_servers(struct process_list *list, uint32_t *places,
			const struct report *r)
{
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		for (size_t j = 0; j < s->process_count; j++) {
			struct process_row *p =
				row_of(list, places, r->snap, s->processes[j]);
			if (p->service == NO_INDEX)
				p->service = (int32_t)i;
		}
	}
}

int process_fd_share(const struct process *p)
{
	if (p->fd_count < 0 || p->fd_limit <= 0)
		return -1;
	int64_t share =
		p->fd_count >= p->fd_limit ? 1000 : p->fd_count * 1000 / p->fd_limit;
	return (int)share;
}

static uint32_t harm_of(const struct process_row *p)
{
	return p->complaints ? p->sample.worst.verdict : VERDICT_COUNT;
}

static int compare_processes(const void *a, const void *b)
{
	const struct process_row *x = a, *y = b;
	if (harm_of(x) != harm_of(y))
		return harm_of(x) < harm_of(y) ? -1 : 1;
	if (x->complaints != y->complaints)
		return x->complaints > y->complaints ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return (x->process > y->process) - (x->process < y->process);
}

void processes_make(struct process_list *list, const struct report *r,
		    const uint32_t *rows, size_t row_count)
{
	auto_free uint32_t *places =
		xcalloc(r->snap->process_count + 1, sizeof(*places));
	list->count = list->unowned = 0;
	count_connections(list, places, r, rows, row_count);
	add_servers(list, places, r);
	if (list->count)
		qsort(list->rows, list->count, sizeof(*list->rows), compare_processes);
}

void processes_copy(struct process_list *out, const struct process_list *list,
		    const struct snapshot *from, const struct snapshot *to)
{
	array_reserve(&out->rows, &out->capacity, list->count, sizeof(*out->rows));
	out->count = list->count;
	out->unowned = list->unowned;
	for (size_t i = 0; i < list->count; i++) {
		out->rows[i] = list->rows[i];
		row_sample_move(&out->rows[i].sample, from, to);
	}
}

void processes_clear(struct process_list *list)
{
	free(list->rows);
	*list = (struct process_list){ 0 };
}
