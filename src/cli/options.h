/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_OPTIONS_H
#define CONN_DOCTOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "conn-doctor/config.h"
#include "conn-doctor/error.h"
#include "conn-doctor/limits.h"
#include "conn-doctor/renderer.h"
#include "conn-doctor/strbuf.h"
#include "conn-doctor/verdict.h"

/*
 * The command line. One table of commands and one of options make the parser,
 * --help, the manual's option list and the completions.
 */

/* Of durations and limits: leave it to the configuration. */
#define OPTION_UNSET UINT64_MAX

enum command {
	COMMAND_CHECK = 1 << 0,
	COMMAND_LIST = 1 << 1,
	COMMAND_WATCH = 1 << 2,
	COMMAND_HELP = 1 << 3,
	COMMAND_EXPLAIN = 1 << 4,
	COMMAND_CONFIG = 1 << 5,
	COMMAND_LAB = 1 << 6,
	COMMANDS_DATA = COMMAND_CHECK | COMMAND_LIST | COMMAND_WATCH,
	COMMANDS_ALL = 0xffff,
};

struct options {
	enum command command;
	struct strbuf filter; /* the words that are no options, joined by blanks */
	const struct renderer *renderer;
	struct limits limits;
	struct config config; /* what the files say, by options_load_config() */
	const char *config_path;
	uint64_t interval_ms;
	bool is_interval_typed; /* by --interval, not by a configuration */
	uint64_t pass_count;    /* 0 = not given */
	uint64_t timeout_ms;
	uint64_t hold_ms; /* 0 = not given, as is port */
	uint64_t port;
	const char *read_path;
	const char *at_text; /* a moment of the recording; NULL = not given */
	const char *record_path;
	const char *output_path;
	const char *state_path;
	const char *stack_name; /* of explain */
	enum color_mode color;
	enum severity fail_on;
	unsigned verbosity;
	bool is_quiet;
	bool is_ascii;
	bool is_exit_zero;
	bool is_listed; /* --list: what there is */
	bool is_help;
	bool is_version;
	bool is_wide;
	bool no_header;
	bool no_pager;
	bool no_processes;
	bool all_connections;
	bool use_mouse;
};

struct command_row {
	enum command id;
	const char *name;
	const char *arguments; /* for the usage line */
	const char *help;      /* one line */
	const char *details;   /* a paragraph */
};

struct option_row {
	const char *name;
	char letter;          /* 0 = none */
	const char *argument; /* NULL = none; in [ ] when optional */
	const char *values;   /* for completion: words, "file", or NULL */
	uint32_t commands;
	const char *help;
	int (*apply)(struct options *o, const char *value, struct error *err);
};

/* Both end with an all-zero row. */
extern const struct command_row command_table[];
extern const struct option_row option_table[];

/*
 * Parses argv into *out (zeroed by the caller). Until options_load_config(),
 * what was not given is OPTION_UNSET. The first word that is no option
 * is the command. ERROR_USAGE names what is wrong and the nearest right word.
 */
int options_parse(struct options *out, int argc, char **argv, struct error *err);
void options_clear(struct options *o);

/*
 * Reads the configuration and takes from it what the command line did not give.
 * What is wrong in the files stands in o->config.errors.
 */
void options_load_config(struct options *o);

/*
 * $XDG_STATE_HOME/conn-doctor, else ~/.local/state/conn-doctor; NULL when neither
 * is known. The caller's to free().
 */
char *options_state_dir(void);

const struct command_row *command_find(const char *name);
/* NULL: no command was given. */
const struct command_row *command_row_of(enum command id);

/* NULL: the overview. */
void help_print(const struct command_row *command, FILE *out);

#endif
