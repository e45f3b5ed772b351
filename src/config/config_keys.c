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

static const char *target_key_at(size_t i)
{
	return i < TARGET_KEY_COUNT ? target_key_table[i].name : NULL;
}

static const char *check_key_at(size_t i)
{
	return i < CHECK_KEY_COUNT ? check_key_table[i].name : NULL;
}

static const char *ignore_key_at(size_t i)
{
	return i < IGNORE_KEY_COUNT ? ignore_key_table[i].name : NULL;
}

static const struct {
	const char *word;
	const char *name; /* as a message and the manual write it */
	const char *(*key_at)(size_t i);
	size_t first; /* position of key_at(0) in its table */
} sections[SECTION_COUNT] = {
	[SECTION_UNKNOWN] = { "", "", NULL, 0 },
	[SECTION_MAIN] = { "main", "main", main_key_at, 0 },
	[SECTION_LIMITS] = { "limits", "limits", limit_key_at, CONFIG_LIMITS },
	[SECTION_TARGET] = { "target", "target NAME", target_key_at, 0 },
	[SECTION_CHECK] = { "check", "check CODE", check_key_at, 0 },
	[SECTION_IGNORE] = { "ignore", "ignore", ignore_key_at, 0 },
};

static const char *section_at(size_t i)
{
	return i + 1 < SECTION_COUNT ? sections[i + 1].word : NULL;
}

static int unknown_section(const char *header, const char *word, struct error *err)
{
	const char *nearest = text_nearest(word, section_at);
	for (enum section_kind k = 1; nearest && k < SECTION_COUNT; k++)
		if (strcmp(sections[k].word, nearest) == 0)
			return error_set(
				err, ERROR_INPUT,
				"there is no section [%.60s]; did you mean [%s]?",
				header, sections[k].name);
	return error_set(err, ERROR_INPUT,
			 "there is no section [%.60s]; they are [main], [limits], "
			 "[target NAME], [check CODE] and [ignore]",
			 header);
}

/* NAME in the header, or not, as the section wants it. */
static int check_argument(enum section_kind kind, const char *header,
			  const char *argument, struct error *err)
{
	bool is_wanted = strchr(sections[kind].name, ' ') != NULL;
	if (is_wanted && !*argument)
		return error_set(err, ERROR_INPUT, "[%s] is written [%s]", header,
				 sections[kind].name);
	if (!is_wanted && *argument)
		return error_set(err, ERROR_INPUT, "[%.60s] is written [%s]", header,
				 sections[kind].name);
	return 0;
}

int config_find_section(const char *header, enum section_kind *out,
			const char **argument, struct error *err)
{
	char word[32];
	size_t len = strcspn(header, " \t");
	snprintf(word, sizeof(word), "%.*s", (int)len, header);
	*argument = header + len + strspn(header + len, " \t");
	for (enum section_kind k = 1; k < SECTION_COUNT; k++) {
		if (strcmp(sections[k].word, word) != 0)
			continue;
		*out = k;
		return check_argument(k, header, *argument, err);
	}
	return unknown_section(header, word, err);
}

/* Position of the name in the section's table, or SIZE_MAX. */
static size_t position_of(enum section_kind section, const char *name)
{
	const char *at;
	for (size_t i = 0; (at = sections[section].key_at(i)); i++)
		if (strcmp(at, name) == 0)
			return sections[section].first + i;
	return SIZE_MAX;
}

int config_find_key(enum section_kind section, const char *name, size_t *out,
		    struct error *err)
{
	*out = position_of(section, name);
	if (*out != SIZE_MAX)
		return 0;
	for (enum section_kind k = 1; k < SECTION_COUNT; k++)
		if (position_of(k, name) != SIZE_MAX)
			return error_set(err, ERROR_INPUT,
					 "'%s' belongs in [%s], not in [%s]", name,
					 sections[k].name, sections[section].name);
	const char *nearest = text_nearest(name, sections[section].key_at);
	if (nearest)
		return error_set(err, ERROR_INPUT,
				 "there is no key '%.60s' in [%s]; did you mean '%s'?",
				 name, sections[section].name, nearest);
	return error_set(err, ERROR_INPUT,
			 "there is no key '%.60s' in [%s]; conn-doctor.conf(5) lists "
			 "them",
			 name, sections[section].name);
}

int config_parse(enum config_id id, const char *text, uint64_t *out, struct error *err)
{
	const struct config_key *key = &config_table[id];
	struct value_range range = { key->unit, key->min, key->max };
	return key->words[0] ? word_parse(key->words, text, out, err)
			     : value_parse(&range, text, out, err);
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
