/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_REPORT_H
#define CONN_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/filter.h"
#include "conn-doctor/history.h"
#include "conn-doctor/knowledge.h"
#include "conn-doctor/limits.h"
#include "conn-doctor/series.h"
#include "conn-doctor/snapshot.h"
#include "conn-doctor/strbuf.h"
#include "conn-doctor/verdict.h"

/*
 * A diagnosis, typed: numbers stay numbers until a renderer writes them. It
 * refers to the snapshot, history, limits and policy it was made from; they must
 * outlive it and stay unchanged.
 */

/*
 * Kinds of findings, worst story first. What each means, its causes and remedies
 * are texts of knowledge/.
 */
#define FINDINGS(X)                               \
	X(STUCK_WORKER, "stuck-worker")           \
	X(HALF_OPEN, "half-open")                 \
	X(LOCAL_PATH_DOWN, "local-path-down")     \
	X(CLOSE_WAIT_LEAK, "close-wait-leak")     \
	X(FD_EXHAUSTION, "fd-exhaustion")         \
	X(SYN_FLOOD, "syn-flood")                 \
	X(ACCEPT_QUEUE_FULL, "accept-queue-full") \
	X(QUEUE_ABANDONED, "queue-abandoned")     \
	X(PORT_EXHAUSTION, "port-exhaustion")     \
	X(ORPHANS, "orphans")                     \
	X(CONNECT_STUCK, "connect-stuck")         \
	X(SLOW_UPSTREAM, "slow-upstream")         \
	X(SLOW_READER, "slow-reader")             \
	X(SLOW_RESPONSE, "slow-response")         \
	X(HEARTBEAT_MISSED, "heartbeat-missed")   \
	X(RESET_STORM, "reset-storm")             \
	X(LOSSY_PATH, "lossy-path")               \
	X(CONNECTION_GROWTH, "connection-growth") \
	X(TOO_MANY_PER_PEER, "too-many-per-peer") \
	X(POOL_EXHAUSTED, "pool-exhausted")       \
	X(POOL_LEAK, "pool-leak")                 \
	X(TIMEOUT_CHAIN, "timeout-chain")         \
	X(RISKY_FLAGS, "risky-flags")             \
	X(HALF_OPEN_SUSPECT, "half-open-suspect") \
	X(KEEPALIVE_MISSING, "keepalive-missing")

enum finding_kind {
#define X(id, code) FINDING_##id,
	FINDINGS(X)
#undef X
		FINDING_KIND_COUNT
};

struct finding_info {
	const char *code;
};
extern const struct finding_info finding_table[FINDING_KIND_COUNT];

/* From its text: what it is, and what brings it about most often. */
const char *finding_title(enum finding_kind kind);
const char *finding_usual_cause(enum finding_kind kind);

enum { FINDING_EVIDENCE_MAX = 12, FINDING_NEXT_MAX = 6, NO_INDEX = -1 };

/*
 * Where a finding stands over several runs with a state file; without one, and on
 * the first run, everything that is seen is open.
 */
enum finding_phase {
	PHASE_OPEN,
	PHASE_PENDING,    /* seen, not for long enough yet: shown as info */
	PHASE_RECOVERING, /* not seen any more, not for long enough to be closed */
};

struct finding {
	enum finding_kind kind;
	enum finding_phase phase;
	enum severity full_severity; /* of a pending one, once it opens */
	uint64_t first_seen_ms;      /* monotonic, of the episode; 0 = no memory */
	double value_before;         /* in the last run, when ... */
	bool has_value_before;
	enum severity severity;
	enum confidence confidence;
	enum acts acts;
	int32_t service;  /* index into report->services, NO_INDEX = none */
	int32_t listener; /* row of the listening socket concerned, NO_INDEX = none */
	int32_t process;  /* index into snapshot->processes, NO_INDEX = none */
	/* The finding is about the service; the process is merely its only owner. */
	bool is_process_owner;
	/* The upstream, peer or prefix concerned, "10.0.3.7:5432"; "" = none */
	char peer[ENDPOINT_TEXT_SIZE];
	int32_t part_of;  /* index of the finding that tells it, NO_INDEX = none */
	char *summary;    /* one sentence, at most 120 characters, no newline */
	double value;     /* what was measured ... */
	const char *unit; /* ... in OpenTelemetry units: "{connection}", "s", "1" */
	double warning, critical; /* the limits it was compared with; NAN = none */
	uint32_t since_cs;        /* ASSESSMENT_SINCE_UNKNOWN = unknown */
	bool is_since_exact;
	char *evidence[FINDING_EVIDENCE_MAX];
	size_t evidence_count;
	char *next[FINDING_NEXT_MAX]; /* what to do now, with the names of this case */
	size_t next_count;
	/* Of its kind: remedies for "CODE:ASPECT" are the ones; NULL = no more said */
	const char *aspect;
	/* Where this case tells it apart from the usual one of its kind; else NULL */
	const char *cause;
	bool is_remedy_told;  /* by `next`: what helps others would mislead here */
	uint64_t fingerprint; /* stable identity: no values, no pids */
};

