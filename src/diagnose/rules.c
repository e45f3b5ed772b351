/* SPDX-License-Identifier: MIT */
#include "rules.h"

#include "needs.h"

#define V(id) (1U << VERDICT_##id)
#define K(id) (1U << KERNEL_##id)
#define L(...)                          \
	{                               \
		__VA_ARGS__, LIMITS_END \
	}
#define POOL_FIELDS (TCP_HAS_INFO | TCP_HAS_BYTES | TCP_HAS_NOTSENT | TCP_IS_MPTCP)
#define NO_LIMITS          \
	{                  \
		LIMITS_END \
	}

const struct finding_rule finding_rules[FINDING_KIND_COUNT] = {
	[FINDING_STUCK_WORKER] = {
		.verdicts = V(UNREAD) | V(CLOSE_WAIT_UNREAD) | V(QUEUED) |
			    V(QUEUE_ABANDONED),
		.limits = L(LIMIT_STUCK_WORKER_SOCKETS, LIMIT_UNREAD_AGE,
			    LIMIT_CLOSE_WAIT_UNREAD_AGE, LIMIT_QUEUED_AGE,
			    LIMIT_STUCK_WORKER_CRITICAL_AGE, LIMIT_UNREAD_NOTICE),
		.find = find_stuck_worker,
	},
	[FINDING_HALF_OPEN] = {
		.verdicts = V(HALF_OPEN) | V(UNREACHABLE),
		.limits = L(LIMIT_HALF_OPEN_RETRANSMITS, LIMIT_HALF_OPEN_NO_ACK,
			    LIMIT_HALF_OPEN_PROVEN_RETRANSMITS,
			    LIMIT_HALF_OPEN_PROVEN_NO_ACK, LIMIT_PROBES_UNANSWERED,
			    LIMIT_PROBES_UNANSWERED_PROVEN,
			    LIMIT_UNREACHABLE_RETRANSMITS,
			    LIMIT_HALF_OPEN_CRITICAL_AGE),
		.find = find_half_open,
	},
	[FINDING_LOCAL_PATH_DOWN] = {
		.verdicts = V(LOCAL_PATH_DOWN),
		.limits = L(LIMIT_LOCAL_PATH_AGE, LIMIT_HALF_OPEN_CRITICAL_AGE),
		.find = find_local_path_down,
	},
	[FINDING_CLOSE_WAIT_LEAK] = {
		.verdicts = V(CLOSE_WAIT_LEAK) | V(CLOSE_WAIT_UNREAD),
		.limits = L(LIMIT_CLOSE_WAIT_AGE, LIMIT_CLOSE_WAIT_CRITICAL_AGE,
			    LIMIT_CLOSE_WAIT_CRITICAL_COUNT,
			    LIMIT_CLOSE_WAIT_FD_SHARE),
		.find = find_close_wait_leak,
	},
	[FINDING_FD_EXHAUSTION] = {
		.needs = NEED_OWNERS | NEED_DESCRIPTORS,
		.limits = L(LIMIT_FD_SHARE, LIMIT_FD_CRITICAL_SHARE),
		.applies = has_descriptors,
		.look = find_fd_exhaustion,
	},
	[FINDING_SYN_FLOOD] = {
		.kernel = K(TCP_MAX_SYN_BACKLOG),
		.limits = L(LIMIT_SYN_QUEUE_COUNT, LIMIT_SYN_QUEUE_SHARE,
			    LIMIT_SYN_QUEUE_CRITICAL_SHARE),
		.applies = has_handshakes,
		.look = find_syn_floods,
	},
	[FINDING_ACCEPT_QUEUE_FULL] = {
		.verdicts = V(QUEUED),
		.needs = NEED_DROPS,
		.limits = L(LIMIT_ACCEPT_QUEUE_SHARE, LIMIT_QUEUED_AGE),
		.find = find_accept_queue,
	},
	[FINDING_QUEUE_ABANDONED] = {
		.verdicts = V(QUEUE_ABANDONED),
		.limits = L(LIMIT_QUEUED_AGE, LIMIT_QUEUE_ABANDONED_CRITICAL),
		.find = find_queue_abandoned,
	},
	[FINDING_PORT_EXHAUSTION] = {
		.kernel = K(PORT_RANGE_LOW) | K(PORT_RANGE_HIGH),
		.limits = L(LIMIT_PORTS_SHARE, LIMIT_PORTS_CRITICAL_SHARE),
		.applies = has_clients,
		.look = find_port_exhaustion,
	},
	[FINDING_ORPHANS] = {
		.kernel = K(TCP_ORPHANS) | K(TCP_MAX_ORPHANS),
		.limits = L(LIMIT_ORPHANS_SHARE, LIMIT_ORPHANS_CRITICAL_SHARE),
		.applies = is_about_host,
		.look = find_orphans,
	},
	[FINDING_CONNECT_STUCK] = {
		.verdicts = V(CONNECT_STUCK),
		.limits = L(LIMIT_CONNECT_AGE),
		.look = find_stuck_connects,
	},
	[FINDING_POOL_EXHAUSTED] = {
		/* Told by the finder, of pools that are full. */
		.fields = POOL_FIELDS,
		.needs = NEED_POOL_OWNER,
		.limits = L(LIMIT_POOL_WAIT_AGE, LIMIT_POOL_CRITICAL_AGE),
		.look = find_pools,
	},
	[FINDING_POOL_LEAK] = {
		.fields = POOL_FIELDS,
		/* Sessions in a transaction are those of a service here. */
		.needs = NEED_POOL_OWNER | NEED_SERVERS | NEED_COMMAND_LINES,
		.applies = has_selected_service,
		.limits = L(LIMIT_POOL_IDLE_AGE, LIMIT_IDLE_TRANSACTION_AGE),
		.look = find_idle_transactions,
	},
	[FINDING_TIMEOUT_CHAIN] = {
		/* Of a pair half of which is known the finder says so. */
		.needs = NEED_SERVERS | NEED_COMMAND_LINES | NEED_PAIR,
		.limits = NO_LIMITS,
		.applies = has_selected_service,
		.look = find_timeout_chains,
	},
	[FINDING_SLOW_UPSTREAM] = {
		.verdicts = V(SLOW_UPSTREAM),
		.limits = L(LIMIT_SLOW_UPSTREAM_AGE),
		.look = find_slow_upstreams,
	},
	[FINDING_SLOW_READER] = {
		.verdicts = V(SLOW_READER),
		.limits = L(LIMIT_SLOW_READER_AGE, LIMIT_SLOW_READER_CRITICAL_AGE),
		.find = find_slow_reader,
	},
	[FINDING_SLOW_RESPONSE] = {
		.verdicts = V(SLOW_RESPONSE),
		.limits = L(LIMIT_SLOW_RESPONSE_AGE, LIMIT_SLOW_RESPONSE_COUNT),
		.find = find_slow_response,
	},
	[FINDING_HEARTBEAT_MISSED] = {
		/* The clocks of an MPTCP subflow are not those of its connection. */
		.fields = TCP_HAS_INFO | TCP_IS_MPTCP,
		.needs = NEED_PONG,
		.limits = NO_LIMITS,
		.looks_at = has_heartbeat,
		.look = find_missed_heartbeats,
	},
	[FINDING_RESET_STORM] = {
		.needs = NEED_RATE,
		.kernel = K(ESTAB_RESETS) | K(OUT_RSTS),
		.limits = L(LIMIT_RESET_BASELINE, LIMIT_RESET_FACTOR,
			    LIMIT_RESET_WINDOW, LIMIT_RESET_LEARN,
			    LIMIT_RESET_CRITICAL_AGE),
		.applies = is_about_host,
		.look = find_reset_storm,
	},
	[FINDING_LOSSY_PATH] = {
		.verdicts = V(LOSSY),
		.limits = L(LIMIT_LOSSY_RETRANSMITS, LIMIT_LOSSY_SHARE,
			    LIMIT_LOSSY_PATH_COUNT, LIMIT_LOSSY_PATH_SHARE),
		.look = find_lossy_paths,
	},
	[FINDING_CONNECTION_GROWTH] = {
		/* Clients' leaks show in descriptors only. */
		.needs = NEED_TREND | NEED_OWNERS | NEED_DESCRIPTORS,
		.limits = L(LIMIT_TREND_POINTS, LIMIT_TREND_WINDOW, LIMIT_GROWTH_MIN,
			    LIMIT_GROWTH_SHARE, LIMIT_GROWTH_ETA),
		.applies = has_connections,
		.look = find_connection_growth,
	},
	[FINDING_TOO_MANY_PER_PEER] = {
		.needs = NEED_HOST_ADDRESSES,
		.limits = L(LIMIT_PEER_COUNT, LIMIT_PEER_SHARE,
			    LIMIT_PEER_CRITICAL_COUNT, LIMIT_PEER_CRITICAL_SHARE),
		.applies = has_crowded_service,
		.look = find_greedy_peers,
	},
	[FINDING_RISKY_FLAGS] = {
		.needs = NEED_SERVERS | NEED_COMMAND_LINES | NEED_FLAGS,
		.limits = NO_LIMITS,
		.applies = has_selected_service,
		.look = find_risky_flags,
	},
	[FINDING_HALF_OPEN_SUSPECT] = {
		.verdicts = V(HALF_OPEN_SUSPECT),
		.needs = NEED_HOST_ADDRESSES,
		.limits = L(LIMIT_IDLE_UNVERIFIED_AGE),
		.applies = has_half_open_suspects,
		.find = find_half_open_suspect,
	},
	[FINDING_KEEPALIVE_MISSING] = {
		.fields = TCP_HAS_INFO,
		.needs = NEED_HOST_ADDRESSES,
		.limits = L(LIMIT_KEEPALIVE_IDLE_AGE, LIMIT_KEEPALIVE_MAX_IDLE),
		.applies = has_idle_clients,
		.looks_at = is_idle_client,
		.look = find_missing_keepalive,
	},
};

