/* SPDX-License-Identifier: MIT */
#include "states.h"

#include <string.h>
#include <strings.h>

#include "node.h"

#define BIT(name) TCP_STATE_BIT(TCP_STATE_##name)

/* As in ss; "bucket" because the kernel keeps them as small buckets. */
static const struct {
	const char *name;
	uint32_t mask;
} groups[] = {
	{ "all", STATES_DEFAULT },
	{ "connected", STATES_DEFAULT & ~(BIT(CLOSED) | BIT(LISTEN)) },
	{ "synchronized",
	  STATES_DEFAULT & ~(BIT(CLOSED) | BIT(LISTEN) | BIT(SYN_SENT)) },
	{ "bucket", BIT(SYN_RECV) | BIT(TIME_WAIT) },
	{ "big", STATES_DEFAULT & ~(BIT(SYN_RECV) | BIT(TIME_WAIT)) },
};

enum { GROUP_COUNT = sizeof(groups) / sizeof(*groups) };

/* The spelling of ss(8); every other one is taken by tcp_state_parse(). */
static const char *const state_names[TCP_STATE_COUNT] = {
	[TCP_STATE_ESTABLISHED] = "established",
	[TCP_STATE_SYN_SENT] = "syn-sent",
	[TCP_STATE_SYN_RECV] = "syn-recv",
	[TCP_STATE_FIN_WAIT_1] = "fin-wait-1",
	[TCP_STATE_FIN_WAIT_2] = "fin-wait-2",
	[TCP_STATE_TIME_WAIT] = "time-wait",
	[TCP_STATE_CLOSED] = "closed",
	[TCP_STATE_CLOSE_WAIT] = "close-wait",
	[TCP_STATE_LAST_ACK] = "last-ack",
	[TCP_STATE_LISTEN] = "listening",
	[TCP_STATE_CLOSING] = "closing",
	[TCP_STATE_BOUND_INACTIVE] = "bound-inactive",
};

uint32_t states_parse(const char *name)
{
	for (size_t i = 0; i < GROUP_COUNT; i++)
		if (strcasecmp(groups[i].name, name) == 0)
			return groups[i].mask;
	uint8_t state = tcp_state_parse(name, strlen(name));
	return state ? TCP_STATE_BIT(state) : 0;
}

void states_suggest(struct suggestion *s)
{
	for (size_t i = 0; i < GROUP_COUNT; i++)
		suggestion_offer(s, groups[i].name);
	for (size_t i = 0; i < TCP_STATE_COUNT; i++)
		if (state_names[i])
			suggestion_offer(s, state_names[i]);
}

void states_print(uint32_t mask, struct strbuf *out)
{
	if (!mask)
		strbuf_add(out, "exclude all");
	for (size_t i = 0; i < GROUP_COUNT; i++) {
		if (groups[i].mask == mask) {
			strbuf_addf(out, "state %s", groups[i].name);
			return;
		}
	}
	const char *separator = "";
	for (size_t i = 0; i < TCP_STATE_COUNT; i++) {
		if (!(mask & TCP_STATE_BIT(i)))
			continue;
		strbuf_addf(out, "%sstate %s", separator, state_names[i]);
		separator = " ";
	}
}

/*
 * The kernel is asked for NEW_SYN_RECV and BOUND_INACTIVE by bits of their own,
 * but reports such sockets as SYN_RECV and CLOSE (kernel-facts 1.1). No other
 * socket in a dump is closed: a closed socket is in no hash table.
 */
uint32_t states_of_row(uint8_t state)
{
	switch (state) {
	case TCP_STATE_NEW_SYN_RECV:
		return BIT(SYN_RECV);
	case TCP_STATE_CLOSED:
		return BIT(CLOSED) | BIT(BOUND_INACTIVE);
	default:
		return TCP_STATE_BIT(state & 31U);
	}
}

/*
 * States in which the tree may be true (or, negated, may be false). Terms about
 * anything else than states may be either way in all of them.
 */
static uint32_t possible_states(const struct filter_node *node, bool is_negated)
{
	while (node->kind == FILTER_NOT) {
		node = node->left;
		is_negated = !is_negated;
	}
	if (filter_node_is_chain(node)) {
		enum filter_kind kind = node->kind;
		bool is_union = (kind == FILTER_OR) != is_negated;
		uint32_t mask = is_union ? 0 : STATES_KNOWN;
		for (; node->kind == kind; node = node->left) {
			uint32_t more = possible_states(node->right, is_negated);
			mask = is_union ? mask | more : mask & more;
		}
		uint32_t first = possible_states(node, is_negated);
		return is_union ? mask | first : mask & first;
	}
	if (node->kind == FILTER_NOTHING)
		return is_negated ? STATES_KNOWN : 0;
	if (node->kind != FILTER_STATES)
		return STATES_KNOWN;
	uint32_t mask = (uint32_t)node->value;
	return is_negated ? STATES_KNOWN & ~mask : mask;
}

static int names_bound_inactive(struct filter_node *leaf, void *context)
{
	(void)context;
	return leaf->kind == FILTER_STATES && leaf->value & BIT(BOUND_INACTIVE);
}

uint32_t filter_states(const struct filter *f)
{
	if (!f || !f->root)
		return TCP_STATES_ALL;
	uint32_t mask = possible_states(f->root, false);
	/* Bound-only sockets are no connections: shown when asked for by name only. */
	if (!filter_node_each_leaf(f->root, names_bound_inactive, NULL))
		mask &= STATES_DEFAULT;
	/* Bit 0 is no state; set it where "every state" is meant, as ss does. */
	return (mask & STATES_DEFAULT) == STATES_DEFAULT ? mask | 1U : mask;
}
