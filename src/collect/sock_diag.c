/* SPDX-License-Identifier: MIT */
#include "sock_diag.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "conn-doctor/memory.h"
#include "diag_decode.h"

/*
 * The kernel never fills more than 32 KiB per receive; with libmnl's default of
 * 8 KiB a dump takes four times as many calls (kernel-facts.md 1.6).
 */
enum { RECEIVE_BUFFER_SIZE = 64 * 1024, ATTEMPTS = 3 };

/* What the rules need, and no more: each extension costs every row. */
enum { EXTENSIONS = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1) };

static uint64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int no_sock_diag(struct error *err)
{
	return error_set(err, ERROR_UNSUPPORTED,
			 "this kernel does not list TCP sockets: it was built without "
			 "CONFIG_INET_DIAG and CONFIG_INET_TCP_DIAG, or the module is "
			 "not loaded; try 'modprobe tcp_diag' as root");
}

static struct mnl_socket *open_socket(struct error *err)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (!nl) {
		if (errno == EPROTONOSUPPORT)
			no_sock_diag(err);
		else
			error_errno(err, errno, "cannot open a sock_diag socket");
		return NULL;
	}
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		error_errno(err, errno, "cannot bind a sock_diag socket");
		mnl_socket_close(nl);
		return NULL;
	}
	return nl;
}

static int send_request(struct mnl_socket *nl, const struct dump_request *request,
			struct error *err)
{
	/* The length of the attribute is padded to four bytes. */
	size_t size = NLMSG_SPACE(sizeof(struct inet_diag_req)) +
		      sizeof(struct nlattr) + request->bytecode_len + 4;
	auto_free void *buffer = xcalloc(1, size);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	nlh->nlmsg_type = TCPDIAG_GETSOCK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	struct inet_diag_req *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->idiag_family = AF_INET; /* ignored: a legacy dump has both families */
	req->idiag_ext = EXTENSIONS;
	req->idiag_states = request->states;
	if (request->bytecode_len)
		mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, request->bytecode_len,
			     request->bytecode);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return error_errno(err, errno, "cannot ask the kernel for its sockets");
	return 0;
}

static int deadline_error(struct error *err)
{
	return error_set(err, ERROR_TIMEOUT,
			 "the time limit passed while the kernel was listing sockets; "
			 "give more with --timeout, or a filter such as ':443'");
}

/* Limits the wait of the next receive to what is left until the deadline. */
static int arm_deadline(const struct mnl_socket *nl, uint64_t deadline_ms,
			struct error *err)
{
	if (!deadline_ms)
		return 0;
	uint64_t now = now_ms();
	if (now >= deadline_ms)
		return deadline_error(err);
	uint64_t left = deadline_ms - now;
	struct timeval tv = { .tv_sec = (time_t)(left / 1000),
			      .tv_usec = (suseconds_t)(left % 1000 * 1000) };
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return 0;
}

static int refused(int errnum, struct error *err)
{
	if (errnum == ENOENT || errnum == EOPNOTSUPP)
		return no_sock_diag(err);
	return error_errno(err, errnum, "the kernel refused to list its sockets");
}

enum dump_result { DUMP_ERROR = -1, DUMP_COMPLETE, DUMP_CUT_SHORT, DUMP_NO_BYTECODE };

static enum dump_result receive_dump(struct mnl_socket *nl, struct intake *in,
				     const struct dump_request *request, void *buffer,
				     struct error *err)
{
	for (;;) {
		if (arm_deadline(nl, request->deadline_ms, err))
			return DUMP_ERROR;
		ssize_t len = mnl_socket_recvfrom(nl, buffer, RECEIVE_BUFFER_SIZE);
		if (len < 0) {
			if (errno == EAGAIN)
				return deadline_error(err);
			if (errno == EINTR || errno == ENOBUFS || errno == ENOSPC)
				return DUMP_CUT_SHORT;
			return error_errno(err, errno,
					   "cannot receive the kernel's sockets");
		}
		int result = intake_netlink(in, buffer, (size_t)len);
		if (result == 0)
			return DUMP_COMPLETE;
		if (result == -EINTR || result == -ENOBUFS || result == -EBUSY)
			return DUMP_CUT_SHORT;
		if (result == -EINVAL && request->bytecode_len)
			return DUMP_NO_BYTECODE;
		if (result < 0)
			return refused(-result, err);
	}
}

static enum dump_result dump_once(struct intake *in, const struct dump_request *request,
				  void *buffer, struct error *err)
{
	/* A new socket for each attempt: nothing of an old dump can follow. */
	struct mnl_socket *nl = open_socket(err);
	if (!nl)
		return DUMP_ERROR;
	enum dump_result result = DUMP_ERROR;
	if (send_request(nl, request, err) == 0)
		result = receive_dump(nl, in, request, buffer, err);
	mnl_socket_close(nl);
	return result;
}

int sock_diag_dump(struct intake *in, const struct dump_request *request,
		   bool *is_complete, struct error *err)
{
	auto_free void *buffer = xmalloc(RECEIVE_BUFFER_SIZE);
	struct dump_request now = *request;
	enum dump_result result = DUMP_CUT_SHORT;
	for (int i = 0; i < ATTEMPTS && result > DUMP_COMPLETE; i++) {
		result = dump_once(in, &now, buffer, err);
		/* An older kernel: then the filter is decided here alone. */
		if (result == DUMP_NO_BYTECODE)
			now.bytecode_len = 0;
	}
	*is_complete = result == DUMP_COMPLETE;
	return result == DUMP_ERROR ? -1 : 0;
}
