/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TEST_ELF_IMAGES_H
#define CONN_DOCTOR_TEST_ELF_IMAGES_H

/*
 * The least that is an ELF program: a header, three sections (none, one of the given
 * name, the names), and the names at the end.
 */
#include <elf.h>
#include <stdint.h>
#include <string.h>

enum { ELF_IMAGE_MAX = 512 };

#define DEFINE_ELF_IMAGE(BITS)                                                         \
	static inline size_t elf_image_##BITS(uint8_t *out, const char *name)          \
	{                                                                              \
		char names[64] = "\0.shstrtab";                                        \
		size_t names_len = 11 + strlen(name) + 1;                              \
		memcpy(names + 11, name, strlen(name) + 1);                            \
		Elf##BITS##_Ehdr header = {                                            \
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS##BITS, ELFDATA2LSB, \
				     EV_CURRENT },                                     \
			.e_shoff = sizeof(header),                                     \
			.e_shentsize = sizeof(Elf##BITS##_Shdr),                       \
			.e_shnum = 3,                                                  \
			.e_shstrndx = 2,                                               \
		};                                                                     \
		Elf##BITS##_Shdr sections[3] = {                                       \
			[1] = { .sh_name = 11 },                                       \
			[2] = { .sh_name = 1,                                          \
				.sh_offset = sizeof(header) + sizeof(sections),        \
				.sh_size = (uint32_t)names_len },                      \
		};                                                                     \
		memcpy(out, &header, sizeof(header));                                  \
		memcpy(out + sizeof(header), sections, sizeof(sections));              \
		memcpy(out + sizeof(header) + sizeof(sections), names, names_len);     \
		return sizeof(header) + sizeof(sections) + names_len;                  \
	}

DEFINE_ELF_IMAGE(32)
DEFINE_ELF_IMAGE(64)

#endif
