/* SPDX-License-Identifier: MIT */
#include "keepalive_audit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/strbuf.h"

struct keepalive_audit {
	struct strbuf known; /* ITEM_SOCKET_OPTIONS of the last look */
	struct strbuf why;   /* ITEM_DEGRADED of the last look, "" = none */
	uint64_t looked_ms;
	bool has_looked;
};

/* State of one look. */
struct look {
	struct keepalive_audit *audit;
	const struct snapshot *snap;
	/* By inode, row + 1 that may be looked at, 0 = free: 4 bytes a slot */
	uint32_t *rows;
	size_t row_slot_count;
	struct u64_map servers; /* namespace, port of each listener */
	struct u64_map locals;  /* hashes of this machine's addresses */
	struct u64_map groups;  /* process and service -> sockets looked at */
	struct u64_map done;    /* cookie */
	size_t tried_count, denied_count;
	int32_t pid; /* whose pidfd this is */
	int pidfd;   /* -1 = cannot be opened */
	int error;   /* why the sockets of `pid` cannot be duplicated, 0 = they can */
};

struct keepalive_audit *keepalive_audit_new(void)
{
	return xcalloc(1, sizeof(struct keepalive_audit));
}

void keepalive_audit_free(struct keepalive_audit *audit)
{
	if (!audit)
		return;
	strbuf_clear(&audit->known);
	strbuf_clear(&audit->why);
	free(audit);
}

/* The numbers are those of every architecture since Linux 5.4. */
static int open_process(int32_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	return (int)syscall(434, pid, 0);
#endif
}

static int duplicate(int pidfd, int32_t fd)
{
#ifdef SYS_pidfd_getfd
	return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
#else
	return (int)syscall(438, pidfd, fd, 0);
#endif
}

static void put_le(struct strbuf *out, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		strbuf_add_char(out, (char)(uint8_t)(value >> (8 * i)));
}

static bool get_option(int fd, int level, int name, uint32_t *value)
{
	socklen_t len = sizeof(*value);
	*value = 0;
	return getsockopt(fd, level, name, value, &len) == 0 && len == sizeof(*value);
}

/*
 * The descriptor may be another one by now: only a socket with the cookie of the
 * row is believed. An MPTCP socket has one of its own, and is passed over.
 */
static void read_options(struct look *l, int fd, uint64_t expected)
{
	static const struct {
		int level, name;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE },      { IPPROTO_TCP, TCP_KEEPIDLE },
		{ IPPROTO_TCP, TCP_KEEPINTVL },    { IPPROTO_TCP, TCP_KEEPCNT },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT },
	};
	enum { COUNT = sizeof(options) / sizeof(*options) };
	uint32_t values[COUNT];
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) || cookie != expected)
		return;
	for (size_t i = 0; i < COUNT; i++)
		if (!get_option(fd, options[i].level, options[i].name, &values[i]))
			return;
	put_le(&l->audit->known, cookie, 8);
	for (size_t i = 0; i < COUNT; i++)
		put_le(&l->audit->known, values[i], 4);
}

static void leave_process(struct look *l)
{
	if (l->pidfd >= 0)
		close(l->pidfd);
	l->pidfd = -1;
	l->pid = 0;
}

static void enter_process(struct look *l, int32_t pid)
{
	if (l->pid == pid)
		return;
	leave_process(l);
	l->pid = pid;
	l->pidfd = open_process(pid);
	l->error = l->pidfd < 0 ? errno : 0;
}

static bool is_refusal(int error)
{
	return error == EPERM || error == EACCES || error == ENOSYS;
}

static void look_at(struct look *l, int32_t pid, int32_t fd,
		    const struct tcp_socket *sk)
{
	enter_process(l, pid);
	l->tried_count++;
	int copy = l->error ? -1 : duplicate(l->pidfd, fd);
	if (copy >= 0) {
		read_options(l, copy, sk->cookie);
		close(copy);
		return;
	}
	/* EBADF: closed a moment ago. A refusal will not change for the next one. */
	if (!l->error && is_refusal(errno))
		l->error = errno;
	l->denied_count += is_refusal(l->error);
}

/* As snapshot_is_local_address(), before the snapshot is finished. */
static bool is_local_peer(const struct look *l, const struct tcp_socket *sk)
{
	return ip_address_is_loopback(&sk->peer) ||
	       u64_map_find(&l->locals, ip_address_hash(&sk->peer));
}

static uint64_t server_key(const struct tcp_socket *sk)
{
	return (uint64_t)sk->netns << 16 | sk->local_port;
}

