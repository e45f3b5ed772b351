/* SPDX-License-Identifier: MIT */

/* Configurations of nginx: from bytes to settings, from settings to upstreams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "builders.h"
#include "intake.h"
#include "nginx.h"
#include "nginx_conf.h"
#include "nginx_parse.h"
#include "tree.h"

/* A tree of files: path, content; the content "!..." is why it cannot be read. */
struct tree {
	const char *files[8][2];
};

static const char *tree_read(void *self, const char *path, char **text, size_t *len)
{
	const struct tree *tree = self;
	for (size_t i = 0; i < 8 && tree->files[i][0]; i++) {
		const char *content = tree->files[i][1];
		if (strcmp(tree->files[i][0], path) != 0)
			continue;
		if (*content == '!')
			return content + 1;
		/* Not terminated, as a file is not. */
		*len = strlen(content);
		*text = xmalloc(*len);
		memcpy(*text, content, *len);
		return NULL;
	}
	return "No such file or directory";
}

static const char *tree_list(void *self, const char *path, char ***names, size_t *count)
{
	const struct tree *tree = self;
	size_t len = strlen(path), capacity = 0;
	for (size_t i = 0; i < 8 && tree->files[i][0]; i++) {
		const char *name = tree->files[i][0];
		if (strncmp(name, path, len) != 0 || strchr(name + len, '/'))
			continue;
		array_reserve(names, &capacity, *count + 1, sizeof(**names));
		(*names)[(*count)++] = xstrdup(name + len);
	}
	return NULL;
}

static void parse_tree(struct tree *tree, struct nginx_found *found)
{
	struct nginx_files files = { tree, tree_read, tree_list };
	nginx_parse(&files, "/etc/nginx/nginx.conf", found);
}

static char *parsed(struct tree tree)
{
	struct nginx_found found = { 0 };
	parse_tree(&tree, &found);
	char *lines = xstrdup(strbuf_text(&found.lines));
	nginx_found_clear(&found);
	return lines;
}

/* A line of the main file, and one of another. */
#define LINE(context, name, value, line) \
	context "\t" name "\t" value "\t/etc/nginx/nginx.conf\t" #line "\n"
#define LINE_OF(file, context, name, value, line) \
	context "\t" name "\t" value "\t/etc/nginx/" file "\t" #line "\n"
#define NOT_UNDERSTOOD "not understood from here on"

static void one_file_to_settings(void **state)
{
	(void)state;
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{ "", "" },
		{ "# only a comment", "" },
		{ "http { keepalive_timeout 65; }",
		  LINE("http", "keepalive_timeout", "65", 1) },
		{ "http {\n\tproxy_read_timeout '1h 30m';\n}",
		  LINE("http", "proxy_read_timeout", "1h 30m", 2) },
		{ "http{proxy_read_timeout \"5\\\"s\";}",
		  LINE("http", "proxy_read_timeout", "5\"s", 1) },
		{ "http { keepalive_timeout 65 # ; }\n 60; }",
		  LINE("http", "keepalive_timeout", "65", 1) },
		{ "keepalive_timeout 65;", "" }, /* not where it may stand */
		{ "events { keepalive_timeout 65; }", "" },
		{ "stream { server { proxy_pass x:1; } }", "" },
		{ "http { server { listen 80 default_server backlog=99 "
		  "so_keepalive=60s:10s:3 ssl; } }",
		  LINE("http/server 1", "listen",
		       "80 backlog=99 so_keepalive=60s:10s:3", 1) },
		{ "http { server { location /a { proxy_pass "
		  "http://user:secret@app:81/token?x=1; } } }",
		  LINE("http/server 1/location 1", "proxy_pass", "http://app:81", 1) },
		{ "http { server { location /a { proxy_pass http://unix:/run/x:/y; } } "
		  "}",
		  LINE("http/server 1/location 1", "proxy_pass", "http://unix:", 1) },
		{ "http { server { location / { proxy_pass $secret; } } }",
		  LINE("http/server 1/location 1", "proxy_pass", "(a variable)", 1) },
		{ "http { server { location / { proxy_pass http://${name}:80; } } }",
		  LINE("http/server 1/location 1", "proxy_pass", "http://${name}:80",
		       1) },
		{ "http { upstream app { server 10.0.0.1:80 weight=2; server "
		  "10.0.0.2 down; keepalive 8; keepalive_timeout 4s; } }",
		  LINE("http/upstream 1", "upstream", "app",
		       1) LINE("http/upstream 1", "server", "10.0.0.1:80",
			       1) LINE("http/upstream 1", "keepalive", "8", 1)
			  LINE("http/upstream 1", "keepalive_timeout", "4s", 1) },
		{ "http { proxy_set_header Authorization secret; proxy_set_header "
		  "X-Key secret; proxy_set_header connection \"\"; }",
		  LINE("http", "proxy_set_header", "another", 1)
			  LINE("http", "proxy_set_header", "Connection ", 1) },
		{ "http { proxy_set_header Connection $connection_upgrade; }",
		  LINE("http", "proxy_set_header", "Connection other", 1) },
		{ "http { map $a $b { default 1; include \"x\"; } keepalive_timeout 5; "
		  "}",
		  LINE("http", "keepalive_timeout", "5", 1) },
		{ "http { content_by_lua_block { -- don't }\n local s = '}' x = "
		  "[=[ } ]] ]=] if a then {} end } keepalive_timeout 5; }",
		  LINE("http", "keepalive_timeout", "5", 2) },
		{ "http { server { } server { if ($a) { proxy_read_timeout 1; } } }",
		  LINE("http/server 2/if 1", "proxy_read_timeout", "1", 1) },
		{ "http { keepalive_timeout \"a\tb\nc\"; }",
		  LINE("http", "keepalive_timeout", "a?b?c", 1) },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tree tree = { { { "/etc/nginx/nginx.conf", cases[i].text } } };
		auto_free char *lines = parsed(tree);
		assert_string_equal(lines, cases[i].lines);
	}
}

