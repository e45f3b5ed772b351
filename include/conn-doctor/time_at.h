/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TIME_AT_H
#define CONN_DOCTOR_TIME_AT_H

#include <stdint.h>

#include "conn-doctor/error.h"

/*
 * A moment in a recording that goes from first_ns to last_ns (nanoseconds since
 * 1970), as a person types it:
 *
 *   2026-11-20T18:00:05Z, 2026-11-20 18:00:05.123+01:00   RFC 3339
 *   2026-11-20T18:00, 2026-11-20 18:00:05                 in the local zone
 *   18:00, 18:00:05, 18:00Z                               the first time that it was
 *                                                         so late in the recording
 *   +10m, -5m                                             from its start, its end
 *
 * A moment that only its coarseness puts in front of the recording (18:00, where it
 * begins at 18:00:07) is its beginning. ERROR_USAGE: the text is no such time, or it
 * is not in the recording; the message tells from when to when that goes.
 */
int time_parse_at(const char *text, int64_t first_ns, int64_t last_ns, int64_t *out_ns,
		  struct error *err);

#endif
