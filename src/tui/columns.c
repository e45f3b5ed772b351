/* SPDX-License-Identifier: MIT */
#include "columns.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

static int width_of(const struct strbuf *text)
{
	return (int)text_width(strbuf_text(text));
}

static void cut_to(struct strbuf *text, size_t len)
{
	text->len = len;
	text->text[len] = '\0';
}

static void shorten_tail(struct strbuf *text, int width)
{
	cut_to(text, text_fit(text->text, (size_t)width));
}

void columns_shorten_bytes(struct strbuf *text, int width)
{
	static const char units[] = "KMGT";
	size_t unit = 0;
	(void)width;
	/* Tenths, so that 9.9K needs no floating point. */
	uint64_t tenths = strtoull(text->text, NULL, 10) * 10 / 1024;
	for (; tenths >= 10000 && units[unit + 1]; unit++)
		tenths /= 1024;
	strbuf_reset(text);
	strbuf_addf(text, "%u", (unsigned)(tenths / 10));
	if (tenths < 100)
		strbuf_addf(text, ".%u", (unsigned)(tenths % 10));
	strbuf_add_char(text, units[unit]);
}

static void drop_char(struct strbuf *text, char c)
{
	char *at = strchr(text->text, c);
	if (!at)
		return;
	memmove(at, at + 1, strlen(at));
	text->len--;
}

void columns_shorten_since(struct strbuf *text, int width)
{
	drop_char(text, ' ');
	if (width_of(text) > width)
		drop_char(text, '=');
}

/* The length of the first number with its unit: `4.3s`, `160ms`, `23h` of 23h59m. */
static size_t first_unit(const char *text)
{
	size_t len = strspn(text, "0123456789.");
	size_t unit = strspn(text + len, "smhdwy");
	return len + unit;
}

/* Both halves lose their smaller unit; never a part of one, which would lie. */
void columns_shorten_pair(struct strbuf *text, int width)
{
	auto_strbuf struct strbuf halves = { 0 };
	const char *slash = strchr(text->text, '/');
	if (!slash) {
		shorten_tail(text, width);
		return;
	}
	strbuf_add_len(&halves, text->text, first_unit(text->text));
	strbuf_add_char(&halves, '/');
	strbuf_add_len(&halves, slash + 1, first_unit(slash + 1));
	strbuf_reset(text);
	strbuf_add(text, strbuf_text(&halves));
}

/* Addresses are ASCII. */
void columns_shorten_head(struct strbuf *text, int width)
{
	size_t room = (size_t)width;
	memmove(text->text, text->text + text->len - room, room);
	text->text[0] = '~';
	cut_to(text, room);
}

void columns_shorten_owner(struct strbuf *text, int width)
{
	char *pid_end = strrchr(text->text, ']');
	char *pid = strrchr(text->text, '[');
	if (!pid || !pid_end || pid_end < pid) {
		shorten_tail(text, width);
		return;
	}
	cut_to(text, (size_t)(pid_end + 1 - text->text));
	if (width_of(text) <= width)
		return;
	auto_free char *kept = xstrdup(pid);
	int room = width - (int)strlen(kept) - 1;
	cut_to(text, text_fit(text->text, room > 0 ? (size_t)room : 0));
	if (room > 0)
		strbuf_add_char(text, '~');
	strbuf_add(text, kept);
}

static const struct tcp_socket *socket_of(const struct field_row *row)
{
	return &row->report->snap->sockets[row->row];
}

static const struct assessment *assessment_of(const struct field_row *row)
{
	return &row->report->assessments[row->row];
}

int sort_key_compare(const struct sort_key *a, const struct sort_key *b)
{
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	return (a->low > b->low) - (a->low < b->low);
}

static struct sort_key key_verdict(const struct field_row *row)
{
	return (struct sort_key){ assessment_of(row)->verdict, 0 };
}

static struct sort_key key_since(const struct field_row *row)
{
	uint64_t begin = report_begin(row->report, row->row);
	return (struct sort_key){ REPORT_BEGIN_UNKNOWN - begin, 0 };
}

static struct sort_key key_peer(const struct field_row *row)
{
	struct sort_key key;
	ip_address_halves(&socket_of(row)->peer, &key.high, &key.low);
	return key;
}

static struct sort_key key_state(const struct field_row *row)
{
	return (struct sort_key){ socket_of(row)->state, 0 };
}

static struct sort_key key_recv_queue(const struct field_row *row)
{
	return (struct sort_key){ socket_of(row)->recv_queue, 0 };
}

