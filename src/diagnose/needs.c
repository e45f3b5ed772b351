/* SPDX-License-Identifier: MIT */
#include "needs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"

const char *const rule_need_words[RULE_NEED_COUNT] = {
#define X(id, words) [NEED_##id##_INDEX] = words,
	RULE_NEEDS(X)
#undef X
};

/* Field groups, what holds for a connection without them, and for the manual. */
static const struct {
	uint16_t field;
	const char *missing, *words;
} fields[] = {
	{ TCP_HAS_INFO, "tcp_info", "tcp_info of each connection" },
	{ TCP_HAS_BYTES, "bytes_received (before Linux 4.1)",
	  "bytes_acked and bytes_received (Linux 4.1)" },
	{ TCP_HAS_NOTSENT, "notsent_bytes and data_segs_out (before Linux 4.6)",
	  "notsent_bytes and data_segs_out (Linux 4.6)" },
	{ TCP_HAS_SND_WND, "snd_wnd (before Linux 5.4)", "snd_wnd (Linux 5.4)" },
	{ TCP_IS_MPTCP, "", "connections that are no subflows of MPTCP" },
};
enum { FIELD_GROUPS = sizeof(fields) / sizeof(*fields) };

const char *field_words(uint16_t field)
{
	for (size_t i = 0; i < FIELD_GROUPS; i++)
		if (fields[i].field == field)
			return fields[i].words;
	return "";
}

static const struct {
	const char *file, *field;
} kernel_files[KERNEL_VALUE_COUNT] = {
#define X(id, file, field) { file, field },
	KERNEL_VALUES(X)
#undef X
};

void kernel_value_put(struct strbuf *out, enum kernel_value value)
{
	const char *file = kernel_files[value].file;
	bool is_setting = strncmp(file, "sys/", 4) == 0;
	if (!is_setting) {
		strbuf_addf(out, "%s of /proc/%s", kernel_files[value].field, file);
		return;
	}
	for (const char *p = file + 4; *p; p++)
		strbuf_addf(out, "%c", *p == '/' ? '.' : *p);
	if (kernel_files[value].field[0] == '#')
		strbuf_add(out, kernel_files[value].field[1] == '1' ? " (first)"
								    : " (last)");
}

/* Why something was not seen, "" when that is not known. */
static const char *why_degraded(const struct snapshot *snap, const char *what)
{
	for (size_t i = 0; i < snap->degraded_count; i++)
		if (strcmp(snap->degraded[i].what, what) == 0)
			return snap->degraded[i].why;
	return "";
}

static void put_why(const struct report *r, struct strbuf *out, const char *what)
{
	const char *why = why_degraded(r->snap, what);
	if (*why)
		strbuf_addf(out, ": %s", why);
}

/* Several reasons of one rule: "a; b". */
static void separate(struct strbuf *out)
{
	if (out->len)
		strbuf_add(out, "; ");
}

/*
 * tcp_max_orphans belongs to the host as a whole, and other network namespaces
 * than the first do not even have it: where its neighbours are there, no right
 * would show it.
 */
static bool is_of_host_only(const struct report *r, enum finding_kind kind)
{
	const int64_t *kernel = r->snap->kernel;
	return kind == FINDING_ORPHANS && kernel[KERNEL_TCP_ORPHANS] >= 0 &&
	       kernel[KERNEL_TCP_ORPHAN_RETRIES] >= 0;
}

/* Several values: which of them are missing. */
static bool has_kernel_values(struct report *r, enum finding_kind kind)
{
	auto_strbuf struct strbuf missing = { 0 };
	for (enum kernel_value v = 0; v < KERNEL_VALUE_COUNT; v++) {
		if (!(finding_rules[kind].kernel & 1U << v) || r->snap->kernel[v] >= 0)
			continue;
		strbuf_add(&missing, missing.len ? ", " : "");
		kernel_value_put(&missing, v);
	}
	if (missing.len && is_of_host_only(r, kind))
		add_not_ours(r, kind,
			     "%s is not visible in this network namespace; the host's "
			     "own tells",
			     strbuf_text(&missing));
	else if (missing.len)
		add_unknown(r, kind, "%s could not be read", strbuf_text(&missing));
	return !missing.len;
}

