/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <stdint.h>
#include <string.h>

#include "conn-doctor/text.h"
#include "paint.h"

/*
 * Rows are formatted twice, once for the widths and once for the output: with a
 * million rows keeping the cells would cost more than making them again.
 */
struct layout {
	const struct table *table;
	size_t widths[FIELD_COUNT];
	struct strbuf line, cell;
};

static void measure_row(struct layout *l, uint32_t row)
{
	struct field_row fr;
	field_row_init(&fr, l->table->report, row, l->table->options);
	/* The last column is not padded, so its width does not matter. */
	for (size_t i = 0; i + 1 < l->table->column_count; i++) {
		strbuf_reset(&l->cell);
		field_table[l->table->columns[i]].put(&fr, &l->cell);
		size_t width = text_width(strbuf_text(&l->cell));
		if (width > l->widths[i])
			l->widths[i] = width;
	}
}

static void add_blanks(struct strbuf *sb, size_t count)
{
	strbuf_addf(sb, "%*s", (int)count, "");
}

/* Adds the cell to the line, padded to its column. */
static void add_cell(struct layout *l, size_t column)
{
	const char *text = strbuf_text(&l->cell);
	size_t width = text_width(text);
	size_t padding = l->widths[column] > width ? l->widths[column] - width : 0;
	bool is_last = column + 1 == l->table->column_count;
	bool is_right = field_table[l->table->columns[column]].is_right;
	if (column)
		strbuf_add(&l->line, "  ");
	if (is_right)
		add_blanks(&l->line, padding);
	strbuf_add(&l->line, text);
	if (!is_right && !is_last)
		add_blanks(&l->line, padding);
}

/* The line, cut to the terminal; its first `painted` bytes in colour. */
static void write_line(struct layout *l, size_t painted, enum severity severity,
		       FILE *out)
{
	const struct render_options *o = l->table->options;
	const char *text = strbuf_text(&l->line);
	size_t columns = o->wide || o->columns <= 0 ? SIZE_MAX : (size_t)o->columns;
	size_t room = columns > l->table->indent ? columns - l->table->indent : 0;
	size_t len = text_fit(text, room);
	if (painted > len)
		painted = len;
	fprintf(out, "%*s", (int)l->table->indent, "");
	if (severity != SEVERITY_OK && painted)
		fprintf(out, "%s%.*s%s", paint_on(severity, o), (int)painted, text,
			paint_off(severity, o));
	else
		painted = 0;
	fwrite(text + painted, 1, len - painted, out);
	fputc('\n', out);
}

static void write_heading(struct layout *l, FILE *out)
{
	strbuf_reset(&l->line);
	for (size_t i = 0; i < l->table->column_count; i++) {
		strbuf_reset(&l->cell);
		strbuf_add(&l->cell, field_table[l->table->columns[i]].heading);
		add_cell(l, i);
	}
	write_line(l, 0, SEVERITY_OK, out);
}

static void write_row(struct layout *l, uint32_t row, FILE *out)
{
	struct field_row fr;
	size_t painted = 0;
	field_row_init(&fr, l->table->report, row, l->table->options);
	strbuf_reset(&l->line);
	for (size_t i = 0; i < l->table->column_count; i++) {
		strbuf_reset(&l->cell);
		field_table[l->table->columns[i]].put(&fr, &l->cell);
		if (i == 0)
			painted = l->cell.len;
		add_cell(l, i);
	}
	write_line(l, painted, field_row_severity(&fr.report->assessments[row]), out);
}

void table_write(const struct table *t, const uint32_t *rows, size_t count, FILE *out)
{
	struct layout l = { .table = t };
	bool has_heading = !t->options->no_header;
	for (size_t i = 0; has_heading && i < t->column_count; i++)
		l.widths[i] = strlen(field_table[t->columns[i]].heading);
	for (size_t i = 0; i < count; i++)
		measure_row(&l, rows[i]);
	if (has_heading)
		write_heading(&l, out);
	for (size_t i = 0; i < count; i++)
		write_row(&l, rows[i], out);
	strbuf_clear(&l.line);
	strbuf_clear(&l.cell);
}
