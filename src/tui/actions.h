/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_ACTIONS_H
#define CONN_DOCTOR_TUI_ACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "columns.h"
#include "keys.h"
#include "menu.h"

enum view_id {
	VIEW_CONNECTIONS,
	VIEW_FINDINGS,
	VIEW_SERVICES,
	VIEW_PEERS,
	VIEW_PROCESSES,
	VIEW_EVENTS,
	VIEW_COUNT
};

/*
 * Where one list stands. The selection is a thing, not a line: a held one is
 * found again by its identity (cookie, fingerprint, ...) and stays on its line of
 * the screen. Before the first move (and after Home) nothing is held and the
 * worst row is the selected one.
 */
struct list_state {
	size_t top;      /* first row on the screen */
	size_t selected; /* position in the order */
	bool is_held;
	uint64_t held; /* identity */
};

enum line_kind { LINE_FILTER, LINE_FIND, LINE_TIME };

/* What the page of a row shows of it. */
enum page_kind { PAGE_DETAIL, PAGE_JSON, PAGE_EXPLAIN };

/*
 * What the user sees of the data: a plain struct. Actions change it and nothing
 * else, and answer with reaction bits; only the loop acts on them.
 *
 * Over the list of the view may lie the page of its selected row, over that the
 * help. What lies on top gets the moves and is the first to go.
 */
struct view_state {
	enum view_id view;
	struct list_state lists[VIEW_COUNT];
	enum column sort;
	bool is_reversed;
	bool is_frozen;
	bool is_help;
	size_t help_top;
	bool is_open; /* the page of a row */
	enum page_kind page_kind;
	size_t page_top;
	bool is_editing; /* a line of input has the keys: */
	enum line_kind line;
	bool is_following; /* the held row stays in the middle */
	struct menu menu;  /* over everything, while it has a kind */
	struct settings settings;
	uint64_t interval_ms;
	bool is_recording;
	unsigned speed; /* at which it plays, see replay_speed_name() */
	unsigned zoom;  /* of the sparklines, see trend_span_ms() */
};

/* How much there is to move over. */
struct view_bounds {
	size_t row_count, page;
	size_t help_count, help_page;
	size_t text_count, text_page; /* of the page of a row */
	bool is_on_group;             /* the selected row is the line of a group */
};

enum reaction {
	REACT_DRAW = 1 << 0,
	REACT_MOVED = 1 << 1, /* another row: remember its identity */
	REACT_SORT = 1 << 2,
	REACT_FREEZE = 1 << 3,
	REACT_INTERVAL = 1 << 4,
	REACT_COLLECT = 1 << 5,
	REACT_REPAINT = 1 << 6,
	REACT_QUIT = 1 << 7,
	REACT_VIEW = 1 << 8,    /* another view */
	REACT_OPEN = 1 << 9,    /* a page was opened or left */
	REACT_FILTER = 1 << 10, /* the line of the filter is wanted */
	REACT_FIND = 1 << 11,   /* the line of find is wanted */
	REACT_FIND_NEXT = 1 << 12,
	REACT_FIND_BEFORE = 1 << 13,
	REACT_GROUP = 1 << 14, /* another grouping */
	REACT_FOLD = 1 << 15,  /* the group of the selected row */
	REACT_FOLD_ALL = 1 << 16,
	REACT_MARK = 1 << 17, /* the selected row */
	REACT_UNMARK = 1 << 18,
	REACT_SETTINGS = 1 << 19, /* they are other ones, to be kept */
	REACT_SAVE = 1 << 20,     /* a snapshot is wanted */
	REACT_STEP = 1 << 21,     /* one pass of the recording on */
	REACT_STEP_BACK = 1 << 22,
	REACT_FIRST_PASS = 1 << 23,
	REACT_LAST_PASS = 1 << 24,
	REACT_TIME = 1 << 25, /* the line of the time is wanted */
	REACT_SPEED = 1 << 26,
};

unsigned action_apply(enum action action, struct view_state *v,
		      const struct view_bounds *b);

/* The row at `row`, or the last one, is the selected one. */
unsigned view_select(struct view_state *v, const struct view_bounds *b, size_t row);

struct list_state *view_list(struct view_state *v);

#define VIEW_NOT_FOUND SIZE_MAX

/*
 * The rows have changed. `found` is where the held row is now; one that is gone
 * leaves the selection on its line (then the caller remembers what is there now).
 */
void view_follow(struct view_state *v, const struct view_bounds *b, size_t found);

#endif
