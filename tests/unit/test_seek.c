/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conn-doctor/source.h"
#include "recording_index.h"
#include "recordings.h"

static struct recording *open_it(const char *path)
{
	struct recording *r;
	struct error err = { 0 };
	if (recording_open(&r, path, &err))
		fail_msg("%s", err.text);
	return r;
}

static size_t count_of(struct recording *r)
{
	const struct recording_index *index;
	struct error err = { 0 };
	if (recording_index(r, &index, &err))
		fail_msg("%s", err.text);
	return index->count;
}

/* The next pass is this one, byte for byte. */
static void expect_next(struct recording *r, const struct bytes *pass)
{
	const uint8_t *bytes;
	size_t len;
	bool is_torn;
	struct error err = { 0 };
	if (recording_next(r, &bytes, &len, &is_torn, &err) != SOURCE_OK)
		fail_msg("%s", err.text);
	assert_int_equal(len, pass->len);
	if (len > 0)
		assert_memory_equal(bytes, pass->data, len);
}

static void expect_at(struct recording *r, size_t n, const struct bytes *passes)
{
	struct error err = { 0 };
	if (recording_seek(r, n, &err))
		fail_msg("pass %zu: %s", n, err.text);
	expect_next(r, &passes[n]);
}

static void expect_end(struct recording *r)
{
	const uint8_t *bytes;
	size_t len;
	bool is_torn;
	struct error err = { 0 };
	assert_int_equal(recording_next(r, &bytes, &len, &is_torn, &err), SOURCE_END);
}

static void every_pass_is_found_from_everywhere(void **state)
{
	(void)state;
	enum { COUNT = 300, PRIME = 97 }; /* three full passes */
	auto_recorded struct recorded t = record_passes(COUNT);
	struct recording *r = open_it(t.path);
	assert_int_equal(count_of(r), COUNT);
	for (size_t n = 0; n < COUNT; n++)
		expect_at(r, n * PRIME % COUNT, t.passes);
	for (size_t n = COUNT; n-- > 0;)
		expect_at(r, n, t.passes);
	expect_at(r, 5, t.passes);
	expect_at(r, 5, t.passes); /* again */
	expect_next(r, &t.passes[6]);
	expect_at(r, 9, t.passes);   /* a little ahead */
	expect_at(r, 255, t.passes); /* the last before a full one */
	expect_next(r, &t.passes[256]);
	expect_at(r, COUNT - 1, t.passes);
	expect_end(r);
	expect_at(r, 128, t.passes); /* from the end */
	recording_close(r);
}

static void the_index_says_when_and_where(void **state)
{
	(void)state;
	enum { COUNT = 130 };
	auto_recorded struct recorded t = record_passes(COUNT);
	struct error err = { 0 };
	const struct recording_index *index;
	struct recording *r = open_it(t.path);
	assert_int_equal(recording_index(r, &index, &err), 0);
	for (size_t n = 0; n < COUNT; n++) {
		assert_int_equal(index->entries[n].realtime_ns, 1000000000ULL * n);
		assert_int_equal(index_offset(index, n),
				 n ? t.ends[n - 1] : FILE_HEADER_SIZE);
		assert_int_equal(index_full_pass(index, n), n < 128 ? 0 : 128);
	}
	assert_int_equal(sizeof(struct index_entry), 16);
	recording_close(r);
}

static void a_recording_that_grows_is_followed(void **state)
{
	(void)state;
	enum { COUNT = 9 };
	auto_path char *path = temp_path();
	struct bytes passes[COUNT] = { { 0 } };
	make_passes(passes, COUNT);
	record(path, passes, 1, NULL);
	struct recording *r = open_it(path);
	assert_int_equal(count_of(r), 1);
	expect_at(r, 0, passes);
	expect_end(r);
	record(path, passes + 1, COUNT - 1, NULL);
	assert_int_equal(count_of(r), COUNT);
	expect_at(r, COUNT - 1, passes);
	expect_at(r, 1, passes);
	recording_close(r);
	clear_passes(passes, COUNT);
}

/* Wherever the file is cut: the index holds what the reader delivers. */
static void a_torn_tail_is_not_in_the_index_until_it_is_whole(void **state)
{
	(void)state;
	enum { COUNT = 4 };
	auto_recorded struct recorded t = record_passes(COUNT);
	for (size_t len = FILE_HEADER_SIZE; len <= t.file.len; len++) {
		size_t whole = whole_passes(&t, len);
		write_file(t.path, t.file.data, len);
		struct recording *r = open_it(t.path);
		assert_int_equal(count_of(r), whole);
		if (whole > 0)
			expect_at(r, whole - 1, t.passes);
		expect_end(r);
		FILE *f = fopen(t.path, "ab");
		assert_non_null(f);
		fwrite(t.file.data + len, 1, t.file.len - len, f);
		fclose(f);
		assert_int_equal(count_of(r), COUNT);
		expect_at(r, COUNT - 1, t.passes);
		recording_close(r);
	}
	damage(&t, t.ends[COUNT - 1] - 1,
	       1); /* whole, and the checksum wrong: torn too */
	struct recording *r = open_it(t.path);
	assert_int_equal(count_of(r), COUNT - 1);
	recording_close(r);
}

