/* SPDX-License-Identifier: MIT */
#include "grouping.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"
#include "conn-doctor/u64_map.h"

#define GROUP_ID_MARK (UINT64_C(1) << 63)

/* What the rows of a group have in common, as two numbers. */
struct group_key {
	uint64_t high, low;
};

static const struct group_key no_key = { UINT64_MAX, UINT64_MAX };

static struct group_key key_none(const struct report *r, uint32_t row)
{
	(void)r, (void)row;
	return no_key;
}

static struct group_key key_peer(const struct report *r, uint32_t row)
{
	struct group_key key;
	ip_address_halves(&r->snap->sockets[row].peer, &key.high, &key.low);
	return key;
}

static struct group_key key_process(const struct report *r, uint32_t row)
{
	int32_t fd;
	const struct process *p = report_process_of(r, row, &fd);
	return p ? (struct group_key){ 0, (uint32_t)p->pid } : no_key;
}

static struct group_key key_verdict(const struct report *r, uint32_t row)
{
	return (struct group_key){ 0, r->assessments[row].verdict };
}

static struct group_key key_service(const struct report *r, uint32_t row)
{
	const struct service *s = report_service_of(r, row);
	return s ? (struct group_key){ s->netns, s->port } : no_key;
}

static void put_none(const struct report *r, uint32_t row, struct strbuf *out)
{
	(void)r, (void)row;
	strbuf_add(out, "all");
}

static void put_peer(const struct report *r, uint32_t row, struct strbuf *out)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	char text[IP_TEXT_SIZE];
	strbuf_add(out, ip_address_print(&sk->peer, sk->ip_version, text));
}

static void put_process(const struct report *r, uint32_t row, struct strbuf *out)
{
	int32_t fd;
	const struct process *p = report_process_of(r, row, &fd);
	if (!p) {
		strbuf_add(out, "no owner known");
		return;
	}
	text_sanitize(out, p->comm, strlen(p->comm));
	strbuf_addf(out, "[%d]", p->pid);
}

static void put_verdict(const struct report *r, uint32_t row, struct strbuf *out)
{
	strbuf_add(out, verdict_table[r->assessments[row].verdict].code);
}

static void put_service(const struct report *r, uint32_t row, struct strbuf *out)
{
	const struct service *s = report_service_of(r, row);
	if (!s) {
		strbuf_add(out, "no service here");
		return;
	}
	strbuf_add(out, s->listener_text);
	if (s->stack)
		strbuf_addf(out, " %s", s->stack);
}

static const struct {
	const char *name;
	struct group_key (*key)(const struct report *r, uint32_t row);
	void (*put_name)(const struct report *r, uint32_t row, struct strbuf *out);
} ways[GROUP_BY_COUNT] = {
	[GROUP_NONE] = { "none", key_none, put_none },
	[GROUP_PEER] = { "peer", key_peer, put_peer },
	[GROUP_PROCESS] = { "process", key_process, put_process },
	[GROUP_VERDICT] = { "verdict", key_verdict, put_verdict },
	[GROUP_SERVICE] = { "service", key_service, put_service },
};

const char *group_by_name(enum group_by by)
{
	return ways[by].name;
}

static uint64_t id_of(enum group_by by, const struct group_key *key)
{
	return (u64_hash(u64_hash(key->high + by) ^ key->low)) | GROUP_ID_MARK;
}

void grouping_begin(struct grouping *g, enum group_by by)
{
	grouping_clear(g);
	g->by = by;
}

static uint32_t find_or_add(struct grouping *g, const struct report *r, uint32_t row)
{
	struct group_key key = ways[g->by].key(r, row);
	uint64_t id = id_of(g->by, &key);
	bool is_new;
	uint32_t *index = u64_map_insert(&g->index, id, &is_new);
	if (!is_new)
		return *index;
	*index = (uint32_t)g->count;
	array_reserve(&g->groups, &g->capacity, g->count + 1, sizeof(*g->groups));
	g->groups[g->count++] = (struct group){
		.id = id,
		.worst = row,
		.oldest_cs = UINT32_MAX,
	};
	return *index;
}

uint32_t grouping_add(struct grouping *g, const struct report *r, uint32_t row,
		      uint32_t age_cs)
{
	uint32_t index = find_or_add(g, r, row);
	struct group *group = &g->groups[index];
	const struct tcp_socket *sk = &r->snap->sockets[row];
	if (report_compare_harm(r, row, group->worst) < 0)
		group->worst = row;
	if (age_cs != UINT32_MAX &&
	    (group->oldest_cs == UINT32_MAX || age_cs > group->oldest_cs))
		group->oldest_cs = age_cs;
	group->recv_queue += sk->recv_queue;
	group->send_queue += sk->send_queue;
	group->count++;
	group->total++;
	return index;
}

