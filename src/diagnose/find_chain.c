/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/strbuf.h"

#include "chain.h"

/*
 * Timeouts that stand in the wrong order (rules R1 to R13 of domain-facts.md 4). A
 * rule is asked where both sides are known; where one is and the other cannot be
 * seen, that is said; where nobody has the other, the rule does not apply.
 */
struct rule {
	const char *id;
	enum chain_value left, right;
	bool may_equal; /* left <= right is in order, else left < right */
	bool is_of_hop; /* about what stands in front */
	enum severity severity;
	const char *symptom, *remedy; /* R1 words its own */
};

enum { BELOW = false, UP_TO = true, OF_HOP = true, OF_TARGET = false };

/* What several pairs of one rule have in common. */
static const char beat_twice[] =
	"send heartbeats at least twice within the idle timeout in front";
static const char raise_read_timeout[] =
	"raise the read timeout in front above two heartbeats (nginx: "
	"proxy_read_timeout), or ping more often";
static const char keepalive_is_no_traffic[] =
	"TCP keepalive is no traffic for a proxy: it cuts the silent stream";
static const char send_heartbeat[] =
	"send a heartbeat in the stream, and declare it (heartbeat = 20s)";
static const char set_user_timeout[] =
	"set TCP_USER_TIMEOUT to about keepalive idle + interval x count";
static const char wait_less[] =
	"wait for the pool less long, for instance pool_timeout=5 (SQLAlchemy)";
static const char consumer_dropped[] =
	"the broker drops a consumer whose handler blocks";
static const char work_in_thread[] =
	"work in a thread, or call process_data_events() (pika)";

