/* SPDX-License-Identifier: MIT */
#include "diag_decode.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

/*
 * struct tcp_info as far as we read it (kernel-facts.md 3.1). Our own copy,
 * because the installed header may be older than the running kernel; the
 * kernel only ever appends, so a shorter one is a prefix and `len` tells which
 * fields it has.
 */
struct diag_tcp_info {
	uint8_t state, ca_state, retransmits, probes, backoff, options, wscale, flags;
	uint32_t rto, ato, snd_mss, rcv_mss;
	uint32_t unacked, sacked, lost, retrans, fackets;
	uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
	uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss;
	uint32_t reordering, rcv_rtt, rcv_space, total_retrans;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
	uint32_t delivered, delivered_ce;
	uint64_t bytes_sent, bytes_retrans;
	uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd, rcv_wnd, rehash;
};
_Static_assert(offsetof(struct diag_tcp_info, pacing_rate) == 104, "tcp_info ABI");
_Static_assert(offsetof(struct diag_tcp_info, segs_out) == 136, "tcp_info ABI");
_Static_assert(offsetof(struct diag_tcp_info, delivered) == 192, "tcp_info ABI");
_Static_assert(sizeof(struct diag_tcp_info) == 240, "tcp_info ABI");

/* Presence bits by the length of tcp_info. */
static const struct {
	uint16_t has;
	uint16_t len;
} info_parts[] = {
	{ TCP_HAS_INFO, 104 },    { TCP_HAS_BYTES, 136 }, { TCP_HAS_SEGS, 144 },
	{ TCP_HAS_NOTSENT, 160 }, { TCP_HAS_BUSY, 192 },  { TCP_HAS_SND_WND, 232 },
	{ TCP_HAS_RCV_WND, 236 },
};

enum { ULP_INFO_NAME = 1, SKMEMINFO_DROPS = 8, DROPS_END = 9 * 4 };

static uint32_t ms_of_us(uint64_t us)
{
	uint64_t ms = us / 1000;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static void decode_tcp_info(struct tcp_socket *sk, const uint8_t *data, size_t len)
{
	struct diag_tcp_info info;
	if (len < sizeof(info)) {
		memset(&info, 0, sizeof(info));
		memcpy(&info, data, len);
	} else {
		memcpy(&info, data, sizeof(info));
	}
	for (size_t i = 0; i < sizeof(info_parts) / sizeof(*info_parts); i++)
		if (len >= info_parts[i].len)
			sk->has |= info_parts[i].has;

	sk->ca_state = info.ca_state;
	sk->retransmits = info.retransmits;
	sk->probes = info.probes;
	sk->backoff = info.backoff;
	sk->rto_us = info.rto;
	sk->unacked = info.unacked;
	sk->last_data_sent_ms = info.last_data_sent;
	sk->last_data_recv_ms = info.last_data_recv;
	sk->last_ack_recv_ms = info.last_ack_recv;
	sk->rtt_us = info.rtt;
	sk->rttvar_us = info.rttvar;
	sk->min_rtt_us = info.min_rtt;
	sk->snd_cwnd = info.snd_cwnd;
	sk->total_retrans = info.total_retrans;
	sk->bytes_acked = info.bytes_acked;
	sk->bytes_received = info.bytes_received;
	sk->segs_in = info.segs_in;
	sk->notsent_bytes = info.notsent_bytes;
	sk->data_segs_out = info.data_segs_out;
	sk->busy_time_ms = ms_of_us(info.busy_time);
	sk->rwnd_limited_ms = ms_of_us(info.rwnd_limited);
	sk->snd_wnd = info.snd_wnd;
	sk->rcv_wnd = info.rcv_wnd;
}

static uint32_t read_u32(const uint8_t *p)
{
	uint32_t value;
	memcpy(&value, p, sizeof(value));
	return value;
}

/* An MPTCP subflow carries the upper layer's name in INET_DIAG_ULP_INFO. */
static void decode_ulp(struct tcp_socket *sk, const uint8_t *p, size_t len)
{
	while (len >= sizeof(struct nlattr)) {
		struct nlattr attr;
		memcpy(&attr, p, sizeof(attr));
		if (attr.nla_len < sizeof(attr) || attr.nla_len > len)
			return;
		if ((attr.nla_type & NLA_TYPE_MASK) == ULP_INFO_NAME &&
		    attr.nla_len >= sizeof(attr) + 5 &&
		    memcmp(p + sizeof(attr), "mptcp", 5) == 0)
			sk->has |= TCP_IS_MPTCP;
		size_t step = NLA_ALIGN(attr.nla_len);
		if (step >= len)
			return;
		p += step;
		len -= step;
	}
}

static void decode_attribute(struct snapshot *snap, struct tcp_socket *sk, int type,
			     const uint8_t *data, size_t len)
{
	switch (type) {
	case INET_DIAG_INFO:
		decode_tcp_info(sk, data, len);
		break;
	case INET_DIAG_SKMEMINFO:
		if (len >= DROPS_END) {
			sk->drops = read_u32(data + SKMEMINFO_DROPS * 4);
			sk->has |= TCP_HAS_DROPS;
		}
		break;
	case INET_DIAG_SHUTDOWN:
		if (len >= 1) {
			sk->shutdown = data[0];
			sk->has |= TCP_HAS_SHUTDOWN;
		}
		break;
	case INET_DIAG_MARK:
		if (len >= 4) {
			sk->mark = read_u32(data);
			sk->has |= TCP_HAS_MARK;
		}
		break;
	case INET_DIAG_CGROUP_ID:
		if (len >= 8) {
			uint64_t id;
			memcpy(&id, data, sizeof(id));
			sk->cgroup = snapshot_add_cgroup(snap, id);
			sk->has |= TCP_HAS_CGROUP;
		}
		break;
	case INET_DIAG_ULP_INFO:
		decode_ulp(sk, data, len);
		break;
	default:
		break;
	}
}

static bool is_mapped(const uint32_t address[4])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	return memcmp(address, prefix, sizeof(prefix)) == 0;
}

