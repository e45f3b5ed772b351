/* SPDX-License-Identifier: MIT */
#include "nginx_parse.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "nginx_scan.h"

/* Kinds of blocks, as bits: where a directive may stand. */
enum kind {
	IN_MAIN = 1 << 0,
	IN_HTTP = 1 << 1,
	IN_SERVER = 1 << 2,
	IN_LOCATION = 1 << 3,
	IN_UPSTREAM = 1 << 4,
	IN_ANOTHER = 1 << 5, /* nothing in it is of interest */
	IN_REQUEST = IN_HTTP | IN_SERVER | IN_LOCATION,
};

struct block {
	enum kind kind;
	char context[256]; /* "http/server 2" */
	uint32_t child_count;
	bool has_headers; /* a proxy_set_header was told */
};

/* A file that is being read. */
struct file {
	const char *path;
	struct nginx_scanner scanner;
	bool is_damaged; /* the rest of it makes no sense */
};

struct parser {
	const struct nginx_files *files;
	struct nginx_found *out;
	char folder[PATH_MAX]; /* of the first file: relative includes start here */
	size_t file_count, byte_count;
	size_t include_depth, block_depth;
	bool is_full; /* a bound was reached: nothing more is read */
};

static void parse_blocks(struct parser *p, struct file *file, struct block *block,
			 bool is_file);

/* One line break or tab would make another line of it. */
static void put_field(struct strbuf *out, const char *text, char end)
{
	if (strlen(text) > NGINX_WORD_MAX)
		text = "(too long)";
	for (; *text; text++)
		strbuf_add_char(
			out, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
	strbuf_add_char(out, end);
}

static void put_line(struct nginx_found *out, const char *context, const char *name,
		     const char *value, const char *file, uint32_t line)
{
	put_field(&out->lines, context, '\t');
	put_field(&out->lines, name, '\t');
	put_field(&out->lines, value, '\t');
	put_field(&out->lines, file, '\t');
	strbuf_addf(&out->lines, "%u\n", line);
	out->setting_count++;
}

void nginx_found_add(struct nginx_found *found, const char *name, const char *value,
		     const char *file)
{
	bool is_unreadable = strcmp(name, "unreadable") == 0;
	if (is_unreadable && found->unreadable_count++ == 0)
		strbuf_addf(&found->first_unreadable, "%s: %s", file, value);
	put_line(found, "", name, value, file, 0);
}

void nginx_found_clear(struct nginx_found *found)
{
	strbuf_clear(&found->lines);
	strbuf_clear(&found->first_unreadable);
	*found = (struct nginx_found){ 0 };
}

/* What stands here is not known; line 0 = the whole file. */
static void say_unreadable(struct parser *p, const struct block *block,
			   const char *path, uint32_t line, const char *why)
{
	if (p->out->unreadable_count++ == 0) {
		strbuf_add(&p->out->first_unreadable, path);
		if (line)
			strbuf_addf(&p->out->first_unreadable, ":%u", line);
		strbuf_addf(&p->out->first_unreadable, ": %s", why);
	}
	put_line(p->out, block->context, "unreadable", why, path, line);
	/* Not told a million times; what was told makes the rest unknown enough. */
	p->is_full |= p->out->setting_count >= NGINX_SETTINGS_MAX;
}

static void stop(struct parser *p, const struct block *block, const char *path,
		 const char *why)
{
	if (!p->is_full)
		say_unreadable(p, block, path, 0, why);
	p->is_full = true;
}

static void tell(struct parser *p, const struct file *file, const struct block *block,
		 const struct nginx_directive *d, const char *value)
{
	if (p->out->setting_count >= NGINX_SETTINGS_MAX) {
		stop(p, block, file->path, "too many settings; the rest is left out");
		return;
	}
	put_line(p->out, block->context, d->words[0], value, file->path, d->line);
}

/* Directives: which arguments are told. */

typedef void teller(struct parser *p, const struct file *file, struct block *block,
		    const struct nginx_directive *d);

static const char *argument(const struct nginx_directive *d, size_t i)
{
	return i < d->word_count ? d->words[i] : "";
}

static void tell_first(struct parser *p, const struct file *file, struct block *block,
		       const struct nginx_directive *d)
{
	tell(p, file, block, d, argument(d, 1));
}

/* Whether the upstream may keep the connection; other headers are not our affair. */
static const char *connection_header(const char *value)
{
	static const char *const known[] = { "", "close", "keep-alive", "upgrade" };
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcasecmp(value, known[i]) == 0)
			return known[i];
	return "other";
}

