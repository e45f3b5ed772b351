/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_SERIES_H
#define CONN_DOCTOR_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/strbuf.h"

/*
 * How a few counts went over time: of the whole selection, of each service, of
 * each process, of each client pool of a declared size. Bounded, whatever the window: a
 * scope has at most SERIES_POINTS points. The newest SERIES_DENSE of them are the last
 * passes, every one; before those, points go so that the gaps grow in proportion to
 * their age. A minute or a week is covered alike, and the recent past in full.
 *
 * Memory: a service has 6 columns of 4 bytes, so 3 KiB; a process 3 (1.5 KiB), the
 * host 14 (7 KiB). With SERIES_SCOPES services 1.6 MiB in all, never more.
 */
enum { SERIES_POINTS = 128, SERIES_DENSE = 64, SERIES_SCOPES = 512 };

enum series_kind {
	SERIES_HOST,
	SERIES_SERVICE,
	SERIES_PROCESS,
	SERIES_POOL,
	SERIES_KIND_COUNT
};

#define SERIES_OF_HOST    (1 << SERIES_HOST)
#define SERIES_OF_SERVICE (1 << SERIES_SERVICE)
#define SERIES_OF_PROCESS (1 << SERIES_PROCESS)
#define SERIES_OF_POOL    (1 << SERIES_POOL)
#define SERIES_OF_BOTH    (SERIES_OF_HOST | SERIES_OF_SERVICE)

/* Another row, or another order, is another version of the encoding (series.c). */
#define SERIES_METRICS(X)                                                         \
	/* id, name, which scopes have it */                                      \
	X(ESTABLISHED, "established", SERIES_OF_BOTH)                             \
	X(CLOSE_WAIT, "CLOSE_WAIT", SERIES_OF_BOTH | SERIES_OF_PROCESS)           \
	X(HALF_OPEN, "half-open", SERIES_OF_BOTH) /* by verdict */                \
	X(CONNECTIONS, "connections",                                             \
	  SERIES_OF_BOTH | SERIES_OF_POOL) /* no TIME_WAIT */                     \
	X(ACCEPT_QUEUE, "accept queue", SERIES_OF_BOTH)                           \
	X(DESCRIPTORS, "descriptors", SERIES_OF_PROCESS)                          \
	/* counters of the kernel, modulo 2^32; see kernel_value in snapshot.h */ \
	X(ATTEMPT_FAILS, "AttemptFails", SERIES_OF_HOST)                          \
	X(ESTAB_RESETS, "EstabResets", SERIES_OF_HOST)                            \
	X(OUT_RSTS, "OutRsts", SERIES_OF_HOST)                                    \
	X(ABORT_ON_DATA, "TCPAbortOnData", SERIES_OF_HOST)                        \
	X(ABORT_ON_CLOSE, "TCPAbortOnClose", SERIES_OF_HOST)                      \
	X(ABORT_ON_MEMORY, "TCPAbortOnMemory", SERIES_OF_HOST)                    \
	X(ABORT_ON_TIMEOUT, "TCPAbortOnTimeout", SERIES_OF_HOST)                  \
	X(ABORT_ON_LINGER, "TCPAbortOnLinger", SERIES_OF_HOST)

enum series_metric {
#define X(id, name, scopes) SERIES_##id,
	SERIES_METRICS(X)
#undef X
		SERIES_METRIC_COUNT
};

extern const char *const series_metric_names[SERIES_METRIC_COUNT];

/* What a series is of. See series_of_*() in diagnose.h, which make them. */
struct series_scope {
	enum series_kind kind;
	uint64_t id; /* service: namespace inode << 16 | port; pid; pool: a hash */
	uint64_t start_ticks; /* of a process: tells a reused pid; else 0 */
};

#define SERIES_UNKNOWN UINT32_MAX

/* The values of one scope at one time; SERIES_UNKNOWN leaves a gap. */
struct series_values {
	uint32_t of[SERIES_METRIC_COUNT];
};

struct series_point {
	uint64_t at_ms; /* on the clock of snapshot.monotonic_ms, to 10 ms */
	uint32_t value;
};

struct series;

struct series *series_new(void);
void series_free(struct series *s);

/*
 * Adds the values of a scope. Ignored when not later than its last point (the
 * same pass again, a clock that went back). When all scopes are taken, the one
 * that was not seen for longest gives way; if all were seen just now, none does.
 */
void series_add(struct series *s, const struct series_scope *scope, uint64_t at_ms,
		const struct series_values *values);

/*
 * The known points of a metric, oldest first; returns their number. `s` may be
 * NULL: nothing is known.
 */
size_t series_points(const struct series *s, const struct series_scope *scope,
		     enum series_metric metric,
		     struct series_point out[static SERIES_POINTS]);

/* Appends the content, little-endian and versioned, for a file. */
void series_encode(const struct series *s, struct strbuf *out);

/*
 * Replaces the content by what series_encode() wrote, on the clock of the same
 * boot. -1 when the bytes are not that, and the series is empty then.
 */
int series_decode(struct series *s, const uint8_t *bytes, size_t len);

#endif
