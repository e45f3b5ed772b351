/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_CONFIG_H
#define CONN_DOCTOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/limits.h"
#include "conn-doctor/policy.h"
#include "conn-doctor/strbuf.h"

/*
 * The configuration: every key has a value and knows where it came from. Files
 * are read in order and the later one wins key by key; what is wrong in them is
 * collected, so that one run names every error.
 */

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER, COLOR_UNSET };

/* The keys of [main]; those of [limits] follow in the order of limits.h. */
enum config_id {
	CONFIG_INTERVAL,
	CONFIG_TIMEOUT,
	CONFIG_COLOR,
	CONFIG_ASCII,
	CONFIG_PROCESSES,
	CONFIG_LIMITS,
	CONFIG_END = CONFIG_LIMITS + LIMITS_END,
};

enum { CONFIG_WORDS_MAX = 4 };

struct config_key {
	const char *section;
	const char *name;
	const char *words[CONFIG_WORDS_MAX]; /* ends with NULL; the value is an index */
	enum limit_unit unit;
	uint64_t initial, min, max;
	const char *initial_text; /* where the initial value is not one value */
	const char *help;
	const char *reason; /* of the default; NULL = none is needed */
};

extern const struct config_key config_table[CONFIG_END];

struct config_value {
	uint64_t value;
	const char *path; /* of the file it came from; NULL = built-in or option */
	unsigned line;
	bool is_option;
};

struct config {
	struct config_value values[CONFIG_END];
	struct policy policy; /* of the sections that are not in config_table */
	char **paths;         /* the files that were read, in order */
	size_t path_count, path_capacity;
	/* `FILE:LINE: message`, safe on a terminal; lines that go on are indented */
	struct strbuf errors;
	size_t error_count;
};

struct config_places {
	const char *root;        /* in front of /usr, /run and /etc: "", or a test's */
	const char *config_home; /* ~/.config, or NULL */
	const char *file;        /* read only this one; "none": no file at all */
};

/* Every key at its built-in value. */
void config_init(struct config *c);
void config_clear(struct config *c);

/* Reads and finishes the files; what is wrong goes to c->errors, and the key to its
 * default. */
void config_load(struct config *c, const struct config_places *places);

/* One file's text; `path` is for messages. */
void config_read(struct config *c, const char *path, const char *text, size_t len);

/* What only all files together can say: a target without a filter. */
void config_finish(struct config *c);

/* The value of a key as a file or an option gives it. */
int config_parse(enum config_id id, const char *text, uint64_t *out, struct error *err);

/* An option on the command line beats every file. */
void config_override(struct config *c, enum config_id id, uint64_t value);

/* The value with its unit, as a file would give it; empty where it is unset. */
char *config_print(enum config_id id, uint64_t value, char out[static 32]);

#endif
