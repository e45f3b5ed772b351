/* SPDX-License-Identifier: MIT */
#include "config_command.h"

#include <stdio.h>
#include <string.h>

#include "conn-doctor/config.h"
#include "conn-doctor/text.h"

enum { STATUS_FINE = 0, STATUS_WRONG = 3, KEY_COLUMN = 44 };

/* A value as a line of a file, its origin as a comment. */
static void show_line(FILE *out, const char *key, const char *value, const char *origin)
{
	int len = fprintf(out, "%s = %s", key, value);
	fprintf(out, "%*s ; %s\n", len < KEY_COLUMN ? KEY_COLUMN - len : 0, "", origin);
}

static void show_header(FILE *out, const char **last, const char *section)
{
	if (strcmp(*last, section) != 0)
		fprintf(out, "%s[%s]\n", **last ? "\n" : "", section);
	*last = section;
}

static void add_place(struct strbuf *out, const char *path, unsigned line)
{
	text_sanitize(out, path, strlen(path));
	strbuf_addf(out, ":%u", line);
}

static void add_origin(struct strbuf *out, enum config_id id,
		       const struct config_value *value)
{
	const char *initial_text = config_table[id].initial_text;
	if (value->path) {
		add_place(out, value->path, value->line);
	} else {
		strbuf_add(out, value->is_option ? "option" : "built-in");
		if (initial_text && value->value == config_table[id].initial)
			strbuf_addf(out, " (%s)", initial_text);
	}
}

struct policy_page {
	FILE *out;
	char section[64];
};

static void show_policy_line(void *context, const char *section, const char *key,
			     const char *value, const struct declared *origin)
{
	struct policy_page *page = context;
	auto_strbuf struct strbuf place = { 0 };
	if (strcmp(page->section, section) != 0)
		fprintf(page->out, "\n[%s]\n", section);
	snprintf(page->section, sizeof(page->section), "%s", section);
	add_place(&place, origin->path, origin->line);
	show_line(page->out, key, value, place.text);
}

/* As lines that can be read back: what is in force, frozen into a file. */
static void show(const struct config *c, FILE *out)
{
	const char *section = "";
	struct policy_page page = { .out = out };
	for (enum config_id id = 0; id < CONFIG_END; id++) {
		char value[32];
		auto_strbuf struct strbuf origin = { 0 };
		const struct config_key *key = &config_table[id];
		show_header(out, &section, key->section);
		config_print(id, c->values[id].value, value);
		add_origin(&origin, id, &c->values[id]);
		show_line(out, key->name, value, origin.text);
	}
	policy_each(&c->policy, show_policy_line, &page);
}

static int run_show(const struct config *c)
{
	show(c, stdout);
	if (c->error_count)
		fputs(c->errors.text, stderr);
	return c->error_count ? STATUS_WRONG : STATUS_FINE;
}

static int run_check(const struct config *c)
{
	if (c->error_count) {
		fputs(c->errors.text, stdout);
		return STATUS_WRONG;
	}
	for (size_t i = 0; i < c->path_count; i++) {
		auto_strbuf struct strbuf path = { 0 };
		text_sanitize(&path, c->paths[i], strlen(c->paths[i]));
		printf("read %s\n", path.text);
	}
	puts(c->path_count ? "nothing is wrong in them" : "no file is read");
	return STATUS_FINE;
}

static const struct {
	const char *name;
	int (*run)(const struct config *c);
} actions[] = { { "show", run_show }, { "check", run_check } };

int config_command(const struct options *o, struct error *err)
{
	const char *wanted = strbuf_text(&o->filter);
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (strcmp(actions[i].name, wanted) == 0)
			return actions[i].run(&o->config);
	if (!*wanted)
		return error_set(err, ERROR_USAGE, "config what? show or check");
	return error_set(err, ERROR_USAGE, "'config %.60s' is not show or check",
			 wanted);
}
