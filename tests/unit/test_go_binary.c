/* SPDX-License-Identifier: MIT */

/* Programs as bytes: linked by Go, or not, or cut, or made to mislead. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf_images.h"
#include "go_binary.h"
#include "tree.h"

struct image {
	uint8_t bytes[ELF_IMAGE_MAX];
	size_t len;
	size_t read; /* bytes asked for */
};

static bool read_image(void *from, uint64_t at, void *to, size_t len)
{
	struct image *image = from;
	image->read += len;
	if (at > image->len || len > image->len - at)
		return false;
	memcpy(to, image->bytes + at, len);
	return true;
}

static enum go_answer parse(struct image *image)
{
	image->read = 0;
	return go_binary_parse(read_image, image);
}

static struct image an_image(int bits, const char *name)
{
	struct image image = { 0 };
	image.len = bits == 32 ? elf_image_32(image.bytes, name)
			       : elf_image_64(image.bytes, name);
	return image;
}

static void the_section_decides(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum go_answer answer;
	} cases[] = {
		{ ".go.buildinfo", GO_YES }, { ".note.go.buildid", GO_YES },
		{ ".text", GO_NO },          { "", GO_NO },
		{ ".go.buildinfos", GO_NO }, { ".go.buildinf", GO_NO },
		{ "x.go.buildinfo", GO_NO }, { ".note.gnu.build-id", GO_NO },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int bits = 32; bits <= 64; bits += 32) {
			struct image image = an_image(bits, cases[i].name);
			assert_int_equal(parse(&image), cases[i].answer);
		}
}

/* The names are the last bytes: one less, and nothing is certain. */
static void a_cut_program_is_unknown(void **state)
{
	(void)state;
	for (int bits = 32; bits <= 64; bits += 32) {
		struct image image = an_image(bits, ".go.buildinfo");
		size_t whole = image.len;
		for (image.len = 0; image.len < whole; image.len++)
			assert_int_equal(parse(&image), GO_UNKNOWN);
		assert_int_equal(parse(&image), GO_YES);
	}
}

static void what_is_not_understood_is_unknown(void **state)
{
	(void)state;
	enum { SECTION = sizeof(Elf64_Ehdr), STEP = sizeof(Elf64_Shdr) };
	static const struct {
		size_t at, size;
		uint64_t value;
	} cases[] = {
		{ 0, 1, '#' },      /* a script */
		{ EI_CLASS, 1, 0 }, /* of neither class */
		{ EI_CLASS, 1, 3 },
		{ EI_DATA, 1, ELFDATA2MSB }, /* of the other byte order */
		{ 40, 8, 0 },                /* the header is no section table */
		{ 40, 8, UINT64_MAX },       /* where the table is */
		{ 40, 8, UINT64_MAX - 3 * STEP + 1 },
		{ 40, 8, INT64_MAX },
		{ 58, 2, 0 }, /* size of a section */
		{ 58, 2, 40 },
		{ 58, 2, 65535 },
		{ 60, 2, 0 }, /* sections: none, too many */
		{ 60, 2, 4 },
		{ 60, 2, 512 },
		{ 60, 2, 513 },
		{ 60, 2, 65535 },
		{ 62, 2, 3 }, /* which holds the names */
		{ 62, 2, 65535 },
		{ 62, 2, 0 },
		{ SECTION + 2 * STEP + 24, 8, UINT64_MAX }, /* where the names are */
		{ SECTION + 2 * STEP + 24, 8, UINT64_MAX - 8 },
		{ SECTION + 2 * STEP + 32, 8, 0 }, /* and how long */
		{ SECTION + 2 * STEP + 32, 8, 64 * 1024 + 1 },
		{ SECTION + 2 * STEP + 32, 8, UINT64_MAX },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct image image = an_image(64, ".go.buildinfo");
		memcpy(image.bytes + cases[i].at, &cases[i].value, cases[i].size);
		assert_int_equal(parse(&image), GO_UNKNOWN);
		assert_true(image.read <= 512 * STEP + 64 * 1024 + 128);
	}
}

/* A name outside of the names, or with its end outside, is none. */
static void a_name_that_leads_out_is_no_name(void **state)
{
	(void)state;
	static const uint32_t names[] = { UINT32_MAX, 25, 24, 12, 64 * 1024 };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct image image = an_image(64, ".go.buildinfo");
		memcpy(image.bytes + sizeof(Elf64_Ehdr) + sizeof(Elf64_Shdr), &names[i],
		       sizeof(names[i]));
		assert_int_equal(parse(&image), GO_NO);
	}
	struct image image = an_image(64, ".go.buildinfo");
	image.bytes[sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Shdr) + 32]--;
	assert_int_equal(parse(&image), GO_NO); /* its NUL is not among the names */
}

static void write_image(const char *path, const struct image *image)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(image->bytes, 1, image->len, f), image->len);
	assert_int_equal(fclose(f), 0);
}

static void a_file_is_asked_once_and_anew_when_it_changes(void **state)
{
	(void)state;
	char root[] = "/tmp/cd-go-XXXXXX", path[64], other[64];
	struct go_cache cache = { 0 };
	struct image yes = an_image(64, ".go.buildinfo"), no = an_image(32, ".text");
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/exe", root);
	snprintf(other, sizeof(other), "%s/other", root);
	assert_int_equal(go_binary_ask(&cache, path), GO_UNKNOWN);
	write_image(path, &yes);
	for (int i = 0; i < 3; i++)
		assert_int_equal(go_binary_ask(&cache, path), GO_YES);
	assert_int_equal(cache.count, 1);
	/* As with exec: the same path, another file. */
	write_image(other, &no);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(go_binary_ask(&cache, path), GO_NO);
	assert_int_equal(cache.count, 2);
	for (int i = 0; i < 100; i++) {
		snprintf(other, sizeof(other), "%s/%d", root, i);
		write_image(other, i % 2 ? &yes : &no);
		assert_int_equal(go_binary_ask(&cache, other), i % 2 ? GO_YES : GO_NO);
	}
	assert_int_equal(cache.count, 102);
	assert_int_equal(go_binary_ask(&cache, other), GO_YES);
	assert_int_equal(cache.count, 102);
	assert_int_equal(remove_tree(root), 0);
}

/* A pipe would be waited for, a folder is nothing to read. */
static void only_regular_files_are_opened(void **state)
{
	(void)state;
	char root[] = "/tmp/cd-go-XXXXXX", path[64];
	struct go_cache cache = { 0 };
	assert_non_null(mkdtemp(root));
	assert_int_equal(go_binary_ask(&cache, root), GO_UNKNOWN);
	snprintf(path, sizeof(path), "%s/exe", root);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(go_binary_ask(&cache, path), GO_UNKNOWN);
	assert_int_equal(cache.count, 0);
	assert_int_equal(remove_tree(root), 0);
}

static void this_program_is_not_of_go(void **state)
{
	(void)state;
	struct go_cache cache = { 0 };
	assert_int_equal(go_binary_ask(&cache, "/proc/self/exe"), GO_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_section_decides),
		cmocka_unit_test(a_cut_program_is_unknown),
		cmocka_unit_test(what_is_not_understood_is_unknown),
		cmocka_unit_test(a_name_that_leads_out_is_no_name),
		cmocka_unit_test(a_file_is_asked_once_and_anew_when_it_changes),
		cmocka_unit_test(only_regular_files_are_opened),
		cmocka_unit_test(this_program_is_not_of_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
