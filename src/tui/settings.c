/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/ini_pairs.h"

enum { INTERVAL_MIN_MS = 100, INTERVAL_MAX_MS = 7 * 24 * 3600 * 1000 };

static const char *const scheme_names[SCHEME_COUNT] = {
	[SCHEME_STANDARD] = "standard",
	[SCHEME_CONTRAST] = "high-contrast",
	[SCHEME_MONO] = "mono",
};

const char *scheme_name(enum scheme scheme)
{
	return scheme_names[scheme];
}

void settings_init(struct settings *s)
{
	*s = (struct settings){ 0 };
	columns_choose_all(&s->columns);
}

static const char *column_id(enum column c)
{
	return field_table[column_table[c].field].id;
}

/* A line for each, so that none gets too long for its reader. */
static void print_columns(const struct settings *s, struct strbuf *out)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		enum column c = s->columns.order[i];
		strbuf_addf(out, "%s = %s\n", column_id(c),
			    s->columns.is_hidden[c] ? "no" : "yes");
	}
}

void settings_print(const struct settings *s, struct strbuf *out)
{
	strbuf_add(out, "; written by conn-doctor watch, F2 changes it\n[watch]\n");
	strbuf_addf(out, "group = %s\n", group_by_name(s->group_by));
	strbuf_addf(out, "colours = %s\n", scheme_names[s->scheme]);
	strbuf_addf(out, "ascii = %s\n", s->is_ascii ? "yes" : "no");
	if (s->interval_ms)
		strbuf_addf(out, "interval = %" PRIu64 "ms\n", s->interval_ms);
	strbuf_add(out, "[columns]\n");
	print_columns(s, out);
}

/* What is read, beside the columns that were named. */
struct parser {
	struct settings settings;
	bool is_named[COLUMN_COUNT];
	size_t named;
};

static bool take_yes(const char *value, bool *out)
{
	*out = strcmp(value, "yes") == 0;
	return *out || strcmp(value, "no") == 0;
}

static bool take_group(struct settings *s, const char *value)
{
	for (int i = 0; i < GROUP_BY_COUNT; i++) {
		if (strcmp(group_by_name((enum group_by)i), value) == 0) {
			s->group_by = (enum group_by)i;
			return true;
		}
	}
	return false;
}

static bool take_scheme(struct settings *s, const char *value)
{
	for (int i = 0; i < SCHEME_COUNT; i++) {
		if (strcmp(scheme_names[i], value) == 0) {
			s->scheme = (enum scheme)i;
			return true;
		}
	}
	return false;
}

static bool take_ascii(struct settings *s, const char *value)
{
	return take_yes(value, &s->is_ascii);
}

static bool take_interval(struct settings *s, const char *value)
{
	struct error err;
	return duration_parse(value, &s->interval_ms, &err) == 0 &&
	       s->interval_ms >= INTERVAL_MIN_MS && s->interval_ms <= INTERVAL_MAX_MS;
}

static const struct {
	const char *name;
	bool (*take)(struct settings *s, const char *value);
} keys[] = {
	{ "group", take_group },
	{ "colours", take_scheme },
	{ "ascii", take_ascii },
	{ "interval", take_interval },
};

/* A column of another version of the program is passed over. */
static bool take_column(struct parser *p, const char *name, const char *value)
{
	bool is_shown;
	if (!take_yes(value, &is_shown))
		return false;
	for (int i = 0; i < COLUMN_COUNT; i++) {
		enum column c = (enum column)i;
		if (p->is_named[c] || strcmp(column_id(c), name) != 0)
			continue;
		p->is_named[c] = true;
		p->settings.columns.order[p->named++] = c;
		p->settings.columns.is_hidden[c] = !is_shown && !column_is_pinned(c);
	}
	return true;
}

static bool take_pair(void *user, const char *section, const char *name,
		      const char *value)
{
	struct parser *p = user;
	if (strcmp(section, "columns") == 0)
		return take_column(p, name, value);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return keys[i].take(&p->settings, value);
	return true;
}

int settings_parse(struct settings *s, const char *text, size_t len, struct error *err)
{
	struct parser p = { 0 };
	settings_init(&p.settings);
	if (ini_pairs_read(text, len, take_pair, &p, err))
		return -1;
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (!p.is_named[i])
			p.settings.columns.order[p.named++] = (enum column)i;
	*s = p.settings;
	return 0;
}
