/* SPDX-License-Identifier: MIT */
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "conn-doctor/memory.h"
#include "link.h"

/* Nothing in the lab takes long; what does has failed. */
enum { PATIENCE_S = 5, BACKLOG_MIN = 128, SMALL_BUFFER = 8192, CHUNK = 4096 };
/* A connect that nobody answers would give up after two minutes otherwise. */
enum { SYN_COUNT = 100 };
/* Data on its way fills the peer's buffers within this time. */
enum { SETTLE_MS = 200 };

static int failed(const struct side *s, const char *what, struct error *err)
{
	return error_errno(err, errno, "the lab's %s cannot %s", side_name(s->name),
			   what);
}

static void keep(struct side *s, int fd)
{
	array_reserve(&s->sockets, &s->socket_capacity, s->socket_count + 1,
		      sizeof(*s->sockets));
	s->sockets[s->socket_count++] = fd;
}

/* 1000 connections and the rest do not fit the usual soft limit of 1024. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int open_socket(const struct side *s, int family, int flags)
{
	static const struct timeval patience = { .tv_sec = PATIENCE_S };
	int size = SMALL_BUFFER, on = 1, syn_count = SYN_COUNT;
	raise_descriptor_limit();
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &syn_count, sizeof(syn_count));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (s->has_small_buffers) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	return fd;
}

int sockets_use_small_buffers(struct side *s, size_t number, struct error *err)
{
	(void)number, (void)err;
	s->has_small_buffers = true;
	return 0;
}

/* One socket for both families, as most servers have it: one queue to look at. */
static int listen_with(struct side *s, int backlog, struct error *err)
{
	int off = 0;
	uint16_t port = htons(s->options->port);
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = port };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = port };
	s->listener = open_socket(s, s->has_ipv6 ? AF_INET6 : AF_INET, 0);
	if (s->listener < 0)
		return failed(s, "make a socket", err);
	if (s->has_ipv6)
		setsockopt(s->listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(s->listener,
		 s->has_ipv6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
		 s->has_ipv6 ? sizeof(six) : sizeof(four)) ||
	    listen(s->listener, backlog))
		return failed(s, "listen", err);
	return 0;
}

int sockets_listen(struct side *s, size_t number, struct error *err)
{
	(void)number;
	/* Far from full, or the queue would be a finding of its own. */
	int backlog = (int)s->options->count * 4;
	return listen_with(s, backlog > BACKLOG_MIN ? backlog : BACKLOG_MIN, err);
}

int sockets_listen_short(struct side *s, size_t number, struct error *err)
{
	(void)number;
	/* A queue holds one more than its backlog. */
	return listen_with(s, (int)s->options->count - 1, err);
}

/* Every second connection goes over IPv6. */
static int connect_nth(struct side *s, size_t i, int flags)
{
	uint16_t port = htons(s->options->port);
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = port };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = port };
	inet_pton(AF_INET6, LINK_IPV6_PREFIX "1", &six.sin6_addr);
	inet_pton(AF_INET, LINK_IPV4_PREFIX "1", &four.sin_addr);
	bool is_ipv6 = s->has_ipv6 && i % 2;
	int fd = open_socket(s, is_ipv6 ? AF_INET6 : AF_INET, flags);
	if (fd < 0)
		return -1;
	keep(s, fd);
	int result = is_ipv6 ? connect(fd, (struct sockaddr *)&six, sizeof(six))
			     : connect(fd, (struct sockaddr *)&four, sizeof(four));
	return result && errno != EINPROGRESS ? -1 : 0;
}

static int connect_many(struct side *s, size_t count, int flags, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (connect_nth(s, i, flags))
			return failed(s, "connect", err);
	return 0;
}

int sockets_connect(struct side *s, size_t number, struct error *err)
{
	(void)number;
	return connect_many(s, s->options->count, 0, err);
}

/* For connects that nobody will answer. */
int sockets_start_connect(struct side *s, size_t number, struct error *err)
{
	(void)number;
	return connect_many(s, s->options->count, SOCK_NONBLOCK, err);
}

/* `number` more clients, which stay outside. */
int sockets_knock(struct side *s, size_t number, struct error *err)
{
	return connect_many(s, number, SOCK_NONBLOCK, err);
}

