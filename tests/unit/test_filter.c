/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn-doctor/filter.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/verdict.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Parses a filter that must be right; the reason is shown when it is not. */
static struct filter *parsed(const char *text)
{
	struct filter *f = NULL;
	struct error err = { 0 };
	if (filter_parse(text, &f, NULL, &err))
		fail_msg("%s: %s", text, err.text);
	return f;
}

static char *printed(const char *text)
{
	struct filter *f = parsed(text);
	struct strbuf out = { 0 };
	filter_print(f, &out);
	filter_free(f);
	return strbuf_steal(&out);
}

static struct ip_address address(const char *text)
{
	struct ip_address ip;
	uint8_t version;
	assert_true(ip_address_parse(text, &ip, &version));
	return ip;
}

/* 10.0.0.1:80 <- 10.0.0.2:40000, established, everything known. */
static struct tcp_socket a_socket(void)
{
	return (struct tcp_socket){
		.local = address("10.0.0.1"),
		.peer = address("10.0.0.2"),
		.local_port = 80,
		.peer_port = 40000,
		.ip_version = 4,
		.state = TCP_STATE_ESTABLISHED,
		.has = TCP_HAS_INFO | TCP_HAS_MARK | TCP_HAS_CGROUP,
		.interface = 7,
		.mark = 0x101,
		.cgroup = 1,
		.recv_queue = 100,
		.send_queue = 65536,
		.last_data_sent_ms = 30000,
		.last_data_recv_ms = 40000,
		.rtt_us = 1500,
		.total_retrans = 3,
	};
}

static uint64_t cgroup_ids[] = { 10, 42 };
static const struct snapshot snap = {
	.cgroups = cgroup_ids,
	.cgroup_count = 2,
};

static bool matches_row(const char *text, const struct tcp_socket *sk)
{
	struct filter *f = parsed(text);
	struct filter_subject subject = {
		.snap = &snap,
		.socket = sk,
		.age_ms = 300000,
		.verdict = VERDICT_HALF_OPEN,
	};
	bool result = filter_match(f, &subject);
	filter_free(f);
	return result;
}

static bool matches(const char *text)
{
	struct tcp_socket sk = a_socket();
	return matches_row(text, &sk);
}

