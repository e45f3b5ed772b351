/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/config.h"
#include "conn-doctor/memory.h"

/*
 * A file from outside: whatever it is, every value stays within its range, and
 * every message is one line that names the file and is safe on a terminal.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "%s:\n%s\n", what, text);
	abort();
}

static void check_value(const struct config *c, enum config_id id)
{
	const struct config_key *key = &config_table[id];
	const struct config_value *value = &c->values[id];
	char text[32];
	config_print(id, value->value, text);
	if (!value->path && value->value != key->initial)
		fail("a value from nowhere", key->name);
	if (value->path && !value->line)
		fail("a value without a line", key->name);
	if (value->path && !key->words[0] &&
	    (value->value < key->min || value->value > key->max))
		fail("a value outside its range", key->name);
	if (key->words[0] && value->value >= CONFIG_WORDS_MAX)
		fail("a word that does not exist", key->name);
}

/* Every declared value stands where it says, within its range, and shows safely. */
static void check_line(void *context, const char *section, const char *key,
		       const char *value, const struct declared *origin)
{
	(void)context, (void)section;
	if (!origin->is_set || !origin->path || !origin->line)
		fail("a declared value from nowhere", key);
	for (const char *p = value; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\n') || *p == 0x7f)
			fail("a control character in a value", value);
}

static void check_target(const struct target *t)
{
	for (enum target_key key = 0; key < TARGET_KEY_COUNT; key++) {
		const struct policy_key *info = &target_key_table[key];
		uint64_t value = t->values[key].value;
		if (!t->values[key].is_set)
			continue;
		if (info->kind == POLICY_NUMBER &&
		    (value < info->min || value > info->max))
			fail("a declared value outside its range", info->name);
		if (key == TARGET_FILTER && !t->filter)
			fail("a filter that is none", t->name);
	}
}

static void check_policy(const struct policy *p)
{
	for (size_t i = 0; i < p->target_count; i++)
		check_target(&p->targets[i]);
	for (size_t i = 0; i < FINDING_KIND_COUNT; i++)
		for (size_t j = 0; j < CHECK_RANGE_COUNT; j++)
			if (!(p->checks[i].ranges[j].start <=
			      p->checks[i].ranges[j].end))
				fail("a range that is none", check_key_table[j].name);
	policy_each(p, check_line, NULL);
}

static void check_errors(const struct config *c)
{
	size_t count = 0;
	const char *line = strbuf_text(&c->errors);
	for (const char *end; *line; line = end + 1, count++) {
		end = strchr(line, '\n');
		if (!end)
			fail("a message without an end", line);
		if (strncmp(line, "f:", 2) != 0 && strncmp(line, "  ", 2) != 0 &&
		    strncmp(line, "the rest", 8) != 0)
			fail("a message without a place", line);
		for (const char *p = line; p < end; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				fail("a control character", line);
	}
	if (count < c->error_count)
		fail("fewer messages than errors", strbuf_text(&c->errors));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	/* Exactly sized, so that the sanitizer sees a read past the end. */
	auto_free char *text = xmalloc(size ? size : 1);
	if (size)
		memcpy(text, data, size);
	config_init(&c);
	config_read(&c, "f", text, size);
	config_finish(&c);
	for (enum config_id id = 0; id < CONFIG_END; id++)
		check_value(&c, id);
	check_policy(&c.policy);
	check_errors(&c);
	config_clear(&c);
	return 0;
}
