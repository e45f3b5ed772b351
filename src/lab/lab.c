/* SPDX-License-Identifier: MIT */
#include "conn-doctor/lab.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "side.h"

/* Seconds that are worth shortening, and what to shorten them to. */
enum { SOONER_MS = 2000 };

struct lab {
	const struct lab_options *options;
	bool is_user_namespace;
	pid_t pids[SIDE_COUNT]; /* 0 = not there */
	int controls[SIDE_COUNT];
	sigset_t signals, before;
};

/*
 * Signals are waited for, not handled: there is one place where they count. One
 * that was ignored (nohup) stays so.
 */
static void block_signals(struct lab *lab)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	sigemptyset(&lab->signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct sigaction action;
		sigaction(numbers[i], NULL, &action);
		if (action.sa_handler != SIG_IGN)
			sigaddset(&lab->signals, numbers[i]);
	}
	sigprocmask(SIG_BLOCK, &lab->signals, &lab->before);
}

static _Noreturn void run_side(const struct lab *lab, enum side_name name, int control,
			       pid_t parent)
{
	struct side side = {
		.options = lab->options,
		.name = name,
		.client_pid = lab->pids[SIDE_CLIENT],
		.control = control,
		.listener = -1,
	};
	for (int i = 0; i < SIDE_COUNT; i++)
		if (lab->controls[i] >= 0)
			close(lab->controls[i]);
	side_main(&side, parent);
}

static int start_side(struct lab *lab, enum side_name name, struct error *err)
{
	int pair[2];
	pid_t parent = getpid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return error_errno(err, errno, "cannot make a socket pair");
	lab->controls[name] = pair[0];
	pid_t pid = fork();
	if (pid == 0)
		run_side(lab, name, pair[1], parent);
	close(pair[1]);
	if (pid < 0)
		return error_errno(err, errno, "cannot start a process");
	lab->pids[name] = pid;
	return 0;
}

static void lab_end(struct lab *lab)
{
	for (int i = 0; i < SIDE_COUNT; i++) {
		if (lab->pids[i] > 0) {
			kill(lab->pids[i], SIGKILL);
			while (waitpid(lab->pids[i], NULL, 0) < 0 && errno == EINTR)
				;
		}
		if (lab->controls[i] >= 0)
			close(lab->controls[i]);
	}
	sigprocmask(SIG_SETMASK, &lab->before, NULL);
}

/* The client first: the server hands one end of the cable to its process. */
static int build(struct lab *lab, struct error *err)
{
	const struct lab_state *state = lab->options->state;
	if (side_gain_privilege(&lab->is_user_namespace, err) ||
	    start_side(lab, SIDE_CLIENT, err) || start_side(lab, SIDE_SERVER, err))
		return -1;
	for (size_t i = 0; i < side_step_count(state); i++) {
		enum side_name name = side_step(state, i)->side;
		if (side_tell(lab->controls[name], name, i, err))
			return error_wrap(err, "lab %s", state->name);
	}
	return 0;
}

static void print_command(const struct lab *lab, const char *command, FILE *out)
{
	const struct lab_options *o = lab->options;
	pid_t pid = lab->pids[o->state->is_seen_by_client ? SIDE_CLIENT : SIDE_SERVER];
	fputs("  nsenter", out);
	if (lab->is_user_namespace)
		fprintf(out, " --preserve-credentials --user=/proc/%d/ns/user",
			(int)pid);
	fprintf(out, " --net=/proc/%d/ns/net conn-doctor %s :%u\n", (int)pid, command,
		o->port);
}

static void print_expectation(const struct lab_state *s, uint32_t count, FILE *out)
{
	char text[FORMAT_SIZE], sooner[FORMAT_SIZE];
	uint64_t after_ms = lab_state_after_ms(s);
	fprintf(out, "Expect after %s: %" PRIu32 " %s", duration_print(after_ms, text),
		count, verdict_table[s->verdict].code);
	if (s->finding)
		fprintf(out, ", and the finding %s", s->finding);
	fputc('\n', out);
	if (!s->after_ms && after_ms > SOONER_MS)
		fprintf(out, "Sooner, after %s: --set %s=%s\n",
			duration_print(SOONER_MS, text), limit_table[s->limit].name,
			limit_print(s->limit, SOONER_MS, sooner));
}

static void print_guide(const struct lab *lab, FILE *out)
{
	const struct lab_options *o = lab->options;
	char hold[FORMAT_SIZE];
	fprintf(out, "%s: %s\n", o->state->name, o->state->help);
	fprintf(out, "Look at it from another terminal%s:\n",
		lab->is_user_namespace ? "" : " (as root)");
	print_command(lab, "check", out);
	print_command(lab, "watch", out);
	print_expectation(o->state, o->count, out);
	fprintf(out,
		"It stays for %s; Ctrl-C ends it. Nothing of it is on the host's "
		"network.\n",
		duration_print(o->hold_ms, hold));
}

/* Whoever started this program by exec may have left it children of its own. */
static bool has_lost_a_side(const struct lab *lab)
{
	for (int i = 0; i < SIDE_COUNT; i++) {
		siginfo_t info = { 0 };
		if (waitid(P_PID, (id_t)lab->pids[i], &info,
			   WEXITED | WNOHANG | WNOWAIT) ||
		    info.si_pid)
			return true;
	}
	return false;
}

static int hold(const struct lab *lab, struct error *err)
{
	struct timespec left = {
		.tv_sec = (long)(lab->options->hold_ms / 1000),
		.tv_nsec = (long)(lab->options->hold_ms % 1000 * 1000000),
	};
	int number;
	do { /* stopped and continued, or somebody else's child: starts anew */
		number = sigtimedwait(&lab->signals, NULL, &left);
		if (number == SIGCHLD && has_lost_a_side(lab))
			return error_set(err, ERROR_SYSTEM,
					 "a process of the lab has ended before its "
					 "time");
	} while (number == SIGCHLD || (number < 0 && errno == EINTR));
	return number < 0 ? 0 : number;
}

int lab_run(const struct lab_options *o, FILE *out, struct error *err)
{
	struct lab lab = { .options = o, .controls = { -1, -1 } };
	fflush(out); /* or the children hold a copy */
	block_signals(&lab);
	int result = build(&lab, err);
	if (result == 0) {
		print_guide(&lab, out);
		/* Nobody reads it any more: nobody is there to be shown anything. */
		result = fflush(out) ? error_errno(err, errno, "cannot write")
				     : hold(&lab, err);
	}
	lab_end(&lab);
	return result;
}