/* A host that talks has an address, and be it that of the loopback device. */
static bool has_host_addresses(struct report *r, enum finding_kind kind)
{
	auto_strbuf struct strbuf why = { 0 };
	if (r->snap->host_address_count)
		return true;
	put_why(r, &why, "local addresses");
	add_unknown(r, kind,
		    "the addresses of this host are not known, so peers on it are not "
		    "told from others%s",
		    strbuf_text(&why));
	return false;
}

static bool has_rate(struct report *r, enum finding_kind kind)
{
	char window[FORMAT_SIZE];
	if (has_reset_rate(r))
		return true;
	add_untimed(r, kind, "needs two passes %s apart",
		    duration_print(limit_value(r, LIMIT_RESET_WINDOW), window));
	return false;
}

static bool has_trend(struct report *r, enum finding_kind kind)
{
	char window[FORMAT_SIZE];
	if (has_growth_window(r))
		return true;
	add_untimed(r, kind,
		    "needs %" PRIu64
		    " samples over %s: several runs with --state, or more passes",
		    limit_value(r, LIMIT_TREND_POINTS),
		    duration_print(limit_value(r, LIMIT_TREND_WINDOW), window));
	return false;
}

bool needs_are_met(struct report *r, enum finding_kind kind)
{
	static const struct {
		uint16_t need;
		bool (*is_met)(struct report *r, enum finding_kind kind);
	} wholes[] = {
		{ NEED_HOST_ADDRESSES, has_host_addresses },
		{ NEED_RATE, has_rate },
		{ NEED_TREND, has_trend },
	};
	const struct finding_rule *rule = &finding_rules[kind];
	if (rule->applies && !rule->applies(r))
		return true;
	if (!has_kernel_values(r, kind))
		return false;
	for (size_t i = 0; i < sizeof(wholes) / sizeof(*wholes); i++)
		if (rule->needs & wholes[i].need && !wholes[i].is_met(r, kind))
			return false;
	return true;
}

/* What is missing of connections, for each kind. */
struct row_lack {
	size_t count, mptcp_count;
	uint16_t missing;
};

static void note_lack(struct row_lack *lack, uint16_t missing)
{
	bool is_mptcp = missing & TCP_IS_MPTCP;
	missing &= (uint16_t)~TCP_IS_MPTCP;
	lack->count += missing != 0;
	lack->mptcp_count += is_mptcp && !missing;
	lack->missing |= missing;
}

/* Missing of a row that a rule looks at by itself. */
static uint16_t missing_of_row(const struct finding_rule *rule,
			       const struct tcp_socket *sk)
{
	uint16_t wanted = rule->fields & (uint16_t)~TCP_IS_MPTCP;
	return (wanted & (uint16_t)~sk->has) | (rule->fields & sk->has & TCP_IS_MPTCP);
}

static void note_row(const struct report *r, uint32_t row,
		     struct row_lack lacks[FINDING_KIND_COUNT])
{
	struct context c;
	struct socket_past past;
	struct withheld w;
	context_of_row(&c, r, row, &past);
	verdicts_withheld(&c, &w);
	for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++) {
		const struct finding_rule *rule = &finding_rules[kind];
		uint16_t missing = 0;
		for (enum verdict v = 0; v < VERDICT_COUNT; v++)
			if (rule->verdicts & w.verdicts & 1U << v)
				missing |= w.missing[v];
		if (rule->looks_at && rule->looks_at(r, row))
			missing |= missing_of_row(rule, c.sk);
		if (missing)
			note_lack(&lacks[kind], missing);
	}
}

/* Minisocks have no tcp_info, and no rule asks for theirs. */
static bool is_told_in_full(const struct tcp_socket *sk)
{
	enum { ALL = TCP_HAS_INFO | TCP_HAS_BYTES | TCP_HAS_NOTSENT | TCP_HAS_SND_WND };
	return sk->state == TCP_STATE_LISTEN || sk->timer == TCP_TIMER_TIME_WAIT ||
	       (sk->has & (ALL | TCP_IS_MPTCP)) == ALL;
}

static bool is_connection(const struct tcp_socket *sk)
{
	return sk->state != TCP_STATE_LISTEN && sk->state != TCP_STATE_TIME_WAIT &&
	       sk->state != TCP_STATE_SYN_RECV && sk->state != TCP_STATE_NEW_SYN_RECV &&
	       sk->timer != TCP_TIMER_TIME_WAIT;
}

