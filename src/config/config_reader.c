/* SPDX-License-Identifier: MIT */

/*
 * The text of one file, by libinih. What libinih 55 leaves open is met in one
 * place, the callback that gives it the lines:
 *
 * - it splits a line beyond its buffer and takes the rest for a new key; so a
 *   line that does not fit is reported and never handed over;
 * - it tells no line numbers, and of all errors only the first; so lines are
 *   counted here, and a line that should have been a key but did not reach the
 *   handler is an error;
 * - it ignores what follows a `]`, and an open `[` leaves the keys below in the
 *   section above; so headers are checked here and handed over clean;
 * - an indented line calls the handler again with the key above; only the keys of
 *   [ignore] take a list, so elsewhere it is a mistake: mostly an indented key;
 * - it cuts a section's name after 49 bytes; so the section is kept here.
 */
#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/config.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

#include "config_errors.h"
#include "config_keys.h"
#include "policy_keys.h"

enum { SECTION_SIZE = 64 };

struct reader {
	struct config *config;
	const char *path;
	const char *at, *end;
	unsigned line;
	unsigned seen[CONFIG_END]; /* the line that set the key, in this file */
	unsigned seen_check[FINDING_KIND_COUNT]; /* the line of the header */
	unsigned seen_ignore[IGNORE_KEY_COUNT];
	/* Of the section at hand, when it has a name: it stands once in a file. */
	unsigned seen_named[TARGET_KEY_COUNT];
	enum section_kind section; /* of the header above */
	struct target *target;
	enum finding_kind check;
	size_t key;       /* at which an indented line would go on */
	bool has_section; /* a header stands above */
	bool is_indented; /* the line at hand */
	bool has_key;     /* a key stands above it, in the same section */
	bool is_pending;  /* it should reach the handler */
};
_Static_assert((int)CHECK_KEY_COUNT <= (int)TARGET_KEY_COUNT, "room in seen_named");

static void report(struct reader *r, const char *text)
{
	config_add_error(r->config, r->path, r->line, text);
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && isspace((unsigned char)*s))
		s++;
	return s;
}

/* Where a header's name ends: at `]`, a comment, or the end of the line. */
static const char *header_end(const char *s, const char *end)
{
	while (s < end && *s != ']' && !(*s == ';' && isspace((unsigned char)s[-1])))
		s++;
	return s;
}

static bool is_target_name(const char *name)
{
	return *name && strlen(name) <= TARGET_NAME_MAX &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")];
}

static int open_target(struct reader *r, const char *name, struct error *err)
{
	if (!is_target_name(name))
		return error_set(err, ERROR_INPUT,
				 "'%.60s' cannot name a target: at most %d letters, "
				 "digits, '.', '_' and '-'",
				 name, TARGET_NAME_MAX);
	r->target = policy_target(&r->config->policy, name);
	if (!r->target)
		return error_set(err, ERROR_INPUT, "there are more than %d targets",
				 TARGETS_MAX);
	/* Two targets of one name in one file are a mistake; files are merged. */
	if (r->target->path == r->path)
		return error_set(err, ERROR_INPUT,
				 "[target %s] stands in line %u already", name,
				 r->target->line);
	r->target->path = r->path;
	r->target->line = r->line;
	return 0;
}

static int open_check(struct reader *r, const char *code, struct error *err)
{
	r->check = policy_check_kind(code);
	if (r->check == FINDING_KIND_COUNT) {
		const char *nearest = text_nearest(code, policy_check_code);
		return error_set(err, ERROR_INPUT,
				 "there is no finding '%.60s'; %s%s%s", code,
				 nearest ? "did you mean [check " : "",
				 nearest ? nearest : "conn-doctor(1) lists them",
				 nearest ? "]?" : "");
	}
	if (r->seen_check[r->check])
		return error_set(err, ERROR_INPUT,
				 "[check %s] stands in line %u already", code,
				 r->seen_check[r->check]);
	r->seen_check[r->check] = r->line;
	return 0;
}

