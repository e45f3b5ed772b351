/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_ACTION_TABLES_H
#define CONN_DOCTOR_TUI_ACTION_TABLES_H

#include "actions.h"

/* What the files of actions tell each other: an action is in one of their tables. */
typedef unsigned action_function(struct view_state *v, const struct view_bounds *b);

extern action_function *const move_functions[ACTION_COUNT];
extern action_function *const list_functions[ACTION_COUNT];

/* What is done to the list needs it to be seen. */
static inline bool is_list(const struct view_state *v)
{
	return !v->is_open && !v->is_help;
}

#endif
