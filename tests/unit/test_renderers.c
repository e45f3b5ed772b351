/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "builders.h"
#include "conn-doctor/fields.h"
#include "conn-doctor/renderer.h"

enum command { CHECK, LIST };

/* The fixture has no series: neither rates nor trends are known. */
#define TOO_SHORT " (too short for reset-storm, connection-growth)"

static const struct render_options no_options;

static char *render(const struct fixture *f, const struct renderer *renderer,
		    enum command command, const struct render_options *o)
{
	char *text = NULL;
	size_t size = 0;
	struct error err;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	int (*write)(const struct report *, const struct render_options *, FILE *,
		     struct error *) =
		command == CHECK ? renderer->check : renderer->list;
	assert_int_equal(write(&f->report, o, out, &err), 0);
	assert_int_equal(ferror(out), 0);
	fclose(out);
	return text;
}

static char *text_of(const struct fixture *f, enum command command,
		     const struct render_options *o)
{
	return render(f, &renderer_text, command, o);
}

static void finish(struct fixture *f)
{
	snapshot_finish(&f->snap);
	history_update(f->history, &f->snap);
	fixture_diagnose(f);
	f->report.pass_count = 2;
	f->report.duration_ns = 3400000;
}

static struct tcp_socket numbered(struct tcp_socket sk, unsigned number)
{
	sk.cookie += number;
	sk.inode += sk.inode ? number : 0;
	sk.peer_port = (uint16_t)(sk.peer_port + number);
	return sk;
}

static struct tcp_socket an_active_connection(unsigned number)
{
	struct tcp_socket sk = numbered(a_connection(), number);
	sk.last_data_sent_ms = 200;
	sk.last_data_recv_ms = 210;
	return sk;
}

/* 278 bytes have been waiting for ten hours. */
static struct tcp_socket an_unread_connection(unsigned number)
{
	struct tcp_socket sk = numbered(a_connection(), number);
	sk.recv_queue = 278;
	sk.last_data_recv_ms = sk.last_ack_recv_ms = 35880000;
	sk.last_data_sent_ms = 35890000;
	return sk;
}

static struct tcp_socket a_close_wait_connection(unsigned number)
{
	struct tcp_socket sk = an_unread_connection(number);
	sk.state = TCP_STATE_CLOSE_WAIT;
	sk.recv_queue = 35;
	return sk;
}

static void begin(struct fixture *f)
{
	fixture_init(f);
	snapshot_begin(&f->snap, 1000);
}

static void put_owner(struct fixture *f, const char *comm)
{
	static const uint32_t inodes[] = { 4999, 5000, 5001, 5002, 5003 };
	static const char interpreter[] = "python3";
	auto_strbuf struct strbuf cmdline = { 0 };
	strbuf_add_len(&cmdline, interpreter, sizeof(interpreter));
	strbuf_add_len(&cmdline, comm, strlen(comm) + 1);
	snapshot_put_process(&f->snap, 4711, comm, inodes, 5);
	struct process *p = &f->snap.processes[f->snap.process_count - 1];
	p->cmdline = xmalloc(cmdline.len);
	memcpy(p->cmdline, cmdline.text, cmdline.len);
	p->cmdline_len = (uint32_t)cmdline.len;
}

static void make_healthy(struct fixture *f)
{
	begin(f);
	snapshot_put(&f->snap, a_listener(0, 128));
	snapshot_put(&f->snap, a_connection());
	snapshot_put(&f->snap, numbered(a_connection(), 1));
	snapshot_put(&f->snap, an_active_connection(2));
	put_owner(f, "uvicorn");
	finish(f);
}

/* The night of design.md, in small. */
static void make_night(struct fixture *f, const char *comm)
{
	begin(f);
	snapshot_put(&f->snap, a_listener(3, 2));
	snapshot_put(&f->snap, an_unread_connection(0));
	snapshot_put(&f->snap, an_unread_connection(1));
	snapshot_put(&f->snap, a_close_wait_connection(2));
	/* The kernel sends what is left of an earlier reply: no sign of life. */
	struct tcp_socket sending = an_active_connection(3);
	sending.send_queue = 1000;
	sending.last_data_recv_ms = 36000000; /* a long reply */
	snapshot_put(&f->snap, sending);
	put_owner(f, comm);
	finish(f);
}