/* The rows group by group; `groups_of` has the group of each. */
static void put_in_order(struct grouping *g, const uint32_t *rows, size_t row_count,
			 const uint32_t *groups_of)
{
	auto_free uint32_t *next = xcalloc(g->count + 1, sizeof(*next));
	g->order = xcalloc(row_count + 1, sizeof(*g->order));
	for (size_t i = 0; i < g->count; i++) {
		g->groups[i].first = next[i];
		next[i + 1] = next[i] + g->groups[i].count;
	}
	for (size_t i = 0; i < row_count; i++)
		g->order[next[groups_of[i]]++] = rows[i];
}

void grouping_make(struct grouping *g, const struct report *r, const uint32_t *rows,
		   size_t row_count, const uint32_t *ages, enum group_by by)
{
	grouping_begin(g, by);
	if (by == GROUP_NONE)
		return;
	auto_free uint32_t *groups_of = xcalloc(row_count + 1, sizeof(*groups_of));
	for (size_t i = 0; i < row_count; i++)
		groups_of[i] = grouping_add(g, r, rows[i], ages[rows[i]]);
	put_in_order(g, rows, row_count, groups_of);
}

void grouping_set_totals(struct grouping *g, const struct grouping *totals)
{
	for (size_t i = 0; i < g->count; i++) {
		struct group *group = &g->groups[i];
		const uint32_t *index = u64_map_find(&totals->index, group->id);
		if (!index)
			continue;
		const struct group *all = &totals->groups[*index];
		group->total = all->total;
		group->oldest_cs = all->oldest_cs;
		group->recv_queue = all->recv_queue;
		group->send_queue = all->send_queue;
	}
}

static size_t lines_needed(const struct grouping *g, const struct folds *folds)
{
	size_t count = g->count;
	for (size_t i = 0; i < g->count; i++)
		if (folds_is_open(folds, g->groups[i].id))
			count += g->groups[i].count;
	return count;
}

void grouping_fold(struct grouping *g, const struct folds *folds)
{
	free(g->lines);
	g->lines = xcalloc(lines_needed(g, folds) + 1, sizeof(*g->lines));
	g->line_count = 0;
	for (uint32_t i = 0; i < g->count; i++) {
		const struct group *group = &g->groups[i];
		g->lines[g->line_count++] = (struct group_line){ i, GROUP_HEADING };
		if (!folds_is_open(folds, group->id))
			continue;
		for (uint32_t j = 0; j < group->count; j++)
			g->lines[g->line_count++] =
				(struct group_line){ i, g->order[group->first + j] };
	}
}

void grouping_clear(struct grouping *g)
{
	free(g->order);
	free(g->groups);
	free(g->lines);
	u64_map_clear(&g->index);
	*g = (struct grouping){ 0 };
}

size_t grouping_find(const struct grouping *g, uint64_t id)
{
	const uint32_t *index = u64_map_find(&g->index, id);
	return index ? *index : SIZE_MAX;
}

size_t grouping_line_of_group(const struct grouping *g, uint64_t id)
{
	if (!(id & GROUP_ID_MARK))
		return SIZE_MAX;
	for (size_t i = 0; i < g->line_count; i++)
		if (g->lines[i].row == GROUP_HEADING &&
		    g->groups[g->lines[i].group].id == id)
			return i;
	return SIZE_MAX;
}

/* The group that a place in `order` belongs to; groups lie there one by one. */
static size_t group_at(const struct grouping *g, size_t place)
{
	size_t low = 0, high = g->count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (g->groups[middle].first <= place)
			low = middle;
		else
			high = middle;
	}
	return low;
}

size_t grouping_line_of_row(const struct grouping *g, uint32_t row)
{
	size_t row_count = 0, place = 0;
	for (size_t i = 0; i < g->line_count; i++)
		if (g->lines[i].row == row)
			return i;
	if (g->count)
		row_count =
			g->groups[g->count - 1].first + g->groups[g->count - 1].count;
	while (place < row_count && g->order[place] != row)
		place++;
	if (place == row_count)
		return SIZE_MAX;
	return grouping_line_of_group(g, g->groups[group_at(g, place)].id);
}

void grouping_put_name(const struct grouping *g, const struct report *r, size_t group,
		       struct strbuf *out)
{
	ways[g->by].put_name(r, g->order[g->groups[group].first], out);
}

static size_t find_fold(const struct folds *f, uint64_t id)
{
	size_t i = 0;
	while (i < f->count && f->ids[i] != id)
		i++;
	return i;
}

bool folds_is_open(const struct folds *f, uint64_t id)
{
	return (find_fold(f, id) < f->count) != f->is_all_open;
}

void folds_toggle(struct folds *f, uint64_t id)
{
	size_t at = find_fold(f, id);
	if (at < f->count) {
		f->ids[at] = f->ids[--f->count];
		return;
	}
	array_reserve(&f->ids, &f->capacity, f->count + 1, sizeof(*f->ids));
	f->ids[f->count++] = id;
}

void folds_set_all(struct folds *f, bool is_open)
{
	f->count = 0;
	f->is_all_open = is_open;
}

void folds_clear(struct folds *f)
{
	free(f->ids);
	*f = (struct folds){ 0 };
}
