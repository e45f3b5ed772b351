/* SPDX-License-Identifier: MIT */
#include "parser.h"
#include "values.h"

struct resolution {
	const struct filter_resolver *resolver;
	struct error *err;
};

/* A name goes before an index, as in ss: an interface may be called "2". */
static int resolve_device(struct filter_node *leaf, const struct resolution *r)
{
	if (r->resolver->device && r->resolver->device(leaf->name, &leaf->value))
		return 0;
	if (index_parse(leaf->name, UINT32_MAX, &leaf->value))
		return 0;
	error_set(r->err, ERROR_USAGE,
		  "filter: no interface '%.15s' here; see 'ip link'", leaf->name);
	message_make_plain(r->err->text);
	return -1;
}

static int resolve_cgroup(struct filter_node *leaf, const struct resolution *r)
{
	if (r->resolver->cgroup && r->resolver->cgroup(leaf->name, &leaf->value))
		return 0;
	error_set(r->err, ERROR_USAGE,
		  "filter: no cgroup '%.200s' here; give its path below /sys/fs/cgroup",
		  leaf->name);
	message_make_plain(r->err->text);
	return -1;
}

static int resolve_leaf(struct filter_node *leaf, void *context)
{
	if (leaf->kind == FILTER_DEVICE)
		return resolve_device(leaf, context);
	if (leaf->kind == FILTER_CGROUP)
		return resolve_cgroup(leaf, context);
	return 0;
}

int filter_resolve(struct filter *f, const struct filter_resolver *resolver,
		   struct error *err)
{
	struct resolution r = { .resolver = resolver, .err = err };
	return f && f->root ? filter_node_each_leaf(f->root, resolve_leaf, &r) : 0;
}