/* Its own cause, else the usual one. */
const char *finding_cause(const struct finding *f);

/* A rule that could not be asked, or not of all: neither sick nor healthy. */
struct unknown_check {
	enum finding_kind kind;
	char *reason;
	bool needs_time; /* nothing was refused: more passes would tell */
	bool is_partial; /* some of what it looks at was seen, and was judged */
	bool is_of_host; /* it is not for this namespace to know; only the host can */
};

/*
 * How long after its last segment a peer that vanished from an idle connection is
 * noticed: the longest among connections that are established or half-closed.
 */
struct detection {
	int64_t idle_ms;         /* -1 = not known of any, -2 = never */
	uint32_t count;          /* connections looked at */
	uint32_t unknown_count;  /* of them, not even the timer tells */
	uint32_t at_least_count; /* the timer tells when the first probe leaves */
	uint32_t never_count;    /* keepalive is off */
	uint32_t audited_count;  /* read from the process */
	/* Of the first one read from the process that has both; 0 = there is none. */
	uint32_t user_timeout_ms;          /* TCP_USER_TIMEOUT */
	int64_t keepidle_ms, keepalive_ms; /* idle, and idle + interval * count */
};

/* (namespace, local port): its listeners, owners and server-role connections. */
struct service {
	uint16_t netns;
	uint16_t port;
	uint32_t *listeners; /* rows of the snapshot */
	size_t listener_count, listener_capacity;
	uint32_t *
		processes; /* indices into snapshot->processes, unique, sorted by pid */
	size_t process_count, process_capacity;
	uint64_t accept_queue_count; /* sum over its listeners */
	uint64_t accept_queue_limit;
	uint32_t verdicts[VERDICT_COUNT]; /* its selected connections */
	uint32_t connection_count;
	struct detection detection;             /* over the same connections */
	struct series_values now;               /* of the series' metrics */
	enum severity severity;                 /* of its worst finding */
	char listener_text[ENDPOINT_TEXT_SIZE]; /* "0.0.0.0:30020" */
	const char *stack;                      /* "uvicorn", NULL = not recognised */
	/*
	 * The stack answers each request, and anything else it carries is never
	 * silent for this long; 0 = not known to be so.
	 */
	uint32_t request_response_ms;
	/* Of its listeners, else of a connection; into policy->targets, NO_INDEX = none
	 */
	int32_t target;
	bool is_target_of_listener;
};

struct policy;
struct target;

/* How the memory between runs (--state) fared. */
enum memory_status {
	MEMORY_NONE,      /* not asked for */
	MEMORY_NEW,       /* no earlier run */
	MEMORY_CONTINUED, /* goes on from the last run */
	MEMORY_RESTARTED, /* the host was restarted in between: begins anew */
	MEMORY_FOREIGN,   /* another network namespace or clock: begins anew */
	MEMORY_DAMAGED,   /* could not be read: begins anew */
	MEMORY_UNUSABLE,  /* could not be opened or locked: not used */
	MEMORY_STATUS_COUNT
};

/* A client pool of a declared size: the connections of a process to an upstream. */
struct pool_count {
	uint32_t row; /* stands for it */
	uint32_t count;
};

/* When a worker, or any of a service, last showed that it is alive; see liveness.c. */
enum { LIFE_CLOSES = 2 };
struct life_sign {
	uint32_t replied_ms;             /* ago; UINT32_MAX = never seen */
	uint32_t closed_ms[LIFE_CLOSES]; /* the youngest first */
};

struct report {
	const struct snapshot *snap;
	const struct history *history;
	const struct series *series; /* of the passes before, NULL = none */
	const struct limits *limits;
	const struct policy *policy; /* NULL = nothing was declared */
	const char *filter_text;     /* "" = everything */

	size_t pass_count;
	uint64_t duration_ns; /* collection, all passes */

	enum memory_status memory;
	uint64_t memory_gap_ms; /* since the last run, when MEMORY_CONTINUED */

	struct assessment *assessments; /* one for each row of the snapshot */
	size_t assessment_capacity;

	size_t selected_count; /* rows with is_selected, listeners included */
	size_t ignored_count;  /* selected by the filter, left out by [ignore] addresses
				*/
	uint32_t verdicts[VERDICT_COUNT]; /* over the selected rows */
	struct series_values now;         /* of the selection, and of the host */
	/* CLOSE_WAIT by process of the snapshot, of the selected rows. */
	struct u64_map half_closed; /* end within this host -> its row; half_closed.c */
	struct u64_map life_index;  /* service << 32 | process + 1 -> life_signs */
	struct life_sign *life_signs;
	size_t life_sign_count, life_sign_capacity;
	struct pool_count *pools;
	size_t pool_count, pool_capacity;
	uint32_t *process_close_wait;

