/* SPDX-License-Identifier: MIT */
#include "conn-doctor/tcp_socket.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/u64_map.h"

static const struct {
	const char *name; /* ss(8) */
	const char *id;   /* OpenTelemetry network.connection.state */
} states[TCP_STATE_COUNT] = {
	[0] = { "UNKNOWN", "unknown" },
	[TCP_STATE_ESTABLISHED] = { "ESTAB", "established" },
	[TCP_STATE_SYN_SENT] = { "SYN-SENT", "syn_sent" },
	[TCP_STATE_SYN_RECV] = { "SYN-RECV", "syn_received" },
	[TCP_STATE_FIN_WAIT_1] = { "FIN-WAIT-1", "fin_wait_1" },
	[TCP_STATE_FIN_WAIT_2] = { "FIN-WAIT-2", "fin_wait_2" },
	[TCP_STATE_TIME_WAIT] = { "TIME-WAIT", "time_wait" },
	[TCP_STATE_CLOSED] = { "UNCONN", "closed" },
	[TCP_STATE_CLOSE_WAIT] = { "CLOSE-WAIT", "close_wait" },
	[TCP_STATE_LAST_ACK] = { "LAST-ACK", "last_ack" },
	[TCP_STATE_LISTEN] = { "LISTEN", "listen" },
	[TCP_STATE_CLOSING] = { "CLOSING", "closing" },
	[TCP_STATE_NEW_SYN_RECV] = { "SYN-RECV", "syn_received" },
	[TCP_STATE_BOUND_INACTIVE] = { "BOUND-INACTIVE", "bound_inactive" },
};

/* Spellings beyond those of the table above, separators left out. */
static const struct {
	const char *name;
	uint8_t state;
} state_aliases[] = {
	{ "established", TCP_STATE_ESTABLISHED },
	{ "synrecv", TCP_STATE_SYN_RECV },
	{ "synrcv", TCP_STATE_SYN_RECV },
	{ "listening", TCP_STATE_LISTEN },
	{ "close", TCP_STATE_CLOSED },
	{ "unconnected", TCP_STATE_CLOSED },
};

const char *tcp_state_name(uint8_t state)
{
	return states[state < TCP_STATE_COUNT ? state : 0].name;
}

const char *tcp_state_id(uint8_t state)
{
	return states[state < TCP_STATE_COUNT ? state : 0].id;
}

/* Equal but for case and the separators '-' and '_'. */
static bool is_same_word(const char *a, size_t a_len, const char *b)
{
	for (;;) {
		while (a_len && (*a == '-' || *a == '_'))
			a++, a_len--;
		while (*b == '-' || *b == '_')
			b++;
		if (!a_len || !*b)
			return !a_len && !*b;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		a++, a_len--, b++;
	}
}

uint8_t tcp_state_parse(const char *name, size_t len)
{
	for (uint8_t s = 1; s < TCP_STATE_COUNT; s++)
		if (is_same_word(name, len, states[s].name) ||
		    is_same_word(name, len, states[s].id))
			return s;
	for (size_t i = 0; i < sizeof(state_aliases) / sizeof(*state_aliases); i++)
		if (is_same_word(name, len, state_aliases[i].name))
			return state_aliases[i].state;
	return 0;
}

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

void ip_address_from_v4(struct ip_address *out, uint32_t network_order)
{
	memcpy(out->bytes, mapped_prefix, sizeof(mapped_prefix));
	memcpy(out->bytes + 12, &network_order, 4);
}

/* By hand, not inet_ntop: this is a third of the cost of printing a row. */
char *ip_address_put(char *out, const struct ip_address *ip, uint8_t ip_version)
{
	if (ip_version == 4) {
		for (int i = 12; i < 16; i++) {
			out = u64_put(out, ip->bytes[i]);
			*out++ = '.';
		}
		return out - 1;
	}
	inet_ntop(AF_INET6, ip->bytes, out, IP_TEXT_SIZE);
	return out + strlen(out);
}

char *endpoint_put(char *out, const struct ip_address *ip, uint8_t ip_version,
		   uint16_t port)
{
	if (ip_version == 6)
		*out++ = '[';
	out = ip_address_put(out, ip, ip_version);
	if (ip_version == 6)
		*out++ = ']';
	*out++ = ':';
	return u64_put(out, port);
}

char *ip_address_print(const struct ip_address *ip, uint8_t ip_version,
		       char out[static IP_TEXT_SIZE])
{
	*ip_address_put(out, ip, ip_version) = '\0';
	return out;
}

char *endpoint_print(const struct ip_address *ip, uint8_t ip_version, uint16_t port,
		     char out[static ENDPOINT_TEXT_SIZE])
{
	*endpoint_put(out, ip, ip_version, port) = '\0';
	return out;
}

bool ip_address_parse(const char *text, struct ip_address *out, uint8_t *ip_version)
{
	uint32_t v4;
	if (inet_pton(AF_INET, text, &v4) == 1) {
		ip_address_from_v4(out, v4);
		*ip_version = 4;
		return true;
	}
	*ip_version = 6;
	return inet_pton(AF_INET6, text, out->bytes) == 1;
}

bool ip_address_is_loopback(const struct ip_address *ip)
{
	static const struct ip_address v6_loopback = { .bytes = { [15] = 1 } };
	if (memcmp(ip->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
		return ip->bytes[12] == 127;
	return ip_address_equal(ip, &v6_loopback);
}

bool ip_address_is_any(const struct ip_address *ip)
{
	static const struct ip_address v6_any;
	static const struct ip_address v4_any = { .bytes = {
							  [10] = 0xff, [11] = 0xff } };
	return ip_address_equal(ip, &v6_any) || ip_address_equal(ip, &v4_any);
}

static uint64_t big_endian(const uint8_t *bytes)
{
	uint64_t value = 0;
	for (size_t i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

void ip_address_halves(const struct ip_address *ip, uint64_t *high, uint64_t *low)
{
	*high = big_endian(ip->bytes);
	*low = big_endian(ip->bytes + 8);
}

uint64_t ip_address_hash(const struct ip_address *ip)
{
	uint64_t words[2];
	memcpy(words, ip->bytes, sizeof(words));
	return u64_hash(u64_hash(words[0]) ^ words[1]);
}

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

uint64_t tcp_socket_consumed(const struct tcp_socket *sk)
{
	return sk->bytes_received > sk->recv_queue ? sk->bytes_received - sk->recv_queue
						   : 0;
}
