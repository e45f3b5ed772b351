/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/inet_diag.h>
#include <sys/socket.h>

#include "bytecode.h"
#include "conn-doctor/memory.h"

/*
 * The program is run by a small machine that follows the kernel's rules
 * (net/ipv4/inet_diag.c), after a check as strict as the kernel's. The rule to
 * keep: what filter_match() accepts, the program accepts; and where the kernel
 * can decide every term, neither accepts more than the other.
 */

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { VERIFIED_RUNS = 20000 };

/* What the kernel knows of a socket. */
struct entry {
	uint8_t family;
	uint8_t source[16], target[16];
	uint16_t sport, dport;
	uint32_t interface;
	uint64_t cgroup;
	bool is_autobound;
};

static struct inet_diag_bc_op op_at(const uint8_t *program)
{
	struct inet_diag_bc_op op;
	memcpy(&op, program, sizeof(op));
	return op;
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8))
		return false;
	return !(bits % 8) || !((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8));
}

static bool run_host(const uint8_t *operand, const struct entry *e, bool is_target)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct inet_diag_hostcond cond;
	memcpy(&cond, operand, sizeof(cond));
	const uint8_t *wanted = operand + sizeof(cond);
	const uint8_t *address = is_target ? e->target : e->source;
	if (cond.port != -1 && cond.port != (is_target ? e->dport : e->sport))
		return false;
	if (cond.family == AF_UNSPEC || cond.family == e->family)
		return bits_equal(address, wanted, cond.prefix_len);
	return e->family == AF_INET6 && cond.family == AF_INET &&
	       memcmp(address, mapped, sizeof(mapped)) == 0 &&
	       bits_equal(address + 12, wanted, cond.prefix_len);
}

static bool run_op(const uint8_t *at, const struct entry *e)
{
	const uint8_t *operand = at + sizeof(struct inet_diag_bc_op);
	uint32_t interface;
	uint64_t cgroup;
	switch (op_at(at).code) {
	case INET_DIAG_BC_JMP:
		return false;
	case INET_DIAG_BC_S_GE:
		return e->sport >= op_at(operand).no;
	case INET_DIAG_BC_S_LE:
		return e->sport <= op_at(operand).no;
	case INET_DIAG_BC_S_EQ:
		return e->sport == op_at(operand).no;
	case INET_DIAG_BC_D_GE:
		return e->dport >= op_at(operand).no;
	case INET_DIAG_BC_D_LE:
		return e->dport <= op_at(operand).no;
	case INET_DIAG_BC_D_EQ:
		return e->dport == op_at(operand).no;
	case INET_DIAG_BC_AUTO:
		return e->is_autobound;
	case INET_DIAG_BC_S_COND:
		return run_host(operand, e, false);
	case INET_DIAG_BC_D_COND:
		return run_host(operand, e, true);
	case INET_DIAG_BC_DEV_COND:
		memcpy(&interface, operand, sizeof(interface));
		return e->interface == interface;
	case INET_DIAG_BC_CGROUP_COND:
		memcpy(&cgroup, operand, sizeof(cgroup));
		return e->cgroup == cgroup;
	default:
		fail_msg("op %u", op_at(at).code);
		return false;
	}
}

/* inet_diag_bc_run() */
static bool run(const struct strbuf *program, const struct entry *e)
{
	const uint8_t *at = (const uint8_t *)program->text;
	int len = (int)program->len;
	while (len > 0) {
		struct inet_diag_bc_op op = op_at(at);
		int step = run_op(at, e) ? op.yes : op.no;
		len -= step;
		at += step;
	}
	return len == 0;
}

static int operand_size(const uint8_t *at)
{
	static const int port = sizeof(struct inet_diag_bc_op);
	struct inet_diag_hostcond cond;
	switch (op_at(at).code) {
	case INET_DIAG_BC_JMP:
	case INET_DIAG_BC_AUTO:
		return 0;
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND:
		memcpy(&cond, at + sizeof(struct inet_diag_bc_op), sizeof(cond));
		return (int)sizeof(cond) + (cond.family == AF_INET6  ? 16
					    : cond.family == AF_INET ? 4
								     : 0);
	case INET_DIAG_BC_DEV_COND:
		return 4;
	case INET_DIAG_BC_CGROUP_COND:
		return 8;
	default:
		return port;
	}
}