static const struct rule rules[] = {
	{ "R1", CHAIN_HOP_IDLE, CHAIN_SERVER_IDLE, BELOW, OF_HOP, SEVERITY_WARNING,
	  NULL, NULL },
	{ "R2", CHAIN_HEARTBEAT, CHAIN_HOP_SILENCE, BELOW, OF_HOP, SEVERITY_WARNING,
	  "a silent connection is cut between two heartbeats", beat_twice },
	{ "R2", CHAIN_TWO_HEARTBEATS, CHAIN_HOP_SILENCE, UP_TO, OF_HOP, SEVERITY_INFO,
	  "one late heartbeat and the connection is cut", beat_twice },
	{ "R3", CHAIN_DETECTION, CHAIN_PATIENCE, BELOW, OF_TARGET, SEVERITY_INFO,
	  "a dead peer is noticed after its users have left",
	  "ping more often, or shorten the pong deadline" },
	{ "R4", CHAIN_HEARTBEAT, CHAIN_HOP_STREAM, BELOW, OF_HOP, SEVERITY_WARNING,
	  "a WebSocket or stream is cut between two heartbeats", raise_read_timeout },
	{ "R4", CHAIN_TWO_HEARTBEATS, CHAIN_HOP_STREAM, BELOW, OF_HOP, SEVERITY_INFO,
	  "one late heartbeat and the stream is cut", raise_read_timeout },
	{ "R5", CHAIN_SILENT_STREAM, CHAIN_HOP_SILENCE, BELOW, OF_HOP, SEVERITY_INFO,
	  keepalive_is_no_traffic, send_heartbeat },
	{ "R5", CHAIN_SILENT_STREAM, CHAIN_HOP_STREAM, BELOW, OF_HOP, SEVERITY_INFO,
	  keepalive_is_no_traffic, send_heartbeat },
	{ "R6", CHAIN_KEEPALIVE_IDLE, CHAIN_USER_TIMEOUT, BELOW, OF_TARGET,
	  SEVERITY_INFO, "one lost keepalive probe ends a healthy connection",
	  set_user_timeout },
	{ "R6", CHAIN_USER_TIMEOUT, CHAIN_KEEPALIVE_DOUBLE, UP_TO, OF_TARGET,
	  SEVERITY_INFO,
	  "it overrides the keepalive count: a dead peer is noticed late",
	  set_user_timeout },
	{ "R7", CHAIN_STATEMENT_TIMEOUT, CHAIN_HANDLER_TIMEOUT, BELOW, OF_TARGET,
	  SEVERITY_WARNING, "statements run on after their request has ended",
	  "set statement_timeout below the handler's deadline" },
	{ "R7", CHAIN_HANDLER_TIMEOUT, CHAIN_HOP_RESPONSE, BELOW, OF_HOP,
	  SEVERITY_WARNING, "504 from the front while the handler still works",
	  "end the handler first (asyncio.timeout), or raise the front's response "
	  "timeout" },
	{ "R7", CHAIN_STATEMENT_TIMEOUT, CHAIN_HOP_RESPONSE, BELOW, OF_HOP,
	  SEVERITY_WARNING, "504 from the front while the statement still runs",
	  "set statement_timeout below the front's response timeout" },
	{ "R7", CHAIN_HOP_RESPONSE, CHAIN_CLIENT_TIMEOUT, BELOW, OF_HOP,
	  SEVERITY_WARNING, "the client gives up before the front answers for it",
	  "raise the client's deadline above the front's response timeout" },
	{ "R7", CHAIN_HANDLER_TIMEOUT, CHAIN_CLIENT_TIMEOUT, BELOW, OF_TARGET,
	  SEVERITY_WARNING, "handlers work on for clients that have left",
	  "end the handler before its client gives up" },
	{ "R8", CHAIN_POOL_WAIT, CHAIN_HANDLER_TIMEOUT, BELOW, OF_TARGET,
	  SEVERITY_WARNING, "a full pool uses up the deadline: requests hang, not fail",
	  wait_less },
	{ "R8", CHAIN_POOL_WAIT, CHAIN_CLIENT_TIMEOUT, BELOW, OF_TARGET,
	  SEVERITY_WARNING, "the client has left before the pool answers", wait_less },
	{ "R8", CHAIN_POOL_WAIT, CHAIN_HOP_RESPONSE, BELOW, OF_HOP, SEVERITY_WARNING,
	  "504 from the front while the request waits for the pool", wait_less },
	{ "R8", CHAIN_POOL_TOTAL, CHAIN_DATABASE_CONNECTIONS, BELOW, OF_TARGET,
	  SEVERITY_WARNING, "\"sorry, too many clients\": nothing is left for others",
	  "make pool-size x processes smaller than max_connections minus its reserve" },
	{ "R9", CHAIN_POOL_AGE, CHAIN_DATABASE_IDLE, BELOW, OF_TARGET, SEVERITY_WARNING,
	  "the pool hands out connections that the database has closed",
	  "let the pool replace connections earlier (pool_recycle, maxLifetime)" },
	{ "R9", CHAIN_POOL_AGE, CHAIN_HOP_SILENCE, BELOW, OF_HOP, SEVERITY_WARNING,
	  "the path forgets idle connections without a word; the next query hangs",
	  "let the pool replace connections earlier, or turn TCP keepalive on" },
	{ "R10", CHAIN_HANDLER_TIMEOUT, CHAIN_AMQP_TWO, BELOW, OF_TARGET,
	  SEVERITY_WARNING, consumer_dropped, work_in_thread },
	{ "R10", CHAIN_LONGEST_REQUEST, CHAIN_AMQP_TWO, BELOW, OF_TARGET,
	  SEVERITY_WARNING, consumer_dropped, work_in_thread },
	{ "R11", CHAIN_WEBSOCKET_TIMEOUT, CHAIN_GROUP_EXPIRY, UP_TO, OF_TARGET,
	  SEVERITY_WARNING, "an open WebSocket silently leaves its groups",
	  "set group_expiry to at least --websocket_timeout" },
	{ "R12", CHAIN_SERVER_GRACE, CHAIN_SHUTDOWN_GRACE, BELOW, OF_TARGET,
	  SEVERITY_WARNING, "at a stop the server is killed with requests in it",
	  "uvicorn --timeout-graceful-shutdown, gunicorn --graceful-timeout: below the "
	  "orchestrator's grace" },
	{ "R12", CHAIN_LONGEST_REQUEST, CHAIN_SERVER_GRACE, BELOW, OF_TARGET,
	  SEVERITY_WARNING, "at a stop normal requests are cut",
	  "give the server more grace than the longest normal request takes" },
	{ "R13", CHAIN_HEADER_TIMEOUT, CHAIN_FOREVER, BELOW, OF_TARGET, SEVERITY_INFO,
	  "a client that sends no request is held for ever",
	  "put a proxy with a header timeout in front (nginx: client_header_timeout)" },
};
enum { RULE_COUNT = sizeof(rules) / sizeof(*rules) };

