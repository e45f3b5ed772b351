/* SPDX-License-Identifier: MIT */

/* Timeouts in the wrong order, and client pools: rule by rule, side by side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builders.h"
#include "conn-doctor/config.h"

enum { LISTENER_INODE = 4999, SERVER_PID = 4711 };

/* One service, what runs it (argv, blanks for NULs), and what was declared. */
struct scene {
	struct fixture f;
	struct config c;
};

static void put_process(struct snapshot *snap, int32_t pid, int32_t ppid,
			const char *comm, const char *argv, const uint32_t *inodes,
			size_t count)
{
	snapshot_put_process(snap, pid, comm, inodes, count);
	struct process *p = &snap->processes[snap->process_count - 1];
	p->ppid = ppid;
	p->cmdline = xstrdup(argv);
	p->cmdline_len = (uint32_t)strlen(argv) + 1;
	bool is_title = strstr(argv, "er process") || strstr(argv, "worker [") ||
			strstr(argv, "postgres: ");
	for (char *c = p->cmdline; *c; c++)
		if (*c == ' ' && !is_title)
			*c = '\0';
}

static void scene_begin(struct scene *s, const char *argv, const char *declared)
{
	fixture_init(&s->f);
	config_init(&s->c);
	if (declared) {
		char text[512];
		snprintf(text, sizeof(text),
			 "[target t]\nfilter = sport = :30020 or "
			 "dst 10.0.3.7\n%s\n",
			 declared);
		config_read(&s->c, "f", text, strlen(text));
		config_finish(&s->c);
		assert_string_equal(strbuf_text(&s->c.errors), "");
		s->f.policy = &s->c.policy;
	}
	static const uint32_t inode = LISTENER_INODE;
	snapshot_begin(&s->f.snap, 1000000);
	snapshot_put(&s->f.snap, a_listener(0, 128));
	if (argv)
		put_process(&s->f.snap, SERVER_PID, 1, "server", argv, &inode, 1);
}

static void scene_diagnose(struct scene *s)
{
	snapshot_finish(&s->f.snap);
	history_update(s->f.history, &s->f.snap);
	fixture_diagnose(&s->f);
}

static void scene_clear(struct scene *s)
{
	fixture_clear(&s->f);
	config_clear(&s->c);
}

static const struct finding *finding_of(const struct report *r, enum finding_kind kind)
{
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].kind == kind)
			return &r->findings[i];
	return NULL;
}

static const char *unknown_of(const struct report *r, enum finding_kind kind)
{
	for (size_t i = 0; i < r->unknown_count; i++)
		if (r->unknown[i].kind == kind)
			return r->unknown[i].reason;
	return NULL;
}

static bool says(char *const *lines, size_t count, const char *words)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(lines[i], words))
			return true;
	return false;
}

#define WARN    SEVERITY_WARNING
#define INFO    SEVERITY_INFO
#define NONE    SEVERITY_OK /* no finding */
#define UVICORN "python3 /usr/bin/uvicorn app:app"

