/* SPDX-License-Identifier: MIT */

/* Owners from a /proc made by hand: found, remembered, refreshed, refused. */
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

#include "builders.h"
#include "conn-doctor/frame.h"
#include "tree.h"
#include "elf_images.h"
#include "inode_set.h"
#include "proc_owner.h"
#include "recordings.h"

struct world {
	char root[64];
	struct owner_cache *cache;
	struct intake in;
	struct snapshot snap;
};

static void make_dir(const struct world *w, const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", w->root, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void make_file(const struct world *w, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", w->root, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make_fd(const struct world *w, const char *name, const char *target)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", w->root, name);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	strcpy(w->root, "/tmp/cd-proc-XXXXXX");
	if (!w || !mkdtemp(w->root))
		return -1;
	make_dir(w, "4711");
	make_dir(w, "4711/fd");
	make_dir(w, "self");
	make_file(w, "4711/stat",
		  "4711 (a) b) S 12 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 41 0 987 0\n");
	make_fd(w, "4711/fd/0", "/dev/null");
	make_fd(w, "4711/fd/7", "socket:[5000]");
	w->cache = owner_cache_new(w->root, false);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	int result = remove_tree(w->root);
	owner_cache_free(w->cache);
	intake_clear(&w->in);
	snapshot_clear(&w->snap);
	free(w);
	return result;
}

/* A pass that shows connections with these inodes. */
static void look(struct world *w, const uint32_t *inodes, size_t count)
{
	intake_begin(&w->in, &w->snap, NULL);
	for (size_t i = 0; i < count; i++) {
		struct tcp_socket sk = a_connection();
		sk.cookie = 100 + inodes[i];
		sk.inode = inodes[i];
		snapshot_put(&w->snap, sk);
	}
	owner_cache_look_up(w->cache, &w->in);
	intake_finish(&w->in);
}

static const struct socket_owner *owner_of(const struct world *w, uint32_t inode)
{
	size_t count;
	return snapshot_owners(&w->snap, inode, &count);
}

static void an_owner_is_found_by_its_descriptor(void **state)
{
	struct world *w = *state;
	look(w, (uint32_t[]){ 5000 }, 1);
	const struct socket_owner *owner = owner_of(w, 5000);
	assert_non_null(owner);
	assert_int_equal(owner->fd, 7);
	const struct process *p = &w->snap.processes[owner->process];
	assert_int_equal(p->pid, 4711);
	assert_string_equal(p->comm, "a) b"); /* a name may hold brackets */
	assert_int_equal(p->ppid, 12);
	assert_int_equal(p->start_ticks, 987);
	assert_int_equal(p->thread_count, 41);
	assert_true(w->snap.has_owners);
}

static void a_socket_without_descriptor_has_no_owner(void **state)
{
	struct world *w = *state;
	look(w, (uint32_t[]){ 5000, 6000 }, 2);
	assert_null(owner_of(w, 6000));
	assert_non_null(owner_of(w, 5000));
}

static void a_known_owner_is_remembered_without_reading(void **state)
{
	struct world *w = *state;
	look(w, (uint32_t[]){ 5000 }, 1);
	/* If it were read again, the link would tell another socket. */
	make_fd(w, "4711/fd/7", "socket:[9999]");
	look(w, (uint32_t[]){ 5000 }, 1);
	assert_int_equal(owner_of(w, 5000)->fd, 7);
}

static void a_new_socket_is_looked_for(void **state)
{
	struct world *w = *state;
	look(w, (uint32_t[]){ 5000 }, 1);
	make_dir(w, "4712");
	make_dir(w, "4712/fd");
	make_file(w, "4712/stat",
		  "4712 (late) S 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1\n");
	make_fd(w, "4712/fd/3", "socket:[6000]");
	look(w, (uint32_t[]){ 5000, 6000 }, 2);
	assert_int_equal(w->snap.processes[owner_of(w, 6000)->process].pid, 4712);
	assert_int_equal(owner_of(w, 5000)->fd, 7);
}

static void a_reused_descriptor_is_read_again(void **state)
{
	struct world *w = *state;
	look(w, (uint32_t[]){ 5000 }, 1);
	make_fd(w, "4711/fd/7", "socket:[6000]");
	look(w, (uint32_t[]){ 6000 }, 1); /* 5000 is gone */
	assert_int_equal(owner_of(w, 6000)->fd, 7);
	assert_null(owner_of(w, 5000));
}