static void every_form_has_one_canonical_spelling(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{ "", "" },
		{ "  \t\n", "" },
		{ "sport = :80", "sport = :80" },
		{ "sport=:80", "sport = :80" },
		{ "sport :80", "sport = :80" },
		{ "sport 80", "sport = :80" },
		{ "sport eq http", "sport = :80" },
		{ "SPORT EQ :HTTP", "sport = :80" },
		{ "dport != :ssh", "dport != :22" },
		{ "dport neq 22", "dport != :22" },
		{ "dport ne 22", "dport != :22" },
		{ "dport >= 1024", "dport >= :1024" },
		{ "dport geq 1024", "dport >= :1024" },
		{ "dport ge 1024", "dport >= :1024" },
		{ "dport>1024", "dport > :1024" },
		{ "dport gt 1024", "dport > :1024" },
		{ "dport<=1024", "dport <= :1024" },
		{ "dport le 1024", "dport <= :1024" },
		{ "dport leq 1024", "dport <= :1024" },
		{ "dport lt 1024", "dport < :1024" },
		{ "sport == :*", "src = *" },
		{ "sport != *", "not src = *" },
		{ "sport = inet::80", "src = inet:*:80" },
		{ "sport >= inet6::80", "(src = inet6:* and sport >= :80)" },
		{ "dport > vsock::80", "src = unix:*" },
		{ "src 10.0.0.1", "src = 10.0.0.1" },
		{ "src = 10.0.0.1/32", "src = 10.0.0.1" },
		{ "src == inet:10.0.0.1", "src = 10.0.0.1" },
		{ "src != 10.0.0.1", "not src = 10.0.0.1" },
		{ "dst 193.233.7/24", "dst = 193.233.7.0/24" },
		{ "dst 10/8", "dst = 10.0.0.0/8" },
		{ "dst 10.1.2.3/8:443", "dst = 10.0.0.0/8:443" },
		{ "dst 0.0.0.0/0", "dst = inet:*" },
		{ "dst inet:*", "dst = inet:*" },
		{ "dst inet6:*:443", "dst = inet6:*:443" },
		{ "dst [::]/0", "dst = inet6:*" },
		{ "dst any", "dst = *" },
		{ "dst *", "dst = *" },
		{ "dst *:443", "dport = :443" },
		{ "dst :443", "dport = :443" },
		{ "dst :*", "dst = *" },
		{ "dst [::1]:443", "dst = [::1]:443" },
		{ "dst [2001:DB8::1]/32:443", "dst = [2001:db8::]/32:443" },
		{ "dst ::1", "dst = [::1]" },
		{ "dst inet6:::1", "dst = [::1]" },
		{ "dst ::ffff:10.0.0.1", "dst = 10.0.0.1" },
		{ "dst [::ffff:10.0.0.0]/104", "dst = 10.0.0.0/8" },
		{ "src unix:/tmp/x", "src = unix:*" },
		{ "src /tmp/.X11-unix/*", "src = unix:*" },
		{ "src netlink:kernel", "src = unix:*" },
		{ "src link:arp", "src = unix:*" },
		{ ":30020", ":30020" },
		{ ":https", ":443" },
		{ "*:443", ":443" },
		{ "10.0.0.5", "10.0.0.5" },
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.0.0.5:80", "10.0.0.5:80" },
		{ "[::1]:443", "[::1]:443" },
		{ "::1", "[::1]" },
		{ "2001:db8::/32", "[2001:db8::]/32" },
		{ "*", "*" },
		{ "state established", "state established" },
		{ "state ESTAB", "state established" },
		{ "state fin_wait1", "state fin-wait-1" },
		{ "state syn_received", "state syn-recv" },
		{ "state established state close-wait",
		  "state established state close-wait" },
		{ "state all exclude listening exclude close", "state connected" },
		{ "exclude listening exclude close", "state connected" },
		{ "exclude listening exclude close exclude syn-sent",
		  "state synchronized" },
		{ "state syn-recv state time-wait", "state bucket" },
		{ "exclude bucket", "state big" },
		{ "excl all", "exclude all" },
		{ "state bound-inactive", "state bound-inactive" },
		{ "state established and state close-wait",
		  "(state established and state close-wait)" },
		{ "dev eth0", "dev = eth0" },
		{ "dev == eth0", "dev = eth0" },
		{ "dev != eth0", "dev != eth0" },
		{ "dev = and", "dev = and" },
		{ "dev = a\\(b\\)", "dev = a\\(b\\)" },
		{ "fwmark 7", "fwmark = 0x7" },
		{ "fwmark = 0x1/0xff", "fwmark = 0x1/0xff" },
		{ "fwmark != 010", "fwmark != 0x8" },
		{ "cgroup = /a/b", "cgroup = /a/b" },
		{ "cgroup != /a\\ b", "cgroup != /a\\ b" },
		{ "autobound", "autobound" },
		{ "age > 5m", "age > 5m" },
		{ "age > 90s", "age > 90s" },
		{ "age > 1h30m", "age > 90m" },
		{ "idle >= 30", "idle >= 30s" },
		{ "idle < 1500ms", "idle < 1500ms" },
		{ "rtt>100ms", "rtt > 100ms" },
		{ "rtt > 100us", "rtt > 100us" },
		{ "rtt > 1s2ms30us", "rtt > 1002030us" },
		{ "rtt > 12345us", "rtt > 12345us" },
		{ "rtt > 0", "rtt > 0" },
		{ "recvq > 64K", "recvq > 64K" },
		{ "recvq > 1.5KiB", "recvq > 1536" },
		{ "sendq = 2G", "sendq = 2G" },
		{ "retrans > 0", "retrans > 0" },
		{ "verdict half-open", "verdict = half-open" },
		{ "verdict != idle", "verdict != idle" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_free char *once = printed(cases[i].text);
		assert_string_equal(once, cases[i].canonical);
		auto_free char *twice = printed(once);
		assert_string_equal(twice, once);
	}
}

