/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_SNAPSHOT_H
#define CONN_DOCTOR_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/row_index.h"
#include "conn-doctor/tcp_socket.h"
#include "conn-doctor/u64_map.h"

/*
 * All that was seen in one pass: sockets, the processes that own them, the few
 * kernel settings and counters the rules read, and what could not be seen.
 * Time enters the program only here; nothing behind the source reads a clock.
 */

struct netns {
	uint64_t inode;       /* of its nsfs file: the identity */
	char name[32];        /* "self", later container or pod names */
	size_t omitted_count; /* sockets that an excerpt does not have */
};

/* A process as /proc shows it. Texts are bytes from outside: not sanitized. */
struct process {
	int32_t pid;
	int32_t ppid;         /* 0 = unknown */
	uint64_t start_ticks; /* since boot; tells a reused pid */
	char *comm;           /* "" when it could not be read */
	char *cmdline;        /* NUL-separated, cmdline_len bytes; NULL = unknown */
	uint32_t cmdline_len;
	int32_t thread_count; /* 0 = unknown */
	char state;           /* R S D T Z, 0 = unknown */
	char wchan[32];       /* kernel function it sleeps in, "" = unknown */
	int64_t fd_count;     /* open descriptors, -1 = unknown */
	int64_t fd_limit;     /* soft RLIMIT_NOFILE, -1 = unknown */
	bool is_go;           /* linked by the Go toolchain; false = no, or unknown */
};

/*
 * A descriptor that refers to a socket. Sorted by inode, then process, then fd. Each
 * socket has one, hence 10 bytes: Linux has no more than 2^22 processes, and a process
 * with 2^26 descriptors would fill 16 GiB with them.
 */
enum { OWNER_PROCESS_BITS = 22, OWNER_FD_BITS = 26 };
struct __attribute__((packed, aligned(2))) socket_owner {
	uint32_t inode;
	uint32_t process : OWNER_PROCESS_BITS; /* index into snapshot->processes */
	uint32_t fd : OWNER_FD_BITS;
};

/*
 * Keepalive settings of one socket, read through a duplicate of its descriptor.
 * The kernel tells them nowhere else. Sorted by cookie.
 */
struct socket_options {
	uint64_t cookie;
	uint32_t keepidle_s, keepintvl_s, keepcnt;
	uint32_t user_timeout_ms; /* TCP_USER_TIMEOUT, 0 = not set */
	bool keepalive;           /* SO_KEEPALIVE */
};

/*
 * One directive of a server's configuration that a rule asks for, as it stands in
 * its file. Texts are bytes from outside: not sanitized. In the order of the file.
 */
struct server_setting {
	int32_t pid; /* the process that was started with the file */
	/* Blocks it stands in, "http/server 2/location 1"; "" = none */
	char *context;
	char *name;    /* "proxy_read_timeout"; "unreadable": why is the value */
	char *value;   /* arguments, separated by one blank */
	char *file;    /* as the process sees it */
	uint32_t line; /* 0 = the file as a whole */
};

/* Settings and counters of the namespace; -1 = could not be read. */
#define KERNEL_VALUES(X)                                                   \
	/* id, file under /proc, field ("" = the file is one number, */    \
	/* "#2" = the second one, "TCP:orphan" = the word's value there */ \
	X(TCP_RETRIES2, "sys/net/ipv4/tcp_retries2", "")                   \
	X(TCP_ORPHAN_RETRIES, "sys/net/ipv4/tcp_orphan_retries", "")       \
	X(TCP_SYN_RETRIES, "sys/net/ipv4/tcp_syn_retries", "")             \
	X(TCP_SYNACK_RETRIES, "sys/net/ipv4/tcp_synack_retries", "")       \
	X(TCP_KEEPALIVE_TIME, "sys/net/ipv4/tcp_keepalive_time", "")       \
	X(TCP_KEEPALIVE_INTVL, "sys/net/ipv4/tcp_keepalive_intvl", "")     \
	X(TCP_KEEPALIVE_PROBES, "sys/net/ipv4/tcp_keepalive_probes", "")   \
	X(TCP_MAX_SYN_BACKLOG, "sys/net/ipv4/tcp_max_syn_backlog", "")     \
	X(TCP_MAX_ORPHANS, "sys/net/ipv4/tcp_max_orphans", "")             \
	X(PORT_RANGE_LOW, "sys/net/ipv4/ip_local_port_range", "#1")        \
	X(PORT_RANGE_HIGH, "sys/net/ipv4/ip_local_port_range", "#2")       \
	X(TCP_ORPHANS, "net/sockstat", "TCP:orphan")                       \
	X(LISTEN_OVERFLOWS, "net/netstat", "ListenOverflows")              \
	X(LISTEN_DROPS, "net/netstat", "ListenDrops")                      \
	X(ABORT_ON_DATA, "net/netstat", "TCPAbortOnData")                  \
	X(ABORT_ON_CLOSE, "net/netstat", "TCPAbortOnClose")                \
	X(ABORT_ON_MEMORY, "net/netstat", "TCPAbortOnMemory")              \
	X(ABORT_ON_TIMEOUT, "net/netstat", "TCPAbortOnTimeout")            \
	X(ABORT_ON_LINGER, "net/netstat", "TCPAbortOnLinger")              \
	X(ATTEMPT_FAILS, "net/snmp", "AttemptFails")                       \
	X(ESTAB_RESETS, "net/snmp", "EstabResets")                         \
	X(OUT_RSTS, "net/snmp", "OutRsts")

