/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_SIGNALS_H
#define CONN_DOCTOR_TUI_SIGNALS_H

/*
 * Signals that end a program set a flag and end the loop in good order. A second
 * one does not wait: it gives the terminal back and acts at once, as if there were
 * no handler. A signal that was ignored (nohup) stays ignored.
 */
void signals_install(void);
void signals_restore(void);

/* The first signal that came, 0 = none. */
int signals_caught(void);
/* As if the signal had come (the terminal is gone). */
void signals_pretend(int signal);

#endif
