/* SPDX-License-Identifier: MIT */
#include "conn-doctor/fields.h"

#include <inttypes.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "names.h"

static const struct tcp_socket *socket_of(const struct field_row *row)
{
	return &row->report->snap->sockets[row->row];
}

static const struct assessment *assessment_of(const struct field_row *row)
{
	return &row->report->assessments[row->row];
}

/* Listeners have no peer, no clocks and no timers worth a column. */
static bool is_listener(const struct field_row *row)
{
	return socket_of(row)->state == TCP_STATE_LISTEN;
}

/* A negative duration is an unknown one. */
static void put_duration(struct strbuf *out, int64_t ms)
{
	char text[FORMAT_SIZE];
	strbuf_add(out, ms < 0 ? "-" : duration_print((uint64_t)ms, text));
}

/* "At least nothing" is what is known at first sight: not worth a figure. */
static void put_at_least(const struct field_row *row, struct strbuf *out, int64_t ms,
			 bool is_exact)
{
	if (!is_exact && ms <= 0)
		ms = DERIVED_UNKNOWN;
	else if (!is_exact)
		strbuf_add(out, row->options->use_utf8 ? "\u2265 " : ">=");
	put_duration(out, ms);
}

static void put_verdict(const struct field_row *row, struct strbuf *out)
{
	strbuf_add(out, verdict_table[assessment_of(row)->verdict].code);
}

static void put_confidence(const struct field_row *row, struct strbuf *out)
{
	strbuf_add(out, confidence_name(assessment_of(row)->confidence));
}

static void put_acts(const struct field_row *row, struct strbuf *out)
{
	strbuf_add(out, acts_name(assessment_of(row)->acts));
}

static void put_since(const struct field_row *row, struct strbuf *out)
{
	const struct assessment *a = assessment_of(row);
	bool is_known = a->since_cs != ASSESSMENT_SINCE_UNKNOWN;
	put_at_least(row, out, is_known ? a->since_cs * 10LL : DERIVED_UNKNOWN,
		     a->is_since_exact);
}

static void put_state(const struct field_row *row, struct strbuf *out)
{
	strbuf_add(out, tcp_state_name(socket_of(row)->state));
}

static void put_in_state(const struct field_row *row, struct strbuf *out)
{
	put_at_least(row, out, row->derived.in_state_ms,
		     row->derived.is_in_state_exact);
}

static void put_role(const struct field_row *row, struct strbuf *out)
{
	enum role role = assessment_of(row)->role;
	strbuf_add(out, role == ROLE_NONE ? "-" : role_name(role));
}

static void put_recv_queue(const struct field_row *row, struct strbuf *out)
{
	strbuf_addf(out, "%u", socket_of(row)->recv_queue);
}

static void put_send_queue(const struct field_row *row, struct strbuf *out)
{
	strbuf_addf(out, "%u", socket_of(row)->send_queue);
}

static void put_idle(const struct field_row *row, struct strbuf *out)
{
	put_duration(out, row->derived.idle_ms);
}

/* Each way by itself: a peer that is silent is not one that nobody answers. */
static void put_idle_rx_tx(const struct field_row *row, struct strbuf *out)
{
	const struct tcp_socket *sk = socket_of(row);
	if (row->derived.idle_ms < 0) {
		strbuf_add_char(out, '-');
		return;
	}
	put_duration(out, sk->last_data_recv_ms);
	strbuf_add_char(out, '/');
	put_duration(out, sk->last_data_sent_ms);
}

static void put_turn(const struct field_row *row, struct strbuf *out)
{
	enum turn turn = row->derived.turn;
	strbuf_add(out, turn == TURN_UNKNOWN ? "-" : turn_name(turn));
}

static void put_keepalive(const struct field_row *row, struct strbuf *out)
{
	static const char *const words[] = {
		[KEEPALIVE_UNKNOWN] = "-",
		[KEEPALIVE_OFF] = "off",
		[KEEPALIVE_ON] = "on",
	};
	strbuf_add(out, words[row->derived.keepalive]);
}

