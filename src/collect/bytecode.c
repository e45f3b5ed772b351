/* SPDX-License-Identifier: MIT */
#include "bytecode.h"

#include <linux/inet_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conn-doctor/memory.h"

/*
 * A program is a row of conditional jumps (kernel-facts 1.7). Each op goes on
 * with the next one on yes - the kernel insists that `yes` is the op's length -
 * and jumps `no` bytes forward otherwise. Landing on the end accepts, landing 4
 * bytes beyond rejects.
 *
 * Jumps go forward only, so the program is written from its end to its start:
 * then every target is known when the jump to it is written. A place is
 * measured as the distance to the end: 0 is "accept", -4 is "reject", and the
 * entry of what was written last is the current length.
 *
 * What the kernel cannot decide counts as what lets more sockets through: true,
 * and false under a NOT. Such operands are neutral in the chain they stand in
 * (or they decide it), so they leave no ops behind.
 */

enum {
	/* An attribute's length has 16 bits and includes its header of 4. */
	PROGRAM_MAX = (UINT16_MAX - 4) & ~3,
	ACCEPT = 0,
	REJECT = -4,
};

struct program {
	uint8_t *bytes; /* PROGRAM_MAX; used from the end */
	int len;
	bool is_too_large;
};

/* Where to go on after a condition. */
struct targets {
	int yes, no;
};

enum decision { ALWAYS_FALSE, ALWAYS_TRUE, BY_KERNEL };

static bool is_chain(const struct filter_node *node)
{
	return node->kind == FILTER_AND || node->kind == FILTER_OR;
}

static enum decision constant(bool value)
{
	return value ? ALWAYS_TRUE : ALWAYS_FALSE;
}

static enum decision decide_leaf(const struct filter_node *leaf, bool maybe)
{
	switch (leaf->kind) {
	case FILTER_PORT:
	case FILTER_AUTOBOUND:
		return BY_KERNEL;
	case FILTER_ADDRESS:
		return !leaf->ip_version && leaf->port < 0 ? ALWAYS_TRUE : BY_KERNEL;
	case FILTER_DEVICE:
	case FILTER_CGROUP: /* 0: the name was not looked up */
		return leaf->value ? BY_KERNEL : constant(maybe);
	case FILTER_NOTHING:
		return ALWAYS_FALSE;
	default: /* FILTER_MARK is here because the kernel wants CAP_NET_ADMIN */
		return constant(maybe);
	}
}

/* What the kernel can say of a tree; `maybe` is what it cannot decide counts as. */
static enum decision decide(const struct filter_node *node, bool maybe)
{
	if (node->kind == FILTER_NOT) {
		enum decision d = decide(node->left, !maybe);
		return d == BY_KERNEL ? d : constant(d == ALWAYS_FALSE);
	}
	if (!is_chain(node))
		return decide_leaf(node, maybe);
	enum filter_kind kind = node->kind;
	enum decision decisive = constant(kind == FILTER_OR);
	enum decision result = constant(kind == FILTER_AND);
	for (; node->kind == kind; node = node->left) {
		enum decision d = decide(node->right, maybe);
		if (d == decisive)
			return d;
		if (d == BY_KERNEL)
			result = d;
	}
	enum decision first = decide(node, maybe);
	return first == decisive || first == BY_KERNEL ? first : result;
}

static void prepend(struct program *p, const void *bytes, size_t size)
{
	if (size > (size_t)(PROGRAM_MAX - p->len)) {
		p->is_too_large = true;
		return;
	}
	p->len += (int)size;
	memcpy(p->bytes + PROGRAM_MAX - p->len, bytes, size);
}

static uint16_t jump_from(int place, int target)
{
	return (uint16_t)(place - target);
}

/*
 * Writes an op with its operand in front of the program; returns its place. The
 * op falls through on yes, so when something else stands there, a jump follows.
 */
static int emit_op(struct program *p, uint8_t code, const void *operand, size_t size,
		   struct targets to)
{
	if (to.yes != p->len) {
		struct inet_diag_bc_op jump = { .code = INET_DIAG_BC_JMP,
						.yes = sizeof(jump) };
		jump.no = jump_from(p->len + (int)sizeof(jump), to.yes);
		prepend(p, &jump, sizeof(jump));
	}
	struct inet_diag_bc_op op = { .code = code };
	int len = (int)(sizeof(op) + size);
	op.yes = (unsigned char)len;
	op.no = jump_from(p->len + len, to.no);
	prepend(p, operand, size);
	prepend(p, &op, sizeof(op));
	return p->len;
}

static struct targets swapped(struct targets to)
{
	return (struct targets){ .yes = to.no, .no = to.yes };
}

/* The kernel knows =, <= and >=; the others are their negations. */
static int emit_port(struct program *p, const struct filter_node *node, bool is_peer,
		     struct targets to)
{
	static const struct {
		uint8_t code[2]; /* local, peer */
		bool is_negated;
	} ops[] = {
		[FILTER_EQ] = { { INET_DIAG_BC_S_EQ, INET_DIAG_BC_D_EQ }, false },
		[FILTER_NE] = { { INET_DIAG_BC_S_EQ, INET_DIAG_BC_D_EQ }, true },
		[FILTER_LT] = { { INET_DIAG_BC_S_GE, INET_DIAG_BC_D_GE }, true },
		[FILTER_GT] = { { INET_DIAG_BC_S_LE, INET_DIAG_BC_D_LE }, true },
		[FILTER_LE] = { { INET_DIAG_BC_S_LE, INET_DIAG_BC_D_LE }, false },
		[FILTER_GE] = { { INET_DIAG_BC_S_GE, INET_DIAG_BC_D_GE }, false },
	};
	struct inet_diag_bc_op port = { .no = (uint16_t)node->value };
	return emit_op(p, ops[node->op].code[is_peer], &port, sizeof(port),
		       ops[node->op].is_negated ? swapped(to) : to);
}

