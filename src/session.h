/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_SESSION_H
#define CONN_DOCTOR_SESSION_H

#include "cli/options.h"
#include "conn-doctor/diagnose.h"
#include "conn-doctor/source.h"
#include "conn-doctor/state.h"

/* What every command that looks at sockets needs. */
struct session {
	const struct options *options;
	struct filter *filter;
	struct source source;
	struct history *history;  /* NULL: a single pass needs none */
	struct series *series;    /* the same; `list` has none */
	struct report between;    /* of passes that are not the last one */
	struct state *state;      /* NULL: no memory between runs */
	struct error state_error; /* why there is none although it was asked for */
	struct snapshot snaps[2]; /* the last complete one, and the next */
	bool is_followed;         /* enough passes for trends */
	size_t last;
	size_t pass_count;
	uint64_t passes_at; /* with --at: how many end at that moment; else 0 */
	uint64_t duration_ns;
};

/* Whatever it returns, session_end() is to follow. */
int session_open(struct session *s, const struct options *o, struct error *err);
/* Closes, and hands the status on; the first error is the one that is told. */
int session_end(struct session *s, int status, struct error *err);

/* All passes of `check` and `list`: as many as asked for, or the recording's. */
int session_take_passes(struct session *s, uint64_t initial_count, struct error *err);
struct diagnose_options session_diagnose_options(const struct session *s);

/* --state. A memory that cannot be used costs ages, not the report. */
void session_open_state(struct session *s);
/* Says on standard error and in the last snapshot why there is none. */
void session_note_state(struct session *s);
/* After the report: it is out, whatever becomes of the file. */
int session_save_state(struct session *s, const struct report *r, struct error *err);

#endif