/*
 * An IPv4 connection on a dual-stack listener is an AF_INET6 row with mapped
 * addresses; a dual-stack listener itself is "::" and stays version 6.
 */
static void decode_addresses(struct tcp_socket *sk, const struct inet_diag_msg *msg)
{
	if (msg->idiag_family == AF_INET) {
		sk->ip_version = 4;
		ip_address_from_v4(&sk->local, msg->id.idiag_src[0]);
		ip_address_from_v4(&sk->peer, msg->id.idiag_dst[0]);
		return;
	}
	memcpy(sk->local.bytes, msg->id.idiag_src, sizeof(sk->local.bytes));
	memcpy(sk->peer.bytes, msg->id.idiag_dst, sizeof(sk->peer.bytes));
	sk->ip_version = 6;
	if (is_mapped(msg->id.idiag_src)) {
		sk->ip_version = 4;
		sk->has |= TCP_IS_MAPPED;
		if (msg->idiag_state == TCP_STATE_LISTEN)
			ip_address_from_v4(&sk->peer, 0);
	}
}

static void decode_header(struct tcp_socket *sk, const struct inet_diag_msg *msg)
{
	sk->cookie = (uint64_t)msg->id.idiag_cookie[1] << 32 | msg->id.idiag_cookie[0];
	decode_addresses(sk, msg);
	sk->local_port =
		(uint16_t)(msg->id.idiag_sport >> 8 | msg->id.idiag_sport << 8);
	sk->peer_port = (uint16_t)(msg->id.idiag_dport >> 8 | msg->id.idiag_dport << 8);
	sk->interface = msg->id.idiag_if;
	sk->inode = msg->idiag_inode;
	sk->uid = msg->idiag_uid;
	sk->recv_queue = msg->idiag_rqueue;
	sk->send_queue = msg->idiag_wqueue;
	sk->state = msg->idiag_state;
	sk->timer = msg->idiag_timer;
	sk->timer_retrans = msg->idiag_retrans;
	/* Old kernels gave a timer that is due as a negative number of ms. */
	sk->expires_ms = msg->idiag_expires < 0x80000000U ? msg->idiag_expires : 0;
}

static void decode_row(struct snapshot *snap, uint16_t netns, const uint8_t *p,
		       size_t len)
{
	struct inet_diag_msg msg;
	if (len < sizeof(msg)) {
		snap->unreadable_count++;
		return;
	}
	memcpy(&msg, p, sizeof(msg));
	bool is_known_family =
		msg.idiag_family == AF_INET || msg.idiag_family == AF_INET6;
	if (!is_known_family || msg.idiag_state == 0 ||
	    msg.idiag_state >= TCP_STATE_COUNT) {
		snap->unreadable_count++;
		return;
	}

	struct tcp_socket *sk = snapshot_new_socket(snap);
	decode_header(sk, &msg);
	sk->netns = netns;
	p += NLMSG_ALIGN(sizeof(msg));
	len -= NLMSG_ALIGN(sizeof(msg));
	while (len >= sizeof(struct nlattr)) {
		struct nlattr attr;
		memcpy(&attr, p, sizeof(attr));
		if (attr.nla_len < sizeof(attr) || attr.nla_len > len) {
			snap->unreadable_count++;
			return;
		}
		decode_attribute(snap, sk, attr.nla_type & NLA_TYPE_MASK,
				 p + sizeof(attr), attr.nla_len - sizeof(attr));
		size_t step = NLA_ALIGN(attr.nla_len);
		if (step >= len)
			break;
		p += step;
		len -= step;
	}
	snapshot_commit(snap);
}

/* The errno in an NLMSG_ERROR, or at the end of a dump that failed half-way. */
static int decode_errno(const uint8_t *payload, size_t len)
{
	int32_t value;
	if (len < sizeof(value))
		return -EPROTO;
	memcpy(&value, payload, sizeof(value));
	return value < 0 && value > -4096 ? value : 0;
}

int diag_decode(struct snapshot *snap, uint16_t netns, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	while (len >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;
		memcpy(&header, p, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len) {
			snap->unreadable_count++;
			return 1;
		}
		const uint8_t *payload = p + NLMSG_HDRLEN;
		size_t payload_len = header.nlmsg_len - NLMSG_HDRLEN;
		if (header.nlmsg_type == NLMSG_DONE)
			return payload_len ? decode_errno(payload, payload_len) : 0;
		if (header.nlmsg_type == NLMSG_ERROR)
			return decode_errno(payload, payload_len);
		/* Legacy requests are answered with their own type, 18. */
		if (header.nlmsg_type == TCPDIAG_GETSOCK ||
		    header.nlmsg_type == SOCK_DIAG_BY_FAMILY)
			decode_row(snap, netns, payload, payload_len);
		size_t step = NLMSG_ALIGN(header.nlmsg_len);
		if (step >= len)
			break;
		p += step;
		len -= step;
	}
	return 1;
}