/* What runs, what was declared, what is found; `rule` is in the evidence. */
static const struct chain_case {
	const char *argv, *declared;
	enum severity severity;
	const char *rule, *next, *unknown;
} cases[] = {
	/* R1: the server's keep-alive must be above the idle time in front. */
	{ UVICORN, "front = alb", WARN, "R1", "--timeout-keep-alive 75", NULL },
	{ UVICORN " --timeout-keep-alive 59", "front = alb", WARN, "R1",
	  "--timeout-keep-alive 75", NULL },
	{ UVICORN " --timeout-keep-alive 60", "front = alb", WARN, "R1", NULL, NULL },
	{ UVICORN " --timeout-keep-alive 61", "front = alb", NONE, NULL, NULL, NULL },
	{ UVICORN " --timeout-keep-alive 61", "front = gcp-lb", WARN, "R1",
	  "--timeout-keep-alive 620", NULL },
	{ UVICORN, "front = alb\nfront-idle = 4s", NONE, NULL, NULL, NULL },
	{ UVICORN, "front-idle = 9s", WARN, "R1", NULL, NULL },
	{ UVICORN, "front = haproxy", NONE, NULL, NULL, NULL }, /* no default */
	{ UVICORN, "front = nlb", NONE, NULL, NULL, NULL },     /* reuses nothing */
	{ UVICORN, "front = none", INFO, "R13", NULL, NULL },
	{ UVICORN, "front = none\nheader-timeout = 9s", NONE, NULL, NULL, NULL },
	{ UVICORN, "peer-limit = 9", NONE, NULL, NULL, NULL },
	{ UVICORN, NULL, NONE, NULL, NULL, NULL },
	{ UVICORN, "pool-idle = 5s", WARN, "R1", "keepalive_expiry=4", NULL },
	{ UVICORN, "pool-idle = 4s", NONE, NULL, NULL, NULL },
	{ "python3 /usr/bin/gunicorn --threads 4 m", "front = alb", WARN, "R1",
	  "--keep-alive 75", NULL },
	{ "python3 /usr/bin/gunicorn m", "front = alb", NONE, NULL, NULL, NULL },
	{ "python3 /usr/bin/gunicorn -c x.py -k uvicorn.workers.UvicornWorker m",
	  "front = alb", NONE, NULL, NULL, "reads a file" },
	{ "python3 /usr/bin/gunicorn -c x.py --threads 4 --keep-alive 9 m",
	  "front = alb", WARN, "R1", "--keep-alive 75", NULL },
	{ "python3 /usr/bin/gunicorn -c x.py --threads 4 m",
	  "front = alb\nserver-idle = 9s", WARN, "R1", "--keep-alive 75", NULL },
	{ "gunicorn: worker [app]", "front = alb", NONE, NULL, NULL, "not visible" },
	{ "gunicorn: worker [app]", "front = alb\nserver-idle = 75s", NONE, NULL, NULL,
	  NULL },
	{ "python3 /usr/bin/hypercorn app", "front = alb", WARN, "R1",
	  "--keep-alive 75", NULL },
	{ "node server.js", "front = alb", INFO, "R1", "keepAliveTimeout = 75000",
	  NULL },
	{ "node server.js", "front = alb\nserver-idle = 5s", WARN, "R1",
	  "keepAliveTimeout = 75000", NULL },
	{ "./own", "front = alb", NONE, NULL, NULL, "server-idle" },
	{ "./own", "front = alb\nserver-idle = 60s", WARN, "R1", "75 s", NULL },
	{ "postgres -D /data", "front = alb", NONE, NULL, NULL, NULL },
	{ "python3 /usr/bin/daphne a", "front = alb", NONE, NULL, NULL, NULL },
	/* R2: heartbeats and the idle timeout in front */
	{ "./own", "heartbeat = 59s\nfront = aws-nat\nfront-idle = 60s", INFO, "R2",
	  "twice", NULL },
	{ "./own", "heartbeat = 30s\nfront = aws-nat\nfront-idle = 60s", NONE, NULL,
	  NULL, NULL },
	{ "./own", "heartbeat = 60s\nfront = aws-nat\nfront-idle = 60s", WARN, "R2",
	  NULL, NULL },
	{ "./own", "heartbeat = 90s\nserver-idle = 75s\nfront = alb", WARN, "R2", NULL,
	  NULL },
	{ UVICORN " --timeout-keep-alive 75 --ws-ping-interval 90", "front = alb", WARN,
	  "R2", NULL, NULL },
	/* R3 */
	{ NULL, "heartbeat = 20s\npong = 20s\npatience = 41s", NONE, NULL, NULL, NULL },
	{ NULL, "heartbeat = 20s\npong = 20s\npatience = 40s", INFO, "R3", NULL, NULL },
	{ NULL, "heartbeat = 20s\npatience = 10s", NONE, NULL, NULL, NULL },
	/* R4 */
	{ NULL, "heartbeat = 29s\nfront = nginx\nserver-idle = 75s", NONE, NULL, NULL,
	  NULL },
	{ NULL, "heartbeat = 30s\nfront = nginx\nserver-idle = 75s", INFO, "R4", NULL,
	  NULL },
	{ NULL, "heartbeat = 60s\nfront = nginx\nserver-idle = 75s", WARN, "R4",
	  "proxy_read_timeout", NULL },
	/* R7 */
	{ NULL, "statement-timeout = 49s\nhandler-timeout = 50s", NONE, NULL, NULL,
	  NULL },
	{ NULL, "statement-timeout = 50s\nhandler-timeout = 50s", WARN, "R7", NULL,
	  NULL },
	{ NULL, "handler-timeout = 61s\nfront = alb\nserver-idle = 75s", WARN, "R7",
	  NULL, NULL },
	{ NULL, "handler-timeout = 59s\nfront = alb\nserver-idle = 75s", NONE, NULL,
	  NULL, NULL },
	{ NULL, "client-timeout = 60s\nfront = alb\nserver-idle = 75s", WARN, "R7",
	  NULL, NULL },
	{ NULL, "client-timeout = 61s\nfront = alb\nserver-idle = 75s", NONE, NULL,
	  NULL, NULL },
	/* R8 */
	{ NULL, "pool-wait = 30s\nclient-timeout = 30s", WARN, "R8", "pool_timeout",
	  NULL },
	{ NULL, "pool-wait = 29s\nclient-timeout = 30s", NONE, NULL, NULL, NULL },
	{ NULL, "pool-size = 25\npool-processes = 4\ndatabase-connections = 101", NONE,
	  NULL, NULL, NULL },
	{ NULL, "pool-size = 25\npool-processes = 4\ndatabase-connections = 100", WARN,
	  "R8", "max_connections", NULL },
	{ NULL, "pool-size = 25\ndatabase-connections = 20", NONE, NULL, NULL,
	  "pool-processes" },
	{ NULL, "pool-size = 25\npool-processes = 4", NONE, NULL, NULL, NULL },
	/* R9 */
	{ NULL, "pool-lifetime = 8h\ndatabase-idle = 8h", WARN, "R9", NULL, NULL },
	{ NULL, "pool-lifetime = 7h\ndatabase-idle = 8h", NONE, NULL, NULL, NULL },
	{ NULL, "pool-lifetime = 9h\npool-idle = 30s\ndatabase-idle = 8h", NONE, NULL,
	  NULL, NULL },
	/* R10 */
	{ NULL, "amqp-heartbeat = 20s\nhandler-timeout = 40s", WARN, "R10", NULL,
	  NULL },
	{ NULL, "amqp-heartbeat = 20s\nhandler-timeout = 39s", NONE, NULL, NULL, NULL },
	{ NULL, "amqp-heartbeat = 20s\nlongest-request = 40s", WARN, "R10", NULL,
	  NULL },
	/* R11 */
	{ NULL, "websocket-timeout = 2d\ngroup-expiry = 1d", WARN, "R11", NULL, NULL },
	{ NULL, "websocket-timeout = 1d\ngroup-expiry = 1d", NONE, NULL, NULL, NULL },
	{ "python3 /usr/bin/daphne a", "group-expiry = 23h", WARN, "R11", NULL, NULL },
	{ "python3 /usr/bin/daphne --websocket_timeout 3600 a", "group-expiry = 23h",
	  NONE, NULL, NULL, NULL },
	/* R12 */
	{ NULL, "server-grace = 30s\nshutdown-grace = 30s", WARN, "R12", NULL, NULL },
	{ NULL, "server-grace = 29s\nshutdown-grace = 30s", NONE, NULL, NULL, NULL },
	{ NULL, "server-grace = 29s\nlongest-request = 29s", WARN, "R12", NULL, NULL },
	{ UVICORN, "shutdown-grace = 30s", WARN, "R12", "--timeout-graceful-shutdown",
	  NULL },
	{ UVICORN " --timeout-graceful-shutdown 20", "shutdown-grace = 30s", NONE, NULL,
	  NULL, NULL },
	{ "python3 /usr/bin/gunicorn m", "shutdown-grace = 30s", WARN, "R12", NULL,
	  NULL },
	{ "python3 /usr/bin/gunicorn m", "longest-request = 29s", NONE, NULL, NULL,
	  NULL },
	{ "./own", "shutdown-grace = 30s", NONE, NULL, NULL, NULL },
};

