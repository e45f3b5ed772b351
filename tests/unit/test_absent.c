/* SPDX-License-Identifier: MIT */

/*
 * Every rule with each thing absent that it needs: for each kind of finding there
 * are scenes that make it open. Each field group and each part of the snapshot is
 * then taken away from each of them. What must come of it is read from the rule's
 * row; whatever that says, a finding never gives way to silence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builders.h"
#include "conn-doctor/config.h"
#include "conn-doctor/renderer.h"
#include "rules.h"

/* What one pass shows; the scene's step may change it from pass to pass. */
struct scene {
	struct tcp_socket rows[256];
	size_t count;
	struct tcp_socket listener;
	const char *cmdline;
	size_t cmdline_len;
	int64_t fd_count, fd_limit;
	int64_t kernel[KERNEL_VALUE_COUNT]; /* 0 = as the builder has it */
	const char *policy;
	int passes;
	uint64_t interval_ms;
	void (*step)(struct scene *s, int pass);
};

static void add(struct scene *s, struct tcp_socket sk)
{
	sk.cookie = 100 + s->count;
	if (sk.local_port == SERVER_PORT)
		sk.peer_port = (uint16_t)(CLIENT_PORT + s->count);
	if (sk.inode)
		sk.inode = (uint32_t)(5000 + s->count);
	s->rows[s->count++] = sk;
}

static void add_times(struct scene *s, size_t times, struct tcp_socket sk)
{
	for (size_t i = 0; i < times; i++)
		add(s, sk);
}

static struct tcp_socket silent_for(uint32_t ms)
{
	struct tcp_socket sk = a_connection();
	sk.last_data_sent_ms = sk.last_data_recv_ms = sk.last_ack_recv_ms = ms;
	return sk;
}

static struct tcp_socket queued(uint32_t ms)
{
	struct tcp_socket sk = silent_for(ms);
	sk.inode = 0;
	sk.data_segs_out = 0;
	return sk;
}

static void unread(struct scene *s)
{
	struct tcp_socket sk = a_connection();
	sk.recv_queue = 278;
	sk.last_data_recv_ms = 8000;
	add_times(s, 2, sk);
}

static void unread_end(struct scene *s)
{
	struct tcp_socket sk = silent_for(8000);
	sk.state = TCP_STATE_CLOSE_WAIT;
	sk.recv_queue = 1;
	add_times(s, 2, sk);
}

static void not_accepted(struct scene *s)
{
	add(s, queued(8000));
	s->listener.recv_queue = 1;
}

static struct tcp_socket unacknowledged(uint8_t retransmits, uint8_t backoff)
{
	struct tcp_socket sk = silent_for(60000);
	sk.timer = TCP_TIMER_RETRANSMIT;
	sk.unacked = 1;
	sk.send_queue = 100;
	sk.retransmits = sk.timer_retrans = retransmits;
	sk.backoff = backoff;
	sk.rto_us = 26000000;
	return sk;
}

static void vanished(struct scene *s)
{
	add(s, unacknowledged(7, 7));
}

static void refused_by_the_network(struct scene *s)
{
	add(s, unacknowledged(10, 1));
}

static struct tcp_socket closed_window(uint8_t probes)
{
	struct tcp_socket sk = silent_for(60000);
	sk.timer = TCP_TIMER_PROBE0;
	sk.send_queue = sk.notsent_bytes = 1000;
	sk.snd_wnd = 0;
	sk.backoff = 7;
	sk.probes = sk.timer_retrans = probes;
	return sk;
}

static void vanished_with_a_closed_window(struct scene *s)
{
	add(s, closed_window(3));
}

static void cannot_send(struct scene *s)
{
	struct tcp_socket sk = closed_window(0);
	sk.snd_wnd = 64000;
	add(s, sk);
}

static void kept_after_its_end(struct scene *s)
{
	struct tcp_socket sk = silent_for(60000);
	sk.state = TCP_STATE_CLOSE_WAIT;
	add(s, sk);
}

static void kept_with_its_end_unread(struct scene *s)
{
	struct tcp_socket sk = silent_for(60000);
	sk.state = TCP_STATE_CLOSE_WAIT;
	sk.recv_queue = 1;
	add(s, sk);
}

static void many_descriptors(struct scene *s)
{
	s->fd_count = 950;
}

