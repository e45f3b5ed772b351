/* SPDX-License-Identifier: MIT */

/*
 * The tables of keys of [target NAME], [check CODE] and [ignore]: as config_keys.c
 * for [main] and [limits]. The defaults of what stands in front are those of its
 * vendor's documentation; domain-facts 2.3 and 2.7 name the pages.
 */
#include "policy_keys.h"

#define SECONDS(n) LIMIT_SECONDS(n)

const struct front_info front_table[FRONT_COUNT] = {
#define X(id, word, name, idle, response, is_layer4, idle_name) \
	{ word, name, SECONDS(idle), SECONDS(response), is_layer4, idle_name },
	FRONTS(X)
#undef X
};

static const char *const front_words[] = {
#define X(id, word, ...) word,
	FRONTS(X)
#undef X
		NULL
};

static const char *const protocol_words[] = {
	[PROTOCOL_PUSH] = "push",
	[PROTOCOL_REQUEST_RESPONSE] = "request-response",
	NULL,
};

static const char *const switch_words[] = { "no", "yes", NULL };

#define NUMBER(name_, unit_, min_, max_, example_, help_, reason_)                    \
	{                                                                             \
		.section = "target NAME", .name = name_, .kind = POLICY_NUMBER,       \
		.unit = LIMIT_##unit_, .min = min_, .max = max_, .example = example_, \
		.help = help_, .reason = reason_                                      \
	}
#define DURATION(name_, example_, help_, reason_) \
	NUMBER(name_, DURATION, 1, SECONDS(365 * 24 * 3600), example_, help_, reason_)
#define COUNT(name_, example_, help_, reason_) \
	NUMBER(name_, COUNT, 1, 100000000, example_, help_, reason_)
#define WORD(name_, words_, example_, help_, reason_)                                  \
	{                                                                              \
		.section = "target NAME", .name = name_, .kind = POLICY_WORD,          \
		.words = words_, .example = example_, .help = help_, .reason = reason_ \
	}

const struct policy_key target_key_table[TARGET_KEY_COUNT] = {
	[TARGET_FILTER] = { .section = "target NAME",
			    .name = "filter",
			    .kind = POLICY_FILTER,
			    .example = "sport = :30020",
			    .help = "the connections that are meant; the first target "
				    "that "
				    "matches counts",
			    .reason = "without it nothing is meant, so it must be "
				      "there" },
	[TARGET_PROTOCOL] =
		WORD("protocol", protocol_words, "request-response",
		     "push: either side may send at any time; request-response: each "
		     "request gets a reply",
		     "decides whether silence after a request is a reply that is owed"),
	[TARGET_HEARTBEAT] = DURATION(
		"heartbeat", "20s", "the longest time between two signs of life",
		"with pong: how long a living peer may be silent"),
	[TARGET_PONG] =
		DURATION("pong", "20s",
			 "how long a sign of life may be late, or its answer take",
			 "detection takes heartbeat + pong"),
	[TARGET_PATIENCE] =
		DURATION("patience", "60s", "how long users wait before they go away",
			 "heartbeat + pong should be below it (R3)"),
	[TARGET_PEER_LIMIT] =
		COUNT("peer-limit", "100", "connections that one peer address may hold",
		      "more are a warning; proxies belong in [ignore]"),
	[TARGET_FRONT] =
		WORD("front", front_words, "alb",
		     "what stands in front and keeps connections to the target",
		     "says the defaults of front-idle and front-response"),
	[TARGET_FRONT_IDLE] =
		DURATION("front-idle", "60s",
			 "idle time after which the front drops a connection",
			 "the server must keep it for longer (R1)"),
	[TARGET_FRONT_RESPONSE] =
		DURATION("front-response", "60s",
			 "how long the front waits for a response (proxy_read_timeout)",
			 "above the handler's deadline, below the client's (R4, R7)"),
	[TARGET_SERVER_IDLE] =
		DURATION("server-idle", "75s",
			 "idle time after which the server closes (its keep-alive)",
			 "where the server's flags do not show it (R1)"),
	[TARGET_HEADER_TIMEOUT] =
		DURATION("header-timeout", "60s",
			 "how long a request's headers may take, at front or server",
			 "without one a slow client holds a connection for ever (R13)"),
	[TARGET_CLIENT_TIMEOUT] = DURATION(
		"client-timeout", "65s", "deadline of the client for a request",
		"deadlines shrink from the client inwards (R7)"),
	[TARGET_HANDLER_TIMEOUT] = DURATION(
		"handler-timeout", "55s", "deadline of the application for a request",
		"below the front's, above the statement's (R7, R8)"),
	[TARGET_STATEMENT_TIMEOUT] = DURATION("statement-timeout", "50s",
					      "deadline of a statement in the database",
					      "the innermost deadline ends first (R7)"),
	[TARGET_POOL_SIZE] =
		COUNT("pool-size", "15", "connections a process of the pool may open",
		      "so many connections mean that the pool is used up (R8)"),
	[TARGET_POOL_WAIT] =
		DURATION("pool-wait", "5s", "how long a request waits for the pool",
			 "must be below the request's deadline (R8)"),
	[TARGET_POOL_IDLE] = DURATION("pool-idle", "30s",
				      "idle time after which the client's pool closes",
				      "who reuses connections gives up first (R1)"),
	[TARGET_POOL_LIFETIME] = DURATION(
		"pool-lifetime", "5m", "age at which the pool replaces a connection",
		"must be below every idle limit on the path (R9)"),
	[TARGET_POOL_PROCESSES] =
		COUNT("pool-processes", "4", "processes that have such a pool",
		      "pool-size times this is what the database sees (R8)"),
	[TARGET_DATABASE_CONNECTIONS] =
		COUNT("database-connections", "100",
		      "connections the database accepts (max_connections)",
		      "all pools together must stay below it (R8)"),
	[TARGET_DATABASE_IDLE] =
		DURATION("database-idle", "8h",
			 "idle time after which the database closes (wait_timeout)",
			 "must be above pool-lifetime (R9)"),
	[TARGET_AMQP_HEARTBEAT] =
		DURATION("amqp-heartbeat", "20s", "heartbeat of the message broker",
			 "a blocking handler must end within two of them "
			 "(R10)"),
	[TARGET_GROUP_EXPIRY] =
		DURATION("group-expiry", "1d", "group_expiry of Django Channels",
			 "must not be below websocket-timeout (R11)"),
	[TARGET_WEBSOCKET_TIMEOUT] =
		DURATION("websocket-timeout", "1d", "--websocket_timeout of daphne",
			 "must not be above group-expiry (R11)"),
	[TARGET_LONGEST_REQUEST] =
		DURATION("longest-request", "20s", "how long a normal request may take",
			 "must end within server-grace (R12)"),
	[TARGET_SERVER_GRACE] =
		DURATION("server-grace", "25s",
			 "how long the server waits for requests when it stops",
			 "must be below shutdown-grace (R12)"),
	[TARGET_SHUTDOWN_GRACE] = DURATION(
		"shutdown-grace", "30s", "time until the orchestrator kills the server",
		"must be above server-grace (R12)"),
};

