/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_ACTIONS_H
#define CONN_DOCTOR_TUI_ACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "columns.h"
#include "keys.h"

/*
 * What the user sees of the data: a plain struct. Actions change it and nothing
 * else, and answer with reaction bits; only the loop acts on them.
 */
struct view_state {
	size_t top;      /* first row on the screen */
	size_t selected; /* position in the order */
	/*
	 * The selection is a connection, not a line: a held one is found again by
	 * cookie and stays on its line of the screen. Before the first move (and
	 * after Home) nothing is held and the worst row is the selected one.
	 */
	bool is_held;
	uint64_t cookie;
	enum column sort;
	bool is_reversed;
	bool is_frozen;
	bool is_help;
	size_t help_top;
	uint64_t interval_ms;
};

/* How much there is to move over. */
struct view_bounds {
	size_t row_count, page;
	size_t help_count, help_page;
};

enum reaction {
	REACT_DRAW = 1 << 0,
	REACT_MOVED = 1 << 1, /* another row: remember its cookie */
	REACT_SORT = 1 << 2,
	REACT_FREEZE = 1 << 3,
	REACT_INTERVAL = 1 << 4,
	REACT_COLLECT = 1 << 5,
	REACT_REPAINT = 1 << 6,
	REACT_QUIT = 1 << 7,
};

unsigned action_apply(enum action action, struct view_state *v,
		      const struct view_bounds *b);

#define VIEW_NOT_FOUND SIZE_MAX

/*
 * The rows have changed. `found` is where the held cookie is now; a held row
 * that is gone leaves the selection on its line (then the caller remembers the
 * cookie that is there now).
 */
void view_follow(struct view_state *v, const struct view_bounds *b, size_t found);

#endif
