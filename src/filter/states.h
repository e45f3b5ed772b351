/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_FILTER_STATES_H
#define CONN_DOCTOR_FILTER_STATES_H

#include "conn-doctor/filter.h"
#include "suggest.h"

/* All states a socket may be in, with those that must be asked for by name. */
#define STATES_KNOWN ((TCP_STATES_ALL & ~1U) | TCP_STATE_BIT(TCP_STATE_BOUND_INACTIVE))

/* What `all`, and `exclude` as the first word, begin with. */
#define STATES_DEFAULT (TCP_STATES_ALL & ~1U)

/* Mask of a state or a group of states in any usual spelling; 0 = unknown. */
uint32_t states_parse(const char *name);
void states_suggest(struct suggestion *s);

/* `state A state B`, the group's name where there is one. */
void states_print(uint32_t mask, struct strbuf *out);

/* The bits of a mask that a row of this state satisfies. */
uint32_t states_of_row(uint8_t state);

#endif
