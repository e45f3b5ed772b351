/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_DIAGNOSE_NEEDS_H
#define CONN_DOCTOR_DIAGNOSE_NEEDS_H

#include "rules.h"

/* Whether what rules need was seen, and the words for it when it was not. */

/*
 * What stands for the whole rule: values of the kernel, addresses of the host, time.
 * Where that is missing the rule must not be asked, and is said to be unknown.
 */
bool needs_are_met(struct report *r, enum finding_kind kind);

/*
 * What is missing of some connections or processes; the rules that were asked have
 * looked at the others. Call it when they have been.
 */
void needs_say_lacks(struct report *r, const bool was_asked[FINDING_KIND_COUNT]);

/* "snd_wnd (Linux 5.4)": a field group for the manual. */
const char *field_words(uint16_t field);
/* "net.ipv4.tcp_max_orphans", "EstabResets of /proc/net/snmp" */
void kernel_value_put(struct strbuf *out, enum kernel_value value);

#endif
