/* SPDX-License-Identifier: MIT */
#include "parser.h"

#include <string.h>
#include <strings.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/verdict.h"
#include "endpoint.h"
#include "states.h"
#include "values.h"

/*
 * The terms: keyword, optional comparison, value. Each keyword is a row, and a
 * term without a keyword (`:443`, `10.0.0.0/8`) stands for either end.
 */
struct term {
	const char *name;
	enum filter_kind kind;
	enum filter_end end;
	const char *value; /* what must follow, for the message */
	struct filter_node *(*parse)(struct parser *p, const struct term *term);
};

/* Limits of the kernel: IFNAMSIZ and PATH_MAX, less the terminator. */
enum { DEVICE_NAME_MAX = 15, CGROUP_PATH_MAX = 4095 };

static const char *word_of(const struct parser *p)
{
	return strbuf_text(&p->lexer.word);
}

static bool has_value(struct parser *p, const struct term *term)
{
	if (p->lexer.token.kind == TOKEN_WORD)
		return true;
	parser_fail(p, p->lexer.token.at, "%s must follow '%s'", term->value,
		    term->name);
	return false;
}

/* The comparison, EQ when there is none; false when the term cannot have it. */
static bool take_op(struct parser *p, const struct term *term, bool is_ordered,
		    enum filter_op *op)
{
	*op = FILTER_EQ;
	if (!lexer_at(&p->lexer, TOKEN_OPERATOR))
		return true;
	*op = p->lexer.token.op;
	if (!is_ordered && *op != FILTER_EQ && *op != FILTER_NE) {
		parser_fail(p, p->lexer.token.at, "'%s' takes = and != only",
			    term->name);
		return false;
	}
	lexer_next(&p->lexer);
	return true;
}

static struct filter_node *negate_if(bool is_negated, struct filter_node *node)
{
	return is_negated ? filter_node_join(FILTER_NOT, node, NULL) : node;
}

/* An endpoint that says no more than a port is a port term. */
static struct filter_node *endpoint_node(const struct endpoint *e, enum filter_end end)
{
	if (e->is_foreign)
		return filter_node_new(FILTER_NOTHING);
	bool is_port = !e->ip_version && e->port >= 0;
	struct filter_node *node =
		filter_node_new(is_port ? FILTER_PORT : FILTER_ADDRESS);
	node->end = end;
	if (is_port) {
		node->value = (uint64_t)e->port;
		return node;
	}
	node->address = e->address;
	node->ip_version = e->ip_version;
	node->prefix_len = e->prefix_len;
	node->port = e->port;
	return node;
}

static struct filter_node *parse_address(struct parser *p, const struct term *term)
{
	struct endpoint e;
	struct error reason;
	enum filter_op op;
	if (!take_op(p, term, false, &op) || !has_value(p, term))
		return NULL;
	if (endpoint_parse(word_of(p), &e, &reason))
		return parser_fail(p, p->lexer.token.at, "%s", reason.text);
	lexer_next(&p->lexer);
	return negate_if(op == FILTER_NE, endpoint_node(&e, term->end));
}

/* `sport >= inet6::1024` is two terms: the family, and the port. */
static struct filter_node *family_and_port(const struct endpoint *e,
					   const struct term *term, enum filter_op op)
{
	struct endpoint family = *e, port = *e;
	family.port = -1;
	port.ip_version = 0;
	struct filter_node *node = endpoint_node(&port, term->end);
	node->op = op;
	if (!e->ip_version)
		return node;
	return filter_node_join(FILTER_AND, endpoint_node(&family, term->end), node);
}

static struct filter_node *parse_port(struct parser *p, const struct term *term)
{
	struct endpoint e;
	struct error reason;
	enum filter_op op;
	if (!take_op(p, term, true, &op) || !has_value(p, term))
		return NULL;
	if (endpoint_parse_port(word_of(p), &e, &reason))
		return parser_fail(p, p->lexer.token.at, "%s", reason.text);
	bool is_ordered = op != FILTER_EQ && op != FILTER_NE;
	if (is_ordered && e.port < 0 && !e.is_foreign)
		return parser_fail(p, p->lexer.token.at,
				   "a port must follow '%s', not a wildcard",
				   filter_op_sign(op));
	lexer_next(&p->lexer);
	if (is_ordered && !e.is_foreign)
		return family_and_port(&e, term, op);
	struct filter_node *node = endpoint_node(&e, term->end);
	if (node->kind != FILTER_PORT)
		return negate_if(op == FILTER_NE, node);
	node->op = op;
	return node;
}