/* Whatever is wrong with the header, its keys are then nobody's. */
static void open_section(struct reader *r, const char *header)
{
	struct error err;
	const char *argument;
	int result = config_find_section(header, &r->section, &argument, &err);
	memset(r->seen_named, 0, sizeof(r->seen_named));
	if (result == 0 && r->section == SECTION_TARGET)
		result = open_target(r, argument, &err);
	if (result == 0 && r->section == SECTION_CHECK)
		result = open_check(r, argument, &err);
	if (result == 0)
		return;
	report(r, err.text);
	r->section = SECTION_UNKNOWN;
}

/* `line` begins with `[`. Gives libinih a header that it cannot misread. */
static void take_header(struct reader *r, const char *line, const char *end, char *out,
			int size)
{
	char name[SECTION_SIZE];
	const char *close = header_end(line + 1, end);
	const char *rest = skip_blanks(close + (close < end), end);
	const char *start = skip_blanks(line + 1, close);
	size_t len = (size_t)(close - start);
	while (len && isspace((unsigned char)start[len - 1]))
		len--;
	snprintf(name, sizeof(name), "%.*s", (int)len, start);
	if (close == end || *close != ']')
		report(r, "the section's ']' is missing");
	else if (rest < end && *rest != ';' && *rest != '#')
		report(r, "nothing may follow the section's ']' but a comment");
	r->has_section = true;
	open_section(r, name);
	r->has_key = false;
	snprintf(out, (size_t)size, "[%s]\n", name);
}

