/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "go_binary.h"

/* A program's file, whatever stands in it: little is read, nothing beyond its end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *bytes;
	size_t size, read;
};

static bool read_input(void *from, uint64_t at, void *to, size_t len)
{
	struct input *in = from;
	in->read += len;
	if (at > in->size || len > in->size - at)
		return false;
	memcpy(to, in->bytes + at, len);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { READ_MAX = 128 + 512 * 64 + 64 * 1024 };
	struct input in = { data, size, 0 };
	enum go_answer answer = go_binary_parse(read_input, &in);
	bool has_name = memmem(data, size, ".go.buildinfo", 14) ||
			memmem(data, size, ".note.go.buildid", 17);
	if (in.read > READ_MAX || (answer == GO_YES && !has_name)) {
		fprintf(stderr, "%zu bytes read, answer %d\n", in.read, (int)answer);
		abort();
	}
	return 0;
}
