/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_REPORT_TABLE_H
#define CONN_DOCTOR_REPORT_TABLE_H

#include "conn-doctor/fields.h"

/* An aligned table of connections, as wide as its content needs. */
struct table {
	const struct report *report;
	const struct render_options *options;
	const enum field_id *columns;
	size_t column_count;
	size_t indent;
};

/* The first column is painted. Rows are cut at the terminal's edge, not wrapped. */
void table_write(const struct table *t, const uint32_t *rows, size_t count, FILE *out);

#endif
