/* SPDX-License-Identifier: MIT */

/* What the user declared: ranges, targets, addresses, and what they change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builders.h"
#include "conn-doctor/config.h"

/* Bit for bit: the numbers are written in the cases as they are in the text. */
static bool is_same(double a, double b)
{
	return !(a < b) && !(a > b);
}

static void ranges_are_those_of_the_monitoring_plugins(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double start, end;
		bool is_inside;
		enum range_unit unit;
		const char *printed;
	} cases[] = {
		{ "6", 0, 6, false, RANGE_PLAIN, "0:6" },
		{ "-7:23", -7, 23, false, RANGE_PLAIN, "-7:23" },
		{ ":5.75", 0, 5.75, false, RANGE_PLAIN, "0:5.75" },
		{ "~:-95.99", -INFINITY, -95.99, false, RANGE_PLAIN, "~:-95.99" },
		{ "12345678901234567890:", 12345678901234567890.0, INFINITY, false,
		  RANGE_PLAIN, "12345678901234567168:" },
		{ "~:0", -INFINITY, 0, false, RANGE_PLAIN, "~:0" },
		{ "@0:657.8210567", 0, 657.8210567, true, RANGE_PLAIN,
		  "@0:657.8210567" },
		{ "@1:1", 1, 1, true, RANGE_PLAIN, "@1:1" },
		{ "1:1", 1, 1, false, RANGE_PLAIN, "1:1" },
		{ "10s:2m", 10, 120, false, RANGE_SECONDS, "10s:120s" },
		{ "~:1h", -INFINITY, 3600, false, RANGE_SECONDS, "~:3600s" },
		{ "0:250ms", 0, 0.25, false, RANGE_SECONDS, "0s:0.25s" },
		{ "~:70%", -INFINITY, 0.7, false, RANGE_RATIO, "~:70%" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct range range, again;
		struct error err = { 0 };
		char text[RANGE_TEXT_SIZE];
		assert_int_equal(range_parse(cases[i].text, &range, &err), 0);
		assert_true(is_same(range.start, cases[i].start));
		assert_true(is_same(range.end, cases[i].end));
		assert_int_equal(range.is_inside, cases[i].is_inside);
		assert_int_equal(range.unit, cases[i].unit);
		assert_string_equal(range_print(&range, text), cases[i].printed);
		assert_int_equal(range_parse(text, &again, &err), 0);
		assert_true(is_same(again.start, range.start));
		assert_true(is_same(again.end, range.end));
	}
}

static void what_is_no_range_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"2:1",     "",
		"@",       ":",
		"x",       "~",
		"1:2:3",   "1..2",
		"-",       ".",
		"-:4",     "10 ",
		" 10",     "inf",
		"nan:",    "0x10",
		"1e3",     "+1",
		"10s:20%", "10:20s",
		"@@1",     "1,5",
		"10:~",    "5x:6x",
		"1.2.3:9", "1111111111111111111111111111111111111111111",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct range range = { 0 };
		struct error err = { 0 };
		if (range_parse(texts[i], &range, &err) != -1)
			fail_msg("'%s' was taken", texts[i]);
		assert_non_null(strstr(err.text, "range"));
	}
}

static void both_ends_of_a_range_belong_to_it(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double value;
		bool alerts;
	} cases[] = {
		{ "10", 10, false },    { "10", 10.5, true },    { "10", -1, true },
		{ "10", 0, false },     { "10:", 10, false },    { "10:", 9, true },
		{ "~:10", -9, false },  { "~:10", 11, true },    { "10:20", 20, false },
		{ "10:20", 21, true },  { "10:20", 9, true },    { "@10:20", 10, true },
		{ "@10:20", 20, true }, { "@10:20", 21, false }, { "@10:20", 9, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct range range;
		struct error err;
		assert_int_equal(range_parse(cases[i].text, &range, &err), 0);
		assert_int_equal(range_alerts(&range, cases[i].value), cases[i].alerts);
	}
}

