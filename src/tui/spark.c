/* SPDX-License-Identifier: MIT */
#include "spark.h"

static const char *const blocks[] = { " ",      "\u2581", "\u2582", "\u2583", "\u2584",
				      "\u2585", "\u2586", "\u2587", "\u2588" };
static const char *const lying[] = { "",       "\u258f", "\u258e", "\u258d",
				     "\u258c", "\u258b", "\u258a", "\u2589" };
static const char ramp[] = ".:-=+*#%@";
enum { EIGHTHS = 8 };

static void raise_to(double *cell, double value)
{
	if (value > *cell)
		*cell = value;
}

/* The cell that a time falls into; beyond the edges it is -1 or cell_count. */
static int cell_of(const struct spark_span *span, uint64_t ms, int cell_count)
{
	if (ms < span->from_ms)
		return -1;
	if (ms >= span->to_ms)
		return cell_count - (ms == span->to_ms);
	return (int)((double)(ms - span->from_ms) * cell_count /
		     (double)(span->to_ms - span->from_ms));
}

/* A value holds until the next one, but not for ever. */
static uint64_t end_of(const struct spark_span *span, size_t i)
{
	uint64_t ms = span->points[i].ms;
	uint64_t age = span->to_ms > ms ? span->to_ms - ms : 0;
	uint64_t end = ms + span->hold_ms + age / 2;
	if (i + 1 < span->count && span->points[i + 1].ms <= end)
		end = span->points[i + 1].ms - (span->points[i + 1].ms > 0);
	return end < ms ? ms : end;
}

void spark_sample(const struct spark_span *span, double *cells, int cell_count)
{
	for (int c = 0; c < cell_count; c++)
		cells[c] = SPARK_UNKNOWN;
	if (span->to_ms <= span->from_ms || cell_count <= 0)
		return;
	for (size_t i = 0; i < span->count; i++) {
		int first = cell_of(span, span->points[i].ms, cell_count);
		int last = cell_of(span, end_of(span, i), cell_count);
		for (int c = first < 0 ? 0 : first; c <= last && c < cell_count; c++)
			raise_to(&cells[c], span->points[i].value);
	}
}

double spark_max(const double *cells, int cell_count)
{
	double max = 0;
	for (int c = 0; c < cell_count; c++)
		raise_to(&max, cells[c]);
	return max;
}

/* Eighths of a line that a value takes: zero 1, the least above it 2, max all. */
static int eighths_of(double value, const struct spark_scale *scale)
{
	int all = EIGHTHS * scale->height;
	if (value <= 0 || scale->max <= 0)
		return 1;
	if (value >= scale->max)
		return all;
	return 2 + (int)(value / scale->max * (all - 2));
}

void spark_put(const double *cells, int cell_count, const struct spark_scale *scale,
	       int line, struct strbuf *out)
{
	for (int c = 0; c < cell_count; c++) {
		bool is_known = cells[c] > SPARK_UNKNOWN;
		int level = is_known ? eighths_of(cells[c], scale) : 0;
		level -= line * EIGHTHS;
		level = level < 0 ? 0 : level > EIGHTHS ? EIGHTHS : level;
		if (scale->use_utf8)
			strbuf_add(out, blocks[level]);
		else if (level == 0)
			strbuf_add_char(out, ' ');
		else
			strbuf_add_char(out, cells[c] <= 0 ? ramp[0] : ramp[level]);
	}
}

int bar_put(uint64_t used, uint64_t limit, int cells, bool use_utf8, struct strbuf *out)
{
	int all = cells * EIGHTHS, filled = all;
	if (used < limit)
		filled = (int)((double)used / (double)limit * all);
	/* A little is not nothing. */
	if (used && !filled && cells)
		filled = 1;
	if (!used)
		filled = 0;
	int whole = filled / EIGHTHS, part = filled % EIGHTHS;
	for (int i = 0; i < whole; i++)
		strbuf_add(out, use_utf8 ? blocks[EIGHTHS] : "#");
	if (part && use_utf8)
		strbuf_add(out, lying[part]);
	else if (part)
		strbuf_add_char(out, ramp[part]);
	return whole + (part > 0);
}

void bar_share(const uint32_t *counts, size_t count, int cells, int *out)
{
	uint64_t total = 0, passed = 0;
	int present = 0, given = 0;
	for (size_t i = 0; i < count; i++) {
		total += counts[i];
		present += counts[i] > 0;
	}
	/* One cell each, the rest in proportion; rounding never loses a cell. */
	int rest = cells > present ? cells - present : 0;
	for (size_t i = 0; i < count; i++) {
		int before = total ? (int)(passed * (uint64_t)rest / total) : 0;
		passed += counts[i];
		int after = total ? (int)(passed * (uint64_t)rest / total) : 0;
		out[i] = counts[i] && given < cells ? 1 + after - before : 0;
		given += out[i];
	}
}