static void operators_bind_as_in_ss(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{ ":1 and :2", "(:1 and :2)" },
		{ ":1 & :2", "(:1 and :2)" },
		{ ":1&&:2", "(:1 and :2)" },
		{ ":1 :2", "(:1 and :2)" },
		{ ":1 or :2", "(:1 or :2)" },
		{ ":1|:2", "(:1 or :2)" },
		{ ":1||:2", "(:1 or :2)" },
		{ ":1 or :2 and :3", "(:1 or (:2 and :3))" },
		{ ":1 or :2 :3 or :4", "(:1 or (:2 and :3) or :4)" },
		{ ":1 :2 or :3", "((:1 and :2) or :3)" },
		{ ":1 and (:2 or :3)", "(:1 and (:2 or :3))" },
		{ ":1(:2 or :3)", "(:1 and (:2 or :3))" },
		{ ":1 and (:2 and :3)", "(:1 and (:2 and :3))" },
		{ "(:1 and :2) and :3", "(:1 and :2 and :3)" },
		{ "((:1))", ":1" },
		{ "not :1 :2", "(not :1 and :2)" },
		{ "!:1", "not :1" },
		{ "! ( :1 or :2 )", "not (:1 or :2)" },
		{ "not not :1", "not not :1" },
		{ "NOT :1 OR :2", "(not :1 or :2)" },
		{ "( dport = :ssh or sport = :ssh )", "(dport = :22 or sport = :22)" },
		{ "state established ( dport = :ssh or sport = :ssh )",
		  "(state established and (dport = :22 or sport = :22))" },
		{ "state fin-wait-1 ( sport = :http or sport = :https ) dst "
		  "193.233.7/24",
		  "(state fin-wait-1 and (sport = :80 or sport = :443) and "
		  "dst = 193.233.7.0/24)" },
		{ ":1 state listening or dport>5",
		  "((:1 and state listening) or dport > :5)" },
		{ "dev = eth0 or dev or", "(dev = eth0 or dev = or)" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_free char *once = printed(cases[i].text);
		assert_string_equal(once, cases[i].canonical);
		auto_free char *twice = printed(once);
		assert_string_equal(twice, once);
	}
}

static void examples_of_the_manuals_parse(void **state)
{
	static const char *const examples[] = {
		/* ss(8) */
		"state established ( dport = :ssh or sport = :ssh )",
		"src /tmp/.X11-unix/*",
		"state fin-wait-1 ( sport = :http or sport = :https ) dst "
		"193.233.7/24",
		/* conn-doctor-filter(7) */
		":30020",
		"state established ( sport = :http or sport = :https ) dst "
		"193.233.7/24",
		"sport = :5432 verdict half-open",
		"recvq > 0 and idle > 30s",
		"(rtt > 100ms or retrans > 10) and not (dst 127.0.0.0/8 or dst [::1])",
		"exclude listening sport gt 32767 dport lt 1024",
		"dst [2001:db8::]/32:443",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++)
		filter_free(parsed(examples[i]));
}