/* Returns the number of connections that were looked at. */
static size_t note_rows(const struct report *r,
			struct row_lack lacks[FINDING_KIND_COUNT])
{
	size_t count = 0;
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[i];
		if (!r->assessments[i].is_selected || !is_connection(sk))
			continue;
		count++;
		if (!is_told_in_full(sk))
			note_row(r, (uint32_t)i, lacks);
	}
	return count;
}

static void put_row_lack(const struct row_lack *lack, size_t of, struct strbuf *out)
{
	const char *before = " could not be assessed: the kernel does not report ";
	if (lack->count) {
		separate(out);
		strbuf_addf(out, "%zu of %zu connection%s", lack->count, of,
			    plural(of));
	}
	for (size_t i = 0; i < FIELD_GROUPS; i++) {
		if (!(lack->missing & fields[i].field))
			continue;
		strbuf_addf(out, "%s%s", before, fields[i].missing);
		before = ", ";
	}
	if (lack->mptcp_count) {
		separate(out);
		strbuf_addf(out,
			    "%zu of %zu connection%s could not be assessed: MPTCP, "
			    "whose subflows do not show its queues",
			    lack->mptcp_count, of, plural(of));
	}
}

/* Selected sockets, or listeners, that should have a process. */
struct owner_count {
	size_t total, unowned;
};

static struct owner_count count_owners(const struct report *r, bool is_of_listeners)
{
	struct owner_count n = { 0 };
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &r->snap->sockets[i];
		size_t count;
		if (!r->assessments[i].is_selected || !sk->inode ||
		    (is_of_listeners && sk->state != TCP_STATE_LISTEN))
			continue;
		n.total++;
		snapshot_owners(r->snap, sk->inode, &count);
		n.unowned += !count;
	}
	return n;
}

static bool is_any_owned(const struct report *r)
{
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		size_t count;
		snapshot_owners(r->snap, r->snap->sockets[i].inode, &count);
		if (r->assessments[i].is_selected && r->snap->sockets[i].inode && count)
			return true;
	}
	return false;
}

static void put_unowned(const struct report *r, bool is_of_listeners,
			struct strbuf *out)
{
	struct owner_count n = { 0 };
	if (!r->snap->has_owners) {
		strbuf_add(out, "processes were not looked up");
		return;
	}
	n = count_owners(r, is_of_listeners);
	if (!n.unowned)
		return;
	strbuf_addf(out, "no process found for %zu of %zu %s%s", n.unowned, n.total,
		    is_of_listeners ? "listener" : "socket", plural(n.total));
	put_why(r, out, "process owners");
}

static void put_servers(const struct report *r, struct strbuf *out)
{
	put_unowned(r, true, out);
}

/* A connection that was closed while we looked has no owner, and is none to miss. */
static void put_owners(const struct report *r, struct strbuf *out)
{
	bool is_blind = *why_degraded(r->snap, "process owners") || !is_any_owned(r);
	put_unowned(r, !is_blind, out);
}

static void put_process_lack(struct strbuf *out, const char *what, size_t count,
			     size_t of)
{
	if (!count)
		return;
	separate(out);
	strbuf_addf(out, "%s for %zu of %zu process%s", what, count, of,
		    of == 1 ? "" : "es");
}

static void put_descriptors(const struct report *r, struct strbuf *out)
{
	auto_free bool *is_owner = selected_owners(r);
	size_t owners = 0, unreadable = 0;
	for (size_t i = 0; i < r->snap->process_count; i++) {
		const struct process *p = &r->snap->processes[i];
		owners += is_owner[i];
		unreadable += is_owner[i] && (p->fd_count < 0 || p->fd_limit <= 0);
	}
	put_process_lack(out, "descriptors or their limit not readable", unreadable,
			 owners);
}

/* A server with flags that matter, retitled by itself: nobody can read them. */
static bool is_retitled(const struct report *r, const struct process *p)
{
	struct launch l;
	stack_recognise(r->snap, p, &l);
	return p->cmdline && l.stack && !l.is_visible && l.stack->flags->name;
}

/* Each process of a selected service, once. */
static bool *serving_processes(const struct report *r)
{
	bool *is_serving = xcalloc(r->snap->process_count + 1, sizeof(*is_serving));
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		for (size_t j = 0; is_service_selected(r, s) && j < s->process_count;
		     j++)
			is_serving[s->processes[j]] = true;
	}
	return is_serving;
}

static bool is_unreadable(const struct report *r, const struct process *p)
{
	(void)r;
	return !p->cmdline;
}

