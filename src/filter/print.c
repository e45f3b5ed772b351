/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/verdict.h"
#include "endpoint.h"
#include "parser.h"
#include "states.h"
#include "values.h"

static void print_node(const struct filter_node *node, struct strbuf *out);

/* `(a and b and c)`: what leans to the left needs no brackets of its own. */
static void print_chain(const struct filter_node *node, struct strbuf *out)
{
	enum filter_kind kind = node->kind;
	size_t count = 1;
	for (const struct filter_node *n = node; n->kind == kind; n = n->left)
		count++;
	auto_free const struct filter_node **operands =
		xcalloc(count, sizeof(struct filter_node *));
	size_t i = count;
	for (; node->kind == kind; node = node->left)
		operands[--i] = node->right;
	operands[0] = node;

	strbuf_add_char(out, '(');
	for (i = 0; i < count; i++) {
		if (i)
			strbuf_add(out, kind == FILTER_AND ? " and " : " or ");
		print_node(operands[i], out);
	}
	strbuf_add_char(out, ')');
}

static void print_name(const struct filter_node *node, struct strbuf *out)
{
	lexer_quote(out, node->name);
}

static void print_port(const struct filter_node *node, struct strbuf *out)
{
	strbuf_addf(out, ":%" PRIu64, node->value);
}

static void print_mark(const struct filter_node *node, struct strbuf *out)
{
	strbuf_addf(out, "0x%" PRIx64, node->value);
	if (node->mask != UINT32_MAX)
		strbuf_addf(out, "/0x%" PRIx32, node->mask);
}

static void print_verdict(const struct filter_node *node, struct strbuf *out)
{
	strbuf_add(out, verdict_table[node->value].code);
}

static void print_quantity(const struct filter_node *node, struct strbuf *out)
{
	quantity_print(quantity_of(node->kind), node->value, out);
}

/* Terms of the form "NAME OP VALUE", and how the value is written. */
static void (*const print_value[])(const struct filter_node *node,
				   struct strbuf *out) = {
	[FILTER_ADDRESS] = endpoint_print_node, [FILTER_PORT] = print_port,
	[FILTER_DEVICE] = print_name,           [FILTER_MARK] = print_mark,
	[FILTER_CGROUP] = print_name,           [FILTER_AGE] = print_quantity,
	[FILTER_IDLE] = print_quantity,         [FILTER_RTT] = print_quantity,
	[FILTER_RECVQ] = print_quantity,        [FILTER_SENDQ] = print_quantity,
	[FILTER_RETRANS] = print_quantity,      [FILTER_VERDICT] = print_verdict,
};

static void print_leaf(const struct filter_node *node, struct strbuf *out)
{
	/* A shorthand is a value alone. */
	if (node->end != FILTER_EITHER)
		strbuf_addf(out, "%s %s ", term_name(node->kind, node->end),
			    filter_op_sign(node->op));
	print_value[node->kind](node, out);
}

static void print_node(const struct filter_node *node, struct strbuf *out)
{
	for (; node->kind == FILTER_NOT; node = node->left)
		strbuf_add(out, "not ");
	if (filter_node_is_chain(node))
		print_chain(node, out);
	else if (node->kind == FILTER_STATES)
		states_print((uint32_t)node->value, out);
	else if (node->kind == FILTER_AUTOBOUND)
		strbuf_add(out, "autobound");
	else if (node->kind == FILTER_NOTHING)
		strbuf_add(out, "src = unix:*");
	else
		print_leaf(node, out);
}

void filter_print(const struct filter *f, struct strbuf *out)
{
	if (f && f->root)
		print_node(f->root, out);
}