static void many_handshakes(struct scene *s)
{
	struct tcp_socket sk = a_connection();
	sk.state = TCP_STATE_SYN_RECV;
	sk.inode = 0;
	sk.has = 0; /* as the kernel gives them */
	add_times(s, 18, sk);
	s->listener.send_queue = 20;
}

static void long_queue(struct scene *s)
{
	add_times(s, 7, queued(2000));
	s->listener.recv_queue = 7;
	s->listener.send_queue = 9;
}

static void drop_some(struct scene *s, int pass)
{
	s->listener.drops = 5U * (uint32_t)pass;
}

static void dropping_queue(struct scene *s)
{
	s->listener.recv_queue = 10;
	s->listener.send_queue = 9;
	s->step = drop_some;
}

static void gave_up_in_the_queue(struct scene *s)
{
	struct tcp_socket sk = queued(8000);
	sk.state = TCP_STATE_CLOSE_WAIT;
	add(s, sk);
}

static struct tcp_socket outgoing(uint32_t ms)
{
	struct tcp_socket sk = silent_for(ms + 20);
	sk.peer = an_ip(10, 0, 3, 7);
	sk.local_port = 40500;
	sk.peer_port = 5432;
	sk.last_data_sent_ms = ms;
	return sk;
}

static void used_up_ports(struct scene *s)
{
	struct tcp_socket sk = outgoing(100);
	s->kernel[KERNEL_PORT_RANGE_LOW] = 40500;
	s->kernel[KERNEL_PORT_RANGE_HIGH] = 40599;
	for (uint16_t i = 0; i < 70; i++) {
		sk.local_port = (uint16_t)(40500 + i);
		add(s, sk);
	}
}

static void many_orphans(struct scene *s)
{
	s->kernel[KERNEL_TCP_ORPHANS] = 500;
	s->kernel[KERNEL_TCP_MAX_ORPHANS] = 1000;
}

static void unanswered_connect(struct scene *s)
{
	struct tcp_socket sk = outgoing(0);
	sk.state = TCP_STATE_SYN_SENT;
	sk.timer_retrans = 3;
	add(s, sk);
}

static void owed_by_an_upstream(struct scene *s)
{
	add(s, outgoing(40000));
}

static void peer_does_not_read(struct scene *s)
{
	add(s, closed_window(0));
}

static void owed_by_us(struct scene *s)
{
	struct tcp_socket sk = silent_for(50000);
	sk.last_data_recv_ms = 40000;
	add_times(s, 3, sk);
}

static void silent_in_spite_of_its_heartbeat(struct scene *s)
{
	s->policy = "[target ws]\nfilter = :30020\nheartbeat = 20s\npong = 20s\n";
	add(s, silent_for(90000));
}

static void reset_many(struct scene *s, int pass)
{
	s->kernel[KERNEL_ESTAB_RESETS] = 1 + 1000 * pass;
	s->kernel[KERNEL_OUT_RSTS] = 1 + 1000 * pass;
}

static void storm(struct scene *s)
{
	s->step = reset_many;
}

static void losing(struct scene *s)
{
	struct tcp_socket sk = silent_for(100);
	sk.unacked = 1;
	sk.send_queue = 100;
	sk.ca_state = 3;
	sk.data_segs_out = 100;
	sk.total_retrans = 50;
	add(s, sk);
}

static void add_ten(struct scene *s, int pass)
{
	for (size_t wanted = 50 + 10 * (size_t)pass; s->count < wanted;)
		add(s, silent_for(100));
}

static void growing_service(struct scene *s)
{
	s->passes = 12;
	s->interval_ms = 6000;
	s->step = add_ten;
}

static void open_ten(struct scene *s, int pass)
{
	s->fd_count = 60 + 10 * pass;
}

static void growing_client(struct scene *s)
{
	s->passes = 12;
	s->interval_ms = 6000;
	s->step = open_ten;
	add(s, outgoing(100));
}

static void greedy_peer(struct scene *s)
{
	add_times(s, 60, silent_for(100));
}

static void reloading(struct scene *s)
{
	static const char cmdline[] = "python3\0/usr/bin/uvicorn\0--reload\0a:a";
	s->cmdline = cmdline;
	s->cmdline_len = sizeof(cmdline);
}

static void idle_without_keepalive(struct scene *s)
{
	add(s, silent_for(400000));
}

#define POOL "[target t]\nfilter = dport = :5432\npool-size = 3\n"

