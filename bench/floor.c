/* SPDX-License-Identifier: MIT */
/*
 * The floor of the benchmark: what it costs to ask the kernel for all TCP sockets
 * the way conn-doctor does, to receive the answer and to throw it away. One legacy
 * pass for both families, INFO and SKMEMINFO, a receive buffer the kernel cannot
 * fill (it never hands out more than 32 KiB). With --port the kernel selects the
 * sockets itself. Prints the number of rows: a floor that saw less is none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

enum {
	EXTENSIONS = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1),
	ALL_STATES = 0xfff,
	RECEIVE_SIZE = 64 * 1024,
};

struct port_test {
	struct inet_diag_bc_op op, port;
};

/* sport == PORT or dport == PORT: a reject lands 4 bytes behind the end. */
static void put_port_filter(struct nlmsghdr *nlh, unsigned short port)
{
	struct {
		struct port_test source;
		struct inet_diag_bc_op accept;
		struct port_test destination;
	} code = {
		.source = { { INET_DIAG_BC_S_EQ, 8, 12 }, { 0, 0, port } },
		.accept = { INET_DIAG_BC_JMP, 4, 12 },
		.destination = { { INET_DIAG_BC_D_EQ, 8, 12 }, { 0, 0, port } },
	};
	mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, sizeof(code), &code);
}

static int send_request(struct mnl_socket *nl, unsigned short port)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = TCPDIAG_GETSOCK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct inet_diag_req *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->idiag_ext = EXTENSIONS;
	req->idiag_states = ALL_STATES;
	if (port)
		put_port_filter(nlh, port);
	return mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ? -1 : 0;
}

/* Returns 1 at the end of the dump, 0 when there is more, -1 on an error. */
static int count_rows(const char *buf, int len, unsigned long *rows)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)buf;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 1;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
			errno = -e->error;
			return -1;
		}
		*rows += 1;
	}
	return 0;
}

static int dump(struct mnl_socket *nl, unsigned short port, unsigned long *rows)
{
	static char buf[RECEIVE_SIZE];
	int status = send_request(nl, port);
	while (status == 0) {
		ssize_t len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		status = len < 0 ? -1 : count_rows(buf, (int)len, rows);
	}
	return status < 0 ? -1 : 0;
}

static int usage(void)
{
	fputs("usage: bench_floor [--port PORT]\n", stderr);
	return 3;
}

int main(int argc, char **argv)
{
	unsigned long port = 0, rows = 0;
	if (argc == 3 && strcmp(argv[1], "--port") == 0)
		port = strtoul(argv[2], NULL, 10);
	else if (argc != 1)
		return usage();
	if (port > 65535 || (argc == 3 && port == 0))
		return usage();

	struct mnl_socket *nl = mnl_socket_open(NETLINK_SOCK_DIAG);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    dump(nl, (unsigned short)port, &rows) < 0) {
		perror("bench_floor: cannot dump the TCP sockets");
		return 3;
	}
	mnl_socket_close(nl);
	printf("%lu\n", rows);
	return 0;
}