static void check_case(const struct chain_case *c)
{
	struct scene s;
	scene_begin(&s, c->argv, c->declared);
	scene_diagnose(&s);
	const struct report *r = &s.f.report;
	const struct finding *f = finding_of(r, FINDING_TIMEOUT_CHAIN);
	const char *unknown = unknown_of(r, FINDING_TIMEOUT_CHAIN);
	enum severity severity = f ? f->severity : NONE;
	if (severity != c->severity)
		fail_msg("'%s' with '%s' is %s: %s", c->argv ? c->argv : "",
			 c->declared, severity_name(severity), f ? f->summary : "");
	if (c->rule && !says(f->evidence, f->evidence_count, c->rule))
		fail_msg("no %s for '%s': %s", c->rule, c->declared, f->evidence[0]);
	if (c->next && !says(f->next, f->next_count, c->next))
		fail_msg("no '%s' for '%s': %s", c->next, c->declared, f->next[0]);
	if (f && strlen(f->summary) > 120)
		fail_msg("too long: %s", f->summary);
	/* Where no process is shown, its flags may say what was not declared. */
	const char *expected =
		c->unknown || c->argv ? c->unknown : "processes were not looked up";
	if (!expected != !unknown || (unknown && !strstr(unknown, expected)))
		fail_msg("'%s' with '%s' is unknown: %s", c->argv ? c->argv : "",
			 c->declared, unknown ? unknown : "no");
	scene_clear(&s);
}

static void each_rule_below_at_and_above(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_case(&cases[i]);
}

