/* SPDX-License-Identifier: MIT */
#include "nginx_scan.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char take(struct nginx_scanner *s)
{
	char c = *s->at++;
	s->line += c == '\n';
	return c;
}

static void skip_line(struct nginx_scanner *s)
{
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

static void skip_blanks(struct nginx_scanner *s)
{
	while (s->at < s->end && (is_blank(*s->at) || *s->at == '#')) {
		if (*s->at == '#')
			skip_line(s);
		else
			take(s);
	}
}

/* Words that do not fit are cut, and dropped by end_word(). */
static void put(struct nginx_directive *d, char c)
{
	if (d->text_len < sizeof(d->text))
		d->text[d->text_len++] = c;
}

static void end_word(struct nginx_directive *d, size_t start)
{
	bool fits = d->text_len < sizeof(d->text);
	if (fits)
		d->text[d->text_len++] = '\0';
	if (d->word_count < NGINX_WORDS_MAX)
		d->words[d->word_count++] = fits ? d->text + start : "";
}

/* What a backslash makes of the next character; another one keeps its backslash. */
static bool take_escape(struct nginx_scanner *s, struct nginx_directive *d)
{
	static const char from[] = "\"'\\trn", to[] = "\"'\\\t\r\n";
	if (s->at == s->end)
		return false;
	char c = take(s);
	const char *known = c ? strchr(from, c) : NULL;
	if (!known)
		put(d, '\\');
	put(d, known ? to[known - from] : c);
	return true;
}

/* Behind the opening quote. After the closing one a word must end. */
static bool take_quoted(struct nginx_scanner *s, struct nginx_directive *d, char quote)
{
	while (s->at < s->end) {
		char c = take(s);
		if (c == quote)
			return s->at == s->end || is_blank(*s->at) || *s->at == ';' ||
			       *s->at == '{' || *s->at == ')';
		if (c != '\\')
			put(d, c);
		else if (!take_escape(s, d))
			return false;
	}
	return false;
}

static bool take_plain(struct nginx_scanner *s, struct nginx_directive *d)
{
	char last = '\0';
	while (s->at < s->end) {
		char c = *s->at;
		bool is_variable = c == '{' && last == '$'; /* ${name} */
		if (is_blank(c) || c == ';' || (c == '{' && !is_variable))
			break;
		take(s);
		last = c;
		if (c != '\\')
			put(d, c);
		else if (!take_escape(s, d))
			return false;
	}
	return true;
}

static bool take_word(struct nginx_scanner *s, struct nginx_directive *d)
{
	size_t start = d->text_len;
	bool is_quoted = *s->at == '"' || *s->at == '\'';
	bool is_right = is_quoted ? take_quoted(s, d, take(s)) : take_plain(s, d);
	end_word(d, start);
	return is_right;
}

enum nginx_token nginx_scan(struct nginx_scanner *s, struct nginx_directive *out)
{
	out->word_count = out->text_len = 0;
	for (;;) {
		skip_blanks(s);
		if (out->word_count == 0)
			out->line = s->line;
		if (s->at == s->end)
			return out->word_count ? NGINX_DAMAGED : NGINX_FILE_END;
		char c = *s->at;
		if (c == ';' || c == '{') {
			s->at++;
			if (out->word_count == 0)
				return NGINX_DAMAGED;
			return c == ';' ? NGINX_STATEMENT : NGINX_BLOCK;
		}
		if (c == '}') {
			s->at++;
			return out->word_count ? NGINX_DAMAGED : NGINX_BLOCK_END;
		}
		if (!take_word(s, out))
			return NGINX_DAMAGED;
	}
}

/* [[ ... ]] and [=[ ... ]=], from the first bracket on; else one character. */
static void skip_lua_brackets(struct nginx_scanner *s)
{
	const char *p = s->at + 1;
	while (p < s->end && *p == '=')
		p++;
	size_t level = (size_t)(p - s->at) - 1;
	if (p == s->end || *p != '[') {
		take(s);
		return;
	}
	while (s->at < s->end) {
		size_t left = (size_t)(s->end - s->at);
		if (take(s) != ']' || left < level + 2)
			continue;
		size_t equals = 0;
		while (equals < level && s->at[equals] == '=')
			equals++;
		if (equals == level && s->at[level] == ']') {
			s->at += level + 1;
			return;
		}
	}
}

static void skip_lua_string(struct nginx_scanner *s, char quote)
{
	while (s->at < s->end) {
		char c = take(s);
		if (c == quote || c == '\n')
			return;
		if (c == '\\' && s->at < s->end)
			take(s);
	}
}

static bool is_lua_comment(const struct nginx_scanner *s)
{
	return s->end - s->at >= 2 && s->at[0] == '-' && s->at[1] == '-';
}

int nginx_skip_lua(struct nginx_scanner *s)
{
	for (size_t depth = 1; s->at < s->end;) {
		if (is_lua_comment(s)) {
			s->at += 2;
			if (s->at == s->end || *s->at != '[')
				skip_line(s);
			continue;
		}
		if (*s->at == '[') {
			skip_lua_brackets(s);
			continue;
		}
		char c = take(s);
		if (c == '"' || c == '\'')
			skip_lua_string(s, c);
		depth += c == '{';
		if (c == '}' && --depth == 0)
			return 0;
	}
	return -1;
}
