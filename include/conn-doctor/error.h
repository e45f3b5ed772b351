/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_ERROR_H
#define CONN_DOCTOR_ERROR_H

/*
 * An error is a sentence for the person at the terminal: what was tried, on
 * what, why it failed, what to do next. No allocation, so that it can be used
 * where memory is short; text that does not fit is cut.
 *
 * Every function that can fail returns 0 or -1 and takes the error last. On
 * success the error is left untouched. Only main prints it.
 */

enum error_code {
	ERROR_NONE = 0,
	ERROR_USAGE,       /* the command line is wrong: point to --help */
	ERROR_INPUT,       /* bytes from outside (recording, configuration) are wrong */
	ERROR_SYSTEM,      /* a system call failed */
	ERROR_UNSUPPORTED, /* this kernel or build lacks what was asked for */
	ERROR_TIMEOUT,     /* the time limit was reached */
};

enum { ERROR_TEXT_SIZE = 1024 };

struct error {
	enum error_code code;
	char text[ERROR_TEXT_SIZE];
};

/* Sets code and text; returns -1, so that callers can `return error_set(...)`. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As error_set() with ERROR_SYSTEM, and ": strerror(errnum)" appended. */
int error_errno(struct error *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the text; keeps the code. Returns -1. */
int error_wrap(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
