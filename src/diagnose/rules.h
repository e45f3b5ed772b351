/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_DIAGNOSE_RULES_H
#define CONN_DOCTOR_DIAGNOSE_RULES_H

#include "finding_groups.h"

/*
 * Each kind of finding is a row: what it looks at, what it cannot do without, and
 * the limits that decide. Needs are looked at in one place, rules_run(), so that
 * a rule never takes what was not seen for health: it is said to be unknown.
 */

/* What a rule may need beside fields of its rows and values of the kernel. */
#define RULE_NEEDS(X)                                                              \
	/* id, words for the manual */                                             \
	X(OWNERS, "the process behind each socket")                                \
	X(SERVERS, "the processes of the services")                                \
	X(DESCRIPTORS, "descriptor counts and limits of the processes")            \
	X(COMMAND_LINES, "command lines of the processes")                         \
	X(HOST_ADDRESSES, "the addresses of this host")                            \
	X(DROPS, "drops of the listener at two passes, where its queue fills up")  \
	X(RATE, "two passes, reset-window apart")                                  \
	X(TREND, "trend-points samples over trend-window")                         \
	X(PONG, "pong of each target that declares heartbeat")                     \
	X(PAIR, "both values of a pair, from flags, configuration or declaration") \
	X(POOL_OWNER, "the process of a declared pool")                            \
	X(FLAGS, "command lines that no title of the process hides")

enum rule_need {
#define X(id, words) NEED_##id##_INDEX,
	RULE_NEEDS(X)
#undef X
		RULE_NEED_COUNT
};
enum {
#define X(id, words) NEED_##id = 1 << NEED_##id##_INDEX,
	RULE_NEEDS(X)
#undef X
};
extern const char *const rule_need_words[RULE_NEED_COUNT];

enum { RULE_LIMITS_MAX = 12 };

struct finding_rule {
	uint32_t verdicts; /* connections with these it is about, 1 << verdict */
	uint16_t fields;   /* enum tcp_socket_has, of the rows `looks_at` tells */
	uint16_t needs;    /* NEED_... */
	uint32_t kernel;   /* 1 << enum kernel_value */
	enum limit_id limits[RULE_LIMITS_MAX]; /* ends with LIMITS_END */
	/* Whether there is anything to look at; without it, nothing is missed. */
	bool (*applies)(const struct report *r);
	/* Rows it would look at itself, as far as their fields tell. */
	bool (*looks_at)(const struct report *r, uint32_t row);
	/* One of them: for each group of complaints, or once for the report. */
	finder *find;
	survey *look;
};

extern const struct finding_rule finding_rules[FINDING_KIND_COUNT];

/* Fields the rule needs, those of its verdicts included. */
uint16_t finding_rule_fields(enum finding_kind kind);

/*
 * What the rule needs, in words for the manual, one to a call: the next one from
 * *index on, or NULL after the last. *index begins with 0.
 */
const char *finding_rule_need(enum finding_kind kind, size_t *index,
			      struct strbuf *out);

/* Asks all rules, and says what could not be asked, and why. */
void rules_run(struct report *r);

#endif