/* An nginx that is seen: settings of a master, and connections of its worker. */
static void put_setting(struct snapshot *snap, const char *context, const char *name,
			const char *value)
{
	struct server_setting *s = snapshot_add_setting(snap, 800);
	s->context = xstrdup(context);
	s->name = xstrdup(name);
	s->value = xstrdup(value);
	s->file = xstrdup("/etc/nginx/nginx.conf");
	s->line = 7;
}

static struct tcp_socket a_client(uint32_t number, struct ip_address peer,
				  uint16_t port)
{
	struct tcp_socket sk = a_connection();
	sk.cookie = 200 + number;
	sk.inode = 6000 + number;
	sk.peer = peer;
	sk.local_port = (uint16_t)(50000 + number);
	sk.peer_port = port;
	/* The reply was the last word. */
	sk.last_data_sent_ms = 2040;
	sk.last_data_recv_ms = sk.last_ack_recv_ms = 2000;
	return sk;
}

static const struct nginx_case {
	const char *keepalive, *idle, *version, *argv;
	bool is_pooled;
	enum severity severity;
	const char *next, *unknown;
} nginx_cases[] = {
	{ "16", "60s", "1.22.1", UVICORN, false, WARN, "--timeout-keep-alive 75",
	  NULL },
	{ "16", "60s", "1.22.1", UVICORN, false, WARN, "keepalive_timeout 4s;", NULL },
	{ "16", NULL, "1.22.1", UVICORN, false, WARN, NULL, NULL },
	{ "16", "60s", "1.22.1", UVICORN " --timeout-keep-alive 75", true, NONE, NULL,
	  NULL },
	{ "16", "4s", "1.22.1", UVICORN, true, NONE, NULL, NULL },
	{ "16", "5s", "1.22.1", UVICORN, true, WARN, NULL, NULL },
	{ NULL, NULL, "1.22.1", UVICORN, false, NONE, NULL, NULL },
	{ NULL, NULL, "1.29.7", UVICORN, false, WARN, NULL, NULL },
	{ NULL, NULL, NULL, UVICORN, false, NONE, NULL, "version" },
	{ NULL, NULL, NULL, UVICORN, true, NONE, NULL, "version" },
	{ NULL, NULL, NULL, UVICORN " --timeout-keep-alive 75", false, NONE, NULL,
	  NULL },
	{ "16", "60s", "1.22.1", "gunicorn: worker [app]", true, NONE, NULL,
	  "not visible" },
	{ "16", "60s", "1.22.1", "node server.js", true, INFO, "keepAliveTimeout",
	  NULL },
};

static void put_nginx(struct snapshot *snap, const struct nginx_case *c)
{
	static const uint32_t front = 4998, worker = 6001;
	struct tcp_socket listener = a_listener(0, 511);
	listener.cookie = 2;
	listener.inode = front;
	listener.local_port = 80;
	snapshot_put(snap, listener);
	put_process(snap, 800, 1, "nginx", "nginx: master process", &front, 1);
	put_process(snap, 801, 800, "nginx", "nginx: worker process", &worker,
		    c->is_pooled);
	if (c->is_pooled)
		snapshot_put(snap, a_client(1, an_ip(10, 0, 0, 1), SERVER_PORT));
	if (c->version)
		put_setting(snap, "", "version", c->version);
	put_setting(snap, "http/upstream 1", "upstream", "app");
	put_setting(snap, "http/upstream 1", "server", "127.0.0.1:30020");
	if (c->keepalive)
		put_setting(snap, "http/upstream 1", "keepalive", c->keepalive);
	if (c->idle)
		put_setting(snap, "http/upstream 1", "keepalive_timeout", c->idle);
	if (c->keepalive) {
		put_setting(snap, "http", "proxy_http_version", "1.1");
		put_setting(snap, "http", "proxy_set_header", "Connection ");
	}
	put_setting(snap, "http/server 1/location 1", "proxy_pass", "http://app");
}

static void an_nginx_of_this_host_is_a_front(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(nginx_cases) / sizeof(*nginx_cases); i++) {
		const struct nginx_case *c = &nginx_cases[i];
		struct scene s;
		scene_begin(&s, c->argv, NULL);
		put_nginx(&s.f.snap, c);
		scene_diagnose(&s);
		const struct finding *f =
			finding_of(&s.f.report, FINDING_TIMEOUT_CHAIN);
		const char *unknown = unknown_of(&s.f.report, FINDING_TIMEOUT_CHAIN);
		if ((f ? f->severity : NONE) != c->severity)
			fail_msg("case %zu: %s", i, f ? f->summary : "no finding");
		if (c->next && !says(f->next, f->next_count, c->next))
			fail_msg("case %zu: %s", i, f->next[0]);
		if (!c->unknown != !unknown ||
		    (unknown && !strstr(unknown, c->unknown)))
			fail_msg("case %zu: unknown %s", i, unknown ? unknown : "no");
		if (f)
			assert_string_equal(f->peer, "nginx");
		scene_clear(&s);
	}
}

