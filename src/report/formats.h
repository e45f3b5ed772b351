/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_REPORT_FORMATS_H
#define CONN_DOCTOR_REPORT_FORMATS_H

#include "conn-doctor/renderer.h"

/* The functions behind the rows of renderers.c. */
int text_check(const struct report *r, const struct render_options *o, FILE *out,
	       struct error *err);
int text_list(const struct report *r, const struct render_options *o, FILE *out,
	      struct error *err);
int plain_check(const struct report *r, const struct render_options *o, FILE *out,
		struct error *err);
int plain_list(const struct report *r, const struct render_options *o, FILE *out,
	       struct error *err);
int json_check(const struct report *r, const struct render_options *o, FILE *out,
	       struct error *err);
int json_list(const struct report *r, const struct render_options *o, FILE *out,
	      struct error *err);

#endif
