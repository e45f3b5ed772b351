/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FILTER_NODE_H
#define CONN_DOCTOR_FILTER_NODE_H

#include "conn-doctor/filter.h"

/*
 * The tree. `a and b and c` leans to the left: AND(AND(a, b), c). Such a chain
 * may be thousands of terms long, so everything that walks the tree follows the
 * left child in a loop and recurses to the right only; recursion then goes as
 * deep as the expression is nested, which the parser bounds.
 */
enum { FILTER_NESTING_MAX = 64, FILTER_LENGTH_MAX = 16 * 1024 };

struct filter_node *filter_node_new(enum filter_kind kind);
void filter_node_free(struct filter_node *node);

/* AND or OR over two trees, NOT over one; takes them over. */
struct filter_node *filter_node_join(enum filter_kind kind, struct filter_node *left,
				     struct filter_node *right);

/* How many groups and negations are inside each other; 0 for a single term. */
uint64_t filter_node_nesting(const struct filter_node *node);

static inline bool filter_node_is_chain(const struct filter_node *node)
{
	return node->kind == FILTER_AND || node->kind == FILTER_OR;
}

/* Calls `visit` for each node that is no AND, OR or NOT, until it returns non-zero. */
typedef int filter_visitor(struct filter_node *leaf, void *context);
int filter_node_each_leaf(struct filter_node *node, filter_visitor *visit,
			  void *context);

#endif
