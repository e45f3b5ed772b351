/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_COLUMNS_H
#define CONN_DOCTOR_TUI_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include "conn-doctor/fields.h"

/*
 * The columns of the connection table: which of the fields, in which order, how
 * narrow each may be, which goes first when room is short, and what to sort by.
 * One table for layout, drawing, sorting and help.
 */
enum column {
	COLUMN_VERDICT,
	COLUMN_SINCE,
	COLUMN_PEER,
	COLUMN_STATE,
	COLUMN_IN_STATE,
	COLUMN_IDLE,
	COLUMN_RQ,
	COLUMN_SQ,
	COLUMN_TURN,
	COLUMN_GIVES_UP,
	COLUMN_KA,
	COLUMN_OWNER,
	COLUMN_EVIDENCE,
	COLUMN_COUNT
};

/* Two numbers that order rows as the column does, small first. */
struct sort_key {
	uint64_t high, low;
};

/* Negative when `a` stands first. */
int sort_key_compare(const struct sort_key *a, const struct sort_key *b);

struct column_info {
	enum field_id field;
	int width; /* the least that is useful */
	int keep;  /* 0 stays longest when the screen is narrow */
	bool is_largest_first;
	/* Shortens a text that is too wide for the column, to what tells most. */
	void (*shorten)(struct strbuf *text, int width);
	struct sort_key (*key)(const struct field_row *row);
};

extern const struct column_info column_table[COLUMN_COUNT];

/*
 * Which columns are wanted, in which order, and how many are scrolled past.
 * VERDICT and PEER say which row it is: they are not scrolled away.
 */
struct column_choice {
	enum column order[COLUMN_COUNT];
	bool is_hidden[COLUMN_COUNT]; /* by column, not by place */
	size_t skip;
	int indent; /* blanks in front, for a sign */
};

/* All, in the order of the table. */
void columns_choose_all(struct column_choice *c);
/* Moves the column at `place` by one to the left or right; where it is then. */
size_t columns_move(struct column_choice *c, size_t place, bool is_right);
/* How far it can be scrolled. */
size_t columns_skip_max(const struct column_choice *c);
bool column_is_pinned(enum column column);

/* "GIVES UP", where there is room "GIVES UP IN". */
enum { GIVES_UP_WIDE = 11 };
const char *column_heading(enum column column, int width);

/* The cell's text; its width is at most `width` unless it cannot be shortened. */
void column_put(enum column column, const struct field_row *row, int width,
		struct strbuf *out);

/* 12345 becomes 12K: at most four columns. */
void columns_shorten_bytes(struct strbuf *text, int width);
/* `>= 23h59m` becomes `>23h59m`. */
void columns_shorten_since(struct strbuf *text, int width);
/* `23h59m/160ms` becomes `23h/160ms`. */
void columns_shorten_pair(struct strbuf *text, int width);
/* The end of an address tells peers apart. */
void columns_shorten_head(struct strbuf *text, int width);
/* `name[pid] fd 31`: the fd goes first, then the name; the pid stays. */
void columns_shorten_owner(struct strbuf *text, int width);

#endif