/* inet_diag_bc_audit(): jumps land on ops or 4 bytes beyond the end. */
static void check(const struct strbuf *program)
{
	const uint8_t *text = (const uint8_t *)program->text;
	int total = (int)program->len;
	assert_true(total > 0 && total <= 65531 && total % 4 == 0);
	auto_free bool *is_op = xcalloc((size_t)total + 8, sizeof(*is_op));
	is_op[total] = is_op[total + 4] = true;
	for (int at = 0; at < total; at += op_at(text + at).yes) {
		is_op[at] = true;
		int size = 4 + operand_size(text + at);
		assert_int_equal(op_at(text + at).yes, size);
		assert_true(at + size <= total);
	}
	for (int at = 0; at < total; at += op_at(text + at).yes) {
		struct inet_diag_bc_op op = op_at(text + at);
		int size = op.code == INET_DIAG_BC_JMP ? 4 : op.yes;
		assert_true(op.no >= size && op.no % 4 == 0);
		assert_true(op.no <= total - at + 4);
		assert_true(is_op[at + op.no]);
	}
}

static bool find_device(const char *name, uint64_t *index)
{
	*index = 7;
	return strcmp(name, "eth0") == 0;
}

static bool find_cgroup(const char *path, uint64_t *id)
{
	*id = 42;
	return *path == '/';
}

static struct filter *parsed(const char *text)
{
	static const struct filter_resolver resolver = { find_device, find_cgroup };
	struct filter *f = NULL;
	struct error err = { 0 };
	if (filter_parse(text, &f, NULL, &err) || filter_resolve(f, &resolver, &err))
		fail_msg("%s: %s", text, err.text);
	return f;
}

/* Hexadecimal words as "code,yes,no" per op, operands of conditions left out. */
static void describe(const struct strbuf *program, struct strbuf *out)
{
	const uint8_t *text = (const uint8_t *)program->text;
	for (size_t at = 0; at < program->len; at += op_at(text + at).yes) {
		struct inet_diag_bc_op op = op_at(text + at);
		strbuf_addf(out, "%s%u,%u,%u", at ? " " : "", op.code, op.yes, op.no);
		if (operand_size(text + at) == 4 && op.code != INET_DIAG_BC_DEV_COND)
			strbuf_addf(out, ":%u", op_at(text + at + 4).no);
	}
}