static void every_owner_of_a_shared_socket_is_listed(void **state)
{
	struct world *w = *state;
	make_dir(w, "4712");
	make_dir(w, "4712/fd");
	make_file(w, "4712/stat",
		  "4712 (w) S 4711 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1\n");
	make_fd(w, "4712/fd/7", "socket:[5000]");
	look(w, (uint32_t[]){ 5000 }, 1);
	size_t count;
	snapshot_owners(&w->snap, 5000, &count);
	assert_int_equal(count, 2);
}

/* A process that sorts after 4711 as a number and before it as a text. */
static void descriptors_are_in_order_however_they_are_listed(void **state)
{
	struct world *w = *state;
	uint32_t inodes[60];
	make_dir(w, "10000");
	make_dir(w, "10000/fd");
	for (uint32_t i = 0; i < 60; i++) {
		char name[32], target[32];
		inodes[i] = 9000 - i;
		snprintf(name, sizeof(name), "10000/fd/%u", i * 7 % 60);
		snprintf(target, sizeof(target), "socket:[%u]", inodes[i]);
		make_fd(w, name, target);
	}
	for (int pass = 0; pass < 2; pass++) {
		look(w, inodes, 60 - (size_t)pass * 10);
		assert_int_equal(w->snap.owner_count, 60 - pass * 10);
		for (uint32_t i = 0; i < 60 - (uint32_t)pass * 10; i++)
			assert_int_equal(owner_of(w, inodes[i])->fd, i * 7 % 60);
		assert_null(owner_of(w, 9001));
	}
	assert_null(owner_of(w, inodes[59])); /* closed between the passes */
}

/* The live run, its recording, and a recording made before there was such an item. */
static void a_go_program_is_told_live_and_from_a_recording(void **state)
{
	struct world *w = *state;
	uint8_t image[ELF_IMAGE_MAX];
	char path[96];
	look(w, (uint32_t[]){ 5000 }, 1);
	assert_false(w->snap.processes[0].is_go); /* no such file */
	snprintf(path, sizeof(path), "%s/4711/exe", w->root);
	write_file(path, image, elf_image_64(image, ".go.buildinfo"));

	struct error err;
	struct recorder *recorder;
	auto_path char *recording = temp_path();
	assert_int_equal(recorder_open(&recorder, recording, &err), 0);
	intake_begin(&w->in, &w->snap, recorder);
	struct tcp_socket sk = a_connection();
	sk.inode = 5000;
	snapshot_put(&w->snap, sk);
	owner_cache_look_up(w->cache, &w->in);
	intake_finish(&w->in);
	assert_int_equal(recorder_end_pass(recorder, &err), 0);
	assert_int_equal(recorder_close(recorder, &err), 0);
	assert_int_equal(w->snap.process_count, 1);
	assert_true(w->snap.processes[0].is_go);

	struct recording *r;
	const uint8_t *bytes;
	size_t len;
	bool is_torn;
	assert_int_equal(recording_open(&r, recording, &err), 0);
	assert_int_equal(recording_next(r, &bytes, &len, &is_torn, &err), SOURCE_OK);
	intake_begin(&w->in, &w->snap, NULL);
	assert_int_equal(intake_replay(&w->in, bytes, len, &err), 0);
	intake_finish(&w->in);
	assert_int_equal(w->snap.process_count, 1);
	assert_int_equal(w->snap.processes[0].pid, 4711);
	assert_true(w->snap.processes[0].is_go);
	recording_close(r);
}

/* Only the word itself, whatever a recording holds. */
static void another_word_for_the_toolchain_is_unknown(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *text;
		size_t len;
		bool is_go;
	} cases[] = { { "go", 2, true },   { "", 0, false },     { "g", 1, false },
		      { "gox", 3, false }, { "go\0", 3, false }, { "GO", 2, false } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		intake_begin(&w->in, &w->snap, NULL);
		intake_text(&w->in, ITEM_FILE, "4711/exe", cases[i].text, cases[i].len);
		intake_text(&w->in, ITEM_FILE, "0/exe", "go", 2);
		intake_finish(&w->in);
		assert_int_equal(w->snap.process_count, 1);
		assert_int_equal(w->snap.processes[0].is_go, cases[i].is_go);
	}
}

