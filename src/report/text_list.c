/* SPDX-License-Identifier: MIT */
#include "conn-doctor/memory.h"
#include "formats.h"
#include "table.h"

static const enum field_id usual_columns[] = {
	FIELD_VERDICT, FIELD_SINCE, FIELD_STATE, FIELD_RQ,
	FIELD_SQ,      FIELD_LOCAL, FIELD_PEER,  FIELD_OWNER,
};

static const enum field_id all_columns[] = {
	FIELD_VERDICT,  FIELD_CONFIDENCE, FIELD_ACTS,     FIELD_SINCE, FIELD_STATE,
	FIELD_IN_STATE, FIELD_ROLE,       FIELD_RQ,       FIELD_SQ,    FIELD_IDLE,
	FIELD_TURN,     FIELD_KA,         FIELD_GIVES_UP, FIELD_RTT,   FIELD_RETRANS,
	FIELD_AGE,      FIELD_COOKIE,     FIELD_LOCAL,    FIELD_PEER,  FIELD_OWNER,
	FIELD_EVIDENCE,
};

int text_list(const struct report *r, const struct render_options *o, FILE *out,
	      struct error *err)
{
	(void)err;
	auto_free uint32_t *rows = NULL;
	size_t count = report_by_address(r, &rows);
	struct table table = {
		.report = r,
		.options = o,
		.columns = o->wide ? all_columns : usual_columns,
		.column_count =
			o->wide ? sizeof(all_columns) / sizeof(*all_columns)
				: sizeof(usual_columns) / sizeof(*usual_columns),
	};
	table_write(&table, rows, count, out);
	return 0;
}
