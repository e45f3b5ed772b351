/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_SETTINGS_H
#define CONN_DOCTOR_TUI_SETTINGS_H

#include "columns.h"
#include "conn-doctor/error.h"
#include "conn-doctor/strbuf.h"
#include "grouping.h"
#include "screen.h"

/*
 * What a person likes to see, chosen with keys and kept between runs in
 * watch.conf of the state directory. A plain struct; no file and no screen here.
 */
struct settings {
	struct column_choice columns;
	enum group_by group_by;
	enum scheme scheme;
	bool is_ascii;
	uint64_t interval_ms; /* 0 = never chosen */
};

/* As built in. */
void settings_init(struct settings *s);

/* The text of the file. */
void settings_print(const struct settings *s, struct strbuf *out);

/*
 * Takes the text of a file in. One that is damaged leaves *s as it was: -1 and
 * `err` says where. A column that the file does not know stands at the end.
 */
int settings_parse(struct settings *s, const char *text, size_t len, struct error *err);

const char *scheme_name(enum scheme scheme);

#endif