/* A configuration that must be right. */
static void config_of(struct config *c, const char *text)
{
	config_init(c);
	config_read(c, "f", text, strlen(text));
	config_finish(c);
	assert_string_equal(strbuf_text(&c->errors), "");
}

static void a_front_has_defaults_and_a_declared_value_wins(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t idle_ms, response_ms; /* 0 = not known */
		const char *origin;            /* of the idle time */
	} cases[] = {
		{ "front = alb\n", 60000, 60000, "ALB's default" },
		{ "front = alb\nfront-idle = 2m\n", 120000, 60000, "declared in f:4" },
		{ "front-response = 9s\n", 0, 9000, "" },
		{ "front = none\n", 0, 0, "" },
		{ "front = haproxy\n", 0, 0, "" },
		{ "front = nlb\n", 350000, 0, "NLB's default" },
		{ "", 0, 0, "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config c;
		uint64_t idle_ms = 0, response_ms = 0;
		auto_strbuf struct strbuf origin = { 0 };
		auto_free char *text =
			xasprintf("[target a]\nfilter = :80\n%s", cases[i].text);
		config_of(&c, text);
		const struct target *t = &c.policy.targets[0];
		assert_int_equal(target_front_idle(t, &idle_ms, &origin),
				 cases[i].idle_ms > 0);
		assert_int_equal(target_front_response(t, &response_ms, NULL),
				 cases[i].response_ms > 0);
		assert_int_equal(idle_ms, cases[i].idle_ms);
		assert_int_equal(response_ms, cases[i].response_ms);
		assert_string_equal(strbuf_text(&origin), cases[i].origin);
		config_clear(&c);
	}
}

static void files_add_to_a_target_key_by_key(void **state)
{
	(void)state;
	static const char first[] = "[target a]\nfilter = :80\nheartbeat = 1s\n"
				    "pong = 2s\n[ignore]\nproxies = 10.0.0.1\n";
	static const char second[] = "[target b]\nfilter = :81\n\n[target a]\n"
				     "heartbeat = 5s\npong =\n[ignore]\nproxies =\n";
	struct config c;
	config_init(&c);
	config_read(&c, "one", first, strlen(first));
	config_read(&c, "two", second, strlen(second));
	config_finish(&c);
	assert_string_equal(strbuf_text(&c.errors), "");
	assert_int_equal(c.policy.target_count, 2);
	const struct target *t = &c.policy.targets[0];
	assert_string_equal(t->name, "a");
	assert_string_equal(t->filter->text, ":80");
	assert_int_equal(t->values[TARGET_HEARTBEAT].value, 5000);
	assert_string_equal(t->values[TARGET_HEARTBEAT].path, "two");
	assert_int_equal(t->values[TARGET_HEARTBEAT].line, 5);
	assert_string_equal(t->values[TARGET_FILTER].path, "one");
	assert_false(t->values[TARGET_PONG].is_set);
	assert_int_equal(c.policy.ignore[IGNORE_PROXIES].count, 0);
	assert_false(c.policy.ignore[IGNORE_PROXIES].origin.is_set);
	config_clear(&c);
}

static void a_target_without_a_filter_is_an_error(void **state)
{
	(void)state;
	static const char text[] = "\n[target a]\npong = 2s\n";
	struct config c;
	config_init(&c);
	config_read(&c, "f", text, strlen(text));
	assert_int_equal(c.error_count, 0);
	config_finish(&c);
	assert_string_equal(strbuf_text(&c.errors),
			    "f:2: [target a] has no filter: which connections are "
			    "meant?\n");
	config_clear(&c);
}

static void there_is_room_for_64_targets(void **state)
{
	(void)state;
	struct config c;
	auto_strbuf struct strbuf text = { 0 };
	for (int i = 0; i <= TARGETS_MAX; i++)
		strbuf_addf(&text, "[target t%d]\nfilter = :%d\n", i, i + 1);
	config_init(&c);
	config_read(&c, "f", text.text, text.len);
	assert_int_equal(c.policy.target_count, TARGETS_MAX);
	assert_string_equal(strbuf_text(&c.errors),
			    "f:129: there are more than 64 targets\n");
	config_clear(&c);
}

