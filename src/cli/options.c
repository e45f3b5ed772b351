/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <getopt.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

enum { PASS_COUNT_MAX = 1000000 };

const struct command_row command_table[] = {
	{ COMMAND_CHECK, "check", "[FILTER]", "diagnose once and exit with the verdict",
	  "Takes two passes one second apart (one with --once), says per service what "
	  "is wrong, since when, on what evidence, and who must act." },
	{ COMMAND_LIST, "list", "[FILTER]", "one line per socket, with its verdict",
	  "Lists every socket that matches the filter, listeners included. With "
	  "--count more than 1 the verdicts rest on that many passes." },
	{ COMMAND_WATCH, "watch", "[FILTER]", "live view, worst connections first",
	  "Full-screen view that is refreshed every interval; press ? for the keys. "
	  "Without a terminal it prints a report every interval. A recording (--read) "
	  "is "
	  "played as fast as it was taken, or with --interval a pass each; p pauses, . "
	  "and , step, T goes to a time." },
	{ COMMAND_EXPLAIN, "explain", "[CODE]",
	  "what a verdict or finding means, and what to change",
	  "Says how it is recognised, what usually causes it, what to do, and which "
	  "popular advice does not help; with --stack in the flags of your server. "
	  "Without CODE it lists them." },
	{ COMMAND_CONFIG, "config", "[show|check]",
	  "what is configured, and where each value came from",
	  "show prints every key with its value and origin, as a file that could be "
	  "read back. check prints what is wrong in the files, or which were read." },
	{ COMMAND_LAB, "lab", "STATE", "make a bad state on purpose, to prove an alert",
	  "Makes real connections of that state in network namespaces of its own, says "
	  "how to look at them and what to expect, and removes all when it ends. "
	  "--list shows the states. Root is not needed where users may make "
	  "namespaces." },
	{ COMMAND_HELP, "help", "[COMMAND]", "this overview, or the help of a command",
	  NULL },
	{ 0 },
};

static int apply_output(struct options *o, const char *value, struct error *err)
{
	o->renderer = renderer_find(value);
	if (!o->renderer)
		return error_set(
			err, ERROR_USAGE,
			"there is no output format '%.40s'; use text, plain or "
			"json",
			value);
	return 0;
}

static int apply_json(struct options *o, const char *value, struct error *err)
{
	(void)value;
	return apply_output(o, "json", err);
}

static int apply_interval(struct options *o, const char *value, struct error *err)
{
	o->is_interval_typed = true;
	return config_parse(CONFIG_INTERVAL, value, &o->interval_ms, err);
}

static int apply_count(struct options *o, const char *value, struct error *err)
{
	return count_parse(value, 1, PASS_COUNT_MAX, &o->pass_count, err);
}

static int apply_once(struct options *o, const char *value, struct error *err)
{
	(void)value, (void)err;
	o->pass_count = 1;
	return 0;
}

static int apply_timeout(struct options *o, const char *value, struct error *err)
{
	return config_parse(CONFIG_TIMEOUT, value, &o->timeout_ms, err);
}

static int apply_hold(struct options *o, const char *value, struct error *err)
{
	if (duration_parse(value, &o->hold_ms, err))
		return -1;
	if (o->hold_ms == 0)
		return error_set(err, ERROR_USAGE, "'%.40s' is no time at all", value);
	return 0;
}

static int apply_port(struct options *o, const char *value, struct error *err)
{
	return count_parse(value, 1, UINT16_MAX, &o->port, err);
}

static int apply_set(struct options *o, const char *value, struct error *err)
{
	return limits_set(&o->limits, value, err);
}

static int apply_color(struct options *o, const char *value, struct error *err)
{
	uint64_t color;
	if (config_parse(CONFIG_COLOR, value ? value : "always", &color, err))
		return -1;
	o->color = (enum color_mode)color;
	return 0;
}

static int apply_fail_on(struct options *o, const char *value, struct error *err)
{
	for (enum severity s = SEVERITY_WARNING; s <= SEVERITY_CRITICAL; s++) {
		if (strcmp(value, severity_name(s)) == 0) {
			o->fail_on = s;
			return 0;
		}
	}
	return error_set(err, ERROR_USAGE, "'%.40s' is not warning or critical", value);
}

#define APPLY_TEXT(function, member)                                                 \
	static int function(struct options *o, const char *value, struct error *err) \
	{                                                                            \
		(void)err;                                                           \
		o->member = value;                                                   \
		return 0;                                                            \
	}
