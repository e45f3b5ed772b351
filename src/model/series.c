/* SPDX-License-Identifier: MIT */
#include "conn-doctor/series.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

/*
 * Format: version u32, start_ms u64, number of scopes u32; of each: kind u8,
 * id u64, start_ticks u64, number of points u16, then the column of times (cs
 * since the start) and those of the metrics that kind has, each value u32.
 */
enum { FORMAT_VERSION = 1, HEADER_SIZE = 16, SCOPE_SIZE = 19 };

struct entry {
	struct series_scope scope;
	uint32_t count;
	uint32_t *columns; /* times, then one for each metric of the kind */
};

/* Times are hundredths of a second since start_ms (u32: 497 days). */
struct series {
	uint64_t start_ms;
	struct entry entries[SERIES_SCOPES];
	size_t count;
};

const char *const series_metric_names[SERIES_METRIC_COUNT] = {
#define X(id, name, scopes) name,
	SERIES_METRICS(X)
#undef X
};

static const uint8_t scopes_of[SERIES_METRIC_COUNT] = {
#define X(id, name, scopes) scopes,
	SERIES_METRICS(X)
#undef X
};

static bool has_metric(enum series_kind kind, size_t metric)
{
	return scopes_of[metric] & 1 << kind;
}

/* Column of a metric, from 1 (0 has the times); of METRIC_COUNT: how many. */
static size_t column_of(enum series_kind kind, size_t metric)
{
	size_t column = 1;
	for (size_t i = 0; i < metric; i++)
		column += has_metric(kind, i);
	return column;
}

static size_t column_count(enum series_kind kind)
{
	return column_of(kind, SERIES_METRIC_COUNT);
}

static uint32_t *column_at(const struct entry *e, size_t column)
{
	return e->columns + column * SERIES_POINTS;
}

struct series *series_new(void)
{
	return xcalloc(1, sizeof(struct series));
}

static void forget_all(struct series *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->entries[i].columns);
	s->count = 0;
}

void series_free(struct series *s)
{
	if (!s)
		return;
	forget_all(s);
	free(s);
}

static bool is_same(const struct series_scope *a, const struct series_scope *b)
{
	return a->kind == b->kind && a->id == b->id && a->start_ticks == b->start_ticks;
}

/* At most SERIES_SCOPES scopes, each once a pass: no index is needed. */
static size_t entry_index(const struct series *s, const struct series_scope *scope)
{
	size_t i = 0;
	while (i < s->count && !is_same(&s->entries[i].scope, scope))
		i++;
	return i;
}

static struct entry *entry_find(struct series *s, const struct series_scope *scope)
{
	size_t i = entry_index(s, scope);
	return i < s->count ? &s->entries[i] : NULL;
}

static uint32_t last_seen(const struct entry *e)
{
	return e->count ? column_at(e, 0)[e->count - 1] : 0;
}

/* A free place, or that of the scope that was not seen for longest before now. */
static struct entry *place_for(struct series *s, uint32_t now_cs)
{
	if (s->count < SERIES_SCOPES)
		return &s->entries[s->count++];
	struct entry *oldest = NULL;
	for (size_t i = 0; i < s->count; i++) {
		struct entry *e = &s->entries[i];
		if (last_seen(e) < (oldest ? last_seen(oldest) : now_cs))
			oldest = e;
	}
	if (oldest)
		free(oldest->columns);
	return oldest;
}

static struct entry *entry_add(struct series *s, const struct series_scope *scope,
			       uint32_t now_cs)
{
	struct entry *e = place_for(s, now_cs);
	if (e)
		*e = (struct entry){
			.scope = *scope,
			.columns = xcalloc(column_count(scope->kind) * SERIES_POINTS,
					   sizeof(uint32_t)),
		};
	return e;
}

/*
 * Of the older points the one whose loss leaves the smallest gap for its age.
 * The first one stays: it is the beginning of the window.
 */
static size_t least_missed(const uint32_t *times, uint32_t now_cs)
{
	size_t best = 1;
	double smallest = 0;
	for (size_t i = 1; i < SERIES_POINTS - SERIES_DENSE; i++) {
		double gap = (double)(times[i + 1] - times[i - 1]) /
			     (double)(now_cs - times[i]);
		if (i > 1 && gap >= smallest)
			continue;
		smallest = gap;
		best = i;
	}
	return best;
}

static void thin_out(struct entry *e, uint32_t now_cs)
{
	size_t gone = least_missed(column_at(e, 0), now_cs);
	e->count--;
	for (size_t i = 0; i < column_count(e->scope.kind); i++) {
		uint32_t *column = column_at(e, i);
		memmove(column + gone, column + gone + 1,
			(e->count - gone) * sizeof(*column));
	}
}