static void addresses_match_by_prefix(void **state)
{
	(void)state;
	struct config c;
	config_of(&c, "[ignore]\nproxies = 10.0.0.5, 10.1.0.0/16,\n 192.0.2.128/25, "
		      "2001:db8::/33\n");
	static const struct {
		const char *text;
		bool is_in;
	} cases[] = {
		{ "10.0.0.5", true },     { "10.0.0.4", false },
		{ "10.1.255.1", true },   { "10.2.0.1", false },
		{ "192.0.2.128", true },  { "192.0.2.127", false },
		{ "2001:db8::1", true },  { "2001:db8:8000::1", false },
		{ "2001:db9::1", false }, { "::1", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ip_address ip;
		uint8_t version;
		assert_true(ip_address_parse(cases[i].text, &ip, &version));
		assert_int_equal(
			address_list_has(&c.policy.ignore[IGNORE_PROXIES], &ip),
			cases[i].is_in);
	}
	config_clear(&c);
}

/* --- what it changes --- */

struct scene {
	struct config config;
	struct fixture f;
};

static void scene_open(struct scene *s, const char *text)
{
	config_of(&s->config, text);
	fixture_init(&s->f);
	s->f.policy = &s->config.policy;
	snapshot_begin(&s->f.snap, 1000000);
	snapshot_put(&s->f.snap, a_listener(0, 128));
}

static void scene_put(struct scene *s, struct tcp_socket sk)
{
	sk.cookie = 100 + s->f.snap.socket_count;
	sk.peer_port = (uint16_t)(CLIENT_PORT + s->f.snap.socket_count);
	snapshot_put(&s->f.snap, sk);
}

static void scene_judge(struct scene *s)
{
	snapshot_finish(&s->f.snap);
	history_update(s->f.history, &s->f.snap);
	fixture_diagnose(&s->f);
}

static void scene_clear(struct scene *s)
{
	fixture_clear(&s->f);
	config_clear(&s->config);
}

static const struct finding *find(const struct scene *s, enum finding_kind kind)
{
	for (size_t i = 0; i < s->f.report.finding_count; i++)
		if (s->f.report.findings[i].kind == kind)
			return &s->f.report.findings[i];
	return NULL;
}

static const char *reason(const struct scene *s, enum finding_kind kind)
{
	for (size_t i = 0; i < s->f.report.unknown_count; i++)
		if (s->f.report.unknown[i].kind == kind)
			return s->f.report.unknown[i].reason;
	return "";
}

static bool has_evidence(const struct finding *f, const char *part)
{
	for (size_t i = 0; i < f->evidence_count; i++)
		if (strstr(f->evidence[i], part))
			return true;
	return false;
}

static struct tcp_socket silent_for(uint32_t ms)
{
	struct tcp_socket sk = a_connection();
	sk.last_data_recv_ms = sk.last_data_sent_ms = sk.last_ack_recv_ms = ms;
	sk.timer = TCP_TIMER_KEEPALIVE; /* otherwise well */
	return sk;
}

#define TARGET    "[target api]\nfilter = sport = :30020\n"
#define HEARTBEAT TARGET "heartbeat = 20s\npong = 20s\n"

static void a_heartbeat_is_missed_beyond_interval_and_pong(void **state)
{
	(void)state;
	static const struct {
		uint32_t ms;
		bool is_missed;
	} cases[] = { { 39999, false }, { 40000, false }, { 40001, true } };
	for (size_t i = 0; i < 3; i++) {
		struct scene s;
		scene_open(&s, HEARTBEAT);
		scene_put(&s, silent_for(cases[i].ms));
		scene_put(&s, a_connection());
		scene_judge(&s);
		const struct finding *f = find(&s, FINDING_HEARTBEAT_MISSED);
		assert_int_equal(f != NULL, cases[i].is_missed);
		assert_string_equal(reason(&s, FINDING_HEARTBEAT_MISSED), "");
		if (f) {
			assert_int_equal(f->severity, SEVERITY_WARNING);
			assert_int_equal(f->confidence, CONFIDENCE_PROVEN);
			assert_int_equal(f->acts, ACTS_PEER);
			assert_true(is_same(f->value, 1));
			assert_int_equal(f->since_cs, 4000);
			assert_true(has_evidence(f, "heartbeat 20s + pong 20s of "
						    "[target api], declared in f:3"));
			assert_true(has_evidence(f, "has sent nothing since"));
		}
		scene_clear(&s);
	}
}

static void only_open_accepted_server_connections_owe_a_heartbeat(void **state)
{
	(void)state;
	struct scene s;
	scene_open(&s, HEARTBEAT);
	struct tcp_socket sk = silent_for(90000);
	sk.local_port = 31000; /* no listener, and no target */
	scene_put(&s, sk);
	sk = silent_for(90000);
	sk.state = TCP_STATE_CLOSE_WAIT;
	scene_put(&s, sk);
	sk = silent_for(90000);
	sk.inode = 0;
	scene_put(&s, sk);
	sk = silent_for(90000); /* half-open, told by that finding */
	sk.timer = TCP_TIMER_RETRANSMIT;
	sk.unacked = 1;
	sk.send_queue = 100;
	sk.retransmits = sk.backoff = 7;
	sk.rto_us = 26000000;
	scene_put(&s, sk);
	scene_judge(&s);
	assert_null(find(&s, FINDING_HEARTBEAT_MISSED));
	assert_non_null(find(&s, FINDING_HALF_OPEN));
	scene_clear(&s);
}

static void a_heartbeat_that_cannot_be_judged_is_unknown(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint16_t removed, added;
		const char *reason;
	} cases[] = {
		{ HEARTBEAT, TCP_HAS_INFO, 0, "the kernel does not report tcp_info" },
		{ HEARTBEAT, 0, TCP_IS_MPTCP,
		  "1 of 1 connection could not be assessed: MPTCP" },
		{ TARGET "heartbeat = 20s\n", 0, 0, "declares heartbeat and no pong" },
		{ TARGET "pong = 20s\n", 0, 0, "" },
		{ TARGET, 0, 0, "" },
		{ "", 0, 0, "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene s;
		struct tcp_socket sk = silent_for(90000);
		sk.has = (uint16_t)((sk.has & ~cases[i].removed) | cases[i].added);
		scene_open(&s, cases[i].text);
		scene_put(&s, sk);
		scene_judge(&s);
		assert_null(find(&s, FINDING_HEARTBEAT_MISSED));
		if (*cases[i].reason)
			assert_non_null(strstr(reason(&s, FINDING_HEARTBEAT_MISSED),
					       cases[i].reason));
		else
			assert_string_equal(reason(&s, FINDING_HEARTBEAT_MISSED), "");
		scene_clear(&s);
	}
}

static void heartbeat_and_pong_are_the_limit_of_a_suspect(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t ms;
		enum verdict verdict;
	} cases[] = {
		{ HEARTBEAT, 39999, VERDICT_IDLE },
		{ HEARTBEAT, 40000, VERDICT_HALF_OPEN_SUSPECT },
		{ TARGET, 349999, VERDICT_IDLE },
		{ TARGET, 350000, VERDICT_HALF_OPEN_SUSPECT },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene s;
		struct tcp_socket sk = silent_for(cases[i].ms);
		sk.timer = TCP_TIMER_NONE;
		scene_open(&s, cases[i].text);
		scene_put(&s, sk);
		scene_judge(&s);
		assert_int_equal(s.f.report.assessments[1].verdict, cases[i].verdict);
		scene_clear(&s);
	}
}

