/* SPDX-License-Identifier: MIT */
/*
 * Makes N TCP sockets in the current network namespace and keeps them: N / 2
 * connections over loopback, both ends in the same process, so that every socket has
 * an owner. A process may have 20 000 descriptors here, hence several of them. Each
 * has a service of its own (127.10.W.1:8000+W) and clients on its own address.
 * Nearly all connections are idle, one in 200 has unread data, and a handful are on
 * a port of their own (4747) for filters that match little.
 *
 * Prints "ready" and the number of rows a dump should have, then stays until its
 * stdin ends or a SIGTERM arrives. The workers never outlive the parent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum {
	FIRST_PORT = 8000,
	RARE_PORT = 4747,
	RARE_CONNECTIONS = 50,
	UNREAD_EVERY = 200,
	UNREAD_BYTES = 300,
	MOST_DESCRIPTORS = 18000, /* of 20 000: some room for everything else */
	MOST_WORKERS = 200,
};

struct worker {
	unsigned index;
	unsigned long connections, rare;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_sockets: %s: %s\n", what, strerror(errno));
	exit(3);
}

static struct sockaddr_in address(unsigned net, unsigned worker, unsigned port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(127u << 24 | net << 16 | worker << 8 | 1),
		.sin_port = htons((unsigned short)port),
	};
}

static int listen_on(const struct sockaddr_in *server)
{
	int on = 1;
	/* Accepted sockets inherit it: closing resets, and no TIME_WAIT is left. */
	struct linger reset = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) ||
	    bind(fd, (const struct sockaddr *)server, sizeof(*server)) ||
	    listen(fd, 128))
		die("cannot listen");
	return fd;
}

static int connect_from(unsigned worker, const struct sockaddr_in *server)
{
	int on = 1;
	struct sockaddr_in client = address(20, worker, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&client, sizeof(client)) ||
	    connect(fd, (const struct sockaddr *)server, sizeof(*server)))
		die("cannot connect");
	return fd;
}

static void add_connections(unsigned worker, unsigned port, unsigned long count)
{
	static const char unread[UNREAD_BYTES];
	if (count == 0)
		return;
	struct sockaddr_in server = address(10, worker, port);
	int listener = listen_on(&server);
	for (unsigned long i = 0; i < count; i++) {
		int client = connect_from(worker, &server);
		if (accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0)
			die("cannot accept");
		if (i % UNREAD_EVERY == UNREAD_EVERY - 1 &&
		    send(client, unread, sizeof(unread), 0) < 0)
			die("cannot send");
	}
}

static void run_worker(const struct worker *w, pid_t parent, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		exit(3);
	add_connections(w->index, RARE_PORT, w->rare);
	add_connections(w->index, FIRST_PORT + w->index, w->connections);
	if (write(ready, "r", 1) != 1)
		die("cannot report");
	for (;;)
		pause();
}

/* How many connections one process can hold; up to its hard limit, never above. */
static unsigned long connections_per_worker(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		die("cannot read the descriptor limit");
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_cur > MOST_DESCRIPTORS + 100)
		limit.rlim_cur = MOST_DESCRIPTORS + 100;
	if (limit.rlim_cur < 200 || setrlimit(RLIMIT_NOFILE, &limit))
		die("cannot use the descriptor limit");
	return (limit.rlim_cur - 100) / 2;
}

static unsigned plan(struct worker *workers, unsigned long connections)
{
	unsigned long most = connections_per_worker();
	unsigned count = 0;
	for (unsigned long left = connections; left > 0; count++) {
		if (count == MOST_WORKERS)
			return 0;
		unsigned long n = left < most ? left : most;
		bool has_rare = count == 0 && n > 4 * RARE_CONNECTIONS;
		unsigned long rare = has_rare ? RARE_CONNECTIONS : 0;
		workers[count] = (struct worker){ count, n - rare, rare };
		left -= n;
	}
	return count;
}

static int block_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		die("cannot wait for signals");
	return fd;
}

static int read_signal(int fd)
{
	struct signalfd_siginfo info;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		die("cannot read a signal");
	return (int)info.ssi_signo;
}

/* Counts the workers' reports, then waits for the end. Returns the exit status. */
static int supervise(int signals, int ready, unsigned workers, unsigned long rows)
{
	char buf[MOST_WORKERS];
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = ready, .events = POLLIN },
	};
	for (unsigned done = 0;;) {
		if (poll(fds, 3, -1) < 0)
			die("cannot wait");
		if (fds[0].revents)
			return read_signal(signals) == SIGCHLD ? 3 : 0;
		if (fds[1].revents && read(STDIN_FILENO, buf, sizeof(buf)) <= 0)
			return 0;
		if (!fds[2].revents)
			continue;
		ssize_t got = read(ready, buf, sizeof(buf));
		done += got > 0 ? (unsigned)got : 0;
		if (done == workers) {
			printf("ready %lu\n", rows);
			fflush(stdout);
			fds[2].fd = -1;
		}
	}
}

int main(int argc, char **argv)
{
	struct worker workers[MOST_WORKERS];
	pid_t pids[MOST_WORKERS];
	int ready[2];
	unsigned long sockets = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned count = plan(workers, sockets / 2);
	if (sockets < 2 || sockets > 2000000 || count == 0) {
		fputs("usage: bench_sockets SOCKETS (2 to 2000000)\n", stderr);
		return 3;
	}

	int signals = block_signals();
	if (pipe(ready))
		die("cannot make a pipe");
	pid_t parent = getpid();
	for (unsigned i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("cannot fork");
		if (pids[i] == 0)
			run_worker(&workers[i], parent, ready[1]);
	}

	unsigned long rows = sockets / 2 * 2 + count + (workers[0].rare > 0);
	int status = supervise(signals, ready[0], count, rows);
	for (unsigned i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return status;
}