static void healthy_service_is_one_line(void **state)
{
	(void)state;
	struct fixture f;
	make_healthy(&f);
	char *text = text_of(&f, CHECK, &no_options);
	assert_string_equal(
		text,
		"ok        :30020 uvicorn[4711]: 3 connections, none in trouble: "
		"1 active, 2 idle\n"
		"\n"
		"3 connections in 3 ms, 2 passes; nothing left out" TOO_SHORT "\n");
	free(text);
	fixture_clear(&f);
}

static void stuck_worker_is_told_once_with_its_evidence(void **state)
{
	(void)state;
	struct fixture f;
	make_night(&f, "uvicorn");
	char *text = text_of(&f, CHECK, &no_options);
	assert_string_equal(
		text,
		"CRITICAL  :30020 uvicorn[4711]: worker stuck for at least 9h58m: "
		"3 connections unread, 1 client gave up\n"
		"\n"
		"  CRITICAL  stuck-worker       uvicorn[4711]   proven   "
		"local application must act\n"
		"    evidence  nothing read from 3 connections for at least 9h58m, "
		"590 B waiting\n"
		"              1 of them closed by the client, and nobody noticed\n"
		"              accept queue 3 of 2: full\n"
		"    cause     A blocking call in an event loop, or all threads or "
		"workers wait for something slow.\n"
		"    now       py-spy dump --pid 4711   shows the call it is stuck in\n"
		"              restart the worker: no kernel timer ends this by "
		"itself\n"
		"    next      Make handlers that block plain `def` (they run in a "
		"thread), or await asyncio.to_thread().\n"
		"              Run more than one worker, so that one blocked loop is "
		"not the whole service: --workers 4\n"
		"              Give every outgoing call (database, HTTP) a timeout "
		"that "
		"is shorter than the clients'.\n"
		"\n"
		"  VERDICT            SINCE    PEER            STATE        RQ  SQ  "
		"GIVES UP  OWNER\n"
		"  unread             >=9h58m  10.0.0.2:40000  ESTAB       278   0  "
		"never     uvicorn[4711] fd 11\n"
		"  unread             >=9h58m  10.0.0.2:40001  ESTAB       278   0  "
		"never     uvicorn[4711] fd 12\n"
		"  close-wait-unread  >=9h58m  10.0.0.2:40002  CLOSE-WAIT   35   0  "
		"never     uvicorn[4711] fd 13\n"
		"\n"
		"4 connections in 3 ms, 2 passes; nothing left out (too short for "
		"reset-storm, connection-growth, accept-queue-full)\n");
	free(text);
	fixture_clear(&f);
}

static void part_of_a_story_is_not_told_again(void **state)
{
	(void)state;
	struct fixture f;
	make_night(&f, "uvicorn");
	array_reserve(&f.report.findings, &f.report.finding_capacity, 2,
		      sizeof(struct finding));
	f.report.findings[1] = (struct finding){
		.kind = FINDING_QUEUE_ABANDONED,
		.severity = SEVERITY_WARNING,
		.process = NO_INDEX,
		.listener = 0,
		.part_of = 0,
		.summary = xstrdup("6 clients gave up"),
		.since_cs = ASSESSMENT_SINCE_UNKNOWN,
		.fingerprint = 0xabc,
	};
	f.report.finding_count = 2;
	char *text = text_of(&f, CHECK, &no_options);
	assert_null(strstr(text, "6 clients gave up"));
	assert_null(strstr(text, "queue-abandoned"));
	free(text);

	char *plain = render(&f, &renderer_plain, CHECK, &no_options);
	char expected[160];
	snprintf(expected, sizeof(expected),
		 "finding warning queue-abandoned suspect nobody - 0.0.0.0:30020 - "
		 "0000000000000abc %016llx 0 6 clients gave up\n",
		 (unsigned long long)f.report.findings[0].fingerprint);
	assert_non_null(strstr(plain, expected));
	free(plain);
	fixture_clear(&f);
}

