/* SPDX-License-Identifier: MIT */

/*
 * Any bytes as the items of a pass (netlink replies, /proc files, owners), then
 * the whole diagnosis over what was decoded, twice, so that the history works.
 */
#include <stdint.h>
#include <stdlib.h>

#include "conn-doctor/diagnose.h"
#include "diag_decode.h"
#include "intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void diagnose_all(const struct snapshot *snap, const struct history *history)
{
	struct report report = { 0 };
	struct limits limits;
	struct series *series = series_new();
	struct diagnose_options options = { .with_findings = true, .series = series };
	struct strbuf evidence = { 0 };
	limits_init(&limits);
	diagnose(snap, history, &limits, &options, &report);
	for (size_t i = 0; i < snap->socket_count; i++) {
		struct derived d;
		derive(&report, (uint32_t)i, &d);
		verdict_evidence(&report, (uint32_t)i, &evidence);
	}
	series_update(series, &report);
	series_free(series);
	strbuf_clear(&evidence);
	report_clear(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snapshot snap = { 0 };
	struct intake in = { 0 };
	struct error err = { 0 };
	struct history *history = history_new();

	/* The first byte chooses: raw netlink, or a sequence of items. */
	for (int pass = 0; pass < 2 && size; pass++) {
		intake_begin(&in, &snap, NULL);
		if (data[0] & 1) {
			struct item item = { .kind = ITEM_NETLINK,
					     .len = (uint32_t)(size - 1),
					     .data = data + 1 };
			intake_item(&in, &item);
		} else {
			intake_replay(&in, data + 1, size - 1, &err);
		}
		intake_finish(&in);
		history_update(history, &snap);
	}
	diagnose_all(&snap, history);
	intake_clear(&in);
	snapshot_clear(&snap);
	history_free(history);
	return 0;
}
