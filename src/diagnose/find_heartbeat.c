/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "tally.h"

/*
 * Where the user has declared how often a living peer sends something, silence is
 * no longer a riddle: heartbeat + pong without a byte is too long. The clock is
 * last_data_recv, which no keepalive and no acknowledgement resets; before the
 * first byte it is the time since the handshake, so a young connection is none of
 * this by itself.
 */

bool has_heartbeat(const struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	const struct assessment *a = &r->assessments[row];
	const struct target *t = report_target_of(r, row);
	return t && t->values[TARGET_HEARTBEAT].is_set && a->is_selected &&
	       a->role == ROLE_SERVER && sk->state == TCP_STATE_ESTABLISHED &&
	       sk->inode;
}

/* Told by another finding already: half-open, or we do not read what it sends. */
static bool is_told(const struct report *r, uint32_t row)
{
	uint8_t verdict = r->assessments[row].verdict;
	return verdict == VERDICT_HALF_OPEN || verdict == VERDICT_UNREACHABLE ||
	       verdict == VERDICT_UNREAD;
}

/* The clocks of an MPTCP subflow are not those of its connection. */
static bool has_clock(const struct tcp_socket *sk)
{
	return (sk->has & TCP_HAS_INFO) && !(sk->has & TCP_IS_MPTCP);
}

static bool is_silent(const struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	uint64_t silence_ms;
	return has_heartbeat(r, row) && has_clock(sk) && !is_told(r, row) &&
	       target_silence(report_target_of(r, row), &silence_ms, NULL) &&
	       sk->last_data_recv_ms > silence_ms;
}

static void say_limit(struct finding *f, const struct target *t)
{
	char heartbeat[32], pong[32];
	uint64_t silence_ms = 0;
	auto_strbuf struct strbuf origin = { 0 };
	const struct declared *v = t->values;
	target_silence(t, &silence_ms, &origin);
	policy_print_number(&target_key_table[TARGET_HEARTBEAT],
			    v[TARGET_HEARTBEAT].value, heartbeat);
	policy_print_number(&target_key_table[TARGET_PONG], v[TARGET_PONG].value, pong);
	add_evidence(f, "limit: heartbeat %s + pong %s of [target %s], %s", heartbeat,
		     pong, t->name, origin.text);
}

/* Who pings is not declared: where this side is as silent, it may be its fault. */
static void say_our_side(struct finding *f, const struct group *g)
{
	size_t quiet = g->count - g->addressed_count;
	if (g->addressed_count)
		add_evidence(f,
			     "to %zu of them this side has sent something since, and "
			     "nothing came back",
			     g->addressed_count);
	if (quiet)
		add_evidence(f,
			     "to %zu of them this side has sent nothing since: if it "
			     "is the one that pings, look here first",
			     quiet);
}

static void find_silent_peers(struct report *r, const struct group *g)
{
	char age[FORMAT_SIZE], peer[ENDPOINT_TEXT_SIZE];
	const struct tcp_socket *sk = &r->snap->sockets[g->silent_row];
	struct finding *f = add_finding(r, g);
	f->acts = ACTS_PEER;
	f->confidence = CONFIDENCE_PROVEN;
	f->warning = 0;
	f->since_cs = g->longest_silence_ms / 10;
	f->is_since_exact = true;
	duration_print(g->longest_silence_ms, age);
	endpoint_print(&sk->peer, sk->ip_version, sk->peer_port, peer);
	set_summary(f, "%zu peer%s missed the heartbeat, %ssilent for %s", g->count,
		    plural(g->count), g->count == 1 ? "" : "the longest ", age);
	add_evidence(f, "no byte from %s for %s, the longest of %zu", peer, age,
		     g->count);
	say_limit(f, report_target_of(r, g->silent_row));
	say_our_side(f, g);
	add_next(f,
		 "ss -tnoi dst %s   shows lastrcv and lastack: whether its kernel "
		 "still answers",
		 peer);
}

void find_missed_heartbeats(struct report *r)
{
	static const struct tally_request request = {
		FINDING_HEARTBEAT_MISSED, BY_SERVICE | BY_TARGET, 1, is_silent,
		find_silent_peers,
	};
	bool is_declared = false;
	for (size_t i = 0; r->policy && i < r->policy->target_count; i++)
		is_declared |= r->policy->targets[i].values[TARGET_HEARTBEAT].is_set;
	if (!is_declared)
		return;
	tally_rows(r, &request);
}
