/* SPDX-License-Identifier: MIT */
#include "nginx.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

/* Defaults of nginx (domain-facts.md 2.3). */
enum { IDLE_MS = 60000, READ_MS = 60000, CONNECT_MS = 60000 };

static bool is_in(const struct server_setting *s, int32_t pid, const char *context,
		  size_t len)
{
	return s->pid == pid && strlen(s->context) == len &&
	       memcmp(s->context, context, len) == 0;
}

/* In this very block; NULL when it is not given there. */
static const struct server_setting *given_in(const struct snapshot *snap, int32_t pid,
					     const char *context, size_t len,
					     const char *name)
{
	for (size_t i = 0; i < snap->setting_count; i++)
		if (is_in(&snap->settings[i], pid, context, len) &&
		    strcmp(snap->settings[i].name, name) == 0)
			return &snap->settings[i];
	return NULL;
}

/* Length of the context of the block around it, 0 = none. */
static size_t outer_len(const char *context, size_t len)
{
	while (len && context[len - 1] != '/')
		len--;
	return len ? len - 1 : 0;
}

struct nginx_value nginx_setting(const struct snapshot *snap, int32_t pid,
				 const char *context, const char *name)
{
	bool is_known = false;
	for (size_t i = 0; i < snap->setting_count && !is_known; i++)
		is_known = snap->settings[i].pid == pid;
	if (!is_known)
		return (struct nginx_value){ SETTING_UNKNOWN, NULL };
	for (size_t len = strlen(context);; len = outer_len(context, len)) {
		const struct server_setting *s =
			given_in(snap, pid, context, len, name);
		if (s)
			return (struct nginx_value){ SETTING_GIVEN, s };
		/* What could not be read here may have given it. */
		if (given_in(snap, pid, context, len, "unreadable"))
			return (struct nginx_value){ SETTING_UNKNOWN, NULL };
		if (len == 0)
			return (struct nginx_value){ SETTING_DEFAULT, NULL };
	}
}

/* Milliseconds of a unit of ngx_parse_time(), 0 = none such; *len of its spelling. */
static int64_t unit_ms(const char *text, size_t *len)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
		{ "ms", 1 },
		{ "s", 1000 },
		{ "m", 60000 },
		{ "h", 3600000 },
		{ "d", 86400000 },
		{ "w", 7 * 86400000LL },
		{ "M", 30 * 86400000LL },
		{ "y", 365 * 86400000LL },
	};
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		*len = strlen(units[i].name);
		if (strncmp(text, units[i].name, *len) == 0)
			return units[i].ms;
	}
	*len = 0;
	return *text == '\0' || *text == ' ' ? 1000 : 0;
}

int64_t nginx_time_ms(const char *text)
{
	enum { DIGITS_MAX = 9 };
	int64_t total = 0;
	if (*text < '0' || *text > '9')
		return -1;
	while (*text) {
		int64_t number = 0;
		size_t digits = 0, len;
		for (; *text >= '0' && *text <= '9'; text++, digits++)
			if (digits < DIGITS_MAX)
				number = number * 10 + (*text - '0');
		int64_t unit = unit_ms(text, &len);
		if (digits == 0 || digits > DIGITS_MAX || !unit)
			return -1;
		total += number * unit;
		text += len;
		while (*text == ' ')
			text++;
	}
	return total;
}

static void put_origin(char out[static ORIGIN_SIZE], const struct server_setting *s)
{
	auto_strbuf struct strbuf file = { 0 };
	text_sanitize(&file, s->file, strlen(s->file));
	/* The end of a long path tells more than its beginning. */
	enum { ROOM = ORIGIN_SIZE - 16 };
	const char *text = strbuf_text(&file);
	size_t len = strlen(text), cut = len > ROOM ? len - ROOM : 0;
	while (((unsigned char)text[cut] & 0xc0) == 0x80)
		cut++;
	snprintf(out, ORIGIN_SIZE, "%s%s:%" PRIu32, cut ? "..." : "", text + cut,
		 s->line);
}

