/* SPDX-License-Identifier: MIT */
#include "menu.h"

#include <inttypes.h>

static const uint64_t intervals_ms[] = { 250,   500,   1000,  2000,   5000,
					 10000, 30000, 60000, 300000, 600000 };
enum { INTERVAL_COUNT = sizeof(intervals_ms) / sizeof(*intervals_ms) };

uint64_t interval_step(uint64_t interval_ms, bool is_longer)
{
	for (size_t i = 0; i < INTERVAL_COUNT; i++) {
		size_t at = is_longer ? i : INTERVAL_COUNT - 1 - i;
		if (is_longer ? intervals_ms[at] > interval_ms
			      : intervals_ms[at] < interval_ms)
			return intervals_ms[at];
	}
	return interval_ms;
}

void menu_open(struct menu *m, enum menu_kind kind, size_t selected)
{
	*m = (struct menu){ .kind = kind, .selected = selected };
}

size_t menu_count(const struct menu *m)
{
	static const size_t counts[] = {
		[MENU_SORT] = COLUMN_COUNT,
		[MENU_OPTIONS] = MENU_COLUMNS + COLUMN_COUNT,
	};
	return counts[m->kind];
}

const char *menu_title(const struct menu *m)
{
	static const char *const titles[] = {
		[MENU_NONE] = "",
		[MENU_SORT] = "Sort by",
		[MENU_OPTIONS] = "Columns and options",
	};
	return titles[m->kind];
}

static enum menu_result move_to(struct menu *m, size_t entry, size_t page)
{
	size_t last = menu_count(m) - 1;
	page = page ? page : 1;
	m->selected = entry < last ? entry : last;
	if (m->selected < m->top)
		m->top = m->selected;
	if (m->selected >= m->top + page)
		m->top = m->selected - page + 1;
	return MENU_MOVED;
}

static size_t minus(size_t a, size_t b)
{
	return a > b ? a - b : 0;
}

static unsigned step(unsigned value, unsigned count, bool is_more)
{
	return (value + (is_more ? 1 : count - 1)) % count;
}

/* Enter and Space turn a column on or off, and go to the next value of a choice. */
static enum menu_result change_option(struct menu *m, struct settings *s, bool is_more)
{
	switch (m->selected) {
	case MENU_GROUP_BY:
		s->group_by = step(s->group_by, GROUP_BY_COUNT, is_more);
		return MENU_CHANGED;
	case MENU_SCHEME:
		s->scheme = step(s->scheme, SCHEME_COUNT, is_more);
		return MENU_CHANGED;
	case MENU_ASCII:
		s->is_ascii = !s->is_ascii;
		return MENU_CHANGED;
	case MENU_INTERVAL:
		s->interval_ms = interval_step(s->interval_ms, is_more);
		return MENU_CHANGED;
	default:
		return MENU_NOTHING;
	}
}

static enum menu_result toggle_column(struct menu *m, struct settings *s)
{
	enum column c = s->columns.order[m->selected - MENU_COLUMNS];
	/* Without these two nobody could tell which row is which. */
	if (column_is_pinned(c))
		return MENU_NOTHING;
	s->columns.is_hidden[c] = !s->columns.is_hidden[c];
	s->columns.skip = 0;
	return MENU_CHANGED;
}

static bool is_column(const struct menu *m)
{
	return m->kind == MENU_OPTIONS && m->selected >= MENU_COLUMNS;
}

static enum menu_result choose(struct menu *m, struct settings *s)
{
	if (m->kind == MENU_SORT) {
		m->kind = MENU_NONE;
		return MENU_CHOSEN;
	}
	return is_column(m) ? toggle_column(m, s) : change_option(m, s, true);
}

static enum menu_result shift(struct menu *m, struct settings *s, bool is_more,
			      size_t page)
{
	if (m->kind != MENU_OPTIONS)
		return MENU_NOTHING;
	if (!is_column(m))
		return change_option(m, s, is_more);
	size_t place = columns_move(&s->columns, m->selected - MENU_COLUMNS, is_more);
	move_to(m, MENU_COLUMNS + place, page);
	return MENU_CHANGED;
}

enum menu_result menu_act(struct menu *m, enum action action, struct settings *s,
			  size_t page)
{
	switch (action) {
	case ACTION_UP:
		return move_to(m, minus(m->selected, 1), page);
	case ACTION_DOWN:
		return move_to(m, m->selected + 1, page);
	case ACTION_PAGE_UP:
		return move_to(m, minus(m->selected, page), page);
	case ACTION_PAGE_DOWN:
		return move_to(m, m->selected + page, page);
	case ACTION_FIRST:
		return move_to(m, 0, page);
	case ACTION_LAST:
		return move_to(m, menu_count(m), page);
	case ACTION_MENU_CHOOSE:
		return choose(m, s);
	case ACTION_MENU_LESS:
	case ACTION_MENU_MORE:
		return shift(m, s, action == ACTION_MENU_MORE, page);
	case ACTION_MENU_CLOSE:
		m->kind = MENU_NONE;
		return MENU_CLOSED;
	default:
		return MENU_NOTHING;
	}
}

static const struct field *field_of(enum column c)
{
	return &field_table[column_table[c].field];
}

static void put_column(const struct settings *s, enum column c, struct strbuf *out)
{
	const char *sign = column_is_pinned(c)       ? "[=]"
			   : s->columns.is_hidden[c] ? "[ ]"
						     : "[x]";
	strbuf_addf(out, "%s %-12s %s", sign, field_of(c)->heading, field_of(c)->help);
}

/* The steps are whole numbers of one unit. */
static void put_interval(uint64_t ms, struct strbuf *out)
{
	if (ms % 60000 == 0)
		strbuf_addf(out, "%" PRIu64 "min", ms / 60000);
	else if (ms % 1000 == 0)
		strbuf_addf(out, "%" PRIu64 "s", ms / 1000);
	else
		strbuf_addf(out, "%" PRIu64 "ms", ms);
}

static void put_option(size_t entry, const struct settings *s, struct strbuf *out)
{
	switch (entry) {
	case MENU_GROUP_BY:
		strbuf_addf(out, "group by      < %s >", group_by_name(s->group_by));
		break;
	case MENU_SCHEME:
		strbuf_addf(out, "colours       < %s >", scheme_name(s->scheme));
		break;
	case MENU_ASCII:
		strbuf_addf(out, "ASCII only    < %s >", s->is_ascii ? "yes" : "no");
		break;
	default:
		strbuf_add(out, "look every    < ");
		put_interval(s->interval_ms, out);
		strbuf_add(out, " >");
	}
}

void menu_put_entry(const struct menu *m, size_t entry, const struct settings *s,
		    enum column sort, struct strbuf *out)
{
	if (m->kind == MENU_SORT)
		strbuf_addf(out, "%s %-12s %s", entry == sort ? "*" : " ",
			    field_of((enum column)entry)->heading,
			    field_of((enum column)entry)->help);
	else if (entry >= MENU_COLUMNS)
		put_column(s, s->columns.order[entry - MENU_COLUMNS], out);
	else
		put_option(entry, s, out);
}