/*
 * A block with one such directive inherits none from outside: so that there are
 * some is told, once, whatever they set.
 */
static void tell_header(struct parser *p, const struct file *file, struct block *block,
			const struct nginx_directive *d)
{
	char value[32];
	if (strcasecmp(argument(d, 1), "Connection") == 0) {
		snprintf(value, sizeof(value), "Connection %s",
			 connection_header(argument(d, 2)));
		tell(p, file, block, d, value);
	} else if (!block->has_headers) {
		tell(p, file, block, d, "another");
	}
	block->has_headers = true;
}

/* Scheme, host and port of a URL: no credentials, no path. */
static void tell_target(struct parser *p, const struct file *file, struct block *block,
			const struct nginx_directive *d)
{
	char value[NGINX_WORD_MAX];
	const char *url = argument(d, 1), *host = strstr(url, "://");
	if (!host) {
		tell(p, file, block, d, *url == '$' ? "(a variable)" : "(not a URL)");
		return;
	}
	size_t scheme_len = (size_t)(host - url) + 3;
	host += 3;
	size_t host_len = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', host_len);
	if (at) {
		host_len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	if (scheme_len + host_len >= sizeof(value) || scheme_len > 16) {
		tell(p, file, block, d, "(too long)");
		return;
	}
	snprintf(value, sizeof(value), "%.*s%.*s", (int)scheme_len, url, (int)host_len,
		 host);
	tell(p, file, block, d, value);
}

/* The address, and of the parameters those about keepalive and the queue. */
static void tell_listen(struct parser *p, const struct file *file, struct block *block,
			const struct nginx_directive *d)
{
	auto_strbuf struct strbuf value = { 0 };
	strbuf_add(&value, argument(d, 1));
	for (size_t i = 2; i < d->word_count; i++)
		if (strncmp(d->words[i], "so_keepalive=", 13) == 0 ||
		    strncmp(d->words[i], "backlog=", 8) == 0)
			strbuf_addf(&value, " %s", d->words[i]);
	tell(p, file, block, d, strbuf_text(&value));
}

/* One that is marked down gets no connections. */
static void tell_server(struct parser *p, const struct file *file, struct block *block,
			const struct nginx_directive *d)
{
	for (size_t i = 2; i < d->word_count; i++)
		if (strcmp(d->words[i], "down") == 0)
			return;
	tell(p, file, block, d, argument(d, 1));
}

static const struct {
	const char *name;
	unsigned kinds;
	teller *tell;
} directives[] = {
	{ "keepalive_timeout", IN_REQUEST | IN_UPSTREAM, tell_first },
	{ "keepalive_requests", IN_REQUEST | IN_UPSTREAM, tell_first },
	{ "keepalive", IN_UPSTREAM, tell_first },
	{ "server", IN_UPSTREAM, tell_server },
	{ "listen", IN_SERVER, tell_listen },
	{ "client_header_timeout", IN_HTTP | IN_SERVER, tell_first },
	{ "reset_timedout_connection", IN_REQUEST, tell_first },
	{ "proxy_pass", IN_LOCATION, tell_target },
	{ "proxy_read_timeout", IN_REQUEST, tell_first },
	{ "proxy_send_timeout", IN_REQUEST, tell_first },
	{ "proxy_connect_timeout", IN_REQUEST, tell_first },
	{ "proxy_http_version", IN_REQUEST, tell_first },
	{ "proxy_set_header", IN_REQUEST, tell_header },
	{ "proxy_socket_keepalive", IN_REQUEST, tell_first },
};

static const struct {
	const char *name;
	unsigned kinds; /* where it may stand */
	enum kind kind;
} blocks[] = {
	{ "http", IN_MAIN, IN_HTTP },
	{ "server", IN_HTTP, IN_SERVER },
	{ "upstream", IN_HTTP, IN_UPSTREAM },
	{ "location", IN_SERVER | IN_LOCATION, IN_LOCATION },
	{ "if", IN_SERVER | IN_LOCATION, IN_LOCATION },
	{ "limit_except", IN_LOCATION, IN_LOCATION },
};

/* Files: one include may name many. */

static void parse_file(struct parser *p, struct block *block, const char *path)
{
	auto_free char *text = NULL;
	size_t len = 0;
	if (p->file_count >= NGINX_FILES_MAX) {
		stop(p, block, path, "more than 256 files; the rest is left out");
		return;
	}
	p->file_count++;
	const char *why = p->files->read(p->files->self, path, &text, &len);
	if (why) {
		say_unreadable(p, block, path, 0, why);
		return;
	}
	p->byte_count += len;
	if (p->byte_count > NGINX_BYTES_MAX) {
		stop(p, block, path, "more than 4 MiB; the rest is left out");
		return;
	}
	struct file file = { path, { text, text + len, 1 }, false };
	p->include_depth++;
	parse_blocks(p, &file, block, true);
	p->include_depth--;
}

static int compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	return strcmp(*x, *y);
}

