/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_SOURCE_H
#define CONN_DOCTOR_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
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

/* What a recording holds. Times: nanoseconds since 1970, 0 = no pass has one. */
struct source_extent {
	size_t pass_count;
	uint64_t first_realtime_ns; /* the earliest and latest: clocks are set back */
	uint64_t last_realtime_ns;
	size_t position;           /* of the pass that take() delivers next, from 0 */
	uint64_t next_realtime_ns; /* of that pass; 0 = not known, or there is none */
};

struct source_ops {
	/*
	 * Fills `out` (reset first) with the next pass. SOURCE_END: there is no
	 * further one (recordings). A snapshot that lacks something is a success
	 * with is_complete = false.
	 */
	enum source_result (*take)(void *self, struct snapshot *out, struct error *err);
	/* -1 when what was recorded could not be written to the end. */
	int (*close)(void *self, struct error *err);
	/* See source_extent() and the others below; NULL where nothing was recorded. */
	int (*extent)(void *self, struct source_extent *out, struct error *err);
	int (*find_time)(void *self, uint64_t realtime_ns, size_t *pass,
			 struct error *err);
	int (*seek)(void *self, size_t pass, struct error *err);
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
	/* No second pass is taken: nothing is kept for it, nor for snapshot_find(). */
	bool is_single_pass;
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

/*
 * Going to and fro in a recording. All three are -1 with a reason where that cannot
 * be: the kernel, standard input, a pipe. The first call walks over the file (no
 * pass is unpacked); later ones look at what a recorder that still runs has added.
 *
 * A pass that take() could not deliver because of damage is counted as well, where
 * the file goes on behind it.
 */
int source_extent(struct source *source, struct source_extent *out, struct error *err);

/*
 * The last pass taken at that time or before; the first when all are later. -1 too
 * when the times of the passes are not known.
 */
int source_find_time(struct source *source, uint64_t realtime_ns, size_t *pass,
		     struct error *err);

/*
 * take() delivers this pass next (counted from 0), also after SOURCE_END and after an
 * error. A pass that there is not changes nothing; when one cannot be read, take()
 * fails too, until a seek succeeds.
 */
int source_seek_pass(struct source *source, size_t pass, struct error *err);

/* Releases the source; a zeroed one is allowed. -1 as in source_ops.close. */
int source_close(struct source *source, struct error *err);

#endif