static void list_is_aligned_and_by_address(void **state)
{
	(void)state;
	struct fixture f;
	make_healthy(&f);
	char *text = text_of(&f, LIST, &no_options);
	assert_string_equal(
		text,
		"VERDICT    SINCE  STATE   RQ   SQ  LOCAL           PEER            "
		"OWNER\n"
		"listening  -      LISTEN   0  128  0.0.0.0:30020   -               "
		"uvicorn[4711] fd 10\n"
		"idle       10s    ESTAB    0    0  10.0.0.1:30020  10.0.0.2:40000  "
		"uvicorn[4711] fd 11\n"
		"idle       10s    ESTAB    0    0  10.0.0.1:30020  10.0.0.2:40001  "
		"uvicorn[4711] fd 12\n"
		"active     >=10s  ESTAB    0    0  10.0.0.1:30020  10.0.0.2:40002  "
		"uvicorn[4711] fd 13\n");
	free(text);
	fixture_clear(&f);
}

static void list_without_header_is_rows_only(void **state)
{
	(void)state;
	struct fixture f;
	struct render_options o = { .no_header = true };
	make_healthy(&f);
	char *text = text_of(&f, LIST, &o);
	assert_int_equal(strncmp(text, "listening  ", 11), 0);
	free(text);
	text = render(&f, &renderer_plain, LIST, &o);
	assert_int_equal(strncmp(text, "listening proven", 16), 0);
	free(text);
	fixture_clear(&f);
}

static void plain_list_is_in_the_order_of_the_kernel(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	struct tcp_socket v6 = a_connection();
	v6.ip_version = 6;
	v6.peer = (struct ip_address){ .bytes = { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	v6.cookie = UINT64_MAX;
	v6.inode = 0;
	v6.state = TCP_STATE_TIME_WAIT;
	snapshot_put(&f.snap, numbered(a_connection(), 7));
	snapshot_put(&f.snap, v6);
	snapshot_put(&f.snap, a_listener(0, 128));
	snapshot_put_process(&f.snap, 12, "my server", (uint32_t[]){ 5007 }, 1);
	finish(&f);
	char *text = render(&f, &renderer_plain, LIST, &no_options);
	assert_string_equal(
		text,
		"VERDICT CONFIDENCE SINCE_SECONDS STATE ROLE RECVQ SENDQ LOCAL PEER "
		"PID "
		"FD PROCESS COOKIE\n"
		"idle proven 10.0 established server 0 0 10.0.0.1:30020 10.0.0.2:40007 "
		"12 10 my_server 0x6b\n"
		"time-wait proven 10.0 time_wait server 0 0 [::ffff:10.0.0.1]:30020 "
		"[2001:db8::1]:40000 - - - 0xffffffffffffffff\n"
		"listening proven - listen - 0 128 0.0.0.0:30020 - - - - 0x1\n");
	free(text);
	fixture_clear(&f);
}

static bool has_control_character(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 && *text != '\n')
			return true;
	return strchr(text, 0x7f) != NULL;
}

/* Line breaks, escape sequences, invalid UTF-8 and a bidirectional override. */
static const char hostile[] = "\033[2J\033]0;x\a\nCRITICAL\r\xff\xc3(\xe2\x80\xae|\"\\";

static void make_hostile(struct fixture *f)
{
	make_night(f, hostile);
	strcpy(f->snap.host, "web\033[1m\xfe");
	strcpy(f->snap.namespaces[0].name, "pod\n\xc0");
	snapshot_add_degraded(&f->snap, "owners\n", "no \033 permission\xff");
	f->report.filter_text = "process \xff\n\"";
}

static void hostile_names_are_harmless_in_text(void **state)
{
	(void)state;
	struct fixture f;
	struct render_options o = { .use_utf8 = true, .wide = true };
	make_hostile(&f);
	const struct renderer *const kinds[] = { &renderer_text, &renderer_plain };
	for (size_t i = 0; i < 2; i++) {
		for (enum command c = CHECK; c <= LIST; c++) {
			char *text = render(&f, kinds[i], c, &o);
			assert_false(has_control_character(text));
			assert_null(strchr(text, '\xff'));
			assert_null(strstr(text, "\nCRITICAL\r"));
			assert_null(strstr(text, "\xe2\x80\xae"));
			free(text);
		}
	}
	fixture_clear(&f);
}

static void ascii_output_is_ascii(void **state)
{
	(void)state;
	struct fixture f;
	make_night(&f, "caf\xc3\xa9\xe6\x97\xa5");
	char *text = text_of(&f, CHECK, &no_options);
	for (const char *p = text; *p; p++)
		assert_true((unsigned char)*p < 0x80);
	assert_non_null(strstr(text, "caf??[4711] fd 11"));
	free(text);

	struct render_options o = { .use_utf8 = true };
	text = text_of(&f, CHECK, &o);
	assert_non_null(strstr(text, "caf\xc3\xa9\xe6\x97\xa5[4711] fd 11"));
	assert_non_null(strstr(text, "\u2265 9h58m"));
	free(text);
	fixture_clear(&f);
}

/* Runs the schema validator on the document; a violation is on stderr. */
static void assert_schema(const char *document)
{
	char path[] = "/tmp/test_renderers.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, document, strlen(document)), strlen(document));
	close(fd);
	char command[1024];
	snprintf(command, sizeof(command), "/usr/bin/python3 -B -W ignore %s %s",
		 SOURCE_DIR "/tests/style/validate_schema.py", path);
	int status = system(command);
	unlink(path);
	assert_int_equal(status, 0);
}

/* The document, parsed by jansson, which refuses what is no UTF-8. */
static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s at %d: %.100s", error.text, error.position, text);
	return root;
}

