/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conn-doctor/verdict.h"
#include "node.h"
#include "states.h"

/*
 * A term about something the kernel did not say is neither true nor false, and
 * neither is its negation: "not rtt > 1s" must not show a listener, which has
 * no round-trip time at all. So terms have three values (Kleene's logic), and
 * only what is certainly true at the top is shown.
 */
enum truth { IS_FALSE, IS_UNKNOWN, IS_TRUE };

static enum truth truth_of(bool b)
{
	return b ? IS_TRUE : IS_FALSE;
}

static bool compare(enum filter_op op, uint64_t a, uint64_t b)
{
	switch (op) {
	case FILTER_EQ:
		return a == b;
	case FILTER_NE:
		return a != b;
	case FILTER_LT:
		return a < b;
	case FILTER_GT:
		return a > b;
	case FILTER_LE:
		return a <= b;
	case FILTER_GE:
		return a >= b;
	}
	return false;
}

static bool is_ipv4(const struct ip_address *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	return memcmp(ip->bytes, mapped, sizeof(mapped)) == 0;
}

static bool has_prefix(const struct ip_address *ip, const struct ip_address *prefix,
		       unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(ip->bytes, prefix->bytes, whole))
		return false;
	return !rest || !((ip->bytes[whole] ^ prefix->bytes[whole]) >> (8 - rest));
}

/* Each end is looked at for itself: a mapped address is IPv4 in any row. */
static bool end_matches(const struct filter_node *node, const struct ip_address *ip,
			uint16_t port)
{
	if (node->kind == FILTER_PORT)
		return compare(node->op, port, node->value);
	if (node->port >= 0 && node->port != port)
		return false;
	if (!node->ip_version)
		return true;
	bool is_v4 = node->ip_version == 4;
	return is_v4 == is_ipv4(ip) &&
	       has_prefix(ip, &node->address, node->prefix_len + (is_v4 ? 96U : 0U));
}

static enum truth match_endpoint(const struct filter_node *node,
				 const struct filter_subject *subject)
{
	const struct tcp_socket *sk = subject->socket;
	bool ok = false;
	if (node->end != FILTER_PEER)
		ok = end_matches(node, &sk->local, sk->local_port);
	if (!ok && node->end != FILTER_LOCAL)
		ok = end_matches(node, &sk->peer, sk->peer_port);
	return truth_of(ok);
}

static enum truth match_states(const struct filter_node *node,
			       const struct filter_subject *subject)
{
	return truth_of(node->value & states_of_row(subject->socket->state));
}

/* The value 0 is a name that filter_resolve() has not looked up. */
static enum truth match_device(const struct filter_node *node,
			       const struct filter_subject *subject)
{
	if (!node->value)
		return IS_UNKNOWN;
	return truth_of(compare(node->op, subject->socket->interface, node->value));
}

static enum truth match_cgroup(const struct filter_node *node,
			       const struct filter_subject *subject)
{
	const struct tcp_socket *sk = subject->socket;
	const struct snapshot *snap = subject->snap;
	if (!node->value || !(sk->has & TCP_HAS_CGROUP) || !snap ||
	    sk->cgroup >= snap->cgroup_count)
		return IS_UNKNOWN;
	return truth_of(compare(node->op, snap->cgroups[sk->cgroup], node->value));
}

static enum truth match_mark(const struct filter_node *node,
			     const struct filter_subject *subject)
{
	const struct tcp_socket *sk = subject->socket;
	if (!(sk->has & TCP_HAS_MARK))
		return IS_UNKNOWN;
	return truth_of(compare(node->op, sk->mark & node->mask, node->value));
}

static enum truth match_verdict(const struct filter_node *node,
				const struct filter_subject *subject)
{
	if (subject->verdict >= VERDICT_COUNT)
		return IS_UNKNOWN;
	return truth_of(compare(node->op, subject->verdict, node->value));
}

