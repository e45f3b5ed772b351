/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_POLICY_H
#define CONN_DOCTOR_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn-doctor/error.h"
#include "conn-doctor/filter.h"
#include "conn-doctor/limits.h"
#include "conn-doctor/report.h"
#include "conn-doctor/strbuf.h"

/*
 * What the user declared besides limits, in the sections [target NAME],
 * [check CODE] and [ignore] of the configuration: facts about the services that
 * no socket shows, and what to make of the findings. The configuration fills it,
 * diagnose only reads it. Durations are milliseconds, as in limits.h.
 */

/* A value and where it was written. The path belongs to the configuration. */
struct declared {
	bool is_set;
	uint64_t value;
	const char *path;
	unsigned line;
};

/* Appends "declared in FILE:LINE", safe on a terminal. */
void declared_print(const struct declared *d, struct strbuf *out);

/* How the value of a key is written. */
enum policy_kind {
	POLICY_NUMBER, /* a unit of limits.h, in [min, max] */
	POLICY_WORD,   /* the value is the index into `words` */
	POLICY_FILTER,
	POLICY_RANGE,
	POLICY_ADDRESSES, /* ADDR[/LEN], ...; indented lines continue it */
};

struct policy_key {
	const char *section; /* as a header is written: "target NAME" */
	const char *name;
	enum policy_kind kind;
	enum limit_unit unit;
	uint64_t min, max;
	const char *const *words; /* ends with NULL */
	const char *example;
	const char *help;
	const char *reason; /* what it is good for, or what holds without it */
};

/* A value of a POLICY_NUMBER, with its unit. */
char *policy_print_number(const struct policy_key *key, uint64_t value,
			  char out[static 32]);

/* What stands in front of a target, and the defaults of its kind (0 = none known). */
#define FRONTS(X)                                                                     \
	/* id, word, name, idle and response in seconds, is layer 4, idle is */       \
	X(NONE, "none", "nothing", 0, 0, false, "")                                   \
	X(ALB, "alb", "ALB", 60, 60, false, "idle timeout")                           \
	X(CLB, "clb", "CLB", 60, 60, false, "idle timeout")                           \
	X(NLB, "nlb", "NLB", 350, 0, true, "idle timeout")                            \
	X(NGINX, "nginx", "nginx", 60, 60, false, "keepalive_timeout in upstream {}") \
	X(INGRESS_NGINX, "ingress-nginx", "ingress-nginx", 60, 60, false,             \
	  "upstream-keepalive-timeout")                                               \
	X(HAPROXY, "haproxy", "HAProxy", 0, 0, false, "")                             \
	X(ENVOY, "envoy", "Envoy", 3600, 15, false, "upstream idle_timeout")          \
	X(TRAEFIK, "traefik", "Traefik", 90, 0, false, "idleConnTimeout")             \
	X(CADDY, "caddy", "Caddy", 120, 0, false, "keepalive of its pool")            \
	X(APACHE, "apache", "Apache", 0, 60, false, "")                               \
	X(CLOUDFLARE, "cloudflare", "Cloudflare", 900, 120, false,                    \
	  "idle timeout to the origin")                                               \
	X(GCP_LB, "gcp-lb", "GCP LB", 600, 30, false, "backend keepalive")            \
	X(AZURE_LB, "azure-lb", "Azure LB", 240, 0, true, "idle timeout")             \
	X(AWS_NAT, "aws-nat", "AWS NAT gateway", 350, 0, true, "idle timeout")        \
	X(AZURE_NAT, "azure-nat", "Azure NAT gateway", 240, 0, true, "idle timeout")  \
	X(GCP_NAT, "gcp-nat", "GCP Cloud NAT", 1200, 0, true, "idle timeout")         \
	X(NAT, "nat", "NAT", 0, 0, true, "")

enum front {
#define X(id, ...) FRONT_##id,
	FRONTS(X)
#undef X
		FRONT_COUNT
};

struct front_info {
	const char *word, *name;
	uint64_t idle_ms; /* towards the service, 0 = none known: must be declared */
	uint64_t response_ms;  /* how long it waits for the service, 0 = none known */
	bool is_layer4;        /* TCP keepalive counts as traffic (rule R5) */
	const char *idle_name; /* how its own documentation calls idle_ms */
};
extern const struct front_info front_table[FRONT_COUNT];

enum protocol { PROTOCOL_PUSH, PROTOCOL_REQUEST_RESPONSE };