static void the_protocol_decides_whether_a_reply_is_owed(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum verdict verdict;
		enum confidence confidence;
	} cases[] = {
		{ TARGET "protocol = request-response\n", VERDICT_SLOW_RESPONSE,
		  CONFIDENCE_LIKELY },
		{ TARGET "protocol = push\n", VERDICT_IDLE, CONFIDENCE_PROVEN },
		{ TARGET, VERDICT_SLOW_RESPONSE, CONFIDENCE_SUSPECT },
		{ "[target other]\nfilter = sport = :1\nprotocol = push\n",
		  VERDICT_SLOW_RESPONSE, CONFIDENCE_SUSPECT },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene s;
		struct derived d;
		struct tcp_socket sk = a_connection();
		sk.last_data_recv_ms = 31000;
		sk.last_data_sent_ms = 31100;
		scene_open(&s, cases[i].text);
		scene_put(&s, sk);
		scene_judge(&s);
		const struct assessment *a = &s.f.report.assessments[1];
		assert_int_equal(a->verdict, cases[i].verdict);
		assert_int_equal(a->confidence, cases[i].confidence);
		derive(&s.f.report, 1, &d);
		assert_int_equal(d.turn, a->verdict == VERDICT_IDLE ? TURN_UNKNOWN
								    : TURN_LOCAL);
		scene_clear(&s);
	}
}

