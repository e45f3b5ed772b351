/* SPDX-License-Identifier: MIT */
#include "conn-doctor/config.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/text.h"

#include "config_errors.h"
#include "config_files.h"

void config_init(struct config *c)
{
	*c = (struct config){ 0 };
	for (size_t i = 0; i < CONFIG_END; i++)
		c->values[i].value = config_table[i].initial;
}

void config_clear(struct config *c)
{
	for (size_t i = 0; i < c->path_count; i++)
		free(c->paths[i]);
	free(c->paths);
	policy_clear(&c->policy);
	strbuf_clear(&c->errors);
	*c = (struct config){ 0 };
}

void config_override(struct config *c, enum config_id id, uint64_t value)
{
	c->values[id] = (struct config_value){ .value = value, .is_option = true };
}

void config_add_error(struct config *c, const char *path, unsigned line,
		      const char *text)
{
	if (c->error_count >= CONFIG_ERRORS_MAX)
		return;
	/* Path and text are made of what stands in files: nothing to trust. */
	text_sanitize(&c->errors, path, strlen(path));
	if (line)
		strbuf_addf(&c->errors, ":%u", line);
	strbuf_add(&c->errors, ": ");
	/* A message about a filter shows the place in lines of its own. */
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		text_sanitize(&c->errors, text, (size_t)(end - text));
		strbuf_add_char(&c->errors, '\n');
	}
	if (++c->error_count == CONFIG_ERRORS_MAX)
		strbuf_add(&c->errors, "the rest is not read: too many errors\n");
}

void config_finish(struct config *c)
{
	for (size_t i = 0; i < c->policy.target_count; i++) {
		const struct target *t = &c->policy.targets[i];
		struct error err;
		if (t->filter || t->is_filter_wrong)
			continue;
		error_set(&err, ERROR_INPUT,
			  "[target %s] has no filter: which connections are meant?",
			  t->name);
		config_add_error(c, t->path, t->line, err.text);
	}
}

void config_load(struct config *c, const struct config_places *places)
{
	if (!places->file)
		config_read_places(c, places);
	else if (strcmp(places->file, "none") != 0)
		config_read_named(c, places->file);
	config_finish(c);
}