static void full_pool(struct scene *s)
{
	s->policy = POOL;
	add_times(s, 3, outgoing(30000));
}

static void leaked_pool(struct scene *s)
{
	struct tcp_socket sk = outgoing(40020);
	sk.last_data_recv_ms = sk.last_ack_recv_ms = 40000;
	s->policy = POOL;
	add_times(s, 3, sk);
	unread(s);
}

static void idle_transaction(struct scene *s)
{
	static const char title[] =
		"postgres: app shop 10.0.0.2(40000) idle in transaction";
	s->cmdline = title;
	s->cmdline_len = sizeof(title);
	add(s, silent_for(60000));
}

static void closes_before_its_front(struct scene *s)
{
	static const char cmdline[] = "python3\0/usr/bin/uvicorn\0a:a";
	s->cmdline = cmdline;
	s->cmdline_len = sizeof(cmdline);
	s->policy = "[target t]\nfilter = :30020\nfront = alb\n";
	add(s, silent_for(100));
}

static const struct {
	enum finding_kind kind;
	void (*make)(struct scene *s);
} scenes[] = {
	{ FINDING_STUCK_WORKER, unread },
	{ FINDING_STUCK_WORKER, unread_end },
	{ FINDING_STUCK_WORKER, not_accepted },
	{ FINDING_HALF_OPEN, vanished },
	{ FINDING_HALF_OPEN, refused_by_the_network },
	{ FINDING_HALF_OPEN, vanished_with_a_closed_window },
	{ FINDING_LOCAL_PATH_DOWN, cannot_send },
	{ FINDING_CLOSE_WAIT_LEAK, kept_after_its_end },
	{ FINDING_CLOSE_WAIT_LEAK, kept_with_its_end_unread },
	{ FINDING_FD_EXHAUSTION, many_descriptors },
	{ FINDING_SYN_FLOOD, many_handshakes },
	{ FINDING_ACCEPT_QUEUE_FULL, long_queue },
	{ FINDING_ACCEPT_QUEUE_FULL, dropping_queue },
	{ FINDING_QUEUE_ABANDONED, gave_up_in_the_queue },
	{ FINDING_PORT_EXHAUSTION, used_up_ports },
	{ FINDING_ORPHANS, many_orphans },
	{ FINDING_CONNECT_STUCK, unanswered_connect },
	{ FINDING_POOL_EXHAUSTED, full_pool },
	{ FINDING_POOL_LEAK, leaked_pool },
	{ FINDING_POOL_LEAK, idle_transaction },
	{ FINDING_TIMEOUT_CHAIN, closes_before_its_front },
	{ FINDING_SLOW_UPSTREAM, owed_by_an_upstream },
	{ FINDING_SLOW_READER, peer_does_not_read },
	{ FINDING_SLOW_RESPONSE, owed_by_us },
	{ FINDING_HEARTBEAT_MISSED, silent_in_spite_of_its_heartbeat },
	{ FINDING_RESET_STORM, storm },
	{ FINDING_LOSSY_PATH, losing },
	{ FINDING_CONNECTION_GROWTH, growing_service },
	{ FINDING_CONNECTION_GROWTH, growing_client },
	{ FINDING_TOO_MANY_PER_PEER, greedy_peer },
	{ FINDING_RISKY_FLAGS, reloading },
	{ FINDING_HALF_OPEN_SUSPECT, idle_without_keepalive },
	{ FINDING_KEEPALIVE_MISSING, idle_without_keepalive },
};
enum { SCENE_COUNT = sizeof(scenes) / sizeof(*scenes) };

/* --- what is taken away --- */

struct removal {
	uint16_t field; /* enum tcp_socket_has; TCP_IS_MPTCP is added, not removed */
	uint16_t part;  /* NEED_... that it is about, 0 = a field or kernel value */
	int kernel;     /* enum kernel_value, -1 = none */
	void (*remove)(struct snapshot *snap);
	bool is_seen_once, is_without_series;
	const char *named[3]; /* the reason says one of them */
};

static void remove_owners(struct snapshot *snap)
{
	for (size_t i = 0; i < snap->process_count; i++) {
		free(snap->processes[i].comm);
		free(snap->processes[i].cmdline);
		snap->processes[i].comm = snap->processes[i].cmdline = NULL;
	}
	snap->process_count = snap->owner_count = 0;
}

