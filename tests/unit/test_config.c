/* SPDX-License-Identifier: MIT */

/* Configuration files: what is read, in which order, and what is wrong in them. */
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

#include "conn-doctor/config.h"
#include "conn-doctor/memory.h"
#include "tree.h"

#define TEN     "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static struct config read_text(const char *text)
{
	struct config c;
	config_init(&c);
	config_read(&c, "f", text, strlen(text));
	return c;
}

static void what_is_said_is_taken(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum config_id id;
		uint64_t value;
		unsigned line; /* 0 = built-in */
	} cases[] = {
		{ "", CONFIG_TIMEOUT, 10000, 0 },
		{ "[main]\ninterval = 3s\n", CONFIG_INTERVAL, 3000, 2 },
		{ "[main]\ninterval=3s", CONFIG_INTERVAL, 3000, 2 },
		{ "[main]\r\ninterval = 3s\r\n", CONFIG_INTERVAL, 3000, 2 },
		{ "\xef\xbb\xbf[main]\ninterval = 3s\n", CONFIG_INTERVAL, 3000, 2 },
		{ "[main]\ninterval: 3s\n", CONFIG_INTERVAL, 3000, 2 },
		{ "  [ main ] ; x\n  interval = 3s\n", CONFIG_INTERVAL, 3000, 2 },
		{ "[main] # x\n\n# x\n; x\ninterval = 3s ; x\n", CONFIG_INTERVAL, 3000,
		  5 },
		{ "[main]\ninterval =\n", CONFIG_INTERVAL, 0, 0 },
		{ "[main]\ninterval = ; nothing\n", CONFIG_INTERVAL, 0, 0 },
		{ "[main]\ncolor = never\n", CONFIG_COLOR, COLOR_NEVER, 2 },
		{ "[main]\nascii = yes\n", CONFIG_ASCII, 1, 2 },
		{ "[main]\nprocesses = no\n", CONFIG_PROCESSES, 0, 2 },
		{ "[main]\ntimeout = 1m\n", CONFIG_TIMEOUT, 60000, 2 },
		{ "[limits]\nlossy-share = 2.5%\n", CONFIG_LIMITS + LIMIT_LOSSY_SHARE,
		  25, 2 },
		{ "[limits]\n[main]\n[limits]\nclose-wait-age = 2m\n",
		  CONFIG_LIMITS + LIMIT_CLOSE_WAIT_AGE, 120000, 4 },
		{ "# " HUNDRED HUNDRED "\n[main]\nascii = yes\n", CONFIG_ASCII, 1, 3 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config c = read_text(cases[i].text);
		assert_string_equal(strbuf_text(&c.errors), "");
		assert_int_equal(c.values[cases[i].id].value, cases[i].value);
		assert_int_equal(c.values[cases[i].id].line, cases[i].line);
		config_clear(&c);
	}
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *errors; /* each line is a part of one, in order */
	} cases[] = {
		{ "[mian]\nx = 1\ny = 2\n", "f:1: there is no section [mian]; did you "
					    "mean [main]?" },
		{ "[tarjet api]\n", "f:1: there is no section [tarjet api]; did you "
				    "mean [target NAME]?" },
		{ "[zzzzzz]\n", "f:1: there is no section [zzzzzz]; they are" },
		{ "[main x]\n", "f:1: [main x] is written [main]" },
		{ "[target]\n", "f:1: [target] is written [target NAME]" },
		{ "[target a b]\n", "f:1: 'a b' cannot name a target" },
		{ "[target " TEN TEN TEN TEN "a]\n",
		  "cannot name a target: at most 40" },
		{ "[main]\nheartbeat = 3s\n",
		  "f:2: 'heartbeat' belongs in [target NAME], not in [main]" },
		{ "[target a]\nheartbaet = 3s\n",
		  "f:2: there is no key 'heartbaet' in [target NAME]; did you mean "
		  "'heartbeat'?" },
		{ "[target a]\npong = 3s\npong = 4s\n",
		  "f:3: 'pong' is set in line 2 already" },
		{ "[target a]\npong = 3s\n[target a]\npong = x\n",
		  "f:3: [target a] stands in line 1 already" },
		{ "[target a]\nfront = abl\n",
		  "f:2: front: 'abl' is not none, alb, clb" },
		{ "[target a]\npong = 3s # slow\n", "a comment after a value begins" },
		{ "[target a]\npool-size = 0\n",
		  "f:2: pool-size: '0' is outside 1 to 100000000" },
		{ "[target a]\nfilter = sport = :x\n",
		  "f:2: filter: 'x' is not a service known here\n  sport = :x\n"
		  "          ^" },
		{ "[target a]\nfilter = verdict = unread\n",
		  "f:2: filter: a target cannot be chosen by verdict" },
		{ "[target a]\nfilter = :80 and (age > 5m or not verdict != idle)\n",
		  "f:2: filter: a target cannot be chosen by verdict" },
		{ "[check half-opn]\nenabled = x\n",
		  "f:1: there is no finding 'half-opn'; did you mean [check "
		  "half-open]?" },
		{ "[check half-open]\n[check half-open]\n",
		  "f:2: [check half-open] stands in line 1 already" },
		{ "[check half-open]\nwarning = 20:10\nenabled = on\n",
		  "f:2: warning: '20:10' is not a range: its start is above its end\n"
		  "f:3: enabled: 'on' is not no or yes" },
		{ "[ignore]\nproxies = 10.0.0.1, host\n addresses = 1.2.3.4\n",
		  "f:2: 'host' is not an address\n"
		  "f:3: 'addresses = 1.2.3.4' is not an address" },
		{ "[ignore]\nproxies = 10.0.0.1/8\n", "has bits behind its prefix" },
		{ "[ignore]\nproxies = 10.0.0.0/33\n", "f:2: '10.0.0.0/33'" },
		{ "[ignore]\nproxes = 10.0.0.1\n 10.0.0.2\n",
		  "did you mean 'proxies'?\nf:3: an indented line would continue" },
		{ "[]\nx = 1\n", "f:1: there is no section []" },
		{ "[main]\nintervall = 3s\n", "f:2: there is no key 'intervall' in "
					      "[main]; did you mean 'interval'?" },
		{ "[main]\nzzzzzz = 3s\n", "conn-doctor.conf(5)" },
		{ "[main]\nclose-wait-age = 3s\n",
		  "f:2: 'close-wait-age' belongs in [limits], not in [main]" },
		{ "\n\n[main]\ninterval = 5x\n",
		  "f:4: interval: '5x' is not a duration" },
		{ "[main]\ninterval = 10ms\n",
		  "f:2: interval: '10ms' is outside 100ms to 7d" },
		{ "[main]\ncolor = maybe\n",
		  "f:2: color: 'maybe' is not auto, always or never" },
		{ "[main]\nascii = true\n", "'true' is not no or yes" },
		{ "[limits]\nclose-wait-age = 9w\n",
		  "f:2: close-wait-age: '9w' is outside 0ms to 7d" },
		{ "interval = 3s\n",
		  "f:1: 'interval' stands before any section; put [main] above it" },
		{ "[main]\ninterval\n", "f:2: neither a [section] nor KEY = VALUE" },
		{ "[main]\ninterval", "f:2: neither a [section] nor KEY = VALUE" },
		{ "[main]\n= 3s\n", "f:2: there is no key '' in [main]" },
		/* The traps of libinih. */
		{ "[main]\n" HUNDRED HUNDRED "interval = 3s\nascii = x\n",
		  "f:2: the line is longer than 198 bytes\nf:3: ascii" },
		{ "[" HUNDRED HUNDRED "]\nx = 1\n[main]\nascii = x\n",
		  "f:1: the line is longer than 198 bytes\nf:4: ascii" },
		{ "[main]\ninterval = 3s\n 4s\n",
		  "f:3: an indented line would continue 'interval'" },
		{ "[main]\ninterval = 3s\n  ascii = yes\n",
		  "f:3: an indented line would continue 'interval'" },
		{ "[main]\ninterval = 3s\ninterval = 4s\n",
		  "f:3: 'interval' is set in line 2 already" },
		{ "[main]\ninterval = 3s # slow\n",
		  "f:2: interval: '3s # slow' is not a duration; write 500ms, 30s, "
		  "5m, 1h30m or 2d; a comment after a value begins with ' ;'" },
		{ "[limits\nclose-wait-age = x\n",
		  "f:1: the section's ']' is missing\nf:2: close-wait-age" },
		{ "[main] ascii = yes\n", "f:1: nothing may follow the section's ']'" },
		{ "[main]\ninterval = \x1b[31m\n", "f:2: interval: '?[31m'" },
		/* All of them in one run. */
		{ "[main]\na\nb = 1\ninterval = x\n[x]\n[limits]\nqueued-age = -1\n",
		  "f:2: neither\nf:3: there\nf:4: interval\nf:5: there\nf:7: queued" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config c = read_text(cases[i].text);
		auto_free char *expected = xstrdup(cases[i].errors);
		char *rest = NULL, *actual = c.errors.text;
		size_t count = 0;
		for (char *part = strtok_r(expected, "\n", &rest); part;
		     part = strtok_r(NULL, "\n", &rest)) {
			assert_non_null(actual);
			char *end = strchr(actual, '\n');
			*end = '\0';
			if (!strstr(actual, part))
				fail_msg("'%s' is not in '%s'", part, actual);
			count += actual[0] == 'f'; /* else it goes on */
			actual = end + 1;
		}
		assert_int_equal(c.error_count, count);
		config_clear(&c);
	}
}

