/* SPDX-License-Identifier: MIT */
#include "conn-doctor/source.h"

#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/stat.h>

static bool device_index(const char *name, uint64_t *index)
{
	*index = if_nametoindex(name);
	return *index != 0;
}

/* The id that CGROUP_ID reports is the inode number of the cgroup's directory. */
static bool cgroup_id(const char *path, uint64_t *id)
{
	char full[PATH_MAX];
	struct stat st;
	int len = snprintf(full, sizeof(full), "/sys/fs/cgroup/%s", path);
	if (len < 0 || (size_t)len >= sizeof(full))
		return false;
	if (stat(full, &st) && stat(path, &st))
		return false;
	*id = st.st_ino;
	return true;
}

const struct filter_resolver host_resolver = {
	.device = device_index,
	.cgroup = cgroup_id,
};
