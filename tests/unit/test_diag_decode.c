/* SPDX-License-Identifier: MIT */

/* Netlink bytes to rows: lengths, presence bits, mapped addresses, damage. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "conn-doctor/snapshot.h"
#include "diag_decode.h"

/* A buffer in which messages are put together. */
struct dump {
	_Alignas(4) uint8_t bytes[4096];
	size_t len, message;
};

static void begin_message(struct dump *d, uint16_t type)
{
	struct nlmsghdr header = { .nlmsg_type = type };
	d->message = d->len;
	memcpy(d->bytes + d->len, &header, sizeof(header));
	d->len += sizeof(header);
}

static void put(struct dump *d, const void *bytes, size_t len)
{
	memcpy(d->bytes + d->len, bytes, len);
	d->len += NLMSG_ALIGN(len);
}

static void end_message(struct dump *d)
{
	uint32_t len = (uint32_t)(d->len - d->message);
	memcpy(d->bytes + d->message, &len, sizeof(len));
}

static void put_attribute(struct dump *d, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = (uint16_t)(sizeof(attr) + len),
			       .nla_type = type };
	put(d, &attr, sizeof(attr));
	put(d, data, len);
}

static struct inet_diag_msg a_row(void)
{
	struct inet_diag_msg msg = {
		.idiag_family = AF_INET,
		.idiag_state = TCP_STATE_ESTABLISHED,
		.idiag_timer = TCP_TIMER_RETRANSMIT,
		.idiag_expires = 1234,
		.idiag_rqueue = 7,
		.idiag_inode = 4711,
		.id.idiag_sport = htons(30020),
		.id.idiag_dport = htons(40000),
		.id.idiag_cookie = { 0x1a2b, 1 },
	};
	msg.id.idiag_src[0] = htonl(0x0a000001);
	msg.id.idiag_dst[0] = htonl(0x0a000002);
	return msg;
}

static void put_row(struct dump *d, struct inet_diag_msg msg)
{
	begin_message(d, TCPDIAG_GETSOCK);
	put(d, &msg, sizeof(msg));
	end_message(d);
}

static void a_row_is_read_field_by_field(void **state)
{
	(void)state;
	struct snapshot snap = { 0 };
	struct dump d = { 0 };
	char text[ENDPOINT_TEXT_SIZE];
	put_row(&d, a_row());
	assert_int_equal(diag_decode(&snap, 3, d.bytes, d.len), 1);
	assert_int_equal(snap.socket_count, 1);
	const struct tcp_socket *sk = &snap.sockets[0];
	assert_true(sk->cookie == 0x100001a2bULL);
	assert_int_equal(sk->netns, 3);
	assert_int_equal(sk->inode, 4711);
	assert_int_equal(sk->recv_queue, 7);
	assert_int_equal(sk->expires_ms, 1234);
	assert_int_equal(sk->has, 0);
	assert_string_equal(endpoint_print(&sk->local, 4, sk->local_port, text),
			    "10.0.0.1:30020");
	assert_string_equal(endpoint_print(&sk->peer, 4, sk->peer_port, text),
			    "10.0.0.2:40000");
	snapshot_clear(&snap);
}

static void a_row_seen_twice_is_one_row(void **state)
{
	(void)state;
	struct snapshot snap = { 0 };
	struct dump d = { 0 };
	put_row(&d, a_row());
	put_row(&d, a_row());
	diag_decode(&snap, 0, d.bytes, d.len);
	snapshot_finish(&snap);
	assert_int_equal(snap.socket_count, 1);
	assert_int_equal(snap.duplicate_count, 1);
	snapshot_clear(&snap);
}

static void a_mapped_address_is_an_ipv4_connection(void **state)
{
	(void)state;
	struct snapshot snap = { 0 };
	struct dump d = { 0 };
	char text[ENDPOINT_TEXT_SIZE];
	struct inet_diag_msg msg = a_row();
	msg.idiag_family = AF_INET6;
	memset(msg.id.idiag_src, 0, sizeof(msg.id.idiag_src));
	memset(msg.id.idiag_dst, 0, sizeof(msg.id.idiag_dst));
	msg.id.idiag_src[2] = msg.id.idiag_dst[2] = htonl(0xffff);
	msg.id.idiag_src[3] = htonl(0x0a000001);
	msg.id.idiag_dst[3] = htonl(0x0a000002);
	put_row(&d, msg);
	diag_decode(&snap, 0, d.bytes, d.len);
	const struct tcp_socket *sk = &snap.sockets[0];
	assert_int_equal(sk->ip_version, 4);
	assert_true(sk->has & TCP_IS_MAPPED);
	assert_string_equal(
		endpoint_print(&sk->peer, sk->ip_version, sk->peer_port, text),
		"10.0.0.2:40000");
	snapshot_clear(&snap);
}