/* Damage of a payload costs what builds on it; what is behind can be reached. */
static void damage_in_the_middle_is_named_and_can_be_left(void **state)
{
	(void)state;
	enum { COUNT = 140, BAD = 60 };
	auto_recorded struct recorded t = record_passes(COUNT);
	damage(&t, t.ends[BAD] - 1, 1);
	struct recording *r = open_it(t.path);
	assert_int_equal(count_of(r), COUNT);
	for (size_t n = 0; n < COUNT; n++) {
		struct error err = { 0 };
		const uint8_t *bytes;
		size_t len;
		bool is_torn;
		if (n < BAD || n >= 128) {
			expect_at(r, n, t.passes);
			continue;
		}
		int result = recording_seek(r, n, &err);
		assert_int_equal(result, n == BAD ? 0 : -1);
		if (n == BAD)
			assert_int_equal(
				recording_next(r, &bytes, &len, &is_torn, &err),
				SOURCE_ERROR);
		assert_non_null(strstr(err.text, "(pass 61 of the recording): the "
						 "checksum does not match"));
		expect_end(r);
	}
	recording_close(r);
	damage(&t, t.ends[BAD] + 4, 0x40); /* the length of the next one: the end */
	r = open_it(t.path);
	assert_int_equal(count_of(r), BAD + 1);
	recording_close(r);
}

/* Frames with right checksums and impossible content end the index or are skipped. */
static void hostile_frames_are_treated_as_the_reader_does(void **state)
{
	(void)state;
	static const struct {
		uint32_t type, length;
		size_t count;
	} cases[] = {
		{ 4711, 0, 2 },
		{ 4711, 9, 2 },
		{ FRAME_PASS_FULL, PASS_HEADER_SIZE - 1, 1 },
		{ FRAME_PASS_DELTA, 0, 1 },
		{ FRAME_PASS_FULL, PASS_HEADER_SIZE, 3 }, /* found when it is read */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_path char *path = temp_path();
		auto_bytes struct bytes file = { 0 };
		struct bytes payload = { .data = (uint8_t[64]){ 0 },
					 .len = cases[i].length };
		put_header(&file);
		put_pass_frame(&file, FRAME_PASS_FULL, 8, 0, "basebase", 8);
		put_frame(&file, cases[i].type, &payload);
		put_pass_frame(&file, FRAME_PASS_FULL, 8, 0, "basebase", 8);
		write_file(path, file.data, file.len);
		struct recording *r = open_it(path);
		assert_int_equal(count_of(r), cases[i].count);
		auto_bytes struct bytes base = { 0 };
		struct error err = { 0 };
		put(&base, "basebase", 8);
		assert_int_equal(recording_seek(r, cases[i].count - 1, &err), 0);
		expect_next(r, &base);
		recording_close(r);
	}
}

static void a_delta_without_a_pass_and_a_huge_length_end_the_index(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	auto_bytes struct bytes orphan = { 0 }, huge = { 0 };
	uint8_t head[FRAME_HEADER_SIZE];
	put_header(&orphan);
	put_pass_frame(&orphan, FRAME_PASS_DELTA, 8, 0, "basebase", 8);
	put_pass_frame(&orphan, FRAME_PASS_FULL, 8, 0, "basebase", 8);
	write_file(path, orphan.data, orphan.len);
	struct recording *r = open_it(path);
	assert_int_equal(count_of(r), 0);
	recording_close(r);
	frame_header_put(head,
			 &(struct frame_header){ .type = 1, .length = UINT32_MAX });
	put_header(&huge);
	put(&huge, head, sizeof(head));
	write_file(path, huge.data, huge.len);
	r = open_it(path);
	assert_int_equal(count_of(r), 0);
	recording_close(r);
}

/* Frames that are larger than what is looked at in one go. */
static void large_frames_are_walked_over(void **state)
{
	(void)state;
	enum { COUNT = 5, SIZE = 300000 };
	auto_path char *path = temp_path();
	struct bytes passes[COUNT] = { { 0 } };
	auto_bytes struct bytes noise = { 0 };
	uint32_t random = 1;
	for (size_t i = 0; i < SIZE; i++) {
		random = random * 1664525 + 1013904223;
		put(&noise, (uint8_t *)&random + 3, 1);
	}
	for (size_t i = 0; i < COUNT; i++)
		put_item(&passes[i], ITEM_OWNERS, "", noise.data + i * 10000,
			 i % 2 ? 100 : SIZE - 50000);
	record(path, passes, COUNT, NULL);
	struct recording *r = open_it(path);
	assert_int_equal(count_of(r), COUNT);
	for (size_t i = COUNT; i-- > 0;)
		expect_at(r, i, passes);
	recording_close(r);
	clear_passes(passes, COUNT);
}