/* The next line, without its end; NULL after the last. */
static const char *next_line(struct reader *r, const char **end)
{
	if (r->at == r->end || r->config->error_count >= CONFIG_ERRORS_MAX)
		return NULL;
	const char *line = r->at;
	const char *newline = memchr(line, '\n', (size_t)(r->end - line));
	*end = newline ? newline : r->end;
	r->at = newline ? newline + 1 : r->end;
	r->line++;
	if (*end > line && (*end)[-1] == '\r')
		--*end;
	if (r->line == 1 && *end - line >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3; /* a byte order mark, by an editor of another system */
	return line;
}

/* NULL when libinih can take the line as it is. */
static const char *line_trouble(const char *line, const char *end, int size)
{
	if (memchr(line, '\0', (size_t)(end - line)))
		return "the line holds a NUL byte";
	/* libinih wants room for the line's end and a NUL. */
	if (end - line > size - 2)
		return "the line is longer than 198 bytes and was skipped";
	return NULL;
}

static void finish_line(struct reader *r)
{
	if (r->is_pending)
		report(r, "neither a [section] nor KEY = VALUE");
	r->is_pending = false;
}

static void skip_line(struct reader *r, const char *start, const char *trouble)
{
	report(r, trouble);
	if (*start != '[')
		return;
	/* Nobody knows what the keys below belong to. */
	r->has_section = true;
	r->section = SECTION_UNKNOWN;
}

/* Gives libinih the line, or an empty one when it is not for libinih. */
static void give_line(struct reader *r, const char *line, const char *end, char *out,
		      int size)
{
	const char *start = skip_blanks(line, end);
	snprintf(out, (size_t)size, "\n");
	if (start == end || *start == '#' || *start == ';')
		return;
	const char *trouble = line_trouble(line, end, size);
	r->is_indented = start > line;
	if (trouble) {
		skip_line(r, start, trouble);
	} else if (*start == '[') {
		take_header(r, start, end, out, size);
	} else {
		r->is_pending = true;
		snprintf(out, (size_t)size, "%.*s\n", (int)(end - line), line);
	}
}

/* As fgets(), for ini_parse_stream(). */
static char *read_line(char *out, int size, void *stream)
{
	struct reader *r = stream;
	const char *end;
	finish_line(r);
	const char *line = next_line(r, &end);
	if (!line)
		return NULL;
	give_line(r, line, end, out, size);
	return out;
}

/* Few values hold a `#`: whoever wrote one mostly meant a comment. */
static void report_value(struct reader *r, const char *value, const struct error *err)
{
	auto_free char *text =
		xasprintf("%s%s", err->text,
			  strchr(value, '#') && !strchr(err->text, '\n')
				  ? "; a comment after a value begins with ' ;'"
				  : "");
	report(r, text);
}

static void set_value(struct reader *r, enum config_id id, const char *text)
{
	struct error err;
	struct config_value *value = &r->config->values[id];
	*value = (struct config_value){ .value = config_table[id].initial };
	if (!*text)
		return; /* back to the default, whatever another file said */
	if (config_parse(id, text, &value->value, &err)) {
		error_wrap(&err, "%s", config_table[id].name);
		report_value(r, text, &err);
		return;
	}
	value->path = r->path;
	value->line = r->line;
}

static unsigned *seen_of(struct reader *r, size_t key)
{
	switch (r->section) {
	case SECTION_MAIN:
	case SECTION_LIMITS:
		return &r->seen[key];
	case SECTION_IGNORE:
		return &r->seen_ignore[key];
	default:
		return &r->seen_named[key];
	}
}

/* A key of [target NAME], [check CODE] or [ignore]. */
static void set_policy(struct reader *r, size_t key, const char *text, bool is_more)
{
	struct error err;
	struct policy *p = &r->config->policy;
	struct declared origin = { .path = r->path, .line = r->line };
	int result =
		r->section == SECTION_TARGET
			? target_set(r->target, (enum target_key)key, text, &origin,
				     &err)
		: r->section == SECTION_CHECK
			? check_set(&p->checks[r->check], (enum check_key)key, text,
				    &origin, &err)
			: ignore_set(&p->ignore[key], text, is_more, &origin, &err);
	if (result)
		report_value(r, text, &err);
}

static void take_key(struct reader *r, const char *name, const char *value)
{
	struct error err;
	if (config_find_key(r->section, name, &r->key, &err)) {
		report(r, err.text);
		return;
	}
	unsigned *seen = seen_of(r, r->key);
	if (*seen) {
		error_set(&err, ERROR_INPUT, "'%s' is set in line %u already", name,
			  *seen);
		report(r, err.text);
		return;
	}
	*seen = r->line;
	if (r->section == SECTION_MAIN || r->section == SECTION_LIMITS)
		set_value(r, (enum config_id)r->key, value);
	else
		set_policy(r, r->key, value, false);
}

static void take_more(struct reader *r, const char *name, const char *value)
{
	struct error err;
	if (r->section == SECTION_IGNORE && r->key < IGNORE_KEY_COUNT) {
		/* Here libinih leaves a comment in the value. */
		auto_free char *text = xstrndup(value, strcspn(value, ";"));
		set_policy(r, r->key, text, true);
		return;
	}
	error_set(&err, ERROR_INPUT,
		  "an indented line would continue '%.60s', which takes one value; a "
		  "key begins in the first column",
		  name);
	report(r, err.text);
}

static int handle(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	struct error err;
	bool is_continuation = r->is_indented && r->has_key;
	(void)section; /* as libinih cut it */
	r->is_pending = false;
	r->has_key = true;
	if (!r->has_section) {
		error_set(&err, ERROR_INPUT,
			  "'%.60s' stands before any section; put [main] above it",
			  name);
		report(r, err.text);
	} else if (is_continuation) {
		take_more(r, name, value);
	} else if (r->section != SECTION_UNKNOWN) {
		take_key(r, name, value);
	}
	return 1;
}

void config_read(struct config *c, const char *path, const char *text, size_t len)
{
	array_reserve(&c->paths, &c->path_capacity, c->path_count + 1,
		      sizeof(*c->paths));
	struct reader r = { .config = c,
			    .path = c->paths[c->path_count++] = xstrdup(path),
			    .at = text,
			    .end = text + len };
	ini_parse_stream(read_line, &r, handle, &r);
	finish_line(&r);
}