static void remove_search(struct snapshot *snap)
{
	remove_owners(snap);
	snap->has_owners = false;
}

static void remove_permission(struct snapshot *snap)
{
	remove_owners(snap);
	snapshot_add_degraded(snap, "process owners", "no permission; run as root");
}

static void remove_cmdline(struct snapshot *snap)
{
	free(snap->processes[0].cmdline);
	snap->processes[0].cmdline = NULL;
	snap->processes[0].cmdline_len = 0;
}

static void remove_flags(struct snapshot *snap)
{
	static const char title[] = "gunicorn: worker [a:a]";
	/* PostgreSQL's title is not in the place of flags: it is what we read. */
	if (memcmp(snap->processes[0].cmdline, "postgres:", 9) == 0)
		return;
	remove_cmdline(snap);
	snap->processes[0].cmdline = xstrdup(title);
	snap->processes[0].cmdline_len = sizeof(title);
}

static void remove_fd_count(struct snapshot *snap)
{
	snap->processes[0].fd_count = -1;
}

static void remove_fd_limit(struct snapshot *snap)
{
	snap->processes[0].fd_limit = -1;
}

static void remove_addresses(struct snapshot *snap)
{
	snap->host_address_count = 0;
}

#define NONE      .kernel = -1
#define PROCESSES (NEED_OWNERS | NEED_SERVERS | NEED_POOL_OWNER)
/* Pools and sessions are told by themselves. */
#define HIDDEN "no visible owner", "not visible"
#define NO_PROCESS                         \
	{                                  \
		"no process found", HIDDEN \
	}

static const struct removal parts[] = {
	{ .part = PROCESSES,
	  NONE,
	  .remove = remove_search,
	  .named = { "processes were not looked up", HIDDEN } },
	{ .part = PROCESSES, NONE, .remove = remove_owners, .named = NO_PROCESS },
	{ .part = PROCESSES,
	  NONE,
	  .remove = remove_permission,
	  .named = { "no permission; run as root", HIDDEN } },
	{ .part = NEED_COMMAND_LINES,
	  NONE,
	  .remove = remove_cmdline,
	  .named = { "command line not readable", HIDDEN } },
	{ .part = NEED_FLAGS | NEED_PAIR,
	  NONE,
	  .remove = remove_flags,
	  .named = { "not visible" } },
	{ .part = NEED_DESCRIPTORS,
	  NONE,
	  .remove = remove_fd_count,
	  .named = { "descriptors" } },
	{ .part = NEED_DESCRIPTORS,
	  NONE,
	  .remove = remove_fd_limit,
	  .named = { "descriptors" } },
	{ .part = NEED_HOST_ADDRESSES,
	  NONE,
	  .remove = remove_addresses,
	  .named = { "addresses of this host" } },
	{ .part = NEED_RATE | NEED_TREND | NEED_DROPS,
	  NONE,
	  .is_seen_once = true,
	  .named = { "passes", "samples" } },
	{ .part = NEED_RATE | NEED_TREND,
	  NONE,
	  .is_without_series = true,
	  .named = { "passes", "samples" } },
};

static const struct removal field_removals[] = {
	{ .field = TCP_HAS_INFO, NONE, .named = { "tcp_info" } },
	{ .field = TCP_HAS_BYTES, NONE, .named = { "bytes_received" } },
	{ .field = TCP_HAS_SEGS, NONE },
	{ .field = TCP_HAS_NOTSENT, NONE, .named = { "notsent_bytes" } },
	{ .field = TCP_HAS_BUSY, NONE },
	{ .field = TCP_HAS_SND_WND, NONE, .named = { "snd_wnd" } },
	{ .field = TCP_HAS_RCV_WND, NONE },
	{ .field = TCP_HAS_DROPS, .part = NEED_DROPS, NONE, .named = { "drops" } },
	{ .field = TCP_HAS_SHUTDOWN, NONE },
	{ .field = TCP_IS_MPTCP, NONE, .named = { "MPTCP" } },
};

