/* SPDX-License-Identifier: MIT */
#include "config_command.h"

#include <stdio.h>
#include <string.h>

#include "conn-doctor/config.h"
#include "conn-doctor/text.h"

enum { STATUS_FINE = 0, STATUS_WRONG = 3, KEY_COLUMN = 44 };

static void add_origin(struct strbuf *out, enum config_id id,
		       const struct config_value *value)
{
	const char *initial_text = config_table[id].initial_text;
	if (value->path) {
		text_sanitize(out, value->path, strlen(value->path));
		strbuf_addf(out, ":%u", value->line);
	} else {
		strbuf_add(out, value->is_option ? "option" : "built-in");
		if (initial_text && value->value == config_table[id].initial)
			strbuf_addf(out, " (%s)", initial_text);
	}
}

/* As lines that can be read back: what is in force, frozen into a file. */
static void show(const struct config *c, FILE *out)
{
	const char *section = "";
	for (enum config_id id = 0; id < CONFIG_END; id++) {
		char value[32];
		auto_strbuf struct strbuf origin = { 0 };
		const struct config_key *key = &config_table[id];
		if (strcmp(section, key->section) != 0)
			fprintf(out, "%s[%s]\n", *section ? "\n" : "", key->section);
		section = key->section;
		config_print(id, c->values[id].value, value);
		add_origin(&origin, id, &c->values[id]);
		int len = fprintf(out, "%s = %s", key->name, value);
		fprintf(out, "%*s ; %s\n", len < KEY_COLUMN ? KEY_COLUMN - len : 0, "",
			origin.text);
	}
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