/* Layer 4 counts TCP keepalive as traffic: then nothing there is ever silent. */
static bool is_kept_alive(const struct chain *c, double within_s)
{
	size_t count = 0;
	if (c->service) {
		const struct detection *d = &c->service->detection;
		return d->count && !d->never_count && !d->unknown_count &&
		       d->idle_ms >= 0 && (double)d->idle_ms / 1000 < within_s;
	}
	for (size_t i = 0; i < c->r->snap->socket_count; i++) {
		struct derived d;
		if (c->r->snap->sockets[i].state != TCP_STATE_ESTABLISHED ||
		    report_target_of(c->r, (uint32_t)i) != c->target)
			continue;
		derive(c->r, (uint32_t)i, &d);
		if (d.keepidle_ms < 0 || (double)d.keepidle_ms / 1000 >= within_s)
			return false;
		count++;
	}
	return count > 0;
}

static bool applies(const struct chain *c, const struct rule *rule)
{
	bool is_layer4 = c->hop.front && c->hop.front->is_layer4;
	double limit = c->facts[rule->right].amount;
	if (rule->is_of_hop != (c->hop.kind != HOP_NONE))
		return false;
	/* A service's own front says nothing about the pool it calls others with. */
	if (rule->left == CHAIN_POOL_AGE && rule->is_of_hop &&
	    (c->service || !is_layer4))
		return false;
	return !(is_layer4 && rule->right == CHAIN_HOP_SILENCE &&
		 is_kept_alive(c, limit));
}

static bool is_violated(const struct chain *c, const struct rule *rule)
{
	const struct chain_fact *left = &c->facts[rule->left];
	const struct chain_fact *right = &c->facts[rule->right];
	if (left->known != CHAIN_KNOWN || right->known != CHAIN_KNOWN ||
	    !applies(c, rule))
		return false;
	return rule->may_equal ? left->amount > right->amount
			       : left->amount >= right->amount;
}

static void say_hidden(struct report *r, const struct chain *c, const struct rule *rule)
{
	const struct chain_fact *left = &c->facts[rule->left];
	const struct chain_fact *right = &c->facts[rule->right];
	const struct chain_fact *hidden = left->known == CHAIN_HIDDEN ? left : right;
	bool is_half = (left->known == CHAIN_HIDDEN && right->known == CHAIN_KNOWN) ||
		       (left->known == CHAIN_KNOWN && right->known == CHAIN_HIDDEN);
	if (is_half && applies(c, rule))
		add_unknown(r, FINDING_TIMEOUT_CHAIN, "%s: %s", rule->id,
			    hidden->origin);
}

static char *amount_text(const struct chain *c, enum chain_value v, struct strbuf *out)
{
	strbuf_reset(out);
	chain_amount_put(v, c->facts[v].amount, out);
	return out->text;
}