/* As the kernel leaves them: zero. */
static void clear_fields(struct tcp_socket *sk, uint16_t field)
{
	struct tcp_socket old = *sk;
	if (field == TCP_IS_MPTCP) {
		sk->has |= TCP_IS_MPTCP;
		return;
	}
	sk->has &= (uint16_t)~field;
	switch (field) {
	case TCP_HAS_INFO:
		sk->rto_us = sk->unacked = sk->last_data_sent_ms = 0;
		sk->last_data_recv_ms = sk->last_ack_recv_ms = sk->total_retrans = 0;
		sk->retransmits = sk->probes = sk->backoff = sk->ca_state = 0;
		/* Nothing behind it is there without it. */
		sk->has = 0;
		sk->bytes_acked = sk->bytes_received = 0;
		sk->data_segs_out = sk->notsent_bytes = sk->snd_wnd = 0;
		break;
	case TCP_HAS_BYTES:
		sk->bytes_acked = sk->bytes_received = 0;
		break;
	case TCP_HAS_SEGS:
		sk->segs_in = 0;
		break;
	case TCP_HAS_NOTSENT:
		sk->notsent_bytes = sk->data_segs_out = 0;
		break;
	case TCP_HAS_SND_WND:
		sk->snd_wnd = 0;
		break;
	case TCP_HAS_DROPS:
		sk->drops = 0;
		break;
	default:
		break;
	}
	if (old.state == TCP_STATE_LISTEN && field == TCP_HAS_INFO)
		sk->has = old.has & (uint16_t)~TCP_HAS_INFO;
}

/* --- one diagnosis of a scene, with something removed --- */

struct stage {
	struct fixture f;
	struct config config;
	struct series *series;
};

static void show_pass(struct stage *st, const struct scene *s,
		      const struct removal *removal, uint64_t now_ms)
{
	struct snapshot *snap = &st->f.snap;
	struct tcp_socket listener = s->listener;
	uint32_t inodes[256];
	size_t owned = 0;
	snapshot_begin(snap, now_ms);
	for (size_t i = 0; i < KERNEL_VALUE_COUNT; i++)
		if (s->kernel[i])
			snap->kernel[i] = s->kernel[i];
	if (removal && removal->kernel >= 0)
		snap->kernel[removal->kernel] = -1;
	if (removal && removal->field != TCP_IS_MPTCP)
		clear_fields(&listener, removal->field);
	snapshot_put(snap, listener);
	for (size_t i = 0; i < s->count; i++) {
		struct tcp_socket sk = s->rows[i];
		if (removal && sk.has)
			clear_fields(&sk, removal->field);
		snapshot_put(snap, sk);
		if (sk.inode)
			inodes[owned++] = sk.inode;
	}
	snapshot_put_process(snap, 4711, "api", inodes, owned);
	snapshot_add_owner(snap, listener.inode, 0, 3);
	struct process *p = &snap->processes[0];
	p->cmdline = xmalloc(s->cmdline_len);
	memcpy(p->cmdline, s->cmdline, s->cmdline_len);
	p->cmdline_len = (uint32_t)s->cmdline_len;
	p->fd_count = s->fd_count;
	p->fd_limit = s->fd_limit;
	if (removal && removal->remove)
		removal->remove(snap);
	snapshot_finish(snap);
	history_update(st->f.history, snap);
}

static void stage_open(struct stage *st, void (*make)(struct scene *s),
		       const struct removal *removal, const char *policy)
{
	static struct scene s; /* large */
	s = (struct scene){ .listener = a_listener(0, 128),
			    .cmdline = "./server",
			    .cmdline_len = sizeof("./server"),
			    .fd_count = 20,
			    .fd_limit = 1000,
			    .passes = 2,
			    .interval_ms = 1000 };
	make(&s);
	if (policy)
		s.policy = policy;
	fixture_init(&st->f);
	st->series = series_new();
	config_init(&st->config);
	if (s.policy) {
		config_read(&st->config, "f", s.policy, strlen(s.policy));
		config_finish(&st->config);
		assert_int_equal(st->config.error_count, 0);
		st->f.policy = &st->config.policy;
	}
	for (int pass = 0; pass < s.passes; pass++) {
		bool is_last = pass + 1 == s.passes;
		struct diagnose_options options = {
			.policy = st->f.policy,
			.with_findings = true,
			.series = removal && removal->is_without_series ? NULL
									: st->series,
		};
		if (s.step)
			s.step(&s, pass);
		if (removal && removal->is_seen_once && !is_last)
			continue;
		show_pass(st, &s, removal, 1000000 + (uint64_t)pass * s.interval_ms);
		diagnose(&st->f.snap, st->f.history, &st->f.limits, &options,
			 &st->f.report);
		series_update(st->series, &st->f.report);
	}
}