#define RANGE(name_, example_, help_, reason_)                                \
	{                                                                     \
		.section = "check CODE", .name = name_, .kind = POLICY_RANGE, \
		.example = example_, .help = help_, .reason = reason_         \
	}
#define CHECK_DURATION(name_, example_, help_, reason_)                        \
	{                                                                      \
		.section = "check CODE", .name = name_, .kind = POLICY_NUMBER, \
		.unit = LIMIT_DURATION, .min = 0, .max = LIMIT_WEEK,           \
		.example = example_, .help = help_, .reason = reason_          \
	}

const struct policy_key check_key_table[CHECK_KEY_COUNT] = {
	[CHECK_WARNING] = RANGE("warning", "~:10",
				"the finding's value outside this range is a warning, "
				"inside only information",
				"replaces the built-in decision between the two"),
	[CHECK_CRITICAL] =
		RANGE("critical", "~:50",
		      "the finding's value outside this range is critical",
		      "replaces the built-in decision; a mere suspicion stays "
		      "a warning"),
	[CHECK_ENABLED] = { .section = "check CODE",
			    .name = "enabled",
			    .kind = POLICY_WORD,
			    .words = switch_words,
			    .example = "yes",
			    .help = "no: the finding is not made, and the report says "
				    "so",
			    .reason = "what is switched off must not look healthy" },
	[CHECK_FOR] = CHECK_DURATION(
		"for", "1m", "how long it must last before it counts as open",
		"with --state, and then instead of the limit open-for"),
	[CHECK_RECOVER] = CHECK_DURATION(
		"recover", "5m", "how long it must be gone before it counts as closed",
		"with --state, and then instead of the limit close-after"),
};

const struct policy_key ignore_key_table[IGNORE_KEY_COUNT] = {
	[IGNORE_PROXIES] = { .section = "ignore",
			     .name = "proxies",
			     .kind = POLICY_ADDRESSES,
			     .example = "10.0.0.5, 10.1.0.0/24",
			     .help = "peers that speak for many: too-many-per-peer "
				     "does not "
				     "count theirs",
			     .reason =
				     "once they are named, any other peer with a large "
				     "share is a warning" },
	[IGNORE_ADDRESSES] = { .section = "ignore",
			       .name = "addresses",
			       .kind = POLICY_ADDRESSES,
			       .example = "192.0.2.10, 2001:db8::/64",
			       .help = "connections from or to these are left out, and "
				       "counted as left out",
			       .reason = "for health checks, backups and the like" },
};

static const char *const check_codes[FINDING_KIND_COUNT] = {
#define X(id, code) [FINDING_##id] = code,
	FINDINGS(X)
#undef X
};

const char *policy_check_code(size_t i)
{
	return i < FINDING_KIND_COUNT ? check_codes[i] : NULL;
}