/* A host condition; ip_version 0 is any family and takes no address. */
static int emit_host(struct program *p, const struct filter_node *node, bool is_peer,
		     struct targets to)
{
	struct inet_diag_hostcond cond = { .family = AF_UNSPEC, .port = node->port };
	uint8_t operand[sizeof(cond) + sizeof(node->address)];
	size_t address_len = 0;
	if (node->ip_version) {
		bool is_v4 = node->ip_version == 4;
		cond.family = is_v4 ? AF_INET : AF_INET6;
		cond.prefix_len = node->prefix_len;
		address_len = is_v4 ? 4 : 16;
	}
	memcpy(operand, &cond, sizeof(cond));
	memcpy(operand + sizeof(cond), node->address.bytes + 16 - address_len,
	       address_len);
	return emit_op(p, is_peer ? INET_DIAG_BC_D_COND : INET_DIAG_BC_S_COND, operand,
		       sizeof(cond) + address_len, to);
}

/* The IPv6 prefix has ::ffff:0:0/96 in it, or part of it. */
static bool covers_mapped(const struct filter_node *node)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (node->ip_version != 6 || node->prefix_len > 96)
		return false;
	unsigned whole = node->prefix_len / 8, rest = node->prefix_len % 8;
	const uint8_t *bytes = node->address.bytes;
	return memcmp(bytes, mapped, whole) == 0 &&
	       (!rest || !((bytes[whole] ^ mapped[whole]) >> (8 - rest)));
}

/*
 * A mapped address is IPv4 for us. For the kernel it is both, so it must be taken
 * out of an IPv6 prefix that has it - else NOT would throw out too much.
 */
static int emit_address(struct program *p, const struct filter_node *node, bool is_peer,
			struct targets to)
{
	static const struct filter_node any_v4 = { .ip_version = 4, .port = -1 };
	if (covers_mapped(node))
		to.yes = emit_host(p, &any_v4, is_peer, swapped(to));
	return emit_host(p, node, is_peer, to);
}

static int emit_end(struct program *p, const struct filter_node *node, bool is_peer,
		    struct targets to)
{
	return node->kind == FILTER_PORT ? emit_port(p, node, is_peer, to)
					 : emit_address(p, node, is_peer, to);
}

static int emit_leaf(struct program *p, const struct filter_node *node,
		     struct targets to)
{
	struct targets by_op = node->op == FILTER_NE ? swapped(to) : to;
	uint32_t interface = (uint32_t)node->value;
	switch (node->kind) {
	case FILTER_AUTOBOUND:
		return emit_op(p, INET_DIAG_BC_AUTO, "", 0, to);
	case FILTER_DEVICE:
		return emit_op(p, INET_DIAG_BC_DEV_COND, &interface, sizeof(interface),
			       by_op);
	case FILTER_CGROUP:
		return emit_op(p, INET_DIAG_BC_CGROUP_COND, &node->value,
			       sizeof(node->value), by_op);
	default:
		break;
	}
	if (node->end == FILTER_EITHER)
		to.no = emit_end(p, node, true, to);
	return emit_end(p, node, node->end == FILTER_PEER, to);
}

/*
 * Writes the ops of a tree that decide() left to the kernel; returns its entry.
 * A chain is written from its last operand to its first. Each operand goes on
 * with the one after it when its own value does not settle the matter.
 */
static int emit(struct program *p, const struct filter_node *node, bool maybe,
		struct targets to)
{
	for (; node->kind == FILTER_NOT; node = node->left) {
		to = swapped(to);
		maybe = !maybe;
	}
	if (!is_chain(node))
		return emit_leaf(p, node, to);
	enum filter_kind kind = node->kind;
	int *next = kind == FILTER_AND ? &to.yes : &to.no;
	for (; node->kind == kind && !p->is_too_large; node = node->left)
		if (decide(node->right, maybe) == BY_KERNEL)
			*next = emit(p, node->right, maybe, to);
	if (!p->is_too_large && decide(node, maybe) == BY_KERNEL)
		*next = emit(p, node, maybe, to);
	return *next;
}

/* Lets nothing through: one jump beyond the end. */
static void emit_reject(struct program *p)
{
	struct inet_diag_bc_op jump = { .code = INET_DIAG_BC_JMP, .yes = sizeof(jump) };
	jump.no = jump_from((int)sizeof(jump), REJECT);
	prepend(p, &jump, sizeof(jump));
}

bool bytecode_compile(const struct filter *f, struct strbuf *out)
{
	enum decision d = f && f->root ? decide(f->root, true) : ALWAYS_TRUE;
	if (d == ALWAYS_TRUE)
		return false;
	auto_free uint8_t *bytes = xmalloc(PROGRAM_MAX);
	struct program p = { .bytes = bytes };
	if (d == ALWAYS_FALSE)
		emit_reject(&p);
	else
		emit(&p, f->root, true,
		     (struct targets){ .yes = ACCEPT, .no = REJECT });
	if (p.is_too_large)
		return false;
	strbuf_add_len(out, (const char *)bytes + PROGRAM_MAX - p.len, (size_t)p.len);
	return true;
}
