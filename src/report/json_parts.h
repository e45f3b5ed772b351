/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_REPORT_JSON_PARTS_H
#define CONN_DOCTOR_REPORT_JSON_PARTS_H

#include <jansson.h>

#include "conn-doctor/report.h"

/*
 * What the documents of json.c are made of; their schemas are in
 * share/conn-doctor/schema. An unknown value has no key.
 */

/* conn-doctor.connection/1, conn-doctor.finding/1 */
json_t *connection_object(const struct report *r, uint32_t row);
json_t *finding_object(const struct report *r, const struct finding *f);

/* The keys every document and every finding begins with. */
json_t *stamped_object(const struct report *r, const char *schema);

/* Text that may come from outside: made valid UTF-8 without control characters. */
json_t *safe_string(const char *text, size_t len);

/* The value becomes the object's. */
void set_new(json_t *object, const char *key, json_t *value);
/* Text from outside; absent when it is empty or NULL: nothing is known. */
void set_text(json_t *object, const char *key, const char *text);
/* For words of our own tables. */
void set_word(json_t *object, const char *key, const char *word);
void set_integer(json_t *object, const char *key, uint64_t value);
void set_flag(json_t *object, const char *key, bool value);
/* Identities of 64 bits are strings: jq 1.6 alters integers above 2^53. */
void set_identity(json_t *object, const char *key, uint64_t value);
/* Absent when it is negative. */
void set_seconds(json_t *object, const char *key, int64_t ms);

/* since_seconds and since_exact, or none when it is unknown. */
void set_since(json_t *object, uint32_t since_cs, bool is_exact);
/* dead_peer_detected false: while idle, a vanished peer is never noticed. */
void set_detection(json_t *o, int64_t idle_ms, bool is_exact);

#endif
