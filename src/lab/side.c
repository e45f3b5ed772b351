/* SPDX-License-Identifier: MIT */
#include "side.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conn-doctor/memory.h"
#include "link.h"

/*
 * A side is a forked process which waits for the number of a step, takes it and
 * answers. It dies with its parent: by the kernel's hand, and because it reads
 * the end of the stream.
 */

enum { KEEP_TICK_MS = 10 };

struct answer {
	int result;
	struct error error;
};

/* Both links are up before there are addresses: IPv6 waits for a carrier. */
static const struct lab_step network[] = {
	{ SIDE_CLIENT, link_enter, 0 },   { SIDE_SERVER, link_enter, 0 },
	{ SIDE_SERVER, link_create, 0 },  { SIDE_SERVER, link_up, 0 },
	{ SIDE_CLIENT, link_up, 0 },      { SIDE_SERVER, link_address, 0 },
	{ SIDE_CLIENT, link_address, 0 },
};
enum { NETWORK_STEPS = sizeof(network) / sizeof(*network) };

const char *side_name(enum side_name name)
{
	return name == SIDE_SERVER ? "server" : "client";
}

const struct lab_step *side_step(const struct lab_state *state, size_t i)
{
	return i < NETWORK_STEPS ? &network[i] : &state->steps[i - NETWORK_STEPS];
}

size_t side_step_count(const struct lab_state *state)
{
	return NETWORK_STEPS + state->step_count;
}

/* Waits for the number of the next step; false: the parent is gone. */
static bool wait_for_order(struct side *s, size_t *step)
{
	struct pollfd control = { .fd = s->control, .events = POLLIN };
	struct error err;
	while (s->keep && poll(&control, 1, KEEP_TICK_MS) == 0)
		if (s->keep(s, &err))
			return false; /* the parent sees that this side has ended */
	return recv(s->control, step, sizeof(*step), 0) == sizeof(*step);
}

void side_main(struct side *s, pid_t parent)
{
	char name[16];
	size_t i;
	snprintf(name, sizeof(name), "lab-%s", side_name(s->name));
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0); /* it was gone before the line above */
	while (wait_for_order(s, &i)) {
		const struct lab_step *step = side_step(s->options->state, i);
		struct answer answer = { 0 };
		answer.result = step->act(s, step->number, &answer.error);
		if (send(s->control, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

int side_tell(int control, enum side_name name, size_t step, struct error *err)
{
	struct answer answer;
	if (send(control, &step, sizeof(step), MSG_NOSIGNAL) < 0 ||
	    recv(control, &answer, sizeof(answer), 0) != sizeof(answer))
		return error_set(err, ERROR_SYSTEM,
				 "the lab's %s process has ended unexpectedly",
				 side_name(name));
	if (answer.result)
		*err = answer.error;
	return answer.result;
}

static bool has_capability(unsigned number)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	return syscall(SYS_capget, &header, data) == 0 &&
	       (data[number / 32].effective & 1U << number % 32);
}

static int write_file(const char *path, const char *text, struct error *err)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return error_errno(err, errno, "cannot write %s", path);
	return 0;
}

/* Root inside is whoever runs this: so capabilities survive the exec by nsenter. */
static int enter_user_namespace(struct error *err)
{
	char map[64];
	unsigned uid = geteuid(), gid = getegid();
	if (unshare(CLONE_NEWUSER))
		return error_errno(err, errno, "cannot make a user namespace");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (write_file("/proc/self/uid_map", map, err) ||
	    write_file("/proc/self/setgroups", "deny", err))
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return write_file("/proc/self/gid_map", map, err);
}

int side_gain_privilege(bool *is_user_namespace, struct error *err)
{
	*is_user_namespace =
		!has_capability(CAP_SYS_ADMIN) || !has_capability(CAP_NET_ADMIN);
	if (!*is_user_namespace)
		return 0;
	return enter_user_namespace(err)
		       ? error_wrap(err, "the lab must run as root, or where users may "
					 "make user namespaces")
		       : 0;
}