static struct sort_key key_send_queue(const struct field_row *row)
{
	return (struct sort_key){ socket_of(row)->send_queue, 0 };
}

/* Unknown (-1) comes before zero. */
static struct sort_key key_idle(const struct field_row *row)
{
	return (struct sort_key){ (uint64_t)(row->derived.idle_ms + 1), 0 };
}

/* Unknown comes first, as with the others. */
static struct sort_key key_in_state(const struct field_row *row)
{
	return (struct sort_key){ (uint64_t)(row->derived.in_state_ms + 1), 0 };
}

static struct sort_key key_turn(const struct field_row *row)
{
	return (struct sort_key){ row->derived.turn, 0 };
}

/* Soonest first, then never, then unknown. */
static struct sort_key key_gives_up(const struct field_row *row)
{
	int64_t ms = row->derived.gives_up_ms;
	if (ms == DERIVED_NEVER)
		return (struct sort_key){ UINT64_MAX - 1, 0 };
	return (struct sort_key){ ms < 0 ? UINT64_MAX : (uint64_t)ms, 0 };
}

static struct sort_key key_keepalive(const struct field_row *row)
{
	return (struct sort_key){ row->derived.keepalive, 0 };
}

static struct sort_key key_owner(const struct field_row *row)
{
	int32_t fd = 0;
	const struct process *p = report_process_of(row->report, row->row, &fd);
	if (!p)
		return (struct sort_key){ UINT64_MAX, 0 };
	return (struct sort_key){ (uint32_t)p->pid, (uint32_t)fd };
}

const struct column_info column_table[COLUMN_COUNT] = {
	/* field, width, keep, largest first, shorten, key */
	[COLUMN_VERDICT] = { FIELD_VERDICT, 17, 0, false, shorten_tail, key_verdict },
	[COLUMN_SINCE] = { FIELD_SINCE, 7, 5, true, columns_shorten_since, key_since },
	[COLUMN_PEER] = { FIELD_PEER, 21, 1, false, columns_shorten_head, key_peer },
	[COLUMN_STATE] = { FIELD_STATE, 10, 2, false, shorten_tail, key_state },
	[COLUMN_IN_STATE] = { FIELD_IN_STATE, 8, 11, true, columns_shorten_since,
			      key_in_state },
	[COLUMN_IDLE] = { FIELD_IDLE_RX_TX, 11, 8, true, columns_shorten_pair,
			  key_idle },
	[COLUMN_RQ] = { FIELD_RQ, 4, 3, true, columns_shorten_bytes, key_recv_queue },
	[COLUMN_SQ] = { FIELD_SQ, 4, 4, true, columns_shorten_bytes, key_send_queue },
	[COLUMN_TURN] = { FIELD_TURN, 5, 9, false, shorten_tail, key_turn },
	[COLUMN_GIVES_UP] = { FIELD_GIVES_UP, 8, 7, false, shorten_tail, key_gives_up },
	[COLUMN_KA] = { FIELD_KA, 3, 10, false, shorten_tail, key_keepalive },
	[COLUMN_OWNER] = { FIELD_OWNER, 11, 6, false, columns_shorten_owner,
			   key_owner },
	[COLUMN_EVIDENCE] = { FIELD_BRIEF, 20, 12, false, shorten_tail, key_verdict },
};

void columns_choose_all(struct column_choice *c)
{
	*c = (struct column_choice){ 0 };
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		c->order[i] = (enum column)i;
}

size_t columns_move(struct column_choice *c, size_t place, bool is_right)
{
	size_t other = is_right ? place + 1 : place - 1;
	if (place >= COLUMN_COUNT || other >= COLUMN_COUNT)
		return place;
	enum column moved = c->order[place];
	c->order[place] = c->order[other];
	c->order[other] = moved;
	return other;
}

bool column_is_pinned(enum column column)
{
	return column == COLUMN_VERDICT || column == COLUMN_PEER;
}

/* One column beside the pinned ones is always left. */
size_t columns_skip_max(const struct column_choice *c)
{
	size_t count = 0;
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		count += !c->is_hidden[i] && !column_is_pinned((enum column)i);
	return count ? count - 1 : 0;
}

const char *column_heading(enum column column, int width)
{
	bool is_wide = column == COLUMN_GIVES_UP && width >= GIVES_UP_WIDE;
	return is_wide ? "GIVES UP IN"
		       : field_table[column_table[column].field].heading;
}

void column_put(enum column column, const struct field_row *row, int width,
		struct strbuf *out)
{
	field_table[column_table[column].field].put(row, out);
	if (width > 0 && width_of(out) > width)
		column_table[column].shorten(out, width);
}
