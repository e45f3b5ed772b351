/* SPDX-License-Identifier: MIT */
#include "layout.h"

static int min_int(int a, int b)
{
	return a < b ? a : b;
}

/* Services get a sixth of the screen, so that the table stays the main thing. */
static int service_lines(int lines, size_t count)
{
	int most = lines / 6;
	return count < (size_t)most ? (int)count : most;
}

static struct rect take(int *y, int height, int width)
{
	struct rect r = { .y = *y, .height = height, .width = width };
	*y += height;
	return r;
}

void layout_compute(int lines, int columns, const struct layout_needs *needs,
		    struct layout *out)
{
	*out = (struct layout){ 0 };
	out->is_too_small = lines < LAYOUT_LINES_MIN || columns < LAYOUT_COLUMNS_MIN;
	if (out->is_too_small)
		return;
	int y = 0;
	out->title = take(&y, 2, columns);
	int editor = needs->has_editor ? 1 : 0;
	out->notice = take(&y, needs->has_notice ? 1 : 0, columns);
	out->services = take(&y, service_lines(lines, needs->service_count), columns);
	out->heading = take(&y, 1, columns);
	out->table = take(&y, lines - y - editor - 1, columns);
	out->editor = take(&y, editor, columns);
	out->footer = take(&y, 1, columns);
}

/* The columns in the order in which they are given up, last one first. */
static enum column by_keep(int keep)
{
	int i = 0;
	while (i < COLUMN_COUNT - 1 && column_table[i].keep != keep)
		i++;
	return (enum column)i;
}

size_t layout_columns(int width, int peer_width,
		      struct column_place out[static COLUMN_COUNT])
{
	int widths[COLUMN_COUNT] = { 0 };
	int used = -1; /* one blank less than there are columns */
	for (int keep = 0; keep < COLUMN_COUNT; keep++) {
		enum column c = by_keep(keep);
		if (used + 1 + column_table[c].width > width)
			break;
		widths[c] = column_table[c].width;
		used += 1 + widths[c];
	}
	int spare = width - used;
	if (widths[COLUMN_PEER]) {
		int wanted = peer_width - widths[COLUMN_PEER];
		int grown = wanted > 0 ? min_int(spare, wanted) : 0;
		widths[COLUMN_PEER] += grown;
		spare -= grown;
	}
	if (widths[COLUMN_OWNER])
		widths[COLUMN_OWNER] += spare;
	size_t count = 0;
	int x = 0;
	for (int c = 0; c < COLUMN_COUNT; c++) {
		if (!widths[c])
			continue;
		out[count++] = (struct column_place){ (enum column)c, x, widths[c] };
		x += widths[c] + 1;
	}
	return count;
}