static void make_process(const struct world *w, int32_t pid)
{
	char name[32], stat[96];
	snprintf(name, sizeof(name), "%d", pid);
	make_dir(w, name);
	snprintf(name, sizeof(name), "%d/fd", pid);
	make_dir(w, name);
	snprintf(name, sizeof(name), "%d/stat", pid);
	snprintf(stat, sizeof(stat), "%d (x) S 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1\n",
		 pid);
	make_file(w, name, stat);
}

static void make_socket(const struct world *w, int32_t pid, int fd, uint32_t inode)
{
	char name[32], target[32];
	snprintf(name, sizeof(name), "%d/fd/%d", pid, fd);
	snprintf(target, sizeof(target), "socket:[%u]", inode);
	make_fd(w, name, target);
}

static void drop_fd(const struct world *w, int32_t pid, int fd)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/%d/fd/%d", w->root, pid, fd);
	assert_int_equal(unlink(path), 0);
}

/* Sockets come, go and come back; each pass knows exactly those that live. */
static void owners_are_right_over_many_passes(void **state)
{
	struct world *w = *state;
	make_process(w, 4712);
	look(w, (uint32_t[]){ 5000 }, 1);
	for (uint32_t i = 0; i < 50; i++) /* born, more than the cache has room for */
		make_socket(w, 4712, (int)i, 8000 + i);
	uint32_t inodes[51] = { 5000 };
	for (uint32_t i = 0; i < 50; i++)
		inodes[1 + i] = 8000 + i;
	look(w, inodes, 51);
	assert_int_equal(w->snap.owner_count, 51);
	assert_int_equal(w->snap.process_count, 2);

	look(w, inodes, 11); /* 40 died; nothing is read */
	assert_int_equal(w->snap.owner_count, 11);
	assert_null(owner_of(w, 8010));
	assert_int_equal(owner_of(w, 8009)->fd, 9);

	/* The number of one that died comes back, at another descriptor. */
	for (int fd = 10; fd < 50; fd++)
		drop_fd(w, 4712, fd);
	make_socket(w, 4712, 77, 8049);
	inodes[11] = 8049;
	look(w, inodes, 12);
	assert_int_equal(owner_of(w, 8049)->fd, 77);
	assert_int_equal(owner_of(w, 8000)->fd, 0);
	assert_int_equal(w->snap.owner_count, 12);

	look(w, inodes, 1); /* all sockets of a process died: it is no owner */
	assert_int_equal(w->snap.owner_count, 1);
	assert_int_equal(w->snap.process_count, 1);
	assert_int_equal(w->snap.processes[0].pid, 4711);
}

/* One that was searched for in vain is not searched for again. */
static void what_was_not_found_is_not_wanted_again(void **state)
{
	struct world *w = *state;
	look(w, (uint32_t[]){ 5000, 6000 }, 2);
	assert_null(owner_of(w, 6000));
	make_socket(w, 4711, 8, 6000);
	look(w, (uint32_t[]){ 5000, 6000 }, 2);
	assert_null(owner_of(w, 6000));
	/* With the next new socket it is found. */
	make_socket(w, 4711, 9, 7000);
	look(w, (uint32_t[]){ 5000, 6000, 7000 }, 3);
	assert_int_equal(owner_of(w, 6000)->fd, 8);
	assert_int_equal(owner_of(w, 7000)->fd, 9);
}

/* A socket that is listed twice is wanted once, or a search would never end early. */
static void a_row_that_comes_twice_is_one_socket(void **state)
{
	struct world *w = *state;
	look(w, (uint32_t[]){ 5000 }, 1);
	make_process(w, 4712);
	make_socket(w, 4712, 3, 5000); /* all processes would have to be searched */
	make_socket(w, 4711, 8, 6000);
	look(w, (uint32_t[]){ 5000, 6000, 6000 }, 3);
	assert_int_equal(w->snap.owner_count, 2);
	assert_int_equal(owner_of(w, 6000)->fd, 8);
}

