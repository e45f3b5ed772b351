/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_EDITOR_H
#define CONN_DOCTOR_TUI_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "conn-doctor/strbuf.h"
#include "keys.h"

/*
 * A line of input with its earlier entries. It knows neither the screen nor
 * what the line means.
 */
enum { EDITOR_ENTRIES_MAX = 50, EDITOR_LENGTH_MAX = 1000 };

struct editor {
	struct strbuf text;
	size_t cursor; /* in bytes, never inside a character */
	char *entries[EDITOR_ENTRIES_MAX];
	size_t entry_count;
	size_t shown; /* entry that is shown; entry_count = the line itself */
	char *draft;  /* the line while an entry is shown */
	char *before; /* what cancel restores */
};

enum edit_result {
	EDIT_NOTHING,
	EDIT_MOVED,
	EDIT_CHANGED,
	EDIT_KEPT,
	EDIT_CANCELLED,
};

void editor_open(struct editor *e, const char *text);

/* An action of MODE_LINE; with ACTION_NONE, the key is a character to insert. */
enum edit_result editor_act(struct editor *e, enum action action, int key);

/* Remembers the line as an entry. */
void editor_remember(struct editor *e);
void editor_clear(struct editor *e);

#endif