static void damage_is_said_where_it_is(void **state)
{
	(void)state;
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{ "http {", LINE("http", "unreadable", NOT_UNDERSTOOD, 1)
				    LINE("", "unreadable", NOT_UNDERSTOOD, 1) },
		{ "}", LINE("", "unreadable", NOT_UNDERSTOOD, 1) },
		{ "a b", LINE("", "unreadable", NOT_UNDERSTOOD, 1) },
		{ "\na \"b", LINE("", "unreadable", NOT_UNDERSTOOD, 2) },
		{ "a \"b\"c;", LINE("", "unreadable", NOT_UNDERSTOOD, 1) },
		{ ";", LINE("", "unreadable", NOT_UNDERSTOOD, 1) },
		{ "a }", LINE("", "unreadable", NOT_UNDERSTOOD, 1) },
		{ "a \\", LINE("", "unreadable", NOT_UNDERSTOOD, 1) },
		{ "x_by_lua_block { [[ }", LINE("", "unreadable", NOT_UNDERSTOOD, 1) },
		{ "!Permission denied",
		  LINE("", "unreadable", "Permission denied", 0) },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tree tree = { { { "/etc/nginx/nginx.conf", cases[i].text } } };
		struct nginx_found found = { 0 };
		parse_tree(&tree, &found);
		assert_string_equal(strbuf_text(&found.lines), cases[i].lines);
		assert_int_equal(found.unreadable_count, 1);
		nginx_found_clear(&found);
	}
}

static void includes_are_followed(void **state)
{
	(void)state;
	struct tree tree = { {
		{ "/etc/nginx/nginx.conf", "http {\n include conf.d/*.conf; include "
					   "/etc/nginx/one;\n include no; }" },
		{ "/etc/nginx/conf.d/b.conf", "server { listen 2; }" },
		{ "/etc/nginx/conf.d/a.conf", "server { listen 1; }" },
		{ "/etc/nginx/conf.d/.hidden.conf", "server { listen 9; }" },
		{ "/etc/nginx/conf.d/c.txt", "server { listen 9; }" },
		{ "/etc/nginx/one", "keepalive_timeout 7;" },
	} };
	auto_free char *lines = parsed(tree);
	assert_string_equal(
		lines,
		LINE_OF("conf.d/a.conf", "http/server 1", "listen", "1", 1)
			LINE_OF("conf.d/b.conf", "http/server 2", "listen", "2", 1)
				LINE_OF("one", "http", "keepalive_timeout", "7", 1)
					LINE_OF("no", "http", "unreadable",
						"No such file or directory", 0));
}

