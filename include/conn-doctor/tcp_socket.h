/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TCP_SOCKET_H
#define CONN_DOCTOR_TCP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One TCP socket as sock_diag reported it: the kernel's fields under the
 * kernel's names, nothing concluded. "The kernel did not say" and "zero" are
 * different answers, so every group of fields that may be missing has a
 * presence bit in `has`; the fields of an absent group are zero and mean
 * nothing.
 *
 * The struct is kept small on purpose (a host may have a million of them).
 */

/* Values of the kernel's enum (include/net/tcp_states.h), part of its ABI. */
enum tcp_state {
	TCP_STATE_ESTABLISHED = 1,
	TCP_STATE_SYN_SENT = 2,
	TCP_STATE_SYN_RECV = 3,
	TCP_STATE_FIN_WAIT_1 = 4,
	TCP_STATE_FIN_WAIT_2 = 5,
	TCP_STATE_TIME_WAIT = 6,
	TCP_STATE_CLOSED = 7,
	TCP_STATE_CLOSE_WAIT = 8,
	TCP_STATE_LAST_ACK = 9,
	TCP_STATE_LISTEN = 10,
	TCP_STATE_CLOSING = 11,
	TCP_STATE_NEW_SYN_RECV = 12, /* request sockets; reported as SYN_RECV */
	TCP_STATE_BOUND_INACTIVE = 13,
	TCP_STATE_COUNT = 14,
};

#define TCP_STATE_BIT(state) (1U << (state))

/* Every state the program asks for; leaves out bound-only sockets (Linux 6.8+). */
#define TCP_STATES_ALL 0xfffU

/* idiag_timer */
enum tcp_timer {
	TCP_TIMER_NONE = 0,
	TCP_TIMER_RETRANSMIT = 1, /* RTO, tail loss probe or reordering timer */
	TCP_TIMER_KEEPALIVE = 2,  /* visible only when nothing else is pending */
	TCP_TIMER_TIME_WAIT = 3,  /* minisocks: TIME_WAIT and orphan FIN_WAIT2 */
	TCP_TIMER_PROBE0 = 4,     /* zero window or local transmit failure */
	TCP_TIMER_DELAYED_ACK = 5,
};

enum tcp_socket_has {
	TCP_HAS_INFO = 1 << 0,    /* tcp_info up to total_retrans; full sockets only */
	TCP_HAS_BYTES = 1 << 1,   /* bytes_acked, bytes_received (Linux 4.1) */
	TCP_HAS_SEGS = 1 << 2,    /* segs_in (4.2) */
	TCP_HAS_NOTSENT = 1 << 3, /* notsent_bytes, min_rtt, data_segs_out (4.6) */
	TCP_HAS_BUSY = 1 << 4,    /* busy_time, rwnd_limited (4.10) */
	TCP_HAS_SND_WND = 1 << 5, /* snd_wnd (5.4) */
	TCP_HAS_RCV_WND = 1 << 6, /* rcv_wnd (6.2) */
	TCP_HAS_DROPS = 1 << 7,   /* sk_drops (4.7) */
	TCP_HAS_SHUTDOWN = 1 << 8,
	TCP_HAS_MARK = 1 << 9, /* needs CAP_NET_ADMIN */
	TCP_HAS_CGROUP = 1 << 10,
	TCP_IS_MPTCP = 1 << 11,  /* subflow: its queues are not the application's */
	TCP_IS_MAPPED = 1 << 12, /* AF_INET6 row with an IPv4 connection in it */
};

/* An IPv4 address is held as ::ffff:a.b.c.d, so that comparing is one memcmp. */
struct ip_address {
	uint8_t bytes[16];
};

struct tcp_socket {
	uint64_t cookie;         /* unique until reboot, same from SYN to TIME_WAIT */
	uint64_t bytes_acked;    /* + 1 for our SYN (active side), + 1 for our FIN */
	uint64_t bytes_received; /* + 1 for the peer's FIN */

	struct ip_address local;
	struct ip_address peer;

