/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_RECORDING_H
#define CONN_DOCTOR_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/source.h"
#include "intake.h"
#include "recording_index.h"

/*
 * Recordings, format in docs/recording-format.md. The writer appends whole
 * passes; the reader trusts nothing.
 */
struct recorder;

/*
 * Opens for appending, creates the file (mode 0600: it holds addresses and
 * command lines) or continues an existing recording, after cutting off the torn
 * tail that a crash may have left. Any other file that is not empty is refused,
 * and so is one that another recorder has open.
 */
int recorder_open(struct recorder **out, const char *path, struct error *err);

/* Adds an item to the pass that is being recorded; copies it. */
void recorder_add(struct recorder *r, const struct item *item);

/*
 * Writes the pass; call once after its last item. When it fails the pass is lost,
 * the file still ends after the one before, and the next pass may be tried.
 */
int recorder_end_pass(struct recorder *r, struct error *err);

/* Flushes and closes; reports what close(2) says. NULL is allowed. */
int recorder_close(struct recorder *r, struct error *err);

struct recording;

/* "-" is standard input. Recognises our magic; a raw netlink dump (`ss -D`) else. */
int recording_open(struct recording **out, const char *path, struct error *err);

/*
 * The next pass as item bytes (valid until the next call). SOURCE_END at the
 * end; a torn tail is SOURCE_END too, with *is_torn set. After an error there is
 * nothing more to read. The items are not looked at: that is intake_replay().
 */
enum source_result recording_next(struct recording *r, const uint8_t **bytes,
				  size_t *len, bool *is_torn, struct error *err);

/*
 * Where the passes are, as far as the file goes now; valid until the next call with
 * this recording. -1 for standard input and what else is no regular file.
 */
int recording_index(struct recording *r, const struct recording_index **out,
		    struct error *err);

/*
 * The next pass is to be this one of the index, also after the end or an error. At
 * most as many passes are unpacked as lie between it and the full pass before it,
 * and none is decoded. After -1 recording_next() says SOURCE_END until a seek succeeds.
 */
int recording_seek(struct recording *r, size_t pass, struct error *err);
void recording_close(struct recording *r);

#endif