static void a_nul_byte_is_an_error(void **state)
{
	(void)state;
	struct config c;
	config_init(&c);
	config_read(&c, "f", "[main]\nascii\0 = yes\n", 20);
	assert_string_equal(strbuf_text(&c.errors), "f:2: the line holds a NUL byte\n");
	config_clear(&c);
}

static void a_line_of_198_bytes_is_the_longest(void **state)
{
	(void)state;
	for (int blanks = 180; blanks < 190; blanks++) {
		auto_free char *text = xasprintf("[main]\nascii =%*s\n", blanks, "yes");
		struct config c = read_text(text);
		bool fits = blanks + 7 <= 198;
		assert_int_equal(c.error_count, !fits);
		assert_int_equal(c.values[CONFIG_ASCII].value, fits);
		config_clear(&c);
	}
}

static void a_bad_value_and_an_empty_one_give_the_default(void **state)
{
	(void)state;
	static const char *const texts[] = { "[main]\ntimeout = x\n",
					     "[main]\ntimeout =\n" };
	for (size_t i = 0; i < 2; i++) {
		struct config c;
		config_init(&c);
		config_read(&c, "a", "[main]\ntimeout = 3s\n", 20);
		config_read(&c, "b", texts[i], strlen(texts[i]));
		assert_int_equal(c.values[CONFIG_TIMEOUT].value, 10000);
		assert_null(c.values[CONFIG_TIMEOUT].path);
		config_clear(&c);
	}
}

