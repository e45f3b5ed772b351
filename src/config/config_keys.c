/* SPDX-License-Identifier: MIT */

/*
 * The table of keys. It makes the parser, `config show`, the manual
 * conn-doctor.conf(5) and the example in docs/conn-doctor.conf.
 */
#include "config_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/text.h"

#include "values.h"

/* clang-format off */
#define LIMIT_KEY(id, name_, unit_, initial_, min_, max_, help_, reason_)           \
	[CONFIG_LIMITS + LIMIT_##id] = { .section = "limits", .name = name_,        \
		.unit = LIMIT_##unit_, .initial = initial_, .min = min_,            \
		.max = max_, .help = help_, .reason = reason_ },

const struct config_key config_table[CONFIG_END] = {
	[CONFIG_INTERVAL] = {
		.section = "main", .name = "interval", .unit = LIMIT_DURATION,
		.initial = 0, .min = 100, .max = LIMIT_WEEK,
		.initial_text = "check and list: 1s, watch: 2s",
		.help = "time between passes" },
	[CONFIG_TIMEOUT] = {
		.section = "main", .name = "timeout", .unit = LIMIT_DURATION,
		.initial = LIMIT_SECONDS(10), .min = 100, .max = LIMIT_WEEK,
		.help = "give up when a pass takes longer" },
	[CONFIG_COLOR] = {
		.section = "main", .name = "color",
		.words = { [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always",
			   [COLOR_NEVER] = "never" },
		.initial = COLOR_AUTO,
		.help = "colour on a terminal only, always, or never" },
	[CONFIG_ASCII] = {
		.section = "main", .name = "ascii", .words = { "no", "yes" },
		.initial = 0,
		.help = "ASCII signs only" },
	[CONFIG_PROCESSES] = {
		.section = "main", .name = "processes", .words = { "no", "yes" },
		.initial = 1,
		.help = "look up the owners of sockets in /proc" },
	LIMITS(LIMIT_KEY)
};
/* clang-format on */

static const char *main_key_at(size_t i)
{
	return i < CONFIG_LIMITS ? config_table[i].name : NULL;
}

static const char *limit_key_at(size_t i)
{
	return i < LIMITS_END ? config_table[CONFIG_LIMITS + i].name : NULL;
}

static const struct {
	const char *name;
	const char *(*key_at)(size_t i);
} sections[] = { { "main", main_key_at }, { "limits", limit_key_at } };

enum { SECTION_COUNT = sizeof(sections) / sizeof(*sections) };

static const char *section_at(size_t i)
{
	return i < SECTION_COUNT ? sections[i].name : NULL;
}

int config_find_section(const char *section, struct error *err)
{
	for (size_t i = 0; i < SECTION_COUNT; i++)
		if (strcmp(sections[i].name, section) == 0)
			return 0;
	const char *nearest = text_nearest(section, section_at);
	if (nearest)
		return error_set(err, ERROR_INPUT,
				 "there is no section [%.60s]; did you mean [%s]?",
				 section, nearest);
	return error_set(err, ERROR_INPUT,
			 "there is no section [%.60s]; they are [main] and [limits]",
			 section);
}

static const char *nearest_key(const char *section, const char *name)
{
	for (size_t i = 0; i < SECTION_COUNT; i++)
		if (strcmp(sections[i].name, section) == 0)
			return text_nearest(name, sections[i].key_at);
	return NULL;
}

int config_find_key(const char *section, const char *name, enum config_id *out,
		    struct error *err)
{
	const char *elsewhere = NULL;
	for (enum config_id id = 0; id < CONFIG_END; id++) {
		if (strcmp(config_table[id].name, name) != 0)
			continue;
		elsewhere = config_table[id].section;
		if (strcmp(elsewhere, section) == 0) {
			*out = id;
			return 0;
		}
	}
	if (elsewhere)
		return error_set(err, ERROR_INPUT, "'%s' belongs in [%s], not in [%s]",
				 name, elsewhere, section);
	const char *nearest = nearest_key(section, name);
	if (nearest)
		return error_set(err, ERROR_INPUT,
				 "there is no key '%.60s' in [%s]; did you mean '%s'?",
				 name, section, nearest);
	return error_set(err, ERROR_INPUT,
			 "there is no key '%.60s' in [%s]; conn-doctor.conf(5) lists "
			 "them",
			 name, section);
}

static int unknown_word(const struct config_key *key, const char *text,
			struct error *err)
{
	struct strbuf words = { 0 };
	for (size_t i = 0; i < CONFIG_WORDS_MAX && key->words[i]; i++)
		strbuf_addf(&words, "%s%s", i ? ", " : "", key->words[i]);
	error_set(err, ERROR_INPUT, "'%.40s' is not one of %s", text, words.text);
	strbuf_clear(&words);
	return -1;
}

int config_parse(enum config_id id, const char *text, uint64_t *out, struct error *err)
{
	const struct config_key *key = &config_table[id];
	struct value_range range = { key->unit, key->min, key->max };
	if (!key->words[0])
		return value_parse(&range, text, out, err);
	for (size_t i = 0; i < CONFIG_WORDS_MAX && key->words[i]; i++) {
		if (strcmp(key->words[i], text) == 0) {
			*out = i;
			return 0;
		}
	}
	return unknown_word(key, text, err);
}

char *config_print(enum config_id id, uint64_t value, char out[static 32])
{
	const struct config_key *key = &config_table[id];
	if (key->initial_text && value == key->initial)
		out[0] = '\0';
	else if (key->words[0])
		snprintf(out, 32, "%s", key->words[value]);
	else
		value_print(key->unit, value, out);
	return out;
}
