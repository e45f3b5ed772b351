/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <stdio.h>

const struct key_info key_table[] = {
	{ MODE_VIEW,
	  ACTION_QUIT,
	  { 'q', SPECIAL_F0 + 10, KEY_CTRL_C },
	  "Program",
	  "quit",
	  "Quit" },
	{ MODE_VIEW,
	  ACTION_HELP,
	  { '?', SPECIAL_F0 + 1, 'h' },
	  "Program",
	  "this help",
	  "Help" },
	{ MODE_VIEW,
	  ACTION_OPEN,
	  { CHAR_ENTER, KEY_CTRL_J },
	  "Program",
	  "all about the selected row, and back",
	  "Open" },
	{ MODE_VIEW, ACTION_BACK, { KEY_ESC }, "Program", "back", NULL },
	{ MODE_VIEW,
	  ACTION_REPAINT,
	  { KEY_CTRL_L },
	  "Program",
	  "paint the screen anew",
	  NULL },

	{ MODE_VIEW, ACTION_UP, { SPECIAL_UP, 'k' }, "Move", "one row up", NULL },
	{ MODE_VIEW, ACTION_DOWN, { SPECIAL_DOWN, 'j' }, "Move", "one row down", NULL },
	{ MODE_VIEW, ACTION_PAGE_UP, { SPECIAL_PAGE_UP }, "Move", "one page up", NULL },
	{ MODE_VIEW,
	  ACTION_PAGE_DOWN,
	  { SPECIAL_PAGE_DOWN },
	  "Move",
	  "one page down",
	  NULL },
	{ MODE_VIEW,
	  ACTION_FIRST,
	  { SPECIAL_HOME, 'g' },
	  "Move",
	  "to the first row, and stay there",
	  NULL },
	{ MODE_VIEW,
	  ACTION_LAST,
	  { SPECIAL_END, 'G' },
	  "Move",
	  "to the last row",
	  NULL },

	{ MODE_VIEW, ACTION_VIEW_NEXT, { CHAR_TAB }, "Views", "next view", "View" },
	{ MODE_VIEW,
	  ACTION_VIEW_BEFORE,
	  { SPECIAL_BACK_TAB },
	  "Views",
	  "view before",
	  NULL },
	{ MODE_VIEW, ACTION_VIEW_1, { '1' }, "Views", "connections", NULL },
	{ MODE_VIEW, ACTION_VIEW_2, { '2' }, "Views", "findings", NULL },
	{ MODE_VIEW, ACTION_VIEW_3, { '3' }, "Views", "services", NULL },

	{ MODE_VIEW,
	  ACTION_FILTER,
	  { '/', SPECIAL_F0 + 4 },
	  "Filter",
	  "show only connections that match; empty shows all",
	  "Filter" },

	{ MODE_VIEW,
	  ACTION_SORT_RIGHT,
	  { 's', SPECIAL_F0 + 6, '>' },
	  "Order",
	  "sort by the next column",
	  "Sort" },
	{ MODE_VIEW,
	  ACTION_SORT_LEFT,
	  { '<' },
	  "Order",
	  "sort by the column before",
	  NULL },
	{ MODE_VIEW,
	  ACTION_REVERSE,
	  { 'r', 'I' },
	  "Order",
	  "reverse the order",
	  "Reverse" },

	{ MODE_VIEW,
	  ACTION_ZOOM,
	  { 'z' },
	  "Refresh",
	  "over how long the sparklines go",
	  NULL },
	{ MODE_VIEW,
	  ACTION_FREEZE,
	  { 'p', 'Z' },
	  "Refresh",
	  "freeze the screen, or go on",
	  "Freeze" },
	{ MODE_VIEW, ACTION_FASTER, { '+' }, "Refresh", "look more often", "Faster" },
	{ MODE_VIEW, ACTION_SLOWER, { '-' }, "Refresh", "look less often", "Slower" },
	{ MODE_VIEW,
	  ACTION_REFRESH,
	  { 'R' },
	  "Refresh",
	  "look now; one step while frozen",
	  "Now" },

	{ MODE_LINE,
	  ACTION_LINE_KEEP,
	  { CHAR_ENTER, KEY_CTRL_J },
	  "In the line of the filter",
	  "keep it",
	  "Keep" },
	{ MODE_LINE,
	  ACTION_LINE_CANCEL,
	  { KEY_ESC, SPECIAL_F0 + 10 },
	  "In the line of the filter",
	  "as it was before",
	  "As before" },
	{ MODE_LINE,
	  ACTION_LINE_OLDER,
	  { SPECIAL_UP, KEY_CTRL_P },
	  "In the line of the filter",
	  "earlier entry",
	  "Earlier" },
	{ MODE_LINE,
	  ACTION_LINE_NEWER,
	  { SPECIAL_DOWN, KEY_CTRL_N },
	  "In the line of the filter",
	  "later entry",
	  NULL },
	{ MODE_LINE,
	  ACTION_LINE_LEFT,
	  { SPECIAL_LEFT },
	  "In the line of the filter",
	  "one character to the left",
	  NULL },
	{ MODE_LINE,
	  ACTION_LINE_RIGHT,
	  { SPECIAL_RIGHT },
	  "In the line of the filter",
	  "one character to the right",
	  NULL },
	{ MODE_LINE,
	  ACTION_LINE_HOME,
	  { SPECIAL_HOME, KEY_CTRL_A },
	  "In the line of the filter",
	  "to its beginning",
	  NULL },
	{ MODE_LINE,
	  ACTION_LINE_END,
	  { SPECIAL_END, KEY_CTRL_E },
	  "In the line of the filter",
	  "to its end",
	  NULL },
	{ MODE_LINE,
	  ACTION_LINE_BACKSPACE,
	  { CHAR_BACKSPACE, KEY_CTRL_H },
	  "In the line of the filter",
	  "delete the character before",
	  NULL },
	{ MODE_LINE,
	  ACTION_LINE_DELETE,
	  { SPECIAL_DELETE },
	  "In the line of the filter",
	  "delete the character here",
	  NULL },
	{ MODE_LINE,
	  ACTION_LINE_WORD,
	  { KEY_CTRL_W },
	  "In the line of the filter",
	  "delete the word before",
	  NULL },
	{ MODE_LINE,
	  ACTION_LINE_CLEAR,
	  { KEY_CTRL_U },
	  "In the line of the filter",
	  "empty it",
	  "Empty" },
};