/* Of a process, the service or the upstream that the connection belongs to. */
static uint64_t group_key(const struct look *l, int32_t pid,
			  const struct tcp_socket *sk)
{
	uint64_t key = (uint64_t)(uint32_t)pid << 32;
	if (u64_map_find(&l->servers, server_key(sk)))
		return key | sk->local_port;
	return key ^ ip_address_hash(&sk->peer) ^ ((uint64_t)sk->peer_port << 16);
}

/* The slot with the row of the inode, or the free one where it belongs. */
static uint32_t *row_slot(const struct look *l, uint32_t inode)
{
	size_t i = u64_slot(u64_hash(inode), l->row_slot_count);
	while (l->rows[i] && l->snap->sockets[l->rows[i] - 1].inode != inode)
		if (++i == l->row_slot_count)
			i = 0;
	return &l->rows[i];
}

static void reserve_rows(struct look *l)
{
	l->row_slot_count = l->snap->socket_count + l->snap->socket_count / 3 + 1;
	l->rows = xcalloc(l->row_slot_count, sizeof(*l->rows));
}

static void consider(struct look *l, const struct socket_owner *owner, bool is_local)
{
	bool is_new;
	uint32_t row = *row_slot(l, owner->inode);
	if (!row)
		return;
	const struct tcp_socket *sk = &l->snap->sockets[row - 1];
	int32_t pid = l->snap->processes[owner->process].pid;
	if (is_local_peer(l, sk) != is_local)
		return;
	uint32_t *count = u64_map_insert(&l->groups, group_key(l, pid, sk), &is_new);
	if (*count >= AUDIT_GROUP_MAX)
		return;
	u64_map_insert(&l->done, sk->cookie, &is_new);
	if (!is_new)
		return;
	++*count;
	look_at(l, pid, owner->fd, sk);
}

/*
 * Peers on other hosts first: those can vanish. The owners come sorted by process,
 * so each process is opened once in each of the two rounds.
 */
static void look_at_all(struct look *l)
{
	for (int is_local = 0; is_local <= 1; is_local++)
		for (size_t i = 0; i < l->snap->owner_count; i++) {
			if (l->tried_count >= AUDIT_PASS_MAX)
				return;
			consider(l, &l->snap->owners[i], is_local);
		}
}

static void find_candidates(struct look *l)
{
	bool is_new;
	for (size_t i = 0; i < l->snap->host_address_count; i++)
		u64_map_insert(&l->locals, ip_address_hash(&l->snap->host_addresses[i]),
			       &is_new);
	reserve_rows(l);
	for (size_t i = 0; i < l->snap->socket_count; i++) {
		const struct tcp_socket *sk = &l->snap->sockets[i];
		if (sk->state == TCP_STATE_LISTEN)
			u64_map_insert(&l->servers, server_key(sk), &is_new);
		bool is_open = sk->state == TCP_STATE_ESTABLISHED ||
			       sk->state == TCP_STATE_CLOSE_WAIT;
		if (is_open && sk->inode && !(sk->has & TCP_IS_MPTCP))
			*row_slot(l, sk->inode) = (uint32_t)i + 1;
	}
}

static void word_refusals(struct look *l)
{
	strbuf_reset(&l->audit->why);
	if (l->denied_count)
		strbuf_addf(&l->audit->why,
			    "not permitted for %zu of %zu sockets looked at; run as "
			    "root, or with CAP_SYS_PTRACE",
			    l->denied_count, l->tried_count);
}

static void look_again(struct keepalive_audit *audit, const struct snapshot *snap)
{
	struct look l = { .audit = audit, .snap = snap, .pidfd = -1 };
	strbuf_reset(&audit->known);
	find_candidates(&l);
	look_at_all(&l);
	leave_process(&l);
	word_refusals(&l);
	free(l.rows);
	u64_map_clear(&l.servers);
	u64_map_clear(&l.locals);
	u64_map_clear(&l.groups);
	u64_map_clear(&l.done);
}

void keepalive_audit_look(struct keepalive_audit *audit, struct intake *in)
{
	uint64_t now_ms = in->snap->monotonic_ms;
	if (!audit->has_looked || now_ms - audit->looked_ms >= AUDIT_AGE_MS) {
		look_again(audit, in->snap);
		audit->looked_ms = now_ms;
		audit->has_looked = true;
	}
	/* Of a socket that is gone by now too: nobody asks for its cookie again. */
	intake_text(in, ITEM_SOCKET_OPTIONS, "", strbuf_text(&audit->known),
		    audit->known.len);
	if (audit->why.len)
		intake_text(in, ITEM_DEGRADED, "keepalive settings", audit->why.text,
			    audit->why.len);
}