static void append(struct entry *e, uint32_t now_cs, const struct series_values *values)
{
	if (e->count == SERIES_POINTS)
		thin_out(e, now_cs);
	column_at(e, 0)[e->count] = now_cs;
	for (size_t i = 0; i < SERIES_METRIC_COUNT; i++)
		if (has_metric(e->scope.kind, i))
			column_at(e, column_of(e->scope.kind, i))[e->count] =
				values->of[i];
	e->count++;
}

void series_add(struct series *s, const struct series_scope *scope, uint64_t at_ms,
		const struct series_values *values)
{
	/* The clock of the series cannot go on: a new beginning. */
	if (s->count && (at_ms - s->start_ms) / 10 > UINT32_MAX && at_ms > s->start_ms)
		forget_all(s);
	if (s->count == 0)
		s->start_ms = at_ms;
	if (at_ms < s->start_ms)
		return;
	uint32_t now_cs = (uint32_t)((at_ms - s->start_ms) / 10);
	struct entry *e = entry_find(s, scope);
	if (!e)
		e = entry_add(s, scope, now_cs);
	if (e && (e->count == 0 || now_cs > last_seen(e)))
		append(e, now_cs, values);
}

size_t series_points(const struct series *s, const struct series_scope *scope,
		     enum series_metric metric,
		     struct series_point out[static SERIES_POINTS])
{
	size_t index = s ? entry_index(s, scope) : 0;
	if (!s || index == s->count || !has_metric(scope->kind, metric))
		return 0;
	const struct entry *e = &s->entries[index];
	const uint32_t *times = column_at(e, 0);
	const uint32_t *values = column_at(e, column_of(scope->kind, metric));
	size_t count = 0;
	for (size_t i = 0; i < e->count; i++)
		if (values[i] != SERIES_UNKNOWN)
			out[count++] =
				(struct series_point){ s->start_ms + times[i] * 10ULL,
						       values[i] };
	return count;
}

static void put(struct strbuf *out, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		strbuf_add_char(out, (char)(value >> 8 * i & 0xff));
}

void series_encode(const struct series *s, struct strbuf *out)
{
	put(out, FORMAT_VERSION, 4);
	put(out, s->start_ms, 8);
	put(out, s->count, 4);
	for (size_t i = 0; i < s->count; i++) {
		const struct entry *e = &s->entries[i];
		put(out, e->scope.kind, 1);
		put(out, e->scope.id, 8);
		put(out, e->scope.start_ticks, 8);
		put(out, e->count, 2);
		for (size_t c = 0; c < column_count(e->scope.kind); c++)
			for (size_t j = 0; j < e->count; j++)
				put(out, column_at(e, c)[j], 4);
	}
}

/* What is left to read. */
struct input {
	const uint8_t *at;
	size_t left;
};

/* The caller has made sure that so much is there. */
static uint64_t get(struct input *in, size_t size)
{
	uint64_t value = 0;
	for (size_t i = size; i-- > 0;)
		value = value << 8 | in->at[i];
	in->at += size;
	in->left -= size;
	return value;
}

static bool is_in_order(const uint32_t *times, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (times[i] <= times[i - 1])
			return false;
	return true;
}

static int decode_scope(struct series *s, struct input *in)
{
	if (in->left < SCOPE_SIZE)
		return -1;
	uint8_t kind = (uint8_t)get(in, 1);
	struct series_scope scope = { .id = get(in, 8), .start_ticks = get(in, 8) };
	size_t count = get(in, 2);
	if (kind >= SERIES_KIND_COUNT || count == 0 || count > SERIES_POINTS)
		return -1;
	scope.kind = (enum series_kind)kind;
	size_t columns = column_count(scope.kind);
	if (in->left < columns * count * 4 || entry_find(s, &scope))
		return -1;
	struct entry *e = entry_add(s, &scope, 0);
	e->count = (uint32_t)count;
	for (size_t c = 0; c < columns; c++)
		for (size_t j = 0; j < count; j++)
			column_at(e, c)[j] = (uint32_t)get(in, 4);
	return is_in_order(column_at(e, 0), count) ? 0 : -1;
}

static int decode(struct series *s, struct input *in)
{
	if (in->left < HEADER_SIZE || get(in, 4) != FORMAT_VERSION)
		return -1;
	s->start_ms = get(in, 8);
	size_t count = get(in, 4);
	/* Times on this clock must not wrap. */
	if (count > SERIES_SCOPES || s->start_ms > UINT64_MAX / 2)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (decode_scope(s, in))
			return -1;
	return in->left ? -1 : 0;
}

int series_decode(struct series *s, const uint8_t *bytes, size_t len)
{
	struct input in = { bytes, len };
	forget_all(s);
	if (decode(s, &in) == 0)
		return 0;
	forget_all(s);
	s->start_ms = 0;
	return -1;
}
