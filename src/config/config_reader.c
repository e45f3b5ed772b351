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
 * - an indented line calls the handler again with the key above; no key takes a
 *   list, so that is always a mistake: mostly an indented key.
 */
#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/config.h"
#include "conn-doctor/memory.h"

#include "config_errors.h"
#include "config_keys.h"

enum { SECTION_SIZE = 64 };

struct reader {
	struct config *config;
	const char *path;
	const char *at, *end;
	unsigned line;
	unsigned seen[CONFIG_END]; /* the line that set the key, in this file */
	bool has_section;          /* a header stands above */
	bool is_known;             /* and such a section exists */
	bool is_indented;          /* the line at hand */
	bool has_key;              /* a key stands above it, in the same section */
	bool is_pending;           /* it should reach the handler */
};

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

/* `line` begins with `[`. Gives libinih a header that it cannot misread. */
static void take_header(struct reader *r, const char *line, const char *end, char *out,
			int size)
{
	struct error err;
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
	r->is_known = config_find_section(name, &err) == 0;
	if (!r->is_known)
		report(r, err.text);
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
	r->is_known = false;
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

/* Values hold no `#`: whoever wrote one meant a comment. */
static void report_value(struct reader *r, const char *name, const char *value,
			 struct error *err)
{
	error_wrap(err, "%s", name);
	auto_free char *text = xasprintf(
		"%s%s", err->text,
		strchr(value, '#') ? "; a comment after a value begins with ' ;'" : "");
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
		report_value(r, config_table[id].name, text, &err);
		return;
	}
	value->path = r->path;
	value->line = r->line;
}

static void take_key(struct reader *r, const char *section, const char *name,
		     const char *value)
{
	struct error err;
	enum config_id id;
	if (config_find_key(section, name, &id, &err)) {
		report(r, err.text);
		return;
	}
	if (r->seen[id]) {
		error_set(&err, ERROR_INPUT, "'%s' is set in line %u already", name,
			  r->seen[id]);
		report(r, err.text);
		return;
	}
	r->seen[id] = r->line;
	set_value(r, id, value);
}

static int handle(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	struct error err;
	bool is_continuation = r->is_indented && r->has_key;
	r->is_pending = false;
	r->has_key = true;
	if (is_continuation) {
		error_set(&err, ERROR_INPUT,
			  "an indented line would continue '%.60s', which takes one "
			  "value; a key begins in the first column",
			  name);
		report(r, err.text);
	} else if (!r->has_section) {
		error_set(&err, ERROR_INPUT,
			  "'%.60s' stands before any section; put [main] above it",
			  name);
		report(r, err.text);
	} else if (r->is_known) {
		take_key(r, section, name, value);
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
