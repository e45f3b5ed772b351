/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_BUILDERS_H
#define CONN_DOCTOR_BUILDERS_H

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/memory.h"

/*
 * Sockets, snapshots and diagnoses made by hand. A fixture is one connection to
 * a listener on port 30020, seen as often as the test says.
 */

enum { SERVER_PORT = 30020, CLIENT_PORT = 40000 };

#define HAS_ALL                                                             \
	(TCP_HAS_INFO | TCP_HAS_BYTES | TCP_HAS_SEGS | TCP_HAS_NOTSENT |    \
	 TCP_HAS_BUSY | TCP_HAS_SND_WND | TCP_HAS_RCV_WND | TCP_HAS_DROPS | \
	 TCP_HAS_SHUTDOWN)

static inline struct ip_address an_ip(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	struct ip_address ip = { .bytes = { [10] = 0xff,
					    [11] = 0xff,
					    [12] = a,
					    [13] = b,
					    [14] = c,
					    [15] = d } };
	return ip;
}

/* A healthy idle connection of the server: accepted, owned, quiet for 10 s. */
static inline struct tcp_socket a_connection(void)
{
	return (struct tcp_socket){
		.cookie = 100,
		.state = TCP_STATE_ESTABLISHED,
		.ip_version = 4,
		.local = an_ip(10, 0, 0, 1),
		.peer = an_ip(10, 0, 0, 2),
		.local_port = SERVER_PORT,
		.peer_port = CLIENT_PORT,
		.inode = 5000,
		.has = HAS_ALL,
		.rto_us = 204000,
		.last_data_sent_ms = 10000,
		.last_data_recv_ms = 10020,
		.last_ack_recv_ms = 10000,
		.bytes_received = 300,
		.bytes_acked = 300,
		.data_segs_out = 3,
		.segs_in = 6,
		.snd_wnd = 64000,
		.rcv_wnd = 64000,
		.snd_cwnd = 10,
	};
}

static inline struct tcp_socket a_listener(uint32_t waiting, uint32_t backlog)
{
	return (struct tcp_socket){
		.cookie = 1,
		.state = TCP_STATE_LISTEN,
		.ip_version = 4,
		.local = an_ip(0, 0, 0, 0),
		.peer = an_ip(0, 0, 0, 0),
		.local_port = SERVER_PORT,
		.inode = 4999,
		.has = HAS_ALL,
		.recv_queue = waiting,
		.send_queue = backlog,
	};
}

static inline void snapshot_begin(struct snapshot *snap, uint64_t monotonic_ms)
{
	snapshot_reset(snap);
	snap->realtime_ns = 1795197600123000000ULL + monotonic_ms * 1000000;
	snap->monotonic_ms = monotonic_ms;
	strcpy(snap->host, "web1");
	snapshot_add_netns(snap, 4026531840, "self");
	struct ip_address own = an_ip(10, 0, 0, 1);
	snapshot_add_host_address(snap, &own);
	snap->kernel[KERNEL_TCP_RETRIES2] = 15;
	snap->kernel[KERNEL_TCP_ORPHAN_RETRIES] = 0;
	snap->kernel[KERNEL_TCP_SYNACK_RETRIES] = 5;
	snap->kernel[KERNEL_TCP_MAX_SYN_BACKLOG] = 1024;
	snap->kernel[KERNEL_PORT_RANGE_LOW] = 32768;
	snap->kernel[KERNEL_PORT_RANGE_HIGH] = 60999;
	snap->kernel[KERNEL_TCP_ORPHANS] = 0;
	snap->kernel[KERNEL_TCP_MAX_ORPHANS] = 65536;
	snap->kernel[KERNEL_ESTAB_RESETS] = 0;
	snap->kernel[KERNEL_OUT_RSTS] = 0;
}

static inline void snapshot_put(struct snapshot *snap, struct tcp_socket sk)
{
	*snapshot_new_socket(snap) = sk;
	snapshot_commit(snap);
}

/* A process with the given inodes at descriptors 10, 11, ... */
static inline void snapshot_put_process(struct snapshot *snap, int32_t pid,
					const char *comm, const uint32_t *inodes,
					size_t count)
{
	uint32_t index = (uint32_t)snap->process_count;
	struct process *p = snapshot_add_process(snap, pid);
	free(p->comm);
	p->comm = xstrdup(comm);
	p->fd_count = 20;
	p->fd_limit = 1024;
	snap->has_owners = true;
	for (size_t i = 0; i < count; i++)
		snapshot_add_owner(snap, inodes[i], index, 10 + (int32_t)i);
}

/* A diagnosis and all it refers to. */
struct fixture {
	struct snapshot snap;
	struct history *history;
	struct limits limits;
	const struct policy *policy; /* NULL = nothing was declared */
	struct report report;
};

static inline void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .history = history_new() };
	limits_init(&f->limits);
}

static inline void fixture_clear(struct fixture *f)
{
	report_clear(&f->report);
	snapshot_clear(&f->snap);
	history_free(f->history);
}

/* Another pass that shows the listener and `sk`. */
static inline void fixture_see(struct fixture *f, uint64_t monotonic_ms,
			       struct tcp_socket sk)
{
	snapshot_begin(&f->snap, monotonic_ms);
	snapshot_put(&f->snap, a_listener(0, 128));
	snapshot_put(&f->snap, sk);
	snapshot_finish(&f->snap);
	history_update(f->history, &f->snap);
}

static inline void fixture_diagnose(struct fixture *f)
{
	struct diagnose_options options = { .policy = f->policy,
					    .with_findings = true };
	diagnose(&f->snap, f->history, &f->limits, &options, &f->report);
}

/* After a change of the snapshot. */
static inline void fixture_diagnose_again(struct fixture *f)
{
	report_clear(&f->report);
	fixture_diagnose(f);
}

/* Row 1 is the connection, row 0 the listener. */
static inline const struct assessment *fixture_assess(struct fixture *f)
{
	fixture_diagnose(f);
	return &f->report.assessments[1];
}

#endif
