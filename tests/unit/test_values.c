/* SPDX-License-Identifier: MIT */

/* Values as text and back, limits, and text from outside. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn-doctor/format.h"
#include "conn-doctor/limits.h"
#include "conn-doctor/tcp_socket.h"
#include "conn-doctor/text.h"

static void durations_are_read_in_descending_units(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{ "500us", 0 },
		{ "1500us", 1 },
		{ "250ms", 250 },
		{ "30s", 30000 },
		{ "30", 30000 },
		{ "5m", 300000 },
		{ "1h30m", 5400000 },
		{ "2d", 172800000 },
		{ "1w", 604800000 },
		{ "0", 0 },
		{ "1w2d3h4m5s6ms", 788645006 },
	};
	static const char *const bad[] = { "",
					   "s",
					   "5x",
					   "1M",
					   "3s1h",
					   "-1s",
					   "1 s",
					   "1.5s",
					   "30s5",
					   "5ss",
					   "1h1h",
					   "+3s",
					   "99999999999999999999",
					   "999999999999999w" };
	struct error err;
	uint64_t ms;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(duration_parse(good[i].text, &ms, &err), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(duration_parse(bad[i], &ms, &err), -1);
}

static void sizes_and_shares_are_read(void **state)
{
	(void)state;
	struct error err;
	uint64_t value;
	assert_int_equal(size_parse("512", &value, &err), 0);
	assert_int_equal(value, 512);
	assert_int_equal(size_parse("1.5M", &value, &err), 0);
	assert_int_equal(value, 1572864);
	assert_int_equal(size_parse("64KiB", &value, &err), 0);
	assert_int_equal(value, 65536);
	assert_int_equal(size_parse("64kb", &value, &err), -1);
	assert_int_equal(size_parse("1.", &value, &err), -1);
	assert_int_equal(share_parse("80%", &value, &err), 0);
	assert_int_equal(value, 800);
	assert_int_equal(share_parse("0.8", &value, &err), 0);
	assert_int_equal(value, 800);
	assert_int_equal(share_parse("2.5%", &value, &err), 0);
	assert_int_equal(value, 25);
	assert_int_equal(share_parse("101%", &value, &err), -1);
	assert_int_equal(share_parse("%", &value, &err), -1);
}

static void durations_are_printed_for_people(void **state)
{
	(void)state;
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0ms" },       { 999, "999ms" },      { 1000, "1.0s" },
		{ 9999, "9.9s" },   { 10000, "10s" },      { 59999, "59s" },
		{ 60000, "1m" },    { 304000, "5m4s" },    { 35880000, "9h58m" },
		{ 86400000, "1d" }, { 273600000, "3d4h" },
	};
	char text[FORMAT_SIZE];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(duration_print(cases[i].ms, text), cases[i].text);
}

static void sizes_and_times_are_printed(void **state)
{
	(void)state;
	char text[FORMAT_SIZE];
	assert_string_equal(size_print(0, text), "0 B");
	assert_string_equal(size_print(1023, text), "1023 B");
	assert_string_equal(size_print(8602, text), "8.4 KiB");
	assert_string_equal(size_print(UINT64_MAX, text), "16777216.0 TiB");
	assert_string_equal(time_print_utc(1795197600123000000, text),
			    "2026-11-20T18:00:00.123Z");
	assert_string_equal(time_print_utc(UINT64_MAX, text),
			    "2554-07-21T23:34:33.709Z");
	*u64_put(text, 0) = '\0';
	assert_string_equal(text, "0");
	*u64_put(text, UINT64_MAX) = '\0';
	assert_string_equal(text, "18446744073709551615");
}

static void every_limit_takes_back_what_it_prints(void **state)
{
	(void)state;
	struct limits limits;
	struct error err;
	limits_init(&limits);
	for (enum limit_id id = 0; id < LIMITS_END; id++) {
		const struct limit_info *info = &limit_table[id];
		const uint64_t values[] = { info->min, info->initial, info->max };
		assert_true(info->min <= info->initial && info->initial <= info->max);
		for (size_t i = 0; i < 3; i++) {
			char value[32], assignment[80];
			snprintf(assignment, sizeof(assignment), "%s=%s", info->name,
				 limit_print(id, values[i], value));
			assert_int_equal(limits_set(&limits, assignment, &err), 0);
			assert_int_equal(limits.value[id], values[i]);
		}
	}
}

static void a_limit_outside_its_range_is_refused_and_unchanged(void **state)
{
	(void)state;
	struct limits limits;
	struct error err;
	limits_init(&limits);
	assert_int_equal(limits_set(&limits, "probes-unanswered=1", &err), -1);
	assert_non_null(strstr(err.text, "outside 2 to 127"));
	assert_int_equal(limits_set(&limits, "probes-unanswered", &err), -1);
	assert_int_equal(limits_set(&limits, "probes-unanswerd=3", &err), -1);
	assert_non_null(strstr(err.text, "did you mean 'probes-unanswered'"));
	assert_int_equal(limits.value[LIMIT_PROBES_UNANSWERED], 2);
}

static void sanitized_text_is_utf8_without_controls(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *safe;
	} cases[] = {
		{ "uvicorn", "uvicorn" },
		{ "\x1b[31mred\x1b[0m", "?[31mred?[0m" },
		{ "a\nb\tc\x7f", "a?b?c?" },
		{ "caf\xc3\xa9 \xe2\x89\xa5", "caf\xc3\xa9 \xe2\x89\xa5" },
		{ "\xc2\x9b"
		  "31m",
		  "?31m" }, /* C1 CSI */
		{ "a\xff"
		  "b",
		  "a\xef\xbf\xbd"
		  "b" },                                    /* no UTF-8 */
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" }, /* overlong '/' */
		{ "\xed\xa0\x80",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* surrogate */
		{ "\xe2\x80\xae"
		  "evil",
		  "?evil" },                                /* right-to-left override */
		{ "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" }, /* cut */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct strbuf out = { 0 };
		text_sanitize(&out, cases[i].bytes, strlen(cases[i].bytes));
		assert_string_equal(strbuf_text(&out), cases[i].safe);
		strbuf_clear(&out);
	}
}

