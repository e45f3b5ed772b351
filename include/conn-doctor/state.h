/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_STATE_H
#define CONN_DOCTOR_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/report.h"
#include "conn-doctor/series.h"

/*
 * Memory between runs, in one file: the history by cookie, the series that
 * trends are seen in, and an episode for each finding. It is only a memory. What cannot
 * be read is set aside and the run goes on without, and nothing in it can make a run
 * fail except that it cannot be written. The format in words: docs/state-format.md.
 */
struct state;

/*
 * Locks `path`.lock, waiting at most timeout_ms for another run, and reads the file
 * if there is one. NULL: it cannot be used; the message says what to do.
 */
struct state *state_open(const char *path, uint64_t timeout_ms, struct error *err);

/*
 * After the first pass was taken and before the history takes it in: what of the
 * file belongs to this boot, namespace and clock goes into the empty history. A
 * file that cannot be read is renamed.
 */
void state_recall(struct state *s, const struct snapshot *snap, const char *filter,
		  struct history *h);

/* What must be told about the file: why it was set aside; "" = nothing. */
const char *state_complaint(const struct state *s);

/*
 * Gives each finding its phase and adds those that are recovering. Without
 * findings (`list`): only how the memory fared.
 */
void state_follow(struct state *s, struct report *r, bool with_findings);

/*
 * Writes beside the file and renames: the old or the new one is there, never half
 * of one. Only its owner can read it.
 */
int state_save(struct state *s, const struct snapshot *snap, const struct history *h,
	       struct error *err);

/* Unlocks. NULL is allowed. */
void state_free(struct state *s);

/*
 * The series of earlier runs with the same filter go into an empty one, after
 * state_recall(). What is kept is written by state_save(); `list`, which has no
 * series, leaves what is in the file.
 */
void state_recall_series(struct state *s, struct series *out);
void state_keep_series(struct state *s, const struct series *series);

#endif
