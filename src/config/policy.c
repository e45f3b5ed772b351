/* SPDX-License-Identifier: MIT */
#include "conn-doctor/policy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn-doctor/format.h"
#include "conn-doctor/memory.h"
#include "conn-doctor/text.h"

#include "policy_keys.h"
#include "values.h"

enum { ADDRESSES_MAX = 1024, ADDRESS_TEXT_MAX = 63 };

void declared_print(const struct declared *d, struct strbuf *out)
{
	strbuf_add(out, "declared in ");
	text_sanitize(out, d->path, strlen(d->path));
	strbuf_addf(out, ":%u", d->line);
}

bool target_value(const struct target *t, enum target_key key, uint64_t *out,
		  struct strbuf *origin)
{
	const struct declared *d = &t->values[key];
	if (!d->is_set)
		return false;
	*out = d->value;
	if (origin)
		declared_print(d, origin);
	return true;
}

const struct front_info *target_front(const struct target *t)
{
	const struct declared *d = &t->values[TARGET_FRONT];
	return d->is_set ? &front_table[d->value] : NULL;
}

static bool front_default(const struct target *t, uint64_t value, uint64_t *out,
			  struct strbuf *origin)
{
	if (!value)
		return false;
	*out = value;
	if (origin)
		strbuf_addf(origin, "%s's default", target_front(t)->name);
	return true;
}

bool target_front_idle(const struct target *t, uint64_t *out_ms, struct strbuf *origin)
{
	const struct front_info *front = target_front(t);
	return target_value(t, TARGET_FRONT_IDLE, out_ms, origin) ||
	       (front && front_default(t, front->idle_ms, out_ms, origin));
}

bool target_front_response(const struct target *t, uint64_t *out_ms,
			   struct strbuf *origin)
{
	const struct front_info *front = target_front(t);
	return target_value(t, TARGET_FRONT_RESPONSE, out_ms, origin) ||
	       (front && front_default(t, front->response_ms, out_ms, origin));
}

bool target_silence(const struct target *t, uint64_t *out_ms, struct strbuf *origin)
{
	uint64_t heartbeat, pong;
	if (!target_value(t, TARGET_HEARTBEAT, &heartbeat, NULL) ||
	    !target_value(t, TARGET_PONG, &pong, NULL))
		return false;
	*out_ms = heartbeat + pong;
	if (origin)
		declared_print(&t->values[TARGET_HEARTBEAT], origin);
	return true;
}

bool target_is(const struct target *t, enum protocol protocol)
{
	const struct declared *d = &t->values[TARGET_PROTOCOL];
	return d->is_set && d->value == protocol;
}

bool check_is_enabled(const struct check *c)
{
	return !c->values[CHECK_ENABLED].is_set || c->values[CHECK_ENABLED].value;
}

bool address_list_has(const struct address_list *list, const struct ip_address *ip)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct address_block *block = &list->items[i];
		size_t bytes = block->prefix_len / 8;
		unsigned mask = 0xff00U >> (block->prefix_len % 8) & 0xff;
		if (memcmp(&block->address, ip, bytes) == 0 &&
		    (bytes == sizeof(*ip) ||
		     ((block->address.bytes[bytes] ^ ip->bytes[bytes]) & mask) == 0))
			return true;
	}
	return false;
}

void policy_clear(struct policy *p)
{
	for (size_t i = 0; i < p->target_count; i++) {
		free(p->targets[i].name);
		filter_free(p->targets[i].filter);
	}
	free(p->targets);
	for (size_t i = 0; i < IGNORE_KEY_COUNT; i++)
		free(p->ignore[i].items);
	*p = (struct policy){ 0 };
}

int policy_resolve(const struct policy *p, const struct filter_resolver *resolver,
		   struct error *err)
{
	for (size_t i = 0; i < p->target_count; i++) {
		const struct target *t = &p->targets[i];
		const struct declared *origin = &t->values[TARGET_FILTER];
		if (t->filter && filter_resolve(t->filter, resolver, err))
			return error_wrap(err, "%s:%u", origin->path, origin->line);
	}
	return 0;
}

