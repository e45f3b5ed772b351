/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"
#include "spark.h"
#include "view.h"

/*
 * Above the table: a line of gauges for each service, worst first, and what was
 * found, one line each. layout.c decides what has room.
 */

enum { WORDS_FROM = 100 }; /* narrower, a severity is its letter */

/* The cells of the services that are shown, and what the widest of each asks for. */
struct gauge_table {
	struct gauge_texts *lines;
	size_t count;
	struct place places[GAUGE_CELL_COUNT];
};

static bool is_bar(int cell)
{
	return cell == GAUGE_BAR || cell == GAUGE_QUEUE_BAR;
}

static void place_cells(struct gauge_table *t, int width)
{
	int wanted[GAUGE_CELL_COUNT] = { 0 };
	for (int c = 0; c < GAUGE_CELL_COUNT; c++) {
		for (size_t i = 0; i < t->count && !is_bar(c); i++) {
			int w = (int)text_width(
				strbuf_text(&t->lines[i].cells[c].text));
			wanted[c] = w > wanted[c] ? w : wanted[c];
		}
		if (is_bar(c))
			wanted[c] = layout_bar_width(width, (enum gauge_cell)c);
	}
	layout_gauges(width, wanted, t->places);
}

/* "queue ###...": the empty part is dim. */
static void draw_queue_bar(const struct place *at, int y, const struct service_gauge *g,
			   enum paint paint)
{
	static const char label[] = "queue ";
	enum { LABEL = sizeof(label) - 1 };
	auto_strbuf struct strbuf bar = { 0 }, rest = { 0 };
	int cells = at->width - LABEL;
	int used =
		bar_put(g->queue_count, g->queue_limit, cells, screen_is_utf8(), &bar);
	for (int i = used; i < cells; i++)
		strbuf_add(&rest, screen_is_utf8() ? "\u2591" : ".");
	screen_put(y, at->x, LABEL, label, PAINT_NORMAL);
	screen_put(y, at->x + LABEL, used, strbuf_text(&bar),
		   paint == PAINT_NORMAL ? PAINT_OK : paint);
	screen_put(y, at->x + LABEL + used, cells - used, strbuf_text(&rest),
		   PAINT_DIM);
}

/* Connections by severity, worst first: as many letters as they have a share. */
static void draw_share_bar(const struct place *at, int y, const struct service_gauge *g)
{
	uint32_t counts[GAUGE_SEVERITIES];
	int cells[GAUGE_SEVERITIES], x = at->x;
	for (int i = 0; i < GAUGE_SEVERITIES; i++)
		counts[i] = g->severities[SEVERITY_CRITICAL - i];
	bar_share(counts, GAUGE_SEVERITIES, at->width, cells);
	for (int i = 0; i < GAUGE_SEVERITIES; i++) {
		enum severity severity = (enum severity)(SEVERITY_CRITICAL - i);
		auto_strbuf struct strbuf text = { 0 };
		for (int j = 0; j < cells[i]; j++)
			strbuf_add_char(&text, gauge_letter(severity));
		screen_put(y, x, cells[i], strbuf_text(&text),
			   paint_of_share(severity));
		x += cells[i];
	}
}

static void draw_gauges(const struct scene *s, const struct gauge_table *t, size_t line,
			int y)
{
	uint32_t index = s->summary->services[line];
	for (int c = 0; c < GAUGE_CELL_COUNT; c++) {
		const struct place *at = &t->places[c];
		const struct gauge_text *cell = &t->lines[line].cells[c];
		if (!at->width)
			continue;
		if (c == GAUGE_QUEUE_BAR)
			draw_queue_bar(at, y, &s->frame->gauges[index], cell->paint);
		else if (c == GAUGE_BAR)
			draw_share_bar(at, y, &s->frame->gauges[index]);
		else
			screen_put(y, at->x, at->width, strbuf_text(&cell->text),
				   cell->paint);
	}
}

static void draw_services(const struct scene *s)
{
	const struct rect *r = &s->layout.services;
	const struct gauge_style style = { screen_is_utf8(), r->width < WORDS_FROM };
	const struct report *report = &s->frame->report;
	struct gauge_table table = { .count = s->summary->service_count };
	if (table.count > (size_t)r->height)
		table.count = (size_t)r->height;
	if (!table.count)
		return;
	table.lines = xcalloc(table.count, sizeof(*table.lines));
	for (size_t i = 0; i < table.count; i++) {
		uint32_t index = s->summary->services[i];
		gauge_write(report, &report->services[index], &s->frame->gauges[index],
			    &style, &table.lines[i]);
	}
	place_cells(&table, r->width);
	for (size_t i = 0; i < table.count; i++)
		draw_gauges(s, &table, i, r->y + (int)i);
	for (size_t i = 0; i < table.count; i++)
		gauge_texts_clear(&table.lines[i]);
	free(table.lines);
}

