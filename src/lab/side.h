/* SPDX-License-Identifier: MIT */
#ifndef LAB_SIDE_H
#define LAB_SIDE_H

#include <stdbool.h>
#include <sys/types.h>

#include "conn-doctor/lab.h"

/* One of the two processes of the lab, and what it holds. */
enum side_name { SIDE_SERVER, SIDE_CLIENT, SIDE_COUNT };

struct mnl_socket;

struct side {
	const struct lab_options *options;
	enum side_name name;
	pid_t client_pid; /* known to the server, which makes the cable */
	int control;      /* SOCK_SEQPACKET to the parent */
	struct mnl_socket *rtnl;
	bool has_ipv6;
	bool has_small_buffers;
	int listener;
	int *sockets;
	size_t socket_count, socket_capacity;
	/* What a state that must be kept up does while nothing else is to be done. */
	int (*keep)(struct side *s, struct error *err);
	bool is_losing; /* see sockets_lose() */
};

/* What a row's step does: on one side, with a number (bytes, clients) if it takes one.
 */
struct lab_step {
	enum side_name side;
	int (*act)(struct side *s, size_t number, struct error *err);
	size_t number;
};

const char *side_name(enum side_name name);

/* The network comes first, for every state; then the steps of the row. */
const struct lab_step *side_step(const struct lab_state *state, size_t i);
size_t side_step_count(const struct lab_state *state);

/* The process: does what it is told until the parent is gone. */
_Noreturn void side_main(struct side *s, pid_t parent);

/* In the parent: one step on that side. */
int side_tell(int control, enum side_name name, size_t step, struct error *err);

/* A user namespace in which this process may make networks, if it needs one. */
int side_gain_privilege(bool *is_user_namespace, struct error *err);

#endif