static void stage_clear(struct stage *st)
{
	fixture_clear(&st->f);
	series_free(st->series);
	config_clear(&st->config);
}

static bool is_open(const struct stage *st, enum finding_kind kind)
{
	for (size_t i = 0; i < st->f.report.finding_count; i++)
		if (st->f.report.findings[i].kind == kind)
			return true;
	return false;
}

static const struct unknown_check *unknown_of(const struct stage *st,
					      enum finding_kind kind)
{
	for (size_t i = 0; i < st->f.report.unknown_count; i++)
		if (st->f.report.unknown[i].kind == kind)
			return &st->f.report.unknown[i];
	return NULL;
}

/* --- what must come of it --- */

static bool is_needed(enum finding_kind kind, const struct removal *removal)
{
	const struct finding_rule *rule = &finding_rules[kind];
	/* Verdicts that look into queues cannot look into those of a subflow. */
	uint16_t fields =
		finding_rule_fields(kind) | (rule->verdicts ? TCP_IS_MPTCP : 0);
	return (removal->field & fields) || (removal->part & rule->needs) ||
	       (removal->kernel >= 0 && rule->kernel & 1U << removal->kernel);
}

static bool names(const struct unknown_check *u, const struct removal *removal)
{
	for (size_t i = 0; i < 3; i++)
		if (removal->named[i] && strstr(u->reason, removal->named[i]))
			return true;
	return false;
}

static char *render(const struct stage *st, const struct renderer *renderer)
{
	static const struct render_options options = { .wide = true };
	char *text = NULL;
	size_t size = 0;
	struct error err;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(renderer->check(&st->f.report, &options, out, &err), 0);
	fclose(out);
	return text;
}

static void assert_shown(const struct stage *st, const struct renderer *renderer,
			 const char *part)
{
	auto_free char *text = render(st, renderer);
	if (!strstr(text, part))
		fail_msg("no '%s' in %s:\n%s", part, renderer->name, text);
}

/* In all formats, and counted where they sum up. */
static void assert_told(const struct stage *st, const struct unknown_check *u)
{
	char part[512];
	size_t refused = 0;
	const struct report *r = &st->f.report;
	const char *code = finding_table[u->kind].code;
	for (size_t i = 0; i < r->unknown_count; i++)
		refused += !r->unknown[i].needs_time && !r->unknown[i].is_of_host;
	snprintf(part, sizeof(part), "\nunknown %s %s\n", code, u->reason);
	assert_shown(st, &renderer_plain, part);
	snprintf(part, sizeof(part), " %zu -\n", r->unknown_count);
	assert_shown(st, &renderer_plain, part);
	snprintf(part, sizeof(part), "{\"check\":\"%s\",\"reason\":\"%s\"", code,
		 u->reason);
	assert_shown(st, &renderer_json, part);
	if (u->is_of_host) /* no right would show it: people are not told */
		return;
	assert_shown(st, &renderer_text, code);
	if (u->needs_time) {
		assert_shown(st, &renderer_text, "too short for");
		return;
	}
	assert_shown(st, &renderer_text, "checked: ");
	snprintf(part, sizeof(part), "%zu check%s not made in full", refused,
		 refused == 1 ? "" : "s");
	assert_shown(st, &renderer_text, part);
}

/* Returns whether the finding gave way to an unknown that names what is missing. */
static bool judge(size_t scene, const struct removal *removal)
{
	enum finding_kind kind = scenes[scene].kind;
	struct stage st;
	stage_open(&st, scenes[scene].make, removal, NULL);
	const struct unknown_check *u = unknown_of(&st, kind);
	bool is_found = is_open(&st, kind), is_named = u && names(u, removal);
	const char *code = finding_table[kind].code;
	const char *what = removal->named[0] ? removal->named[0] : "a field";
	if (!is_found && !u)
		fail_msg("scene %zu, %s: silent without field %x, part %x, value %d",
			 scene, code, removal->field, removal->part, removal->kernel);
	if (!is_needed(kind, removal) && (!is_found || u))
		fail_msg("scene %zu, %s does not need '%s' (%x, %d) and is %s", scene,
			 code, what, removal->field, removal->kernel,
			 u ? u->reason : "gone");
	if (!is_found && !is_named)
		fail_msg(
			"scene %zu, %s is unknown without '%s', for another reason: %s",
			scene, code, what, u->reason);
	if (u)
		assert_told(&st, u);
	stage_clear(&st);
	return !is_found && is_named;
}

