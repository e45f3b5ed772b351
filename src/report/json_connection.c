/* SPDX-License-Identifier: MIT */
#include "json_parts.h"

#include <string.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/strbuf.h"
#include "names.h"

/* A row of the kernel with its verdict, in keys that do not change. */

static void set_cookie(json_t *object, const char *key, uint64_t cookie)
{
	set_new(object, key, json_sprintf("0x%llx", (unsigned long long)cookie));
}

static void set_endpoint(json_t *object, const char *key, const struct tcp_socket *sk,
			 const struct ip_address *ip, uint16_t port)
{
	char text[ENDPOINT_TEXT_SIZE];
	set_word(object, key, endpoint_print(ip, sk->ip_version, port, text));
}

/* One string for each line. */
static json_t *lines(const char *text)
{
	json_t *array = json_array();
	while (*text) {
		size_t len = strcspn(text, "\n");
		json_array_append_new(array, safe_string(text, len));
		text += len + (text[len] == '\n');
	}
	return array;
}

/*
 * struct tcp_info under the kernel's names, without tcpi_, and in its units, which
 * the name tells where they are microseconds (the rest of the times are ms).
 */
#define KEY(name, member, bit, factor)                                            \
	{                                                                         \
		name, TCP_HAS_##bit, sizeof(((struct tcp_socket *)NULL)->member), \
			offsetof(struct tcp_socket, member), factor               \
	}
static const struct {
	const char *name;
	uint16_t has;
	uint16_t size;
	size_t offset;
	uint16_t factor;
} tcp_info_keys[] = {
	KEY("ca_state", ca_state, INFO, 1),
	KEY("retransmits", retransmits, INFO, 1),
	KEY("probes", probes, INFO, 1),
	KEY("backoff", backoff, INFO, 1),
	KEY("rto_us", rto_us, INFO, 1),
	KEY("unacked", unacked, INFO, 1),
	KEY("last_data_sent", last_data_sent_ms, INFO, 1),
	KEY("last_data_recv", last_data_recv_ms, INFO, 1),
	KEY("last_ack_recv", last_ack_recv_ms, INFO, 1),
	KEY("rtt_us", rtt_us, INFO, 1),
	KEY("rttvar_us", rttvar_us, INFO, 1),
	KEY("snd_cwnd", snd_cwnd, INFO, 1),
	KEY("total_retrans", total_retrans, INFO, 1),
	KEY("bytes_acked", bytes_acked, BYTES, 1),
	KEY("bytes_received", bytes_received, BYTES, 1),
	KEY("segs_in", segs_in, SEGS, 1),
	KEY("notsent_bytes", notsent_bytes, NOTSENT, 1),
	KEY("min_rtt_us", min_rtt_us, NOTSENT, 1),
	KEY("data_segs_out", data_segs_out, NOTSENT, 1),
	KEY("busy_time_us", busy_time_ms, BUSY, 1000),
	KEY("rwnd_limited_us", rwnd_limited_ms, BUSY, 1000),
	KEY("snd_wnd", snd_wnd, SND_WND, 1),
	KEY("rcv_wnd", rcv_wnd, RCV_WND, 1),
};
#undef KEY