static void a_peer_beyond_its_limit_is_a_warning(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int count;
		int severity; /* -1 = no finding */
	} cases[] = {
		{ TARGET "peer-limit = 3\n", 3, -1 },
		{ TARGET "peer-limit = 3\n", 4, SEVERITY_WARNING },
		{ TARGET "peer-limit = 3\n[ignore]\nproxies = 10.0.0.2\n", 4, -1 },
		{ TARGET "peer-limit = 3\n[ignore]\nproxies = 10.0.0.3\n", 4,
		  SEVERITY_WARNING },
		/* The declared limit replaces the share. */
		{ TARGET "peer-limit = 100\n", 60, -1 },
		{ TARGET, 49, -1 },
		{ TARGET, 60, SEVERITY_INFO },
		{ "[ignore]\nproxies = 10.0.0.2\n", 60, -1 },
		{ "[ignore]\nproxies = 10.0.0.3\n", 49, -1 },
		{ "[ignore]\nproxies = 10.0.0.3\n", 60, SEVERITY_CRITICAL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene s;
		scene_open(&s, cases[i].text);
		for (int j = 0; j < cases[i].count; j++)
			scene_put(&s, a_connection());
		scene_judge(&s);
		const struct finding *f = find(&s, FINDING_TOO_MANY_PER_PEER);
		if ((f ? (int)f->severity : -1) != cases[i].severity)
			fail_msg("case %zu: %d", i, f ? (int)f->severity : -1);
		if (f)
			assert_string_equal(f->peer, "10.0.0.2");
		scene_clear(&s);
	}
}

