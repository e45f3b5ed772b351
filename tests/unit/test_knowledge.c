/* SPDX-License-Identifier: MIT */

/* The knowledge base is complete: no code and no stack without words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conn-doctor/knowledge.h"
#include "conn-doctor/report.h"
#include "conn-doctor/verdict.h"

/* design.md section 5: also those that no rule reports yet. */
static const char *const designed[] = {
	"half-open",        "half-open-suspect", "close-wait-leak",
	"stuck-worker",     "queue-abandoned",   "accept-queue-full",
	"slow-response",    "slow-upstream",     "slow-reader",
	"pool-exhausted",   "pool-leak",         "too-many-per-peer",
	"heartbeat-missed", "keepalive-missing", "connection-growth",
	"fd-exhaustion",    "port-exhaustion",   "reset-storm",
	"syn-flood",        "connect-stuck",     "lossy-path",
	"orphans",          "risky-flags",       "timeout-chain",
	"idle-cliff",
};

static const char *const stacks[] = {
	"uvicorn", "gunicorn", "hypercorn",  "daphne", "django",    "node", "nginx",
	"haproxy", "apache",   "postgresql", "redis",  "pgbouncer", "java", "go",
};

static void every_finding_has_a_text(void **state)
{
	(void)state;
	for (enum finding_kind k = 0; k < FINDING_KIND_COUNT; k++)
		if (!knowledge_find(finding_table[k].code))
			fail_msg("knowledge/%s.txt is missing", finding_table[k].code);
}

static void every_designed_finding_has_a_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(designed) / sizeof(*designed); i++)
		if (!knowledge_find(designed[i]))
			fail_msg("knowledge/%s.txt is missing", designed[i]);
}

static void every_complaint_has_a_text(void **state)
{
	(void)state;
	for (enum verdict v = 0; v < VERDICT_COUNT; v++)
		if (verdict_table[v].is_complaint &&
		    !knowledge_find(verdict_table[v].code))
			fail_msg("knowledge/%s.txt is missing", verdict_table[v].code);
}

/* The other direction: a text for a code that nothing can report. */
static void every_text_is_about_a_code(void **state)
{
	(void)state;
	for (const struct knowledge_code *k = knowledge_codes; k->code; k++) {
		bool is_known =
			verdict_parse(k->code, strlen(k->code)) != VERDICT_COUNT;
		for (enum finding_kind f = 0; f < FINDING_KIND_COUNT; f++)
			is_known |= strcmp(finding_table[f].code, k->code) == 0;
		for (size_t i = 0; i < sizeof(designed) / sizeof(*designed); i++)
			is_known |= strcmp(designed[i], k->code) == 0;
		if (!is_known)
			fail_msg("knowledge/%s.txt: no such code", k->code);
	}
}

static void texts_are_complete(void **state)
{
	(void)state;
	for (const struct knowledge_code *k = knowledge_codes; k->code; k++) {
		assert_true(*k->title && *k->meaning);
		assert_true(k->evidence[0] && k->causes[0]);
		assert_non_null(k->remedies[0].text);
		assert_non_null(k->remedies[0].source);
		assert_non_null(k->next[0].command);
		for (const struct knowledge_wrong *w = k->wrong; w->claim; w++)
			assert_non_null(w->why);
	}
}

static void every_stack_remedy_is_found_by_its_codes(void **state)
{
	(void)state;
	for (const struct knowledge_stack *s = knowledge_stacks; s->name; s++) {
		assert_true(s->recognised[0] && s->defaults[0]);
		assert_non_null(s->remedies[0].text);
		for (const struct knowledge_remedy *r = s->remedies; r->text; r++) {
			assert_non_null(r->codes[0]);
			assert_true(*r->versions && *r->source);
			for (const char *const *c = r->codes; *c; c++) {
				char code[64];
				snprintf(code, sizeof(code), "%.*s",
					 (int)strcspn(*c, ":"), *c);
				assert_non_null(knowledge_find(code));
				assert_true(knowledge_stack_mends(s, code));
			}
		}
	}
}

static void every_stack_has_a_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stacks) / sizeof(*stacks); i++)
		if (!knowledge_find_stack(stacks[i]))
			fail_msg("knowledge/stack-%s.txt is missing", stacks[i]);
}

/* "CODE:WHEN": a condition that nothing knows would hide the remedy for ever. */
static void every_condition_is_known(void **state)
{
	(void)state;
	size_t count = 0;
	for (const struct knowledge_stack *s = knowledge_stacks; s->name; s++)
		for (const struct knowledge_remedy *r = s->remedies; r->text; r++)
			for (const char *const *c = r->codes; *c; c++) {
				const char *colon = strchr(*c, ':');
				count += colon != NULL;
				if (colon && !remedy_is_condition(colon + 1))
					fail_msg("stack-%s.txt: %s", s->name, *c);
			}
	assert_true(count > 0);
	assert_false(remedy_is_condition(""));
	assert_false(remedy_is_condition("reload "));
}

/* It stands in the report, beside "cause". */
static void the_usual_cause_is_one_short_sentence(void **state)
{
	(void)state;
	for (enum finding_kind k = 0; k < FINDING_KIND_COUNT; k++) {
		assert_true(*finding_title(k));
		if (strlen(finding_usual_cause(k)) > 100 ||
		    strlen(finding_usual_cause(k)) < 10)
			fail_msg("%s: %s", finding_table[k].code,
				 finding_usual_cause(k));
	}
}

static void unknown_names_are_not_found(void **state)
{
	(void)state;
	assert_null(knowledge_find(""));
	assert_null(knowledge_find("stuck"));
	assert_null(knowledge_find("stuck-workers"));
	assert_null(knowledge_find_stack("uvicorn "));
	assert_false(
		knowledge_stack_mends(knowledge_find_stack("redis"), "lossy-path"));
}

static void names_are_listed_in_order(void **state)
{
	(void)state;
	size_t count = 0;
	for (; knowledge_code_at(count); count++)
		if (count)
			assert_true(strcmp(knowledge_code_at(count - 1),
					   knowledge_code_at(count)) < 0);
	assert_true(count >= sizeof(designed) / sizeof(*designed));
	for (count = 0; knowledge_stack_at(count); count++)
		if (count)
			assert_true(strcmp(knowledge_stack_at(count - 1),
					   knowledge_stack_at(count)) < 0);
	assert_true(count >= sizeof(stacks) / sizeof(*stacks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_finding_has_a_text),
		cmocka_unit_test(every_designed_finding_has_a_text),
		cmocka_unit_test(every_complaint_has_a_text),
		cmocka_unit_test(every_text_is_about_a_code),
		cmocka_unit_test(texts_are_complete),
		cmocka_unit_test(every_stack_remedy_is_found_by_its_codes),
		cmocka_unit_test(every_condition_is_known),
		cmocka_unit_test(the_usual_cause_is_one_short_sentence),
		cmocka_unit_test(every_stack_has_a_text),
		cmocka_unit_test(unknown_names_are_not_found),
		cmocka_unit_test(names_are_listed_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