/* How the race shows in the words of the one who loses it. */
static const char *race_symptom(const struct chain_hop *hop)
{
	if (hop->kind == HOP_NGINX || hop->front == &front_table[FRONT_NGINX] ||
	    hop->front == &front_table[FRONT_INGRESS_NGINX])
		return "502, and \"upstream prematurely closed connection\" in nginx's "
		       "error log";
	if (hop->kind == HOP_CLIENT)
		return "\"socket hang up\" or ECONNRESET in the client";
	if (hop->kind == HOP_POOL)
		return "ECONNRESET, \"Server disconnected\" or an empty reply in the "
		       "client";
	if (hop->front == &front_table[FRONT_APACHE])
		return "502, and \"error reading status line\" in Apache's error log";
	return "502 from the front without a word in the server's log";
}

/* Above the front's idle time, as the vendors' own examples: 60 -> 75, 600 -> 620. */
static double proposed_idle(double front_s)
{
	double margin = front_s <= 60 ? 15 : front_s <= 300 ? 10 : 20;
	return ceil(front_s + margin);
}

/* The setting of the server, in its own words; %s is a number of seconds. */
static const struct {
	const char *stack, *words;
} settings[] = {
	{ "uvicorn", "start uvicorn with --timeout-keep-alive %.0f" },
	{ "gunicorn", "start gunicorn with --keep-alive %.0f" },
	{ "hypercorn", "start hypercorn with --keep-alive %.0f" },
	{ "node",
	  "set server.keepAliveTimeout = %.0f000, and headersTimeout above it" },
	{ "nginx",
	  "set keepalive_timeout %.0fs; in the http or server block of nginx" },
	{ "apache", "set KeepAliveTimeout %.0f in Apache" },
	{ "java", "Tomcat: set keepAliveTimeout=\"%.0f000\" on the Connector" },
	{ "haproxy", "set timeout http-keep-alive %.0fs in HAProxy" },
};

static void advise_server(const struct chain *c, struct finding *f)
{
	double idle = proposed_idle(c->facts[CHAIN_HOP_IDLE].amount);
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		if (strcmp(settings[i].stack, stack_server_name(&c->launch)) != 0)
			continue;
		struct strbuf words = { 0 };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		strbuf_addf(&words, settings[i].words, idle);
#pragma GCC diagnostic pop
		add_next(f, "%s", words.text);
		strbuf_clear(&words);
		return;
	}
	add_next(f, "let the server keep idle connections for %.0f s", idle);
}

/* The other way: the side that reuses gives up earlier. */
static void advise_hop(const struct chain *c, struct finding *f)
{
	double server = c->facts[CHAIN_SERVER_IDLE].amount;
	double below = server > 1 ? floor(server - 0.5) : 0;
	if (below < 1)
		return;
	if (c->hop.kind == HOP_NGINX || c->hop.front == &front_table[FRONT_NGINX])
		add_next(f,
			 "or let nginx give up first: keepalive_timeout %.0fs; in its "
			 "upstream {} block",
			 below);
	else if (c->hop.kind == HOP_POOL)
		add_next(f,
			 "or let the pool give up first: an idle time of %.0f s "
			 "(httpx: keepalive_expiry=%.0f)",
			 below, below);
}

static void say_race(const struct chain *c, struct finding *f)
{
	auto_strbuf struct strbuf server = { 0 }, front = { 0 };
	const struct chain_fact *facts = c->facts;
	size_t closed = chain_closed_first(c->r, c->service, c->hop.is_local);
	bool is_client = c->hop.kind == HOP_CLIENT;
	amount_text(c, CHAIN_SERVER_IDLE, &server);
	amount_text(c, CHAIN_HOP_IDLE, &front);
	add_evidence(f, "R1: %s closes an idle connection after %s (%s)",
		     stack_server_name(&c->launch), server.text,
		     facts[CHAIN_SERVER_IDLE].origin);
	add_evidence(f, "R1: %s reuses one that was idle for up to %s%s (%s)",
		     c->hop.name, front.text, is_client ? " or longer" : "",
		     facts[CHAIN_HOP_IDLE].origin);
	add_evidence(f, "a request sent just then is lost, now and then: %s",
		     race_symptom(&c->hop));
	if (c->hop.pooled_count)
		add_evidence(f, "%zu idle connection%s of %s to it now",
			     c->hop.pooled_count, plural(c->hop.pooled_count),
			     c->hop.name);
	if (closed)
		add_evidence(f,
			     "the server closed %zu connection%s first (TIME_WAIT on "
			     "its side)",
			     closed, plural(closed));
	advise_server(c, f);
	advise_hop(c, f);
}

