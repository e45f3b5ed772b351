/* SPDX-License-Identifier: MIT */
#include "layout.h"

/* All sparklines stand side by side, or two, or one: narrower they tell nothing. */
enum { TREND_WIDE = 160, TREND_TWO = 60, TREND_GAP = 2 };

static int min_int(int a, int b)
{
	return a < b ? a : b;
}

/*
 * What stands above the table gets its share of the screen by its height, so that
 * the table stays the main thing.
 */
enum { FINDINGS_FROM = 14, TREND_FROM = 16, TREND_2_FROM = 24, TREND_4_FROM = 36 };

static int at_most(size_t count, int most)
{
	return count < (size_t)most ? (int)count : most;
}

static int service_lines(int lines, size_t count)
{
	return at_most(count, lines < 16 ? 1 : lines / 8);
}

static int finding_lines(int lines, size_t count)
{
	return lines < FINDINGS_FROM ? 0 : at_most(count, lines / 6);
}

/* Side by side where the screen is wide, so one line holds them all. */
static int trend_lines(int lines, int columns, bool has_trend)
{
	bool is_wide = columns >= TREND_WIDE;
	if (!has_trend || lines < TREND_FROM)
		return 0;
	if (lines >= TREND_4_FROM)
		return is_wide ? 3 : 4;
	return is_wide || lines < TREND_2_FROM ? 1 : 2;
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
	out->trend = take(&y, trend_lines(lines, columns, needs->has_trend), columns);
	out->findings = take(&y, finding_lines(lines, needs->finding_count), columns);
	out->heading = take(&y, 1, columns);
	out->table = take(&y, lines - y - editor - 1, columns);
	out->editor = take(&y, editor, columns);
	out->footer = take(&y, 1, columns);
}

enum { OWNER_COLUMNS = 13 }; /* more than the least: "uvicorn[47110] fd 31" */

/* The columns in the order in which they are given up, last one first. */
static enum column by_keep(int keep)
{
	int i = 0;
	while (i < COLUMN_COUNT - 1 && column_table[i].keep != keep)
		i++;
	return (enum column)i;
}

/* The columns that are wanted now: not hidden, and not scrolled past. */
static void find_wanted(const struct column_choice *choice,
			bool is_wanted[COLUMN_COUNT])
{
	size_t skip = choice->skip;
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		enum column c = choice->order[i];
		is_wanted[c] = !choice->is_hidden[c];
		if (!is_wanted[c] || column_is_pinned(c) || !skip)
			continue;
		is_wanted[c] = false;
		skip--;
	}
}

/* Who scrolls wants to see what comes next, not what matters most. */
static enum column by_turn(const struct column_choice *choice, int turn)
{
	if (!choice->skip)
		return by_keep(turn);
	if (turn < 2)
		return turn ? COLUMN_PEER : COLUMN_VERDICT;
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		if (!column_is_pinned(choice->order[i]) && turn-- == 2)
			return choice->order[i];
	return COLUMN_VERDICT;
}

/* Columns of the screen that are used, with a blank after each. */
static int choose_widths(int width, const struct column_choice *choice,
			 int widths[COLUMN_COUNT])
{
	bool is_wanted[COLUMN_COUNT];
	int used = 0;
	find_wanted(choice, is_wanted);
	for (int turn = 0; turn < COLUMN_COUNT; turn++) {
		enum column c = by_turn(choice, turn);
		if (!is_wanted[c])
			continue;
		if (used + column_table[c].width > width)
			break;
		widths[c] = column_table[c].width;
		used += widths[c] + 1;
	}
	return used;
}

/* Grows the column, if it is shown; what is spare then. */
static int grow(int *width, int wanted, int spare)
{
	int grown = *width ? min_int(spare, wanted) : 0;
	*width += grown;
	return spare - grown;
}

/* The owner with its descriptor, a whole heading, then what can use it all. */
static void share_out(int widths[COLUMN_COUNT], int spare)
{
	enum { GROWTH = 3 };
	spare = grow(&widths[COLUMN_OWNER], OWNER_COLUMNS, spare);
	if (spare >= GROWTH)
		spare = grow(&widths[COLUMN_GIVES_UP], GROWTH, spare);
	spare = grow(&widths[COLUMN_EVIDENCE], spare, spare);
	grow(&widths[COLUMN_OWNER], spare, spare);
}

