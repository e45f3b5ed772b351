/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_OUTPUT_H
#define CONN_DOCTOR_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "conn-doctor/error.h"
#include "options.h"

/*
 * Where a report goes: standard output, a pager in front of it, or a file that
 * is replaced at once when all of it was written.
 */
struct output {
	FILE *stream;
	int fd;               /* what the stream writes to */
	int write_errnum;     /* of the first write that failed, 0 = none */
	char *temporary_path; /* of --output-file */
	const char *path;
	int pager_pid; /* 0 = none */
};

/* `out` stays where it is until it is closed or abandoned. */
/* `is_long` tells that text for a terminal may not fit the screen. */
int output_open(struct output *out, const struct options *o, struct error *err);

/* Flushes, finds write errors, renames the file or waits for the pager. */
int output_close(struct output *out, struct error *err);

/* Drops what was written to a file; for use after an error. */
void output_abandon(struct output *out);

/* Colour, signs and width for this stream, by options, environment and terminal. */
struct render_options output_render_options(const struct options *o);

/* The rule of conventions for a stream: --color, NO_COLOR, CLICOLOR_FORCE, TERM. */
bool output_use_color(const struct options *o, int fd);

#endif
