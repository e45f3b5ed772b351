/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <stdio.h>

const struct key_info key_table[] = {
	{ ACTION_QUIT,
	  { 'q', SPECIAL_F0 + 10, KEY_CTRL_C },
	  "Program",
	  "quit",
	  "Quit" },
	{ ACTION_HELP, { '?', SPECIAL_F0 + 1, 'h' }, "Program", "this help", "Help" },
	{ ACTION_BACK, { KEY_ESC }, "Program", "back", NULL },
	{ ACTION_REPAINT, { KEY_CTRL_L }, "Program", "paint the screen anew", NULL },

	{ ACTION_UP, { SPECIAL_UP, 'k' }, "Move", "one row up", NULL },
	{ ACTION_DOWN, { SPECIAL_DOWN, 'j' }, "Move", "one row down", NULL },
	{ ACTION_PAGE_UP, { SPECIAL_PAGE_UP }, "Move", "one page up", NULL },
	{ ACTION_PAGE_DOWN, { SPECIAL_PAGE_DOWN }, "Move", "one page down", NULL },
	{ ACTION_FIRST,
	  { SPECIAL_HOME, 'g' },
	  "Move",
	  "to the first row, and stay there",
	  NULL },
	{ ACTION_LAST, { SPECIAL_END, 'G' }, "Move", "to the last row", NULL },

	{ ACTION_SORT_RIGHT,
	  { 's', SPECIAL_F0 + 6, '>' },
	  "Order",
	  "sort by the next column",
	  "Sort" },
	{ ACTION_SORT_LEFT, { '<' }, "Order", "sort by the column before", NULL },
	{ ACTION_REVERSE, { 'r', 'I' }, "Order", "reverse the order", "Reverse" },

	{ ACTION_FREEZE,
	  { 'p', 'Z' },
	  "Refresh",
	  "freeze the screen, or go on",
	  "Freeze" },
	{ ACTION_FASTER, { '+' }, "Refresh", "look more often", "Faster" },
	{ ACTION_SLOWER, { '-' }, "Refresh", "look less often", "Slower" },
	{ ACTION_REFRESH,
	  { 'R' },
	  "Refresh",
	  "look now; one step while frozen",
	  "Now" },
};

const size_t key_table_count = sizeof(key_table) / sizeof(*key_table);

enum action keys_find(int key)
{
	for (size_t i = 0; key > 0 && i < key_table_count; i++)
		for (size_t j = 0; j < KEYS_PER_ACTION; j++)
			if (key_table[i].keys[j] == key)
				return key_table[i].action;
	return ACTION_NONE;
}

char *key_label(int key, char out[static KEY_NAME_SIZE])
{
	static const char *const names[] = {
		"Up", "Down", "PgUp", "PgDn", "Home", "End"
	};
	if (key >= SPECIAL_UP && key <= SPECIAL_END)
		snprintf(out, KEY_NAME_SIZE, "%s", names[key - SPECIAL_UP]);
	else if (key > SPECIAL_F0 && key <= SPECIAL_F12)
		snprintf(out, KEY_NAME_SIZE, "F%d", key - SPECIAL_F0);
	else if (key == KEY_ESC)
		snprintf(out, KEY_NAME_SIZE, "Esc");
	else if (key > 0 && key < ' ')
		snprintf(out, KEY_NAME_SIZE, "Ctrl-%c", '@' + key);
	else
		snprintf(out, KEY_NAME_SIZE, "%c", key < 127 ? key : '?');
	return out;
}