	uint32_t interface; /* index of the bound device, 0 = none */
	uint32_t inode;     /* 0 = not accepted, orphan or minisock */
	uint32_t uid;
	uint32_t recv_queue; /* LISTEN: children waiting; else unread bytes (+1: FIN) */
	uint32_t send_queue; /* LISTEN: backlog; else unacknowledged + unsent bytes */
	uint32_t expires_ms; /* to the next firing of `timer` */
	uint32_t mark;
	uint32_t drops; /* LISTEN: SYNs and last ACKs dropped at a full queue */

	/* struct tcp_info, tcpi_ prefix dropped, units added */
	uint32_t rto_us;
	uint32_t unacked; /* segments; a SYN or FIN counts */
	uint32_t last_data_sent_ms;
	uint32_t last_data_recv_ms;
	uint32_t last_ack_recv_ms;
	uint32_t rtt_us;
	uint32_t rttvar_us;
	uint32_t min_rtt_us;
	uint32_t snd_cwnd;
	uint32_t total_retrans;
	uint32_t data_segs_out;
	uint32_t segs_in;
	uint32_t notsent_bytes;
	uint32_t snd_wnd;
	uint32_t rcv_wnd;
	uint32_t busy_time_ms;    /* kernel: microseconds; kept in ms, 49 days */
	uint32_t rwnd_limited_ms; /* likewise */

	uint16_t local_port;
	uint16_t peer_port;
	uint16_t netns;  /* index into snapshot->namespaces */
	uint16_t cgroup; /* index into snapshot->cgroups, with TCP_HAS_CGROUP */
	uint16_t has;    /* enum tcp_socket_has */

	uint8_t ip_version;    /* 4 or 6, after unmapping */
	uint8_t state;         /* enum tcp_state */
	uint8_t timer;         /* enum tcp_timer */
	uint8_t timer_retrans; /* idiag_retrans: retransmits, probes or SYN-ACKs */
	uint8_t shutdown;      /* 1 = receive, 2 = send */
	uint8_t ca_state;      /* 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss */
	uint8_t retransmits;   /* u8 in the kernel: wraps at 256 */
	uint8_t probes;        /* unanswered keepalive or window probes */
	uint8_t backoff;
};

/* Bytes that the local application took: of those that came, all but the unread. */
uint64_t tcp_socket_consumed(const struct tcp_socket *sk);

/* ss(8) spelling in capitals (ESTAB, CLOSE-WAIT, ...), for screens. */
const char *tcp_state_name(uint8_t state);

/* OpenTelemetry spelling (established, close_wait, ...), for JSON and labels. */
const char *tcp_state_id(uint8_t state);

/*
 * State of a name in any usual spelling (`fin-wait-1`, `FIN_WAIT1`, `syn-recv`,
 * `syn_received`, `estab`); 0 when unknown.
 */
uint8_t tcp_state_parse(const char *name, size_t len);

enum { IP_TEXT_SIZE = 46, ENDPOINT_TEXT_SIZE = 56 };

/* Appends without terminator and returns the end; at most IP_TEXT_SIZE - 1 bytes. */
char *ip_address_put(char *out, const struct ip_address *ip, uint8_t ip_version);

/* `10.0.0.1:443`, `[2001:db8::1]:443`; no terminator, returns the end. */
char *endpoint_put(char *out, const struct ip_address *ip, uint8_t ip_version,
		   uint16_t port);

/* Same, terminated, returns `out`. */
char *ip_address_print(const struct ip_address *ip, uint8_t ip_version,
		       char out[static IP_TEXT_SIZE]);
char *endpoint_print(const struct ip_address *ip, uint8_t ip_version, uint16_t port,
		     char out[static ENDPOINT_TEXT_SIZE]);

/* Numeric IPv4 or IPv6 text; *ip_version is 4 or 6. False when it is neither. */
bool ip_address_parse(const char *text, struct ip_address *out, uint8_t *ip_version);

bool ip_address_is_loopback(const struct ip_address *ip);
bool ip_address_is_any(const struct ip_address *ip);
/* Two numbers that order addresses as their bytes do. */
void ip_address_halves(const struct ip_address *ip, uint64_t *high, uint64_t *low);
uint64_t ip_address_hash(const struct ip_address *ip);
bool ip_address_equal(const struct ip_address *a, const struct ip_address *b);
void ip_address_from_v4(struct ip_address *out, uint32_t network_order);

#endif