static void say_rule(const struct chain *c, const struct rule *rule, struct finding *f)
{
	auto_strbuf struct strbuf left = { 0 }, right = { 0 };
	if (rule->left == CHAIN_HOP_IDLE) {
		say_race(c, f);
		return;
	}
	amount_text(c, rule->left, &left);
	amount_text(c, rule->right, &right);
	if (rule->right == CHAIN_FOREVER)
		add_evidence(f,
			     "%s: nothing stands in front, and %s has no header "
			     "timeout",
			     rule->id, stack_server_name(&c->launch));
	else
		add_evidence(f, "%s: %s is %s (%s), %s %s %s (%s)", rule->id,
			     chain_values[rule->left].name, left.text,
			     c->facts[rule->left].origin,
			     rule->may_equal ? "above" : "not below",
			     chain_values[rule->right].name, right.text,
			     c->facts[rule->right].origin);
	add_evidence(f, "%s", rule->symptom);
	add_next(f, "%s", rule->remedy);
}

static void summarize(const struct chain *c, const struct rule *rule, struct finding *f)
{
	auto_strbuf struct strbuf left = { 0 }, right = { 0 };
	amount_text(c, rule->left, &left);
	amount_text(c, rule->right, &right);
	if (rule->left == CHAIN_HOP_IDLE)
		set_summary(f,
			    "%s closes idle connections after %s, %s reuses them for "
			    "%s",
			    stack_server_name(&c->launch), right.text, c->hop.name,
			    left.text);
	else if (rule->right == CHAIN_FOREVER)
		set_summary(f, "nothing bounds how long %s waits for a request",
			    stack_server_name(&c->launch));
	else
		set_summary(f, "%s is %s, %s %s", chain_values[rule->left].name,
			    left.text, chain_values[rule->right].name, right.text);
}

/*
 * The left side, which must be below the right one; of R1 what can be changed, the
 * server's keep-alive: that is too low, which no upper limit can say.
 */
static void set_value(const struct chain *c, const struct rule *rule, struct finding *f)
{
	bool is_race = rule->left == CHAIN_HOP_IDLE;
	double value = c->facts[is_race ? rule->right : rule->left].amount;
	double limit = c->facts[rule->right].amount;
	f->unit = chain_values[rule->left].is_count ? "{connection}" : "s";
	f->value = isinf(value) ? NAN : value;
	f->warning = is_race || isinf(limit) ? NAN : limit;
}

static int32_t process_of(const struct chain *c)
{
	if (c->launch.stack)
		return (int32_t)(c->launch.told_by - c->r->snap->processes);
	return c->service && c->service->process_count
		       ? (int32_t)c->service->processes[0]
		       : NO_INDEX;
}

static enum confidence least(enum confidence a, enum confidence b)
{
	return a < b ? a : b;
}

/* A default that the program may have changed only informs, unless it shows. */
static enum severity severity_of(const struct chain *c, const struct rule *rule,
				 enum confidence confidence)
{
	bool is_shown = rule->left == CHAIN_HOP_IDLE &&
			chain_closed_first(c->r, c->service, c->hop.is_local);
	return confidence == CONFIDENCE_SUSPECT && !is_shown ? SEVERITY_INFO
							     : rule->severity;
}

