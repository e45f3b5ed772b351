/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_DIAGNOSE_GROWTH_H
#define CONN_DOCTOR_DIAGNOSE_GROWTH_H

#include "finding_groups.h"
#include "trend.h"

/* Trends of a report's counts, and the sentences about them; see find_growth.c. */

/* How a metric of a scope went, its value in this report included. */
bool growth_of(const struct report *r, const struct series_scope *scope,
	       enum series_metric metric, uint32_t now, struct trend *out);

/*
 * Each adds a sentence like "CLOSE_WAIT +12/min over 10m; the limit of 1024
 * descriptors in 40m to 1h5m" when what the finding is about grows; false: it does
 * not, or nobody knows.
 */
bool say_leak_growth(const struct report *r, struct finding *f);
bool say_descriptor_growth(const struct report *r, struct finding *f, size_t process);
bool say_queue_growth(const struct report *r, struct finding *f);

#endif