enum target_key {
	TARGET_FILTER, /* no value: target->filter */
	TARGET_PROTOCOL,
	TARGET_HEARTBEAT,
	TARGET_PONG,
	TARGET_PATIENCE,
	TARGET_PEER_LIMIT,
	TARGET_FRONT,
	TARGET_FRONT_IDLE,
	TARGET_FRONT_RESPONSE,
	TARGET_SERVER_IDLE,
	TARGET_HEADER_TIMEOUT,
	TARGET_CLIENT_TIMEOUT,
	TARGET_HANDLER_TIMEOUT,
	TARGET_STATEMENT_TIMEOUT,
	TARGET_POOL_SIZE,
	TARGET_POOL_WAIT,
	TARGET_POOL_IDLE,
	TARGET_POOL_LIFETIME,
	TARGET_POOL_PROCESSES,
	TARGET_DATABASE_CONNECTIONS,
	TARGET_DATABASE_IDLE,
	TARGET_AMQP_HEARTBEAT,
	TARGET_GROUP_EXPIRY,
	TARGET_WEBSOCKET_TIMEOUT,
	TARGET_LONGEST_REQUEST,
	TARGET_SERVER_GRACE,
	TARGET_SHUTDOWN_GRACE,
	TARGET_KEY_COUNT,
};
extern const struct policy_key target_key_table[TARGET_KEY_COUNT];

enum { TARGETS_MAX = 64, TARGET_NAME_MAX = 40 };

/* [target NAME]: some connections, and what was declared about them. */
struct target {
	char *name;
	struct filter *filter; /* NULL: not declared, or wrong; then it selects none */
	struct declared values[TARGET_KEY_COUNT];
	const char *path; /* of the last header with this name */
	unsigned line;
	bool is_filter_wrong; /* which has been said */
};

/*
 * The value, or false when it is not known. `origin` (may be NULL) is appended
 * where the value came from: "declared in FILE:LINE" or "ALB's default".
 */
bool target_value(const struct target *t, enum target_key key, uint64_t *out,
		  struct strbuf *origin);
/* The same with the default of what stands in front. */
bool target_front_idle(const struct target *t, uint64_t *out_ms, struct strbuf *origin);
bool target_front_response(const struct target *t, uint64_t *out_ms,
			   struct strbuf *origin);
/* NULL: not declared. */
const struct front_info *target_front(const struct target *t);
/* Heartbeat + pong: how long a living peer may be silent. Both must be declared. */
bool target_silence(const struct target *t, uint64_t *out_ms, struct strbuf *origin);
bool target_is(const struct target *t, enum protocol protocol);

/*
 * A range of the monitoring plugins, `[@]start:end`: a value outside alerts, with
 * `@` one inside; both ends belong to it. `10` is 0:10, `10:` has no end, `~:10`
 * no start.
 */
enum range_unit { RANGE_PLAIN, RANGE_SECONDS, RANGE_RATIO };

struct range {
	double start, end; /* -INFINITY and INFINITY: none */
	bool is_inside;
	enum range_unit unit; /* `10s:2m` are seconds, `~:70%` is a ratio */
};

int range_parse(const char *text, struct range *out, struct error *err);
/* As range_parse() takes it back. */
enum { RANGE_TEXT_SIZE = 136 };
char *range_print(const struct range *range, char out[static RANGE_TEXT_SIZE]);
bool range_alerts(const struct range *range, double value);
/* Whether it speaks of values in that unit (of finding.unit). */
bool range_fits(const struct range *range, const char *unit);

enum check_key {
	CHECK_WARNING,
	CHECK_CRITICAL,
	CHECK_ENABLED,
	CHECK_FOR,
	CHECK_RECOVER,
	CHECK_KEY_COUNT,
	CHECK_RANGE_COUNT = CHECK_CRITICAL + 1,
};
extern const struct policy_key check_key_table[CHECK_KEY_COUNT];

/* [check CODE]: what to make of a finding. */
struct check {
	struct declared values[CHECK_KEY_COUNT]; /* of a range only the origin */
	struct range ranges[CHECK_RANGE_COUNT];
};

bool check_is_enabled(const struct check *c);

/* An address or a network. */
struct address_block {
	struct ip_address address;
	uint8_t prefix_len; /* of the 128 bits of ip_address */
	uint8_t ip_version;
};

struct address_list {
	struct address_block *items;
	size_t count, capacity;
	struct declared origin;
};

bool address_list_has(const struct address_list *list, const struct ip_address *ip);

enum ignore_key { IGNORE_PROXIES, IGNORE_ADDRESSES, IGNORE_KEY_COUNT };
extern const struct policy_key ignore_key_table[IGNORE_KEY_COUNT];

struct policy {
	struct target *targets; /* the first one whose filter matches counts */
	size_t target_count, target_capacity;
	struct check checks[FINDING_KIND_COUNT];
	struct address_list ignore[IGNORE_KEY_COUNT];
};

void policy_clear(struct policy *p);

/* Looks up the names in the filters of the targets; the error names FILE:LINE. */
int policy_resolve(const struct policy *p, const struct filter_resolver *resolver,
		   struct error *err);

/*
 * Calls `line` for each declared value, as a file would give it and safe on a
 * terminal; `section` is "target api".
 */
typedef void policy_line(void *context, const char *section, const char *key,
			 const char *value, const struct declared *origin);
void policy_each(const struct policy *p, policy_line *line, void *context);

#endif
