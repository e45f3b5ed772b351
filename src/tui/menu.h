/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_MENU_H
#define CONN_DOCTOR_TUI_MENU_H

#include <stdbool.h>
#include <stddef.h>

#include "conn-doctor/strbuf.h"
#include "keys.h"
#include "settings.h"

/*
 * A list over the table, to choose from: the column to sort by, or the options
 * of the screen. Plain data: keys become actions, actions change the menu and the
 * settings and answer with what is to be done.
 */
enum menu_kind { MENU_NONE, MENU_SORT, MENU_OPTIONS };

struct menu {
	enum menu_kind kind;
	size_t selected, top;
};

enum menu_result {
	MENU_NOTHING,
	MENU_MOVED,
	MENU_CHANGED, /* a setting is another one */
	MENU_CHOSEN,  /* the selected entry, and the menu is closed */
	MENU_CLOSED,
};

/* `selected`: the entry that is marked at first. */
void menu_open(struct menu *m, enum menu_kind kind, size_t selected);

size_t menu_count(const struct menu *m);
const char *menu_title(const struct menu *m);

/* `page`: entries that are on the screen. */
enum menu_result menu_act(struct menu *m, enum action action, struct settings *s,
			  size_t page);

/* Of the options: which entry is what; columns stand in their order. */
enum menu_entry {
	MENU_GROUP_BY,
	MENU_SCHEME,
	MENU_ASCII,
	MENU_INTERVAL,
	MENU_COLUMNS, /* the first one */
};

/* The text of an entry; `sort` is the column that is sorted by. */
void menu_put_entry(const struct menu *m, size_t entry, const struct settings *s,
		    enum column sort, struct strbuf *out);

/* The interval before or after this one in the fixed steps; itself at the ends. */
uint64_t interval_step(uint64_t interval_ms, bool is_longer);

#endif