static void errors_say_what_is_wrong_and_where(void **state)
{
	static const struct {
		const char *text;
		size_t column;
		const char *reason; /* part of it */
	} cases[] = {
		{ "src", 3, "an address must follow 'src'" },
		{ "src =", 5, "an address must follow 'src'" },
		{ "src < 1.2.3.4", 4, "'src' takes = and != only" },
		{ "src example.com", 4, "host names are not looked up" },
		{ "www.example.com:80", 0, "host names are not looked up" },
		{ "src 10.1", 4, "a prefix is written 10.1/16" },
		{ "src 10.0.0.256", 4, "is not an IPv4 address" },
		{ "src 10.0.0.1/33", 4, "it is 0 to 32" },
		{ "src ::/129", 4, "it is 0 to 128" },
		{ "src 10.0.0.1/", 4, "not a prefix length" },
		{ "src */8", 4, "'/' needs an address" },
		{ "src inet:::1", 4, "not an IPv4 address" },
		{ "src inet6:10.0.0.1", 4, "not an IPv6 address" },
		{ "src [::1", 4, "']' is missing" },
		{ "src [::1]80", 4, "may follow ']'" },
		{ "src [10.0.0.1]:80", 4, "only IPv6 addresses stand in [ ]" },
		{ "src fe80::1%eth0", 4, "'dev NAME'" },
		{ "src 10.0.0.1:65536", 4, "ports are 0 to 65535" },
		{ "sport", 5, "a port must follow" },
		{ "sport = 10.0.0.1", 8, "a port is wanted" },
		{ "sport > *", 8, "not a wildcard" },
		{ "sport = :htttp", 8, "did you mean 'http'?" },
		{ "sport = :qqqqqq", 8, "use the port number" },
		{ "80", 0, "a port is ':80'" },
		{ "established", 0, "write 'state established'" },
		{ "half-open", 0, "write 'verdict half-open'" },
		{ "sprt = :80", 0, "did you mean 'sport'?" },
		{ "frobnicate", 0, "'frobnicate' is no term of a filter" },
		{ "/tmp/x", 0, "needs 'src' or 'dst' before it" },
		{ "state", 5, "a state must follow" },
		{ "state estabilshed", 6, "did you mean 'established'?" },
		{ "exclude x", 8, "'x' is no state" },
		{ "dev", 3, "an interface must follow" },
		{ "dev = 0", 6, "begin at 1" },
		{ "dev = sixteen-letters-x", 6, "at most 15 characters" },
		{ "dev > eth0", 4, "takes = and != only" },
		{ "fwmark = 0x", 9, "is not a mark" },
		{ "fwmark = -1", 9, "is not a mark" },
		{ "fwmark = 0x100000000", 9, "is not a mark" },
		{ "fwmark = 1/", 9, "is not a mark" },
		{ "age", 3, "needs a comparison, as in: age > 5m" },
		{ "age 5m", 4, "needs a comparison" },
		{ "age > 5x", 6, "is not a duration" },
		{ "age > 9999w", 6, "is more than 5200w" },
		{ "rtt > 2h", 6, "is more than 1h" },
		{ "recvq > x", 8, "is not a size" },
		{ "sendq > 2000G", 8, "is more than 1024G" },
		{ "retrans > -1", 10, "is not a number" },
		{ "retrans > 4294967296", 10, "is not a number" },
		{ "verdict half-opn", 8, "did you mean 'half-open'?" },
		{ "verdict < idle", 8, "takes = and != only" },
		{ "(:1", 0, "this '(' is not closed" },
		{ ":1 and (:2 or (:3)", 7, "this '(' is not closed" },
		{ ":1)", 2, "no '(' belongs" },
		{ "()", 1, "before ')'" },
		{ ":1 and", 6, "missing at the end" },
		{ "or :1", 0, "before 'or'" },
		{ ":1 and or :2", 7, "before 'or'" },
		{ "not", 3, "missing at the end" },
		{ "= 5", 0, "before '='" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct filter *f = NULL;
		struct error err = { 0 };
		size_t column = 999;
		if (!filter_parse(cases[i].text, &f, &column, &err))
			fail_msg("accepted: %s", cases[i].text);
		assert_int_equal(err.code, ERROR_USAGE);
		if (!strstr(err.text, cases[i].reason))
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_int_equal(column, cases[i].column);
	}
}

static void message_shows_the_place(void **state)
{
	struct filter *f = NULL;
	struct error err = { 0 };
	(void)state;
	assert_int_equal(filter_parse("sport = :80 an\td :81", &f, NULL, &err), -1);
	assert_string_equal(err.text, "filter: 'an' is no term of a filter; did you "
				      "mean 'and'?\n"
				      "  sport = :80 an?d :81\n"
				      "              ^");
}

static void message_cuts_a_long_expression_around_the_place(void **state)
{
	char text[4000];
	struct filter *f = NULL;
	struct error err = { 0 };
	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, ":1", 2);
	memcpy(text + 2000, "?!x\033", 4);
	memcpy(text + 3990, ":1", 3);
	assert_int_equal(filter_parse(text, &f, NULL, &err), -1);
	const char *second = strchr(err.text, '\n') + 1;
	const char *third = strchr(second, '\n') + 1;
	assert_true(strncmp(second, "  ...", 5) == 0);
	assert_true(third - second <= 106);
	assert_null(strchr(err.text, '\033'));
	size_t mark = strcspn(third, "^");
	assert_memory_equal(second + mark, "?!x?", 4);
}