struct target *policy_target(struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->target_count; i++)
		if (strcmp(p->targets[i].name, name) == 0)
			return &p->targets[i];
	if (p->target_count == TARGETS_MAX)
		return NULL;
	array_reserve(&p->targets, &p->target_capacity, p->target_count + 1,
		      sizeof(*p->targets));
	struct target *t = &p->targets[p->target_count++];
	*t = (struct target){ .name = xstrdup(name) };
	return t;
}

enum finding_kind policy_check_kind(const char *code)
{
	size_t kind = 0;
	while (kind < FINDING_KIND_COUNT && strcmp(policy_check_code(kind), code) != 0)
		kind++;
	return (enum finding_kind)kind;
}

static int parse_value(const struct policy_key *key, const char *text, uint64_t *out,
		       struct error *err)
{
	struct value_range range = { key->unit, key->min, key->max };
	return key->kind == POLICY_WORD ? word_parse(key->words, text, out, err)
					: value_parse(&range, text, out, err);
}

/* `is_set` only once the value is there. */
static void declare(struct declared *d, const struct declared *origin, uint64_t value)
{
	*d = *origin;
	d->value = value;
	d->is_set = true;
}

/* A target is found before the verdict, which it may decide. */
static bool asks_for_verdict(const struct filter_node *node)
{
	for (; node; node = node->left)
		if (node->kind == FILTER_VERDICT || asks_for_verdict(node->right))
			return true;
	return false;
}

static int set_filter(struct target *t, const char *text, struct error *err)
{
	filter_free(t->filter);
	t->filter = NULL;
	t->is_filter_wrong = false;
	if (!*text)
		return 0;
	struct filter *filter;
	t->is_filter_wrong = true;
	if (filter_parse(text, &filter, NULL, err))
		return -1;
	if (asks_for_verdict(filter->root)) {
		filter_free(filter);
		return error_set(err, ERROR_INPUT,
				 "filter: a target cannot be chosen by verdict; name "
				 "addresses, ports or devices");
	}
	t->is_filter_wrong = false;
	t->filter = filter;
	return 0;
}

int target_set(struct target *t, enum target_key key, const char *text,
	       const struct declared *origin, struct error *err)
{
	uint64_t value = 0;
	t->values[key] = (struct declared){ 0 };
	if (key == TARGET_FILTER && set_filter(t, text, err))
		return -1;
	if (!*text)
		return 0;
	if (key != TARGET_FILTER &&
	    parse_value(&target_key_table[key], text, &value, err))
		return error_wrap(err, "%s", target_key_table[key].name);
	declare(&t->values[key], origin, value);
	return 0;
}

int check_set(struct check *c, enum check_key key, const char *text,
	      const struct declared *origin, struct error *err)
{
	uint64_t value = 0;
	const struct policy_key *info = &check_key_table[key];
	c->values[key] = (struct declared){ 0 };
	if (!*text)
		return 0;
	if (info->kind == POLICY_RANGE ? range_parse(text, &c->ranges[key], err)
				       : parse_value(info, text, &value, err))
		return error_wrap(err, "%s", info->name);
	declare(&c->values[key], origin, value);
	return 0;
}

/* The bits behind the prefix are no part of a network. */
static bool has_host_bits(const struct address_block *block)
{
	for (unsigned bit = block->prefix_len; bit < 128; bit++)
		if (block->address.bytes[bit / 8] & 0x80U >> bit % 8)
			return true;
	return false;
}

/* ADDR[/LEN] */
static int parse_block(char *text, struct address_block *out, struct error *err)
{
	char *slash = strchr(text, '/');
	uint64_t len;
	if (slash)
		*slash = '\0';
	if (!ip_address_parse(text, &out->address, &out->ip_version))
		return error_set(err, ERROR_INPUT,
				 "'%.40s' is not an address; addresses are separated "
				 "by commas",
				 text);
	unsigned bits = out->ip_version == 4 ? 32 : 128;
	len = bits;
	if (slash && count_parse(slash + 1, 0, bits, &len, err))
		return error_wrap(err, "'%.40s/%.10s'", text, slash + 1);
	out->prefix_len = (uint8_t)(128 - bits + len);
	if (has_host_bits(out))
		return error_set(err, ERROR_INPUT,
				 "'%.40s/%.10s' has bits behind its prefix; a single "
				 "address has no '/'",
				 text, slash + 1);
	return 0;
}