#define APPLY_FLAG(function, member)                                                 \
	static int function(struct options *o, const char *value, struct error *err) \
	{                                                                            \
		(void)value, (void)err;                                              \
		o->member = true;                                                    \
		return 0;                                                            \
	}

APPLY_TEXT(apply_config, config_path)
APPLY_TEXT(apply_read, read_path)
APPLY_TEXT(apply_at, at_text)
APPLY_TEXT(apply_record, record_path)
APPLY_TEXT(apply_output_file, output_path)
APPLY_TEXT(apply_state, state_path)
APPLY_TEXT(apply_stack, stack_name)
APPLY_FLAG(apply_list, is_listed)
APPLY_FLAG(apply_quiet, is_quiet)
APPLY_FLAG(apply_ascii, is_ascii)
APPLY_FLAG(apply_exit_zero, is_exit_zero)
APPLY_FLAG(apply_help, is_help)
APPLY_FLAG(apply_version, is_version)
APPLY_FLAG(apply_wide, is_wide)
APPLY_FLAG(apply_no_header, no_header)
APPLY_FLAG(apply_no_pager, no_pager)
APPLY_FLAG(apply_no_processes, no_processes)
APPLY_FLAG(apply_all_connections, all_connections)
APPLY_FLAG(apply_mouse, use_mouse)

static int apply_verbose(struct options *o, const char *value, struct error *err)
{
	(void)value, (void)err;
	o->verbosity++;
	return 0;
}

#define CHECK COMMAND_CHECK
#define LIST  COMMAND_LIST
#define DATA  COMMANDS_DATA
#define CONF  (COMMANDS_DATA | COMMAND_CONFIG)
#define ALL   COMMANDS_ALL

/* In the order of --help. */
const struct option_row option_table[] = {
	{ "once", 0, NULL, NULL, CHECK, "one pass only: faster, and less is proven",
	  apply_once },
	{ "interval", 'i', "DURATION", NULL, CONF,
	  "time between passes (check and list: 1s, watch: 2s)", apply_interval },
	{ "count", 'n', "N", NULL, DATA | COMMAND_LAB,
	  "passes to take (check: 2, list: 1, watch: no end); lab: connections (3)",
	  apply_count },
	{ "config", 'f', "FILE", "file", CONF,
	  "read this configuration instead of the installed ones; none: no file",
	  apply_config },
	{ "set", 0, "NAME=VALUE", "limit", CONF,
	  "set a limit, for instance close-wait-age=2m; repeatable", apply_set },
	{ "no-processes", 0, NULL, NULL, CONF,
	  "do not look up owners in /proc: faster, names nobody", apply_no_processes },
	{ "timeout", 't', "DURATION", NULL, CONF,
	  "give up when a pass takes longer (10s)", apply_timeout },
	{ "read", 0, "FILE", "file", DATA,
	  "take the passes from a recording or an `ss -D` dump; - is standard input",
	  apply_read },
	{ "at", 0, "TIME", NULL, DATA,
	  "with --read: look at 18:00, 2026-11-20T18:00:05Z, +10m (from the start) or "
	  "-5m "
	  "(from the end); check and list: at the 24 passes up to it, or --count",
	  apply_at },
	{ "record", 0, "FILE", "file", DATA, "append every pass to a recording",
	  apply_record },
	{ "state", 0, "FILE", "file", CHECK | LIST,
	  "remember ages and findings from run to run in FILE", apply_state },
	{ "output", 'o', "FORMAT", "text plain json", CHECK | LIST,
	  "text (for people), plain (one record per line) or json", apply_output },
	{ "json", 0, NULL, NULL, CHECK | LIST, "the same as --output=json",
	  apply_json },
	{ "output-file", 0, "FILE", "file", CHECK | LIST,
	  "write to FILE, which is replaced only when all was written",
	  apply_output_file },
	{ "all-connections", 0, NULL, NULL, CHECK,
	  "report every connection, not only those in trouble", apply_all_connections },
	{ "wide", 0, NULL, NULL, CHECK | LIST, "all columns and all rows", apply_wide },
	{ "no-header", 'H', NULL, NULL, LIST, "no line of headings", apply_no_header },
	{ "fail-on", 0, "SEVERITY", "warning critical", CHECK,
	  "least severity that changes the exit status (warning)", apply_fail_on },
	{ "exit-zero", 0, NULL, NULL, CHECK, "findings do not change the exit status",
	  apply_exit_zero },
	{ "color", 0, "[WHEN]", "auto always never", CONF | COMMAND_EXPLAIN,
	  "auto (terminal only), always or never; NO_COLOR is honoured", apply_color },
	{ "ascii", 0, NULL, NULL, CONF, "ASCII signs only", apply_ascii },
	{ "mouse", 0, NULL, NULL, COMMAND_WATCH,
	  "click selects or sorts, the wheel moves; selecting text then needs Shift",
	  apply_mouse },
	{ "no-pager", 0, NULL, NULL, CHECK | LIST | COMMAND_EXPLAIN,
	  "never show through a pager", apply_no_pager },
	{ "verbose", 'v', NULL, NULL, DATA,
	  "say more on standard error: -v how it was collected, -vv the parsed filter",
	  apply_verbose },
	{ "quiet", 'q', NULL, NULL, CHECK, "no output, only the exit status",
	  apply_quiet },
	{ "list", 0, NULL, NULL, COMMAND_EXPLAIN | COMMAND_LAB,
	  "list what there is: codes and stacks, or the states of the lab",
	  apply_list },
	{ "stack", 0, "NAME", "stack", COMMAND_EXPLAIN,
	  "in the words of this server, for instance uvicorn or nginx", apply_stack },
	{ "port", 0, "PORT", NULL, COMMAND_LAB, "port of the lab's server (30020)",
	  apply_port },
	{ "hold", 0, "DURATION", NULL, COMMAND_LAB, "how long the state stays (10m)",
	  apply_hold },
	{ "help", 'h', NULL, NULL, ALL, "show this help", apply_help },
	{ "version", 'V', NULL, NULL, ALL, "show the version", apply_version },
	{ 0 },
};