size_t layout_columns(int width, int peer_width, const struct column_choice *choice,
		      struct column_place out[static COLUMN_COUNT])
{
	int widths[COLUMN_COUNT] = { 0 };
	width -= choice->indent;
	int spare = width + 1 - choose_widths(width, choice, widths);
	if (widths[COLUMN_PEER]) {
		int wanted = peer_width - widths[COLUMN_PEER];
		int grown = wanted > 0 ? min_int(spare, wanted) : 0;
		widths[COLUMN_PEER] += grown;
		spare -= grown;
	}
	share_out(widths, spare);
	size_t count = 0;
	int x = choice->indent;
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		enum column c = choice->order[i];
		if (!widths[c])
			continue;
		out[count++] = (struct column_place){ c, x, widths[c] };
		x += widths[c] + 1;
	}
	return count;
}

/* In the order of importance; the gap stands before the cell. */
static const struct {
	enum gauge_cell cell;
	int least; /* a cell may be cut down to this; 0 = never */
} gauge_order[GAUGE_CELL_COUNT] = {
	{ GAUGE_SEVERITY, 0 }, { GAUGE_NAME, 8 },      { GAUGE_STUCK, 0 },
	{ GAUGE_QUEUE, 0 },    { GAUGE_BAR, 0 },       { GAUGE_QUEUE_BAR, 0 },
	{ GAUGE_WAITING, 0 },  { GAUGE_VERDICTS, 12 }, { GAUGE_FDS, 0 },
};

static int gap_before(enum gauge_cell cell)
{
	if (cell == GAUGE_SEVERITY)
		return 0;
	return cell == GAUGE_NAME || cell == GAUGE_QUEUE || cell == GAUGE_VERDICTS ? 1
										   : 2;
}

int layout_bar_width(int width, enum gauge_cell cell)
{
	enum { QUEUE_LABEL = 6 }; /* "queue " */
	int cells = width < 100 ? 6 : width < 160 ? 10 : 20;
	return cell == GAUGE_QUEUE_BAR ? QUEUE_LABEL + cells : cells + 2;
}

void layout_gauges(int width, const int wanted[static GAUGE_CELL_COUNT],
		   struct place out[static GAUGE_CELL_COUNT])
{
	int spare = width, x = 0;
	for (int c = 0; c < GAUGE_CELL_COUNT; c++)
		out[c] = (struct place){ 0 };
	for (size_t i = 0; i < GAUGE_CELL_COUNT; i++) {
		enum gauge_cell cell = gauge_order[i].cell;
		int room = spare - gap_before(cell), want = wanted[cell];
		if (want > room && gauge_order[i].least && room >= gauge_order[i].least)
			want = room;
		if (want <= 0 || want > room)
			continue;
		out[cell].width = want;
		spare = room - want;
	}
	for (int c = 0; c < GAUGE_CELL_COUNT; c++) {
		if (!out[c].width)
			continue;
		out[c].x = x + gap_before((enum gauge_cell)c);
		x = out[c].x + out[c].width;
	}
}

static int slots_beside(int columns, size_t count)
{
	size_t most = columns >= TREND_WIDE ? count : columns >= TREND_TWO ? 2 : 1;
	return (int)(most < count ? most : count);
}

size_t layout_trend(const struct rect *trend, size_t count, struct rect *out)
{
	int room = trend->width - LAYOUT_TREND_LEAD;
	int beside = slots_beside(trend->width, count);
	if (!trend->height || !count || room <= 0)
		return 0;
	int rows = min_int(((int)count + beside - 1) / beside, trend->height);
	int height = trend->height / rows;
	int width = (room - (beside - 1) * TREND_GAP) / beside;
	size_t shown = 0;
	for (int i = 0; i < rows * beside && shown < count; i++)
		out[shown++] = (struct rect){
			.y = trend->y + i / beside * height,
			.x = trend->x + LAYOUT_TREND_LEAD +
			     i % beside * (width + TREND_GAP),
			.height = height,
			.width = width,
		};
	return shown;
}
