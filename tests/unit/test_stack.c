/* SPDX-License-Identifier: MIT */

/* Command lines as servers show them (domain-facts.md 6), and what they tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builders.h"
#include "stack.h"

#define CMDLINE(text) text, sizeof(text)

static void put(struct snapshot *snap, int32_t pid, int32_t ppid, const char *comm,
		const char *cmdline, size_t len)
{
	snapshot_put_process(snap, pid, comm, NULL, 0);
	struct process *p = &snap->processes[snap->process_count - 1];
	p->ppid = ppid;
	p->cmdline = xmalloc(len);
	memcpy(p->cmdline, cmdline, len);
	p->cmdline_len = (uint32_t)len;
}

static void the_program_is_recognised(void **state)
{
	(void)state;
	static const struct {
		const char *comm, *cmdline;
		size_t len;
		const char *name; /* NULL = not recognised */
		bool is_visible;
	} cases[] = {
		{ "uvicorn", CMDLINE("python3\0/usr/bin/uvicorn\0app:app"), "uvicorn",
		  true },
		{ "python3", CMDLINE("python3\0-m\0uvicorn\0app:app"), "uvicorn",
		  true },
		{ "python3", CMDLINE("python3.12\0-u\0-X\0dev\0-m\0uvicorn\0a:a"),
		  "uvicorn", true },
		{ "uvicorn", CMDLINE("python3\0/app/main.py"), "uvicorn", false },
		{ "gunicorn",
		  CMDLINE("/usr/bin/python3\0/usr/bin/gunicorn\0-w\0004\0m:a"),
		  "gunicorn", true },
		{ "gunicorn: maste", CMDLINE("gunicorn: master [app:app]"), "gunicorn",
		  false },
		{ "gunicorn: worke", CMDLINE("gunicorn: worker [app:app]\0\0\0"),
		  "gunicorn", false },
		{ "hypercorn", CMDLINE("python3\0/usr/bin/hypercorn\0-b\0:8000"),
		  "hypercorn", true },
		{ "daphne", CMDLINE("python3\0/usr/bin/daphne\0-p\0008000\0p.asgi:a"),
		  "daphne", true },
		{ "python3", CMDLINE("python3\0manage.py\0runserver\0000.0.0.0:8000"),
		  "django", true },
		{ "python3", CMDLINE("python3\0manage.py\0migrate"), NULL, false },
		{ "flask", CMDLINE("python3\0/usr/bin/flask\0run\0--host=0.0.0.0"),
		  "flask", true },
		{ "node", CMDLINE("node\0server.js"), "node", true },
		{ "MainThread", CMDLINE("/usr/bin/node\0/app/server.js"), "node",
		  true },
		{ "node-MainThread", CMDLINE("node\0/app/node_modules/.bin/next\0dev"),
		  "next", true },
		{ "node", CMDLINE("node\0/app/node_modules/.bin/next\0start"), "node",
		  true },
		{ "node", CMDLINE("./tool"), NULL, false },
		{ "nginx",
		  CMDLINE("nginx: master process /usr/sbin/nginx -g daemon off;"),
		  "nginx", false },
		{ "nginx", CMDLINE("nginx: worker process"), "nginx", false },
		{ "haproxy",
		  CMDLINE("/usr/sbin/haproxy\0-Ws\0-f\0/etc/haproxy/haproxy.cfg"),
		  "haproxy", true },
		{ "apache2", CMDLINE("/usr/sbin/apache2\0-k\0start"), "apache", true },
		{ "httpd", CMDLINE("httpd\0-DFOREGROUND"), "apache", true },
		{ "postgres",
		  CMDLINE("/usr/lib/postgresql/15/bin/postgres\0-D\0/var/lib"),
		  "postgresql", true },
		{ "postgres", CMDLINE("postgres: user db 10.0.0.5(57288) idle"),
		  "postgresql", false },
		{ "redis-server", CMDLINE("/usr/bin/redis-server *:6379"), "redis",
		  false },
		{ "pgbouncer", CMDLINE("pgbouncer\0/etc/pgbouncer/pgbouncer.ini"),
		  "pgbouncer", true },
		{ "java", CMDLINE("/usr/lib/jvm/17/bin/java\0-Xmx1g\0-jar\0app.jar"),
		  "java", true },
		{ "mysqld", CMDLINE("/usr/sbin/mysqld\0--defaults-file=/etc/my.cnf"),
		  "mysql", true },
		{ "mariadbd", CMDLINE("/usr/sbin/mariadbd"), "mariadb", true },
		{ "server", CMDLINE("./server\0--name\0not-uvicorn"), NULL, false },
		{ "vi", CMDLINE("vi\0uvicorn"), NULL, false },
		{ "python3", CMDLINE("python3\0-c\0print()"), NULL, false },
		{ "nginx", CMDLINE(""), "nginx", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snapshot snap = { 0 };
		struct launch launch;
		put(&snap, 4711, 1, cases[i].comm, cases[i].cmdline, cases[i].len);
		stack_recognise(&snap, &snap.processes[0], &launch);
		const char *name = launch.stack ? launch.stack->name : "nothing";
		assert_string_equal(name, cases[i].name ? cases[i].name : "nothing");
		assert_int_equal(launch.is_visible, cases[i].is_visible);
		snapshot_clear(&snap);
	}
}

