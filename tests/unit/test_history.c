/* SPDX-License-Identifier: MIT */

/* The history of sockets: what its small fields must still tell, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "builders.h"
#include "conn-doctor/frame.h"

enum { ENTRY_SIZE = 60, AT_CONSUMED = 8, AT_TOTAL = 48, AT_PROGRESS_TOTAL = 52 };

/* One pass a second; sockets by number, beginning with the connection's cookie. */
static void see(struct history *h, uint64_t pass, struct tcp_socket sk, size_t count)
{
	auto_snapshot struct snapshot snap = { 0 };
	snapshot_begin(&snap, 1000000 + pass * 1000);
	for (size_t i = 0; i < count; i++, sk.cookie++)
		snapshot_put(&snap, sk);
	snapshot_finish(&snap);
	history_update(h, &snap);
}

static struct socket_past past_of(const struct history *h, uint64_t cookie)
{
	struct socket_past past;
	assert_true(history_find(h, cookie, &past));
	return past;
}

static void retransmissions_are_counted_since_progress(void **state)
{
	(void)state;
	static const struct {
		uint32_t total, acked_more, since, recent;
	} steps[] = {
		{ 5, 0, 0, 0 },  /* what was before the first look is not ours */
		{ 7, 0, 2, 2 },  /* counts */
		{ 7, 0, 2, 0 },  /* stays */
		{ 8, 10, 0, 1 }, /* progress: from zero */
		{ 10, 0, 2, 2 }, /* again */
		{ 65544, 0, 65535, 65534 },  /* the most it can hold */
		{ 200000, 0, 65535, 65535 }, /* stops there */
		{ 3, 0, 3, 3 },              /* disconnected and connected again */
		{ 4, 10, 0, 1 },             /* and progress is seen as before */
	};
	struct history *h = history_new();
	struct tcp_socket sk = a_connection();
	sk.send_queue = 10;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		sk.total_retrans = steps[i].total;
		sk.bytes_acked += steps[i].acked_more;
		see(h, i, sk, 1);
		struct socket_past past = past_of(h, sk.cookie);
		assert_int_equal(past.retrans_since_progress, steps[i].since);
		assert_int_equal(past.retrans_recent, steps[i].recent);
	}
	history_free(h);
}

/* Whatever pass it was seen in last: the entry holds that modulo four. */
static void a_socket_may_be_missed_once(void **state)
{
	(void)state;
	struct socket_past past;
	for (uint64_t seen = 1; seen <= 9; seen++) {
		struct history *h = history_new();
		uint64_t pass = 0;
		while (pass < seen)
			see(h, pass++, a_connection(), 1);
		see(h, pass++, a_connection(), 0);
		assert_int_equal(history_count(h), 1);
		see(h, pass++, a_connection(), 1);
		assert_int_equal(past_of(h, 100).sample_count, seen + 1);
		see(h, pass++, a_connection(), 0);
		see(h, pass++, a_connection(), 0);
		assert_false(history_find(h, 100, &past));
		assert_int_equal(history_count(h), 0);
		history_free(h);
	}
}

static void sockets_come_and_go_in_numbers(void **state)
{
	(void)state;
	static const size_t counts[] = { 0, 1, 10, 4000, 9000, 9001, 3, 3, 200 };
	struct socket_past past;
	struct history *h = history_new();
	for (size_t pass = 0; pass < sizeof(counts) / sizeof(*counts); pass++) {
		see(h, pass, a_connection(), counts[pass]);
		size_t known = counts[pass];
		if (pass && counts[pass - 1] > known)
			known = counts[pass - 1];
		assert_int_equal(history_count(h), known);
		for (size_t i = 0; i < known; i++)
			assert_true(history_find(h, 100 + i, &past));
		assert_false(history_find(h, 100 + known, &past));
	}
	history_free(h);
}

/* 4 GiB and more: a change is seen, in the low half as well as in the high one. */
static void large_counts_of_bytes_are_followed(void **state)
{
	(void)state;
	struct history *h = history_new();
	struct tcp_socket sk = a_connection();
	sk.bytes_received = sk.bytes_acked = UINT64_C(5) << 32;
	see(h, 0, sk, 1);
	see(h, 1, sk, 1);
	assert_false(past_of(h, 100).has_consumed);
	assert_false(past_of(h, 100).has_progressed);
	sk.bytes_received++;
	sk.bytes_acked += UINT64_C(1) << 32;
	see(h, 2, sk, 1);
	assert_true(past_of(h, 100).has_consumed);
	assert_true(past_of(h, 100).has_progressed);
	sk.bytes_acked -= UINT64_C(1) << 32; /* used anew */
	see(h, 3, sk, 1);
	assert_int_equal(past_of(h, 100).first_seen_ms, 1003000);
	history_free(h);
}

/* The entry of the only socket, at the end of the encoding. */
static uint8_t *encode(const struct history *h, struct strbuf *out)
{
	history_encode(h, out);
	assert_true(out->len > ENTRY_SIZE);
	return (uint8_t *)out->text + out->len - ENTRY_SIZE;
}

static struct history *decode(const struct strbuf *bytes)
{
	struct history *h = history_new();
	assert_true(
		history_decode(h, (const uint8_t *)bytes->text, bytes->len, 1010000));
	return h;
}

/* Files of earlier versions hold all 64 bits of what was consumed. */
static void an_encoding_keeps_its_meaning(void **state)
{
	(void)state;
	auto_strbuf struct strbuf bytes = { 0 };
	struct history *h = history_new();
	struct tcp_socket sk = a_connection();
	sk.bytes_received = (UINT64_C(5) << 32) + 7;
	sk.send_queue = 10;
	see(h, 0, sk, 1);
	sk.total_retrans = 4;
	see(h, 1, sk, 1);
	uint8_t *entry = encode(h, &bytes);
	assert_int_equal(get_le64(entry + AT_CONSUMED), 7);
	assert_int_equal(get_le32(entry + AT_TOTAL), 4);
	assert_int_equal(get_le32(entry + AT_PROGRESS_TOTAL), 0);
	put_le64(entry + AT_CONSUMED, sk.bytes_received);
	put_le32(entry + AT_PROGRESS_TOTAL, 1);
	history_free(h);

	h = decode(&bytes);
	see(h, 20, sk, 1);
	assert_int_equal(past_of(h, 100).sample_count, 3); /* nothing moved */
	assert_int_equal(past_of(h, 100).retrans_since_progress, 3);
	history_free(h);
}

/* An untrusted file may say that there was more before than there is now. */
static void what_cannot_be_is_bounded(void **state)
{
	(void)state;
	auto_strbuf struct strbuf bytes = { 0 }, again = { 0 };
	struct history *h = history_new();
	see(h, 0, a_connection(), 1);
	put_le32(encode(h, &bytes) + AT_PROGRESS_TOTAL, 1);
	history_free(h);
	h = decode(&bytes);
	assert_int_equal(past_of(h, 100).retrans_since_progress, UINT16_MAX);
	uint8_t *entry = encode(h, &again);
	assert_int_equal(get_le32(entry + AT_PROGRESS_TOTAL), -(uint32_t)UINT16_MAX);
	history_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retransmissions_are_counted_since_progress),
		cmocka_unit_test(a_socket_may_be_missed_once),
		cmocka_unit_test(sockets_come_and_go_in_numbers),
		cmocka_unit_test(large_counts_of_bytes_are_followed),
		cmocka_unit_test(an_encoding_keeps_its_meaning),
		cmocka_unit_test(what_cannot_be_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