static void depth_and_length_are_bounded(void **state)
{
	enum { DEPTH = 64, MANY = 300 };
	struct error err = { 0 };
	struct filter *f = NULL;
	struct strbuf text = { 0 };
	(void)state;

	/* Groups inside each other: each level is a real one. */
	for (int levels = DEPTH; levels <= DEPTH + 1; levels++) {
		strbuf_reset(&text);
		for (int i = 0; i < levels; i++)
			strbuf_add(&text, "not ");
		strbuf_add(&text, ":1");
		assert_int_equal(filter_parse(text.text, &f, NULL, &err),
				 levels > DEPTH ? -1 : 0);
		if (levels <= DEPTH)
			filter_free(f);
	}
	assert_non_null(strstr(err.text, "nested deeper than 64 levels"));

	strbuf_reset(&text);
	for (int i = 0; i < MANY; i++)
		strbuf_add_char(&text, '(');
	assert_int_equal(filter_parse(text.text, &f, NULL, &err), -1);
	assert_non_null(strstr(err.text, "nested deeper"));

	strbuf_reset(&text);
	while (text.len < 16 * 1024 - 2)
		strbuf_add(&text, ":1 ");
	assert_int_equal(filter_parse(text.text, &f, NULL, &err), 0);
	struct tcp_socket sk = a_socket();
	assert_false(filter_match(f, &(struct filter_subject){ .socket = &sk }));
	filter_free(f);
	strbuf_add(&text, ":1 ");
	assert_int_equal(filter_parse(text.text, &f, NULL, &err), -1);
	assert_non_null(strstr(err.text, "longer than 16384 bytes"));
	strbuf_clear(&text);
}

static void deepest_tree_reads_back(void **state)
{
	struct strbuf text = { 0 };
	(void)state;
	struct filter *f = NULL;
	struct error err = { 0 };
	/* Two levels each, and one for the innermost pair: 65, then 63. */
	for (int levels = 32; levels >= 31; levels--) {
		strbuf_reset(&text);
		for (int i = 0; i < levels; i++)
			strbuf_add(&text, ":1 or not (:2 ");
		strbuf_add(&text, ":3");
		for (int i = 0; i < levels; i++)
			strbuf_add_char(&text, ')');
		assert_int_equal(filter_parse(text.text, &f, NULL, &err),
				 levels == 32 ? -1 : 0);
	}
	filter_free(f);
	auto_free char *once = printed(text.text);
	auto_free char *twice = printed(once);
	assert_string_equal(once, twice);
	strbuf_clear(&text);
}

