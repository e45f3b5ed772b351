/* SPDX-License-Identifier: MIT */
#ifndef CONN_DOCTOR_TREE_H
#define CONN_DOCTOR_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static inline int remove_entry(const char *path, const struct stat *st, int type,
			       struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

/* Removes a folder that the test made, with all that is in it. */
static inline int remove_tree(const char *path)
{
	return nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
