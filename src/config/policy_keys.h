/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_POLICY_KEYS_H
#define CONN_DOCTOR_POLICY_KEYS_H

#include "conn-doctor/policy.h"

/*
 * Sets one value from its text; empty means not declared. `origin` holds path and
 * line. A message of several lines shows the place in a filter.
 */
int target_set(struct target *t, enum target_key key, const char *text,
	       const struct declared *origin, struct error *err);
int check_set(struct check *c, enum check_key key, const char *text,
	      const struct declared *origin, struct error *err);
/* With `is_more` the addresses join those that are there. */
int ignore_set(struct address_list *list, const char *text, bool is_more,
	       const struct declared *origin, struct error *err);

/* The target of that name, or a new one; NULL when there are too many. */
struct target *policy_target(struct policy *p, const char *name);
/* FINDING_KIND_COUNT when there is no such finding. */
enum finding_kind policy_check_kind(const char *code);
const char *policy_check_code(size_t i); /* NULL after the last */

#endif