static void an_include_of_itself_ends(void **state)
{
	(void)state;
	struct tree tree = { { { "/etc/nginx/nginx.conf",
				 "include nginx.conf; include nginx.conf;" } } };
	struct nginx_found found = { 0 };
	parse_tree(&tree, &found);
	assert_true(found.unreadable_count > 0);
	assert_true(found.setting_count <= NGINX_SETTINGS_MAX + 1);
	nginx_found_clear(&found);
}

static void bounds_hold(void **state)
{
	(void)state;
	auto_strbuf struct strbuf text = { 0 };
	struct nginx_found found = { 0 };
	strbuf_add(&text, "http {");
	for (int i = 0; i < NGINX_SETTINGS_MAX + 10; i++)
		strbuf_add(&text, "keepalive_timeout 1;");
	struct tree many = { { { "/etc/nginx/nginx.conf", text.text } } };
	parse_tree(&many, &found);
	assert_int_equal(found.setting_count, NGINX_SETTINGS_MAX + 1);
	assert_int_equal(found.unreadable_count, 1);
	nginx_found_clear(&found);

	strbuf_reset(&text);
	for (int i = 0; i < NGINX_BLOCKS_MAX + 10; i++)
		strbuf_add(&text, "a {");
	struct tree deep = { { { "/etc/nginx/nginx.conf", text.text } } };
	parse_tree(&deep, &found);
	assert_int_equal(found.unreadable_count, 1);
	nginx_found_clear(&found);
}

static void times_are_read_as_nginx_does(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "75", 75000 },
		{ "75s", 75000 },
		{ "500ms", 500 },
		{ "1m30s", 90000 },
		{ "1h 30m", 5400000 },
		{ "1M", 2592000000 },
		{ "0", 0 },
		{ "", -1 },
		{ "-1", -1 },
		{ "1x", -1 },
		{ "$timeout", -1 },
		{ "(too long)", -1 },
		{ "1234567890", -1 },
		{ "1m x", -1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(nginx_time_ms(cases[i].text), cases[i].ms);
}