static struct filter_node *parse_device(struct parser *p, const struct term *term)
{
	enum filter_op op;
	if (!take_op(p, term, false, &op) || !has_value(p, term))
		return NULL;
	if (strlen(word_of(p)) > DEVICE_NAME_MAX)
		return parser_fail(p, p->lexer.token.at,
				   "'%.40s' is no interface: names have at most %d "
				   "characters",
				   word_of(p), DEVICE_NAME_MAX);
	if (strcmp(word_of(p), "0") == 0)
		return parser_fail(p, p->lexer.token.at,
				   "interface indexes begin at 1");
	struct filter_node *node = filter_node_new(FILTER_DEVICE);
	node->op = op;
	node->name = xstrdup(word_of(p));
	index_parse(node->name, UINT32_MAX, &node->value);
	lexer_next(&p->lexer);
	return node;
}

static struct filter_node *parse_cgroup(struct parser *p, const struct term *term)
{
	enum filter_op op;
	if (!take_op(p, term, false, &op) || !has_value(p, term))
		return NULL;
	if (strlen(word_of(p)) > CGROUP_PATH_MAX)
		return parser_fail(p, p->lexer.token.at,
				   "the path is longer than %d bytes", CGROUP_PATH_MAX);
	struct filter_node *node = filter_node_new(FILTER_CGROUP);
	node->op = op;
	node->name = xstrdup(word_of(p));
	lexer_next(&p->lexer);
	return node;
}

static struct filter_node *parse_mark(struct parser *p, const struct term *term)
{
	enum filter_op op;
	uint64_t value;
	uint32_t mask;
	struct error reason;
	if (!take_op(p, term, false, &op) || !has_value(p, term))
		return NULL;
	if (mark_parse(word_of(p), &value, &mask, &reason))
		return parser_fail(p, p->lexer.token.at, "%s", reason.text);
	lexer_next(&p->lexer);
	struct filter_node *node = filter_node_new(FILTER_MARK);
	node->op = op;
	node->value = value;
	node->mask = mask;
	return node;
}

/* "age 5m" would mean "= 5m" and match nothing, so the comparison is required. */
static struct filter_node *parse_quantity(struct parser *p, const struct term *term)
{
	const struct quantity *q = quantity_of(term->kind);
	enum filter_op op;
	uint64_t value;
	struct error reason;
	if (!lexer_at(&p->lexer, TOKEN_OPERATOR))
		return parser_fail(p, p->lexer.token.at,
				   "'%s' needs a comparison, as in: %s", term->name,
				   q->example);
	if (!take_op(p, term, true, &op) || !has_value(p, term))
		return NULL;
	if (quantity_parse(q, word_of(p), &value, &reason))
		return parser_fail(p, p->lexer.token.at, "%s", reason.text);
	lexer_next(&p->lexer);
	struct filter_node *node = filter_node_new(term->kind);
	node->op = op;
	node->value = value;
	return node;
}

static struct filter_node *unknown_verdict(struct parser *p)
{
	struct suggestion s = suggestion_of(word_of(p));
	char hint[SUGGESTION_SIZE];
	for (int i = 0; i < VERDICT_COUNT; i++)
		suggestion_offer(&s, verdict_table[i].code);
	return parser_fail(p, p->lexer.token.at, "'%.40s' is no verdict%s", word_of(p),
			   suggestion_text(&s, hint));
}

static struct filter_node *parse_verdict(struct parser *p, const struct term *term)
{
	enum filter_op op;
	if (!take_op(p, term, false, &op) || !has_value(p, term))
		return NULL;
	enum verdict verdict = verdict_parse(word_of(p), strlen(word_of(p)));
	if (verdict == VERDICT_COUNT)
		return unknown_verdict(p);
	lexer_next(&p->lexer);
	struct filter_node *node = filter_node_new(FILTER_VERDICT);
	node->op = op;
	node->value = verdict;
	return node;
}

static struct filter_node *parse_autobound(struct parser *p, const struct term *term)
{
	(void)p;
	return filter_node_new(term->kind);
}

static struct filter_node *unknown_state(struct parser *p)
{
	struct suggestion s = suggestion_of(word_of(p));
	char hint[SUGGESTION_SIZE];
	states_suggest(&s);
	return parser_fail(p, p->lexer.token.at, "'%.40s' is no state%s", word_of(p),
			   suggestion_text(&s, hint));
}

static struct filter_node *parse_states(struct parser *p, const struct term *term);