static void programs_are_short(void **state)
{
	static const struct {
		const char *text, *program; /* "" = the kernel can exclude nothing */
	} cases[] = {
		/* verified against a kernel (kernel-facts 1.7) */
		{ "sport = :80", "11,8,12:80" },
		{ "sport >= 80 sport <= 90", "2,8,20:80 3,8,12:90" },
		{ "sport 80 or sport 90", "11,8,12:80 1,4,12 11,8,12:90" },
		{ "dst 10.9.0.0/16", "8,16,20" },
		/* not */
		{ "sport != 80", "11,8,12:80 1,4,8" },
		{ "not sport = 80", "11,8,12:80 1,4,8" },
		{ "not not sport = 80", "11,8,12:80" },
		{ "sport < 80", "2,8,12:80 1,4,8" },
		{ "sport > 80", "3,8,12:80 1,4,8" },
		{ "autobound", "6,4,8" },
		{ "dev eth0", "9,8,12" },
		{ "cgroup /a", "13,12,16" },
		/* nothing to decide */
		{ "", "" },
		{ "*", "" },
		{ "src *", "" },
		{ "age > 5m", "" },
		{ "not rtt > 5ms", "" },
		{ "state established", "" },
		{ "not state established", "" },
		{ "fwmark 1", "" },
		{ "not fwmark 1", "" },
		{ "sport 80 or age > 5m", "" },
		{ "not (sport 80 and age > 5m)", "" },
		{ "sport 80 or not (sport 81 or age > 5m) or verdict idle", "" },
		{ "not src unix:*", "" },
		/* what cannot be decided leaves nothing behind */
		{ "age > 5m sport 80 rtt > 0", "11,8,12:80" },
		{ "not (sport 80 or age > 5m)", "11,8,12:80 1,4,8" },
		{ "sport 80 and (dport 1 or age > 5m)", "11,8,12:80" },
		{ "sport 80 and state established", "11,8,12:80" },
		{ "sport 80 or src unix:*", "11,8,12:80" },
		/* nothing at all */
		{ "src unix:*", "1,4,8" },
		{ "sport 80 and src unix:*", "1,4,8" },
		{ "not *", "1,4,8" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct filter *f = parsed(cases[i].text);
		struct strbuf program = { 0 }, text = { 0 };
		bool has_program = bytecode_compile(f, &program);
		assert_int_equal(has_program, program.len > 0);
		describe(&program, &text);
		if (strcmp(strbuf_text(&text), cases[i].program))
			fail_msg("%s: %s", cases[i].text, strbuf_text(&text));
		if (has_program)
			check(&program);
		strbuf_clear(&program);
		strbuf_clear(&text);
		filter_free(f);
	}
	struct strbuf none = { 0 };
	assert_false(bytecode_compile(NULL, &none));
}

static void name_without_a_number_is_left_to_user_space(void **state)
{
	struct filter *f = NULL;
	struct error err;
	struct strbuf program = { 0 };
	(void)state;
	assert_int_equal(filter_parse("not dev eth0 or cgroup /a", &f, NULL, &err), 0);
	assert_false(bytecode_compile(f, &program));
	filter_free(f);
}

static void program_that_is_too_large_is_given_up(void **state)
{
	struct strbuf text = { 0 }, program = { 0 };
	(void)state;
	/* 1400 terms of 12 bytes fit, 2700 of 28 do not. */
	for (int i = 0; i < 1400; i++)
		strbuf_addf(&text, "%ssport %d", i ? " or " : "", i % 10);
	struct filter *f = parsed(text.text);
	assert_true(bytecode_compile(f, &program));
	check(&program);
	filter_free(f);

	strbuf_reset(&text);
	strbuf_reset(&program);
	for (int i = 0; i < 2700; i++)
		strbuf_addf(&text, "%s::%d", i ? "|" : "", i % 10);
	f = parsed(text.text);
	assert_false(bytecode_compile(f, &program));
	assert_int_equal(program.len, 0);
	filter_free(f);
	strbuf_clear(&text);
	strbuf_clear(&program);
}

static void program_is_appended(void **state)
{
	struct strbuf out = { 0 };
	struct filter *f = parsed("sport 80");
	(void)state;
	strbuf_add(&out, "head");
	assert_true(bytecode_compile(f, &out));
	assert_int_equal(out.len, 12);
	filter_free(f);
	strbuf_clear(&out);
}

/* A fixed sequence (xorshift): a failure can be repeated. */
static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static const char *const addresses[] = {
	"10.0.0.1", "10.0.0.2", "10.1.0.1",    "192.168.0.1",   "0.0.0.0",
	"::",       "::1",      "2001:db8::1", "2001:db8:1::1", "::ffff:10.0.0.1",
};

/* A row as the kernel has it, and as the collector would make it. */
static void make_socket(uint32_t *seed, struct entry *e, struct tcp_socket *sk)
{
	static const uint16_t ports[] = { 0, 79, 80, 81, 443, 65535 };
	*e = (struct entry){ 0 };
	*sk = (struct tcp_socket){ 0 };
	uint8_t version;
	bool is_v4 = next_random(seed) % 2;
	for (int end = 0; end < 2; end++) {
		struct ip_address *ip = end ? &sk->peer : &sk->local;
		const char *text = is_v4 ? addresses[next_random(seed) % 5]
					 : addresses[5 + next_random(seed) % 5];
		assert_true(ip_address_parse(text, ip, &version));
		memcpy(end ? e->target : e->source, ip->bytes + (is_v4 ? 12 : 0),
		       is_v4 ? 4 : 16);
	}
	e->family = is_v4 ? AF_INET : AF_INET6;
	e->sport = sk->local_port = ports[next_random(seed) % COUNT(ports)];
	e->dport = sk->peer_port = ports[next_random(seed) % COUNT(ports)];
	e->interface = sk->interface = next_random(seed) % 2 ? 7 : 0;
	e->cgroup = next_random(seed) % 2 ? 42 : 10;
	e->is_autobound = true;
	sk->state = (uint8_t)(1 + next_random(seed) % 11);
	sk->cgroup = e->cgroup == 42;
	sk->has =
		(uint16_t)(TCP_HAS_CGROUP | (next_random(seed) % 2 ? TCP_HAS_INFO : 0));
	sk->rtt_us = next_random(seed) % 3;
	sk->recv_queue = next_random(seed) % 3;
}

/* Terms up to AUTO_AT the kernel decides; the rest it does not. */
static const char *const terms[] = {
	"sport = 80",
	"sport != 80",
	"sport < 80",
	"sport > 80",
	"sport <= 80",
	"sport >= 80",
	"dport = 443",
	"dport != 443",
	"dport < 443",
	"dport > 65534",
	"dport >= 0",
	":80",
	"src 10.0.0.0/8",
	"dst 10.0.0.1:80",
	"src inet:*",
	"src inet6:*",
	"dst inet6:*:80",
	"dst ::/8",
	"dst ::/95",
	"10.0.0.1",
	"src [::1]",
	"::/96",
	"2001:db8::/47",
	"[2001:db8::1]:443",
	"src != 10.0.0.1",
	"dst ::ffff:0:0/96",
	"dst ::fffe:0:0/95",
	"dev eth0",
	"dev != eth0",
	"cgroup /a",
	"cgroup != /a",
	"src unix:x",
	"*",
	/* from here on user space */
	"autobound",
	"rtt > 1us",
	"recvq > 0",
	"state listening",
	"exclude listening",
	"fwmark 1",
	"age > 1s",
	"verdict idle",
};

enum { DECIDABLE_COUNT = 33 };

static void add_random(struct strbuf *text, uint32_t *seed, int depth, size_t count)
{
	uint32_t kind = next_random(seed) % 8;
	if (!depth || kind < 2) {
		strbuf_add(text, terms[next_random(seed) % count]);
		return;
	}
	if (kind == 2) {
		strbuf_add(text, "not (");
		add_random(text, seed, depth - 1, count);
	} else {
		strbuf_add_char(text, '(');
		size_t operands = 2 + next_random(seed) % 3;
		for (size_t i = 0; i < operands; i++) {
			if (i)
				strbuf_add(text, kind < 6 ? " or " : " and ");
			add_random(text, seed, depth - 1, count);
		}
	}
	strbuf_add_char(text, ')');
}

static uint64_t cgroup_ids[] = { 10, 42 };
static const struct snapshot snap = {
	.cgroups = cgroup_ids,
	.cgroup_count = 2,
};

/* Many sockets against one expression. */
static void compare(const char *text, uint32_t *seed, int rows, bool is_exact)
{
	struct strbuf program = { 0 };
	struct filter *f = parsed(text);
	bool has_program = bytecode_compile(f, &program);
	if (has_program)
		check(&program);
	for (int i = 0; i < rows; i++) {
		struct entry e;
		struct tcp_socket sk;
		make_socket(seed, &e, &sk);
		struct filter_subject subject = { .snap = &snap,
						  .socket = &sk,
						  .age_ms = i % 3 * 1000 - 1 };
		bool by_user = filter_match(f, &subject);
		bool by_kernel = !has_program || run(&program, &e);
		if (by_user && !by_kernel)
			fail_msg("lost by the kernel: %s", text);
		if (is_exact && by_user != by_kernel)
			fail_msg("not the same: %s", text);
	}
	filter_free(f);
	strbuf_clear(&program);
}

static void each_term_agrees_with_the_kernel(void **state)
{
	uint32_t seed = 1;
	(void)state;
	for (size_t i = 0; i < COUNT(terms); i++) {
		auto_free char *negated = xasprintf("not (%s)", terms[i]);
		compare(terms[i], &seed, 400, i < DECIDABLE_COUNT);
		if (strcmp(terms[i], "autobound"))
			compare(negated, &seed, 400, i < DECIDABLE_COUNT);
	}
}

static void decidable_expressions_are_exact(void **state)
{
	uint32_t seed = 2;
	(void)state;
	for (int i = 0; i < VERIFIED_RUNS; i++) {
		struct strbuf text = { 0 };
		add_random(&text, &seed, 4, DECIDABLE_COUNT);
		compare(text.text, &seed, 8, true);
		strbuf_clear(&text);
	}
}

/*
 * The rows here are all autobound, and nobody may write "not autobound": that is
 * the one term that the kernel decides alone.
 */
static void no_expression_loses_a_match(void **state)
{
	uint32_t seed = 3;
	(void)state;
	for (int i = 0; i < VERIFIED_RUNS; i++) {
		struct strbuf text = { 0 };
		add_random(&text, &seed, 4, COUNT(terms));
		if (!strstr(text.text, "autobound"))
			compare(text.text, &seed, 8, false);
		strbuf_clear(&text);
	}
}

static void autobound_is_decided_by_the_kernel(void **state)
{
	struct filter *f = parsed("not autobound and sport = 80");
	struct strbuf program = { 0 };
	(void)state;
	assert_true(bytecode_compile(f, &program));
	check(&program);
	struct entry e = { .family = AF_INET, .sport = 80 };
	assert_true(run(&program, &e));
	e.is_autobound = true;
	assert_false(run(&program, &e));
	filter_free(f);
	strbuf_clear(&program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_short),
		cmocka_unit_test(name_without_a_number_is_left_to_user_space),
		cmocka_unit_test(program_that_is_too_large_is_given_up),
		cmocka_unit_test(program_is_appended),
		cmocka_unit_test(each_term_agrees_with_the_kernel),
		cmocka_unit_test(decidable_expressions_are_exact),
		cmocka_unit_test(no_expression_loses_a_match),
		cmocka_unit_test(autobound_is_decided_by_the_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
