/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/source.h"
#include "recording.h"
#include "recording_format.h"
#include "recordings.h"

struct outcome {
	enum source_result result;
	size_t passes;
	bool is_torn;
	struct error err;
};

/* Reads all; every pass that is delivered must be the one that was recorded. */
static struct outcome replay(const char *path, const struct bytes *passes, size_t count)
{
	struct outcome o = { .result = SOURCE_ERROR };
	struct recording *r;
	if (recording_open(&r, path, &o.err))
		return o;
	const uint8_t *bytes;
	size_t len;
	while ((o.result = recording_next(r, &bytes, &len, &o.is_torn, &o.err)) ==
	       SOURCE_OK) {
		assert_true(o.passes < count);
		assert_int_equal(len, passes[o.passes].len);
		if (len > 0)
			assert_memory_equal(bytes, passes[o.passes].data, len);
		o.passes++;
	}
	/* Asking again changes nothing. */
	bool is_torn;
	struct error err;
	assert_int_equal(recording_next(r, &bytes, &len, &is_torn, &err), SOURCE_END);
	recording_close(r);
	return o;
}

static void passes_come_back_as_recorded(void **state)
{
	(void)state;
	enum { COUNT = 300 }; /* more than one full pass */
	auto_recorded struct recorded t = record_passes(COUNT);
	struct outcome o = replay(t.path, t.passes, COUNT);
	assert_int_equal(o.result, SOURCE_END);
	assert_int_equal(o.passes, COUNT);
	assert_false(o.is_torn);
}

static void passes_of_any_size_come_back(void **state)
{
	(void)state;
	enum { COUNT = 8 };
	auto_path char *path = temp_path();
	struct bytes passes[COUNT] = { { 0 } };
	put_pass(&passes[0], 0, 0, 30000);
	put_pass(&passes[1], 1, 0, 30000);
	put_pass(&passes[2], 2, 10000, 50000);
	/* passes[3] is empty */
	put_pass(&passes[4], 4, 0, 3);
	put_item(&passes[5], ITEM_NETLINK, "", "no netlink", 10);
	put_item(&passes[6], (enum item_kind)999, "key", "", 0);
	put_pass(&passes[7], 7, 0, 30000);
	record(path, passes, COUNT, NULL);
	struct outcome o = replay(path, passes, COUNT);
	assert_int_equal(o.result, SOURCE_END);
	assert_int_equal(o.passes, COUNT);
	clear_passes(passes, COUNT);
}

/* Ten thousand rows whose timers move: a pass is to cost little (design.md 7). */
static void quiet_connections_cost_little(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	struct bytes passes[3] = { { 0 } };
	off_t ends[3];
	for (uint32_t i = 0; i < 3; i++)
		put_pass(&passes[i], i, 0, 10000);
	record(path, passes, 3, ends);
	assert_true(ends[2] - ends[1] < 1000);
	clear_passes(passes, 3);
	put_pass(&passes[0], 0, 0, 10000);
	put_pass(&passes[1], 1, 100, 10100); /* 100 went, 100 came */
	record(path, passes, 2, ends);
	assert_true(ends[1] - ends[0] < 6000);
	clear_passes(passes, 2);
}

static void a_recording_is_continued(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	struct bytes passes[9] = { { 0 } };
	make_passes(passes, 9);
	record(path, passes, 3, NULL);
	record(path, passes + 3, 1, NULL);
	record(path, NULL, 0, NULL);
	record(path, passes + 4, 5, NULL);
	struct outcome o = replay(path, passes, 9);
	assert_int_equal(o.result, SOURCE_END);
	assert_int_equal(o.passes, 9);
	clear_passes(passes, 9);
}

static void a_new_recording_is_private(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	unlink(path);
	record(path, NULL, 0, NULL);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, FILE_HEADER_SIZE);
}