const size_t key_table_count = sizeof(key_table) / sizeof(*key_table);

enum action keys_find(enum key_mode mode, int key)
{
	for (size_t i = 0; key > 0 && i < key_table_count; i++)
		for (size_t j = 0; j < KEYS_PER_ACTION; j++)
			if (key_table[i].mode == mode && key_table[i].keys[j] == key)
				return key_table[i].action;
	return ACTION_NONE;
}

static const struct {
	int key;
	const char *name;
} named_keys[] = {
	{ SPECIAL_UP, "Up" },
	{ SPECIAL_DOWN, "Down" },
	{ SPECIAL_PAGE_UP, "PgUp" },
	{ SPECIAL_PAGE_DOWN, "PgDn" },
	{ SPECIAL_HOME, "Home" },
	{ SPECIAL_END, "End" },
	{ SPECIAL_LEFT, "Left" },
	{ SPECIAL_RIGHT, "Right" },
	{ SPECIAL_DELETE, "Del" },
	{ SPECIAL_BACK_TAB, "Shift-Tab" },
	{ CHAR_TAB, "Tab" },
	{ CHAR_ENTER, "Enter" },
	{ CHAR_BACKSPACE, "Backspace" },
	{ KEY_ESC, "Esc" },
};

char *key_label(int key, char out[static KEY_NAME_SIZE])
{
	for (size_t i = 0; i < sizeof(named_keys) / sizeof(*named_keys); i++) {
		if (named_keys[i].key == key) {
			snprintf(out, KEY_NAME_SIZE, "%s", named_keys[i].name);
			return out;
		}
	}
	if (key > SPECIAL_F0 && key <= SPECIAL_F12)
		snprintf(out, KEY_NAME_SIZE, "F%d", key - SPECIAL_F0);
	else if (key > 0 && key < ' ')
		snprintf(out, KEY_NAME_SIZE, "Ctrl-%c", '@' + key);
	else
		snprintf(out, KEY_NAME_SIZE, "%c", key < 127 ? key : '?');
	return out;
}