enum { OPTION_MAX = 64 }; /* bits of `given` */
_Static_assert(sizeof(option_table) / sizeof(*option_table) <= OPTION_MAX,
	       "room for getopt's arrays");

const struct command_row *command_row_of(enum command id)
{
	for (const struct command_row *c = command_table; c->name; c++)
		if (c->id == id)
			return c;
	return NULL;
}

const struct command_row *command_find(const char *name)
{
	for (const struct command_row *c = command_table; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static const char *command_name_at(size_t i)
{
	return command_table[i].name;
}

static int unknown_command(const char *name, struct error *err)
{
	const char *nearest = text_nearest(name, command_name_at);
	if (nearest)
		return error_set(err, ERROR_USAGE,
				 "'%.60s' is not a command; did you mean '%s'?", name,
				 nearest);
	/* `conn-doctor :30020` is a filter without its command. */
	if (strpbrk(name, ":./0123456789"))
		return error_set(err, ERROR_USAGE,
				 "'%.60s' is not a command; to look at it: conn-doctor "
				 "check '%.60s'",
				 name, name);
	return error_set(err, ERROR_USAGE, "'%.60s' is not a command", name);
}

static const char *option_name_at(size_t i)
{
	return option_table[i].name;
}

static int unknown_option(const char *word, struct error *err)
{
	auto_free char *given = xstrndup(word, strcspn(word, "="));
	const char *name = given + strspn(given, "-");
	const char *nearest = text_nearest(name, option_name_at);
	if (nearest && strcmp(nearest, name) == 0)
		return error_set(err, ERROR_USAGE, "'%.60s' takes no value", given);
	if (nearest)
		return error_set(err, ERROR_USAGE,
				 "there is no option '%.60s'; did you mean '--%s'?",
				 given, nearest);
	return error_set(err, ERROR_USAGE, "there is no option '%.60s'", given);
}

/* What getopt_long needs, made from the table. */
struct getopt_tables {
	struct option longs[OPTION_MAX];
	char letters[2 + OPTION_MAX * 3];
};

static void make_getopt_tables(struct getopt_tables *t)
{
	size_t count = 0;
	char *letter = t->letters;
	*letter++ = '-'; /* words in order, as "options" with the code 1 */
	*letter++ = ':'; /* a missing argument is told apart */
	for (const struct option_row *o = option_table; o->name; o++, count++) {
		int has_arg = !o->argument            ? no_argument
			      : o->argument[0] == '[' ? optional_argument
						      : required_argument;
		t->longs[count] = (struct option){ .name = o->name,
						   .has_arg = has_arg,
						   .val = 256 + (int)count };
		if (!o->letter)
			continue;
		*letter++ = o->letter;
		if (has_arg == required_argument)
			*letter++ = ':';
	}
	t->longs[count] = (struct option){ 0 };
	*letter = '\0';
}

static const struct option_row *row_of_code(int code)
{
	if (code >= 256)
		return &option_table[code - 256];
	for (const struct option_row *o = option_table; o->name; o++)
		if (o->letter == code)
			return o;
	return NULL;
}

/*
 * getopt_long takes `--time` for `--timeout`; then every new option could break
 * somebody's script, so the word must be the full name.
 */
static bool is_abbreviated(const char *word, const struct option_row *row)
{
	size_t len = strcspn(word + 2, "=");
	return strncmp(word, "--", 2) == 0 &&
	       (strlen(row->name) != len || strncmp(word + 2, row->name, len) != 0);
}

static int take_word(struct options *o, const char *word, struct error *err)
{
	if (!o->command) {
		const struct command_row *c = command_find(word);
		if (!c)
			return unknown_command(word, err);
		o->command = c->id;
		return 0;
	}
	if (o->filter.len)
		strbuf_add_char(&o->filter, ' ');
	strbuf_add(&o->filter, word);
	return 0;
}

static int take_option(struct options *o, int code, const char *word, uint64_t *given,
		       struct error *err)
{
	const struct option_row *row = row_of_code(code);
	if (!row || is_abbreviated(word, row))
		return unknown_option(word, err);
	*given |= 1ULL << (row - option_table);
	if (row->apply(o, optarg, err))
		return error_wrap(err, "--%s", row->name);
	return 0;
}

/* An option that the command does not know is refused, not ignored. */
static int refuse_foreign(const struct options *o, uint64_t given, struct error *err)
{
	for (size_t i = 0; option_table[i].name; i++) {
		if (!(given & 1ULL << i) || (option_table[i].commands & o->command))
			continue;
		return error_set(err, ERROR_USAGE, "'%s' has no option '--%s'",
				 command_row_of(o->command)->name,
				 option_table[i].name);
	}
	return 0;
}

static int refuse_contradictions(const struct options *o, struct error *err)
{
	if (o->read_path && o->record_path)
		return error_set(err, ERROR_USAGE,
				 "--read and --record exclude each other: a recording "
				 "is copied with cp");
	if (o->at_text && !o->read_path)
		return error_set(err, ERROR_USAGE,
				 "--at needs a recording: name it with --read");
	if (o->read_path && o->state_path)
		return error_set(err, ERROR_USAGE,
				 "--read and --state exclude each other: the state is "
				 "that of the sockets of now");
	return 0;
}

/* What stays unset is the configuration's to fill, or the command's. */
static void options_init(struct options *o)
{
	for (size_t i = 0; i < LIMITS_END; i++)
		o->limits.value[i] = OPTION_UNSET;
	o->interval_ms = o->timeout_ms = OPTION_UNSET;
	o->color = COLOR_UNSET;
	o->renderer = renderer_find("text");
	o->fail_on = SEVERITY_WARNING;
}

/* One argument as getopt_long sees it; `word` is how it was typed. */
static int take_argument(struct options *o, int code, const char *word, uint64_t *given,
			 struct error *err)
{
	switch (code) {
	case 1:
		return take_word(o, optarg, err);
	case ':':
		return error_set(err, ERROR_USAGE, "'%.60s' needs a value", word);
	case '?':
		return unknown_option(word, err);
	default:
		return take_option(o, code, word, given, err);
	}
}

static int take_arguments(struct options *o, int argc, char **argv, uint64_t *given,
			  struct error *err)
{
	struct getopt_tables tables;
	make_getopt_tables(&tables);
	opterr = 0;
	while (optind <= argc) {
		int at = optind;
		int code = getopt_long(argc, argv, tables.letters, tables.longs, NULL);
		if (code == -1)
			break;
		const char *word = argv[at < argc ? at : argc - 1];
		if (take_argument(o, code, word, given, err))
			return -1;
	}
	/* Words after "--". */
	for (int i = optind; i < argc; i++)
		if (take_word(o, argv[i], err))
			return -1;
	return 0;
}

int options_parse(struct options *out, int argc, char **argv, struct error *err)
{
	uint64_t given = 0;
	options_init(out);
	if (take_arguments(out, argc, argv, &given, err))
		return -1;
	if (out->is_help || out->is_version)
		return 0;
	if (!out->command)
		return error_set(err, ERROR_USAGE,
				 "which command? check, list or watch");
	return refuse_foreign(out, given, err) || refuse_contradictions(out, err) ? -1
										  : 0;
}

void options_clear(struct options *o)
{
	strbuf_clear(&o->filter);
	config_clear(&o->config);
}