static void say_origin(char out[static ORIGIN_SIZE], const char *words)
{
	snprintf(out, ORIGIN_SIZE, "%s", words);
}

static struct nginx_time time_of(struct nginx_value value, int64_t initial)
{
	struct nginx_time t = { .ms = -1 };
	if (value.origin == SETTING_GIVEN) {
		t.ms = nginx_time_ms(value.setting->value);
		put_origin(t.origin, value.setting);
	} else if (value.origin == SETTING_DEFAULT) {
		t.ms = initial;
		say_origin(t.origin, "nginx's default");
	} else {
		say_origin(t.origin, "not known");
	}
	return t;
}

/* Since 1.29.7 connections to upstreams are kept without being asked for. */
enum version { VERSION_UNKNOWN, VERSION_OLD, VERSION_KEEPS };

static enum version version_of(const struct snapshot *snap, int32_t pid)
{
	unsigned major, minor, patch;
	const struct server_setting *s = given_in(snap, pid, "", 0, "version");
	if (!s || sscanf(s->value, "%3u.%3u.%3u", &major, &minor, &patch) != 3)
		return VERSION_UNKNOWN;
	unsigned long number = major * 1000000UL + minor * 1000UL + patch;
	return number >= 1029007 ? VERSION_KEEPS : VERSION_OLD;
}

/* A proxy_pass, and all that decides what becomes of its connections. */
struct pass {
	const struct snapshot *snap;
	const struct server_setting *setting;
	const struct server_setting *upstream; /* its block, NULL = an address */
	bool is_upstream_unknown; /* the block may stand in what could not be read */
	enum version version;
};

enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

static enum answer by_version(const struct pass *p)
{
	static const enum answer answers[] = {
		[VERSION_UNKNOWN] = ANSWER_UNKNOWN,
		[VERSION_OLD] = ANSWER_NO,
		[VERSION_KEEPS] = ANSWER_YES,
	};
	return answers[p->version];
}

static struct nginx_value value_of(const struct pass *p, const char *name)
{
	return nginx_setting(p->snap, p->setting->pid, p->setting->context, name);
}

/* HTTP/1.0 upstreams close after each reply. */
static enum answer is_http_persistent(const struct pass *p,
				      const struct server_setting **why)
{
	struct nginx_value v = value_of(p, "proxy_http_version");
	*why = v.setting;
	if (v.origin == SETTING_UNKNOWN)
		return ANSWER_UNKNOWN;
	if (v.origin == SETTING_DEFAULT)
		return by_version(p);
	return strcmp(v.setting->value, "1.0") == 0 ? ANSWER_NO : ANSWER_YES;
}

/*
 * Before 1.29.7 nginx sends "Connection: close" unless told otherwise. A block with
 * any proxy_set_header inherits none, so the innermost that has some decides.
 */
static enum answer is_connection_kept(const struct pass *p,
				      const struct server_setting **why)
{
	static const char header[] = "proxy_set_header";
	struct nginx_value v = value_of(p, header);
	*why = NULL;
	if (v.origin == SETTING_UNKNOWN)
		return ANSWER_UNKNOWN;
	if (v.origin == SETTING_DEFAULT)
		return by_version(p);
	const char *context = v.setting->context;
	for (size_t i = 0; i < p->snap->setting_count; i++) {
		const struct server_setting *s = &p->snap->settings[i];
		if (!is_in(s, p->setting->pid, context, strlen(context)) ||
		    strcmp(s->name, header) != 0 ||
		    strncmp(s->value, "Connection ", 11) != 0)
			continue;
		*why = s;
		if (strcmp(s->value + 11, "close") == 0)
			return ANSWER_NO;
		bool is_kept =
			!s->value[11] || strcmp(s->value + 11, "keep-alive") == 0;
		return is_kept ? ANSWER_YES : ANSWER_UNKNOWN;
	}
	if (given_in(p->snap, p->setting->pid, context, strlen(context), "unreadable"))
		return ANSWER_UNKNOWN;
	return by_version(p);
}

