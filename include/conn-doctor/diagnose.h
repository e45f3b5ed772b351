/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_DIAGNOSE_H
#define CONN_DOCTOR_DIAGNOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "conn-doctor/report.h"
#include "conn-doctor/strbuf.h"

/*
 * The pure middle: snapshot, history, limits and policy in, report out. No I/O, no
 * clock, no globals.
 */

struct diagnose_options {
	const struct filter *filter; /* NULL = everything is selected */
	bool with_findings;          /* `list` needs verdicts only */
	const struct policy *policy; /* NULL = nothing was declared */
	/* Of the passes before this one, for trends; may be NULL. */
	const struct series *series;
};

/*
 * Fills `out` (zeroed or used before: its memory is reused). snap, past,
 * limits and policy are referred to, not copied. `past` already contains `snap`.
 */
void diagnose(const struct snapshot *snap, const struct history *past,
	      const struct limits *limits, const struct diagnose_options *options,
	      struct report *out);

/* What the series of the selection, a service, a process or a pool is kept under. */
struct series_scope series_of_host(void);
struct series_scope series_of_service(const struct report *r, size_t service);
struct series_scope series_of_process(const struct report *r, size_t process);
struct series_scope series_of_pool(const struct report *r, size_t pool);

/*
 * Takes the values of a report in, after diagnose(), which reads the series as
 * it was before. The same report twice counts once.
 */
void series_update(struct series *s, const struct report *r);

/* The counters of the host alone, of a pass that needs no diagnosis. */
void series_update_counters(struct series *s, const struct snapshot *snap);

/* The points of a metric with that of the report itself as the last one. */
size_t series_with_report(const struct report *r, const struct series_scope *scope,
			  enum series_metric metric, uint32_t now,
			  struct series_point out[static SERIES_POINTS + 1]);
/*
 * A finding that is known from elsewhere than this diagnosis, to be filled in: it
 * is about nothing and measured nothing. Call findings_arrange() after the last.
 */
struct finding *findings_add(struct report *r, enum finding_kind kind);

/*
 * Puts the findings in order, says which is part of which, and takes the severity
 * of services and report from them. Needed again after they were changed.
 */
void findings_arrange(struct report *r);

/*
 * In how many ms the process is out of descriptors if it goes on as in the series;
 * DERIVED_UNKNOWN when they do not grow, or too little is known to say so. Takes up
 * to a millisecond.
 */
int64_t descriptors_end_in_ms(const struct report *r, size_t process);

/* Values that follow from one row and its past; shown everywhere. */
#define DERIVED_UNKNOWN (-1) /* the kernel did not say */
#define DERIVED_NEVER   (-2) /* gives_up_ms: no timer will end this */

enum keepalive { KEEPALIVE_UNKNOWN, KEEPALIVE_OFF, KEEPALIVE_ON };

struct derived {
	enum role role;
	enum turn turn;
	enum keepalive keepalive;
	bool is_quiet;       /* nothing unread, unacknowledged or unsent */
	bool is_in_flight;   /* something waits for an acknowledgement */
	bool is_audited;     /* the four below were read from the process */
	int64_t keepidle_ms; /* or as far as the timer tells, else DERIVED_UNKNOWN */
	int64_t keepintvl_ms, keepcnt, user_timeout_ms; /* else DERIVED_UNKNOWN */
	/*
	 * How long after its last segment a peer that vanished is given up: while
	 * the connection is idle (DERIVED_NEVER without keepalive; a lower bound
	 * unless exact), and while something waits for an acknowledgement.
	 */
	int64_t detects_idle_ms, detects_in_flight_ms;
	bool is_detects_exact;
	int64_t idle_ms;     /* since application data moved, either way */
	int64_t in_state_ms; /* lower bound unless is_in_state_exact */
	bool is_in_state_exact;
	int64_t age_ms;         /* of the connection, lower bound */
	int64_t consumed_bytes; /* taken by the application */
	int64_t silent_ms;      /* something was sent and nothing came back */
	int64_t gives_up_ms;    /* until the kernel ends it by itself */
};

/* Age of a connection, a lower bound; `past` may be NULL. DERIVED_UNKNOWN when untold.
 */
int64_t connection_age_ms(const struct tcp_socket *sk, const struct socket_past *past,
			  uint64_t now_ms);

/* False: what is known is a lower bound. */
bool detection_is_exact(const struct detection *d);
/* Appends how fast a service notices a vanished peer, in words; nothing if unknown. */
void detection_put(const struct detection *d, struct strbuf *out);

void derive(const struct report *r, uint32_t row, struct derived *out);

/* The numbers behind the verdict of a row, one sentence each, limits included. */
void verdict_evidence(const struct report *r, uint32_t row, struct strbuf *sentences);

/* What decided the verdict, in few words, for a column; nothing when nothing did. */
void verdict_brief(const struct report *r, uint32_t row, struct strbuf *out);

#endif
