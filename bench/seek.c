/* SPDX-License-Identifier: MIT */
/*
 * Makes a long recording, and measures how fast one finds its way in it. The passes
 * are made as the kernel would reply: rows of 500 bytes whose timers and counters
 * move, one connection in a hundred replaced in every pass. They go through the
 * recorder, and are read through the port.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/source.h"
#include "recording.h"

enum { INTERVAL_MS = 5000, ROWS_A_REPLY = 60, REPLACED_SHARE = 100 };
#define START_NS UINT64_C(1763676000000000000)

static struct timespec began;

static void start(void)
{
	clock_gettime(CLOCK_MONOTONIC, &began);
}

static double elapsed_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - began.tv_sec) * 1e3 +
	       (double)(now.tv_nsec - began.tv_nsec) / 1e6;
}

static void fail(const struct error *err)
{
	fprintf(stderr, "bench_seek: %s\n", err->text);
	exit(3);
}

struct row {
	struct nlmsghdr head;
	struct inet_diag_msg msg;
	struct nlattr mem_head;
	uint32_t mem[SK_MEMINFO_VARS];
	struct nlattr pad_head; /* for the alignment of what follows */
	struct nlattr info_head;
	struct tcp_info info;
};

_Static_assert(offsetof(struct row, info) % 8 == 0, "no gaps between attributes");
_Static_assert(offsetof(struct row, info) == offsetof(struct row, info_head) + 4,
	       "none");

/* Connection `id` in pass `n`. */
static void fill_row(struct row *row, uint32_t id, uint32_t n)
{
	uint32_t mix = id * 2654435761U;
	*row = (struct row){
		.head = { .nlmsg_len = sizeof(*row),
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_MULTI },
		.msg = { .idiag_family = 2,
			 .idiag_state = 1,
			 .idiag_timer = 2,
			 .idiag_inode = 100000 + id,
			 .idiag_expires = 7200000 - (n * INTERVAL_MS + mix) % 7200000 },
		.mem_head = { .nla_len = sizeof(row->mem_head) + sizeof(row->mem),
			      .nla_type = INET_DIAG_SKMEMINFO },
		.pad_head = { .nla_len = sizeof(row->pad_head),
			      .nla_type = INET_DIAG_PAD },
		.info_head = { .nla_len = sizeof(row->info_head) + sizeof(row->info),
			       .nla_type = INET_DIAG_INFO },
	};
	struct inet_diag_sockid *sock = &row->msg.id;
	sock->idiag_sport = 0x4475; /* 30020 */
	sock->idiag_dport = (uint16_t)(mix >> 16);
	sock->idiag_src[0] = 0x0100000a;
	sock->idiag_dst[0] = 0x0a + (id << 8);
	sock->idiag_cookie[0] = 1 + id;
	row->info.tcpi_state = 1;
	row->info.tcpi_rto = 204000;
	row->info.tcpi_snd_mss = 1448;
	row->info.tcpi_snd_cwnd = 10;
	row->info.tcpi_rtt = 200 + (mix >> 8) % 5000;
	row->info.tcpi_rttvar = row->info.tcpi_rtt / 2;
	row->info.tcpi_last_data_sent = mix % 100000 + n * INTERVAL_MS;
	row->info.tcpi_last_data_recv = row->info.tcpi_last_data_sent + 3;
	row->info.tcpi_last_ack_recv = row->info.tcpi_last_data_sent + 3;
	/* One in ten has traffic. */
	uint64_t moved = id % 10 ? 0 : (uint64_t)n * (1000 + mix % 7000);
	row->info.tcpi_bytes_acked = mix % 1000000 + moved;
	row->info.tcpi_bytes_received = mix % 900000 + moved / 2;
}

static void add(struct recorder *r, enum item_kind kind, const void *data, size_t len)
{
	recorder_add(
		r, &(struct item){ .kind = kind, .len = (uint32_t)len, .data = data });
}

static void add_rows(struct recorder *r, uint32_t n, uint32_t connections)
{
	static struct row reply[ROWS_A_REPLY];
	size_t count = 0;
	for (uint32_t slot = 0; slot < connections; slot++) {
		/* Each slot gets another connection every hundred passes. */
		uint32_t generation = (n + slot % REPLACED_SHARE) / REPLACED_SHARE;
		fill_row(&reply[count++], slot + generation * connections, n);
		if (count == ROWS_A_REPLY || slot + 1 == connections) {
			add(r, ITEM_NETLINK, reply, count * sizeof(*reply));
			count = 0;
		}
	}
}

static void make(const char *path, uint32_t passes, uint32_t connections)
{
	struct error err;
	struct recorder *r;
	if (recorder_open(&r, path, &err))
		fail(&err);
	for (uint32_t n = 0; n < passes; n++) {
		uint64_t ms = (uint64_t)n * INTERVAL_MS;
		uint64_t stamps[2] = { START_NS + ms * 1000000, 1000 + ms };
		static const uint8_t end[9] = { [8] = 1 };
		add(r, ITEM_PASS, stamps, sizeof(stamps));
		add_rows(r, n, connections);
		add(r, ITEM_END, end, sizeof(end));
		if (recorder_end_pass(r, &err))
			fail(&err);
	}
	if (recorder_close(r, &err))
		fail(&err);
}

static void print(const char *what, double ms, const struct snapshot *snap)
{
	printf("%s\t%.1f\t%zu\t%.0f\n", what, ms, snap->socket_count,
	       snap->realtime_ns ? (double)(snap->realtime_ns - START_NS) / 1e9 : 0);
}

static void go(struct source *source, size_t pass, const char *what,
	       struct snapshot *snap)
{
	struct error err;
	start();
	if (source_seek_pass(source, pass, &err) ||
	    source->ops->take(source->self, snap, &err) == SOURCE_ERROR)
		fail(&err);
	print(what, elapsed_ms(), snap);
}

/* As a person would who reads at 90 %, steps back and forth, and looks around. */
static void measure(const char *path)
{
	struct error err;
	struct source source;
	struct source_extent extent;
	size_t at;
	auto_snapshot struct snapshot snap = { 0 };
	start();
	if (source_open_recording(&source, path, &err) ||
	    source_extent(&source, &extent, &err))
		fail(&err);
	print("open and index", elapsed_ms(), &snap);
	uint64_t span = extent.last_realtime_ns - extent.first_realtime_ns;
	if (source_find_time(&source, extent.first_realtime_ns + span / 10 * 9, &at,
			     &err))
		fail(&err);
	size_t last = extent.pass_count - 1;
	go(&source, at, "to 90 %", &snap);
	go(&source, at + 1, "one forward", &snap);
	go(&source, at, "one back", &snap);
	go(&source, last, "last", &snap);
	go(&source, last / 2, "middle", &snap);
	go(&source, 0, "first", &snap);
	go(&source, 127, "farthest from a full pass", &snap);
	go(&source, 126, "one back from there", &snap);
	if (source_close(&source, &err))
		fail(&err);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "make") == 0) {
		make(argv[2], (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]));
	} else if (argc == 3 && strcmp(argv[1], "measure") == 0) {
		measure(argv[2]);
	} else {
		fputs("usage: bench_seek make FILE PASSES CONNECTIONS\n"
		      "       bench_seek measure FILE\n",
		      stderr);
		return 3;
	}
	return 0;
}