static int add_block(struct address_list *list, char *text, struct error *err)
{
	struct address_block block;
	if (parse_block(text, &block, err))
		return -1;
	if (list->count == ADDRESSES_MAX)
		return error_set(err, ERROR_INPUT, "there are more than %d addresses",
				 ADDRESSES_MAX);
	array_reserve(&list->items, &list->capacity, list->count + 1,
		      sizeof(*list->items));
	list->items[list->count++] = block;
	return 0;
}

int ignore_set(struct address_list *list, const char *text, bool is_more,
	       const struct declared *origin, struct error *err)
{
	auto_free char *copy = xstrdup(text);
	char *rest = copy, *word;
	if (!is_more) {
		list->count = 0;
		list->origin = (struct declared){ 0 };
	}
	while ((word = strsep(&rest, ","))) {
		word += strspn(word, " \t");
		size_t len = strlen(word);
		while (len && isspace((unsigned char)word[len - 1]))
			word[--len] = '\0';
		/* `a,` before a line that goes on, and the empty value. */
		if (len && add_block(list, word, err))
			return -1;
	}
	if (!list->origin.is_set && list->count)
		declare(&list->origin, origin, list->count);
	return 0;
}

/* --- printing --- */

char *policy_print_number(const struct policy_key *key, uint64_t value,
			  char out[static 32])
{
	return value_print(key->unit, value, out);
}

static void print_value(const struct policy_key *key, const struct declared *d,
			struct strbuf *out)
{
	char text[32];
	if (key->kind == POLICY_WORD)
		strbuf_add(out, key->words[d->value]);
	else
		strbuf_add(out, value_print(key->unit, d->value, text));
}

static void print_blocks(const struct address_list *list, struct strbuf *out)
{
	enum { A_LINE = 3 }; /* three of the longest still fit into one */
	char text[IP_TEXT_SIZE];
	for (size_t i = 0; i < list->count; i++) {
		const struct address_block *b = &list->items[i];
		unsigned bits = b->ip_version == 4 ? 32 : 128;
		strbuf_addf(out, "%s%s",
			    !i           ? ""
			    : i % A_LINE ? ", "
					 : ",\n    ",
			    ip_address_print(&b->address, b->ip_version, text));
		if (b->prefix_len < 128)
			strbuf_addf(out, "/%u", b->prefix_len - (128 - bits));
	}
}

static void each_of_target(const struct target *t, policy_line *line, void *context)
{
	char section[TARGET_NAME_MAX + 16];
	snprintf(section, sizeof(section), "target %s", t->name);
	for (enum target_key key = 0; key < TARGET_KEY_COUNT; key++) {
		auto_strbuf struct strbuf value = { 0 };
		const struct policy_key *info = &target_key_table[key];
		if (!t->values[key].is_set)
			continue;
		if (key == TARGET_FILTER)
			text_sanitize(&value, t->filter->text, strlen(t->filter->text));
		else
			print_value(info, &t->values[key], &value);
		line(context, section, info->name, strbuf_text(&value),
		     &t->values[key]);
	}
}

static void each_of_check(enum finding_kind kind, const struct check *c,
			  policy_line *line, void *context)
{
	char section[64], range[RANGE_TEXT_SIZE];
	snprintf(section, sizeof(section), "check %s", policy_check_code(kind));
	for (enum check_key key = 0; key < CHECK_KEY_COUNT; key++) {
		auto_strbuf struct strbuf value = { 0 };
		const struct policy_key *info = &check_key_table[key];
		if (!c->values[key].is_set)
			continue;
		if (info->kind == POLICY_RANGE)
			strbuf_add(&value, range_print(&c->ranges[key], range));
		else
			print_value(info, &c->values[key], &value);
		line(context, section, info->name, strbuf_text(&value),
		     &c->values[key]);
	}
}

void policy_each(const struct policy *p, policy_line *line, void *context)
{
	for (size_t i = 0; i < p->target_count; i++)
		each_of_target(&p->targets[i], line, context);
	for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++)
		each_of_check(kind, &p->checks[kind], line, context);
	for (enum ignore_key key = 0; key < IGNORE_KEY_COUNT; key++) {
		auto_strbuf struct strbuf value = { 0 };
		const struct address_list *list = &p->ignore[key];
		print_blocks(list, &value);
		if (list->origin.is_set)
			line(context, "ignore", ignore_key_table[key].name,
			     strbuf_text(&value), &list->origin);
	}
}