static void text_is_cut_between_characters(void **state)
{
	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	assert_int_equal(text_width("caf\xc3\xa9"), 4);
	assert_int_equal(text_fit("caf\xc3\xa9!", 4), 5);
	assert_int_equal(text_fit("\xe4\xb8\xad\xe6\x96\x87", 3),
			 3); /* wide, 2 columns */
	assert_int_equal(text_fit("abc", 0), 0);
	assert_int_equal(text_fit("abc", 9), 3);
}

static const char *word_at(size_t i)
{
	static const char *const words[] = { "check", "list", "watch", "interval",
					     NULL };
	return words[i];
}

static void the_nearest_word_is_near(void **state)
{
	(void)state;
	assert_string_equal(text_nearest("chekc", word_at), "check");
	assert_string_equal(text_nearest("inter", word_at), "interval");
	assert_null(text_nearest("probability", word_at));
	assert_null(text_nearest("", word_at));
	assert_int_equal(text_distance("kitten", "sitting"), 3);
}

static void states_are_known_by_every_spelling(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint8_t state;
	} cases[] = {
		{ "fin-wait-1", TCP_STATE_FIN_WAIT_1 },
		{ "fin_wait_1", TCP_STATE_FIN_WAIT_1 },
		{ "fin_wait1", TCP_STATE_FIN_WAIT_1 },
		{ "FIN-WAIT-1", TCP_STATE_FIN_WAIT_1 },
		{ "estab", TCP_STATE_ESTABLISHED },
		{ "established", TCP_STATE_ESTABLISHED },
		{ "syn-recv", TCP_STATE_SYN_RECV },
		{ "syn_received", TCP_STATE_SYN_RECV },
		{ "listening", TCP_STATE_LISTEN },
		{ "listen", TCP_STATE_LISTEN },
		{ "closed", TCP_STATE_CLOSED },
		{ "close", TCP_STATE_CLOSED },
		{ "close-wait", TCP_STATE_CLOSE_WAIT },
		{ "fin-wait", 0 },
		{ "", 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(tcp_state_parse(cases[i].name, strlen(cases[i].name)),
				 cases[i].state);
}

static void addresses_are_printed_and_read(void **state)
{
	(void)state;
	static const char *const texts[] = { "0.0.0.0", "10.1.22.255",
					     "::", "2001:db8::1" };
	struct ip_address ip;
	uint8_t version;
	char text[ENDPOINT_TEXT_SIZE];
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_true(ip_address_parse(texts[i], &ip, &version));
		assert_string_equal(ip_address_print(&ip, version, text), texts[i]);
	}
	assert_string_equal(endpoint_print(&ip, version, 443, text),
			    "[2001:db8::1]:443");
	assert_false(ip_address_parse("10.0.0.256", &ip, &version));
	assert_true(ip_address_parse("127.3.0.1", &ip, &version) &&
		    ip_address_is_loopback(&ip));
	assert_true(ip_address_parse("::1", &ip, &version) &&
		    ip_address_is_loopback(&ip));
	assert_true(ip_address_parse("::", &ip, &version) && ip_address_is_any(&ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_in_descending_units),
		cmocka_unit_test(sizes_and_shares_are_read),
		cmocka_unit_test(durations_are_printed_for_people),
		cmocka_unit_test(sizes_and_times_are_printed),
		cmocka_unit_test(every_limit_takes_back_what_it_prints),
		cmocka_unit_test(a_limit_outside_its_range_is_refused_and_unchanged),
		cmocka_unit_test(sanitized_text_is_utf8_without_controls),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(the_nearest_word_is_near),
		cmocka_unit_test(states_are_known_by_every_spelling),
		cmocka_unit_test(addresses_are_printed_and_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