static void a_single_pass_finds_the_same(void **state)
{
	struct world *w = *state;
	make_process(w, 10000);
	make_process(w, 4712); /* owns nothing */
	for (int fd = 0; fd < 30; fd++)
		make_socket(w, 10000, fd * 100, 9000 + (uint32_t)fd);
	owner_cache_free(w->cache);
	w->cache = owner_cache_new(w->root, true);
	uint32_t inodes[] = { 9029, 5000, 9003, 4444 };
	for (int pass = 0; pass < 2; pass++) { /* even if there is another one */
		look(w, inodes, 4);
		assert_int_equal(w->snap.owner_count, 3);
		assert_int_equal(owner_of(w, 9029)->fd, 2900);
		assert_int_equal(owner_of(w, 9003)->fd, 300);
		assert_int_equal(owner_of(w, 5000)->fd, 7);
		assert_null(owner_of(w, 4444));
		assert_int_equal(w->snap.process_count, 2);
		assert_int_equal(w->snap.processes[0].pid, 4711);
		assert_int_equal(w->snap.processes[1].pid, 10000);
		assert_true(w->snap.has_owners);
	}
}

static void nothing_found_is_looked_up_all_the_same(void **state)
{
	struct world *w = *state;
	look(w, (uint32_t[]){ 6000 }, 1);
	assert_int_equal(w->snap.owner_count, 0);
	assert_true(w->snap.has_owners);
}

/* Keys of the items that tell owners, each with the number of its owners. */
static void list_items(char *out, size_t size, const uint8_t *bytes, size_t len)
{
	size_t used = 0;
	for (size_t at = 0; at + ITEM_HEADER_SIZE <= len;) {
		const uint8_t *item = bytes + at;
		unsigned kind = get_le16(item), key_len = get_le16(item + 2);
		size_t data_len = get_le32(item + 4);
		if (kind == ITEM_OWNERS)
			used += (size_t)snprintf(
				out + used, size - used, "%.*s:%zu ", (int)key_len,
				(const char *)item + ITEM_HEADER_SIZE, data_len / 12);
		assert_true(used < size);
		at += ITEM_HEADER_SIZE + key_len + data_len;
	}
}

/* A descriptor more changes one item: the recorder finds the others unchanged. */
static void owners_are_recorded_by_ranges_of_descriptors(void **state)
{
	struct world *w = *state;
	static const int fds[] = { 0, 1023, 1024, 5000, 5119 };
	uint32_t inodes[6] = { 5000 };
	make_process(w, 4712);
	for (uint32_t i = 0; i < 5; i++)
		make_socket(w, 4712, fds[i], inodes[1 + i] = 8000 + i);
	struct error err;
	struct recorder *recorder;
	auto_path char *path = temp_path();
	assert_int_equal(recorder_open(&recorder, path, &err), 0);
	intake_begin(&w->in, &w->snap, recorder);
	for (size_t i = 0; i < 6; i++) {
		struct tcp_socket sk = a_connection();
		sk.cookie = sk.inode = inodes[i];
		snapshot_put(&w->snap, sk);
	}
	owner_cache_look_up(w->cache, &w->in);
	intake_finish(&w->in);
	assert_int_equal(recorder_end_pass(recorder, &err), 0);
	assert_int_equal(recorder_close(recorder, &err), 0);

	struct recording *r;
	const uint8_t *bytes;
	size_t len;
	bool is_torn;
	char items[128];
	assert_int_equal(recording_open(&r, path, &err), 0);
	assert_int_equal(recording_next(r, &bytes, &len, &is_torn, &err), SOURCE_OK);
	list_items(items, sizeof(items), bytes, len);
	assert_string_equal(items, ":0 4711/0:1 4712/0:2 4712/1:1 4712/4:2 ");
	intake_begin(&w->in, &w->snap, NULL);
	assert_int_equal(intake_replay(&w->in, bytes, len, &err), 0);
	intake_finish(&w->in);
	assert_int_equal(w->snap.owner_count, 6);
	assert_int_equal(owner_of(w, 8004)->fd, 5119);
	recording_close(r);
}

