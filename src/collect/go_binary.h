/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_GO_BINARY_H
#define CONN_DOCTOR_GO_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Was a program linked by the Go toolchain? A Go program has a name of its own, so
 * only its file tells: by the section .go.buildinfo (Go 1.13 and later), else by
 * .note.go.buildid. Both are loaded with the program, so `strip` leaves them.
 * Whoever runs the program writes the file: every offset in it is checked, and the
 * sections and the bytes read are bounded.
 */
enum go_answer {
	GO_UNKNOWN, /* not readable, cut, without sections, or of another byte order */
	GO_NO,
	GO_YES,
};

/* Copies `len` bytes from `at` on; false when there are not as many. */
typedef bool go_reader(void *from, uint64_t at, void *to, size_t len);

enum go_answer go_binary_parse(go_reader *read_at, void *from);

/* What was answered of the programs seen last, by their file. All zero is empty. */
struct go_cache {
	struct go_program {
		uint64_t inode;
		uint64_t changed_ns; /* when the file was changed last */
		uint32_t device_major, device_minor;
		enum go_answer answer;
	} programs[64];
	size_t count; /* ever added: the oldest makes room */
};

/*
 * Of the file at the path, such as /proc/PID/exe. Each file is read once: a process
 * that runs another program later (exec) is asked anew.
 */
enum go_answer go_binary_ask(struct go_cache *cache, const char *path);

#endif
