/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/text.h"

#include "chain.h"

/*
 * Where each value of the chain comes from. A flag that was given is certain; then
 * comes what was declared; then the server's default, where no file can have changed
 * it; then it is hidden. Defaults: domain-facts.md 2.
 */
const struct chain_value_info chain_values[CHAIN_VALUE_COUNT] = {
	[CHAIN_SERVER_IDLE] = { "the server's keep-alive", false },
	[CHAIN_HOP_IDLE] = { "the idle time of reused connections", false },
	[CHAIN_HOP_SILENCE] = { "the idle timeout in front", false },
	[CHAIN_HOP_STREAM] = { "the read timeout in front", false },
	[CHAIN_HOP_RESPONSE] = { "the response timeout in front", false },
	[CHAIN_HEARTBEAT] = { "the heartbeat", false },
	[CHAIN_TWO_HEARTBEATS] = { "twice the heartbeat", false },
	[CHAIN_DETECTION] = { "heartbeat + pong", false },
	[CHAIN_PATIENCE] = { "the users' patience", false },
	[CHAIN_SILENT_STREAM] = { "silence without a heartbeat", false },
	[CHAIN_KEEPALIVE_IDLE] = { "the keepalive idle time", false },
	[CHAIN_KEEPALIVE_DOUBLE] = { "twice keepalive idle + interval x count", false },
	[CHAIN_USER_TIMEOUT] = { "TCP_USER_TIMEOUT", false },
	[CHAIN_CLIENT_TIMEOUT] = { "the client's deadline", false },
	[CHAIN_HANDLER_TIMEOUT] = { "the handler's deadline", false },
	[CHAIN_STATEMENT_TIMEOUT] = { "the statement timeout", false },
	[CHAIN_POOL_WAIT] = { "the wait for the pool", false },
	[CHAIN_POOL_TOTAL] = { "pool size x processes", true },
	[CHAIN_DATABASE_CONNECTIONS] = { "the database's limit", true },
	[CHAIN_POOL_AGE] = { "the age of a pooled connection", false },
	[CHAIN_DATABASE_IDLE] = { "the database's idle timeout", false },
	[CHAIN_AMQP_TWO] = { "twice the AMQP heartbeat", false },
	[CHAIN_WEBSOCKET_TIMEOUT] = { "the WebSocket timeout", false },
	[CHAIN_GROUP_EXPIRY] = { "group_expiry", false },
	[CHAIN_LONGEST_REQUEST] = { "the longest request", false },
	[CHAIN_SERVER_GRACE] = { "the server's grace", false },
	[CHAIN_SHUTDOWN_GRACE] = { "the orchestrator's grace", false },
	[CHAIN_HEADER_TIMEOUT] = { "the header timeout", false },
	[CHAIN_FOREVER] = { "for ever", false },
};

void chain_amount_put(enum chain_value value, double amount, struct strbuf *out)
{
	if (isinf(amount))
		strbuf_add(out, "no limit");
	else if (chain_values[value].is_count)
		strbuf_addf(out, "%.0f connections", amount);
	else if (amount < 1)
		strbuf_addf(out, "%.0f ms", amount * 1000);
	else
		strbuf_addf(out, "%.10g s", amount);
}

/* Takes the text over. A later fact does not replace an earlier one. */
static void set_fact(struct chain *c, enum chain_value v, enum chain_known known,
		     double amount, enum confidence confidence, struct strbuf *origin)
{
	struct chain_fact *fact = &c->facts[v];
	if (fact->known >= known) {
		strbuf_clear(origin);
		return;
	}
	free(fact->origin);
	*fact = (struct chain_fact){ known, amount, confidence, strbuf_steal(origin) };
}

static void know(struct chain *c, enum chain_value v, double amount,
		 enum confidence confidence, const char *origin)
{
	struct strbuf text = { 0 };
	strbuf_add(&text, origin);
	set_fact(c, v, CHAIN_KNOWN, amount, confidence, &text);
}

static void __attribute__((format(printf, 3, 4)))
hide(struct chain *c, enum chain_value v, const char *fmt, ...)
{
	struct strbuf text = { 0 };
	va_list args;
	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	set_fact(c, v, CHAIN_HIDDEN, 0, CONFIDENCE_SUSPECT, &text);
}