static uint64_t number_at(const void *at, size_t size)
{
	uint8_t u8;
	uint32_t u32;
	uint64_t u64;
	switch (size) {
	case sizeof(u8):
		memcpy(&u8, at, sizeof(u8));
		return u8;
	case sizeof(u32):
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

static json_t *tcp_info_object(const struct tcp_socket *sk)
{
	json_t *object = json_object();
	for (size_t i = 0; i < sizeof(tcp_info_keys) / sizeof(*tcp_info_keys); i++)
		if (sk->has & tcp_info_keys[i].has)
			set_integer(
				object, tcp_info_keys[i].name,
				number_at((const char *)sk + tcp_info_keys[i].offset,
					  tcp_info_keys[i].size) *
					tcp_info_keys[i].factor);
	return object;
}

/* Of a listener the queue fields count connections, of the others bytes. */
static void set_queues(json_t *o, const struct tcp_socket *sk)
{
	bool is_listener = sk->state == TCP_STATE_LISTEN;
	set_integer(o, is_listener ? "accept_queue_count" : "recv_queue_bytes",
		    sk->recv_queue);
	set_integer(o, is_listener ? "accept_queue_limit_count" : "send_queue_bytes",
		    sk->send_queue);
}

/* gives_up false: no kernel timer will ever end this connection. */
static void set_derived(json_t *o, const struct derived *d)
{
	if (d->turn != TURN_UNKNOWN)
		set_word(o, "turn", turn_name(d->turn));
	if (d->gives_up_ms != DERIVED_UNKNOWN)
		set_flag(o, "gives_up", d->gives_up_ms != DERIVED_NEVER);
	set_seconds(o, "gives_up_in_seconds", d->gives_up_ms);
	set_seconds(o, "idle_seconds", d->idle_ms);
	if (d->keepalive != KEEPALIVE_UNKNOWN)
		set_flag(o, "keepalive", d->keepalive == KEEPALIVE_ON);
}

static void set_keepalive(json_t *o, const struct derived *d)
{
	set_seconds(o, "keepalive_idle_seconds", d->keepidle_ms);
	set_seconds(o, "keepalive_interval_seconds", d->keepintvl_ms);
	if (d->keepcnt >= 0)
		set_integer(o, "keepalive_count", (uint64_t)d->keepcnt);
	set_seconds(o, "user_timeout_seconds", d->user_timeout_ms);
	set_detection(o, d->detects_idle_ms, d->is_detects_exact);
}

static void set_owner(json_t *o, const struct report *r, uint32_t row)
{
	int32_t fd;
	const struct process *p = report_process_of(r, row, &fd);
	if (!p) {
		set_word(o, "owner_absent", report_why_not_owned(r, row));
		return;
	}
	set_new(o, "process.pid", json_integer(p->pid));
	set_new(o, "process.fd", json_integer(fd));
	set_text(o, "process.executable.name", p->comm);
	set_text(o, "conn_doctor.stack", process_stack(r, p));
}

static void set_assessment(json_t *o, const struct assessment *a)
{
	if (a->role != ROLE_NONE)
		set_word(o, "role", role_name(a->role));
	set_word(o, "verdict", verdict_table[a->verdict].code);
	set_word(o, "confidence", confidence_name(a->confidence));
	set_word(o, "acts", acts_name(a->acts));
	set_since(o, a->since_cs, a->is_since_exact);
}

json_t *connection_object(const struct report *r, uint32_t row)
{
	const struct tcp_socket *sk = &r->snap->sockets[row];
	bool is_listener = sk->state == TCP_STATE_LISTEN;
	struct derived d;
	auto_strbuf struct strbuf evidence = { 0 };
	json_t *o = json_object();
	derive(r, row, &d);
	set_word(o, "schema", "conn-doctor.connection/1");
	set_cookie(o, "cookie", sk->cookie);
	set_text(o, "namespace", netns_name(r, sk->netns));
	set_endpoint(o, "local", sk, &sk->local, sk->local_port);
	if (!is_listener)
		set_endpoint(o, "peer", sk, &sk->peer, sk->peer_port);
	set_word(o, "state", tcp_state_id(sk->state));
	set_assessment(o, &r->assessments[row]);
	set_derived(o, &d);
	set_keepalive(o, &d);
	set_queues(o, sk);
	set_owner(o, r, row);
	verdict_evidence(r, row, &evidence);
	if (evidence.len)
		set_new(o, "evidence", lines(strbuf_text(&evidence)));
	if ((sk->has & TCP_HAS_INFO) && !is_listener)
		set_new(o, "tcp_info", tcp_info_object(sk));
	return o;
}