int sockets_accept(struct side *s, size_t number, struct error *err)
{
	(void)number;
	for (uint32_t i = 0; i < s->options->count; i++) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return failed(s, "accept", err);
		static const struct timeval patience = { .tv_sec = PATIENCE_S };
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		keep(s, fd);
	}
	return 0;
}

int sockets_keepalive(struct side *s, size_t number, struct error *err)
{
	(void)number;
	int on = 1;
	for (size_t i = 0; i < s->socket_count; i++)
		if (setsockopt(s->sockets[i], SOL_SOCKET, SO_KEEPALIVE, &on,
			       sizeof(on)))
			return failed(s, "set keepalive", err);
	return 0;
}

int sockets_send(struct side *s, size_t number, struct error *err)
{
	static const char bytes[CHUNK];
	for (size_t i = 0; i < s->socket_count; i++)
		if (send(s->sockets[i], bytes, number, MSG_NOSIGNAL) != (ssize_t)number)
			return failed(s, "send", err);
	return 0;
}

/* Until the kernels at both ends take no more. */
int sockets_fill(struct side *s, size_t number, struct error *err)
{
	static const char bytes[CHUNK];
	(void)number;
	bool has_moved = true;
	while (has_moved) {
		has_moved = false;
		for (size_t i = 0; i < s->socket_count; i++)
			while (send(s->sockets[i], bytes, sizeof(bytes),
				    MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
				has_moved = true;
		if (errno != EAGAIN)
			return failed(s, "send", err);
		poll(NULL, 0, SETTLE_MS);
	}
	return 0;
}

int sockets_receive(struct side *s, size_t number, struct error *err)
{
	char bytes[CHUNK];
	for (size_t i = 0; i < s->socket_count; i++)
		if (recv(s->sockets[i], bytes, number, MSG_WAITALL) != (ssize_t)number)
			return failed(s, "receive", err);
	return 0;
}

int sockets_receive_end(struct side *s, size_t number, struct error *err)
{
	char byte;
	(void)number;
	for (size_t i = 0; i < s->socket_count; i++)
		if (recv(s->sockets[i], &byte, 1, 0) != 0)
			return failed(s, "see the end of a stream", err);
	return 0;
}

int sockets_shutdown(struct side *s, size_t number, struct error *err)
{
	(void)number;
	for (size_t i = 0; i < s->socket_count; i++)
		if (shutdown(s->sockets[i], SHUT_WR))
			return failed(s, "shut down", err);
	return 0;
}

int sockets_close(struct side *s, size_t number, struct error *err)
{
	(void)number, (void)err;
	while (s->socket_count)
		close(s->sockets[--s->socket_count]);
	return 0;
}

enum { LOST_MESSAGE = 100 };

/* How many connections wait for an acknowledgement; or have sent again, too. */
static size_t count_in_flight(const struct side *s, bool is_retransmitted)
{
	size_t count = 0;
	for (size_t i = 0; i < s->socket_count; i++) {
		struct tcp_info info = { 0 };
		socklen_t size = sizeof(info);
		if (getsockopt(s->sockets[i], IPPROTO_TCP, TCP_INFO, &info, &size))
			continue;
		if (info.tcpi_unacked && (!is_retransmitted || info.tcpi_retransmits))
			count++;
	}
	return count;
}

/*
 * A message is lost until each connection has sent it again, which is lost too;
 * the next time it arrives, and the next message is lost. So there is always
 * something in flight, and it is always acknowledged in the end.
 */
static int keep_losing(struct side *s, struct error *err)
{
	bool is_done = s->is_losing ? count_in_flight(s, true) == s->socket_count
				    : count_in_flight(s, false) == 0;
	if (!is_done)
		return 0;
	s->is_losing = !s->is_losing;
	if (link_lose(s, s->is_losing, err))
		return -1;
	return s->is_losing ? sockets_send(s, LOST_MESSAGE, err) : 0;
}

int sockets_lose(struct side *s, size_t number, struct error *err)
{
	(void)number, (void)err;
	s->keep = keep_losing;
	return 0;
}

static int keep_draining(struct side *s, struct error *err)
{
	char bytes[CHUNK];
	(void)err;
	for (size_t i = 0; i < s->socket_count; i++)
		while (recv(s->sockets[i], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
	return 0;
}

int sockets_drain(struct side *s, size_t number, struct error *err)
{
	(void)number, (void)err;
	s->keep = keep_draining;
	return 0;
}