static void terms_match_what_they_say(void **state)
{
	static const struct {
		const char *text;
		bool expected;
	} cases[] = {
		{ "", true },
		{ "src 10.0.0.1", true },
		{ "src 10.0.0.2", false },
		{ "src != 10.0.0.2", true },
		{ "dst 10.0.0.0/30", true },
		{ "dst 10.0.0.0/31", false },
		{ "dst 10.0.0.2:40000", true },
		{ "dst 10.0.0.2:40001", false },
		{ "src inet:*", true },
		{ "src inet6:*", false },
		{ "dst ::/0", false },
		{ "dst [::]/8", false },
		{ "src unix:*", false },
		{ "not src unix:*", true },
		{ "sport = :80", true },
		{ "sport != :80", false },
		{ "sport < :80", false },
		{ "sport <= :80", true },
		{ "sport > :79", true },
		{ "sport > :80", false },
		{ "dport >= :40000", true },
		{ "dport >= :40001", false },
		{ ":80", true },
		{ ":40000", true },
		{ ":81", false },
		{ "10.0.0.2", true },
		{ "10.0.0.2:80", false },
		{ "10.0.0.2:40000", true },
		{ "state established", true },
		{ "state connected", true },
		{ "state bucket", false },
		{ "exclude established", false },
		{ "not state established", false },
		{ "autobound", true },
		{ "not autobound", true },
		{ "dev 7", true },
		{ "dev != 7", false },
		{ "dev eth0", false },
		{ "not dev eth0", false },
		{ "fwmark = 0x101", true },
		{ "fwmark = 1/0xff", true },
		{ "fwmark != 1/0xff", false },
		{ "cgroup /x", false },
		{ "age = 300s", true },
		{ "age > 5m", false },
		{ "age >= 5m", true },
		{ "idle = 30s", true },
		{ "idle > 30s", false },
		{ "idle > 29999ms", true },
		{ "rtt > 1ms", true },
		{ "rtt > 1500us", false },
		{ "rtt >= 1500us", true },
		{ "recvq > 99", true },
		{ "recvq > 100", false },
		{ "sendq >= 64K", true },
		{ "sendq > 64K", false },
		{ "retrans = 3", true },
		{ "retrans > 3", false },
		{ "verdict half-open", true },
		{ "verdict != half-open", false },
		{ ":80 :81", false },
		{ ":80 or :81", true },
		{ ":81 or :80 and :82", false },
		{ "not (:81 or :82)", true },
		{ "not (:80 and :81)", true },
		{ "not (:80 and :40000)", false },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (matches(cases[i].text) != cases[i].expected)
			fail_msg("%s: not %d", cases[i].text, cases[i].expected);
}

static void unknown_is_no_match_either_way(void **state)
{
	static const char *const terms[] = {
		"idle > 0",    "idle = 0",   "rtt > 0",     "rtt < 1s",
		"recvq > 0",   "recvq = 0",  "sendq >= 0",  "retrans = 0",
		"retrans > 0", "fwmark = 0", "cgroup = /x", "dev = eth0",
	};
	struct tcp_socket sk = a_socket();
	sk.has = TCP_IS_MPTCP;
	(void)state;
	for (size_t i = 0; i < COUNT(terms); i++) {
		auto_free char *negated = xasprintf("not %s", terms[i]);
		assert_false(matches_row(terms[i], &sk));
		assert_false(matches_row(negated, &sk));
		/* ... but what is known beside it still counts. */
		auto_free char *either = xasprintf("%s or :80", terms[i]);
		auto_free char *both = xasprintf("not (%s and :81)", terms[i]);
		assert_true(matches_row(either, &sk));
		assert_true(matches_row(both, &sk));
	}
}

static void listener_has_no_round_trip_and_is_not_idle(void **state)
{
	struct tcp_socket sk = a_socket();
	(void)state;
	sk.state = TCP_STATE_LISTEN;
	assert_false(matches_row("rtt >= 0", &sk));
	assert_false(matches_row("idle >= 0", &sk));
	assert_false(matches_row("not retrans > 9", &sk));
	assert_true(matches_row("recvq = 100", &sk));
}

static void unmeasured_round_trip_is_unknown(void **state)
{
	struct tcp_socket sk = a_socket();
	(void)state;
	sk.rtt_us = 0;
	assert_false(matches_row("rtt < 1s", &sk));
}

static void unknown_age_is_unknown(void **state)
{
	static const char *const terms[] = { "age = 0", "age >= 0", "not age > 1s" };
	struct tcp_socket sk = a_socket();
	struct filter_subject subject = { .snap = &snap, .socket = &sk, .age_ms = -1 };
	(void)state;
	for (size_t i = 0; i < COUNT(terms); i++) {
		struct filter *f = parsed(terms[i]);
		assert_false(filter_match(f, &subject));
		filter_free(f);
	}
}

static void clocks_of_a_connection_not_made_yet_are_unknown(void **state)
{
	struct tcp_socket sk = a_socket();
	(void)state;
	sk.state = TCP_STATE_SYN_SENT;
	assert_false(matches_row("idle > 1s", &sk));
	assert_false(matches_row("not idle > 1s", &sk));
	assert_true(matches_row("retrans = 3", &sk));
}

static void bound_only_socket_is_reported_as_closed(void **state)
{
	struct tcp_socket sk = a_socket();
	(void)state;
	sk.state = TCP_STATE_CLOSED;
	assert_true(matches_row("state bound-inactive", &sk));
	assert_true(matches_row("state closed", &sk));
	assert_false(matches_row("not state bound-inactive", &sk));
}

static void ipv6_is_not_a_mapped_address(void **state)
{
	struct tcp_socket sk = a_socket();
	(void)state;
	sk.local = address("2001:db8::1");
	sk.peer = address("2001:db8::2");
	sk.ip_version = 6;
	assert_true(matches_row("src 2001:db8::/64", &sk));
	assert_true(matches_row("[2001:db8::2]:40000", &sk));
	assert_true(matches_row("src inet6:*", &sk));
	assert_false(matches_row("src inet:*", &sk));
	assert_false(matches_row("src 2001:db9::/32", &sk));
	assert_true(matches_row("src 2001:db8::/31", &sk));
	assert_true(matches_row("src 2001:db9::/31", &sk));
}

static void states_to_ask_for(void **state)
{
	enum {
		ESTAB = TCP_STATE_BIT(TCP_STATE_ESTABLISHED),
		CLOSE_WAIT = TCP_STATE_BIT(TCP_STATE_CLOSE_WAIT),
		BOUND = TCP_STATE_BIT(TCP_STATE_BOUND_INACTIVE),
		REAL = TCP_STATES_ALL - 1,
	};
	static const struct {
		const char *text;
		uint32_t expected;
	} cases[] = {
		{ "", TCP_STATES_ALL },
		{ ":80", TCP_STATES_ALL },
		{ "state all", TCP_STATES_ALL },
		{ "not :80", TCP_STATES_ALL },
		{ "state established", ESTAB },
		{ "state established :80", ESTAB },
		{ ":80 and state established state close-wait", ESTAB | CLOSE_WAIT },
		{ "state established or :80", TCP_STATES_ALL },
		{ "state established or state close-wait :80", ESTAB | CLOSE_WAIT },
		{ "state established and state close-wait", 0 },
		{ "not state established", REAL & ~ESTAB },
		{ "not (state established or state close-wait)",
		  REAL & ~(ESTAB | CLOSE_WAIT) },
		{ "not (state established and :80)", TCP_STATES_ALL },
		{ "exclude established", REAL & ~ESTAB },
		{ "exclude all", 0 },
		{ "src unix:*", 0 },
		{ "not src unix:*", TCP_STATES_ALL },
		{ "src unix:* or state established", ESTAB },
		{ "state bound-inactive", BOUND },
		{ "state bound-inactive :80", BOUND },
		{ "state bound-inactive or :80", TCP_STATES_ALL | BOUND },
		{ "not state bound-inactive", TCP_STATES_ALL },
		{ "state all state bound-inactive", TCP_STATES_ALL | BOUND },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct filter *f = parsed(cases[i].text);
		if (filter_states(f) != cases[i].expected)
			fail_msg("%s: %#x", cases[i].text, filter_states(f));
		filter_free(f);
	}
	assert_int_equal(filter_states(NULL), TCP_STATES_ALL);
}

static bool find_device(const char *name, uint64_t *index)
{
	*index = 7;
	return strcmp(name, "eth0") == 0;
}

static bool find_cgroup(const char *path, uint64_t *id)
{
	*id = 42;
	return strcmp(path, "/a") == 0;
}

static void names_are_looked_up_by_the_resolver(void **state)
{
	static const struct filter_resolver resolver = { find_device, find_cgroup };
	static const struct {
		const char *text;
		int result;
		bool expected;
	} cases[] = {
		{ "dev eth0", 0, true },
		{ "dev != eth0", 0, false },
		{ "dev 7", 0, true },
		{ "dev 8", 0, false },
		{ "dev != 8", 0, true },
		{ "cgroup /a", 0, true },
		{ "cgroup != /a", 0, false },
		{ ":80 or not dev eth1", -1, false },
		{ "cgroup /b", -1, false },
		{ "", 0, true },
		{ "not (cgroup /a and dev eth0)", 0, false },
	};
	struct tcp_socket sk = a_socket();
	struct filter_subject subject = { .snap = &snap, .socket = &sk };
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct filter *f = parsed(cases[i].text);
		struct error err = { 0 };
		assert_int_equal(filter_resolve(f, &resolver, &err), cases[i].result);
		if (cases[i].result)
			assert_non_null(strstr(err.text, "filter: no "));
		else
			assert_int_equal(filter_match(f, &subject), cases[i].expected);
		filter_free(f);
	}
}