/* How many connections the pool may keep, whether or not they can be kept. */
static int32_t pool_size(const struct pass *p, const struct server_setting **why)
{
	*why = NULL;
	if (p->is_upstream_unknown)
		return NGINX_KEEPALIVE_UNKNOWN;
	if (p->upstream) {
		struct nginx_value v = { SETTING_DEFAULT, NULL };
		const char *context = p->upstream->context;
		int32_t pid = p->setting->pid;
		v.setting =
			given_in(p->snap, pid, context, strlen(context), "keepalive");
		*why = v.setting;
		if (v.setting) {
			char *end;
			long count = strtol(v.setting->value, &end, 10);
			bool is_number = end != v.setting->value && !*end;
			return is_number && count >= 0 && count <= INT32_MAX
				       ? (int32_t)count
				       : NGINX_KEEPALIVE_UNKNOWN;
		}
		if (given_in(p->snap, pid, context, strlen(context), "unreadable"))
			return NGINX_KEEPALIVE_UNKNOWN;
	} else if (p->version == VERSION_KEEPS) {
		/* Whether the default reaches a bare address is not verified. */
		return NGINX_KEEPALIVE_UNKNOWN;
	}
	switch (by_version(p)) {
	case ANSWER_NO:
		return 0;
	case ANSWER_YES:
		return NGINX_KEEPALIVE_DEFAULT;
	default:
		return NGINX_KEEPALIVE_UNKNOWN;
	}
}

/* Each of the three can prevent reuse alone; the first that does is the reason. */
static void decide_keepalive(const struct pass *p, struct nginx_upstream *out)
{
	const struct server_setting *why[3];
	enum answer http = is_http_persistent(p, &why[1]);
	enum answer header = is_connection_kept(p, &why[2]);
	int32_t size = pool_size(p, &why[0]);
	size_t reason = size == 0             ? 0
			: http == ANSWER_NO   ? 1
			: header == ANSWER_NO ? 2
					      : 0;
	bool is_off = size == 0 || http == ANSWER_NO || header == ANSWER_NO;
	bool is_unknown =
		size < 0 || http == ANSWER_UNKNOWN || header == ANSWER_UNKNOWN;
	out->keepalive = is_off ? 0 : is_unknown ? NGINX_KEEPALIVE_UNKNOWN : size;
	if (!is_off && is_unknown)
		say_origin(out->keepalive_origin, "not known");
	else if (why[reason])
		put_origin(out->keepalive_origin, why[reason]);
	else
		say_origin(out->keepalive_origin, "nginx's default");
}

static struct nginx_time idle_of(const struct pass *p)
{
	struct nginx_value v = { SETTING_UNKNOWN, NULL };
	if (p->upstream) {
		const char *context = p->upstream->context;
		size_t len = strlen(context);
		/* Not inherited: the same word in http is about clients. */
		v.setting = given_in(p->snap, p->setting->pid, context, len,
				     "keepalive_timeout");
		v.origin =
			v.setting ? SETTING_GIVEN
			: given_in(p->snap, p->setting->pid, context, len, "unreadable")
				? SETTING_UNKNOWN
				: SETTING_DEFAULT;
	} else if (!p->is_upstream_unknown) {
		v.origin = SETTING_DEFAULT;
	}
	return time_of(v, IDLE_MS);
}

/* Of what stands behind a host: ":8000", or nothing for the initial one; 0: no port. */
static uint16_t port_behind(const char *text, const char *end, uint16_t initial)
{
	if (text == end)
		return initial;
	if (*text != ':')
		return 0;
	char *number_end;
	auto_free char *number = xstrndup(text + 1, (size_t)(end - text - 1));
	long port = strtol(number, &number_end, 10);
	return *number_end || port < 1 || port > UINT16_MAX ? 0 : (uint16_t)port;
}

