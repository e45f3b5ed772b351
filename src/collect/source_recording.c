/* SPDX-License-Identifier: MIT */
#include "conn-doctor/source.h"

#include <stdlib.h>
#include <string.h>

#include "conn-doctor/memory.h"
#include "intake.h"
#include "recording.h"

/*
 * Snapshots from a recording. One pass is read ahead, because a torn tail is
 * told in the last snapshot there is. It also means that a file which holds no
 * pass at all is an error when it is opened, and that damage is reported after
 * the passes in front of it.
 */
struct recording_source {
	char *name; /* for messages */
	struct recording *recording;
	struct intake intake;
	/* The pass that take() is to deliver, or why there is none. */
	enum source_result ahead;
	const uint8_t *bytes;
	size_t len;
	bool is_torn;
	struct error error;
	size_t pass; /* number of the pass ahead, from 1 */
};

static void read_ahead(struct recording_source *self)
{
	self->ahead = recording_next(self->recording, &self->bytes, &self->len,
				     &self->is_torn, &self->error);
	self->pass++;
}

static enum source_result take(void *pointer, struct snapshot *out, struct error *err)
{
	struct recording_source *self = pointer;
	if (self->ahead == SOURCE_ERROR)
		*err = self->error;
	if (self->ahead != SOURCE_OK)
		return self->ahead;
	intake_begin(&self->intake, out, NULL);
	if (intake_replay(&self->intake, self->bytes, self->len, err)) {
		error_wrap(err, "%s, pass %zu", self->name, self->pass);
		return SOURCE_ERROR;
	}
	intake_finish(&self->intake);
	read_ahead(self);
	if (self->ahead == SOURCE_END && self->is_torn)
		snapshot_add_degraded(out, "recording",
				      "the last pass is torn (the file ends inside it) "
				      "and was left out");
	return SOURCE_OK;
}

static int extent(void *pointer, struct source_extent *out, struct error *err)
{
	struct recording_source *self = pointer;
	const struct recording_index *index;
	if (recording_index(self->recording, &index, err))
		return -1;
	*out = (struct source_extent){ .pass_count = index->count,
				       .position = self->pass - 1 };
	for (size_t i = 0; i < index->count; i++) {
		uint64_t time = index->entries[i].realtime_ns;
		if (time == 0)
			continue;
		if (!out->first_realtime_ns || time < out->first_realtime_ns)
			out->first_realtime_ns = time;
		if (time > out->last_realtime_ns)
			out->last_realtime_ns = time;
	}
	if (out->position < index->count)
		out->next_realtime_ns = index->entries[out->position].realtime_ns;
	return 0;
}

static int find_time(void *pointer, uint64_t realtime_ns, size_t *pass,
		     struct error *err)
{
	struct recording_source *self = pointer;
	const struct recording_index *index;
	if (recording_index(self->recording, &index, err))
		return -1;
	if (index_find_time(index, realtime_ns, pass))
		return error_set(err, ERROR_INPUT,
				 "%s does not say when its passes were taken",
				 self->name);
	return 0;
}

/* What is in front of a pass that cannot be read is no reason to deliver another. */
static int wind(struct recording_source *self, size_t pass)
{
	self->pass = pass;
	self->is_torn = false;
	if (recording_seek(self->recording, pass, &self->error)) {
		self->ahead = SOURCE_ERROR;
		return -1;
	}
	read_ahead(self);
	if (self->ahead == SOURCE_END) {
		error_set(&self->error, ERROR_INPUT,
			  "%s has become shorter while it was read", self->name);
		self->ahead = SOURCE_ERROR;
	}
	return self->ahead == SOURCE_OK ? 0 : -1;
}

static int seek(void *pointer, size_t pass, struct error *err)
{
	struct recording_source *self = pointer;
	const struct recording_index *index;
	if (recording_index(self->recording, &index, err))
		return -1;
	if (pass >= index->count)
		return error_set(err, ERROR_INPUT,
				 "%s has no pass %zu; the last one is %zu", self->name,
				 pass + 1, index->count);
	if (wind(self, pass)) {
		*err = self->error;
		return -1;
	}
	return 0;
}

static int close_source(void *pointer, struct error *err)
{
	(void)err;
	struct recording_source *self = pointer;
	recording_close(self->recording);
	intake_clear(&self->intake);
	free(self->name);
	free(self);
	return 0;
}

static const struct source_ops recording_ops = {
	.take = take,
	.close = close_source,
	.extent = extent,
	.find_time = find_time,
	.seek = seek,
	.is_live = false,
};

int source_open_recording(struct source *out, const char *path, struct error *err)
{
	struct recording *recording;
	if (recording_open(&recording, path, err))
		return -1;
	struct recording_source *self = xcalloc(1, sizeof(*self));
	self->name = xstrdup(strcmp(path, "-") == 0 ? "standard input" : path);
	self->recording = recording;
	read_ahead(self);
	if (self->ahead == SOURCE_OK) {
		*out = (struct source){ .ops = &recording_ops, .self = self };
		return 0;
	}
	if (self->ahead == SOURCE_END)
		error_set(err, ERROR_INPUT, "%s holds no complete pass", self->name);
	else
		*err = self->error;
	struct error ignored;
	close_source(self, &ignored);
	return -1;
}
