/* SPDX-License-Identifier: MIT */
#include "node.h"

#include <stdlib.h>

#include "conn-doctor/memory.h"

static bool is_branch(const struct filter_node *node)
{
	return filter_node_is_chain(node) || node->kind == FILTER_NOT;
}

struct filter_node *filter_node_new(enum filter_kind kind)
{
	struct filter_node *node = xcalloc(1, sizeof(*node));
	node->kind = kind;
	node->port = -1;
	return node;
}

void filter_node_free(struct filter_node *node)
{
	while (node) {
		struct filter_node *left = node->left;
		filter_node_free(node->right);
		free(node->name);
		free(node);
		node = left;
	}
}

/* Branches have no value of their own, so they keep their nesting there. */
uint64_t filter_node_nesting(const struct filter_node *node)
{
	return is_branch(node) ? node->value : 0;
}

struct filter_node *filter_node_join(enum filter_kind kind, struct filter_node *left,
				     struct filter_node *right)
{
	struct filter_node *node = filter_node_new(kind);
	node->left = left;
	node->right = right;
	/* One more term at the end of a chain does not nest it any deeper. */
	bool is_same_chain = kind != FILTER_NOT && left->kind == kind;
	node->value = filter_node_nesting(left) + !is_same_chain;
	if (right && filter_node_nesting(right) + 1 > node->value)
		node->value = filter_node_nesting(right) + 1;
	return node;
}

int filter_node_each_leaf(struct filter_node *node, filter_visitor *visit,
			  void *context)
{
	for (; is_branch(node); node = node->left) {
		int result = 0;
		if (node->right)
			result = filter_node_each_leaf(node->right, visit, context);
		if (result)
			return result;
	}
	return visit(node, context);
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	filter_node_free(f->root);
	free(f->text);
	free(f);
}
