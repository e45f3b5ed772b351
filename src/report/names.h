/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_REPORT_NAMES_H
#define CONN_DOCTOR_REPORT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "conn-doctor/renderer.h"
#include "conn-doctor/strbuf.h"

/* How things are called: processes, services, scopes, counts. */

/* Text from outside, made safe; folded to ASCII unless use_utf8 (o may be NULL). */
void put_outside(struct strbuf *out, const char *text, const struct render_options *o);

/* The same as one word: blanks become '_', nothing becomes "-". */
void put_word(struct strbuf *out, const char *text);

/* "uvicorn[4711]": the server where it is recognised, not its interpreter. */
void put_process(struct strbuf *out, const struct report *r, const struct process *p,
		 const struct render_options *o);

/* ":30020", "web:30020" in another namespace. */
void put_service_port(struct strbuf *out, const struct report *r,
		      const struct service *s, const struct render_options *o);

/* ":30020 uvicorn[4711]"; `f` (may be NULL) tells which process is meant. */
void put_service(struct strbuf *out, const struct report *r, const struct service *s,
		 const struct finding *f, const struct render_options *o);

/* What a finding is about: "uvicorn[4711]", ":30020", "outgoing connections". */
void put_scope(struct strbuf *out, const struct report *r, const struct finding *f,
	       const struct render_options *o);

/* "12 connections, none in trouble: 3 active, 9 idle" */
void put_counts(struct strbuf *out, const uint32_t verdicts[VERDICT_COUNT]);

const char *phase_name(enum finding_phase phase);   /* open pending recovering */
const char *memory_name(enum memory_status status); /* new continued restarted ... */

/* "no connections", "1 connection", "7 listeners" */
void put_quantity(struct strbuf *out, size_t count, const char *noun);

/* Name of the row's or service's namespace, "" when the index means nothing. */
const char *netns_name(const struct report *r, uint16_t netns);

/* A listener of it is selected, or one of its connections. */
bool is_service_shown(const struct report *r, const struct service *s);

const struct service *finding_service(const struct report *r, const struct finding *f);
const struct process *finding_process(const struct report *r, const struct finding *f);

/* Selected rows that are connections, not listeners. */
size_t selected_connections(const struct report *r);

#endif