static void nonsense_without_end_is_cut(void **state)
{
	(void)state;
	struct strbuf text = { 0 };
	for (int i = 0; i < 5000; i++)
		strbuf_add(&text, "x\n");
	struct config c = read_text(text.text);
	assert_int_equal(c.error_count, 1000);
	assert_non_null(strstr(c.errors.text, "too many errors"));
	config_clear(&c);
	strbuf_clear(&text);
}

static void values_are_printed_as_they_are_read(void **state)
{
	(void)state;
	for (enum config_id id = 0; id < CONFIG_END; id++) {
		char value[32];
		config_print(id, config_table[id].initial, value);
		auto_free char *text =
			xasprintf("[%s]\n%s = %s\n", config_table[id].section,
				  config_table[id].name, value);
		struct config c = read_text(text);
		assert_string_equal(strbuf_text(&c.errors), "");
		assert_int_equal(c.values[id].value, config_table[id].initial);
		config_clear(&c);
	}
}

/* A root directory of its own. */

#define LIB  "/usr/lib/conn-doctor/conn-doctor.conf.d/"
#define RUN  "/run/conn-doctor/conn-doctor.conf.d/"
#define ETC  "/etc/conn-doctor/conn-doctor.conf.d/"
#define MAIN "/etc/conn-doctor/conn-doctor.conf"
#define HOME "/home/.config/conn-doctor/conn-doctor.conf"

