/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <signal.h>
#include <stddef.h>

#include "screen.h"

/* Whatever ends a program that does not ask for it; faults are the screen's. */
static const int numbers[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
			       SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU };
enum { COUNT = sizeof(numbers) / sizeof(*numbers) };

/* The one place where a handler can leave word. */
static volatile sig_atomic_t caught;
static struct sigaction before[COUNT];

static void on_signal(int number)
{
	if (!caught) {
		caught = number;
		return;
	}
	screen_leave();
	signal(number, SIG_DFL);
	raise(number);
}

void signals_install(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigemptyset(&action.sa_mask);
	caught = 0;
	for (size_t i = 0; i < COUNT; i++) {
		sigaction(numbers[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

void signals_restore(void)
{
	for (size_t i = 0; i < COUNT; i++)
		sigaction(numbers[i], &before[i], NULL);
}

int signals_caught(void)
{
	return caught;
}

void signals_pretend(int number)
{
	if (!caught)
		caught = number;
}