static void a_torn_tail_loses_one_pass_and_can_be_continued(void **state)
{
	(void)state;
	enum { COUNT = 4 };
	auto_recorded struct recorded t = record_passes(COUNT);
	for (off_t len = 0; len <= (off_t)t.file.len; len++) {
		size_t whole = whole_passes(&t, (size_t)len);
		bool is_boundary = len == FILE_HEADER_SIZE ||
				   (whole > 0 && t.ends[whole - 1] == len);
		write_file(t.path, t.file.data, (size_t)len);
		struct outcome o = replay(t.path, t.passes, COUNT);
		assert_int_equal(o.result, len < RECORDING_MAGIC_SIZE ? SOURCE_ERROR
								      : SOURCE_END);
		assert_int_equal(o.passes, whole);
		assert_int_equal(o.is_torn, len > FILE_HEADER_SIZE && !is_boundary);
		record(t.path, t.passes + whole, COUNT - whole, NULL);
		o = replay(t.path, t.passes, COUNT);
		assert_int_equal(o.result, SOURCE_END);
		assert_int_equal(o.passes, COUNT);
	}
}

static void a_changed_bit_never_yields_a_wrong_pass(void **state)
{
	(void)state;
	enum { COUNT = 3 };
	auto_recorded struct recorded t = record_passes(COUNT);
	for (size_t i = 0; i < t.file.len * 8; i++) {
		t.file.data[i / 8] ^= (uint8_t)(1 << i % 8);
		write_file(t.path, t.file.data, t.file.len);
		t.file.data[i / 8] ^= (uint8_t)(1 << i % 8);
		struct outcome o = replay(t.path, t.passes, COUNT);
		if (i / 8 >= 12 && i / 8 < FILE_HEADER_SIZE) {
			assert_int_equal(o.passes, COUNT); /* reserved */
			continue;
		}
		assert_int_equal(o.passes, i / 8 < FILE_HEADER_SIZE
						   ? 0
						   : whole_passes(&t, i / 8));
		assert_true(o.result == SOURCE_ERROR || o.is_torn);
	}
}

static void damage_is_named_with_its_place(void **state)
{
	(void)state;
	auto_recorded struct recorded t = record_passes(3);
	damage(&t, t.ends[0] + FRAME_HEADER_SIZE + 30, 1);
	struct outcome o = replay(t.path, t.passes, 3);
	assert_int_equal(o.result, SOURCE_ERROR);
	assert_int_equal(o.passes, 1);
	auto_free char *text = xasprintf("%s: damaged at byte %lld (pass 2 of the "
					 "recording): the checksum does not match; "
					 "passes before it are good",
					 t.path, (long long)t.ends[0]);
	assert_string_equal(o.err.text, text);
}

static void expect_damage(const struct bytes *file, const char *why)
{
	auto_path char *path = temp_path();
	write_file(path, file->data, file->len);
	auto_bytes struct bytes base = { 0 };
	put(&base, "basebase", 8);
	struct outcome o = replay(path, &base, 1);
	assert_int_equal(o.result, SOURCE_ERROR);
	assert_text(&o.err, why);
}