static void put_serving(const struct report *r, struct strbuf *out, const char *what,
			bool (*is_lacking)(const struct report *r,
					   const struct process *p))
{
	auto_free bool *is_serving = serving_processes(r);
	size_t count = 0, lacking = 0;
	for (size_t i = 0; i < r->snap->process_count; i++) {
		count += is_serving[i];
		lacking += is_serving[i] && is_lacking(r, &r->snap->processes[i]);
	}
	put_process_lack(out, what, lacking, count);
}

static void put_command_lines(const struct report *r, struct strbuf *out)
{
	put_serving(r, out, "command line not readable", is_unreadable);
}

static void put_flags(const struct report *r, struct strbuf *out)
{
	put_serving(r, out, "flags not visible behind a title", is_retitled);
}

static void put_pong(const struct report *r, struct strbuf *out)
{
	for (size_t i = 0; i < r->snap->socket_count; i++) {
		uint64_t silence_ms;
		uint32_t row = (uint32_t)i;
		if (!has_heartbeat(r, row) ||
		    target_silence(report_target_of(r, row), &silence_ms, NULL))
			continue;
		separate(out);
		strbuf_addf(out,
			    "[target %s] declares heartbeat and no pong: how late may "
			    "it be?",
			    report_target_of(r, row)->name);
		return;
	}
}

static void put_lacks(const struct report *r, uint16_t needs, struct strbuf *out)
{
	static const struct {
		uint16_t need;
		void (*put)(const struct report *r, struct strbuf *out);
	} parts[] = {
		{ NEED_OWNERS, put_owners },
		{ NEED_SERVERS, put_servers },
		{ NEED_DESCRIPTORS, put_descriptors },
		{ NEED_COMMAND_LINES, put_command_lines },
		{ NEED_FLAGS, put_flags },
		{ NEED_PONG, put_pong },
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (needs & parts[i].need)
			parts[i].put(r, out);
}

static bool has_finding(const struct report *r, enum finding_kind kind, int32_t service)
{
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].kind == kind && r->findings[i].service == service)
			return true;
	return false;
}

/*
 * A queue that fills up and whose clients do not wait for long yet: only what was
 * dropped since an earlier pass tells a fault from a burst.
 */
static void say_drops(struct report *r, enum finding_kind kind, struct strbuf *out)
{
	bool is_early = false;
	size_t untold = 0;
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		if (!is_service_selected(r, s) || has_finding(r, kind, (int32_t)i))
			continue;
		struct queue_state q = queue_state_of(r, s);
		const struct tcp_socket *sk = &r->snap->sockets[q.row];
		struct socket_past past;
		if (!q.count || q.permille < limit_value(r, LIMIT_ACCEPT_QUEUE_SHARE))
			continue;
		untold += !(sk->has & TCP_HAS_DROPS);
		is_early |= !history_find(r->history, sk->cookie, &past) ||
			    past.sample_count < 2;
	}
	if (untold) {
		separate(out);
		strbuf_addf(out,
			    "of %zu full listener%s the kernel does not report drops "
			    "(before Linux 4.7)",
			    untold, plural(untold));
	} else if (is_early && !out->len) {
		add_untimed(r, kind, "needs two passes: is the queue full for long?");
	}
}

/* Nothing of what the rule looks at was there to be seen. */
static bool is_blind_to(const struct report *r, const struct finding_rule *rule)
{
	return rule->needs & (NEED_OWNERS | NEED_SERVERS) && !r->snap->has_owners;
}

void needs_say_lacks(struct report *r, const bool was_asked[FINDING_KIND_COUNT])
{
	struct row_lack lacks[FINDING_KIND_COUNT] = { 0 };
	size_t of = note_rows(r, lacks);
	for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++) {
		const struct finding_rule *rule = &finding_rules[kind];
		auto_strbuf struct strbuf why = { 0 };
		if (!was_asked[kind])
			continue;
		put_row_lack(&lacks[kind], of, &why);
		if (!rule->applies || rule->applies(r))
			put_lacks(r, rule->needs, &why);
		if (rule->needs & NEED_DROPS)
			say_drops(r, kind, &why);
		if (why.len && is_blind_to(r, rule))
			add_unknown(r, kind, "%s", strbuf_text(&why));
		else if (why.len)
			add_partly_unknown(r, kind, "%s", strbuf_text(&why));
	}
}