static const struct term terms[] = {
	{ "src", FILTER_ADDRESS, FILTER_LOCAL, "an address", parse_address },
	{ "dst", FILTER_ADDRESS, FILTER_PEER, "an address", parse_address },
	{ "sport", FILTER_PORT, FILTER_LOCAL, "a port", parse_port },
	{ "dport", FILTER_PORT, FILTER_PEER, "a port", parse_port },
	{ "state", FILTER_STATES, 0, "a state", parse_states },
	{ "exclude", FILTER_STATES, 0, "a state", parse_states },
	{ "excl", FILTER_STATES, 0, "a state", parse_states },
	{ "dev", FILTER_DEVICE, 0, "an interface", parse_device },
	{ "fwmark", FILTER_MARK, 0, "a mark", parse_mark },
	{ "cgroup", FILTER_CGROUP, 0, "a path", parse_cgroup },
	{ "autobound", FILTER_AUTOBOUND, 0, "", parse_autobound },
	{ "age", FILTER_AGE, 0, "a duration", parse_quantity },
	{ "idle", FILTER_IDLE, 0, "a duration", parse_quantity },
	{ "rtt", FILTER_RTT, 0, "a duration", parse_quantity },
	{ "recvq", FILTER_RECVQ, 0, "a size", parse_quantity },
	{ "sendq", FILTER_SENDQ, 0, "a size", parse_quantity },
	{ "retrans", FILTER_RETRANS, 0, "a number", parse_quantity },
	{ "verdict", FILTER_VERDICT, 0, "a verdict", parse_verdict },
};

enum { TERM_COUNT = sizeof(terms) / sizeof(*terms) };

static const struct term *term_find(const char *word)
{
	for (size_t i = 0; i < TERM_COUNT; i++)
		if (strcasecmp(terms[i].name, word) == 0)
			return &terms[i];
	return NULL;
}

const char *term_name(enum filter_kind kind, enum filter_end end)
{
	for (size_t i = 0; i < TERM_COUNT; i++)
		if (terms[i].kind == kind && terms[i].end == end)
			return terms[i].name;
	return "";
}

static bool is_exclude(const struct term *term)
{
	return strncmp(term->name, "excl", 4) == 0;
}

/* The keyword `state` or `exclude` that the run of them goes on with, or NULL. */
static const struct term *next_states_term(const struct parser *p)
{
	bool is_word = p->lexer.token.kind == TOKEN_WORD;
	const struct term *term = is_word ? term_find(word_of(p)) : NULL;
	return term && term->kind == FILTER_STATES ? term : NULL;
}

/*
 * `state A state B exclude C`: as in ss, side by side they add and remove. With
 * `exclude` first, what is removed from is every state.
 */
static struct filter_node *parse_states(struct parser *p, const struct term *term)
{
	uint32_t mask = is_exclude(term) ? STATES_DEFAULT : 0;
	while (term) {
		if (!has_value(p, term))
			return NULL;
		uint32_t more = states_parse(word_of(p));
		if (!more)
			return unknown_state(p);
		mask = is_exclude(term) ? mask & ~more : mask | more;
		lexer_next(&p->lexer);
		term = next_states_term(p);
		if (term)
			lexer_next(&p->lexer);
	}
	struct filter_node *node = filter_node_new(FILTER_STATES);
	node->value = mask;
	return node;
}

static struct filter_node *unknown_word(struct parser *p)
{
	const char *word = word_of(p);
	char hint[SUGGESTION_SIZE];
	size_t at = p->lexer.token.at;
	if (word[strspn(word, "0123456789")] == '\0')
		return parser_fail(
			p, at, "'%.40s' alone could be anything; a port is ':%.40s'",
			word, word);
	if (states_parse(word))
		return parser_fail(p, at, "'%.40s' is a state; write 'state %.40s'",
				   word, word);
	if (verdict_parse(word, strlen(word)) != VERDICT_COUNT)
		return parser_fail(p, at, "'%.40s' is a verdict; write 'verdict %.40s'",
				   word, word);
	struct suggestion s = suggestion_of(word);
	for (size_t i = 0; i < TERM_COUNT; i++)
		suggestion_offer(&s, terms[i].name);
	suggestion_offer(&s, "and");
	suggestion_offer(&s, "or");
	suggestion_offer(&s, "not");
	return parser_fail(p, at, "'%.40s' is no term of a filter%s", word,
			   suggestion_text(&s, hint));
}

static struct filter_node *parse_shorthand(struct parser *p)
{
	struct endpoint e;
	struct error reason;
	size_t at = p->lexer.token.at;
	if (endpoint_parse(word_of(p), &e, &reason))
		return parser_fail(p, at, "%s", reason.text);
	if (e.is_foreign)
		return parser_fail(p, at, "'%.40s' needs 'src' or 'dst' before it",
				   word_of(p));
	lexer_next(&p->lexer);
	return endpoint_node(&e, FILTER_EITHER);
}

struct filter_node *parser_term(struct parser *p)
{
	const struct term *term = term_find(word_of(p));
	if (term) {
		lexer_next(&p->lexer);
		return term->parse(p, term);
	}
	if (endpoint_is_likely(word_of(p)))
		return parse_shorthand(p);
	return unknown_word(p);
}