/* A Node program of this host that holds connections to the server. */
static void a_node_agent_meets_the_close(void **state)
{
	(void)state;
	static const struct {
		const char *argv, *client;
		uint32_t segs;
		bool is_waiting, has_closed;
		enum severity severity;
		uint32_t idle_ms; /* else 2 s */
	} rows[] = {
		{ UVICORN, "node app.js", 3, false, false, WARN, 0 },
		{ UVICORN, "node app.js", 2, false, false, NONE, 0 }, /* one request */
		{ UVICORN, "node app.js", 1, false, true, WARN, 0 },
		{ UVICORN, "node app.js", 3, true, false, NONE, 0 }, /* nothing idle */
		{ UVICORN, "python3 app.py", 3, false, false, NONE, 0 },
		{ UVICORN, "node app.js", 3, false, false, WARN, 7999 },
		{ UVICORN, "node app.js", 3, false, true, NONE, 8000 }, /* WebSocket */
		{ UVICORN " --timeout-keep-alive 5", "node app.js", 3, false, false,
		  WARN, 0 },
		{ UVICORN " --timeout-keep-alive 6", "node app.js", 3, false, true,
		  NONE, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		static const uint32_t inode = 6001;
		struct scene s;
		scene_begin(&s, rows[i].argv, NULL);
		struct tcp_socket sk = a_client(1, an_ip(10, 0, 0, 1), SERVER_PORT);
		sk.data_segs_out = rows[i].segs;
		if (rows[i].idle_ms) {
			sk.last_data_recv_ms = sk.last_ack_recv_ms = rows[i].idle_ms;
			sk.last_data_sent_ms = rows[i].idle_ms + 40;
		}
		if (rows[i].is_waiting)
			sk.last_data_sent_ms = 1000;
		snapshot_put(&s.f.snap, sk);
		struct tcp_socket end = a_connection();
		end.peer = an_ip(10, 0, 0, 1);
		end.peer_port = sk.local_port;
		snapshot_put(&s.f.snap, end);
		put_process(&s.f.snap, 900, 1, "node", rows[i].client, &inode, 1);
		if (rows[i].has_closed) {
			struct tcp_socket old = a_connection();
			old.state = TCP_STATE_TIME_WAIT;
			old.cookie = 300;
			old.inode = 0;
			old.peer = an_ip(10, 0, 0, 1);
			snapshot_put(&s.f.snap, old);
		}
		scene_diagnose(&s);
		const struct finding *f =
			finding_of(&s.f.report, FINDING_TIMEOUT_CHAIN);
		if ((f ? f->severity : NONE) != rows[i].severity)
			fail_msg("case %zu: %s", i, f ? f->summary : "no finding");
		if (f) {
			assert_int_equal(f->confidence, CONFIDENCE_LIKELY);
			assert_true(
				says(f->evidence, f->evidence_count, "socket hang up"));
			assert_true(says(f->next, f->next_count,
					 "--timeout-keep-alive 20"));
		}
		scene_clear(&s);
	}
}

/* A default that a program may change is disproved, or shown, by what is seen. */
static void a_default_is_disproved_by_an_idle_connection(void **state)
{
	(void)state;
	static const struct {
		uint32_t idle_ms;
		bool has_closed;
		enum severity severity;
	} rows[] = {
		{ 8000, false, INFO }, /* within the slack */
		{ 8020, false, NONE },
		{ 3000, true, WARN },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct scene s;
		scene_begin(&s, "node server.js", "front = alb");
		struct tcp_socket sk = a_connection();
		sk.last_data_sent_ms = rows[i].idle_ms;
		sk.last_data_recv_ms = rows[i].idle_ms + 20;
		snapshot_put(&s.f.snap, sk);
		if (rows[i].has_closed) {
			sk.cookie++;
			sk.peer_port++;
			sk.state = TCP_STATE_TIME_WAIT;
			sk.inode = 0;
			snapshot_put(&s.f.snap, sk);
		}
		scene_diagnose(&s);
		const struct finding *f =
			finding_of(&s.f.report, FINDING_TIMEOUT_CHAIN);
		if ((f ? f->severity : NONE) != rows[i].severity)
			fail_msg("case %zu: %s", i, f ? f->summary : "no finding");
		assert_int_equal(rows[i].severity == NONE,
				 unknown_of(&s.f.report, FINDING_TIMEOUT_CHAIN) !=
					 NULL);
		scene_clear(&s);
	}
}

/* TCP_USER_TIMEOUT against idle 60 s + 10 s x 3, and keepalive instead of pings */
static void keepalive_settings_are_judged(void **state)
{
	(void)state;
	static const struct {
		uint32_t user_timeout_ms;
		const char *declared;
		const char *rule;
	} rows[] = {
		{ 0, NULL, NULL },
		{ 60000, NULL, "R6" },
		{ 60001, NULL, NULL },
		{ 180000, NULL, NULL },
		{ 180001, NULL, "R6" },
		{ 0, "front = alb\nserver-idle = 75s\nprotocol = push", "R5" },
		{ 0, "front = alb\nserver-idle = 75s", NULL },
		{ 0, "front = nlb\nprotocol = push", NULL },
		{ 0, "front = alb\nserver-idle = 75s\nprotocol = push\nheartbeat = 20s",
		  NULL },
		{ 0, "front = aws-nat\nfront-idle = 300s\nheartbeat = 400s", NULL },
		{ 0, "front = aws-nat\nfront-idle = 50s\nheartbeat = 400s", "R2" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct scene s;
		scene_begin(&s, "./own", rows[i].declared);
		struct tcp_socket sk = a_connection();
		sk.timer = TCP_TIMER_KEEPALIVE;
		sk.expires_ms = 50000;
		snapshot_put(&s.f.snap, sk);
		snapshot_add_socket_options(
			&s.f.snap,
			&(struct socket_options){ .cookie = sk.cookie,
						  .keepalive = true,
						  .keepidle_s = 60,
						  .keepintvl_s = 10,
						  .keepcnt = 3,
						  .user_timeout_ms =
							  rows[i].user_timeout_ms });
		scene_diagnose(&s);
		const struct finding *f =
			finding_of(&s.f.report, FINDING_TIMEOUT_CHAIN);
		if (!f != !rows[i].rule)
			fail_msg("case %zu: %s", i, f ? f->summary : "no finding");
		if (f && !says(f->evidence, f->evidence_count, rows[i].rule))
			fail_msg("case %zu: %s", i, f->evidence[0]);
		scene_clear(&s);
	}
}

/* What nginx keeps its own clients for, behind a balancer. */
static void the_keepalive_of_nginx_itself(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		enum severity severity;
	} rows[] = {
		{ "30s", WARN }, { "60", WARN }, { "61 60s", NONE },
		{ NULL, NONE },  { "0", NONE },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct scene s;
		scene_begin(&s, "nginx: master process nginx", "front = alb");
		s.f.snap.processes[0].pid = 800;
		put_setting(&s.f.snap, "http/server 1", "listen", "30020 backlog=99");
		if (rows[i].value)
			put_setting(&s.f.snap, "http", "keepalive_timeout",
				    rows[i].value);
		scene_diagnose(&s);
		const struct finding *f =
			finding_of(&s.f.report, FINDING_TIMEOUT_CHAIN);
		if ((f ? f->severity : NONE) != rows[i].severity)
			fail_msg("case %zu: %s", i, f ? f->summary : "no finding");
		assert_null(unknown_of(&s.f.report, FINDING_TIMEOUT_CHAIN));
		scene_clear(&s);
	}
}

/* A pool of three connections to 10.0.3.7:5432, and a client that waits. */
struct pool_case {
	const char *declared;
	uint32_t sent_ms[3], received_ms[3], ack_ms[3];
	uint32_t owed_ms; /* a request of the service unanswered for so long, 0 none */
	bool has_no_clock, has_no_owner;
	enum severity exhausted, leak;
	bool is_unknown;
};

#define ALL(x)          \
	{               \
		x, x, x \
	}
#define POOL_OF_3 "pool-size = 3"

static const struct pool_case pool_cases[] = {
	/* all wait: just below, at the limit; long and queueing; not all */
	{ POOL_OF_3, ALL(4999), ALL(9000), ALL(4990), 0, 0, 0, NONE, NONE, 0 },
	{ POOL_OF_3, ALL(5000), ALL(9000), ALL(4990), 0, 0, 0, WARN, NONE, 0 },
	{ POOL_OF_3, { 900, 5000, 5000 }, ALL(9000), ALL(900), 0, 0, 0, NONE, NONE, 0 },
	{ POOL_OF_3,
	  { 900, 5000, 5000 },
	  ALL(9000),
	  ALL(900),
	  30000,
	  0,
	  0,
	  WARN,
	  NONE,
	  0 },
	{ POOL_OF_3, ALL(30000), ALL(31000), ALL(29990), 0, 0, 0, WARN, NONE, 0 },
	{ POOL_OF_3, ALL(30000), ALL(31000), ALL(29990), 30000, 0, 0, SEVERITY_CRITICAL,
	  NONE, 0 },
	{ POOL_OF_3, ALL(29999), ALL(29999 + 9), ALL(29990), 30000, 0, 0, WARN, NONE,
	  0 },
	{ POOL_OF_3,
	  { 9000, 9000, 9040 },
	  { 9040, 9040, 9000 },
	  ALL(9000),
	  30000,
	  0,
	  0,
	  NONE,
	  NONE,
	  0 },
	/* below the size; not declared */
	{ "pool-size = 4", ALL(30000), ALL(31000), ALL(29990), 30000, 0, 0, NONE, NONE,
	  0 },
	{ "pool-size = 2", ALL(30000), ALL(31000), ALL(29990), 0, 0, 0, WARN, NONE, 0 },
	{ "pool-wait = 4s", ALL(30000), ALL(31000), ALL(29990), 30000, 0, 0, NONE, NONE,
	  0 },
	/* all idle: healthy by itself, a leak while requests wait */
	{ POOL_OF_3, ALL(60040), ALL(60000), ALL(60000), 0, 0, 0, NONE, NONE, 0 },
	{ POOL_OF_3, ALL(30040), ALL(30000), ALL(30000), 30000, 0, 0, NONE, WARN, 0 },
	{ POOL_OF_3, ALL(30040), ALL(29999), ALL(29999), 30000, 0, 0, NONE, NONE, 0 },
	{ POOL_OF_3, ALL(30040), ALL(30000), ALL(30000), 29999, 0, 0, NONE, NONE, 0 },
	/* one tick: the acknowledgements tell */
	{ POOL_OF_3, ALL(40000), ALL(40000), ALL(39952), 30000, 0, 0, SEVERITY_CRITICAL,
	  NONE, 0 },
	{ POOL_OF_3, ALL(40000), ALL(40000), ALL(40000), 30000, 0, 0, NONE, WARN, 0 },
	{ POOL_OF_3, ALL(40000), ALL(40000), ALL(100), 30000, 0, 0, NONE, NONE, true },
	/* what is missing is said */
	{ POOL_OF_3, ALL(30000), ALL(31000), ALL(29990), 30000, true, 0, NONE, NONE,
	  true },
	{ POOL_OF_3, ALL(30000), ALL(31000), ALL(29990), 30000, 0, true, NONE, NONE,
	  true },
	{ POOL_OF_3 "\nprotocol = push", ALL(30000), ALL(31000), ALL(29990), 30000, 0,
	  0, NONE, NONE, true },
};

static void put_pool(struct scene *s, const struct pool_case *c)
{
	struct snapshot *snap = &s->f.snap;
	static const uint32_t inodes[] = { LISTENER_INODE, 5000, 6000, 6001, 6002 };
	for (uint32_t i = 0; i < 3; i++) {
		struct tcp_socket sk = a_client(i, an_ip(10, 0, 3, 7), 5432);
		sk.last_data_sent_ms = c->sent_ms[i];
		sk.last_data_recv_ms = c->received_ms[i];
		sk.last_ack_recv_ms = c->ack_ms[i];
		if (c->has_no_clock)
			sk.has = 0;
		snapshot_put(snap, sk);
	}
	if (c->owed_ms) {
		struct tcp_socket owed = a_connection();
		owed.last_data_recv_ms = owed.last_ack_recv_ms = c->owed_ms;
		owed.last_data_sent_ms = c->owed_ms + 1000;
		snapshot_put(snap, owed);
	}
	if (!c->has_no_owner)
		put_process(snap, SERVER_PID, 1, "app", "./own", inodes, 5);
}

static void a_full_pool_waits_or_leaks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pool_cases) / sizeof(*pool_cases); i++) {
		const struct pool_case *c = &pool_cases[i];
		struct scene s;
		scene_begin(&s, NULL, c->declared);
		put_pool(&s, c);
		scene_diagnose(&s);
		const struct report *r = &s.f.report;
		const struct finding *full = finding_of(r, FINDING_POOL_EXHAUSTED);
		const struct finding *leak = finding_of(r, FINDING_POOL_LEAK);
		if ((full ? full->severity : NONE) != c->exhausted ||
		    (leak ? leak->severity : NONE) != c->leak)
			fail_msg("case %zu: %s, %s", i, full ? full->summary : "-",
				 leak ? leak->summary : "-");
		assert_int_equal(unknown_of(r, FINDING_POOL_EXHAUSTED) != NULL,
				 c->is_unknown);
		assert_int_equal(unknown_of(r, FINDING_POOL_LEAK) != NULL,
				 c->is_unknown);
		if (full) {
			assert_string_equal(full->peer, "10.0.3.7:5432");
			assert_int_equal(full->value, 3);
			assert_true(says(full->evidence, full->evidence_count,
					 "pool-size of [target t]"));
		}
		scene_clear(&s);
	}
}