static struct finding *add_chain_finding(struct report *r, const struct chain *c)
{
	struct group g = {
		.kind = FINDING_TIMEOUT_CHAIN,
		.service = c->service ? (int32_t)(c->service - r->services) : NO_INDEX,
		.process = process_of(c),
	};
	struct finding *f = add_finding(r, &g);
	/* The values of this very pair; the texts for all pairs are for `explain`. */
	f->is_remedy_told = true;
	f->severity = SEVERITY_INFO;
	f->confidence = CONFIDENCE_PROVEN;
	f->acts = ACTS_LOCAL_APP;
	snprintf(f->peer, sizeof(f->peer), "%s",
		 c->hop.kind == HOP_NONE ? "" : c->hop.name);
	return f;
}

static void judge(struct report *r, const struct chain *c)
{
	struct finding *f = NULL;
	const char *told = "";
	for (size_t i = 0; i < RULE_COUNT; i++) {
		const struct rule *rule = &rules[i];
		say_hidden(r, c, rule);
		bool is_softer =
			strcmp(rule->id, told) == 0 && rule->severity == SEVERITY_INFO;
		if (!is_violated(c, rule) || is_softer)
			continue;
		enum confidence confidence = least(c->facts[rule->left].confidence,
						   c->facts[rule->right].confidence);
		enum severity severity = severity_of(c, rule, confidence);
		if (!f)
			f = add_chain_finding(r, c);
		if (!f->summary || severity > f->severity) {
			free(f->summary);
			summarize(c, rule, f);
			set_value(c, rule, f);
			f->severity = severity;
			f->confidence = confidence;
		}
		say_rule(c, rule, f);
		told = rule->id;
	}
}

static void judge_hop(struct report *r, const struct service *s, const struct target *t,
		      const struct chain_hop *hop)
{
	struct chain c = { .r = r, .service = s, .target = t };
	if (hop)
		c.hop = *hop;
	chain_resolve(&c);
	judge(r, &c);
	chain_clear(&c);
}

static bool is_judged(const struct report *r, const struct service *s)
{
	for (size_t i = 0; i < s->listener_count; i++)
		if (r->assessments[s->listeners[i]].is_selected)
			return true;
	return s->connection_count > 0;
}

/* A target that is no service, with connections among those selected. */
static bool is_called(const struct report *r, const struct target *t)
{
	if (!*r->filter_text)
		return true;
	for (size_t i = 0; i < r->snap->socket_count; i++)
		if (r->assessments[i].is_selected &&
		    report_target_of(r, (uint32_t)i) == t)
			return true;
	return false;
}

/* Who may stand in front, of the whole host. */
struct fronts {
	struct nginx_upstream *items;
	size_t count;
	bool has_node;
};

static void judge_chain(struct report *r, const struct service *s,
			const struct target *t, const struct fronts *fronts,
			bool is_first)
{
	struct chain_hop hops[CHAIN_HOPS_MAX];
	size_t count = chain_hops(r, s, t, fronts->items, fronts->count,
				  fronts->has_node, hops);
	for (size_t i = 0; i < count; i++)
		judge_hop(r, s, t, &hops[i]);
	judge_hop(r, s, is_first ? t : NULL, NULL);
}

void find_timeout_chains(struct report *r)
{
	bool is_told[TARGETS_MAX] = { false };
	struct fronts fronts = { .has_node = chain_has_node(r) };
	fronts.count = nginx_upstreams(r->snap, &fronts.items);
	for (size_t i = 0; i < r->service_count; i++) {
		const struct service *s = &r->services[i];
		const struct target *t = service_target(r, s);
		bool is_first = t && !is_told[s->target];
		if (!is_judged(r, s))
			continue;
		if (t)
			is_told[s->target] = true;
		judge_chain(r, s, t, &fronts, is_first);
	}
	for (size_t i = 0; r->policy && i < r->policy->target_count; i++) {
		const struct target *t = &r->policy->targets[i];
		if (!is_told[i] && is_called(r, t))
			judge_chain(r, NULL, t, &fronts, true);
	}
	free(fronts.items);
}
