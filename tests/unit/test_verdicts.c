/* SPDX-License-Identifier: MIT */

/*
 * Every verdict rule just below, at and above its limit, with the fields it
 * needs absent, and the healthy look-alikes it must leave alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "builders.h"

/* What one row is said to be, seen `passes` times a second apart, unchanged. */
static struct assessment assess(struct tcp_socket sk, int passes)
{
	struct fixture f;
	fixture_init(&f);
	for (int i = 0; i < passes; i++)
		fixture_see(&f, 1000000 + (uint64_t)i * 1000, sk);
	struct assessment a = *fixture_assess(&f);
	fixture_clear(&f);
	return a;
}

#define assert_verdict(sk, passes, expected)                                \
	assert_string_equal(verdict_table[assess(sk, passes).verdict].code, \
			    verdict_table[VERDICT_##expected].code)

/* Silent after a send: `n` retransmissions of a 204 ms RTO (kernel-facts 4a). */
static struct tcp_socket retransmitting(uint8_t n)
{
	struct tcp_socket sk = a_connection();
	sk.timer = TCP_TIMER_RETRANSMIT;
	sk.retransmits = sk.backoff = n;
	sk.rto_us = 204000U << n;
	sk.expires_ms = sk.rto_us / 1000 - 100; /* the timer fired 100 ms ago */
	sk.unacked = 1;
	sk.send_queue = 1000;
	sk.total_retrans = n + 1U;
	sk.last_ack_recv_ms = 60000;
	return sk;
}

static void silence_is_half_open_from_the_limits_on(void **state)
{
	(void)state;
	assert_verdict(retransmitting(3), 1, ACTIVE); /* 1.5 s of silence */
	assert_verdict(retransmitting(4), 1, ACTIVE); /* 3.2 s */
	struct tcp_socket sk = retransmitting(4);
	sk.expires_ms = 3264 - 1939; /* 204 * 15 + 1939 = 4999 ms */
	assert_verdict(sk, 1, ACTIVE);
	sk.expires_ms -= 1; /* 5000 ms */
	assert_verdict(sk, 1, HALF_OPEN);
	assert_int_equal(assess(sk, 1).confidence, CONFIDENCE_LIKELY);
	assert_int_equal(assess(sk, 1).acts, ACTS_PEER);
	assert_int_equal(assess(retransmitting(5), 1).confidence, CONFIDENCE_PROVEN);
	assert_int_equal(assess(retransmitting(5), 1).since_cs, 642);
	assert_false(assess(retransmitting(5), 1).is_since_exact);
}

static void too_few_retransmissions_are_not_half_open(void **state)
{
	(void)state;
	struct tcp_socket sk = retransmitting(2);
	sk.rto_us = 12000000; /* a slow path: two RTOs are 12 s already */
	sk.expires_ms = 0;
	assert_verdict(sk, 1, ACTIVE);
}

static void an_idle_hour_before_the_send_is_no_silence(void **state)
{
	(void)state;
	struct tcp_socket sk = retransmitting(3);
	sk.last_ack_recv_ms = 3600000;
	assert_verdict(sk, 1, ACTIVE);
}

static void any_acknowledgement_refutes_half_open(void **state)
{
	(void)state;
	struct tcp_socket sk = retransmitting(6);
	sk.last_ack_recv_ms = 4999;
	assert_verdict(sk, 1, ACTIVE); /* nor is it loss: nothing was made good */
	sk.total_retrans += 3;
	assert_verdict(sk, 1, LOSSY);
}

static void any_segment_from_the_peer_refutes_half_open(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct tcp_socket sk = retransmitting(6);
	fixture_see(&f, 1000000, sk);
	sk.segs_in++; /* its keepalive probe: acknowledges nothing new */
	fixture_see(&f, 1001000, sk);
	assert_int_not_equal(fixture_assess(&f)->verdict, VERDICT_HALF_OPEN);
	fixture_clear(&f);
}

static void a_lossy_path_must_be_silent_for_longer(void **state)
{
	(void)state;
	struct tcp_socket sk = retransmitting(4);
	sk.expires_ms = 0; /* 6.3 s of silence */
	sk.data_segs_out = 1000;
	sk.total_retrans = 4 + 1 + 19;
	assert_verdict(sk, 1, HALF_OPEN);
	sk.total_retrans = 4 + 1 + 20; /* 2 % were lost before, and made good */
	assert_verdict(sk, 1, ACTIVE);
	sk = retransmitting(5);
	sk.data_segs_out = 1000;
	sk.total_retrans = 5 + 1 + 20;
	assert_int_equal(assess(sk, 1).confidence, CONFIDENCE_LIKELY);
	sk = retransmitting(7);
	sk.data_segs_out = 1000;
	sk.total_retrans = 7 + 1 + 20;
	assert_int_equal(assess(sk, 1).confidence, CONFIDENCE_PROVEN);
}

static void half_open_holds_in_every_state_with_something_in_flight(void **state)
{
	(void)state;
	static const uint8_t states[] = { TCP_STATE_FIN_WAIT_1, TCP_STATE_CLOSE_WAIT,
					  TCP_STATE_LAST_ACK, TCP_STATE_CLOSING };
	for (size_t i = 0; i < sizeof(states); i++) {
		struct tcp_socket sk = retransmitting(6);
		sk.state = states[i];
		sk.inode = 0;
		assert_verdict(sk, 1, HALF_OPEN);
	}
}

static void early_retransmissions_are_unreachable(void **state)
{
	(void)state;
	struct tcp_socket sk = retransmitting(4);
	sk.retransmits = 7; /* back-off 4: three steps taken away by ICMP */
	assert_verdict(sk, 1, UNREACHABLE);
	sk.retransmits = 6;
	assert_verdict(sk, 1, ACTIVE);
	sk.retransmits = 7;
	sk.last_ack_recv_ms = 4999;
	assert_int_not_equal(assess(sk, 1).verdict, VERDICT_UNREACHABLE);
}

static void a_wrapped_retransmit_count_is_still_unreachable(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct tcp_socket sk = retransmitting(4);
	sk.total_retrans = 200;
	fixture_see(&f, 1000000, sk);
	sk.retransmits = 1; /* u8 went through 255 */
	sk.total_retrans = 264;
	sk.last_ack_recv_ms = 260000;
	fixture_see(&f, 1060000, sk);
	assert_int_equal(fixture_assess(&f)->verdict, VERDICT_UNREACHABLE);
	fixture_clear(&f);
}

static struct tcp_socket keepalive(uint8_t probes)
{
	struct tcp_socket sk = a_connection();
	sk.timer = TCP_TIMER_KEEPALIVE;
	sk.timer_retrans = sk.probes = probes;
	sk.expires_ms = 500;
	return sk;
}

static void unanswered_keepalive_probes_are_half_open(void **state)
{
	(void)state;
	assert_verdict(keepalive(0), 1, IDLE);
	assert_verdict(keepalive(1), 1, IDLE);
	assert_verdict(keepalive(2), 1, HALF_OPEN);
	assert_int_equal(assess(keepalive(2), 1).confidence, CONFIDENCE_LIKELY);
	assert_int_equal(assess(keepalive(3), 1).confidence, CONFIDENCE_PROVEN);
	struct tcp_socket sk = keepalive(3);
	sk.state = TCP_STATE_FIN_WAIT_2;
	assert_verdict(sk, 1, HALF_OPEN);
}

/* The peer's window is closed; back-off 6 means at least 12.8 s of probing. */
static struct tcp_socket zero_window(uint8_t backoff)
{
	struct tcp_socket sk = a_connection();
	sk.timer = TCP_TIMER_PROBE0;
	sk.backoff = backoff;
	sk.expires_ms = 204U << backoff;
	sk.snd_wnd = 0;
	sk.notsent_bytes = sk.send_queue = 500000;
	sk.last_ack_recv_ms = 400;
	return sk;
}

static void a_closed_window_without_progress_is_a_slow_reader(void **state)
{
	(void)state;
	assert_verdict(zero_window(5), 1, ACTIVE); /* 204 * 31 = 6.3 s */
	struct tcp_socket sk = zero_window(6);     /* 204 * 63 = 12.8 s */
	assert_verdict(sk, 1, SLOW_READER);
	assert_int_equal(assess(sk, 1).confidence, CONFIDENCE_LIKELY);
	assert_int_equal(assess(sk, 2).confidence, CONFIDENCE_PROVEN);
	sk.expires_ms = (204U << 6) + 2853; /* never below what the steps took */
	assert_verdict(sk, 1, SLOW_READER);
}

static void a_reader_that_takes_something_is_not_slow(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct tcp_socket sk = zero_window(6);
	fixture_see(&f, 1000000, sk);
	sk.bytes_acked += 65536;
	fixture_see(&f, 1001000, sk);
	assert_int_equal(fixture_assess(&f)->verdict, VERDICT_ACTIVE);
	fixture_clear(&f);
}

static void one_unanswered_window_probe_is_harmless(void **state)
{
	(void)state;
	struct tcp_socket sk = zero_window(6);
	sk.probes = 1;
	assert_verdict(sk, 1, SLOW_READER);
	sk.probes = 2;
	assert_verdict(sk, 1, HALF_OPEN);
	sk.probes = 3;
	assert_int_equal(assess(sk, 1).confidence, CONFIDENCE_PROVEN);
}

static void an_open_window_and_unsent_data_is_a_local_failure(void **state)
{
	(void)state;
	struct tcp_socket sk = zero_window(3); /* 204 * 7 = 1428 ms */
	sk.snd_wnd = 64000;
	sk.expires_ms = 1632 - 571; /* 1999 ms */
	assert_verdict(sk, 1, ACTIVE);
	sk.expires_ms -= 1;
	assert_verdict(sk, 1, LOCAL_PATH_DOWN);
	sk.probes = 5; /* nobody is asked: these probes never left */
	assert_verdict(sk, 1, LOCAL_PATH_DOWN);
	sk.unacked = 1;
	assert_verdict(sk, 1, ACTIVE);
}

static void retransmissions_with_acknowledgements_are_loss(void **state)
{
	(void)state;
	struct tcp_socket sk = a_connection();
	sk.unacked = 5;
	sk.send_queue = 7000;
	sk.timer = TCP_TIMER_RETRANSMIT;
	sk.ca_state = 3;
	sk.last_ack_recv_ms = 20;
	sk.data_segs_out = 1000;
	sk.total_retrans = 19;
	assert_verdict(sk, 1, ACTIVE);
	sk.total_retrans = 20; /* 2 % */
	assert_verdict(sk, 1, LOSSY);
	sk.ca_state = 0;
	assert_verdict(sk, 1, ACTIVE); /* a loss of long ago */
	sk.retransmits = 1;
	sk.total_retrans =
		22; /* the tail loss probe and one timeout are not answered */
	assert_verdict(sk, 1, LOSSY);
	sk.total_retrans = 21;
	assert_verdict(sk, 1, ACTIVE);
	sk.total_retrans = 2;
	sk.data_segs_out = 4;
	assert_verdict(sk, 1, ACTIVE); /* too few to be a share */
}

static void waiting_for_accept_is_queued_after_a_second(void **state)
{
	(void)state;
	struct tcp_socket sk = a_connection();
	sk.inode = 0;
	sk.recv_queue = 100;
	sk.last_data_sent_ms = sk.last_data_recv_ms = sk.last_ack_recv_ms = 999;
	sk.data_segs_out = 0;
	assert_verdict(sk, 1, ACTIVE);
	sk.last_data_sent_ms = 1000;
	assert_verdict(sk, 1, QUEUED);
	assert_int_equal(assess(sk, 1).since_cs, 100);
	assert_true(assess(sk, 1).is_since_exact);
	sk.state = TCP_STATE_CLOSE_WAIT;
	assert_verdict(sk, 1, QUEUE_ABANDONED);
	sk.last_data_sent_ms = 999;
	assert_verdict(sk, 1, CLOSE_WAIT);
}

static struct tcp_socket close_wait(uint32_t age_ms, uint32_t recv_queue)
{
	struct tcp_socket sk = a_connection();
	sk.state = TCP_STATE_CLOSE_WAIT;
	sk.recv_queue = recv_queue;
	sk.bytes_received += recv_queue;
	sk.last_ack_recv_ms = age_ms;
	sk.last_data_sent_ms = age_ms + 20;
	sk.last_data_recv_ms = age_ms + 40;
	return sk;
}

static void an_unread_end_of_stream_is_a_fault_after_five_seconds(void **state)
{
	(void)state;
	assert_verdict(close_wait(50, 1), 1, CLOSE_WAIT);
	assert_verdict(close_wait(4999, 1), 1, CLOSE_WAIT);
	assert_verdict(close_wait(5000, 1), 1, CLOSE_WAIT_UNREAD);
	assert_verdict(close_wait(5000, 501), 1, CLOSE_WAIT_UNREAD);
	assert_false(assess(close_wait(5000, 1), 1).is_since_exact);
}

static void reading_on_in_close_wait_is_no_fault(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct tcp_socket sk = close_wait(20000, 5000);
	fixture_see(&f, 1000000, sk);
	sk.recv_queue -= 100;
	sk.last_ack_recv_ms += 1000;
	fixture_see(&f, 1001000, sk);
	assert_int_equal(fixture_assess(&f)->verdict, VERDICT_CLOSE_WAIT);
	fixture_clear(&f);
}

static void a_kept_descriptor_is_a_leak_after_a_minute(void **state)
{
	(void)state;
	assert_verdict(close_wait(59999, 0), 1, CLOSE_WAIT);
	assert_verdict(close_wait(60000, 0), 1, CLOSE_WAIT_LEAK);
	assert_int_equal(assess(close_wait(60000, 0), 1).confidence, CONFIDENCE_LIKELY);
	assert_int_equal(assess(close_wait(60000, 0), 2).confidence, CONFIDENCE_PROVEN);
}

static void a_half_close_that_still_sends_is_no_leak(void **state)
{
	(void)state;
	struct tcp_socket sk = close_wait(60000, 0);
	sk.last_data_sent_ms = 3000;
	assert_verdict(sk, 2, CLOSE_WAIT);
}

static void entering_close_wait_is_known_exactly_when_seen(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_see(&f, 1000000, a_connection());
	fixture_see(&f, 1001000, close_wait(400, 1));
	fixture_see(&f, 1011000, close_wait(10400, 1));
	const struct assessment *a = fixture_assess(&f);
	assert_int_equal(a->verdict, VERDICT_CLOSE_WAIT_UNREAD);
	assert_true(a->is_since_exact);
	assert_int_equal(a->since_cs, 1000);
	fixture_clear(&f);
}

static struct tcp_socket with_unread(uint32_t since_ms)
{
	struct tcp_socket sk = a_connection();
	sk.recv_queue = 300;
	sk.bytes_received += 300;
	sk.last_data_recv_ms = since_ms;
	return sk;
}

static void bytes_left_unread_for_five_seconds_are_a_fault(void **state)
{
	(void)state;
	assert_verdict(with_unread(4999), 1, ACTIVE);
	assert_verdict(with_unread(5000), 1, UNREAD);
	assert_int_equal(assess(with_unread(5000), 1).confidence, CONFIDENCE_LIKELY);
	assert_int_equal(assess(with_unread(5000), 2).confidence, CONFIDENCE_PROVEN);
}

static void an_application_that_reads_is_not_stuck(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	struct tcp_socket sk = with_unread(6000);
	fixture_see(&f, 1000000, sk);
	sk.recv_queue -= 1;
	fixture_see(&f, 1001000, sk);
	assert_int_equal(fixture_assess(&f)->verdict, VERDICT_ACTIVE);
	fixture_clear(&f);
}

/* Long after the newest bytes came, the application sends on the connection. */
static void who_sends_on_it_is_not_stuck_because_of_it(void **state)
{
	(void)state;
	static const struct {
		uint32_t received_ms, sent_ms;
		bool is_serving;
	} cases[] = {
		{ 8000, 3001, false },   /* not yet for 5 s */
		{ 8000, 3000, true },    /* for 5 s */
		{ 60000, 29999, true },  /* for longer than it is ago */
		{ 60000, 30000, false }, /* no more */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tcp_socket sk = a_connection();
		sk.recv_queue = 1;
		sk.rcv_wnd = 64000;
		sk.last_data_recv_ms = sk.last_ack_recv_ms = cases[i].received_ms;
		sk.last_data_sent_ms = cases[i].sent_ms;
		bool is_serving = cases[i].is_serving;
		enum verdict open = assess(sk, 2).verdict;
		assert_int_equal(open, is_serving ? VERDICT_ACTIVE : VERDICT_UNREAD);
		sk.rcv_wnd = 0; /* nothing more fits in */
		assert_verdict(sk, 2, UNREAD);
		sk.state = TCP_STATE_CLOSE_WAIT;
		enum verdict closed = assess(sk, 2).verdict;
		assert_int_equal(closed, is_serving ? VERDICT_CLOSE_WAIT
						    : VERDICT_CLOSE_WAIT_UNREAD);
		sk.has &= (uint16_t)~TCP_HAS_NOTSENT;
		assert_verdict(sk, 2, CLOSE_WAIT_UNREAD);
	}
}

/* Sent and received in one tick: the acknowledgement that came alone tells. */
static void of_two_events_in_one_tick_the_acknowledged_is_the_later(void **state)
{
	(void)state;
	static const struct {
		uint32_t ack_ms, min_rtt_us;
		bool is_owed;
	} cases[] = {
		{ 39992, 50, true },    /* a delayed acknowledgement */
		{ 39750, 50, true },    /* the latest one */
		{ 40000, 50, false },   /* came with the data, or at once */
		{ 39993, 50, false },   /* within two ticks */
		{ 39749, 50, false },   /* of something else */
		{ 39960, 4000, false }, /* they may have crossed */
		{ 39960, 0, false },    /* not known */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tcp_socket sk = a_connection();
		sk.local_port = 40001; /* a client */
		sk.last_data_sent_ms = sk.last_data_recv_ms = 40000;
		sk.last_ack_recv_ms = cases[i].ack_ms;
		sk.min_rtt_us = cases[i].min_rtt_us;
		assert_int_equal(assess(sk, 2).verdict, cases[i].is_owed
								? VERDICT_SLOW_UPSTREAM
								: VERDICT_IDLE);
	}
}

/* Lines of a log: a minute after the handshake the peer still sends. */
static void what_goes_one_way_for_long_owes_no_reply(void **state)
{
	(void)state;
	struct tcp_socket sk = a_connection();
	sk.data_segs_out = 0;
	sk.last_data_recv_ms = sk.last_ack_recv_ms = 40000;
	sk.last_data_sent_ms = 69990; /* the handshake */
	assert_verdict(sk, 2, SLOW_RESPONSE);
	sk.last_data_sent_ms = 70000;
	assert_verdict(sk, 2, IDLE);
	sk.data_segs_out = 1;
	assert_verdict(sk, 2, SLOW_RESPONSE);

	sk = a_connection();
	sk.local_port = 40001; /* a client */
	sk.bytes_received = 0;
	sk.last_data_sent_ms = sk.last_ack_recv_ms = 40000;
	sk.last_data_recv_ms = 69990;
	assert_verdict(sk, 2, SLOW_UPSTREAM);
	sk.last_data_recv_ms = 70000;
	assert_verdict(sk, 2, IDLE);
	sk.bytes_received = 1;
	assert_verdict(sk, 2, SLOW_UPSTREAM);
}

static void idle_time_before_the_request_does_not_count_as_unread(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_see(&f, 1000000, a_connection());
	fixture_see(&f, 1600000, a_connection());
	fixture_see(&f, 1601000, with_unread(300));
	assert_int_equal(fixture_assess(&f)->verdict, VERDICT_ACTIVE);
	fixture_clear(&f);
}

static void a_reply_owed_for_long_is_a_slow_response(void **state)
{
	(void)state;
	struct tcp_socket sk = a_connection();
	sk.last_data_sent_ms = 40000;
	sk.last_data_recv_ms = 29999;
	assert_verdict(sk, 1, IDLE);
	sk.last_data_recv_ms = 30000;
	assert_verdict(sk, 1, SLOW_RESPONSE);
	assert_int_equal(assess(sk, 1).confidence, CONFIDENCE_SUSPECT);
	sk.local_port = 1; /* no listener: we are the client, and the peer spoke last */
	assert_verdict(sk, 1, IDLE);
	sk.last_data_sent_ms = 30000;
	sk.last_data_recv_ms = 40000;
	sk.peer_port = CLIENT_PORT;
	assert_verdict(sk, 1, IDLE); /* a server that closed its listener */
	sk.peer_port = 32767;
	assert_verdict(sk, 1, SLOW_UPSTREAM);
	sk.local_port = sk.peer_port = 32768; /* either may have connected */
	assert_verdict(sk, 1, SLOW_UPSTREAM);
}

static void nobody_owes_anything_when_the_order_is_unknown(void **state)
{
	(void)state;
	struct tcp_socket sk = a_connection();
	sk.last_data_sent_ms = sk.last_data_recv_ms = 40000;
	assert_verdict(sk, 1, IDLE);
	sk.bytes_received = sk.data_segs_out = 0; /* both clocks are the age */
	assert_verdict(sk, 1, IDLE);
}

/* A request right behind the handshake: both clocks show the same tick. */
static void a_side_that_never_spoke_owes_the_first_reply(void **state)
{
	(void)state;
	struct tcp_socket sk = a_connection();
	sk.last_data_sent_ms = sk.last_data_recv_ms = 40000;
	sk.data_segs_out = 0;
	assert_verdict(sk, 1, SLOW_RESPONSE);
	sk.local_port = 1;
	sk.peer_port = 5432;
	sk.data_segs_out = 1;
	sk.bytes_received = 0;
	assert_verdict(sk, 1, SLOW_UPSTREAM);
}

static void a_held_half_close_is_a_fault_after_a_minute(void **state)
{
	(void)state;
	struct tcp_socket sk = a_connection();
	sk.state = TCP_STATE_FIN_WAIT_2;
	sk.last_ack_recv_ms = 59999;
	assert_verdict(sk, 1, CLOSING);
	sk.last_ack_recv_ms = 60000;
	assert_verdict(sk, 1, FIN_WAIT_HELD);
	sk.inode = 0; /* the kernel ends an orphan by itself */
	assert_verdict(sk, 1, CLOSING);
}

static struct tcp_socket long_idle(uint32_t ms)
{
	struct tcp_socket sk = a_connection();
	sk.last_data_sent_ms = sk.last_ack_recv_ms = ms;
	sk.last_data_recv_ms = ms + 20;
	return sk;
}

static void long_idle_without_keepalive_is_a_suspicion(void **state)
{
	(void)state;
	assert_verdict(long_idle(349999), 1, IDLE);
	assert_verdict(long_idle(350000), 1, HALF_OPEN_SUSPECT);
	assert_int_equal(assess(long_idle(350000), 2).confidence, CONFIDENCE_SUSPECT);
}

static void keepalive_or_a_local_peer_or_a_living_one_lifts_the_suspicion(void **state)
{
	(void)state;
	struct tcp_socket sk = long_idle(350000);
	sk.timer = TCP_TIMER_KEEPALIVE;
	sk.expires_ms = 1000;
	assert_verdict(sk, 1, IDLE);
	sk = long_idle(350000);
	sk.peer = an_ip(10, 0, 0, 1); /* an address of this host */
	assert_verdict(sk, 1, IDLE);
	sk.peer = an_ip(127, 0, 0, 9);
	assert_verdict(sk, 1, IDLE);
	sk = long_idle(350000);
	sk.last_ack_recv_ms = 20; /* answered something a moment ago */
	assert_verdict(sk, 1, IDLE);

	struct fixture f;
	fixture_init(&f);
	sk = long_idle(350000);
	fixture_see(&f, 1000000, sk);
	sk.segs_in++; /* the peer's own keepalive probe */
	fixture_see(&f, 1001000, sk);
	assert_int_equal(fixture_assess(&f)->verdict, VERDICT_IDLE);
	fixture_clear(&f);
}

static void a_syn_without_answer_is_stuck_after_three_seconds(void **state)
{
	(void)state;
	struct tcp_socket sk = a_connection();
	sk.state = TCP_STATE_SYN_SENT;
	sk.local_port = 1;
	sk.timer = TCP_TIMER_RETRANSMIT;
	sk.timer_retrans = 2;
	/* In SYN_SENT these hold the time since boot. */
	sk.last_data_sent_ms = sk.last_data_recv_ms = sk.last_ack_recv_ms = 9999999;
	assert_verdict(sk, 1, CONNECTING);
	sk.timer_retrans = 3;
	assert_verdict(sk, 1, CONNECT_STUCK);
}

static void states_on_their_way_need_no_verdict(void **state)
{
	(void)state;
	static const struct {
		uint8_t state;
		enum verdict verdict;
	} cases[] = {
		{ TCP_STATE_SYN_RECV, VERDICT_HANDSHAKE },
		{ TCP_STATE_FIN_WAIT_1, VERDICT_CLOSING },
		{ TCP_STATE_CLOSING, VERDICT_CLOSING },
		{ TCP_STATE_LAST_ACK, VERDICT_CLOSING },
		{ TCP_STATE_TIME_WAIT, VERDICT_TIME_WAIT },
		{ TCP_STATE_LISTEN, VERDICT_LISTENING },
		{ TCP_STATE_CLOSED, VERDICT_NOT_ASSESSED },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tcp_socket sk = a_connection();
		sk.state = cases[i].state;
		assert_int_equal(assess(sk, 1).verdict, cases[i].verdict);
	}
}

static void data_within_a_second_is_active(void **state)
{
	(void)state;
	struct tcp_socket sk = a_connection();
	sk.last_data_sent_ms = 999;
	assert_verdict(sk, 1, ACTIVE);
	sk.last_data_sent_ms = 1000;
	assert_verdict(sk, 1, IDLE);
}

static void an_orphan_minisock_needs_no_fields(void **state)
{
	(void)state;
	struct tcp_socket sk = { .cookie = 100,
				 .state = TCP_STATE_FIN_WAIT_2,
				 .timer = TCP_TIMER_TIME_WAIT,
				 .ip_version = 4,
				 .local_port = SERVER_PORT };
	assert_verdict(sk, 1, CLOSING);
}

static void an_mptcp_subflow_is_not_judged_by_its_queues(void **state)
{
	(void)state;
	struct tcp_socket sk = with_unread(60000);
	sk.has |= TCP_IS_MPTCP;
	assert_verdict(sk, 2, NOT_ASSESSED);
	sk = retransmitting(6);
	sk.has |= TCP_IS_MPTCP;
	assert_verdict(sk, 1, HALF_OPEN);
}

/* Each rule with each field it needs absent: said as not assessed, never well. */
static void a_missing_field_is_said_as_not_assessed(void **state)
{
	(void)state;
	static const struct {
		uint16_t missing;
		struct tcp_socket (*make)(uint8_t n);
		uint8_t n;
	} cases[] = {
		{ TCP_HAS_INFO, retransmitting, 6 },
		{ TCP_HAS_INFO, keepalive, 3 },
		{ TCP_HAS_SND_WND, zero_window, 6 },
		{ TCP_HAS_NOTSENT, zero_window, 6 },
		{ TCP_HAS_INFO, zero_window, 6 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tcp_socket sk = cases[i].make(cases[i].n);
		sk.has &= (uint16_t)~cases[i].missing;
		assert_verdict(sk, 2, NOT_ASSESSED);
	}
	static const uint16_t needed_to_read[] = { TCP_HAS_INFO, TCP_HAS_BYTES };
	for (size_t i = 0; i < 2; i++) {
		struct tcp_socket sk = with_unread(60000);
		sk.has &= (uint16_t)~needed_to_read[i];
		assert_verdict(sk, 2, NOT_ASSESSED);
		sk = close_wait(60000, 1);
		sk.has &= (uint16_t)~needed_to_read[i];
		assert_verdict(sk, 2, NOT_ASSESSED);
	}
	struct tcp_socket sk = close_wait(60000, 0);
	sk.has = 0;
	assert_verdict(sk, 2, NOT_ASSESSED);
	sk = a_connection();
	sk.has = 0;
	assert_verdict(sk, 2, NOT_ASSESSED);
}

/* It may read what came before, slowly: so long as it is not seen, it is likely. */
static void behind_a_closed_window_only_a_look_proves(void **state)
{
	(void)state;
	static const uint64_t looks_ms[] = { 1000, 4990, 5000 };
	for (size_t i = 0; i < sizeof(looks_ms) / sizeof(*looks_ms); i++) {
		struct fixture f;
		struct tcp_socket sk = with_unread(40000);
		sk.rcv_wnd = 0;
		fixture_init(&f);
		fixture_see(&f, 1000000, sk);
		sk.last_data_recv_ms += (uint32_t)looks_ms[i];
		fixture_see(&f, 1000000 + looks_ms[i], sk);
		const struct assessment *a = fixture_assess(&f);
		assert_int_equal(a->verdict, VERDICT_UNREAD);
		assert_int_equal(a->confidence, looks_ms[i] == 5000
							? CONFIDENCE_PROVEN
							: CONFIDENCE_LIKELY);
		fixture_clear(&f);
	}
}

/* What the application has closed, and the peer does not take. */
static void a_closed_connection_may_have_a_slow_reader(void **state)
{
	(void)state;
	static const struct {
		uint8_t state, backoff;
		int64_t gives_up_ms;
	} cases[] = {
		/* 0.2 s doubled ten times is more than 120 s: nine are to come */
		{ TCP_STATE_FIN_WAIT_1, 7, 100 + 51200 + 102400 + 120000 },
		{ TCP_STATE_LAST_ACK, 9, 100 + 120000 },
		{ TCP_STATE_LAST_ACK, 10, 100 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		struct derived d;
		struct tcp_socket sk = a_connection();
		sk.state = cases[i].state;
		sk.inode = 0;
		sk.timer = TCP_TIMER_PROBE0;
		sk.rto_us = 200000;
		sk.backoff = cases[i].backoff;
		sk.expires_ms = 100;
		sk.snd_wnd = 0;
		sk.send_queue = sk.notsent_bytes = 100000;
		assert_verdict(sk, 1, SLOW_READER);
		fixture_init(&f);
		fixture_see(&f, 1000000, sk);
		fixture_diagnose(&f);
		derive(&f.report, 1, &d);
		assert_int_equal(d.gives_up_ms, cases[i].gives_up_ms);
		fixture_clear(&f);
	}
}

/* Both ends are here: the client has closed its sending half, and waits. */
static void a_half_closed_client_of_this_host_has_not_left(void **state)
{
	(void)state;
	static const struct {
		uint32_t client_inode, unread;
		enum verdict verdict;
	} cases[] = {
		{ 6000, 1, VERDICT_CLOSE_WAIT },
		{ 0, 1, VERDICT_CLOSE_WAIT_UNREAD },    /* it is closed for good */
		{ 6000, 2, VERDICT_CLOSE_WAIT_UNREAD }, /* a request lies there, too */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f;
		fixture_init(&f);
		snapshot_begin(&f.snap, 1000000);
		snapshot_put(&f.snap, a_listener(0, 128));
		struct tcp_socket sk = close_wait(20000, cases[i].unread);
		sk.data_segs_out = 0;
		snapshot_put(&f.snap, sk);
		struct tcp_socket client = sk;
		client.cookie++;
		client.state = TCP_STATE_FIN_WAIT_2;
		client.inode = cases[i].client_inode;
		client.local = sk.peer;
		client.peer = sk.local;
		client.local_port = sk.peer_port;
		client.peer_port = sk.local_port;
		snapshot_put(&f.snap, client);
		snapshot_finish(&f.snap);
		fixture_diagnose(&f);
		assert_int_equal(f.report.assessments[1].verdict, cases[i].verdict);
		fixture_clear(&f);
	}
}

static void gives_up_tells_when_the_kernel_ends_it(void **state)
{
	(void)state;
	static const struct {
		int64_t expected;
		uint8_t retransmits;
		uint32_t inode;
	} cases[] = {
		/* 924.6 s of tcp_retries2 = 15, or 102.2 s of 8 orphan retries,
		 * less the 6.4 s since the send */
		{ 924600 - 6424, 5, 5000 },
		{ 102200 - 6424, 5, 0 },
	};
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		struct derived d;
		fixture_init(&f);
		struct tcp_socket sk = retransmitting(cases[i].retransmits);
		sk.inode = cases[i].inode;
		sk.state = TCP_STATE_FIN_WAIT_1;
		fixture_see(&f, 1000000, sk);
		fixture_diagnose(&f);
		derive(&f.report, 1, &d);
		assert_int_equal(d.gives_up_ms, cases[i].expected);
		fixture_clear(&f);
	}
}

static void no_timer_means_never(void **state)
{
	(void)state;
	struct fixture f;
	struct derived d;
	fixture_init(&f);
	fixture_see(&f, 1000000, close_wait(60000, 0));
	fixture_diagnose(&f);
	derive(&f.report, 1, &d);
	assert_int_equal(d.gives_up_ms, DERIVED_NEVER);
	assert_int_equal(d.keepalive, KEEPALIVE_OFF);
	fixture_clear(&f);
}

static void keepidle_is_learned_from_the_timer(void **state)
{
	(void)state;
	struct fixture f;
	struct derived d;
	fixture_init(&f);
	struct tcp_socket sk = keepalive(0);
	sk.expires_ms = 10000;
	sk.last_ack_recv_ms = sk.last_data_recv_ms = 10000;
	fixture_see(&f, 1000000, sk);
	fixture_diagnose(&f);
	derive(&f.report, 1, &d);
	assert_int_equal(d.keepalive, KEEPALIVE_ON);
	assert_int_equal(d.keepidle_ms, 20000);
	fixture_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lossy_path_must_be_silent_for_longer),
		cmocka_unit_test(silence_is_half_open_from_the_limits_on),
		cmocka_unit_test(too_few_retransmissions_are_not_half_open),
		cmocka_unit_test(an_idle_hour_before_the_send_is_no_silence),
		cmocka_unit_test(any_acknowledgement_refutes_half_open),
		cmocka_unit_test(any_segment_from_the_peer_refutes_half_open),
		cmocka_unit_test(
			half_open_holds_in_every_state_with_something_in_flight),
		cmocka_unit_test(early_retransmissions_are_unreachable),
		cmocka_unit_test(a_wrapped_retransmit_count_is_still_unreachable),
		cmocka_unit_test(unanswered_keepalive_probes_are_half_open),
		cmocka_unit_test(a_closed_window_without_progress_is_a_slow_reader),
		cmocka_unit_test(a_reader_that_takes_something_is_not_slow),
		cmocka_unit_test(one_unanswered_window_probe_is_harmless),
		cmocka_unit_test(an_open_window_and_unsent_data_is_a_local_failure),
		cmocka_unit_test(retransmissions_with_acknowledgements_are_loss),
		cmocka_unit_test(waiting_for_accept_is_queued_after_a_second),
		cmocka_unit_test(an_unread_end_of_stream_is_a_fault_after_five_seconds),
		cmocka_unit_test(reading_on_in_close_wait_is_no_fault),
		cmocka_unit_test(a_kept_descriptor_is_a_leak_after_a_minute),
		cmocka_unit_test(a_half_close_that_still_sends_is_no_leak),
		cmocka_unit_test(entering_close_wait_is_known_exactly_when_seen),
		cmocka_unit_test(bytes_left_unread_for_five_seconds_are_a_fault),
		cmocka_unit_test(an_application_that_reads_is_not_stuck),
		cmocka_unit_test(who_sends_on_it_is_not_stuck_because_of_it),
		cmocka_unit_test(
			of_two_events_in_one_tick_the_acknowledged_is_the_later),
		cmocka_unit_test(what_goes_one_way_for_long_owes_no_reply),
		cmocka_unit_test(idle_time_before_the_request_does_not_count_as_unread),
		cmocka_unit_test(a_reply_owed_for_long_is_a_slow_response),
		cmocka_unit_test(nobody_owes_anything_when_the_order_is_unknown),
		cmocka_unit_test(a_side_that_never_spoke_owes_the_first_reply),
		cmocka_unit_test(a_held_half_close_is_a_fault_after_a_minute),
		cmocka_unit_test(long_idle_without_keepalive_is_a_suspicion),
		cmocka_unit_test(
			keepalive_or_a_local_peer_or_a_living_one_lifts_the_suspicion),
		cmocka_unit_test(a_syn_without_answer_is_stuck_after_three_seconds),
		cmocka_unit_test(states_on_their_way_need_no_verdict),
		cmocka_unit_test(data_within_a_second_is_active),
		cmocka_unit_test(an_orphan_minisock_needs_no_fields),
		cmocka_unit_test(an_mptcp_subflow_is_not_judged_by_its_queues),
		cmocka_unit_test(a_missing_field_is_said_as_not_assessed),
		cmocka_unit_test(behind_a_closed_window_only_a_look_proves),
		cmocka_unit_test(a_closed_connection_may_have_a_slow_reader),
		cmocka_unit_test(a_half_closed_client_of_this_host_has_not_left),
		cmocka_unit_test(gives_up_tells_when_the_kernel_ends_it),
		cmocka_unit_test(no_timer_means_never),
		cmocka_unit_test(keepidle_is_learned_from_the_timer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