static void the_command_line_names_the_file(void **state)
{
	(void)state;
	static const struct {
		const char *cmdline;
		size_t len;
		const char *conf, *prefix;
		bool is_master;
	} cases[] = {
#define TITLE(text) text, sizeof(text) - 1
		{ TITLE("nginx: master process /usr/sbin/nginx"), NULL, NULL, true },
		{ TITLE("nginx: master process nginx -c /a.conf"), "/a.conf", NULL,
		  true },
		{ TITLE("nginx: master process nginx -c/a.conf -p /p  "), "/a.conf",
		  "/p", true },
		{ TITLE("nginx: master process nginx -qc /a.conf"), "/a.conf", NULL,
		  true },
		{ TITLE("nginx: master process nginx -g daemon off; -c /a.conf"),
		  "/a.conf", NULL, true },
		{ TITLE("nginx: master process nginx -c"), NULL, NULL, true },
		{ TITLE("nginx\0-c\0/a.conf\0"), "/a.conf", NULL, true },
		{ TITLE("nginx: worker process"), NULL, NULL, false },
		{ TITLE("nginx: cache manager process"), NULL, NULL, false },
		{ TITLE(""), NULL, NULL, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *conf, *prefix;
		auto_free char *exact = xmalloc(cases[i].len);
		memcpy(exact, cases[i].cmdline, cases[i].len);
		assert_int_equal(
			nginx_command_line(exact, cases[i].len, &conf, &prefix),
			cases[i].is_master);
		assert_int_equal(conf != NULL, cases[i].conf != NULL);
		if (conf)
			assert_string_equal(conf, cases[i].conf);
		assert_int_equal(prefix != NULL, cases[i].prefix != NULL);
		if (prefix)
			assert_string_equal(prefix, cases[i].prefix);
		free(conf);
		free(prefix);
	}
}

/* From a file, through the item, to the upstreams. */
struct world {
	struct intake in;
	struct snapshot snap;
	struct nginx_upstream *upstreams;
	size_t count;
};

static void world_see(struct world *w, const char *version, struct tree tree)
{
	struct nginx_found found = { 0 };
	if (version)
		nginx_found_add(&found, "version", version, "nginx");
	parse_tree(&tree, &found);
	*w = (struct world){ 0 };
	intake_begin(&w->in, &w->snap, NULL);
	intake_text(&w->in, ITEM_SETTINGS, "4711", strbuf_text(&found.lines),
		    found.lines.len);
	intake_finish(&w->in);
	w->count = nginx_upstreams(&w->snap, &w->upstreams);
	nginx_found_clear(&found);
}

static void world_clear(struct world *w)
{
	free(w->upstreams);
	intake_clear(&w->in);
	snapshot_clear(&w->snap);
}

#define POOL       "upstream app { server 10.0.0.1:8000; keepalive 8; }"
#define EMPTY_POOL "upstream app { server 10.0.0.1:8000; }"
#define HTTP11     "proxy_http_version 1.1;"
#define CLEARED    "proxy_set_header Connection '';"
#define PASS       "location / { proxy_pass http://app; }"

static void a_pool_needs_all_that_its_version_asks_for(void **state)
{
	(void)state;
	static const struct {
		const char *version, *http, *location;
		int32_t keepalive;
		const char *origin;
	} cases[] = {
		{ "1.22.1", POOL HTTP11 CLEARED, "", 8, "/etc/nginx/nginx.conf:1" },
		{ "1.22.1", POOL HTTP11, "", 0, "nginx's default" },
		{ "1.22.1", POOL CLEARED, "", 0, "nginx's default" },
		{ "1.22.1", EMPTY_POOL HTTP11 CLEARED, "", 0, "nginx's default" },
		{ "1.29.6", POOL, "", 0, "nginx's default" },
		{ "1.29.7", POOL, "", 8, "/etc/nginx/nginx.conf:1" },
		{ "1.29.7", EMPTY_POOL, "", 32, "nginx's default" },
		{ "1.31.5", EMPTY_POOL "proxy_http_version 1.0;", "", 0,
		  "/etc/nginx/nginx.conf:1" },
		{ "1.31.5", EMPTY_POOL "proxy_set_header Connection close;", "", 0,
		  "/etc/nginx/nginx.conf:1" },
		{ NULL, EMPTY_POOL, "", -1, "not known" },
		{ NULL, POOL, "", -1, "not known" },
		{ NULL, POOL HTTP11 CLEARED, "", 8, "/etc/nginx/nginx.conf:1" },
		{ "openresty/1", EMPTY_POOL, "", -1, "not known" },
		{ NULL, "upstream app { server 10.0.0.1:8000; keepalive 0; }", "", 0,
		  "/etc/nginx/nginx.conf:1" },
		/* A block with a header of its own inherits none. */
		{ "1.22.1", POOL HTTP11 CLEARED, "proxy_set_header Host x;", 0,
		  "nginx's default" },
		{ "1.22.1", POOL HTTP11 CLEARED, "proxy_set_header Connection close;",
		  0, "/etc/nginx/nginx.conf:1" },
		{ "1.22.1", POOL HTTP11, "proxy_set_header Connection $x;", -1,
		  "not known" },
		/* What could not be read might give it. */
		{ "1.22.1", POOL HTTP11, "include no;", -1, "not known" },
		{ "1.22.1",
		  "upstream app { server 10.0.0.1:8000; include no; }" HTTP11 CLEARED,
		  "", -1, "not known" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[512];
		struct world w;
		snprintf(text, sizeof(text),
			 "http { %s server { location / { %s proxy_pass http://app; } "
			 "} }",
			 cases[i].http, cases[i].location);
		struct tree tree = { { { "/etc/nginx/nginx.conf", text } } };
		world_see(&w, cases[i].version, tree);
		assert_int_equal(w.count, 1);
		assert_int_equal(w.upstreams->keepalive, cases[i].keepalive);
		assert_string_equal(w.upstreams->keepalive_origin, cases[i].origin);
		assert_int_equal(w.upstreams->pid, 4711);
		assert_string_equal(w.upstreams->address, "10.0.0.1");
		assert_int_equal(w.upstreams->port, 8000);
		assert_string_equal(w.upstreams->name, "app");
		world_clear(&w);
	}
}

static void times_have_their_origin(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t idle_ms, read_ms;
		const char *idle_origin, *read_origin;
	} cases[] = {
		{ "http { keepalive_timeout 9; " EMPTY_POOL " server { " PASS " } }",
		  60000, 60000, "nginx's default", "nginx's default" },
		{ "http { proxy_read_timeout 5m;\nupstream app { server "
		  "10.0.0.1:8000;\nkeepalive_timeout 4s; } server { " PASS " } }",
		  4000, 300000, "/etc/nginx/nginx.conf:3", "/etc/nginx/nginx.conf:1" },
		{ "http { proxy_read_timeout 5m; " EMPTY_POOL
		  "\nserver { proxy_read_timeout 7s; " PASS " } }",
		  60000, 7000, "nginx's default", "/etc/nginx/nginx.conf:2" },
		{ "http { " EMPTY_POOL " server { location / { include no; proxy_pass "
		  "http://app; } } }",
		  60000, -1, "nginx's default", "not known" },
		{ "http { proxy_read_timeout $x; " EMPTY_POOL " server { " PASS " } }",
		  60000, -1, "nginx's default", "/etc/nginx/nginx.conf:1" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world w;
		struct tree tree = { { { "/etc/nginx/nginx.conf", cases[i].text } } };
		world_see(&w, "1.22.1", tree);
		assert_int_equal(w.count, 1);
		assert_int_equal(w.upstreams->idle.ms, cases[i].idle_ms);
		assert_string_equal(w.upstreams->idle.origin, cases[i].idle_origin);
		assert_int_equal(w.upstreams->read.ms, cases[i].read_ms);
		assert_string_equal(w.upstreams->read.origin, cases[i].read_origin);
		world_clear(&w);
	}
}

static void targets_are_addresses_and_ports(void **state)
{
	(void)state;
	static const struct {
		const char *target, *address;
		uint16_t port;
	} cases[] = {
		{ "http://127.0.0.1:8000/", "127.0.0.1", 8000 },
		{ "http://[::1]:8000", "::1", 8000 },
		{ "http://[::1]", "::1", 80 },
		{ "http://app.example/x", "app.example", 80 },
		{ "https://app.example", "app.example", 443 },
		{ "http://app:0", NULL, 0 },
		{ "http://app:65536", NULL, 0 },
		{ "http://app:80x", NULL, 0 },
		{ "http://[::1", NULL, 0 },
		{ "http://[::1]x", NULL, 0 },
		{ "http://unix:/run/app", NULL, 0 },
		{ "http://$host", NULL, 0 },
		{ "http://", NULL, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[256];
		struct world w;
		snprintf(text, sizeof(text),
			 "http { server { location / { proxy_pass %s; } } }",
			 cases[i].target);
		struct tree tree = { { { "/etc/nginx/nginx.conf", text } } };
		world_see(&w, "1.22.1", tree);
		assert_int_equal(w.count, cases[i].address ? 1 : 0);
		if (w.count) {
			assert_string_equal(w.upstreams->address, cases[i].address);
			assert_int_equal(w.upstreams->port, cases[i].port);
			assert_int_equal(w.upstreams->keepalive, 0);
			assert_string_equal(w.upstreams->name, "");
		}
		world_clear(&w);
	}
}

/* A bare address may be the name of a block that could not be read. */
static void an_unread_block_makes_the_pool_unknown(void **state)
{
	(void)state;
	struct world w;
	struct tree tree = { { { "/etc/nginx/nginx.conf",
				 "http { include no; server { location / { proxy_pass "
				 "http://app; } } }" } } };
	world_see(&w, "1.22.1", tree);
	assert_int_equal(w.count, 1);
	/* HTTP/1.0 would settle it, but that may stand in the file as well. */
	assert_int_equal(w.upstreams->keepalive, NGINX_KEEPALIVE_UNKNOWN);
	assert_int_equal(w.upstreams->idle.ms, -1);
	assert_string_equal(w.upstreams->idle.origin, "not known");
	world_clear(&w);
}

static void of_an_unknown_process_nothing_is_default(void **state)
{
	(void)state;
	struct snapshot snap = { 0 };
	struct nginx_value v = nginx_setting(&snap, 1, "http", "proxy_read_timeout");
	assert_int_equal(v.origin, SETTING_UNKNOWN);
	assert_null(v.setting);
}

/* Files as a process sees them: a /proc made by hand. */

static void put_file(const char *root, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", root, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void put_folder(const char *root, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", root, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

/* The settings that the cache gives for the master. */
static void look(struct nginx_cache *cache, struct world *w)
{
	static const char cmdline[] = "nginx: master process nginx -c /etc/n.conf";
	intake_begin(&w->in, &w->snap, NULL);
	struct process *p = snapshot_add_process(&w->snap, 4711);
	free(p->comm);
	p->comm = xstrdup("nginx");
	p->cmdline = xstrdup(cmdline);
	p->cmdline_len = sizeof(cmdline) - 1;
	nginx_cache_look(cache, &w->in);
	intake_finish(&w->in);
}

static void assert_setting(const struct world *w, size_t i, const char *name,
			   const char *value)
{
	assert_true(i < w->snap.setting_count);
	assert_string_equal(w->snap.settings[i].name, name);
	assert_string_equal(w->snap.settings[i].value, value);
}

static void files_are_those_of_the_process_and_read_again_when_changed(void **state)
{
	(void)state;
	char root[] = "/tmp/cd-nginx-XXXXXX";
	struct world w = { 0 };
	assert_non_null(mkdtemp(root));
	put_folder(root, "4711");
	put_folder(root, "4711/root");
	put_folder(root, "4711/root/etc");
	put_folder(root, "4711/root/etc/d");
	put_file(root, "4711/root/etc/n.conf",
		 "http { keepalive_timeout 1; include /etc/link; include d/*; }");
	put_file(root, "4711/root/etc/real", "proxy_read_timeout 2;");
	/* An absolute link stays below the root of the process. */
	auto_free char *link_path = xasprintf("%s/4711/root/etc/link", root);
	assert_int_equal(symlink("/etc/real", link_path), 0);
	struct nginx_cache *cache = nginx_cache_new(root);
	for (int i = 0; i < 2; i++) {
		look(cache, &w);
		assert_int_equal(w.snap.setting_count, 2);
		assert_setting(&w, 0, "keepalive_timeout", "1");
		assert_setting(&w, 1, "proxy_read_timeout", "2");
		assert_int_equal(w.snap.degraded_count, 0);
	}
	put_file(root, "4711/root/etc/real", "proxy_read_timeout 30;");
	look(cache, &w);
	assert_setting(&w, 1, "proxy_read_timeout", "30");
	put_file(root, "4711/root/etc/d/new", "proxy_send_timeout 4;");
	look(cache, &w);
	assert_int_equal(w.snap.setting_count, 3);
	assert_setting(&w, 2, "proxy_send_timeout", "4");
	unlink(link_path);
	assert_int_equal(mkfifo(link_path, 0644), 0);
	look(cache, &w);
	assert_setting(&w, 1, "unreadable", "not a regular file");
	assert_int_equal(w.snap.degraded_count, 1);
	assert_string_equal(w.snap.degraded->what, "nginx configuration of 4711");
	assert_string_equal(w.snap.degraded->why,
			    "cannot read /etc/link: not a regular file");
	nginx_cache_free(cache);
	world_clear(&w);
	assert_int_equal(remove_tree(root), 0);
}

static void a_root_that_cannot_be_opened_is_said(void **state)
{
	(void)state;
	struct world w = { 0 };
	struct nginx_cache *cache = nginx_cache_new("/nonexistent");
	look(cache, &w);
	assert_int_equal(w.snap.setting_count, 1);
	assert_setting(&w, 0, "unreadable", "No such file or directory");
	assert_int_equal(w.snap.degraded_count, 1);
	nginx_cache_free(cache);
	world_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_file_to_settings),
		cmocka_unit_test(damage_is_said_where_it_is),
		cmocka_unit_test(includes_are_followed),
		cmocka_unit_test(an_include_of_itself_ends),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(times_are_read_as_nginx_does),
		cmocka_unit_test(the_command_line_names_the_file),
		cmocka_unit_test(a_pool_needs_all_that_its_version_asks_for),
		cmocka_unit_test(times_have_their_origin),
		cmocka_unit_test(targets_are_addresses_and_ports),
		cmocka_unit_test(an_unread_block_makes_the_pool_unknown),
		cmocka_unit_test(of_an_unknown_process_nothing_is_default),
		cmocka_unit_test(
			files_are_those_of_the_process_and_read_again_when_changed),
		cmocka_unit_test(a_root_that_cannot_be_opened_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