static const char *string_at(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static void hostile_names_are_valid_json(void **state)
{
	(void)state;
	struct fixture f;
	struct render_options o = { .all_connections = true };
	make_hostile(&f);
	for (enum command c = CHECK; c <= LIST; c++) {
		char *text = render(&f, &renderer_json, c, &o);
		assert_false(has_control_character(text));
		json_t *root = parse(text);
		assert_string_equal(string_at(root, "host.name"), "web?[1m\ufffd");
		assert_string_equal(string_at(root, "filter"), "process \ufffd?\"");
		json_decref(root);
		assert_schema(text);
		free(text);
	}
	fixture_clear(&f);
}

static void report_document_has_the_agreed_keys(void **state)
{
	(void)state;
	struct fixture f;
	make_night(&f, "uvicorn");
	char *text = render(&f, &renderer_json, CHECK, &no_options);
	assert_schema(text);
	json_t *root = parse(text);
	assert_string_equal(string_at(root, "schema"), "conn-doctor.report/1");
	assert_string_equal(string_at(root, "time"), "2026-11-20T18:00:01.123Z");
	assert_string_equal(string_at(root, "time_unix_nano"), "1795197601123000000");
	assert_string_equal(string_at(root, "severity"), "critical");
	json_t *connections = json_object_get(root, "connections");
	assert_int_equal(json_array_size(connections), 3);
	json_t *first = json_array_get(connections, 0);
	assert_string_equal(string_at(first, "cookie"), "0x64");
	assert_string_equal(string_at(first, "peer"), "10.0.0.2:40000");
	assert_true(json_is_false(json_object_get(first, "gives_up")));
	assert_null(json_object_get(first, "gives_up_in_seconds"));
	assert_null(json_object_get(first, "keepalive"));
	json_t *finding = json_array_get(json_object_get(root, "findings"), 0);
	assert_string_equal(string_at(finding, "warning"), "~:1");
	assert_null(json_object_get(finding, "critical"));
	assert_true(json_is_integer(json_object_get(finding, "value")));
	json_decref(root);
	free(text);
	fixture_clear(&f);
}

static void absent_fields_have_no_key(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	struct tcp_socket old = a_connection();
	old.has = TCP_HAS_INFO;
	struct tcp_socket mini = numbered(a_connection(), 1);
	mini.has = 0;
	mini.state = TCP_STATE_TIME_WAIT;
	mini.timer = TCP_TIMER_TIME_WAIT;
	mini.expires_ms = 31250;
	snapshot_put(&f.snap, old);
	snapshot_put(&f.snap, mini);
	finish(&f);
	char *text = render(&f, &renderer_json, LIST, &no_options);
	assert_schema(text);
	json_t *root = parse(text);
	json_t *rows = json_object_get(root, "connections");
	json_t *info = json_object_get(json_array_get(rows, 0), "tcp_info");
	assert_non_null(json_object_get(info, "total_retrans"));
	assert_null(json_object_get(info, "bytes_acked"));
	assert_null(json_object_get(info, "snd_wnd"));
	assert_null(json_object_get(json_array_get(rows, 0), "process.pid"));
	assert_null(json_object_get(json_array_get(rows, 1), "tcp_info"));
	assert_null(json_object_get(json_array_get(rows, 1), "idle_seconds"));
	assert_non_null(strstr(text, "\"gives_up_in_seconds\":31.25,"));
	json_decref(root);
	free(text);
	fixture_clear(&f);
}

static void empty_report_is_a_valid_document(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	finish(&f);
	for (enum command c = CHECK; c <= LIST; c++) {
		char *text = render(&f, &renderer_json, c, &no_options);
		assert_schema(text);
		free(text);
	}
	f.report.filter_text = ":30020";
	char *text = text_of(&f, CHECK, &no_options);
	assert_string_equal(text, "no connection matches :30020\n"
				  "no connections in 3 ms, 2 passes; nothing left out "
				  "(too short for reset-storm)\n");
	free(text);
	fixture_clear(&f);
}

static void what_was_not_seen_is_said(void **state)
{
	(void)state;
	struct fixture f;
	make_healthy(&f);
	snapshot_add_degraded(&f.snap, "process owners", "no permission; run as root");
	f.snap.is_complete = false;
	f.snap.unreadable_count = 2;
	char *text = text_of(&f, CHECK, &no_options);
	assert_non_null(strstr(
		text,
		"3 connections in 3 ms, 2 passes; not everything could be "
		"seen" TOO_SHORT "\n"
		"could not see: all connections: this pass is incomplete, there may "
		"be more than shown\n"
		"could not see: some records: 2 could not be decoded\n"
		"could not see: process owners: no permission; run as root\n"));
	free(text);
	text = render(&f, &renderer_plain, CHECK, &no_options);
	assert_non_null(strstr(text, "degraded process_owners no permission; run as "
				     "root\nunknown reset-storm needs two passes "));
	assert_non_null(strstr(text, "\nsummary ok 3 1 2 0.003 no 2 -\n"));
	free(text);
	text = render(&f, &renderer_json, CHECK, &no_options);
	assert_non_null(strstr(text, "\"complete\":false,\"unreadable_count\":2,"));
	assert_schema(text);
	free(text);
	fixture_clear(&f);
}

static void the_peer_of_a_finding_is_an_attribute(void **state)
{
	(void)state;
	static const struct {
		const char *peer, *address, *port;
	} cases[] = {
		{ "10.0.3.7:5432", "\"network.peer.address\":\"10.0.3.7\"",
		  "\"network.peer.port\":5432" },
		{ "[fd00::7]:5432", "\"network.peer.address\":\"fd00::7\"",
		  "\"network.peer.port\":5432" },
		{ "10.0.3.7", "\"network.peer.address\":\"10.0.3.7\"", NULL },
		{ "fd00::7", "\"network.peer.address\":\"fd00::7\"", NULL },
		{ "10.0.3.0/24", NULL, NULL },
		{ "", NULL, NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		make_night(&f, "uvicorn");
		for (size_t j = 0; j < f.report.finding_count; j++)
			snprintf(f.report.findings[j].peer,
				 sizeof(f.report.findings[j].peer), "%s",
				 cases[i].peer);
		char *text = render(&f, &renderer_json, CHECK, &no_options);
		assert_non_null(strstr(text, cases[i].address ? cases[i].address
							      : "\"causes\":[\""));
		assert_int_equal(strstr(text, "network.peer.address") != NULL,
				 cases[i].address != NULL);
		assert_int_equal(strstr(text, "network.peer.port") != NULL,
				 cases[i].port != NULL);
		if (cases[i].port)
			assert_non_null(strstr(text, cases[i].port));
		assert_schema(text);
		free(text);
		fixture_clear(&f);
	}
}

/* A container cannot see it, and cannot help that: JSON tells, nobody is nagged. */
static void what_only_the_host_knows_is_no_lack(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	snapshot_put(&f.snap, a_listener(0, 128));
	snapshot_put(&f.snap, a_connection());
	f.snap.kernel[KERNEL_TCP_MAX_ORPHANS] = -1;
	put_owner(&f, "uvicorn");
	finish(&f);
	char *text = text_of(&f, CHECK, &no_options);
	assert_non_null(strstr(text, "nothing left out"));
	assert_null(strstr(text, "orphans"));
	free(text);
	text = render(&f, &renderer_json, CHECK, &no_options);
	assert_non_null(strstr(text, "{\"check\":\"orphans\",\"reason\":"));
	assert_schema(text);
	free(text);
	fixture_clear(&f);
}

/* An nginx that has nothing to do with what was asked for is not spoken of. */
static void a_foreign_configuration_is_left_out(void **state)
{
	(void)state;
	static const struct {
		const char *filter;
		int32_t parent; /* of the worker; the master is 900 */
		uint16_t upstream;
		bool is_said;
	} cases[] = {
		{ ":30020", 1, 9000, false },   { ":443", 1, 9000, false },
		{ ":443", 900, 9000, true },    { ":30020", 900, 9000, false },
		{ ":30020", 900, 30020, true }, /* its other end is selected */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct filter *filter;
		struct error err;
		uint32_t mine[] = { 5000 }, others[] = { 7001, 7002 };
		struct tcp_socket at_nginx = a_connection(), upstream = a_connection();
		at_nginx.cookie = 201, at_nginx.inode = 7001, at_nginx.local_port = 443;
		upstream.cookie = 202, upstream.inode = 7002;
		upstream.local_port = CLIENT_PORT;
		upstream.peer_port = cases[i].upstream;
		begin(&f);
		snapshot_put(&f.snap, a_connection());
		snapshot_put(&f.snap, at_nginx);
		snapshot_put(&f.snap, upstream);
		snapshot_put_process(&f.snap, 4711, "python3", mine, 1);
		snapshot_put_process(&f.snap, 901, "nginx", others, 2);
		f.snap.processes[1].ppid = cases[i].parent;
		snapshot_add_degraded(&f.snap, DEGRADED_NGINX "900", "cannot read x");
		finish(&f);
		assert_int_equal(filter_parse(cases[i].filter, &filter, NULL, &err), 0);
		struct diagnose_options options = { .filter = filter,
						    .with_findings = true };
		diagnose(&f.snap, f.history, &f.limits, &options, &f.report);
		/* The filter takes the upstream's row for its peer port as well. */
		assert_int_equal(report_is_concerned(&f.report, f.snap.degraded),
				 cases[i].is_said);
		char what[] = "process owners", why[] = "no permission";
		const struct degraded any = { what, why };
		assert_true(report_is_concerned(&f.report, &any));
		filter_free(filter);
		fixture_clear(&f);
	}
}

/* The same name in the finding and in the table, whatever the program is called. */
static void a_server_is_called_by_its_name_and_not_its_interpreters(void **state)
{
	(void)state;
	static const char cmdline[] = "python3\0-m\0uvicorn\0app:app";
	struct fixture f;
	make_night(&f, "python3");
	struct process *p = &f.snap.processes[0];
	free(p->cmdline);
	p->cmdline = xmalloc(sizeof(cmdline));
	memcpy(p->cmdline, cmdline, sizeof(cmdline));
	p->cmdline_len = sizeof(cmdline);
	fixture_diagnose(&f);
	char *text = text_of(&f, CHECK, &no_options);
	assert_non_null(strstr(text, "never     uvicorn[4711] fd 11\n"));
	assert_null(strstr(text, "python3"));
	free(text);
	text = render(&f, &renderer_json, CHECK, &no_options);
	assert_non_null(strstr(text, "\"process.executable.name\":\"python3\","
				     "\"conn_doctor.stack\":\"uvicorn\""));
	assert_schema(text);
	free(text);
	fixture_clear(&f);
}

/* "go" would name no program; what to change is said in the words of Go. */
static void a_go_program_keeps_its_name(void **state)
{
	(void)state;
	struct fixture f;
	make_night(&f, "api");
	char *text = text_of(&f, CHECK, &no_options);
	assert_null(strstr(text, "http.Client")); /* not known to be Go */
	free(text);
	f.snap.processes[0].is_go = true;
	fixture_diagnose(&f);
	text = text_of(&f, CHECK, &no_options);
	assert_int_equal(strncmp(text, "CRITICAL  :30020 api[4711]: ", 28), 0);
	assert_non_null(strstr(text, "never     api[4711] fd 11\n"));
	assert_non_null(strstr(text, "http.Client{Timeout: 30*time.Second}"));
	assert_null(strstr(text, "go[4711]"));
	free(text);
	text = render(&f, &renderer_json, CHECK, &no_options);
	assert_non_null(strstr(text, "\"process.executable.name\":\"api\","
				     "\"conn_doctor.stack\":\"go\""));
	assert_null(strstr(text, "\"service.name\":\"go\""));
	assert_schema(text);
	free(text);
	fixture_clear(&f);
}

static void colour_is_never_alone(void **state)
{
	(void)state;
	struct fixture f;
	struct render_options o = { .use_color = true };
	make_night(&f, "uvicorn");
	char *text = text_of(&f, CHECK, &o);
	assert_int_equal(strncmp(text, "\033[1;38;5;166mCRITICAL\033[0m  :30020", 32),
			 0);
	assert_non_null(strstr(text, "\n  \033[38;5;214munread\033[0m       "));
	free(text);
	fixture_clear(&f);
}

/* Rows are cut; sentences go on in the next line, under their beginning. */
static void lines_fit_the_terminal(void **state)
{
	(void)state;
	struct fixture f;
	struct render_options o = { .columns = 60 };
	make_night(&f, "uvicorn");
	char *text = text_of(&f, CHECK, &o);
	assert_non_null(strstr(text,
			       "\n    evidence  nothing read from 3 connections for "
			       "at least\n              9h58m, 590 B waiting\n"));
	const char *table = strstr(text, "  VERDICT");
	for (const char *line = table; *line != '\n'; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 60);
	free(text);
	o.wide = true;
	text = text_of(&f, CHECK, &o);
	assert_non_null(strstr(text, "never     uvicorn[4711] fd 13\n"));
	free(text);
	fixture_clear(&f);
}

static void long_output_is_summarised(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	for (unsigned i = 0; i < 25; i++) {
		struct tcp_socket listener = a_listener(0, 128);
		listener.cookie = 1000 + i;
		listener.local_port = (uint16_t)(8000 + i);
		listener.inode = 0;
		snapshot_put(&f.snap, listener);
	}
	snapshot_put(&f.snap, a_listener(0, 128));
	for (unsigned i = 0; i < 25; i++)
		snapshot_put(&f.snap, an_unread_connection(i));
	finish(&f);
	char *text = text_of(&f, CHECK, &no_options);
	assert_int_equal(strncmp(text, "CRITICAL  :30020: ", 18), 0);
	assert_non_null(strstr(text,
			       "ok        :8019: no connections\n"
			       "ok        and 5 more services without findings\n"));
	assert_non_null(strstr(text, "\n  ... and 5 more; --wide shows all\n"));
	free(text);
	struct render_options o = { .wide = true };
	text = text_of(&f, CHECK, &o);
	assert_non_null(strstr(text, "ok        :8024: no connections\n"));
	assert_null(strstr(text, " more"));
	free(text);
	fixture_clear(&f);
}

/* Client-role rows have no service; they are counted all the same. */
static void outgoing_connections_are_counted(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	snapshot_put(&f.snap, a_connection());
	finish(&f);
	char *text = text_of(&f, CHECK, &no_options);
	assert_int_equal(
		strncmp(text,
			"ok        outgoing: 1 connection, none in trouble: 1 idle\n\n",
			59),
		0);
	free(text);
	fixture_clear(&f);
}

static char *read_file(const char *path)
{
	FILE *in = fopen(path, "r");
	assert_non_null(in);
	char *text = xcalloc(1, 65536);
	assert_true(fread(text, 1, 65535, in) > 0);
	fclose(in);
	return text;
}

static void schemas_know_every_verdict_and_finding(void **state)
{
	(void)state;
	char quoted[64];
	char *text = read_file(SOURCE_DIR
			       "/share/conn-doctor/schema/connection-1.schema.json");
	for (size_t v = 0; v < VERDICT_COUNT; v++) {
		snprintf(quoted, sizeof(quoted), "\"%s\"", verdict_table[v].code);
		assert_non_null(strstr(text, quoted));
	}
	free(text);
	text = read_file(SOURCE_DIR "/share/conn-doctor/schema/finding-1.schema.json");
	for (size_t k = 0; k < FINDING_KIND_COUNT; k++) {
		snprintf(quoted, sizeof(quoted), "\"%s\"", finding_table[k].code);
		assert_non_null(strstr(text, quoted));
	}
	free(text);
}

static void formats_and_fields_are_found_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; renderers[i]; i++)
		assert_ptr_equal(renderer_find(renderers[i]->name), renderers[i]);
	assert_null(renderer_find("xml"));
	for (enum field_id f = 0; f < FIELD_COUNT; f++)
		assert_int_equal(
			field_parse(field_table[f].id, strlen(field_table[f].id)), f);
	assert_int_equal(field_parse("gives", 5), FIELD_COUNT);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy_service_is_one_line),
		cmocka_unit_test(stuck_worker_is_told_once_with_its_evidence),
		cmocka_unit_test(part_of_a_story_is_not_told_again),
		cmocka_unit_test(list_is_aligned_and_by_address),
		cmocka_unit_test(list_without_header_is_rows_only),
		cmocka_unit_test(plain_list_is_in_the_order_of_the_kernel),
		cmocka_unit_test(hostile_names_are_harmless_in_text),
		cmocka_unit_test(ascii_output_is_ascii),
		cmocka_unit_test(hostile_names_are_valid_json),
		cmocka_unit_test(report_document_has_the_agreed_keys),
		cmocka_unit_test(absent_fields_have_no_key),
		cmocka_unit_test(empty_report_is_a_valid_document),
		cmocka_unit_test(what_was_not_seen_is_said),
		cmocka_unit_test(the_peer_of_a_finding_is_an_attribute),
		cmocka_unit_test(what_only_the_host_knows_is_no_lack),
		cmocka_unit_test(a_foreign_configuration_is_left_out),
		cmocka_unit_test(
			a_server_is_called_by_its_name_and_not_its_interpreters),
		cmocka_unit_test(a_go_program_keeps_its_name),
		cmocka_unit_test(colour_is_never_alone),
		cmocka_unit_test(lines_fit_the_terminal),
		cmocka_unit_test(long_output_is_summarised),
		cmocka_unit_test(outgoing_connections_are_counted),
		cmocka_unit_test(schemas_know_every_verdict_and_finding),
		cmocka_unit_test(formats_and_fields_are_found_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