static void nothing_is_a_filter_that_matches_all(void **state)
{
	struct tcp_socket sk = a_socket();
	struct strbuf out = { 0 };
	(void)state;
	assert_true(filter_match(NULL, &(struct filter_subject){ .socket = &sk }));
	filter_print(NULL, &out);
	assert_int_equal(out.len, 0);
	filter_free(NULL);
	strbuf_clear(&out);
}

static void text_is_kept_as_given(void **state)
{
	struct filter *f = parsed(" sport=:80 ");
	(void)state;
	assert_string_equal(f->text, " sport=:80 ");
	filter_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_has_one_canonical_spelling),
		cmocka_unit_test(operators_bind_as_in_ss),
		cmocka_unit_test(examples_of_the_manuals_parse),
		cmocka_unit_test(errors_say_what_is_wrong_and_where),
		cmocka_unit_test(message_shows_the_place),
		cmocka_unit_test(message_cuts_a_long_expression_around_the_place),
		cmocka_unit_test(depth_and_length_are_bounded),
		cmocka_unit_test(deepest_tree_reads_back),
		cmocka_unit_test(terms_match_what_they_say),
		cmocka_unit_test(unknown_is_no_match_either_way),
		cmocka_unit_test(listener_has_no_round_trip_and_is_not_idle),
		cmocka_unit_test(unmeasured_round_trip_is_unknown),
		cmocka_unit_test(unknown_age_is_unknown),
		cmocka_unit_test(clocks_of_a_connection_not_made_yet_are_unknown),
		cmocka_unit_test(bound_only_socket_is_reported_as_closed),
		cmocka_unit_test(ipv6_is_not_a_mapped_address),
		cmocka_unit_test(states_to_ask_for),
		cmocka_unit_test(names_are_looked_up_by_the_resolver),
		cmocka_unit_test(nothing_is_a_filter_that_matches_all),
		cmocka_unit_test(text_is_kept_as_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