static void presence_follows_the_length_of_tcp_info(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		uint16_t has;
	} cases[] = {
		{ 103, 0 },
		{ 104, TCP_HAS_INFO },
		{ 136, TCP_HAS_INFO | TCP_HAS_BYTES },
		{ 160, TCP_HAS_INFO | TCP_HAS_BYTES | TCP_HAS_SEGS | TCP_HAS_NOTSENT },
		{ 231, TCP_HAS_INFO | TCP_HAS_BYTES | TCP_HAS_SEGS | TCP_HAS_NOTSENT |
			       TCP_HAS_BUSY },
		{ 280, TCP_HAS_INFO | TCP_HAS_BYTES | TCP_HAS_SEGS | TCP_HAS_NOTSENT |
			       TCP_HAS_BUSY | TCP_HAS_SND_WND | TCP_HAS_RCV_WND },
	};
	uint8_t info[280];
	for (size_t i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snapshot snap = { 0 };
		struct dump d = { 0 };
		struct inet_diag_msg msg = a_row();
		begin_message(&d, SOCK_DIAG_BY_FAMILY);
		put(&d, &msg, sizeof(msg));
		put_attribute(&d, INET_DIAG_INFO, info, cases[i].len);
		end_message(&d);
		diag_decode(&snap, 0, d.bytes, d.len);
		assert_int_equal(snap.sockets[0].has, cases[i].has);
		assert_int_equal(snap.sockets[0].retransmits, 2);
		snapshot_clear(&snap);
	}
}

static void small_attributes_are_read(void **state)
{
	(void)state;
	struct snapshot snap = { 0 };
	struct dump d = { 0 };
	struct inet_diag_msg msg = a_row();
	uint32_t memory[9] = { [8] = 27 };
	uint8_t shutdown = 2;
	uint64_t cgroup = 0x1234567890ULL;
	uint8_t ulp[12] = { 10, 0, 1, 0, 'm', 'p', 't', 'c', 'p', 0 };
	begin_message(&d, TCPDIAG_GETSOCK);
	put(&d, &msg, sizeof(msg));
	put_attribute(&d, INET_DIAG_SKMEMINFO, memory, sizeof(memory));
	put_attribute(&d, INET_DIAG_SHUTDOWN, &shutdown, 1);
	put_attribute(&d, INET_DIAG_CGROUP_ID, &cgroup, 8);
	put_attribute(&d, INET_DIAG_ULP_INFO, ulp, sizeof(ulp));
	end_message(&d);
	diag_decode(&snap, 0, d.bytes, d.len);
	const struct tcp_socket *sk = &snap.sockets[0];
	assert_int_equal(sk->has, TCP_HAS_DROPS | TCP_HAS_SHUTDOWN | TCP_HAS_CGROUP |
					  TCP_IS_MPTCP);
	assert_int_equal(sk->drops, 27);
	assert_int_equal(sk->shutdown, 2);
	assert_true(snap.cgroups[sk->cgroup] == cgroup);
	snapshot_clear(&snap);
}

static void the_end_and_errors_of_a_dump_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		int32_t value;
		int expected;
	} cases[] = {
		{ NLMSG_DONE, 0, 0 },
		{ NLMSG_DONE, -EINVAL, -EINVAL },
		{ NLMSG_ERROR, -ENOENT, -ENOENT },
		{ NLMSG_NOOP, 0, 1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snapshot snap = { 0 };
		struct dump d = { 0 };
		begin_message(&d, cases[i].type);
		put(&d, &cases[i].value, sizeof(cases[i].value));
		end_message(&d);
		assert_int_equal(diag_decode(&snap, 0, d.bytes, d.len),
				 cases[i].expected);
		snapshot_clear(&snap);
	}
}

static void damaged_rows_are_counted_and_left_out(void **state)
{
	(void)state;
	struct snapshot snap = { 0 };
	struct dump d = { 0 };
	struct inet_diag_msg msg = a_row();
	msg.idiag_family = AF_UNIX;
	put_row(&d, msg);
	msg = a_row();
	msg.idiag_state = 200;
	put_row(&d, msg);
	begin_message(&d, TCPDIAG_GETSOCK); /* half a row */
	put(&d, &msg, 40);
	end_message(&d);
	diag_decode(&snap, 0, d.bytes, d.len);
	assert_int_equal(snap.socket_count, 0);
	assert_int_equal(snap.unreadable_count, 3);
	snapshot_clear(&snap);
}

/* Every shorter buffer: nothing is read past its end (the sanitizer watches). */
static void a_cut_buffer_is_no_overread(void **state)
{
	(void)state;
	struct dump d = { 0 };
	struct inet_diag_msg msg = a_row();
	uint8_t info[240] = { 0 };
	begin_message(&d, TCPDIAG_GETSOCK);
	put(&d, &msg, sizeof(msg));
	put_attribute(&d, INET_DIAG_INFO, info, sizeof(info));
	end_message(&d);
	for (size_t len = 0; len < d.len; len++) {
		struct snapshot snap = { 0 };
		uint8_t *exact = malloc(len ? len : 1);
		memcpy(exact, d.bytes, len);
		diag_decode(&snap, 0, exact, len);
		assert_int_equal(snap.socket_count, 0);
		free(exact);
		snapshot_clear(&snap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_read_field_by_field),
		cmocka_unit_test(a_row_seen_twice_is_one_row),
		cmocka_unit_test(a_mapped_address_is_an_ipv4_connection),
		cmocka_unit_test(presence_follows_the_length_of_tcp_info),
		cmocka_unit_test(small_attributes_are_read),
		cmocka_unit_test(the_end_and_errors_of_a_dump_are_told_apart),
		cmocka_unit_test(damaged_rows_are_counted_and_left_out),
		cmocka_unit_test(a_cut_buffer_is_no_overread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
