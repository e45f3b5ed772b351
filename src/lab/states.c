/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/text.h"
#include "link.h"
#include "sockets.h"

/*
 * How each state is made. A script is read like a story: who does what, in turn.
 */
#define SERVER SIDE_SERVER
#define CLIENT SIDE_CLIENT

enum { REQUEST = 300, REPLY = 1000, OUTSIDE = 3 };

#define CONNECTED                                                      \
	{ SERVER, sockets_listen, 0 }, { CLIENT, sockets_connect, 0 }, \
	{                                                              \
		SERVER, sockets_accept, 0                              \
	}
#define ASKED                                         \
	CONNECTED, { CLIENT, sockets_send, REQUEST }, \
	{                                             \
		SERVER, sockets_receive, REQUEST      \
	}
#define ANSWERED                                \
	ASKED, { SERVER, sockets_send, REPLY }, \
	{                                       \
		CLIENT, sockets_receive, REPLY  \
	}

static const struct lab_step healthy[] = {
	ANSWERED,
	{ SERVER, sockets_keepalive, 0 },
};
static const struct lab_step half_open[] = {
	ASKED,
	{ CLIENT, link_silence, 0 },
	{ SERVER, sockets_send, REPLY },
};
static const struct lab_step unreachable[] = {
	ASKED,
	{ CLIENT, link_lose_address, 0 },
	{ SERVER, link_forget_neighbour, 0 },
	{ SERVER, sockets_send, REPLY },
};
static const struct lab_step local_path_down[] = {
	ASKED,
	{ SERVER, link_down, 0 },
	{ SERVER, sockets_send, REPLY },
};
static const struct lab_step unread[] = {
	CONNECTED,
	{ CLIENT, sockets_send, REQUEST },
};
static const struct lab_step close_wait_unread[] = {
	CONNECTED,
	{ CLIENT, sockets_close, 0 },
};
static const struct lab_step queue_abandoned[] = {
	{ SERVER, sockets_listen, 0 },
	{ CLIENT, sockets_connect, 0 },
	{ CLIENT, sockets_close, 0 },
};
static const struct lab_step queued[] = {
	{ SERVER, sockets_listen, 0 },
	{ CLIENT, sockets_connect, 0 },
};
static const struct lab_step accept_queue_full[] = {
	{ SERVER, sockets_listen_short, 0 },
	{ CLIENT, sockets_connect, 0 },
	{ CLIENT, sockets_knock, OUTSIDE },
};
static const struct lab_step close_wait_leak[] = {
	CONNECTED,
	{ CLIENT, sockets_close, 0 },
	{ SERVER, sockets_receive_end, 0 },
};
static const struct lab_step slow_reader[] = {
	/* So that a thousand of them do not fill the host's memory. */
	{ SERVER, sockets_use_small_buffers, 0 },
	{ CLIENT, sockets_use_small_buffers, 0 },
	CONNECTED,
	{ SERVER, sockets_fill, 0 },
};
static const struct lab_step connect_stuck[] = {
	{ SERVER, link_silence, 0 },
	{ CLIENT, sockets_start_connect, 0 },
};
static const struct lab_step owed_reply[] = {
	ASKED,
};
static const struct lab_step fin_wait_held[] = {
	ASKED,
	{ SERVER, sockets_shutdown, 0 },
};
static const struct lab_step half_open_suspect[] = {
	ANSWERED,
	{ CLIENT, link_silence, 0 },
};

static const struct lab_step lossy[] = {
	ANSWERED,
	{ CLIENT, sockets_drain, 0 },
	{ SERVER, sockets_lose, 0 },
};

#define STEPS(script) \
	.steps = (script), .step_count = sizeof(script) / sizeof(*(script))