enum { CELLS_MAX = 256, VALUE_COLUMNS = 4, SCALE_COLUMNS = 4 + VALUE_COLUMNS };

/* Over how long, and the key that changes it. */

static void draw_lead(const struct scene *s)
{
	const struct rect *r = &s->layout.trend;
	char span[FORMAT_SIZE];
	auto_strbuf struct strbuf text = { 0 };
	strbuf_addf(&text, "last %s",
		    duration_print(trend_span_ms(s->view->zoom), span));
	screen_put(r->y, r->x, LAYOUT_TREND_LEAD, strbuf_text(&text), PAINT_NORMAL);
	if (r->height > 1) {
		screen_put(r->y + 1, r->x, 3, "[ ]", PAINT_KEY);
		screen_put(r->y + 1, r->x + 4, LAYOUT_TREND_LEAD - 4, "Zoom",
			   PAINT_NORMAL);
	}
}

/* "CLOSE-WAIT   12 ", all of them as wide, so that they stand below each other. */
static int draw_value(const struct trend *t, enum trend_line line,
		      const struct rect *at)
{
	auto_strbuf struct strbuf text = { 0 };
	const char *longest = trend_labels[TREND_CLOSE_WAIT];
	int label = (int)strlen(longest);
	screen_put(at->y, at->x, label, trend_labels[line], PAINT_NORMAL);
	trend_put_value(trend_value(t, line), &text);
	int width = (int)text_width(strbuf_text(&text));
	screen_put(at->y, at->x + label + 1 + VALUE_COLUMNS - width, width,
		   strbuf_text(&text), PAINT_TITLE);
	return label + 1 + VALUE_COLUMNS + 1;
}

/* "max 400" at the end of the line, which is the scale of it. */
static void draw_scale(double max, const struct rect *at)
{
	auto_strbuf struct strbuf text = { 0 };
	strbuf_add(&text, "max ");
	trend_put_value(max, &text);
	screen_put(at->y, at->x + at->width - SCALE_COLUMNS, SCALE_COLUMNS,
		   strbuf_text(&text), PAINT_NORMAL);
}

static void draw_spark(const struct scene *s, enum trend_line line,
		       const struct rect *at)
{
	const struct trend *t = &s->frame->trend;
	uint64_t span_ms = trend_span_ms(s->view->zoom);
	double cells[CELLS_MAX];
	int x = draw_value(t, line, at);
	int count = at->width - x - 1 - SCALE_COLUMNS;
	if (count <= 0)
		return;
	if (count > CELLS_MAX)
		count = CELLS_MAX;
	trend_sample(t, line, s->frame->snap.monotonic_ms, span_ms, cells, count);
	struct spark_scale scale = { spark_max(cells, count), at->height,
				     screen_is_utf8() };
	draw_scale(scale.max, at);
	for (int i = 0; i < at->height; i++) {
		auto_strbuf struct strbuf text = { 0 };
		spark_put(cells, count, &scale, at->height - 1 - i, &text);
		screen_put(at->y + i, at->x + x, count, strbuf_text(&text), PAINT_INFO);
	}
}

static void draw_trend(const struct scene *s)
{
	struct rect places[TREND_COUNT];
	size_t count = layout_trend(&s->layout.trend, TREND_COUNT, places);
	if (count)
		draw_lead(s);
	for (size_t i = 0; i < count; i++)
		draw_spark(s, (enum trend_line)i, &places[i]);
}

/* "CRITICAL  stuck-worker  :21001 api[26485]: worker stuck ..." */
static void draw_finding(const struct scene *s, const struct finding *f, int y,
			 int width)
{
	const struct rect *r = &s->layout.findings;
	enum { SEVERITY_WIDTH = 10 };
	auto_strbuf struct strbuf text = { 0 };
	summary_put_finding(&s->frame->report, f, &text);
	screen_put(y, r->x, SEVERITY_WIDTH, summary_severity(f->severity),
		   paint_of_severity(f->severity));
	screen_put(y, r->x + SEVERITY_WIDTH, width - SEVERITY_WIDTH, strbuf_text(&text),
		   PAINT_NORMAL);
}

/* What has no room is said at the end of the last line. */
static void draw_findings(const struct scene *s)
{
	const struct rect *r = &s->layout.findings;
	size_t count = s->summary->finding_count;
	char more[32] = "";
	if (count > (size_t)r->height)
		snprintf(more, sizeof(more), "  +%zu more: 2",
			 count - (size_t)r->height);
	for (int i = 0; i < r->height && (size_t)i < count; i++) {
		const char *end = i == r->height - 1 ? more : "";
		int width = r->width - (int)text_width(end);
		draw_finding(s, &s->frame->report.findings[s->summary->findings[i]],
			     r->y + i, width);
		screen_put(r->y + i, r->x + width, r->width - width, end, PAINT_KEY);
	}
}

void view_draw_top(const struct scene *s)
{
	draw_services(s);
	draw_trend(s);
	draw_findings(s);
}