/* Owed replies lead; the pool is their reason, its slow upstream part of the story. */
static void a_pool_is_told_by_what_waits_for_it(void **state)
{
	(void)state;
	static const struct pool_case c = { .sent_ms = ALL(40000),
					    .received_ms = ALL(41000),
					    .ack_ms = ALL(39990),
					    .owed_ms = 39000 };
	struct scene s;
	scene_begin(&s, NULL, POOL_OF_3);
	put_pool(&s, &c);
	scene_diagnose(&s);
	const struct report *r = &s.f.report;
	assert_int_equal(r->findings[0].kind, FINDING_SLOW_RESPONSE);
	assert_int_equal(r->findings[0].severity, SEVERITY_CRITICAL);
	assert_int_equal(r->findings[0].part_of, NO_INDEX);
	assert_true(says(r->findings[0].evidence, r->findings[0].evidence_count,
			 "all 3 connections of the pool to 10.0.3.7:5432 wait"));
	for (size_t i = 1; i < r->finding_count; i++)
		if (r->findings[i].kind == FINDING_POOL_EXHAUSTED ||
		    r->findings[i].kind == FINDING_SLOW_UPSTREAM)
			assert_int_equal(r->findings[i].part_of, 0);
	assert_non_null(finding_of(r, FINDING_SLOW_UPSTREAM));
	scene_clear(&s);
}