static struct removal kernel_removal(int value, struct strbuf *name)
{
	strbuf_reset(name);
	size_t index = 32 + (size_t)value;
	for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++) {
		size_t at = index;
		if (finding_rules[kind].kernel & 1U << value) {
			finding_rule_need(kind, &at, name);
			break;
		}
	}
	return (struct removal){ .kernel = value,
				 .named = { name->len ? name->text : NULL } };
}

static void each_scene_makes_its_finding_and_nothing_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENE_COUNT; i++) {
		struct stage st;
		stage_open(&st, scenes[i].make, NULL, NULL);
		const struct unknown_check *u = unknown_of(&st, scenes[i].kind);
		if (!is_open(&st, scenes[i].kind) || u)
			fail_msg("scene %zu (%s): %s", i,
				 finding_table[scenes[i].kind].code,
				 u ? u->reason : "not found");
		/* Everything is there: only time may be wanting. */
		for (size_t j = 0; j < st.f.report.unknown_count; j++)
			if (!st.f.report.unknown[j].needs_time)
				fail_msg("scene %zu: %s", i,
					 st.f.report.unknown[j].reason);
		stage_clear(&st);
	}
}

static void every_kind_has_a_rule_and_a_scene(void **state)
{
	(void)state;
	for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++) {
		const struct finding_rule *rule = &finding_rules[kind];
		size_t count = 0;
		for (size_t i = 0; i < SCENE_COUNT; i++)
			count += scenes[i].kind == kind;
		if (!count || !rule->find == !rule->look)
			fail_msg("%s has %zu scenes and no single check",
				 finding_table[kind].code, count);
	}
}

/* What the row says it needs, takes the finding away in some scene. */
static void assert_felt(const struct removal *removal, const bool *was_felt)
{
	for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++)
		if (is_needed(kind, removal) && !was_felt[kind])
			fail_msg("%s says it needs '%s' and never misses it",
				 finding_table[kind].code, removal->named[0]);
}

static void judge_all(const struct removal *removal, bool *was_felt)
{
	for (size_t i = 0; i < SCENE_COUNT; i++)
		was_felt[scenes[i].kind] |= judge(i, removal);
}

static void without_a_field_a_rule_is_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(field_removals) / sizeof(*field_removals); i++) {
		bool was_felt[FINDING_KIND_COUNT] = { false };
		judge_all(&field_removals[i], was_felt);
		/* Where a subflow still tells enough, its finding stays. */
		if (field_removals[i].field != TCP_IS_MPTCP)
			assert_felt(&field_removals[i], was_felt);
	}
}

static void without_a_part_a_rule_is_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		bool was_felt[FINDING_KIND_COUNT] = { false };
		judge_all(&parts[i], was_felt);
		assert_felt(&parts[i], was_felt);
	}
}

static void without_a_value_of_the_kernel_a_rule_is_unknown(void **state)
{
	(void)state;
	for (int value = 0; value < KERNEL_VALUE_COUNT; value++) {
		auto_strbuf struct strbuf name = { 0 };
		bool was_felt[FINDING_KIND_COUNT] = { false };
		struct removal removal = kernel_removal(value, &name);
		judge_all(&removal, was_felt);
		assert_felt(&removal, was_felt);
	}
}

static void a_heartbeat_without_pong_is_unknown(void **state)
{
	(void)state;
	struct stage st;
	stage_open(&st, silent_in_spite_of_its_heartbeat, NULL,
		   "[target ws]\nfilter = :30020\nheartbeat = 20s\n");
	const struct unknown_check *u = unknown_of(&st, FINDING_HEARTBEAT_MISSED);
	assert_false(is_open(&st, FINDING_HEARTBEAT_MISSED));
	assert_non_null(u);
	assert_non_null(strstr(u->reason, "no pong"));
	stage_clear(&st);
}

/* Minisocks have no tcp_info, and nothing is unknown for that. */
static void resting(struct scene *s)
{
	struct tcp_socket sk = a_connection();
	sk.has = 0;
	sk.inode = 0;
	sk.timer = TCP_TIMER_TIME_WAIT;
	sk.state = TCP_STATE_TIME_WAIT;
	add_times(s, 3, sk);
	sk.state = TCP_STATE_FIN_WAIT_2;
	add(s, sk);
	sk.timer = TCP_TIMER_NONE;
	sk.state = TCP_STATE_SYN_RECV;
	add(s, sk);
}