enum kernel_value {
#define X(id, file, field) KERNEL_##id,
	KERNEL_VALUES(X)
#undef X
		KERNEL_VALUE_COUNT
};

/* Something that could not be seen; the report lists every one. */
struct degraded {
	char *what; /* "process owners" */
	char *why;  /* "no permission for 12 processes; run as root" */
};

/* `what` of a configuration that could not be read whole: this, then the pid. */
#define DEGRADED_NGINX "nginx configuration of "

struct snapshot {
	uint64_t realtime_ns;
	uint64_t monotonic_ms;
	uint64_t duration_ns; /* how long the pass took */
	char host[65];
	char boot_id[37];

	struct tcp_socket *sockets; /* unique by cookie */
	size_t socket_count, socket_capacity;

	struct netns *namespaces;
	size_t netns_count, netns_capacity;

	uint64_t *cgroups; /* cgroup v2 ids, indexed by tcp_socket.cgroup */
	size_t cgroup_count, cgroup_capacity;
	struct u64_map cgroup_index;

	struct ip_address *host_addresses; /* all local addresses of this machine */
	size_t host_address_count, host_address_capacity;

	bool has_owners; /* owners were looked up at all */
	struct process *processes;
	size_t process_count, process_capacity;
	struct socket_owner *owners;
	size_t owner_count, owner_capacity;

	struct socket_options *socket_options;
	size_t socket_options_count, socket_options_capacity;
	struct server_setting *settings;
	size_t setting_count, setting_capacity;

	int64_t kernel[KERNEL_VALUE_COUNT];

	size_t duplicate_count;  /* rows dropped: the dump showed the cookie twice */
	size_t unreadable_count; /* records the decoder could not read */
	bool is_complete;
	struct degraded *degraded;
	size_t degraded_count, degraded_capacity;

	struct row_index cookie_index; /* private to snapshot.c: row of each cookie */
};

/* Forgets the content and keeps the memory, ready for the next pass. */
void snapshot_reset(struct snapshot *snap);
void snapshot_clear(struct snapshot *snap);
#define auto_snapshot __attribute__((cleanup(snapshot_clear)))

/* A new zeroed row to fill in; becomes part of the snapshot by snapshot_commit(). */
struct tcp_socket *snapshot_new_socket(struct snapshot *snap);
void snapshot_commit(struct snapshot *snap);

/* Row of a cookie, or NULL; after snapshot_finish(). */
const struct tcp_socket *snapshot_find(const struct snapshot *snap, uint64_t cookie);

/* No row is looked up any more, and snapshot_find() finds none: saves its index. */
void snapshot_forget_index(struct snapshot *snap);

/* Index of the namespace, cgroup or process; added when new. */
uint16_t snapshot_add_netns(struct snapshot *snap, uint64_t inode, const char *name);
uint16_t snapshot_add_cgroup(struct snapshot *snap, uint64_t id);
struct process *snapshot_add_process(struct snapshot *snap, int32_t pid);

/* One that no Linux can have (a damaged recording) is left out. */
void snapshot_add_owner(struct snapshot *snap, uint32_t inode, uint32_t process,
			int32_t fd);
/*
 * Call once, when all was added: drops rows whose cookie came before (a dump may
 * show a socket twice, kernel-facts 1.6) and sorts owners and addresses.
 */
void snapshot_finish(struct snapshot *snap);

/* First owner of the inode and how many there are; NULL and 0 when none. */
const struct socket_owner *snapshot_owners(const struct snapshot *snap, uint32_t inode,
					   size_t *count);

void snapshot_add_socket_options(struct snapshot *snap,
				 const struct socket_options *options);
/* Settings of the socket, NULL when not read; after snapshot_finish(). */
const struct socket_options *snapshot_socket_options(const struct snapshot *snap,
						     uint64_t cookie);

/* A new setting of the process; its texts are the caller's to set, all of them. */
struct server_setting *snapshot_add_setting(struct snapshot *snap, int32_t pid);

void snapshot_add_host_address(struct snapshot *snap, const struct ip_address *ip);
/* Loopback, or an address of this machine: both ends of the connection are here. */
bool snapshot_is_local_address(const struct snapshot *snap,
			       const struct ip_address *ip);

/*
 * *out becomes a snapshot of those rows, in their order, and of all that is not of a
 * row. Rows are there once each. Indices of processes, namespaces and cgroups stay
 * as they are.
 */
void snapshot_excerpt(struct snapshot *out, const struct snapshot *from,
		      const uint32_t *rows, size_t count);
/* How many sockets an excerpt does not have. */
size_t snapshot_omitted_count(const struct snapshot *snap);

/* Notes what could not be seen; a repeated `what` replaces the earlier reason. */
void snapshot_add_degraded(struct snapshot *snap, const char *what, const char *why);

#endif