/* The number that a comparison is about; false when it is not known. */
static bool quantity_value(enum filter_kind kind, const struct filter_subject *subject,
			   uint64_t *out)
{
	const struct tcp_socket *sk = subject->socket;
	/*
	 * A listener has a tcp_info, but nothing is ever sent on it; the clocks of
	 * a connection not made yet count from when the machine started.
	 */
	bool has_info = sk->has & TCP_HAS_INFO && sk->state != TCP_STATE_LISTEN &&
			sk->state != TCP_STATE_CLOSED;
	bool has_clocks = has_info && sk->state != TCP_STATE_SYN_SENT;
	switch (kind) {
	case FILTER_AGE:
		*out = (uint64_t)subject->age_ms;
		return subject->age_ms >= 0;
	case FILTER_IDLE:
		*out = sk->last_data_sent_ms < sk->last_data_recv_ms
			       ? sk->last_data_sent_ms
			       : sk->last_data_recv_ms;
		return has_clocks;
	case FILTER_RTT: /* 0: not measured yet */
		*out = sk->rtt_us;
		return has_info && sk->rtt_us;
	case FILTER_RETRANS:
		*out = sk->total_retrans;
		return has_info;
	case FILTER_RECVQ: /* of a subflow, not of the application's socket */
		*out = sk->recv_queue;
		return !(sk->has & TCP_IS_MPTCP);
	case FILTER_SENDQ:
		*out = sk->send_queue;
		return !(sk->has & TCP_IS_MPTCP);
	default:
		return false;
	}
}

static enum truth match_quantity(const struct filter_node *node,
				 const struct filter_subject *subject)
{
	uint64_t value;
	if (!quantity_value(node->kind, subject, &value))
		return IS_UNKNOWN;
	return truth_of(compare(node->op, value, node->value));
}

static enum truth match_nothing(const struct filter_node *node,
				const struct filter_subject *subject)
{
	(void)node, (void)subject;
	return IS_FALSE;
}

static enum truth (*const match_leaf[])(const struct filter_node *node,
					const struct filter_subject *subject) = {
	[FILTER_ADDRESS] = match_endpoint, [FILTER_PORT] = match_endpoint,
	[FILTER_STATES] = match_states,    [FILTER_DEVICE] = match_device,
	[FILTER_MARK] = match_mark,        [FILTER_CGROUP] = match_cgroup,
	[FILTER_AGE] = match_quantity,     [FILTER_IDLE] = match_quantity,
	[FILTER_RTT] = match_quantity,     [FILTER_RECVQ] = match_quantity,
	[FILTER_SENDQ] = match_quantity,   [FILTER_RETRANS] = match_quantity,
	[FILTER_VERDICT] = match_verdict,  [FILTER_NOTHING] = match_nothing,
};

/* The tree's value, or that of its negation (which swaps and and or). */
static enum truth match_node(const struct filter_node *node, bool is_negated,
			     const struct filter_subject *subject)
{
	for (; node->kind == FILTER_NOT; node = node->left)
		is_negated = !is_negated;
	/*
	 * No field of a row tells who chose the local port. Where the kernel could
	 * decide it (bytecode) the others are not here; else all are shown, whether
	 * the term is negated or not.
	 */
	if (node->kind == FILTER_AUTOBOUND)
		return IS_TRUE;
	if (!filter_node_is_chain(node)) {
		enum truth t = match_leaf[node->kind](node, subject);
		return is_negated ? IS_TRUE - t : t;
	}
	enum filter_kind kind = node->kind;
	bool is_and = (kind == FILTER_AND) != is_negated;
	enum truth decisive = is_and ? IS_FALSE : IS_TRUE, result = IS_TRUE - decisive;
	for (; node->kind == kind && result != decisive; node = node->left) {
		enum truth t = match_node(node->right, is_negated, subject);
		if (is_and ? t < result : t > result)
			result = t;
	}
	if (result == decisive)
		return result;
	enum truth first = match_node(node, is_negated, subject);
	return (is_and ? first < result : first > result) ? first : result;
}

bool filter_match(const struct filter *f, const struct filter_subject *subject)
{
	return !f || !f->root || match_node(f->root, false, subject) == IS_TRUE;
}
