/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_STATE_FILE_H
#define CONN_DOCTOR_TUI_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "conn-doctor/error.h"

/*
 * A file of the state directory. It is written beside its place and renamed, so
 * that whoever reads it sees all of it or the one before; only the owner may.
 */
struct state_file {
	FILE *stream;
	char *path, *temporary_path;
};

/* Makes the directory where it is missing. `dir` must not be NULL. */
int state_file_open(struct state_file *f, const char *dir, const char *name,
		    struct error *err);
/* With is_lasting it survives the loss of power, and takes the time that needs. */
int state_file_commit(struct state_file *f, bool is_lasting, struct error *err);
void state_file_abandon(struct state_file *f);

/*
 * At most `max` bytes of a regular file. *out is the caller's to free(), NULL when
 * there is no such file.
 */
int state_file_read(const char *dir, const char *name, size_t max, char **out,
		    size_t *len, struct error *err);

#endif
