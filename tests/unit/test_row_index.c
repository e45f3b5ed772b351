/* SPDX-License-Identifier: MIT */

/* The index of rows: of any size, full to its last place, and used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conn-doctor/memory.h"
#include "conn-doctor/row_index.h"
#include "conn-doctor/u64_map.h"

struct row {
	uint64_t key;
	uint32_t other;
};

enum { ROWS = 3000 };

static uint32_t insert(struct row_index *index, const struct row *rows, uint32_t row)
{
	return row_index_insert(index, rows, sizeof(*rows), rows[row].key, row);
}

static uint32_t find(const struct row_index *index, const struct row *rows,
		     uint64_t key)
{
	return row_index_find(index, rows, sizeof(*rows), key);
}

static struct row *make_rows(uint64_t step)
{
	struct row *rows = xcalloc(ROWS, sizeof(*rows));
	for (uint32_t i = 0; i < ROWS; i++)
		rows[i] = (struct row){ .key = i * step, .other = i };
	return rows;
}

/* As many rows as it has room for, 0 among the keys. */
static void every_row_is_found_at_any_size(void **state)
{
	(void)state;
	static const uint64_t steps[] = { 1, 4096, UINT64_C(1) << 33, UINT64_MAX };
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		auto_free struct row *rows = make_rows(steps[i]);
		struct row_index index = { 0 };
		for (size_t size = 0; size < ROWS - 3; size += size / 8 + 1) {
			row_index_reset(&index, size);
			assert_in_range(index.room, size, size * 4 + 3);
			for (uint32_t row = 0; row < index.room; row++)
				assert_int_equal(insert(&index, rows, row), row);
			for (uint32_t row = 0; row < index.room; row++)
				assert_int_equal(find(&index, rows, rows[row].key),
						 row);
			assert_int_equal(find(&index, rows, rows[index.room].key),
					 ROW_NONE);
		}
		row_index_clear(&index);
	}
}

static void a_key_has_the_row_it_came_with(void **state)
{
	(void)state;
	struct row rows[] = { { 7, 0 }, { 8, 0 }, { 7, 0 }, { 9, 0 } };
	struct row_index index = { 0 };
	assert_int_equal(find(&index, rows, 7), ROW_NONE);
	row_index_reset(&index, 4);
	assert_int_equal(insert(&index, rows, 0), 0);
	assert_int_equal(insert(&index, rows, 1), 1);
	assert_int_equal(insert(&index, rows, 2), 0);
	assert_int_equal(row_index_insert(&index, rows, sizeof(*rows), 9, 2), 2);
	rows[2].key = 9;
	assert_int_equal(find(&index, rows, 9), 2);
	row_index_clear(&index);
	assert_int_equal(find(&index, rows, 7), ROW_NONE);
}

/* Keys whose hashes agree in the half that a slot is marked with. */
static void rows_that_look_alike_are_told_apart(void **state)
{
	(void)state;
	enum { BITS = 12, ALIKE = 40 };
	struct row rows[ALIKE];
	struct row_index index = { 0 };
	uint64_t key = 0;
	for (uint32_t i = 0; i < ALIKE; key++)
		if (u64_hash(key) >> 32 < UINT32_MAX / 8 &&
		    (u64_hash(key) & 0xffffffff) >> (32 - BITS) == 0)
			rows[i++] = (struct row){ .key = key };
	row_index_reset(&index, ALIKE);
	for (uint32_t i = 0; i < ALIKE; i++)
		assert_int_equal(insert(&index, rows, i), i);
	for (uint32_t i = 0; i < ALIKE; i++)
		assert_int_equal(find(&index, rows, rows[i].key), i);
	assert_int_equal(find(&index, rows, key), ROW_NONE);
	row_index_clear(&index);
}

static void memory_is_bounded(void **state)
{
	(void)state;
	struct row_index index = { 0 };
	row_index_reset(&index, 1000000);
	assert_in_range(index.slot_count * sizeof(*index.slots), 5300000, 5400000);
	const uint32_t *slots = index.slots;
	row_index_reset(&index, 900000);
	assert_ptr_equal(index.slots, slots);
	assert_true(index.room >= 1000000);
	row_index_reset(&index, 1000);
	assert_true(index.room < 1010);
	row_index_clear(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_found_at_any_size),
		cmocka_unit_test(a_key_has_the_row_it_came_with),
		cmocka_unit_test(rows_that_look_alike_are_told_apart),
		cmocka_unit_test(memory_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