static void of_old_kernels(struct scene *s)
{
	enum { OLD = TCP_HAS_INFO | TCP_HAS_BYTES | TCP_HAS_SEGS | TCP_HAS_NOTSENT };
	resting(s);
	add_times(s, 7, a_connection());
	add_times(s, 2, closed_window(0));
	for (size_t i = 0; i < s->count; i++)
		s->rows[i].has &= OLD;
}

static void minisocks_leave_nothing_unknown(void **state)
{
	(void)state;
	struct stage st;
	stage_open(&st, resting, NULL, NULL);
	for (size_t i = 0; i < st.f.report.unknown_count; i++)
		assert_true(st.f.report.unknown[i].needs_time);
	stage_clear(&st);
}

/* One line for one reason, and only for what is in doubt. */
static void an_old_kernel_is_told_once(void **state)
{
	(void)state;
	struct stage st;
	stage_open(&st, of_old_kernels, NULL, NULL);
	assert_string_equal(unknown_of(&st, FINDING_SLOW_READER)->reason,
			    "2 of 9 connections could not be assessed: the kernel does "
			    "not report snd_wnd (before Linux 5.4)");
	assert_null(unknown_of(&st, FINDING_STUCK_WORKER));
	assert_null(unknown_of(&st, FINDING_SLOW_RESPONSE));
	assert_shown(&st, &renderer_text,
		     "not fully checked: local-path-down, slow-reader: 2 of 9 "
		     "connections could not be assessed");
	stage_clear(&st);
}

static void rules_with_one_reason_share_a_line(void **state)
{
	(void)state;
	struct stage st;
	stage_open(&st, reloading, &parts[0], NULL);
	assert_shown(
		&st, &renderer_text,
		"\nnot checked: fd-exhaustion, pool-leak, timeout-chain, risky-flags: "
		"processes were not "
		"looked up\n");
	stage_clear(&st);
}

/* Why processes were not seen is one line, and not one more for each rule. */
static void a_reason_said_above_is_not_repeated(void **state)
{
	(void)state;
	struct stage st;
	stage_open(&st, reloading, &parts[2], NULL);
	assert_shown(&st, &renderer_text,
		     "\ncould not see: process owners: no permission; run as root\n");
	assert_shown(&st, &renderer_text,
		     "\nnot fully checked: pool-leak, timeout-chain, risky-flags: no "
		     "process "
		     "found for 1 of 1 "
		     "listener\n");
	assert_shown(&st, &renderer_plain,
		     "\nunknown risky-flags no process found for 1 of 1 listener: no "
		     "permission; run as root\n");
	stage_clear(&st);
}

/* Each limit of a rule is in its row, but for those of no finding. */
static void every_limit_belongs_to_a_rule(void **state)
{
	(void)state;
	static const enum limit_id others[] = {
		LIMIT_ACTIVE_AGE, LIMIT_FIN_WAIT_AGE, LIMIT_LOCAL_PATH_AGE,
		LIMIT_OPEN_FOR,   LIMIT_CLOSE_AFTER,
	};
	bool is_used[LIMITS_END] = { false };
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		is_used[others[i]] = true;
	for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++)
		for (const enum limit_id *id = finding_rules[kind].limits;
		     *id != LIMITS_END; id++)
			is_used[*id] = true;
	for (enum limit_id id = 0; id < LIMITS_END; id++)
		if (!is_used[id])
			fail_msg("%s belongs to no rule", limit_table[id].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scene_makes_its_finding_and_nothing_unknown),
		cmocka_unit_test(every_kind_has_a_rule_and_a_scene),
		cmocka_unit_test(without_a_field_a_rule_is_unknown),
		cmocka_unit_test(without_a_part_a_rule_is_unknown),
		cmocka_unit_test(without_a_value_of_the_kernel_a_rule_is_unknown),
		cmocka_unit_test(a_heartbeat_without_pong_is_unknown),
		cmocka_unit_test(minisocks_leave_nothing_unknown),
		cmocka_unit_test(an_old_kernel_is_told_once),
		cmocka_unit_test(rules_with_one_reason_share_a_line),
		cmocka_unit_test(a_reason_said_above_is_not_repeated),
		cmocka_unit_test(every_limit_belongs_to_a_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
