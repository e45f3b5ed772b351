/* SPDX-License-Identifier: MIT */

/*
 * Prints the program's tables, one row a line, columns separated by tabs. From
 * this scripts/update-docs makes the completions and the manual's lists, so
 * that they cannot drift from what the parser accepts.
 */
#include <stdio.h>

#include "cli/options.h"
#include "conn-doctor/config.h"
#include "conn-doctor/knowledge.h"
#include "conn-doctor/lab.h"
#include "conn-doctor/limits.h"
#include "conn-doctor/policy.h"
#include "conn-doctor/report.h"
#include "conn-doctor/verdict.h"
#include "diagnose/rules.h"

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void print_commands_of(const struct option_row *o)
{
	const char *separator = "";
	for (const struct command_row *c = command_table; c->name; c++) {
		if (!(o->commands & c->id))
			continue;
		printf("%s%s", separator, c->name);
		separator = ",";
	}
}

static void print_commands_and_options(void)
{
	for (const struct command_row *c = command_table; c->name; c++)
		printf("command\t%s\t%s\t%s\t%s\n", c->name, c->arguments, c->help,
		       or_dash(c->details));
	for (const struct option_row *o = option_table; o->name; o++) {
		printf("option\t%s\t%c\t%s\t%s\t", o->name, o->letter ? o->letter : '-',
		       or_dash(o->argument), or_dash(o->values));
		print_commands_of(o);
		printf("\t%s\n", o->help);
	}
}

static void print_limits(void)
{
	for (enum limit_id id = 0; id < LIMITS_END; id++) {
		const struct limit_info *info = &limit_table[id];
		char initial[32], min[32], max[32];
		printf("limit\t%s\t%s\t%s\t%s\t%s\t%s\n", info->name,
		       limit_print(id, info->initial, initial),
		       limit_print(id, info->min, min), limit_print(id, info->max, max),
		       info->help, info->reason);
	}
}

/* What the value may be: the words, or the ends of the range. */
static void print_range(enum config_id id)
{
	const struct config_key *key = &config_table[id];
	char min[32], max[32];
	if (!key->words[0]) {
		printf("from %s to %s", config_print(id, key->min, min),
		       config_print(id, key->max, max));
		return;
	}
	for (size_t i = 0; i < CONFIG_WORDS_MAX && key->words[i]; i++)
		printf("%s %s", i ? "," : "one of", key->words[i]);
}

static void print_keys(void)
{
	for (enum config_id id = 0; id < CONFIG_END; id++) {
		const struct config_key *key = &config_table[id];
		char initial[32];
		printf("key\t%s\t%s\t%s\t%s\t", key->section, key->name,
		       config_print(id, key->initial, initial),
		       or_dash(key->initial_text));
		print_range(id);
		printf("\t%s\t%s\n", key->help, or_dash(key->reason));
	}
}

static void print_policy_values(const struct policy_key *key)
{
	static const char *const kinds[] = {
		[POLICY_FILTER] = "a filter, as conn-doctor-filter(7) describes it",
		[POLICY_RANGE] =
			"a range: [@]START:END, with ms, s, m, h, d or % where "
			"the finding's value is a time or a share",
		[POLICY_ADDRESSES] = "addresses and networks, separated by commas; "
				     "indented lines go on",
	};
	char min[32], max[32];
	if (key->kind == POLICY_WORD) {
		for (size_t i = 0; key->words[i]; i++)
			printf("%s %s", i ? "," : "one of", key->words[i]);
	} else if (key->kind == POLICY_NUMBER) {
		printf("from %s to %s", policy_print_number(key, key->min, min),
		       policy_print_number(key, key->max, max));
	} else {
		printf("%s", kinds[key->kind]);
	}
}

/* As keys, with an example where those of [main] and [limits] have a default. */
static void print_policy_keys(const struct policy_key *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		printf("policy\t%s\t%s\t%s\t", table[i].section, table[i].name,
		       table[i].example);
		print_policy_values(&table[i]);
		printf("\t%s\t%s\n", table[i].help, table[i].reason);
	}
}

static void print_policy(void)
{
	print_policy_keys(target_key_table, TARGET_KEY_COUNT);
	print_policy_keys(check_key_table, CHECK_KEY_COUNT);
	print_policy_keys(ignore_key_table, IGNORE_KEY_COUNT);
	for (enum front f = 0; f < FRONT_COUNT; f++) {
		const struct front_info *front = &front_table[f];
		printf("front\t%s\t%s\t%llu\t%llu\t%s\n", front->word, front->name,
		       (unsigned long long)front->idle_ms / 1000,
		       (unsigned long long)front->response_ms / 1000,
		       or_dash(*front->idle_name ? front->idle_name : NULL));
	}
}

/* What it needs, separated by semicolons; the limits that decide, by commas. */
static void print_rule(enum finding_kind kind)
{
	auto_strbuf struct strbuf need = { 0 };
	const char *separator = "";
	size_t index = 0;
	printf("rule\t%s\t", finding_table[kind].code);
	while (finding_rule_need(kind, &index, &need)) {
		printf("%s%s", separator, strbuf_text(&need));
		separator = "; ";
	}
	printf("\t");
	separator = "";
	for (const enum limit_id *id = finding_rules[kind].limits; *id != LIMITS_END;
	     id++) {
		printf("%s%s", separator, limit_table[*id].name);
		separator = ",";
	}
	printf("\n");
}

int main(void)
{
	print_commands_and_options();
	print_limits();
	print_keys();
	print_policy();
	for (const struct lab_state *s = lab_table; s->name; s++)
		if (s->steps)
			printf("state\t%s\t%s\n", s->name, s->help);
	for (size_t i = 0; knowledge_code_at(i); i++)
		printf("code\t%s\n", knowledge_code_at(i));
	for (size_t i = 0; knowledge_stack_at(i); i++)
		printf("stack\t%s\n", knowledge_stack_at(i));
	for (enum verdict v = 0; v < VERDICT_COUNT; v++)
		printf("verdict\t%s\t%s\n", verdict_table[v].code,
		       verdict_table[v].meaning);
	for (enum finding_kind k = 0; k < FINDING_KIND_COUNT; k++)
		printf("finding\t%s\t%s\t%s\n", finding_table[k].code, finding_title(k),
		       finding_usual_cause(k));
	for (enum finding_kind k = 0; k < FINDING_KIND_COUNT; k++)
		print_rule(k);
	return 0;
}
