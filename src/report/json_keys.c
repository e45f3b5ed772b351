/* SPDX-License-Identifier: MIT */
#include "json_parts.h"

#include <string.h>

#include "conn-doctor/diagnose.h"
#include "conn-doctor/format.h"
#include "conn-doctor/strbuf.h"
#include "conn-doctor/text.h"

void set_new(json_t *object, const char *key, json_t *value)
{
	json_object_set_new_nocheck(object, key, value);
}

json_t *safe_string(const char *text, size_t len)
{
	auto_strbuf struct strbuf sb = { 0 };
	text_sanitize(&sb, text, len);
	return json_stringn_nocheck(strbuf_text(&sb), sb.len);
}

void set_text(json_t *object, const char *key, const char *text)
{
	if (text && text[0])
		set_new(object, key, safe_string(text, strlen(text)));
}

void set_word(json_t *object, const char *key, const char *word)
{
	set_new(object, key, json_string_nocheck(word));
}

void set_integer(json_t *object, const char *key, uint64_t value)
{
	set_new(object, key, json_integer((json_int_t)value));
}

void set_flag(json_t *object, const char *key, bool value)
{
	set_new(object, key, json_boolean(value));
}

void set_identity(json_t *object, const char *key, uint64_t value)
{
	set_new(object, key, json_sprintf("%llu", (unsigned long long)value));
}

void set_seconds(json_t *object, const char *key, int64_t ms)
{
	if (ms >= 0)
		set_new(object, key, json_real((double)ms / 1000));
}

void set_since(json_t *object, uint32_t since_cs, bool is_exact)
{
	if (since_cs == ASSESSMENT_SINCE_UNKNOWN)
		return;
	set_seconds(object, "since_seconds", since_cs * 10LL);
	set_flag(object, "since_exact", is_exact);
}

void set_detection(json_t *o, int64_t idle_ms, bool is_exact)
{
	if (idle_ms == DERIVED_UNKNOWN)
		return;
	set_flag(o, "dead_peer_detected", idle_ms != DERIVED_NEVER);
	if (idle_ms == DERIVED_NEVER)
		return;
	set_seconds(o, "dead_peer_detection_seconds", idle_ms);
	set_flag(o, "dead_peer_detection_exact", is_exact);
}

json_t *stamped_object(const struct report *r, const char *schema)
{
	char time[FORMAT_SIZE];
	json_t *o = json_object();
	set_word(o, "schema", schema);
	set_word(o, "time", time_print_utc(r->snap->realtime_ns, time));
	set_identity(o, "time_unix_nano", r->snap->realtime_ns);
	set_text(o, "host.name", r->snap->host);
	return o;
}