const struct lab_state lab_table[] = {
	{ "healthy", "answered and waiting for the next request, with keepalive",
	  VERDICT_IDLE, LIMIT_ACTIVE_AGE, STEPS(healthy) },
	{ "half-open", "the client vanishes without a word before it is answered",
	  VERDICT_HALF_OPEN, LIMIT_HALF_OPEN_NO_ACK, STEPS(half_open) },
	{ "unreachable", "the client's address is gone; nobody answers ARP (IPv4)",
	  VERDICT_UNREACHABLE, LIMIT_HALF_OPEN_NO_ACK, .after_ms = LIMIT_SECONDS(12),
	  .is_ipv4_only = true, STEPS(unreachable) },
	{ "local-path-down", "the server's own link goes down before it answers",
	  VERDICT_LOCAL_PATH_DOWN, LIMIT_LOCAL_PATH_AGE, STEPS(local_path_down) },
	{ "unread", "the server does not read a request", VERDICT_UNREAD,
	  LIMIT_UNREAD_AGE, STEPS(unread) },
	{ "close-wait-unread", "the client closes, the server does not look",
	  VERDICT_CLOSE_WAIT_UNREAD, LIMIT_CLOSE_WAIT_UNREAD_AGE,
	  STEPS(close_wait_unread) },
	{ "queue-abandoned", "clients leave before the server accepts them",
	  VERDICT_QUEUE_ABANDONED, LIMIT_QUEUED_AGE, STEPS(queue_abandoned) },
	{ "queued", "clients wait, the server accepts nobody", VERDICT_QUEUED,
	  LIMIT_QUEUED_AGE, STEPS(queued) },
	{ "accept-queue-full", "clients fill the accept queue, three more stay outside",
	  VERDICT_QUEUED, LIMIT_QUEUED_AGE, .finding = "accept-queue-full",
	  STEPS(accept_queue_full) },
	{ "close-wait-leak", "the client closes, the server sees it and keeps its end",
	  VERDICT_CLOSE_WAIT_LEAK, LIMIT_CLOSE_WAIT_AGE, STEPS(close_wait_leak) },
	{ "slow-reader", "the client does not read what the server sends",
	  VERDICT_SLOW_READER, LIMIT_SLOW_READER_AGE, STEPS(slow_reader) },
	{ "connect-stuck", "the client connects to a server that is not there",
	  VERDICT_CONNECT_STUCK, LIMIT_CONNECT_AGE, .is_seen_by_client = true,
	  STEPS(connect_stuck) },
	{ "slow-upstream", "the client waits for a reply, seen from the client",
	  VERDICT_SLOW_UPSTREAM, LIMIT_SLOW_UPSTREAM_AGE, .is_seen_by_client = true,
	  STEPS(owed_reply) },
	{ "slow-response", "the server has read a request and does not reply",
	  VERDICT_SLOW_RESPONSE, LIMIT_SLOW_RESPONSE_AGE, STEPS(owed_reply) },
	{ "fin-wait-held", "the server half-closes and keeps its end",
	  VERDICT_FIN_WAIT_HELD, LIMIT_FIN_WAIT_AGE, STEPS(fin_wait_held) },
	{ "half-open-suspect", "idle without keepalive; the client has vanished",
	  VERDICT_HALF_OPEN_SUSPECT, LIMIT_IDLE_UNVERIFIED_AGE,
	  STEPS(half_open_suspect) },
	{ "lossy", "the path loses a message and its repetition, then delivers it",
	  VERDICT_LOSSY, LIMIT_LOSSY_SHARE, .after_ms = LIMIT_SECONDS(4),
	  STEPS(lossy) },
	{ 0 },
};

static const char *name_at(size_t i)
{
	return lab_table[i].name;
}

const struct lab_state *lab_state_find(const char *name, struct error *err)
{
	for (const struct lab_state *s = lab_table; s->name; s++) {
		if (strcmp(s->name, name) == 0)
			return s;
	}
	const char *nearest = text_nearest(name, name_at);
	if (nearest)
		error_set(err, ERROR_USAGE,
			  "there is no state '%.60s'; did you mean '%s'?", name,
			  nearest);
	else
		error_set(
			err, ERROR_USAGE,
			"there is no state '%.60s'; conn-doctor lab --list shows them",
			name);
	return NULL;
}

uint64_t lab_state_after_ms(const struct lab_state *state)
{
	return state->after_ms ? state->after_ms : limit_table[state->limit].initial;
}

void lab_list(FILE *out)
{
	char after[FORMAT_SIZE];
	fprintf(out, "%-18s %-6s %s\n", "STATE", "AFTER", "WHAT IS MADE");
	for (const struct lab_state *s = lab_table; s->name; s++) {
		fprintf(out, "%-18s %-6s %s\n", s->name,
			duration_print(lab_state_after_ms(s), after), s->help);
	}
}