/* By its binary, when nothing else says what it is; it has no flags to be seen. */
static void a_go_program_is_recognised_by_its_binary(void **state)
{
	(void)state;
	static const struct {
		const char *comm, *cmdline;
		size_t len;
		bool is_go;
		const char *name;
	} cases[] = {
		{ "api", CMDLINE("/srv/api\0-listen\0:80"), true, "go" },
		{ "api", CMDLINE("/srv/api\0-listen\0:80"), false, "nothing" },
		{ "api", CMDLINE(""), true, "go" },
		{ "nginx", CMDLINE("nginx: worker process"), true, "nginx" },
		{ "uvicorn", CMDLINE("python3\0-m\0uvicorn\0a:a"), true, "uvicorn" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snapshot snap = { 0 };
		struct launch launch;
		put(&snap, 4711, 1, cases[i].comm, cases[i].cmdline, cases[i].len);
		snap.processes[0].is_go = cases[i].is_go;
		stack_recognise(&snap, &snap.processes[0], &launch);
		const char *name = launch.stack ? launch.stack->name : "nothing";
		assert_string_equal(name, cases[i].name);
		if (strcmp(name, "go") == 0) {
			assert_false(launch.is_visible);
			assert_int_equal(launch.told_by->pid, 4711);
			assert_int_equal(launch.flags[STACK_WORKERS].origin, FLAG_NONE);
			assert_string_equal(stack_server_name(&launch), "the server");
			assert_int_equal(stack_request_response_ms(&launch), 0);
		}
		snapshot_clear(&snap);
	}
}

/* A supervisor of Go that holds the listener of the servers it started. */
static void a_go_program_among_servers_is_not_the_server(void **state)
{
	(void)state;
	struct snapshot snap = { 0 };
	struct launch launch;
	static const uint32_t all[] = { 0, 1, 2 };
	put(&snap, 4710, 1, "keeper", CMDLINE("keeper"));
	put(&snap, 4711, 4710, "keeper", CMDLINE("keeper"));
	put(&snap, 4712, 4710, "uvicorn", CMDLINE("python3\0-m\0uvicorn\0a:a"));
	stack_recognise_any(&snap, all, 2, &launch);
	assert_null(launch.stack);
	snap.processes[0].is_go = snap.processes[1].is_go = true;
	stack_recognise_any(&snap, all, 3, &launch);
	assert_string_equal(launch.stack->name, "uvicorn");
	assert_string_equal(stack_server_name(&launch), "uvicorn");
	stack_recognise_any(&snap, all, 2, &launch);
	assert_string_equal(launch.stack->name, "go");
	assert_int_equal(launch.told_by->pid, 4710); /* the first one */
	stack_recognise_any(&snap, all, 0, &launch);
	assert_null(launch.stack);
	snapshot_clear(&snap);
}

static void a_spawned_worker_is_told_by_its_parent(void **state)
{
	(void)state;
	struct snapshot snap = { 0 };
	struct launch launch;
	static const char spawned[] =
		"/usr/bin/python3\0-c\0from multiprocessing.spawn import spawn_main; "
		"spawn_main(tracker_fd=5, pipe_handle=7)\0--multiprocessing-fork";
	put(&snap, 4713, 4712, "python3", spawned, sizeof(spawned));
	put(&snap, 4711, 1, "uvicorn",
	    CMDLINE("python3\0/usr/bin/"
		    "uvicorn\0--reload\0--timeout-keep-alive=75\0a:a"));
	stack_recognise(&snap, &snap.processes[0], &launch);
	assert_null(launch.stack); /* the parent is not known */
	snap.processes[0].ppid = 4711;
	stack_recognise(&snap, &snap.processes[0], &launch);
	assert_non_null(launch.stack);
	assert_string_equal(launch.stack->name, "uvicorn");
	assert_int_equal(launch.told_by->pid, 4711);
	assert_int_equal(launch.flags[STACK_RELOAD].origin, FLAG_GIVEN);
	assert_true(launch.flags[STACK_KEEP_ALIVE].value == 75);
	/* Who claims to be its own parent is not followed for ever. */
	snap.processes[0].ppid = 4713;
	stack_recognise(&snap, &snap.processes[0], &launch);
	assert_null(launch.stack);
	snapshot_clear(&snap);
}

static void flags_are_given_default_or_not_visible(void **state)
{
	(void)state;
	static const struct {
		const char *cmdline;
		size_t len;
		enum stack_flag flag;
		enum flag_origin origin;
		double value;
	} cases[] = {
		{ CMDLINE("python3\0-m\0uvicorn\0a:a"), STACK_KEEP_ALIVE, FLAG_DEFAULT,
		  5 },
		{ CMDLINE("python3\0-m\0uvicorn\0a:a"), STACK_RELOAD, FLAG_DEFAULT, 0 },
		{ CMDLINE("python3\0-m\0uvicorn\0a:a"), STACK_TIMEOUT, FLAG_NONE, 0 },
		{ CMDLINE("python3\0-m\0uvicorn\0--workers\0004"), STACK_WORKERS,
		  FLAG_GIVEN, 4 },
		{ CMDLINE("python3\0-m\0uvicorn\0--workers=2\0--workers=3"),
		  STACK_WORKERS, FLAG_GIVEN, 3 },
		{ CMDLINE("python3\0-m\0uvicorn\0--limit-concurrency\000100"),
		  STACK_LIMIT_CONCURRENCY, FLAG_GIVEN, 100 },
		{ CMDLINE("python3\0-m\0uvicorn\0--ws-ping-interval\0000"),
		  STACK_WS_PING_INTERVAL, FLAG_GIVEN, 0 },
		{ CMDLINE("python3\0-m\0uvicorn\0--workers"), STACK_WORKERS,
		  FLAG_DEFAULT, 1 },
		{ CMDLINE("python3\0-m\0uvicorn\0--reload-dir\0src"), STACK_RELOAD,
		  FLAG_DEFAULT, 0 },
		{ CMDLINE("python3\0/usr/bin/gunicorn\0-w4\0-t\0000\0a:a"),
		  STACK_WORKERS, FLAG_GIVEN, 4 },
		{ CMDLINE("python3\0/usr/bin/gunicorn\0-w4\0-t\0000\0a:a"),
		  STACK_TIMEOUT, FLAG_GIVEN, 0 },
		{ CMDLINE("python3\0/usr/bin/gunicorn\0a:a"), STACK_TIMEOUT,
		  FLAG_DEFAULT, 30 },
		{ CMDLINE("python3\0/usr/bin/gunicorn\0a:a"), STACK_KEEP_ALIVE,
		  FLAG_DEFAULT, 2 },
		{ CMDLINE("gunicorn: worker [app:app]"), STACK_TIMEOUT,
		  FLAG_NOT_VISIBLE, 30 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snapshot snap = { 0 };
		struct launch launch;
		put(&snap, 4711, 1, "python3", cases[i].cmdline, cases[i].len);
		stack_recognise(&snap, &snap.processes[0], &launch);
		const struct flag_value *flag = &launch.flags[cases[i].flag];
		assert_int_equal(flag->origin, cases[i].origin);
		assert_true(flag->value == cases[i].value);
		snapshot_clear(&snap);
	}
}

static void the_worker_class_of_gunicorn_is_read(void **state)
{
	(void)state;
	struct snapshot snap = { 0 };
	struct launch launch;
	put(&snap, 4711, 1, "gunicorn",
	    CMDLINE("python3\0/usr/bin/"
		    "gunicorn\0-k\0uvicorn.workers.UvicornWorker\0a:a"));
	stack_recognise(&snap, &snap.processes[0], &launch);
	assert_string_equal(launch.stack->name, "gunicorn");
	assert_string_equal(launch.worker_class, "uvicorn.workers.UvicornWorker");
	assert_string_equal(stack_flag_origin(&launch, STACK_KEEP_ALIVE),
			    "the default");
	snapshot_clear(&snap);
}

/* What the worker class means for the rules: one at a time, or uvicorn's manners. */
static void the_worker_class_decides_how_gunicorn_serves(void **state)
{
	(void)state;
	static const struct {
		const char *cmdline;
		size_t len;
		bool is_sync;
		uint32_t request_response_ms;
		const char *class_name;
	} cases[] = {
		{ CMDLINE("python3\0gunicorn\0a:a"), true, 0, "" },
		{ CMDLINE("python3\0gunicorn\0-k\0sync\0a:a"), true, 0, "sync" },
		{ CMDLINE("python3\0gunicorn\0--threads\0001\0a:a"), true, 0, "" },
		{ CMDLINE("python3\0gunicorn\0--threads\0002\0a:a"), false, 0, "" },
		{ CMDLINE("python3\0gunicorn\0--threads\0x\0a:a"), false, 0, "" },
		{ CMDLINE("python3\0gunicorn\0-kgthread\0a:a"), false, 0, "gthread" },
		{ CMDLINE("python3\0gunicorn\0-k\0my.async\0a:a"), false, 0, "async" },
		{ CMDLINE("python3\0gunicorn\0-k\0uvicorn.workers.UvicornWorker\0a:a"),
		  false, 25000, "UvicornWorker" },
		{ CMDLINE("gunicorn: worker [a:a]"), false, 0, "" },
		{ CMDLINE("python3\0uvicorn\0a:a"), false, 25000, "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snapshot snap = { 0 };
		struct launch l;
		put(&snap, 4711, 1, "python3", cases[i].cmdline, cases[i].len);
		stack_recognise(&snap, &snap.processes[0], &l);
		assert_int_equal(stack_is_sync(&l), cases[i].is_sync);
		assert_int_equal(stack_request_response_ms(&l),
				 cases[i].request_response_ms);
		assert_string_equal(stack_worker_class(&l), cases[i].class_name);
		snapshot_clear(&snap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_is_recognised),
		cmocka_unit_test(a_go_program_is_recognised_by_its_binary),
		cmocka_unit_test(a_go_program_among_servers_is_not_the_server),
		cmocka_unit_test(a_spawned_worker_is_told_by_its_parent),
		cmocka_unit_test(flags_are_given_default_or_not_visible),
		cmocka_unit_test(the_worker_class_of_gunicorn_is_read),
		cmocka_unit_test(the_worker_class_decides_how_gunicorn_serves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
