/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytecode.h"
#include "conn-doctor/memory.h"

/*
 * An expression from outside: whatever it is, it is parsed or refused; what was
 * parsed prints to something that parses to the same tree; and it matches and
 * compiles without touching memory that is not its own.
 */
enum { LENGTH_MAX = 16 * 1024 }; /* what the parser accepts */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "%s:\n%s\n", what, text);
	abort();
}

static bool find_any(const char *name, uint64_t *out)
{
	*out = strlen(name);
	return *out % 2;
}

static void use(struct filter *f)
{
	static const struct filter_resolver resolver = { find_any, find_any };
	static const struct tcp_socket sockets[] = {
		{ .state = 1,
		  .ip_version = 4,
		  .local = { { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 } },
		  .peer = { { [10] = 0xff, [11] = 0xff, 10, 0, 0, 2 } },
		  .local_port = 80,
		  .peer_port = 40000,
		  .has = TCP_HAS_INFO | TCP_HAS_CGROUP | TCP_HAS_MARK,
		  .rtt_us = 1000,
		  .interface = 3 },
		{ .state = 10, .ip_version = 6, .local_port = 443 },
		{ .state = 255, .has = UINT16_MAX, .cgroup = UINT16_MAX },
	};
	static const struct snapshot snap = { 0 };
	struct strbuf program = { 0 };
	struct error err;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < sizeof(sockets) / sizeof(*sockets); i++) {
			struct filter_subject subject = { .snap = &snap,
							  .socket = &sockets[i],
							  .age_ms = pass };
			filter_match(f, &subject);
		}
		filter_states(f);
		bytecode_compile(f, &program);
		if (program.len % 4)
			fail("program is no whole number of ops", f->text);
		/* Once more with names looked up. */
		filter_resolve(f, &resolver, &err);
	}
	strbuf_clear(&program);
}

/* The longest print is longer than what is accepted; then that is all one can say. */
static void check_print(const struct filter *f)
{
	struct strbuf once = { 0 }, twice = { 0 };
	struct filter *again = NULL;
	struct error err;
	filter_print(f, &once);
	if (once.len <= LENGTH_MAX) {
		if (filter_parse(strbuf_text(&once), &again, NULL, &err))
			fail(err.text, once.text);
		filter_print(again, &twice);
		if (strcmp(strbuf_text(&once), strbuf_text(&twice)))
			fail(strbuf_text(&twice), strbuf_text(&once));
	}
	filter_free(again);
	strbuf_clear(&once);
	strbuf_clear(&twice);
}

static void check_error(const struct error *err, const char *text, size_t column)
{
	if (column > strlen(text))
		fail("error beyond the end", text);
	for (const char *p = err->text; *p; p++)
		if (*p != '\n' && (*p < ' ' || *p > '~'))
			fail("message is not plain", text);
	if (err->text[strlen(err->text) - 1] != '^')
		fail("message has no mark", err->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter *f = NULL;
	struct error err = { 0 };
	size_t column = SIZE_MAX;
	auto_free char *text = xstrndup((const char *)data, size);
	if (filter_parse(text, &f, &column, &err)) {
		check_error(&err, text, column);
		return 0;
	}
	check_print(f);
	use(f);
	filter_free(f);
	return 0;
}
