/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "finding_groups.h"

/*
 * [check CODE] of the configuration. A range replaces the built-in decision: a
 * value outside `critical` is critical; else one outside `warning` is a warning
 * and one inside is information. It never makes a finding vanish, and a mere
 * suspicion stays a warning.
 */

static const struct check *check_of(const struct report *r, enum finding_kind kind)
{
	return r->policy ? &r->policy->checks[kind] : NULL;
}

bool checks_decide(const struct report *r, enum finding_kind kind)
{
	const struct check *c = check_of(r, kind);
	return c &&
	       (c->values[CHECK_WARNING].is_set || c->values[CHECK_CRITICAL].is_set);
}

/* The range, if it is declared and speaks of the finding's unit; says which. */
static const struct range *range_for(struct finding *f, const struct check *c,
				     enum check_key key)
{
	const char *name = check_key_table[key].name;
	char text[RANGE_TEXT_SIZE];
	auto_strbuf struct strbuf origin = { 0 };
	if (!c->values[key].is_set)
		return NULL;
	bool fits = range_fits(&c->ranges[key], f->unit);
	declared_print(&c->values[key], &origin);
	add_evidence(f, "%s range %s%s, %s", name, range_print(&c->ranges[key], text),
		     fits ? "" : " is not used, the value has another unit",
		     origin.text);
	return fits ? &c->ranges[key] : NULL;
}

/* As the limit of the report, where it is a plain upper one. */
static double upper_limit(const struct range *range)
{
	bool is_upper = !range->is_inside && range->start <= 0 && isfinite(range->end);
	return is_upper ? range->end : NAN;
}

static enum severity decide(enum severity built_in, double value,
			    const struct range *warning, const struct range *critical)
{
	if (critical && range_alerts(critical, value))
		return SEVERITY_CRITICAL;
	if (warning && !range_alerts(warning, value))
		return SEVERITY_INFO;
	if (critical && built_in == SEVERITY_CRITICAL)
		built_in = SEVERITY_WARNING;
	return warning && built_in < SEVERITY_WARNING ? SEVERITY_WARNING : built_in;
}

static void apply_ranges(struct finding *f, const struct check *c)
{
	const struct range *warning = range_for(f, c, CHECK_WARNING);
	const struct range *critical = range_for(f, c, CHECK_CRITICAL);
	if (!warning && !critical)
		return;
	if (warning)
		f->warning = upper_limit(warning);
	if (critical)
		f->critical = upper_limit(critical);
	f->severity = decide(f->severity, f->value, warning, critical);
	if (f->confidence == CONFIDENCE_SUSPECT && f->severity > SEVERITY_WARNING)
		f->severity = SEVERITY_WARNING;
}

/* What is switched off is not made, and said to be so. */
static void drop_findings(struct report *r)
{
	size_t kept = 0;
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct check *c = check_of(r, r->findings[i].kind);
		if (check_is_enabled(c))
			r->findings[kept++] = r->findings[i];
		else
			finding_clear(&r->findings[i]);
	}
	r->finding_count = kept;
}

static void drop_unknown(struct report *r, enum finding_kind kind)
{
	size_t kept = 0;
	for (size_t i = 0; i < r->unknown_count; i++) {
		if (r->unknown[i].kind == kind)
			free(r->unknown[i].reason);
		else
			r->unknown[kept++] = r->unknown[i];
	}
	r->unknown_count = kept;
}

static void say_switched_off(struct report *r)
{
	for (enum finding_kind kind = 0; kind < FINDING_KIND_COUNT; kind++) {
		const struct check *c = check_of(r, kind);
		const struct declared *d = &c->values[CHECK_ENABLED];
		if (check_is_enabled(c))
			continue;
		drop_unknown(r, kind);
		add_unknown(r, kind, "switched off in %s:%u", d->path, d->line);
	}
}

void checks_apply(struct report *r)
{
	if (!r->policy)
		return;
	drop_findings(r);
	say_switched_off(r);
	for (size_t i = 0; i < r->finding_count; i++)
		apply_ranges(&r->findings[i], check_of(r, r->findings[i].kind));
}