static void a_time_finds_the_pass_that_was_shown_then(void **state)
{
	(void)state;
	static const uint64_t times[] = { 0, 100, 200, 0, 150, 300, UINT64_MAX, 310 };
	static const struct {
		uint64_t when;
		size_t pass;
	} cases[] = {
		{ 0, 1 },   { 99, 1 },  { 100, 1 },        { 149, 1 },
		{ 150, 4 }, { 200, 4 }, { 299, 4 },        { 300, 5 },
		{ 309, 5 }, { 310, 7 }, { UINT64_MAX, 7 },
	};
	struct recording_index index = { 0 };
	size_t pass;
	assert_int_equal(index_find_time(&index, 5, &pass), -1);
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
		index_add(&index, 16, true, times[i]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(index_find_time(&index, cases[i].when, &pass), 0);
		assert_int_equal(pass, cases[i].pass);
	}
	index_clear(&index);
	index_add(&index, 16, true, 0);
	assert_int_equal(index_find_time(&index, 5, &pass), -1);
	index_clear(&index);
}

static void open_source(struct source *source, const char *path)
{
	struct error err = { 0 };
	if (source_open_recording(source, path, &err))
		fail_msg("%s", err.text);
}

static void expect_snapshot(struct source *source, struct snapshot *snap, uint64_t n)
{
	struct error err = { 0 };
	if (source->ops->take(source->self, snap, &err) != SOURCE_OK)
		fail_msg("%s", err.text);
	assert_int_equal(snap->monotonic_ms, 1000 * n);
	assert_int_equal(snap->socket_count, 20 + n % 7 - n % 5);
}

static void the_source_goes_to_and_fro(void **state)
{
	(void)state;
	enum { COUNT = 140 };
	auto_recorded struct recorded t = record_passes(COUNT);
	struct error err = { 0 };
	struct source source;
	struct source_extent extent;
	auto_snapshot struct snapshot snap = { 0 };
	size_t pass;
	open_source(&source, t.path);
	expect_snapshot(&source, &snap, 0);
	assert_int_equal(source_extent(&source, &extent, &err), 0);
	assert_int_equal(extent.pass_count, COUNT);
	assert_int_equal(extent.position, 1);
	assert_int_equal(extent.next_realtime_ns, 1000000000);
	assert_int_equal(extent.first_realtime_ns, 1000000000); /* pass 0 has none */
	assert_int_equal(extent.last_realtime_ns, (COUNT - 1) * 1000000000ULL);
	assert_int_equal(source_find_time(&source, 77500000000, &pass, &err), 0);
	assert_int_equal(pass, 77);
	assert_int_equal(source_seek_pass(&source, pass, &err), 0);
	expect_snapshot(&source, &snap, 77);
	expect_snapshot(&source, &snap, 78);
	assert_int_equal(source_extent(&source, &extent, &err), 0);
	assert_int_equal(extent.position, 79);
	assert_int_equal(extent.next_realtime_ns, 79000000000);
	assert_int_equal(source_seek_pass(&source, COUNT, &err), -1);
	assert_non_null(strstr(err.text, "has no pass 141; the last one is 140"));
	expect_snapshot(&source, &snap, 79); /* as if nobody had asked */
	assert_int_equal(source_seek_pass(&source, COUNT - 1, &err), 0);
	expect_snapshot(&source, &snap, COUNT - 1);
	assert_int_equal(source.ops->take(source.self, &snap, &err), SOURCE_END);
	assert_int_equal(source_seek_pass(&source, 0, &err), 0);
	expect_snapshot(&source, &snap, 0);
	assert_int_equal(source_close(&source, &err), 0);
}

static void the_source_is_usable_after_damage(void **state)
{
	(void)state;
	enum { COUNT = 6 };
	auto_recorded struct recorded t = record_passes(COUNT);
	struct error err = { 0 };
	struct source source;
	auto_snapshot struct snapshot snap = { 0 };
	damage(&t, t.ends[3] - 1, 1);
	open_source(&source, t.path);
	for (size_t n = 3; n < COUNT; n++) {
		assert_int_equal(source_seek_pass(&source, n, &err), -1);
		assert_non_null(strstr(err.text, "(pass 4 of the recording)"));
		assert_int_equal(source.ops->take(source.self, &snap, &err),
				 SOURCE_ERROR);
	}
	assert_int_equal(source_seek_pass(&source, 2, &err), 0);
	expect_snapshot(&source, &snap, 2);
	assert_int_equal(source.ops->take(source.self, &snap, &err), SOURCE_ERROR);
	assert_int_equal(source_close(&source, &err), 0);
}

