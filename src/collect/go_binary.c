/* SPDX-License-Identifier: MIT */
#include "go_binary.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn-doctor/memory.h"

enum {
	/* The largest programs of today have some fifty, and 1 KiB of their names. */
	SECTIONS_MAX = 512,
	NAMES_MAX = 64 * 1024,
	HEADER_MAX = 64,
};

/* Where the numbers of the two classes stand; numbers are little-endian. */
struct layout {
	size_t header_size, section_size; /* bytes */
	size_t word_size;                 /* of an offset or a size */
	size_t table_at, entry_size_at, count_at, names_index_at; /* in the header */
	size_t offset_at, size_at;                                /* in a section */
};

static const struct layout layout_32 = { 52, 40, 4, 32, 46, 48, 50, 16, 20 };
static const struct layout layout_64 = { 64, 64, 8, 40, 58, 60, 62, 24, 32 };

struct sections {
	const struct layout *layout;
	uint64_t at;
	uint64_t count, names_index;
};

static uint64_t number_at(const uint8_t *bytes, size_t at, size_t size)
{
	uint64_t value = 0;
	for (size_t i = size; i-- > 0;)
		value = value << 8 | bytes[at + i];
	return value;
}

static const struct layout *layout_of(const uint8_t ident[EI_NIDENT])
{
	if (ident[EI_DATA] != ELFDATA2LSB)
		return NULL;
	if (ident[EI_CLASS] == ELFCLASS64)
		return &layout_64;
	return ident[EI_CLASS] == ELFCLASS32 ? &layout_32 : NULL;
}

static bool read_header(go_reader *read_at, void *from, struct sections *out)
{
	uint8_t header[HEADER_MAX];
	if (!read_at(from, 0, header, EI_NIDENT) ||
	    memcmp(header, ELFMAG, SELFMAG) != 0)
		return false;
	const struct layout *l = layout_of(header);
	if (!l || !read_at(from, 0, header, l->header_size))
		return false;
	*out = (struct sections){
		.layout = l,
		.at = number_at(header, l->table_at, l->word_size),
		.count = number_at(header, l->count_at, 2),
		.names_index = number_at(header, l->names_index_at, 2),
	};
	return number_at(header, l->entry_size_at, 2) == l->section_size &&
	       out->count && out->count <= SECTIONS_MAX &&
	       out->names_index < out->count;
}

/* All names of the sections, each ended by NUL; NULL when they cannot be read. */
static char *read_names(go_reader *read_at, void *from, const struct sections *s,
			const uint8_t *table, size_t *len)
{
	const struct layout *l = s->layout;
	const uint8_t *section = table + s->names_index * l->section_size;
	uint64_t size = number_at(section, l->size_at, l->word_size);
	if (size == 0 || size > NAMES_MAX)
		return NULL;
	char *names = xmalloc((size_t)size);
	*len = (size_t)size;
	if (read_at(from, number_at(section, l->offset_at, l->word_size), names, *len))
		return names;
	free(names);
	return NULL;
}

static bool is_go_name(const char *names, size_t len, uint64_t at)
{
	static const char *const go_names[] = { ".go.buildinfo", ".note.go.buildid" };
	for (size_t i = 0; at < len && i < sizeof(go_names) / sizeof(*go_names); i++) {
		size_t size = strlen(go_names[i]) + 1;
		if (size <= len - at && memcmp(names + at, go_names[i], size) == 0)
			return true;
	}
	return false;
}

enum go_answer go_binary_parse(go_reader *read_at, void *from)
{
	struct sections s;
	size_t len;
	if (!read_header(read_at, from, &s))
		return GO_UNKNOWN;
	size_t step = s.layout->section_size, size = (size_t)s.count * step;
	auto_free uint8_t *table = xmalloc(size);
	if (!read_at(from, s.at, table, size))
		return GO_UNKNOWN;
	auto_free char *names = read_names(read_at, from, &s, table, &len);
	if (!names)
		return GO_UNKNOWN;
	for (size_t at = 0; at < size; at += step)
		if (is_go_name(names, len, number_at(table, at, 4)))
			return GO_YES;
	return GO_NO;
}

static bool read_file(void *from, uint64_t at, void *to, size_t len)
{
	if (at > INT64_MAX)
		return false;
	ssize_t got = pread(*(const int *)from, to, len, (off_t)at);
	return got >= 0 && (size_t)got == len;
}

/* Which file it is; the answer is left unknown. False when it is no regular file. */
static bool identify(int dir, const char *path, int flags, struct go_program *out)
{
	struct statx st;
	/* What is known already will do: a file server may be slow, or gone. */
	if (statx(dir, path, flags | AT_STATX_DONT_SYNC,
		  STATX_TYPE | STATX_INO | STATX_CTIME, &st) ||
	    !S_ISREG(st.stx_mode))
		return false;
	*out = (struct go_program){
		.inode = st.stx_ino,
		.changed_ns = (uint64_t)st.stx_ctime.tv_sec * 1000000000 +
			      st.stx_ctime.tv_nsec,
		.device_major = st.stx_dev_major,
		.device_minor = st.stx_dev_minor,
	};
	return true;
}

static const struct go_program *find_program(const struct go_cache *cache,
					     const struct go_program *wanted)
{
	enum { PROGRAMS_MAX = sizeof(cache->programs) / sizeof(*cache->programs) };
	for (size_t i = 0; i < cache->count && i < PROGRAMS_MAX; i++) {
		const struct go_program *p = &cache->programs[i];
		if (p->inode == wanted->inode && p->changed_ns == wanted->changed_ns &&
		    p->device_major == wanted->device_major &&
		    p->device_minor == wanted->device_minor)
			return p;
	}
	return NULL;
}

enum go_answer go_binary_ask(struct go_cache *cache, const char *path)
{
	enum { PROGRAMS_MAX = sizeof(cache->programs) / sizeof(*cache->programs) };
	struct go_program program;
	if (!identify(AT_FDCWD, path, 0, &program))
		return GO_UNKNOWN;
	const struct go_program *known = find_program(cache, &program);
	if (known)
		return known->answer;
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	/* It may be another file by now: the answer belongs to what was opened. */
	if (fd < 0 || !identify(fd, "", AT_EMPTY_PATH, &program))
		return GO_UNKNOWN;
	program.answer = go_binary_parse(read_file, &fd);
	cache->programs[cache->count++ % PROGRAMS_MAX] = program;
	return program.answer;
}
