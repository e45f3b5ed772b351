/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_STACK_H
#define CONN_DOCTOR_STACK_H

#include "conn-doctor/snapshot.h"

/*
 * The server software behind a process, and the flags it was started with, as far
 * as its command line (or that of the process that started it) tells.
 */

/* The flags the rules ask for, whatever each server calls them. */
enum stack_flag {
	STACK_KEEP_ALIVE, /* seconds an idle connection is kept between requests */
	STACK_RELOAD,     /* restarts when a file changes; 0 or 1 */
	STACK_WORKERS,
	STACK_THREADS,
	STACK_WS_PING_INTERVAL, /* seconds; 0 = none */
	STACK_TIMEOUT,          /* seconds; what it bounds is the server's own affair */
	STACK_LIMIT_CONCURRENCY, /* connections; 0 = no limit */
	STACK_GRACE, /* seconds it waits for requests when it stops; may be INFINITY */
	STACK_WEBSOCKET_TIMEOUT, /* seconds a WebSocket may live */
	STACK_FLAG_COUNT,
};

enum flag_origin {
	FLAG_NONE,        /* this server has no such flag */
	FLAG_DEFAULT,     /* not given: the value is the server's default */
	FLAG_GIVEN,       /* on the command line */
	FLAG_NOT_VISIBLE, /* the process was retitled, or started by a program */
};

struct flag_value {
	enum flag_origin origin;
	double value;
};

struct flag_spelling {
	enum stack_flag flag;
	const char *name, *short_name; /* "--workers", "-w"; NULL = no short one */
	double initial;                /* the server's default */
	bool is_switch;                /* takes no value */
};

struct stack {
	const char *name;
	const char *program;  /* name of the program, script or Python module */
	const char *argument; /* one that must follow, or NULL */
	bool is_python;
	bool is_development; /* not made to face the world */
	bool is_data_server; /* a restart costs more than a request: all sessions */
	/*
	 * Requests are answered, and whatever else runs over it (WebSockets with
	 * default pings) shows data at least this often. 0: a push protocol.
	 */
	uint32_t request_response_ms;
	const struct flag_spelling *flags; /* ends with a NULL name */
};

/* A recognised process. */
struct launch {
	const struct stack *stack;     /* NULL = not recognised */
	const struct process *told_by; /* whose command line has the flags */
	bool is_visible;               /* that command line shows the flags */
	struct flag_value flags[STACK_FLAG_COUNT];
	char worker_class[48]; /* gunicorn -k, "" = not given */
};

/* Looks at the process, then at those that started it, as far as they are known. */
void stack_recognise(const struct snapshot *snap, const struct process *p,
		     struct launch *out);

/*
 * Of processes that serve together (indexes into snap->processes): the first one
 * recognised. One known by its binary alone only when no other is recognised: it
 * may merely have started them.
 */
void stack_recognise_any(const struct snapshot *snap, const uint32_t *processes,
			 size_t count, struct launch *out);

/* What sentences call it: "uvicorn", or "the server". */
const char *stack_server_name(const struct launch *launch);

/* service.request_response_ms of such a process, which may have switched pings off. */
uint32_t stack_request_response_ms(const struct launch *launch);

bool stack_is_gunicorn(const struct launch *launch);

/* A gunicorn worker that serves one request at a time; false when not visible. */
bool stack_is_sync(const struct launch *launch);

/* "UvicornWorker" of "uvicorn.workers.UvicornWorker", "" when it is not known. */
const char *stack_worker_class(const struct launch *launch);

/* Whether the command line names a file that may set what it does not show. */
bool stack_names_config(const struct launch *launch);

/* "the default", "given", "not visible": for sentences. */
const char *stack_flag_origin(const struct launch *launch, enum stack_flag flag);

/* The process that started `p`, NULL when it is not known. */
const struct process *process_parent(const struct snapshot *snap,
				     const struct process *p);

#endif