uint16_t finding_rule_fields(enum finding_kind kind)
{
	const struct finding_rule *rule = &finding_rules[kind];
	uint16_t fields = rule->fields;
	for (enum verdict v = 0; v < VERDICT_COUNT; v++)
		if (rule->verdicts & 1U << v)
			fields |= verdict_needs(v);
	return fields;
}

const char *finding_rule_need(enum finding_kind kind, size_t *index, struct strbuf *out)
{
	const struct finding_rule *rule = &finding_rules[kind];
	uint64_t wanted = finding_rule_fields(kind) | (uint64_t)rule->needs << 16 |
			  (uint64_t)rule->kernel << 32;
	for (strbuf_reset(out); *index < 64 && !out->len; (*index)++) {
		size_t bit = *index % 16;
		if (!(wanted >> *index & 1))
			continue;
		if (*index < 16)
			strbuf_add(out, field_words((uint16_t)(1U << bit)));
		else if (*index < 32)
			strbuf_add(out, rule_need_words[bit]);
		else
			kernel_value_put(out, (enum kernel_value)(*index - 32));
	}
	return out->len ? strbuf_text(out) : NULL;
}

/* Something waits for a worker: whether that is alive will be asked. */
static bool has_waiting(const struct groups *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].kind == FINDING_STUCK_WORKER ||
		    all->items[i].kind == FINDING_ACCEPT_QUEUE_FULL ||
		    all->items[i].kind == FINDING_QUEUE_ABANDONED)
			return true;
	return false;
}

static void find_in_groups(struct report *r, const bool is_askable[FINDING_KIND_COUNT])
{
	struct groups all = { 0 };
	groups_build(r, &all);
	if (has_waiting(&all))
		life_signs_build(r);
	for (size_t i = 0; i < all.count; i++) {
		enum finding_kind kind = all.items[i].kind;
		if (is_askable[kind])
			finding_rules[kind].find(r, &all, &all.items[i]);
	}
	groups_clear(&all);
}

void rules_run(struct report *r)
{
	bool is_askable[FINDING_KIND_COUNT];
	for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++)
		is_askable[kind] = needs_are_met(r, kind);
	find_in_groups(r, is_askable);
	for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++)
		if (is_askable[kind] && finding_rules[kind].look)
			finding_rules[kind].look(r);
	needs_say_lacks(r, is_askable);
}
