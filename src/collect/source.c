/* SPDX-License-Identifier: MIT */
#include "conn-doctor/source.h"

static int refuse_live(struct error *err)
{
	return error_set(err, ERROR_USAGE,
			 "only a recording can be wound to a time or a pass; this is "
			 "what the kernel says now");
}

int source_extent(struct source *source, struct source_extent *out, struct error *err)
{
	if (!source->ops->extent)
		return refuse_live(err);
	return source->ops->extent(source->self, out, err);
}

int source_find_time(struct source *source, uint64_t realtime_ns, size_t *pass,
		     struct error *err)
{
	if (!source->ops->find_time)
		return refuse_live(err);
	return source->ops->find_time(source->self, realtime_ns, pass, err);
}

int source_seek_pass(struct source *source, size_t pass, struct error *err)
{
	if (!source->ops->seek)
		return refuse_live(err);
	return source->ops->seek(source->self, pass, err);
}

int source_close(struct source *source, struct error *err)
{
	int result = source->ops ? source->ops->close(source->self, err) : 0;
	*source = (struct source){ 0 };
	return result;
}