static bool is_pattern(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr("*?[", text[i]) && text[i])
			return true;
	return false;
}

/* The pattern's first wildcard component, replaced by each name that fits it. */
static void parse_pattern(struct parser *p, struct block *block, const char *pattern)
{
	const char *part = pattern, *end;
	for (;; part = end + 1) {
		end = part + strcspn(part, "/");
		if (is_pattern(part, (size_t)(end - part)))
			break;
		if (!*end) {
			parse_file(p, block, pattern);
			return;
		}
	}
	if (p->file_count++ >= NGINX_FILES_MAX) {
		stop(p, block, pattern, "more than 256 files; the rest is left out");
		return;
	}
	auto_free char *folder = xstrndup(pattern, (size_t)(part - pattern));
	auto_free char *wanted = xstrndup(part, (size_t)(end - part));
	char **names = NULL;
	size_t count = 0;
	const char *why =
		p->files->list(p->files->self, *folder ? folder : "/", &names, &count);
	if (why)
		say_unreadable(p, block, folder, 0, why);
	if (count)
		qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++) {
		auto_free char *name = names[i];
		/* A name with wildcards of its own would be expanded again. */
		if (p->is_full || fnmatch(wanted, name, FNM_PERIOD) != 0 ||
		    is_pattern(name, strlen(name)))
			continue;
		auto_free char *path = xasprintf("%s%s%s", folder, name, end);
		if (strlen(path) < PATH_MAX)
			parse_pattern(p, block, path);
	}
	free(names);
}

static void include(struct parser *p, const struct file *file, struct block *block,
		    const struct nginx_directive *d)
{
	const char *name = argument(d, 1);
	if (!*name) {
		say_unreadable(p, block, file->path, d->line,
			       "an include without a name");
		return;
	}
	if (p->include_depth >= NGINX_INCLUDES_MAX) {
		say_unreadable(p, block, file->path, d->line,
			       "more than 10 includes in one another");
		return;
	}
	auto_free char *path =
		*name == '/' ? xstrdup(name) : xasprintf("%s/%s", p->folder, name);
	if (strlen(path) >= PATH_MAX) {
		say_unreadable(p, block, file->path, d->line,
			       "the name of an included file is too long");
		return;
	}
	parse_pattern(p, block, path);
}