static void postgresql_says_which_session_is_in_a_transaction(void **state)
{
	(void)state;
	static const struct {
		const char *title; /* NULL: cannot be read */
		uint32_t idle_ms;
		bool has_no_clock;
		enum severity severity;
		bool is_unknown;
	} rows[] = {
		{ "postgres: u db 10.0.0.2(40000) idle in transaction", 30000, 0, WARN,
		  0 },
		{ "postgres: u db 10.0.0.2(40000) idle in transaction", 29999, 0, NONE,
		  0 },
		{ "postgres: 15/main: u db 10.0.0.2(40000) idle in transaction "
		  "(aborted)",
		  30000, 0, WARN, 0 },
		{ "postgres: u db 10.0.0.2(40000) idle", 90000, 0, NONE, 0 },
		{ "postgres: u db 10.0.0.2(40000) SELECT", 90000, 0, NONE, 0 },
		{ "postgres: u idle in transaction 10.0.0.2(40000) idle", 90000, 0,
		  NONE, 0 },
		{ "postgres: u db 10.0.0.2(40001) idle in transaction", 90000, 0, NONE,
		  0 },
		{ NULL, 90000, 0, NONE, true },
		{ "postgres: u db 10.0.0.2(40000) idle in transaction", 90000, true,
		  NONE, true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		static const uint32_t inode = 5000;
		struct scene s;
		scene_begin(&s, "/usr/bin/postgres -D /data", NULL);
		struct tcp_socket sk = a_connection();
		sk.last_data_recv_ms = rows[i].idle_ms + 8;
		sk.last_data_sent_ms = sk.last_ack_recv_ms = rows[i].idle_ms;
		if (rows[i].has_no_clock)
			sk.has = 0;
		snapshot_put(&s.f.snap, sk);
		put_process(&s.f.snap, 4712, SERVER_PID, "postgres",
			    rows[i].title ? rows[i].title : "", &inode, 1);
		if (!rows[i].title)
			s.f.snap.processes[1].cmdline_len = 0;
		scene_diagnose(&s);
		const struct finding *f = finding_of(&s.f.report, FINDING_POOL_LEAK);
		if ((f ? f->severity : NONE) != rows[i].severity)
			fail_msg("case %zu: %s", i, f ? f->summary : "no finding");
		assert_int_equal(unknown_of(&s.f.report, FINDING_POOL_LEAK) != NULL,
				 rows[i].is_unknown);
		if (f) {
			assert_string_equal(f->peer, "10.0.0.2");
			assert_int_equal(f->process, 1);
		}
		scene_clear(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_below_at_and_above),
		cmocka_unit_test(an_nginx_of_this_host_is_a_front),
		cmocka_unit_test(a_node_agent_meets_the_close),
		cmocka_unit_test(a_default_is_disproved_by_an_idle_connection),
		cmocka_unit_test(keepalive_settings_are_judged),
		cmocka_unit_test(the_keepalive_of_nginx_itself),
		cmocka_unit_test(a_full_pool_waits_or_leaks),
		cmocka_unit_test(a_pool_is_told_by_what_waits_for_it),
		cmocka_unit_test(postgresql_says_which_session_is_in_a_transaction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