static char root[64];

static char *in_root(const char *path)
{
	char *full = xasprintf("%s%s", root, path);
	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/'));
	     *slash++ = '/') {
		*slash = '\0';
		mkdir(full, 0700);
	}
	return full;
}

static void put(const char *path, const char *text)
{
	auto_free char *full = in_root(path);
	FILE *file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void put_timeout(const char *path, unsigned seconds)
{
	auto_free char *text = xasprintf("[main]\ntimeout = %u\n", seconds);
	put(path, text);
}

static void put_link(const char *path, const char *target)
{
	auto_free char *full = in_root(path);
	assert_int_equal(symlink(target, full), 0);
}

static int make_root(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_config.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return remove_tree(root);
}

static struct config load(void)
{
	struct config c;
	auto_free char *home = xasprintf("%s/home/.config", root);
	struct config_places places = { .root = root, .config_home = home };
	config_init(&c);
	config_load(&c, &places);
	return c;
}

/* The files that are read, in order, without the root. */
static void expect_read(const struct config *c, const char *const *paths)
{
	for (size_t i = 0; i < c->path_count; i++) {
		assert_non_null(paths[i]);
		assert_string_equal(c->paths[i] + strlen(root), paths[i]);
	}
	assert_null(paths[c->path_count]);
}

static void expect_timeout(const struct config *c, uint64_t seconds, const char *path)
{
	assert_string_equal(strbuf_text(&c->errors), "");
	assert_int_equal(c->values[CONFIG_TIMEOUT].value, seconds * 1000);
	assert_string_equal(c->values[CONFIG_TIMEOUT].path + strlen(root), path);
}

static void no_files_are_no_error(void **state)
{
	(void)state;
	struct config c = load();
	assert_int_equal(c.error_count, 0);
	assert_int_equal(c.path_count, 0);
	config_clear(&c);
}

static void later_files_win_key_by_key(void **state)
{
	(void)state;
	static const char *const order[] = { LIB "20-b.conf", MAIN, RUN "60-a.conf",
					     ETC "70-b.conf", HOME };
	for (unsigned i = 0; i < 5; i++) {
		put_timeout(order[i], i + 1);
		struct config c = load();
		expect_timeout(&c, i + 1, order[i]);
		config_clear(&c);
	}
	put(HOME, "[main]\nascii = yes\n");
	struct config c = load();
	expect_timeout(&c, 4, ETC "70-b.conf");
	assert_int_equal(c.values[CONFIG_ASCII].value, 1);
	expect_read(&c, (const char *[]){ LIB "20-b.conf", MAIN, RUN "60-a.conf",
					  ETC "70-b.conf", HOME, NULL });
	config_clear(&c);
}

static void drop_ins_of_all_folders_are_sorted_together(void **state)
{
	(void)state;
	put_timeout(ETC "60-etc.conf", 1);
	put_timeout(LIB "65-lib.conf", 2);
	put_timeout(RUN "62-run.conf", 3);
	put_timeout(LIB "10-lib.conf", 4);
	put_timeout(MAIN, 5);
	put(ETC "90-no-drop-in.txt", "x");
	put(ETC ".90-hidden.conf", "x");
	struct config c = load();
	expect_timeout(&c, 2, LIB "65-lib.conf");
	expect_read(&c, (const char *[]){ LIB "10-lib.conf", MAIN, ETC "60-etc.conf",
					  RUN "62-run.conf", LIB "65-lib.conf", NULL });
	config_clear(&c);
}

static void the_same_name_is_replaced(void **state)
{
	(void)state;
	put_timeout(ETC "50-a.conf", 1);
	put(RUN "50-a.conf", "nonsense");
	put(LIB "50-a.conf", "nonsense");
	put_timeout(RUN "40-b.conf", 2);
	put(LIB "40-b.conf", "nonsense");
	struct config c = load();
	expect_timeout(&c, 1, ETC "50-a.conf");
	expect_read(&c, (const char *[]){ RUN "40-b.conf", ETC "50-a.conf", NULL });
	config_clear(&c);
}

static void a_link_to_dev_null_masks(void **state)
{
	(void)state;
	put(LIB "10-a.conf", "nonsense");
	put_timeout(LIB "20-b.conf", 2);
	put_timeout(MAIN, 3);
	put_link(ETC "10-a.conf", "/dev/null");
	struct config c = load();
	/* The mask is no file of the administrator's: the main file stays last. */
	expect_timeout(&c, 3, MAIN);
	expect_read(&c, (const char *[]){ LIB "20-b.conf", MAIN, NULL });
	config_clear(&c);
}

static void what_is_no_file_is_said(void **state)
{
	(void)state;
	put(ETC "10-a.conf/x", "");
	auto_free char *pipe = in_root(ETC "20-b.conf");
	assert_int_equal(mkfifo(pipe, 0600), 0);
	put_link(ETC "30-c.conf", "/nonexistent");
	struct config c = load();
	assert_int_equal(c.error_count, 3);
	assert_non_null(strstr(c.errors.text, "10-a.conf: is not a regular file"));
	assert_non_null(strstr(c.errors.text, "20-b.conf: is not a regular file"));
	assert_non_null(strstr(c.errors.text, "30-c.conf: cannot be read: No such"));
	config_clear(&c);
}

static void files_are_bounded_in_size_and_number(void **state)
{
	(void)state;
	auto_free char *big = xcalloc(1, 1024 * 1024 + 2);
	memset(big, '\n', 1024 * 1024);
	put(MAIN, big);
	struct config c = load();
	assert_int_equal(c.error_count, 0);
	config_clear(&c);
	big[1024 * 1024] = '\n';
	put(MAIN, big);
	for (int i = 0; i < 257; i++) {
		auto_free char *path = xasprintf(ETC "%03d.conf", i);
		put(path, "");
	}
	c = load();
	assert_int_equal(c.error_count, 2);
	assert_non_null(strstr(c.errors.text, "is larger than 1 MiB"));
	assert_non_null(strstr(c.errors.text, "more than 256 files"));
	config_clear(&c);
}

static void a_named_file_is_the_only_one(void **state)
{
	(void)state;
	put(MAIN, "nonsense");
	put_timeout("/mine", 7);
	auto_free char *mine = in_root("/mine");
	struct config_places places = { .root = root, .file = mine };
	struct config c;
	config_init(&c);
	config_load(&c, &places);
	expect_timeout(&c, 7, "/mine");
	config_clear(&c);

	places.file = "none";
	config_init(&c);
	config_load(&c, &places);
	assert_int_equal(c.error_count + c.path_count, 0);
	config_clear(&c);

	places.file = "/nonexistent/x";
	config_init(&c);
	config_load(&c, &places);
	assert_string_equal(strbuf_text(&c.errors),
			    "/nonexistent/x: cannot be read: No "
			    "such file or directory\n");
	config_clear(&c);
}

static void an_option_wins(void **state)
{
	(void)state;
	struct config c = read_text("[main]\ntimeout = 3s\n");
	config_override(&c, CONFIG_TIMEOUT, 5000);
	assert_int_equal(c.values[CONFIG_TIMEOUT].value, 5000);
	assert_true(c.values[CONFIG_TIMEOUT].is_option);
	assert_null(c.values[CONFIG_TIMEOUT].path);
	config_clear(&c);
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_taken),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(a_nul_byte_is_an_error),
		cmocka_unit_test(a_line_of_198_bytes_is_the_longest),
		cmocka_unit_test(a_bad_value_and_an_empty_one_give_the_default),
		cmocka_unit_test(nonsense_without_end_is_cut),
		cmocka_unit_test(values_are_printed_as_they_are_read),
		cmocka_unit_test(an_option_wins),
		IN_ROOT(no_files_are_no_error),
		IN_ROOT(later_files_win_key_by_key),
		IN_ROOT(drop_ins_of_all_folders_are_sorted_together),
		IN_ROOT(the_same_name_is_replaced),
		IN_ROOT(a_link_to_dev_null_masks),
		IN_ROOT(what_is_no_file_is_said),
		IN_ROOT(files_are_bounded_in_size_and_number),
		IN_ROOT(a_named_file_is_the_only_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