/* Inodes close together, far apart, all the same, the largest and the smallest. */
static void owners_are_sorted_however_they_come(void **state)
{
	struct world *w = *state;
	static const struct {
		uint32_t base, mask;
	} cases[] = { { 1, 0xfff }, { 0, UINT32_MAX }, { UINT32_MAX - 7, 7 },
		      { 4711, 0 },  { 1, 0xf000000f }, { 100, 0x3f } };
	enum { COUNT = 3000 };
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		uint64_t sum = 0, sorted_sum = 0;
		snapshot_reset(&w->snap);
		for (uint32_t i = 0; i < COUNT; i++) {
			uint32_t inode =
				cases[c].base + ((uint32_t)u64_hash(i) & cases[c].mask);
			sum += u64_hash(inode) ^ i;
			snapshot_add_owner(&w->snap, inode, 0, (int32_t)(COUNT - i));
		}
		snapshot_finish(&w->snap);
		assert_int_equal(w->snap.owner_count, COUNT);
		for (size_t i = 0; i < COUNT; i++) {
			const struct socket_owner *o = &w->snap.owners[i];
			sorted_sum += u64_hash(o->inode) ^ (uint64_t)(COUNT - o->fd);
			if (i && o->inode == o[-1].inode)
				assert_true(o->fd > o[-1].fd);
			else if (i)
				assert_true(o->inode > o[-1].inode);
		}
		assert_true(sum == sorted_sum);
	}
}

static void a_descriptor_that_cannot_be_is_no_owner(void **state)
{
	struct world *w = *state;
	static const struct {
		uint32_t process;
		int32_t fd;
		bool is_owner;
	} cases[] = { { 0, 0, true },          { (1 << 22) - 1, (1 << 26) - 1, true },
		      { 1 << 22, 3, false },   { 0, 1 << 26, false },
		      { 0, INT32_MAX, false }, { 0, -1, false } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snapshot_reset(&w->snap);
		snapshot_add_owner(&w->snap, UINT32_MAX, cases[i].process, cases[i].fd);
		snapshot_finish(&w->snap);
		const struct socket_owner *o = owner_of(w, UINT32_MAX);
		assert_int_equal(o != NULL, cases[i].is_owner);
		if (!o)
			continue;
		assert_int_equal(o->process, cases[i].process);
		assert_int_equal(o->fd, cases[i].fd);
	}
}

static void a_set_holds_what_was_added(void **state)
{
	struct inode_set set = { 0 };
	(void)state;
	assert_null(inode_set_find(&set, 5));
	for (uint32_t room = 0; room < 100; room++) {
		inode_set_reset(&set, room);
		assert_true(set.slot_count > room);
		assert_true(set.slot_count <= room + room / 3 + 1);
		for (uint32_t i = 1; i <= room; i++) {
			assert_null(inode_set_find(&set, i << 20));
			*inode_set_add(&set, i << 20) = (uint8_t)i;
		}
		for (uint32_t i = 1; i <= room; i++) {
			assert_int_equal(*inode_set_find(&set, i << 20), i);
			assert_int_equal(*inode_set_add(&set, i << 20), i);
		}
		assert_null(inode_set_find(&set, 0));
		assert_null(inode_set_find(&set, 7));
	}
	inode_set_reset(&set, 99); /* as large as it was: emptied */
	assert_null(inode_set_find(&set, 1 << 20));
	inode_set_clear(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(an_owner_is_found_by_its_descriptor),
		TEST(a_socket_without_descriptor_has_no_owner),
		TEST(a_known_owner_is_remembered_without_reading),
		TEST(a_new_socket_is_looked_for),
		TEST(a_reused_descriptor_is_read_again),
		TEST(every_owner_of_a_shared_socket_is_listed),
		TEST(descriptors_are_in_order_however_they_are_listed),
		TEST(a_go_program_is_told_live_and_from_a_recording),
		TEST(another_word_for_the_toolchain_is_unknown),
		TEST(owners_are_right_over_many_passes),
		TEST(what_was_not_found_is_not_wanted_again),
		TEST(a_row_that_comes_twice_is_one_socket),
		TEST(a_single_pass_finds_the_same),
		TEST(nothing_found_is_looked_up_all_the_same),
		TEST(owners_are_recorded_by_ranges_of_descriptors),
		TEST(owners_are_sorted_however_they_come),
		TEST(a_descriptor_that_cannot_be_is_no_owner),
		cmocka_unit_test(a_set_holds_what_was_added),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