static void put_gives_up(const struct field_row *row, struct strbuf *out)
{
	if (row->derived.gives_up_ms == DERIVED_NEVER)
		strbuf_add(out, "never");
	else
		put_duration(out, row->derived.gives_up_ms);
}

static void put_rtt(const struct field_row *row, struct strbuf *out)
{
	const struct tcp_socket *sk = socket_of(row);
	if (!(sk->has & TCP_HAS_INFO) || is_listener(row) || !sk->rtt_us)
		strbuf_add_char(out, '-');
	else if (sk->rtt_us < 1000)
		strbuf_addf(out, "%uus", sk->rtt_us);
	else if (sk->rtt_us < 10000)
		strbuf_addf(out, "%u.%ums", sk->rtt_us / 1000, sk->rtt_us % 1000 / 100);
	else
		put_duration(out, sk->rtt_us / 1000);
}

static void put_retrans(const struct field_row *row, struct strbuf *out)
{
	const struct tcp_socket *sk = socket_of(row);
	if ((sk->has & TCP_HAS_INFO) && !is_listener(row))
		strbuf_addf(out, "%u", sk->total_retrans);
	else
		strbuf_add_char(out, '-');
}

static void put_age(const struct field_row *row, struct strbuf *out)
{
	put_at_least(row, out, row->derived.age_ms, false);
}

static void put_cookie(const struct field_row *row, struct strbuf *out)
{
	strbuf_addf(out, "0x%" PRIx64, socket_of(row)->cookie);
}

static void put_local(const struct field_row *row, struct strbuf *out)
{
	const struct tcp_socket *sk = socket_of(row);
	char text[ENDPOINT_TEXT_SIZE];
	strbuf_add(out,
		   endpoint_print(&sk->local, sk->ip_version, sk->local_port, text));
}

static void put_peer(const struct field_row *row, struct strbuf *out)
{
	const struct tcp_socket *sk = socket_of(row);
	char text[ENDPOINT_TEXT_SIZE];
	if (is_listener(row))
		strbuf_add_char(out, '-');
	else
		strbuf_add(out, endpoint_print(&sk->peer, sk->ip_version, sk->peer_port,
					       text));
}

static void put_owner(const struct field_row *row, struct strbuf *out)
{
	int32_t fd;
	size_t count;
	const struct process *p = report_process_of(row->report, row->row, &fd);
	if (!p) {
		strbuf_addf(out, "(%s)", report_why_not_owned(row->report, row->row));
		return;
	}
	put_process(out, row->report, p, row->options);
	strbuf_addf(out, " fd %d", fd);
	snapshot_owners(row->report->snap, socket_of(row)->inode, &count);
	if (count > 1)
		strbuf_addf(out, " +%zu", count - 1);
}

static void put_evidence(const struct field_row *row, struct strbuf *out)
{
	auto_strbuf struct strbuf sentences = { 0 };
	verdict_evidence(row->report, row->row, &sentences);
	const char *at = strbuf_text(&sentences);
	if (!*at)
		strbuf_add_char(out, '-');
	for (const char *separator = ""; *at; separator = "; ") {
		size_t len = strcspn(at, "\n");
		strbuf_add(out, separator);
		strbuf_add_len(out, at, len);
		at += len + (at[len] == '\n');
	}
}

static void put_brief(const struct field_row *row, struct strbuf *out)
{
	auto_strbuf struct strbuf brief = { 0 };
	verdict_brief(row->report, row->row, &brief);
	strbuf_add(out, brief.len ? strbuf_text(&brief) : "-");
}