	struct service *services; /* in the order of their first listener */
	size_t service_count, service_capacity;
	struct u64_map service_index; /* netns << 16 | port -> index into services */
	struct finding *findings;     /* worst first */
	size_t finding_count, finding_capacity;
	struct unknown_check unknown[FINDING_KIND_COUNT];
	size_t unknown_count;
	enum severity severity;
};

/* Forgets the content and keeps the memory, ready for the next diagnosis. */
void report_reset(struct report *r);

/* What was declared about the connection or service, NULL = nothing. */
const struct target *report_target_of(const struct report *r, uint32_t row);
const struct target *assessment_target(const struct report *r,
				       const struct assessment *a);
const struct target *service_target(const struct report *r, const struct service *s);

/*
 * The advice of the knowledge base: of the recognised stack first, at most two of
 * it, then what is true for every one. Returns how many of at most `max` there are.
 */
size_t report_remedies(const struct report *r, const struct finding *f,
		       const struct knowledge_remedy **out, size_t max);

/* The remedy in one line: its sentence, and what is to be typed. */
void remedy_put(const struct knowledge_remedy *remedy, struct strbuf *out);

/* "uvicorn", also where the program is python3; NULL = not recognised. */
const char *process_stack(const struct report *r, const struct process *p);

/* False for "go", whose programs are better known by their own names, and NULL. */
bool stack_is_program_name(const char *stack);

/* The stack where that is the program's name, else what the process calls itself:
 * bytes from outside, "" = unknown. */
const char *process_name(const struct report *r, const struct process *p);

/* Whether what could not be seen touches anything that is selected. */
bool report_is_concerned(const struct report *r, const struct degraded *d);

/* Server software behind a finding, as its text is called; NULL = not recognised. */
const char *finding_stack(const struct report *r, const struct finding *f);

/* Whether `when` of "CODE:WHEN" is something remedies can depend on. */
bool remedy_is_condition(const char *when);

/* Releases one finding's texts. */
void finding_clear(struct finding *f);

/* Releases the findings' texts and the report's own memory. */
void report_clear(struct report *r);
#define auto_report __attribute__((cleanup(report_clear)))

/*
 * The selected rows by namespace, local port, local address, peer, cookie: the
 * stable order of documents. *out is the caller's to free(); returns the count.
 */
size_t report_by_address(const struct report *r, uint32_t **out);

/*
 * Rows that ask somebody to act (or all selected), worst first: verdict, then
 * longest, then peer. *out is the caller's to free().
 */
size_t report_worst_first(const struct report *r, bool all, uint32_t **out);

/* The order of report_worst_first(): negative when row `a` stands before `b`. */
int report_compare_harm(const struct report *r, uint32_t a, uint32_t b);
/* What decides it in nearly all cases: the smaller one stands first. */
uint64_t report_harm(const struct report *r, uint32_t row);
/* When what is told of the row began, in tenths of a second since some time. */
#define REPORT_BEGIN_UNKNOWN ((UINT64_C(1) << 56) - 1)
uint64_t report_begin(const struct report *r, uint32_t row);

/*
 * *snap and *out become a report that needs nothing of *from and tells the same, but
 * has only those rows, in their order, and behind them the listeners. Counts are
 * those of *from. It has no history and no series, and is for reading: no rule can
 * be asked again. Both may hold an earlier one, whose memory is used again.
 */
void report_excerpt(const struct report *from, const uint32_t *rows, size_t count,
		    struct snapshot *snap, struct report *out);

/* Service of a listener or a server-role row, NULL for others. */
const struct service *report_service_of(const struct report *r, uint32_t row);

/* "0.0.0.0:30020" of the listener a finding is about, "" when it is about none. */
char *finding_listener_print(const struct report *r, const struct finding *f,
			     char out[static ENDPOINT_TEXT_SIZE]);

/* Owner of the row, NULL when unknown; why_not_owned() says why. */
const struct process *report_process_of(const struct report *r, uint32_t row,
					int32_t *fd);
const char *report_why_not_owned(const struct report *r, uint32_t row);

/* Why a socket of an application has no visible owner. */
enum owner_search {
	OWNER_NONE,        /* it belongs to no application any more, or not yet */
	OWNER_NOT_SOUGHT,  /* descriptors were not looked at */
	OWNER_NOT_VISIBLE, /* not all of them could be */
	OWNER_NOT_FOUND,   /* none of all those is of this socket */
};
enum owner_search report_owner_search(const struct report *r, uint32_t row);

#endif
