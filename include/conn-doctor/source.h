/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_SOURCE_H
#define CONN_DOCTOR_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/filter.h"
#include "conn-doctor/snapshot.h"

/*
 * PORT: where snapshots come from. Three kinds: the kernel, a recording, and
 * the fake of the tests. A kernel source can write what it received to a
 * recording; the recording is decoded by the same code as the kernel's reply.
 */

enum source_result { SOURCE_OK = 0, SOURCE_ERROR = -1, SOURCE_END = 1 };

struct source_ops {
	/*
	 * Fills `out` (reset first) with the next pass. SOURCE_END: there is no
	 * further one (recordings). A snapshot that lacks something is a success
	 * with is_complete = false.
	 */
	enum source_result (*take)(void *self, struct snapshot *out, struct error *err);
	/* -1 when what was recorded could not be written to the end. */
	int (*close)(void *self, struct error *err);
	/* Live sources wait between passes, recordings are as fast as they are read. */
	bool is_live;
};

struct source {
	const struct source_ops *ops;
	void *self;
};

struct source_options {
	const struct filter *filter; /* may be NULL; must outlive the source */
	bool with_owners;            /* look up processes in /proc */
	/* With owners: read keepalive settings of sockets, configuration of servers. */
	bool with_keepalive_audit;
	bool with_server_settings;
	uint64_t timeout_ms;     /* for one pass; 0 = none */
	const char *record_path; /* NULL = do not record */
};

/* The sockets of this host, by sock_diag. */
int source_open_kernel(struct source *out, const struct source_options *options,
		       struct error *err);

/* A recording, or a raw dump of `ss -D`; "-" is standard input. */
int source_open_recording(struct source *out, const char *path, struct error *err);

/* Names of devices and cgroups as this host knows them, for filter_resolve(). */
extern const struct filter_resolver host_resolver;

/* Releases the source; a zeroed one is allowed. -1 as in source_ops.close. */
int source_close(struct source *source, struct error *err);

#endif