static void parse_statement(struct parser *p, const struct file *file,
			    struct block *block, const struct nginx_directive *d)
{
	if (block->kind == IN_ANOTHER)
		return;
	if (strcmp(d->words[0], "include") == 0) {
		include(p, file, block, d);
		return;
	}
	for (size_t i = 0; i < sizeof(directives) / sizeof(*directives); i++)
		if ((directives[i].kinds & block->kind) &&
		    strcmp(directives[i].name, d->words[0]) == 0) {
			directives[i].tell(p, file, block, d);
			return;
		}
}

static enum kind kind_of(const struct block *block, const char *name)
{
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++)
		if ((blocks[i].kinds & block->kind) &&
		    strcmp(blocks[i].name, name) == 0)
			return blocks[i].kind;
	return IN_ANOTHER;
}

static void name_block(struct block *child, struct block *parent, const char *name)
{
	if (child->kind == IN_HTTP)
		snprintf(child->context, sizeof(child->context), "http");
	else
		snprintf(child->context, sizeof(child->context), "%.200s/%.20s %u",
			 parent->context, name, ++parent->child_count);
}

/* False: the rest of the file makes no sense any more. */
static bool parse_block(struct parser *p, struct file *file, struct block *parent,
			const struct nginx_directive *d)
{
	static const char lua[] = "_by_lua_block";
	struct block block = { .kind = kind_of(parent, d->words[0]) };
	size_t len = strlen(d->words[0]);
	if (len > sizeof(lua) - 1 &&
	    strcmp(d->words[0] + len - sizeof(lua) + 1, lua) == 0)
		return nginx_skip_lua(&file->scanner) == 0;
	if (p->block_depth >= NGINX_BLOCKS_MAX)
		return false;
	if (block.kind != IN_ANOTHER)
		name_block(&block, parent, d->words[0]);
	if (block.kind == IN_UPSTREAM)
		tell(p, file, &block, d, argument(d, 1));
	p->block_depth++;
	parse_blocks(p, file, &block, false);
	p->block_depth--;
	return true;
}

/* The blocks around this one end here as well: of none is the rest known. */
static void give_up(struct parser *p, struct file *file, const struct block *block,
		    uint32_t line)
{
	static const char why[] = "not understood from here on";
	if (file->is_damaged)
		put_line(p->out, block->context, "unreadable", why, file->path, line);
	else
		say_unreadable(p, block, file->path, line, why);
	file->is_damaged = true;
}

/* Up to the end of the file, or of the block. */
static void parse_blocks(struct parser *p, struct file *file, struct block *block,
			 bool is_file)
{
	/* On the heap: blocks and includes stand in one another. */
	auto_free struct nginx_directive *d = xmalloc(sizeof(*d));
	while (!p->is_full) {
		enum nginx_token token = nginx_scan(&file->scanner, d);
		if (token == (is_file ? NGINX_FILE_END : NGINX_BLOCK_END))
			return;
		bool is_right = token == NGINX_STATEMENT || token == NGINX_BLOCK;
		if (token == NGINX_STATEMENT)
			parse_statement(p, file, block, d);
		else if (token == NGINX_BLOCK)
			is_right = parse_block(p, file, block, d);
		if (is_right && !file->is_damaged)
			continue;
		give_up(p, file, block, d->line);
		return;
	}
}

void nginx_parse(const struct nginx_files *files, const char *path,
		 struct nginx_found *out)
{
	struct parser p = { .files = files, .out = out };
	struct block main_block = { .kind = IN_MAIN };
	const char *slash = strrchr(path, '/');
	snprintf(p.folder, sizeof(p.folder), "%.*s", slash ? (int)(slash - path) : 0,
		 path);
	parse_file(&p, &main_block, path);
}
