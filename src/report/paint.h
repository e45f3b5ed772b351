/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_REPORT_PAINT_H
#define CONN_DOCTOR_REPORT_PAINT_H

#include "conn-doctor/renderer.h"

/* Colours by role (Okabe-Ito); "" unless use_color. */
const char *paint_on(enum severity severity, const struct render_options *o);
const char *paint_off(enum severity severity, const struct render_options *o);

/* CRITICAL WARNING info ok: loud ones in capitals. */
const char *severity_word(enum severity severity);

/*
 * Writes the text and a line break. The cursor stands in column `at`; lines
 * that would pass the terminal's width go on below, indented by `indent`.
 */
void write_wrapped(FILE *out, const char *text, size_t at, size_t indent,
		   const struct render_options *o);

#endif
