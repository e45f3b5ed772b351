/* SPDX-License-Identifier: MIT */
#include "conn-doctor/knowledge.h"

#include <string.h>

const struct knowledge_code *knowledge_find(const char *code)
{
	for (const struct knowledge_code *k = knowledge_codes; k->code; k++)
		if (strcmp(k->code, code) == 0)
			return k;
	return NULL;
}

const struct knowledge_stack *knowledge_find_stack(const char *name)
{
	for (const struct knowledge_stack *s = knowledge_stacks; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

bool knowledge_concerns(const char *const *codes, const char *code)
{
	size_t len = strlen(code);
	for (; *codes; codes++)
		if (strncmp(*codes, code, len) == 0 &&
		    ((*codes)[len] == '\0' || (*codes)[len] == ':'))
			return true;
	return false;
}

bool knowledge_stack_mends(const struct knowledge_stack *stack, const char *code)
{
	for (const struct knowledge_remedy *r = stack->remedies; r->text; r++)
		if (knowledge_concerns(r->codes, code))
			return true;
	return false;
}

const char *knowledge_code_at(size_t i)
{
	return knowledge_codes[i].code;
}

const char *knowledge_stack_at(size_t i)
{
	return knowledge_stacks[i].name;
}
