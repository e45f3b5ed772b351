/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_KEYS_H
#define CONN_DOCTOR_TUI_KEYS_H

#include <stddef.h>

/*
 * One table of keys: dispatch, footer and help are made from it. Keys are
 * Unicode characters, control characters (Ctrl-L = 12), or one of these, which
 * lie beyond Unicode; screen.c translates from curses.
 */
enum special_key {
	KEY_NOTHING = -1,
	SPECIAL_UP = 0x110000,
	SPECIAL_DOWN,
	SPECIAL_PAGE_UP,
	SPECIAL_PAGE_DOWN,
	SPECIAL_HOME,
	SPECIAL_END,
	SPECIAL_RESIZE,
	SPECIAL_F0, /* F1 is SPECIAL_F0 + 1 */
	SPECIAL_F12 = SPECIAL_F0 + 12,
};

enum { KEY_CTRL_C = 3, KEY_CTRL_L = 12, KEY_ESC = 27 };

enum action {
	ACTION_NONE,
	ACTION_UP,
	ACTION_DOWN,
	ACTION_PAGE_UP,
	ACTION_PAGE_DOWN,
	ACTION_FIRST,
	ACTION_LAST,
	ACTION_SORT_RIGHT,
	ACTION_SORT_LEFT,
	ACTION_REVERSE,
	ACTION_FREEZE,
	ACTION_FASTER,
	ACTION_SLOWER,
	ACTION_REFRESH,
	ACTION_REPAINT,
	ACTION_HELP,
	ACTION_BACK,
	ACTION_QUIT,
	ACTION_COUNT
};

enum { KEYS_PER_ACTION = 3, KEY_NAME_SIZE = 12 };

struct key_info {
	enum action action;
	int keys[KEYS_PER_ACTION]; /* 0 = no further one */
	const char *group;
	const char *help;
	const char *footer; /* one word; NULL = only in the help */
};

/* In the order of the help; the footer shows what fits, from the left. */
extern const struct key_info key_table[];
extern const size_t key_table_count;

enum action keys_find(int key);

/* `PgUp`, `Ctrl-L`, `F10`, `q`. Returns `out`. */
char *key_label(int key, char out[static KEY_NAME_SIZE]);

#endif