const struct field field_table[FIELD_COUNT] = {
	[FIELD_VERDICT] = { "verdict", "VERDICT", "what the connection is", 17, false,
			    put_verdict },
	[FIELD_CONFIDENCE] = { "confidence", "CONFIDENCE", "suspect, likely or proven",
			       10, false, put_confidence },
	[FIELD_ACTS] = { "acts", "ACTS", "who must act", 9, false, put_acts },
	[FIELD_SINCE] = { "since", "SINCE", "how long it has been so", 9, false,
			  put_since },
	[FIELD_STATE] = { "state", "STATE", "TCP state", 10, false, put_state },
	[FIELD_IN_STATE] = { "in-state", "IN STATE", "time in this TCP state", 9, false,
			     put_in_state },
	[FIELD_ROLE] = { "role", "ROLE", "server: we listen on its local port", 6,
			 false, put_role },
	[FIELD_RQ] = { "rq", "RQ",
		       "bytes the application has not read; a listener's queue", 6,
		       true, put_recv_queue },
	[FIELD_SQ] = { "sq", "SQ",
		       "bytes the peer has not acknowledged; a listener's backlog", 6,
		       true, put_send_queue },
	[FIELD_IDLE] = { "idle", "IDLE", "time since data moved, either way", 6, true,
			 put_idle },
	[FIELD_IDLE_RX_TX] = { "idle-rx-tx", "IDLE rx/tx",
			       "time since data came in, and since data was sent", 11,
			       true, put_idle_rx_tx },
	[FIELD_TURN] = { "turn", "TURN", "whose move it is", 5, false, put_turn },
	[FIELD_KA] = { "ka", "KA", "TCP keepalive", 3, false, put_keepalive },
	[FIELD_GIVES_UP] = { "gives-up", "GIVES UP",
			     "when the kernel itself ends the connection", 8, false,
			     put_gives_up },
	[FIELD_RTT] = { "rtt", "RTT", "smoothed round-trip time", 6, true, put_rtt },
	[FIELD_RETRANS] = { "retrans", "RETRANS", "segments sent again, all told", 7,
			    true, put_retrans },
	[FIELD_AGE] = { "age", "AGE", "of the connection, as far as known", 9, false,
			put_age },
	[FIELD_COOKIE] = { "cookie", "COOKIE", "the kernel's identity of the socket",
			   10, false, put_cookie },
	[FIELD_LOCAL] = { "local", "LOCAL", "local address and port", 21, false,
			  put_local },
	[FIELD_PEER] = { "peer", "PEER", "address and port of the other side", 21,
			 false, put_peer },
	[FIELD_OWNER] = { "owner", "OWNER",
			  "process and descriptor, or why there is none", 24, false,
			  put_owner },
	[FIELD_EVIDENCE] = { "evidence", "EVIDENCE", "the numbers behind the verdict",
			     40, false, put_evidence },
	[FIELD_BRIEF] = { "brief", "EVIDENCE", "what decided the verdict, in few words",
			  24, false, put_brief },
};

enum field_id field_parse(const char *id, size_t len)
{
	for (enum field_id f = 0; f < FIELD_COUNT; f++)
		if (strlen(field_table[f].id) == len &&
		    strncmp(field_table[f].id, id, len) == 0)
			return f;
	return FIELD_COUNT;
}

void field_row_init(struct field_row *out, const struct report *r, uint32_t row,
		    const struct render_options *o)
{
	out->report = r;
	out->options = o;
	out->row = row;
	derive(r, row, &out->derived);
}

enum severity field_row_severity(const struct assessment *a)
{
	static const enum severity by_confidence[] = {
		[CONFIDENCE_SUSPECT] = SEVERITY_INFO,
		[CONFIDENCE_LIKELY] = SEVERITY_WARNING,
		[CONFIDENCE_PROVEN] = SEVERITY_CRITICAL,
	};
	if (verdict_table[a->verdict].is_complaint)
		return by_confidence[a->confidence];
	return a->verdict == VERDICT_NOT_ASSESSED ? SEVERITY_INFO : SEVERITY_OK;
}