/* 50 and 30 % warn, 200 or 70 % are critical, once the proxies are named. */
static void a_share_is_judged_where_proxies_are_named(void **state)
{
	(void)state;
	static const struct {
		int mine, others;
		enum severity severity;
	} cases[] = {
		{ 60, 140, SEVERITY_WARNING },   { 139, 61, SEVERITY_WARNING },
		{ 140, 60, SEVERITY_CRITICAL },  { 199, 201, SEVERITY_WARNING },
		{ 200, 200, SEVERITY_CRITICAL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene s;
		scene_open(&s, "[ignore]\nproxies = 10.0.0.3\n");
		for (int j = 0; j < cases[i].mine + cases[i].others; j++) {
			struct tcp_socket sk = a_connection();
			if (j >= cases[i].mine)
				sk.peer = an_ip(10, 6, (uint8_t)(j / 200),
						(uint8_t)(j % 200));
			scene_put(&s, sk);
		}
		scene_judge(&s);
		const struct finding *f = find(&s, FINDING_TOO_MANY_PER_PEER);
		assert_non_null(f);
		assert_int_equal(f->severity, cases[i].severity);
		scene_clear(&s);
	}
}

/* `count` connections of one beyond the limit: a warning worth `count`. */
static void judge_with(struct scene *s, const char *check, int count)
{
	auto_free char *text = xasprintf(
		TARGET "peer-limit = 3\n[check too-many-per-peer]\n%s", check);
	scene_open(s, text);
	for (int i = 0; i < count; i++)
		scene_put(s, a_connection());
	scene_judge(s);
}

static void a_range_decides_the_severity(void **state)
{
	(void)state;
	static const struct {
		const char *check;
		int count;
		enum severity severity;
		double warning, critical; /* as the report tells them; NAN = none */
	} cases[] = {
		{ "", 10, SEVERITY_WARNING, 3, NAN },
		{ "warning = ~:10\n", 10, SEVERITY_INFO, 10, NAN },
		{ "warning = ~:10\n", 11, SEVERITY_WARNING, 10, NAN },
		{ "warning = 5\ncritical = 10\n", 5, SEVERITY_INFO, 5, 10 },
		{ "warning = 5\ncritical = 10\n", 6, SEVERITY_WARNING, 5, 10 },
		{ "warning = 5\ncritical = 10\n", 11, SEVERITY_CRITICAL, 5, 10 },
		{ "critical = 10\n", 10, SEVERITY_WARNING, 3, 10 },
		{ "critical = 10\n", 11, SEVERITY_CRITICAL, 3, 10 },
		{ "critical = @8:10\n", 10, SEVERITY_CRITICAL, 3, NAN },
		{ "warning = 20:30\n", 10, SEVERITY_WARNING, NAN, NAN },
		/* Of another unit: not used. */
		{ "critical = 5s\n", 10, SEVERITY_WARNING, 3, NAN },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scene s;
		judge_with(&s, cases[i].check, cases[i].count);
		const struct finding *f = find(&s, FINDING_TOO_MANY_PER_PEER);
		assert_non_null(f);
		assert_int_equal(f->severity, cases[i].severity);
		assert_int_equal(s.f.report.severity, cases[i].severity);
		assert_true(isnan(f->warning) ? isnan(cases[i].warning)
					      : is_same(f->warning, cases[i].warning));
		assert_true(isnan(f->critical)
				    ? isnan(cases[i].critical)
				    : is_same(f->critical, cases[i].critical));
		assert_int_equal(has_evidence(f, " range "), *cases[i].check != '\0');
		scene_clear(&s);
	}
}

static void a_suspicion_is_never_critical(void **state)
{
	(void)state;
	struct scene s;
	struct tcp_socket sk = silent_for(400000);
	sk.timer = TCP_TIMER_NONE;
	scene_open(&s, "[check half-open-suspect]\ncritical = ~:0\n");
	scene_put(&s, sk);
	scene_judge(&s);
	const struct finding *f = find(&s, FINDING_HALF_OPEN_SUSPECT);
	assert_non_null(f);
	assert_int_equal(f->confidence, CONFIDENCE_SUSPECT);
	assert_int_equal(f->severity, SEVERITY_WARNING);
	scene_clear(&s);
}

static void what_is_switched_off_is_said_to_be(void **state)
{
	(void)state;
	struct scene s;
	judge_with(&s, "enabled = no\n", 10);
	assert_null(find(&s, FINDING_TOO_MANY_PER_PEER));
	assert_string_equal(reason(&s, FINDING_TOO_MANY_PER_PEER),
			    "switched off in f:5");
	assert_int_equal(s.f.report.severity, SEVERITY_OK);
	scene_clear(&s);
	judge_with(&s, "enabled = yes\n", 10);
	assert_non_null(find(&s, FINDING_TOO_MANY_PER_PEER));
	assert_string_equal(reason(&s, FINDING_TOO_MANY_PER_PEER), "");
	scene_clear(&s);
}

/* Whatever the rule could not see, the reason is that nobody wants to know. */
static void switched_off_goes_before_unknown(void **state)
{
	(void)state;
	struct scene s;
	struct tcp_socket sk = silent_for(90000);
	sk.has = (uint16_t)(sk.has & ~TCP_HAS_INFO);
	scene_open(&s, HEARTBEAT "[check heartbeat-missed]\nenabled = no\n");
	scene_put(&s, sk);
	scene_judge(&s);
	assert_string_equal(reason(&s, FINDING_HEARTBEAT_MISSED),
			    "switched off in f:6");
	scene_clear(&s);
}

static void ignored_addresses_are_left_out_and_counted(void **state)
{
	(void)state;
	struct scene s;
	scene_open(&s, "[ignore]\naddresses = 10.0.0.2, 10.9.0.0/16\n");
	scene_put(&s, a_connection()); /* from 10.0.0.2 */
	struct tcp_socket sk = a_connection();
	sk.local = an_ip(10, 9, 1, 1);
	sk.peer = an_ip(10, 0, 0, 3);
	scene_put(&s, sk);
	sk.local = an_ip(10, 0, 0, 1);
	scene_put(&s, sk);
	scene_judge(&s);
	const struct report *r = &s.f.report;
	assert_int_equal(r->ignored_count, 2);
	assert_true(r->assessments[0].is_selected); /* the listener */
	assert_false(r->assessments[1].is_selected);
	assert_false(r->assessments[2].is_selected);
	assert_true(r->assessments[3].is_selected);
	assert_int_equal(r->services[0].connection_count, 1);
	scene_clear(&s);
}

static void the_first_target_that_matches_counts(void **state)
{
	(void)state;
	struct scene s;
	scene_open(&s, "[target a]\nfilter = dst 10.0.0.9\n"
		       "[target b]\nfilter = dst 10.0.0.2\n"
		       "[target c]\nfilter = sport = :30020\n");
	scene_put(&s, a_connection());
	struct tcp_socket sk = a_connection();
	sk.peer = an_ip(10, 0, 0, 3);
	scene_put(&s, sk);
	sk.local_port = 31000;
	scene_put(&s, sk);
	scene_judge(&s);
	const struct report *r = &s.f.report;
	assert_string_equal(report_target_of(r, 1)->name, "b");
	assert_string_equal(report_target_of(r, 2)->name, "c");
	assert_null(report_target_of(r, 3));
	/* The listener's own target goes before that of its connections. */
	assert_string_equal(service_target(r, &r->services[0])->name, "c");
	scene_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_those_of_the_monitoring_plugins),
		cmocka_unit_test(what_is_no_range_is_refused),
		cmocka_unit_test(both_ends_of_a_range_belong_to_it),
		cmocka_unit_test(a_front_has_defaults_and_a_declared_value_wins),
		cmocka_unit_test(files_add_to_a_target_key_by_key),
		cmocka_unit_test(a_target_without_a_filter_is_an_error),
		cmocka_unit_test(there_is_room_for_64_targets),
		cmocka_unit_test(addresses_match_by_prefix),
		cmocka_unit_test(a_heartbeat_is_missed_beyond_interval_and_pong),
		cmocka_unit_test(only_open_accepted_server_connections_owe_a_heartbeat),
		cmocka_unit_test(a_heartbeat_that_cannot_be_judged_is_unknown),
		cmocka_unit_test(heartbeat_and_pong_are_the_limit_of_a_suspect),
		cmocka_unit_test(the_protocol_decides_whether_a_reply_is_owed),
		cmocka_unit_test(a_peer_beyond_its_limit_is_a_warning),
		cmocka_unit_test(a_share_is_judged_where_proxies_are_named),
		cmocka_unit_test(a_range_decides_the_severity),
		cmocka_unit_test(a_suspicion_is_never_critical),
		cmocka_unit_test(what_is_switched_off_is_said_to_be),
		cmocka_unit_test(switched_off_goes_before_unknown),
		cmocka_unit_test(ignored_addresses_are_left_out_and_counted),
		cmocka_unit_test(the_first_target_that_matches_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
