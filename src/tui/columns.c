/* SPDX-License-Identifier: MIT */
#include "columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/text.h"

void row_view_init(struct row_view *v, const struct report *r, uint32_t row)
{
	v->report = r;
	v->row = row;
	v->socket = &r->snap->sockets[row];
	v->assessment = &r->assessments[row];
	derive(r, row, &v->derived);
}

static void add_duration(struct strbuf *out, int64_t ms)
{
	char text[FORMAT_SIZE];
	strbuf_add(out, ms < 0 ? "-" : duration_print((uint64_t)ms, text));
}

void columns_add_bytes(struct strbuf *out, uint64_t bytes)
{
	static const char units[] = "KMGT";
	size_t unit = 0;
	if (bytes < 10000) {
		strbuf_addf(out, "%" PRIu64, bytes);
		return;
	}
	/* Tenths, so that 1.2M needs no floating point. */
	uint64_t tenths = bytes * 10 / 1024;
	for (; tenths >= 10000 && units[unit + 1]; unit++)
		tenths /= 1024;
	if (tenths < 100)
		strbuf_addf(out, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
	else
		strbuf_addf(out, "%" PRIu64, tenths / 10);
	strbuf_add_char(out, units[unit]);
}

static void print_verdict(const struct row_view *v, int width, bool is_utf8,
			  struct strbuf *out)
{
	(void)width, (void)is_utf8;
	strbuf_add(out, verdict_table[v->assessment->verdict].code);
}

static struct sort_key key_verdict(const struct row_view *v)
{
	return (struct sort_key){ v->assessment->verdict, 0 };
}

static void print_since(const struct row_view *v, int width, bool is_utf8,
			struct strbuf *out)
{
	(void)width;
	if (v->assessment->since_cs == ASSESSMENT_SINCE_UNKNOWN) {
		strbuf_add(out, "-");
		return;
	}
	if (!v->assessment->is_since_exact)
		strbuf_add(out, is_utf8 ? "≥" : ">");
	add_duration(out, v->assessment->since_cs * INT64_C(10));
}

static struct sort_key key_since(const struct row_view *v)
{
	/* Unknown wraps to 0. */
	return (struct sort_key){ (uint32_t)(v->assessment->since_cs + 1), 0 };
}

static void print_peer(const struct row_view *v, int width, bool is_utf8,
		       struct strbuf *out)
{
	(void)is_utf8;
	char text[ENDPOINT_TEXT_SIZE];
	endpoint_print(&v->socket->peer, v->socket->ip_version, v->socket->peer_port,
		       text);
	size_t len = strlen(text);
	size_t room = width > 0 ? (size_t)width : 0;
	if (len <= room) {
		strbuf_add(out, text);
	} else if (room) {
		/* The end tells peers apart: host part and port. */
		strbuf_add_char(out, '~');
		strbuf_add(out, text + len - (room - 1));
	}
}

static uint64_t big_endian(const uint8_t *bytes)
{
	uint64_t value = 0;
	for (size_t i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static struct sort_key key_peer(const struct row_view *v)
{
	const uint8_t *bytes = v->socket->peer.bytes;
	return (struct sort_key){ big_endian(bytes), big_endian(bytes + 8) };
}

static void print_state(const struct row_view *v, int width, bool is_utf8,
			struct strbuf *out)
{
	(void)width, (void)is_utf8;
	strbuf_add(out, tcp_state_name(v->socket->state));
}

static struct sort_key key_state(const struct row_view *v)
{
	return (struct sort_key){ v->socket->state, 0 };
}

static void print_rq(const struct row_view *v, int width, bool is_utf8,
		     struct strbuf *out)
{
	(void)width, (void)is_utf8;
	columns_add_bytes(out, v->socket->recv_queue);
}

static struct sort_key key_rq(const struct row_view *v)
{
	return (struct sort_key){ v->socket->recv_queue, 0 };
}

static void print_sq(const struct row_view *v, int width, bool is_utf8,
		     struct strbuf *out)
{
	(void)width, (void)is_utf8;
	columns_add_bytes(out, v->socket->send_queue);
}

static struct sort_key key_sq(const struct row_view *v)
{
	return (struct sort_key){ v->socket->send_queue, 0 };
}

static void print_idle(const struct row_view *v, int width, bool is_utf8,
		       struct strbuf *out)
{
	(void)width, (void)is_utf8;
	add_duration(out, v->derived.idle_ms);
}

/* Unknown (-1) comes before zero. */
static struct sort_key key_idle(const struct row_view *v)
{
	return (struct sort_key){ (uint64_t)(v->derived.idle_ms + 1), 0 };
}

static void print_turn(const struct row_view *v, int width, bool is_utf8,
		       struct strbuf *out)
{
	(void)width, (void)is_utf8;
	strbuf_add(out, v->derived.turn == TURN_UNKNOWN ? "-" :
							  turn_name(v->derived.turn));
}

static struct sort_key key_turn(const struct row_view *v)
{
	return (struct sort_key){ v->derived.turn, 0 };
}

static void print_gives_up(const struct row_view *v, int width, bool is_utf8,
			   struct strbuf *out)
{
	(void)width, (void)is_utf8;
	if (v->derived.gives_up_ms == DERIVED_NEVER)
		strbuf_add(out, "never");
	else
		add_duration(out, v->derived.gives_up_ms);
}

/* Soonest first, then never, then unknown. */
static struct sort_key key_gives_up(const struct row_view *v)
{
	int64_t ms = v->derived.gives_up_ms;
	if (ms == DERIVED_NEVER)
		return (struct sort_key){ UINT64_MAX - 1, 0 };
	return (struct sort_key){ ms < 0 ? UINT64_MAX : (uint64_t)ms, 0 };
}

static void print_ka(const struct row_view *v, int width, bool is_utf8,
		     struct strbuf *out)
{
	static const char *const words[] = { "-", "off", "on" };
	(void)width, (void)is_utf8;
	strbuf_add(out, words[v->derived.keepalive]);
}

static struct sort_key key_ka(const struct row_view *v)
{
	return (struct sort_key){ v->derived.keepalive, 0 };
}

/* `name[pid] fd N`; the name gives way first, the pid never. */
static void print_owner(const struct row_view *v, int width, bool is_utf8,
			struct strbuf *out)
{
	(void)is_utf8;
	int32_t fd;
	const struct process *p = report_process_of(v->report, v->row, &fd);
	if (!p) {
		strbuf_add(out, report_why_not_owned(v->report, v->row));
		return;
	}
	auto_strbuf struct strbuf name = { 0 };
	text_sanitize(&name, p->comm, strlen(p->comm));
	char pid[24], with_fd[24];
	int pid_width = snprintf(pid, sizeof(pid), "[%" PRId32 "]", p->pid);
	int fd_width = snprintf(with_fd, sizeof(with_fd), " fd %" PRId32, fd);
	int room = width - pid_width;
	if (room < 2) {
		strbuf_addf(out, "%" PRId32, p->pid);
		return;
	}
	int need = (int)text_width(strbuf_text(&name));
	if (need <= room) {
		strbuf_addf(out, "%s%s", strbuf_text(&name), pid);
		if (need + fd_width <= room)
			strbuf_add(out, with_fd);
		return;
	}
	strbuf_add_len(out, strbuf_text(&name),
		       text_fit(strbuf_text(&name), (size_t)room - 1));
	strbuf_addf(out, "~%s", pid);
}

static struct sort_key key_owner(const struct row_view *v)
{
	int32_t fd = 0;
	const struct process *p = report_process_of(v->report, v->row, &fd);
	if (!p)
		return (struct sort_key){ UINT64_MAX, 0 };
	return (struct sort_key){ (uint64_t)(uint32_t)p->pid, (uint64_t)(uint32_t)fd };
}

const struct column_info column_table[COLUMN_COUNT] = {
	[COLUMN_VERDICT] = { .heading = "VERDICT",
			     .help = "what the connection is, worst first",
			     .width = 17,
			     .keep = 0,
			     .print = print_verdict,
			     .key = key_verdict },
	[COLUMN_SINCE] = { .heading = "SINCE",
			   .help = "how long it has been so, or at least so long",
			   .width = 7,
			   .keep = 5,
			   .is_right_aligned = true,
			   .is_largest_first = true,
			   .print = print_since,
			   .key = key_since },
	[COLUMN_PEER] = { .heading = "PEER",
			  .help = "address and port of the other side",
			  .width = 21,
			  .keep = 1,
			  .print = print_peer,
			  .key = key_peer },
	[COLUMN_STATE] = { .heading = "STATE",
			   .help = "TCP state, as ss names it",
			   .width = 10,
			   .keep = 2,
			   .print = print_state,
			   .key = key_state },
	[COLUMN_RQ] = { .heading = "RQ",
			.help = "bytes received and not yet read",
			.width = 4,
			.keep = 3,
			.is_right_aligned = true,
			.is_largest_first = true,
			.print = print_rq,
			.key = key_rq },
	[COLUMN_SQ] = { .heading = "SQ",
			.help = "bytes not yet sent or not yet acknowledged",
			.width = 4,
			.keep = 4,
			.is_right_aligned = true,
			.is_largest_first = true,
			.print = print_sq,
			.key = key_sq },
	[COLUMN_IDLE] = { .heading = "IDLE",
			  .help = "since application data moved, either way",
			  .width = 6,
			  .keep = 8,
			  .is_right_aligned = true,
			  .is_largest_first = true,
			  .print = print_idle,
			  .key = key_idle },
	[COLUMN_TURN] = { .heading = "TURN",
			  .help = "whose move it is",
			  .width = 5,
			  .keep = 9,
			  .print = print_turn,
			  .key = key_turn },
	[COLUMN_GIVES_UP] = { .heading = "GIVES-UP",
			      .help = "until the kernel itself ends the connection",
			      .width = 8,
			      .keep = 7,
			      .is_right_aligned = true,
			      .print = print_gives_up,
			      .key = key_gives_up },
	[COLUMN_KA] = { .heading = "KA",
			.help = "keepalive of TCP, as far as its timer shows",
			.width = 3,
			.keep = 10,
			.print = print_ka,
			.key = key_ka },
	[COLUMN_OWNER] = { .heading = "OWNER",
			   .help = "process and descriptor, or why there is none",
			   .width = 11,
			   .keep = 6,
			   .print = print_owner,
			   .key = key_owner },
};