static void declare(struct chain *c, enum chain_value v, enum target_key key,
		    double factor)
{
	uint64_t value;
	struct strbuf origin = { 0 };
	double unit = chain_values[v].is_count ? 1 : 1000;
	if (c->target && target_value(c->target, key, &value, &origin))
		set_fact(c, v, CHAIN_KNOWN, (double)value * factor / unit,
			 CONFIDENCE_PROVEN, &origin);
}

/* What one declared key says, and nothing else knows better. */
static void declare_all(struct chain *c)
{
	static const struct {
		enum chain_value value;
		enum target_key key;
		double factor;
	} rows[] = {
		{ CHAIN_HEARTBEAT, TARGET_HEARTBEAT, 1 },
		{ CHAIN_TWO_HEARTBEATS, TARGET_HEARTBEAT, 2 },
		{ CHAIN_PATIENCE, TARGET_PATIENCE, 1 },
		{ CHAIN_CLIENT_TIMEOUT, TARGET_CLIENT_TIMEOUT, 1 },
		{ CHAIN_HANDLER_TIMEOUT, TARGET_HANDLER_TIMEOUT, 1 },
		{ CHAIN_STATEMENT_TIMEOUT, TARGET_STATEMENT_TIMEOUT, 1 },
		{ CHAIN_POOL_WAIT, TARGET_POOL_WAIT, 1 },
		{ CHAIN_DATABASE_CONNECTIONS, TARGET_DATABASE_CONNECTIONS, 1 },
		{ CHAIN_DATABASE_IDLE, TARGET_DATABASE_IDLE, 1 },
		{ CHAIN_AMQP_TWO, TARGET_AMQP_HEARTBEAT, 2 },
		{ CHAIN_GROUP_EXPIRY, TARGET_GROUP_EXPIRY, 1 },
		{ CHAIN_LONGEST_REQUEST, TARGET_LONGEST_REQUEST, 1 },
		{ CHAIN_SHUTDOWN_GRACE, TARGET_SHUTDOWN_GRACE, 1 },
		{ CHAIN_HEADER_TIMEOUT, TARGET_HEADER_TIMEOUT, 1 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		declare(c, rows[i].value, rows[i].key, rows[i].factor);
}

static bool is_stack(const struct chain *c, const char *name)
{
	return c->launch.stack && strcmp(c->launch.stack->name, name) == 0;
}

/* A flag as it was given on the command line. */
static void take_given(struct chain *c, enum chain_value v, enum stack_flag flag,
		       double factor)
{
	const struct flag_value *f = &c->launch.flags[flag];
	if (c->launch.stack && f->origin == FLAG_GIVEN && f->value > 0)
		know(c, v, f->value * factor, CONFIDENCE_PROVEN, "on the command line");
}

static void hide_flags(struct chain *c, enum chain_value v)
{
	hide(c, v, "the flags of %s[%d] are not visible; declare %s in [target NAME]",
	     stack_server_name(&c->launch), c->launch.told_by->pid,
	     v == CHAIN_SERVER_IDLE ? "server-idle" : "the value");
}

/* The default of a flag that is not on the command line, if that is certain. */
static void take_default(struct chain *c, enum chain_value v, enum stack_flag flag)
{
	const struct flag_value *f = &c->launch.flags[flag];
	if (!c->launch.stack || f->origin == FLAG_NONE || f->origin == FLAG_GIVEN)
		return;
	if (f->origin == FLAG_NOT_VISIBLE) {
		hide_flags(c, v);
		return;
	}
	/* These read a file as well, gunicorn even one that nobody names. */
	bool reads_file = is_stack(c, "gunicorn") || is_stack(c, "hypercorn");
	if (reads_file && stack_names_config(&c->launch)) {
		hide(c, v, "%s[%d] reads a file (--config) that may set it",
		     stack_server_name(&c->launch), c->launch.told_by->pid);
		return;
	}
	struct strbuf origin = { 0 };
	strbuf_addf(&origin, "%s's default", stack_server_name(&c->launch));
	set_fact(c, v, CHAIN_KNOWN, f->value,
		 reads_file ? CONFIDENCE_LIKELY : CONFIDENCE_PROVEN, &origin);
}

/* gunicorn's sync workers close after each reply: nothing is reused. */
static bool closes_after_reply(const struct chain *c)
{
	return stack_is_sync(&c->launch) && !stack_names_config(&c->launch);
}

static bool is_port(const char *listen, uint16_t port)
{
	size_t len = strcspn(listen, " ");
	while (len && listen[len - 1] >= '0' && listen[len - 1] <= '9')
		len--;
	unsigned long number = strtoul(listen + len, NULL, 10);
	return number ? number == port : port == 80;
}

/* The first number of `keepalive_timeout 65 60s`. */
static int64_t first_time_ms(const char *value)
{
	char word[32];
	size_t len = strcspn(value, " ");
	if (len >= sizeof(word))
		return -1;
	memcpy(word, value, len);
	word[len] = '\0';
	return nginx_time_ms(word);
}

static void take_nginx_block(struct chain *c, int32_t pid, const char *context,
			     double *least)
{
	enum { INITIAL_MS = 75000 };
	struct nginx_value v =
		nginx_setting(c->r->snap, pid, context, "keepalive_timeout");
	if (v.origin == SETTING_UNKNOWN)
		return;
	int64_t ms = v.setting ? first_time_ms(v.setting->value) : INITIAL_MS;
	if (ms <= 0 || (double)ms / 1000 >= *least)
		return; /* 0: it keeps none */
	*least = (double)ms / 1000;
	struct strbuf origin = { 0 };
	if (v.setting) {
		strbuf_add(&origin, "keepalive_timeout in ");
		text_sanitize(&origin, v.setting->file, strlen(v.setting->file));
		strbuf_addf(&origin, ":%u", v.setting->line);
	} else {
		strbuf_add(&origin, "nginx's default");
	}
	c->facts[CHAIN_SERVER_IDLE].known = CHAIN_ABSENT;
	set_fact(c, CHAIN_SERVER_IDLE, CHAIN_KNOWN, *least, CONFIDENCE_PROVEN, &origin);
}

/* What nginx keeps its own clients for: the smallest of the blocks on this port. */
static void take_nginx_keepalive(struct chain *c)
{
	const struct snapshot *snap = c->r->snap;
	double least = INFINITY;
	bool is_read = false;
	for (size_t i = 0; i < snap->setting_count; i++) {
		const struct server_setting *s = &snap->settings[i];
		for (size_t j = 0; j < c->service->process_count; j++) {
			const struct process *p =
				&snap->processes[c->service->processes[j]];
			if (p->pid != s->pid)
				continue;
			is_read = true;
			if (strcmp(s->name, "listen") == 0 &&
			    is_port(s->value, c->service->port))
				take_nginx_block(c, p->pid, s->context, &least);
		}
	}
	declare(c, CHAIN_SERVER_IDLE, TARGET_SERVER_IDLE, 1);
	if (!is_read)
		hide(c, CHAIN_SERVER_IDLE, "the configuration of nginx was not read");
}

/* Who speaks no HTTP, or closes nothing by itself. */
static bool keeps_for_ever(const struct chain *c)
{
	static const char *const names[] = { "postgresql", "pgbouncer", "redis",
					     "mysql",      "mariadb",   "daphne" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (is_stack(c, names[i]))
			return true;
	return c->launch.stack && c->launch.stack->is_development;
}

static void take_server_idle(struct chain *c)
{
	enum chain_value v = CHAIN_SERVER_IDLE;
	if (is_stack(c, "nginx")) {
		take_nginx_keepalive(c);
		return;
	}
	take_given(c, v, STACK_KEEP_ALIVE, 1);
	if (is_stack(c, "uvicorn"))
		take_default(c, v, STACK_KEEP_ALIVE);
	declare(c, v, TARGET_SERVER_IDLE, 1);
	if (!c->service || closes_after_reply(c) || keeps_for_ever(c))
		return;
	if (is_stack(c, "node"))
		know(c, v, 6, CONFIDENCE_SUSPECT,
		     "Node's default of 5 s + 1 s, if the program does not set "
		     "server.keepAliveTimeout");
	take_default(c, v, STACK_KEEP_ALIVE);
	if (!c->launch.stack || c->launch.flags[STACK_KEEP_ALIVE].origin == FLAG_NONE)
		hide(c, v,
		     "how long %s on port %d keeps idle connections is not visible; "
		     "declare server-idle in [target NAME]",
		     stack_server_name(&c->launch), c->service->port);
}

/*
 * A default that a file or the program may have changed is disproved by a
 * connection that is idle for longer: the last word was the reply.
 */
static void disprove_server_idle(struct chain *c)
{
	enum { SLACK_MS = 2000 };
	struct chain_fact *fact = &c->facts[CHAIN_SERVER_IDLE];
	if (fact->known != CHAIN_KNOWN || fact->confidence == CONFIDENCE_PROVEN ||
	    c->hop.kind == HOP_NONE || !c->service)
		return;
	for (size_t i = 0; i < c->r->snap->socket_count; i++) {
		const struct tcp_socket *sk = &c->r->snap->sockets[i];
		struct derived d;
		if (sk->state != TCP_STATE_ESTABLISHED || !sk->inode ||
		    sk->local_port != c->service->port ||
		    sk->netns != c->service->netns ||
		    c->r->assessments[i].role != ROLE_SERVER)
			continue;
		derive(c->r, (uint32_t)i, &d);
		if (!d.is_quiet || d.turn != TURN_PEER ||
		    (double)d.idle_ms <= fact->amount * 1000 + SLACK_MS)
			continue;
		fact->known = CHAIN_ABSENT;
		hide(c, CHAIN_SERVER_IDLE,
		     "a connection idle for %.0f s shows that the keep-alive of %s is "
		     "not its default; declare server-idle",
		     (double)d.idle_ms / 1000, stack_server_name(&c->launch));
		return;
	}
}

/* Whether an idle time in front is about silence, not about a pool. */
static bool cuts_silence(const struct chain *c)
{
	static const char name[] = "idle timeout";
	return c->target->values[TARGET_FRONT_IDLE].is_set ||
	       (c->hop.front &&
		strncmp(c->hop.front->idle_name, name, sizeof(name) - 1) == 0);
}

static void take_front(struct chain *c)
{
	static const enum front streams[] = { FRONT_NGINX, FRONT_INGRESS_NGINX,
					      FRONT_GCP_LB };
	uint64_t ms;
	struct strbuf origin = { 0 };
	bool is_layer4 = c->hop.front && c->hop.front->is_layer4;
	if (!is_layer4 && target_front_idle(c->target, &ms, &origin))
		set_fact(c, CHAIN_HOP_IDLE, CHAIN_KNOWN, (double)ms / 1000,
			 CONFIDENCE_PROVEN, &origin);
	if (cuts_silence(c) && target_front_idle(c->target, &ms, &origin))
		set_fact(c, CHAIN_HOP_SILENCE, CHAIN_KNOWN, (double)ms / 1000,
			 CONFIDENCE_PROVEN, &origin);
	bool is_stream = c->target->values[TARGET_FRONT_RESPONSE].is_set;
	for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++)
		is_stream |= c->hop.front == &front_table[streams[i]];
	if (target_front_response(c->target, &ms, &origin))
		set_fact(c, CHAIN_HOP_RESPONSE, CHAIN_KNOWN, (double)ms / 1000,
			 CONFIDENCE_PROVEN, &origin);
	if (is_stream && target_front_response(c->target, &ms, &origin))
		set_fact(c, CHAIN_HOP_STREAM, CHAIN_KNOWN, (double)ms / 1000,
			 CONFIDENCE_PROVEN, &origin);
}

static void take_nginx(struct chain *c)
{
	const struct nginx_upstream *u = c->hop.nginx;
	const struct chain_fact *server = &c->facts[CHAIN_SERVER_IDLE];
	double idle = (double)u->idle.ms / 1000;
	/* With such times it makes no difference. */
	bool is_harmless = server->known == CHAIN_KNOWN && idle < server->amount;
	if (u->keepalive == 0)
		; /* each connection is closed after its reply: no race */
	else if (u->idle.ms < 0)
		hide(c, CHAIN_HOP_IDLE,
		     "how long nginx[%d] keeps idle connections to "
		     "port %d is not known",
		     u->pid, u->port);
	else if (u->keepalive > 0 || is_harmless)
		know(c, CHAIN_HOP_IDLE, idle, CONFIDENCE_PROVEN, u->idle.origin);
	else
		hide(c, CHAIN_HOP_IDLE,
		     "whether nginx[%d] keeps connections to port %d is not known: its "
		     "version, or a header that it sets from a variable",
		     u->pid, u->port);
	if (u->read.ms > 0) {
		know(c, CHAIN_HOP_STREAM, (double)u->read.ms / 1000, CONFIDENCE_PROVEN,
		     u->read.origin);
		know(c, CHAIN_HOP_RESPONSE, (double)u->read.ms / 1000,
		     CONFIDENCE_PROVEN, u->read.origin);
	}
}

static void take_hop(struct chain *c)
{
	switch (c->hop.kind) {
	case HOP_FRONT:
		take_front(c);
		break;
	case HOP_NGINX:
		take_nginx(c);
		break;
	case HOP_CLIENT:
		if (!c->hop.is_no_pool)
			know(c, CHAIN_HOP_IDLE, 5, CONFIDENCE_LIKELY,
			     "its global agent's default; one made by hand keeps "
			     "longer");
		break;
	case HOP_POOL:
		declare(c, CHAIN_HOP_IDLE, TARGET_POOL_IDLE, 1);
		break;
	case HOP_NONE:
		break;
	}
}

/* Whether the server pings WebSockets by itself: then streams are not silent. */
static bool has_default_pings(const struct chain *c)
{
	const struct flag_value *f = &c->launch.flags[STACK_WS_PING_INTERVAL];
	return c->launch.stack && f->origin != FLAG_NONE && f->value > 0;
}

static void take_streams(struct chain *c)
{
	uint64_t ms;
	struct strbuf origin = { 0 };
	take_given(c, CHAIN_HEARTBEAT, STACK_WS_PING_INTERVAL, 1);
	take_given(c, CHAIN_TWO_HEARTBEATS, STACK_WS_PING_INTERVAL, 2);
	if (c->target && target_silence(c->target, &ms, &origin))
		set_fact(c, CHAIN_DETECTION, CHAIN_KNOWN, (double)ms / 1000,
			 CONFIDENCE_PROVEN, &origin);
	bool is_layer7 = c->hop.kind == HOP_NGINX ||
			 (c->hop.kind == HOP_FRONT &&
			  !(c->hop.front && c->hop.front->is_layer4));
	bool is_push = c->target && target_is(c->target, PROTOCOL_PUSH) &&
		       c->facts[CHAIN_HEARTBEAT].known == CHAIN_ABSENT &&
		       !has_default_pings(c);
	const struct detection *d = c->service ? &c->service->detection : NULL;
	bool has_keepalive = d && d->count && d->idle_ms >= 0;
	if (is_push && is_layer7 && has_keepalive)
		know(c, CHAIN_SILENT_STREAM, INFINITY, CONFIDENCE_LIKELY,
		     "TCP keepalive is on, and no heartbeat is declared");
}

static void take_keepalive(struct chain *c)
{
	const struct detection *d = c->service ? &c->service->detection : NULL;
	static const char origin[] = "read from the process";
	if (!d || !d->user_timeout_ms)
		return;
	know(c, CHAIN_USER_TIMEOUT, (double)d->user_timeout_ms / 1000,
	     CONFIDENCE_PROVEN, origin);
	know(c, CHAIN_KEEPALIVE_IDLE, (double)d->keepidle_ms / 1000, CONFIDENCE_PROVEN,
	     origin);
	know(c, CHAIN_KEEPALIVE_DOUBLE, 2 * (double)d->keepalive_ms / 1000,
	     CONFIDENCE_PROVEN, origin);
}

/* How many processes hold connections of the target; 0 when owners are not known. */
static size_t processes_seen(const struct chain *c)
{
	enum { SEEN_MAX = 256 };
	int32_t seen[SEEN_MAX];
	size_t count = 0;
	for (size_t i = 0; i < c->r->snap->socket_count && count < SEEN_MAX; i++) {
		uint32_t row = (uint32_t)i;
		size_t j = 0;
		if (c->r->assessments[i].role != ROLE_CLIENT ||
		    report_target_of(c->r, row) != c->target)
			continue;
		int32_t process = process_index(c->r, row);
		while (j < count && seen[j] != process)
			j++;
		if (j == count && process != NO_INDEX)
			seen[count++] = process;
	}
	return count;
}

static void take_pool(struct chain *c)
{
	uint64_t size, number;
	struct strbuf origin = { 0 };
	declare(c, CHAIN_POOL_AGE, TARGET_POOL_LIFETIME, 1);
	/* An idle one is closed before it is old. */
	struct chain_fact *age = &c->facts[CHAIN_POOL_AGE];
	if (age->known == CHAIN_KNOWN && c->target->values[TARGET_POOL_IDLE].is_set &&
	    target_value(c->target, TARGET_POOL_IDLE, &number, NULL) &&
	    (double)number / 1000 < age->amount) {
		age->known = CHAIN_ABSENT;
		declare(c, CHAIN_POOL_AGE, TARGET_POOL_IDLE, 1);
	}
	if (!c->target || !target_value(c->target, TARGET_POOL_SIZE, &size, NULL) ||
	    !c->target->values[TARGET_DATABASE_CONNECTIONS].is_set)
		return;
	if (target_value(c->target, TARGET_POOL_PROCESSES, &number, &origin)) {
		strbuf_addf(&origin, ": %llu x %llu", (unsigned long long)size,
			    (unsigned long long)number);
	} else {
		number = processes_seen(c);
		strbuf_addf(&origin, "declared %llu x %llu processes seen",
			    (unsigned long long)size, (unsigned long long)number);
	}
	if (number)
		set_fact(c, CHAIN_POOL_TOTAL, CHAIN_KNOWN, (double)(size * number),
			 CONFIDENCE_PROVEN, &origin);
	else
		hide(c, CHAIN_POOL_TOTAL,
		     "how many processes have the pool of [target %s] is not known; "
		     "declare pool-processes",
		     c->target->name);
	strbuf_clear(&origin);
}

/* Nothing stands in front, and these wait for a header for ever. */
static void take_header_timeout(struct chain *c)
{
	bool is_bare = c->target && c->service &&
		       target_front(c->target) == &front_table[FRONT_NONE];
	bool is_patient = is_stack(c, "uvicorn") ||
			  (is_stack(c, "gunicorn") && !closes_after_reply(c));
	if (is_bare && is_patient)
		know(c, CHAIN_HEADER_TIMEOUT, INFINITY, CONFIDENCE_PROVEN,
		     "it has no such timeout");
	know(c, CHAIN_FOREVER, INFINITY, CONFIDENCE_PROVEN, "");
}

static void recognise(struct chain *c)
{
	c->launch = (struct launch){ 0 };
	if (c->service)
		stack_recognise_any(c->r->snap, c->service->processes,
				    c->service->process_count, &c->launch);
}

void chain_resolve(struct chain *c)
{
	recognise(c);
	declare_all(c);
	take_server_idle(c);
	disprove_server_idle(c);
	take_hop(c);
	take_streams(c);
	take_keepalive(c);
	take_pool(c);
	take_header_timeout(c);
	take_given(c, CHAIN_SERVER_GRACE, STACK_GRACE, 1);
	declare(c, CHAIN_SERVER_GRACE, TARGET_SERVER_GRACE, 1);
	take_default(c, CHAIN_SERVER_GRACE, STACK_GRACE);
	take_given(c, CHAIN_WEBSOCKET_TIMEOUT, STACK_WEBSOCKET_TIMEOUT, 1);
	declare(c, CHAIN_WEBSOCKET_TIMEOUT, TARGET_WEBSOCKET_TIMEOUT, 1);
	take_default(c, CHAIN_WEBSOCKET_TIMEOUT, STACK_WEBSOCKET_TIMEOUT);
}

void chain_clear(struct chain *c)
{
	for (size_t v = 0; v < CHAIN_VALUE_COUNT; v++)
		free(c->facts[v].origin);
}