static void a_single_pass_and_a_torn_one_behind_it(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	struct bytes passes[3] = { { 0 } };
	off_t ends[3];
	struct error err = { 0 };
	struct source source;
	struct source_extent extent;
	auto_snapshot struct snapshot snap = { 0 };
	make_passes(passes, 3);
	record(path, passes + 1, 2, ends);
	assert_int_equal(truncate(path, ends[1] - 1), 0);
	open_source(&source, path);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(source_extent(&source, &extent, &err), 0);
		assert_int_equal(extent.pass_count, 1);
		assert_int_equal(extent.first_realtime_ns, extent.last_realtime_ns);
		assert_int_equal(source_seek_pass(&source, 0, &err), 0);
		expect_snapshot(&source, &snap, 1);
		assert_int_equal(snap.degraded_count, 1); /* and says that it is torn */
	}
	assert_int_equal(source_close(&source, &err), 0);
	clear_passes(passes, 3);
}

static void an_ss_dump_is_a_recording_of_one_pass(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	auto_bytes struct bytes dump = { 0 };
	struct error err = { 0 };
	struct source source;
	struct source_extent extent;
	auto_snapshot struct snapshot snap = { 0 };
	put_row(&dump, 1, 0);
	put_done(&dump);
	write_file(path, dump.data, dump.len);
	open_source(&source, path);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(source_seek_pass(&source, 0, &err), 0);
		assert_int_equal(source.ops->take(source.self, &snap, &err), SOURCE_OK);
		assert_int_equal(snap.socket_count, 1);
	}
	assert_int_equal(source_extent(&source, &extent, &err), 0);
	assert_int_equal(extent.pass_count, 1);
	assert_int_equal(extent.first_realtime_ns, snap.realtime_ns);
	assert_int_equal(source_seek_pass(&source, 1, &err), -1);
	assert_int_equal(source_close(&source, &err), 0);
}

static void a_pipe_is_refused_with_the_reason(void **state)
{
	(void)state;
	auto_recorded struct recorded t = record_passes(2);
	struct error err = { 0 };
	struct source source;
	struct source_extent extent;
	auto_snapshot struct snapshot snap = { 0 };
	char name[64];
	int ends[2];
	size_t pass;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], t.file.data, t.file.len), t.file.len);
	close(ends[1]);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	open_source(&source, name);
	assert_int_equal(source_extent(&source, &extent, &err), -1);
	assert_non_null(strstr(err.text, "no regular file"));
	assert_int_equal(source_find_time(&source, 1, &pass, &err), -1);
	assert_int_equal(source_seek_pass(&source, 1, &err), -1);
	expect_snapshot(&source, &snap, 0); /* reading goes on all the same */
	expect_snapshot(&source, &snap, 1);
	assert_int_equal(source_close(&source, &err), 0);
	close(ends[0]);
}

static void the_kernel_cannot_be_wound(void **state)
{
	(void)state;
	struct source source;
	struct error err = { 0 };
	struct source_extent extent;
	size_t pass;
	assert_int_equal(
		source_open_kernel(&source, &(struct source_options){ 0 }, &err), 0);
	assert_int_equal(source_extent(&source, &extent, &err), -1);
	assert_non_null(strstr(err.text, "only a recording"));
	assert_int_equal(source_find_time(&source, 1, &pass, &err), -1);
	assert_int_equal(source_seek_pass(&source, 0, &err), -1);
	assert_int_equal(source_close(&source, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pass_is_found_from_everywhere),
		cmocka_unit_test(the_index_says_when_and_where),
		cmocka_unit_test(a_recording_that_grows_is_followed),
		cmocka_unit_test(a_torn_tail_is_not_in_the_index_until_it_is_whole),
		cmocka_unit_test(damage_in_the_middle_is_named_and_can_be_left),
		cmocka_unit_test(hostile_frames_are_treated_as_the_reader_does),
		cmocka_unit_test(
			a_delta_without_a_pass_and_a_huge_length_end_the_index),
		cmocka_unit_test(large_frames_are_walked_over),
		cmocka_unit_test(a_time_finds_the_pass_that_was_shown_then),
		cmocka_unit_test(the_source_goes_to_and_fro),
		cmocka_unit_test(the_source_is_usable_after_damage),
		cmocka_unit_test(a_single_pass_and_a_torn_one_behind_it),
		cmocka_unit_test(an_ss_dump_is_a_recording_of_one_pass),
		cmocka_unit_test(a_pipe_is_refused_with_the_reason),
		cmocka_unit_test(the_kernel_cannot_be_wound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
