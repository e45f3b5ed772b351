/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TUI_REMEDIES_H
#define CONN_DOCTOR_TUI_REMEDIES_H

#include "page.h"

/*
 * What to change about a verdict or finding, from the knowledge base: in the words
 * of the recognised stack first (NULL = none), then what is true for all. Nothing
 * when there is no text for the code.
 */
void remedies_add(struct page *page, const char *code, const char *stack);
/* What usually brings it about; false when nothing is known. */
bool remedies_add_causes(struct page *page, const char *code);

#endif
