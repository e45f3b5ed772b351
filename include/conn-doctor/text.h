/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TEXT_H
#define CONN_DOCTOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "conn-doctor/strbuf.h"

/*
 * Text from outside. Names of processes are chosen by whoever starts them, so
 * they may hold escape sequences, line breaks or bytes that are no UTF-8.
 */

/*
 * Appends `len` bytes as valid UTF-8 without control characters: an invalid
 * byte becomes U+FFFD, a control character (C0, DEL, C1) and the bidirectional
 * overrides become '?'. What comes out is safe on a terminal and in JSON.
 */
void text_sanitize(struct strbuf *out, const char *bytes, size_t len);

/* Columns a sanitized text takes in the current locale (wcwidth). */
size_t text_width(const char *text);

/*
 * Longest prefix of `text` that takes at most `columns`; returns its length in
 * bytes. Never cuts inside a character.
 */
size_t text_fit(const char *text, size_t columns);

/* Edit distance, for "did you mean". */
size_t text_distance(const char *a, const char *b);

/*
 * The word that was probably meant: one that begins with `word`, else the one
 * with the fewest letters different; NULL when none is near. `name_at` gives
 * the candidates, NULL after the last.
 */
const char *text_nearest(const char *word, const char *(*name_at)(size_t i));

#endif