static void hostile_segments_are_refused(void **state)
{
	(void)state;
	static const struct {
		uint32_t len, from, raw_len;
		const char *why;
	} cases[] = {
		{ 4, 8, 4, "refers to nothing" },
		{ 4, 5, 4, "refers to nothing" },
		{ 4, UINT32_MAX, 4, "refers to nothing" },
		{ 4, 0x7fffffff, 4, "refers to nothing" },
		{ 0, 0, 4, "too long" },
		{ 5, 0, 4, "too long" },
		{ UINT32_MAX, 0, 4, "too long" },
		{ 3, 0, 4, "do not cover" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_bytes struct bytes file = { 0 };
		uint8_t plain[12] = { 0 };
		put_le32(plain, cases[i].len);
		put_le32(plain + 4, cases[i].from);
		put_header(&file);
		put_pass_frame(&file, FRAME_PASS_FULL, 8, 0, "basebase", 8);
		put_pass_frame(&file, FRAME_PASS_DELTA, cases[i].raw_len, 1, plain, 12);
		expect_damage(&file, cases[i].why);
	}
}

static void hostile_lengths_are_refused(void **state)
{
	(void)state;
	static const struct {
		uint32_t type, raw_len, segment_count;
		const char *why;
	} cases[] = {
		{ FRAME_PASS_FULL, 9, 0, "contradict" },
		{ FRAME_PASS_FULL, 7, 0, "contradict" },
		{ FRAME_PASS_FULL, 1 << 30, 0, "contradict" },
		{ FRAME_PASS_FULL, UINT32_MAX, 0, "impossible" },
		{ FRAME_PASS_FULL, 0, 1, "impossible" },
		{ FRAME_PASS_DELTA, 8, 0, "is missing" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_bytes struct bytes file = { 0 };
		put_header(&file);
		put_pass_frame(&file, cases[i].type, cases[i].raw_len,
			       cases[i].segment_count, "basebase", 8);
		expect_damage(&file, cases[i].why);
	}
}

static void a_short_or_unpackable_pass_is_refused(void **state)
{
	(void)state;
	auto_bytes struct bytes file = { 0 }, noise = { 0 };
	struct bytes payload = { .data = (uint8_t[64]){ 0 }, .len = 23 };
	put_header(&file);
	put_frame(&file, FRAME_PASS_FULL, &payload);
	expect_damage(&file, "too short");
	payload.len = 64;
	put_header(&noise);
	put_frame(&noise, FRAME_PASS_FULL, &payload);
	expect_damage(&noise, "contradict");
}

static void a_small_file_cannot_unpack_to_a_huge_pass(void **state)
{
	(void)state;
	enum { SIZE = 200 * 1024 * 1024 };
	auto_bytes struct bytes file = { 0 };
	auto_free uint8_t *zeros = xcalloc(1, SIZE);
	put_header(&file);
	put_pass_frame(&file, FRAME_PASS_FULL, SIZE, 0, zeros, SIZE);
	assert_true(file.len < 64 * 1024);
	expect_damage(&file, "impossibly large");
}

static void an_impossibly_long_frame_is_refused(void **state)
{
	(void)state;
	auto_bytes struct bytes file = { 0 };
	uint8_t head[FRAME_HEADER_SIZE];
	frame_header_put(head,
			 &(struct frame_header){ .type = 1, .length = UINT32_MAX });
	put_header(&file);
	put(&file, head, sizeof(head));
	expect_damage(&file, "impossibly long");
}

static void frames_of_later_versions_are_passed_over(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	auto_bytes struct bytes file = { 0 };
	auto_bytes struct bytes later = { 0 }, pass = { 0 };
	put(&later, "later", 5);
	put(&pass, "basebase", 8);
	put_header(&file);
	put_frame(&file, 4711, &later);
	put_pass_frame(&file, FRAME_PASS_FULL, 8, 0, pass.data, 8);
	put_frame(&file, 0, &(struct bytes){ 0 });
	write_file(path, file.data, file.len);
	struct outcome o = replay(path, &pass, 1);
	assert_int_equal(o.result, SOURCE_END);
	assert_int_equal(o.passes, 1);
	assert_false(o.is_torn);
}

static void expect_not_recordable(const char *path, const char *why)
{
	struct error err = { 0 };
	struct recorder *r;
	assert_int_equal(recorder_open(&r, path, &err), -1);
	assert_text(&err, path);
	assert_text(&err, why);
}

static void other_files_are_not_overwritten(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	write_file(path, "precious", 8);
	expect_not_recordable(path,
			      "exists and is not a recording; choose another name");
	assert_int_equal(size_of(path), 8);
	write_file(path, RECORDING_MAGIC "\2\0\0\0\0\0\0\0", 16);
	expect_not_recordable(path, "is a recording of format 2");
	assert_int_equal(size_of(path), 16);
	expect_not_recordable("/", "cannot record to /: Is a directory");
	expect_not_recordable("/nonexistent/file", "No such file or directory");
	expect_not_recordable("/dev/full", "No space left on device");
}

/* What stands behind damage may be worth something: it is not cut off. */
static void a_damaged_recording_is_not_continued(void **state)
{
	(void)state;
	auto_recorded struct recorded t = record_passes(2);
	damage(&t, FILE_HEADER_SIZE + 5, 0x40); /* length of the first frame */
	expect_not_recordable(t.path, "is damaged at byte 16 and cannot be continued");
	assert_int_equal(size_of(t.path), t.file.len);
}

static void two_recorders_cannot_share_a_file(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	struct error err = { 0 };
	struct recorder *first;
	assert_int_equal(recorder_open(&first, path, &err), 0);
	expect_not_recordable(path, "another conn-doctor records to it");
	assert_int_equal(recorder_close(first, &err), 0);
	record(path, NULL, 0, NULL);
	assert_int_equal(recorder_close(NULL, &err), 0);
}

static void limit_file_size(rlim_t limit)
{
	struct rlimit now;
	getrlimit(RLIMIT_FSIZE, &now);
	now.rlim_cur = limit;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}

static void a_failed_write_leaves_whole_passes(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	struct bytes passes[3] = { { 0 } };
	struct error err = { 0 };
	struct recorder *r;
	make_passes(passes, 3);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(recorder_open(&r, path, &err), 0);
	add_items(r, &passes[0]);
	assert_int_equal(recorder_end_pass(r, &err), 0);
	off_t good = size_of(path);
	limit_file_size((rlim_t)good + 20); /* the next write stops inside the frame */
	add_items(r, &passes[2]);
	assert_int_equal(recorder_end_pass(r, &err), -1);
	assert_text(&err, path);
	assert_text(&err, "File too large");
	assert_int_equal(size_of(path), good);
	limit_file_size(RLIM_INFINITY);
	/* The pass that failed is not the base of the next. */
	add_items(r, &passes[1]);
	assert_int_equal(recorder_end_pass(r, &err), 0);
	add_items(r, &passes[2]);
	assert_int_equal(recorder_end_pass(r, &err), 0);
	assert_int_equal(recorder_close(r, &err), 0);
	assert_int_equal(replay(path, passes, 3).passes, 3);
	clear_passes(passes, 3);
}

static void a_pass_that_is_too_large_is_refused(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	struct bytes passes[1] = { { 0 } };
	struct error err = { 0 };
	struct recorder *r;
	make_passes(passes, 1);
	assert_int_equal(recorder_open(&r, path, &err), 0);
	recorder_add(r, &(struct item){ .kind = ITEM_OWNERS, .len = ITEM_LEN_MAX + 1 });
	assert_int_equal(recorder_end_pass(r, &err), -1);
	assert_text(&err, "larger than 1 GiB");
	add_items(r, &passes[0]);
	assert_int_equal(recorder_end_pass(r, &err), 0);
	assert_int_equal(recorder_close(r, &err), 0);
	assert_int_equal(replay(path, passes, 1).passes, 1);
	clear_passes(passes, 1);
}

/* Opens as a source and takes `count` snapshots, the last of them into `snap`. */
static void take(struct source *source, struct snapshot *snap, size_t count)
{
	struct error err = { 0 };
	for (size_t i = 0; i < count; i++)
		if (source->ops->take(source->self, snap, &err) != SOURCE_OK)
			fail_msg("%s", err.text);
}

static void open_source(struct source *source, const char *path)
{
	struct error err = { 0 };
	if (source_open_recording(source, path, &err))
		fail_msg("%s", err.text);
	assert_false(source->ops->is_live);
}

static void close_source(struct source *source)
{
	struct error err = { 0 };
	assert_int_equal(source->ops->close(source->self, &err), 0);
}

static void expect_no_source(const char *path, const char *why)
{
	struct source source;
	struct error err = { 0 };
	assert_int_equal(source_open_recording(&source, path, &err), -1);
	assert_text(&err, why);
}

static const char *degraded_why(const struct snapshot *snap, const char *what)
{
	for (size_t i = 0; i < snap->degraded_count; i++)
		if (strcmp(snap->degraded[i].what, what) == 0)
			return snap->degraded[i].why;
	return "";
}

static void the_source_tells_a_torn_tail_in_the_last_snapshot(void **state)
{
	(void)state;
	auto_recorded struct recorded t = record_passes(3);
	struct error err = { 0 };
	assert_int_equal(truncate(t.path, t.ends[2] - 1), 0);
	struct source source;
	auto_snapshot struct snapshot snap = { 0 };
	open_source(&source, t.path);
	take(&source, &snap, 1);
	assert_int_equal(snap.socket_count, 20);
	assert_int_equal(snap.degraded_count, 0);
	take(&source, &snap, 1);
	assert_int_equal(snap.monotonic_ms, 1000);
	assert_int_equal(snap.socket_count, 20);
	assert_true(snap.is_complete);
	assert_non_null(strstr(degraded_why(&snap, "recording"), "left out"));
	assert_int_equal(source.ops->take(source.self, &snap, &err), SOURCE_END);
	close_source(&source);
}

static void the_source_delivers_what_is_in_front_of_damage(void **state)
{
	(void)state;
	auto_recorded struct recorded t = record_passes(3);
	struct error err = { 0 };
	damage(&t, t.ends[0], 1);
	struct source source;
	auto_snapshot struct snapshot snap = { 0 };
	open_source(&source, t.path);
	take(&source, &snap, 1);
	assert_int_equal(source.ops->take(source.self, &snap, &err), SOURCE_ERROR);
	assert_text(&err, "damaged at byte");
	assert_text(&err, t.path);
	close_source(&source);
}

static void a_pass_that_holds_no_items_is_an_error(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	auto_bytes struct bytes file = { 0 };
	struct error err = { 0 };
	put_header(&file);
	put_pass_frame(&file, FRAME_PASS_FULL, 5, 0, "hello", 5);
	write_file(path, file.data, file.len);
	struct source source;
	auto_snapshot struct snapshot snap = { 0 };
	open_source(&source, path);
	assert_int_equal(source.ops->take(source.self, &snap, &err), SOURCE_ERROR);
	auto_free char *start = xasprintf("%s, pass 1: ", path);
	assert_text(&err, start);
	close_source(&source);
}

static void files_that_are_no_recordings_are_named(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	static const char neither[] =
		"is neither a conn-doctor recording nor an `ss -D` dump";
	expect_no_source(path, neither);
	write_file(path, "State Recv-Q Send-Q Local Address:Port", 38);
	expect_no_source(path, neither);
	write_file(path, RECORDING_MAGIC, 5);
	expect_no_source(path, neither);
	write_file(path, RECORDING_MAGIC, RECORDING_MAGIC_SIZE);
	expect_no_source(path, "holds no complete pass");
	write_file(path, RECORDING_MAGIC "\1\0\0\0\0\0\0\0", 16);
	expect_no_source(path, "holds no complete pass");
	write_file(path, RECORDING_MAGIC "\2\0\0\0\0\0\0\0", 16);
	expect_no_source(path, "is a recording of format 2");
	write_file(path,
		   "\x89"
		   "CDR\n\x1a\n\1\0\0\0\0\0\0\0\0",
		   16);
	expect_no_source(path, "copy it again as a binary file");
	expect_no_source("/nonexistent", "cannot open /nonexistent: No such file");
	expect_no_source("/", "cannot read /: Is a directory");
}

static void an_ss_dump_is_one_pass(void **state)
{
	(void)state;
	auto_path char *path = temp_path();
	auto_bytes struct bytes dump = { 0 };
	for (uint32_t i = 0; i < 1000; i++)
		put_row(&dump, i + 1, 0);
	put_done(&dump);
	put_row(&dump, 2000, 0);
	put_done(&dump);
	write_file(path, dump.data, dump.len);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	struct source source;
	struct error err;
	auto_snapshot struct snapshot snap = { 0 };
	open_source(&source, path);
	take(&source, &snap, 1);
	assert_int_equal(snap.socket_count, 1001);
	assert_int_equal(snap.unreadable_count, 0);
	assert_int_equal(snap.realtime_ns / 1000000000, st.st_mtim.tv_sec);
	assert_true(snap.is_complete);
	assert_false(snap.has_owners);
	assert_string_equal(degraded_why(&snap, "process owners"),
			    "an ss dump holds none");
	assert_string_equal(degraded_why(&snap, "ss dump"), "");
	assert_int_equal(source.ops->take(source.self, &snap, &err), SOURCE_END);
	close_source(&source);
}

/* Rows and the note of a dump that was cut or changed. */
static size_t take_dump(const uint8_t *dump, size_t len, char *why, size_t why_size)
{
	auto_path char *path = temp_path();
	write_file(path, dump, len);
	struct source source;
	auto_snapshot struct snapshot snap = { 0 };
	open_source(&source, path);
	take(&source, &snap, 1);
	close_source(&source);
	snprintf(why, why_size, "%s", degraded_why(&snap, "ss dump"));
	return snap.socket_count;
}

static void a_cut_ss_dump_gives_the_rows_it_has(void **state)
{
	(void)state;
	auto_bytes struct bytes dump = { 0 };
	char why[100];
	put_row(&dump, 1, 0);
	put_row(&dump, 2, 0);
	for (size_t len = 16; len <= dump.len; len++) {
		size_t rows = take_dump(dump.data, len, why, sizeof(why));
		assert_int_equal(rows, len / ROW_SIZE);
		assert_int_equal(strstr(why, "cut short") != NULL, len % ROW_SIZE != 0);
	}
	put_le32(dump.data + ROW_SIZE, 3);
	assert_int_equal(take_dump(dump.data, dump.len, why, sizeof(why)), 1);
	assert_non_null(strstr(why, "damaged"));
	put_le32(dump.data + ROW_SIZE, UINT32_MAX);
	assert_int_equal(take_dump(dump.data, dump.len, why, sizeof(why)), 1);
	assert_non_null(strstr(why, "damaged"));
}

static void an_ss_dump_of_nothing_is_an_empty_pass(void **state)
{
	(void)state;
	auto_bytes struct bytes dump = { 0 };
	char why[100];
	put_done(&dump);
	put_done(&dump);
	assert_int_equal(take_dump(dump.data, dump.len, why, sizeof(why)), 0);
	assert_string_equal(why, "");
}

static void standard_input_is_read(void **state)
{
	(void)state;
	auto_recorded struct recorded t = record_passes(2);
	int fd = open(t.path, O_RDONLY);
	assert_true(dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	close(fd);
	struct outcome o = replay("-", t.passes, 2);
	assert_int_equal(o.result, SOURCE_END);
	assert_int_equal(o.passes, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_come_back_as_recorded),
		cmocka_unit_test(passes_of_any_size_come_back),
		cmocka_unit_test(quiet_connections_cost_little),
		cmocka_unit_test(a_recording_is_continued),
		cmocka_unit_test(a_new_recording_is_private),
		cmocka_unit_test(a_torn_tail_loses_one_pass_and_can_be_continued),
		cmocka_unit_test(a_changed_bit_never_yields_a_wrong_pass),
		cmocka_unit_test(damage_is_named_with_its_place),
		cmocka_unit_test(hostile_segments_are_refused),
		cmocka_unit_test(hostile_lengths_are_refused),
		cmocka_unit_test(a_short_or_unpackable_pass_is_refused),
		cmocka_unit_test(a_small_file_cannot_unpack_to_a_huge_pass),
		cmocka_unit_test(an_impossibly_long_frame_is_refused),
		cmocka_unit_test(frames_of_later_versions_are_passed_over),
		cmocka_unit_test(other_files_are_not_overwritten),
		cmocka_unit_test(a_damaged_recording_is_not_continued),
		cmocka_unit_test(two_recorders_cannot_share_a_file),
		cmocka_unit_test(a_failed_write_leaves_whole_passes),
		cmocka_unit_test(a_pass_that_is_too_large_is_refused),
		cmocka_unit_test(the_source_tells_a_torn_tail_in_the_last_snapshot),
		cmocka_unit_test(the_source_delivers_what_is_in_front_of_damage),
		cmocka_unit_test(a_pass_that_holds_no_items_is_an_error),
		cmocka_unit_test(files_that_are_no_recordings_are_named),
		cmocka_unit_test(an_ss_dump_is_one_pass),
		cmocka_unit_test(a_cut_ss_dump_gives_the_rows_it_has),
		cmocka_unit_test(an_ss_dump_of_nothing_is_an_empty_pass),
		cmocka_unit_test(standard_input_is_read),
	};
	return cmocka_run_group_tests_name("recording", tests, NULL, NULL);
}
