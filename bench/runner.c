/* SPDX-License-Identifier: MIT */
/*
 * Runs one command with stdin and stdout at /dev/null and prints what it cost as one
 * line of JSON. A program of its own because a child inherits the peak memory of the
 * process it was forked from, and a Python would hide everything below 10 MiB.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double timeval_seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static void exec_child(char **argv, const sigset_t *mask)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(126);
	if (null > 2)
		close(null);
	execvp(argv[0], argv);
	fprintf(stderr, "bench_runner: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* SIGCHLD is blocked: it wakes this up, or the time is over. */
static int wait_at_most(double limit)
{
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	double end = seconds() + limit;
	for (double left = limit; left > 0; left = end - seconds()) {
		struct timespec time = { .tv_sec = (time_t)left };
		time.tv_nsec = (long)((left - (double)time.tv_sec) * 1e9);
		if (sigtimedwait(&child, NULL, &time) == SIGCHLD)
			return 0;
	}
	return -1;
}

int main(int argc, char **argv)
{
	if (argc < 3 || atof(argv[1]) <= 0) {
		fputs("usage: bench_runner SECONDS COMMAND [ARGS...]\n", stderr);
		return 3;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigset_t blocked, before;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &before);

	double start = seconds();
	pid_t pid = fork();
	if (pid < 0) {
		perror("bench_runner: cannot fork");
		return 3;
	}
	if (pid == 0)
		exec_child(argv + 2, &before);

	int timed_out = wait_at_most(atof(argv[1])) < 0;
	if (timed_out)
		kill(pid, SIGKILL);
	int status;
	struct rusage used;
	while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
		;
	double wall = seconds() - start;

	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	printf("{\"wall\": %.6f, \"user\": %.6f, \"system\": %.6f, \"peak_kib\": %ld, "
	       "\"status\": %d, \"timed_out\": %s}\n",
	       wall, timeval_seconds(used.ru_utime), timeval_seconds(used.ru_stime),
	       used.ru_maxrss, code, timed_out ? "true" : "false");
	return 0;
}