/* "host", "host:port", "[v6]:port"; false for unix sockets and variables. */
static bool split_address(const char *text, size_t len, uint16_t initial,
			  struct nginx_upstream *out)
{
	if (!len || memchr(text, '$', len) || strncmp(text, "unix:", 5) == 0)
		return false;
	bool is_bracketed = *text == '[';
	const char *end = text + len, *host = text + is_bracketed;
	const char *host_end =
		memchr(host, is_bracketed ? ']' : ':', (size_t)(end - host));
	if (!host_end && is_bracketed)
		return false;
	if (!host_end)
		host_end = end;
	size_t host_len = (size_t)(host_end - host);
	uint16_t port = port_behind(host_end + is_bracketed, end, initial);
	if (!host_len || host_len >= sizeof(out->address) || !port)
		return false;
	memcpy(out->address, host, host_len);
	out->address[host_len] = '\0';
	out->port = port;
	return true;
}

struct list {
	struct nginx_upstream *items;
	size_t count, capacity;
};

static bool is_listed(const struct list *list, const struct nginx_upstream *u)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].pid == u->pid && list->items[i].port == u->port &&
		    strcmp(list->items[i].address, u->address) == 0 &&
		    strcmp(list->items[i].name, u->name) == 0)
			return true;
	return false;
}

static void add_target(struct list *list, const struct pass *p, const char *address,
		       size_t len, uint16_t port)
{
	enum { UPSTREAMS_MAX = 1024 };
	struct nginx_upstream u = {
		.pid = p->setting->pid,
		.name = p->upstream ? p->upstream->value : "",
	};
	if (list->count >= UPSTREAMS_MAX || !split_address(address, len, port, &u) ||
	    is_listed(list, &u))
		return;
	u.idle = idle_of(p);
	u.read = time_of(value_of(p, "proxy_read_timeout"), READ_MS);
	u.connect = time_of(value_of(p, "proxy_connect_timeout"), CONNECT_MS);
	decide_keepalive(p, &u);
	array_reserve(&list->items, &list->capacity, list->count + 1,
		      sizeof(*list->items));
	list->items[list->count++] = u;
}

/* The upstream block of that name. */
static void find_upstream(struct pass *p, const char *host)
{
	for (size_t i = 0; i < p->snap->setting_count; i++) {
		const struct server_setting *s = &p->snap->settings[i];
		if (s->pid != p->setting->pid)
			continue;
		if (strcmp(s->name, "upstream") == 0 && strcasecmp(s->value, host) == 0)
			p->upstream = s;
		if (strcmp(s->name, "unreadable") == 0)
			p->is_upstream_unknown = true;
	}
	if (p->upstream)
		p->is_upstream_unknown = false;
}

static void add_pass(struct list *list, const struct snapshot *snap,
		     const struct server_setting *setting)
{
	const char *host = strstr(setting->value, "://");
	if (!host)
		return; /* a variable */
	host += 3;
	/* Servers of an upstream block listen on 80 unless they say otherwise. */
	bool is_tls = strncmp(setting->value, "https:", 6) == 0;
	struct pass p = { .snap = snap, .setting = setting };
	p.version = version_of(snap, setting->pid);
	find_upstream(&p, host);
	if (!p.upstream) {
		add_target(list, &p, host, strlen(host), is_tls ? 443 : 80);
		return;
	}
	const char *context = p.upstream->context;
	for (size_t i = 0; i < snap->setting_count; i++) {
		const struct server_setting *s = &snap->settings[i];
		if (is_in(s, setting->pid, context, strlen(context)) &&
		    strcmp(s->name, "server") == 0)
			add_target(list, &p, s->value, strlen(s->value), 80);
	}
}

size_t nginx_upstreams(const struct snapshot *snap, struct nginx_upstream **out)
{
	struct list list = { 0 };
	for (size_t i = 0; i < snap->setting_count; i++)
		if (strcmp(snap->settings[i].name, "proxy_pass") == 0)
			add_pass(&list, snap, &snap->settings[i]);
	*out = list.items;
	return list.count;
}
