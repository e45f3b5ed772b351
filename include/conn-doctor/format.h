/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FORMAT_H
#define CONN_DOCTOR_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"

/*
 * Values as text and back. Parsers name the input and the accepted form in
 * their message; printers write into the caller's buffer, always terminated,
 * and return it so that they can stand in an argument list.
 */

enum { FORMAT_SIZE = 32 };

/* `500us 250ms 30s 5m 1h30m 2d 1w`; a bare number is seconds. Result in ms. */
int duration_parse(const char *text, uint64_t *out_ms, struct error *err);

/* `512 64K 1.5M 2G`, powers of 1024, `KiB` accepted. Result in bytes. */
int size_parse(const char *text, uint64_t *out_bytes, struct error *err);

/* `80%` or `0.8`. Result in per mille (800). */
int share_parse(const char *text, uint64_t *out_permille, struct error *err);

/* Decimal without sign or blanks, in [min, max]. */
int count_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out,
		struct error *err);

/* At most two units, for people: `340ms 9.2s 31s 5m4s 9h58m 3d4h`. */
char *duration_print(uint64_t ms, char out[static FORMAT_SIZE]);

/* `0 B`, `278 B`, `8.4 KiB`, `3.6 MiB`. */
char *size_print(uint64_t bytes, char out[static FORMAT_SIZE]);

/* RFC 3339, UTC, three decimals: 2026-11-20T18:00:00.123Z. */
char *time_print_utc(uint64_t realtime_ns, char out[static FORMAT_SIZE]);

/* Decimal digits of value without terminator; returns the end. For hot paths. */
char *u64_put(char *out, uint64_t value);

#endif
