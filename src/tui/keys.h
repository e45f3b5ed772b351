/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_KEYS_H
#define CONN_DOCTOR_TUI_KEYS_H

#include <stdbool.h>
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
	SPECIAL_LEFT,
	SPECIAL_RIGHT,
	SPECIAL_DELETE,
	SPECIAL_BACK_TAB,
	SPECIAL_RESIZE,
	SPECIAL_CLICK, /* screen_click() says where */
	SPECIAL_WHEEL_UP,
	SPECIAL_WHEEL_DOWN,
	SPECIAL_F0, /* F1 is SPECIAL_F0 + 1 */
	SPECIAL_F12 = SPECIAL_F0 + 12,
};

enum {
	KEY_CTRL_A = 1,
	KEY_CTRL_C = 3,
	KEY_CTRL_E = 5,
	KEY_CTRL_H = 8,
	CHAR_TAB = 9,
	KEY_CTRL_J = 10,
	KEY_CTRL_L = 12,
	CHAR_ENTER = 13,
	KEY_CTRL_N = 14,
	KEY_CTRL_P = 16,
	KEY_CTRL_S = 19,
	KEY_CTRL_U = 21,
	KEY_CTRL_W = 23,
	KEY_ESC = 27,
	CHAR_BACKSPACE = 127,
};

/* A key means one thing where views are looked at, another in a line or a menu. */
enum key_mode { MODE_VIEW, MODE_LINE, MODE_MENU };

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
	ACTION_ZOOM_OUT,
	ACTION_ZOOM_IN,
	ACTION_FREEZE,
	ACTION_STEP,
	ACTION_STEP_BACK,
	ACTION_TIME,
	ACTION_FIRST_PASS,
	ACTION_LAST_PASS,
	ACTION_SPEED_UP,
	ACTION_SPEED_DOWN,
	ACTION_FASTER,
	ACTION_SLOWER,
	ACTION_REFRESH,
	ACTION_REPAINT,
	ACTION_HELP,
	ACTION_OPEN,
	ACTION_BACK,
	ACTION_QUIT,
	ACTION_VIEW_NEXT,
	ACTION_VIEW_BEFORE,
	ACTION_VIEW_1, /* in the order of the views */
	ACTION_VIEW_2,
	ACTION_VIEW_3,
	ACTION_VIEW_4,
	ACTION_VIEW_5,
	ACTION_VIEW_6,
	ACTION_FILTER,
	ACTION_FIND,
	ACTION_FIND_NEXT,
	ACTION_FIND_BEFORE,
	ACTION_SORT_MENU,
	ACTION_SCROLL_LEFT,
	ACTION_SCROLL_RIGHT,
	ACTION_FOLLOW,
	ACTION_GROUP,
	ACTION_FOLD,
	ACTION_FOLD_ALL,
	ACTION_MARK,
	ACTION_UNMARK,
	ACTION_OPTIONS,
	ACTION_SCHEME,
	ACTION_SAVE,
	ACTION_JSON,
	ACTION_EXPLAIN,
	ACTION_CLICK,
	ACTION_WHEEL_UP,
	ACTION_WHEEL_DOWN,
	ACTION_MENU_CHOOSE,
	ACTION_MENU_LESS,
	ACTION_MENU_MORE,
	ACTION_MENU_CLOSE,
	ACTION_LINE_KEEP,
	ACTION_LINE_CANCEL,
	ACTION_LINE_OLDER,
	ACTION_LINE_NEWER,
	ACTION_LINE_LEFT,
	ACTION_LINE_RIGHT,
	ACTION_LINE_HOME,
	ACTION_LINE_END,
	ACTION_LINE_BACKSPACE,
	ACTION_LINE_DELETE,
	ACTION_LINE_WORD,
	ACTION_LINE_CLEAR,
	ACTION_COUNT
};

/* Where a key is shown; it has its meaning, or says why not, everywhere. */
enum key_place { KEY_EVERYWHERE, KEY_LIVE, KEY_RECORDING };

enum { KEYS_PER_ACTION = 3, KEY_NAME_SIZE = 12 };

struct key_info {
	enum key_mode mode;
	enum action action;
	int keys[KEYS_PER_ACTION]; /* 0 = no further one */
	const char *group;
	const char *help;
	const char *footer; /* one word; NULL = only in the help */
	enum key_place place;
};

/* In the order of the help; the footer shows what fits, from the left. */
extern const struct key_info key_table[];
extern const size_t key_table_count;

/* Whether footer and help show the key. */
bool key_is_shown(const struct key_info *k, bool is_recording);

enum action keys_find(enum key_mode mode, int key);

/* `PgUp`, `Ctrl-L`, `F10`, `q`. Returns `out`. */
char *key_label(int key, char out[static KEY_NAME_SIZE]);

#endif
