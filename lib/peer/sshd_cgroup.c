/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sshd_priv.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the whole of cgroup v2 that we see is mounted: "36 35 98:0 / /mnt
 * rw,noatime shared:1 - cgroup2 none rw" (proc(5), /proc/PID/mountinfo). */
bool fp_cgroup_mount(int proc_fd, char out[PATH_MAX])
{
	char line[PATH_MAX * 2], root[PATH_MAX];
	int fd = openat(proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	bool is_found = false;

	while (f && !is_found && fgets(line, sizeof(line), f))
		is_found = strstr(line, " - cgroup2 ") &&
			   sscanf(line, "%*s %*s %*s %4095s %4095s", root,
				  out) == 2 &&
			   !strcmp(root, "/");
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	if (!is_found)
		*out = '\0';
	return is_found;
}

/* "0::/system.slice/ssh.service" (cgroups(7), /proc/PID/cgroup).  One outside
 * of our cgroup namespace begins with "/..", which names another directory. */
static bool path_read(int proc_fd, const char *pid, char out[PATH_MAX])
{
	char line[PATH_MAX + 8], path[300];
	bool is_found = false;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	while (f && !is_found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		is_found = !strncmp(line, "0::/", 4) &&
			   strncmp(line + 3, "/..", 3) != 0;
		if (is_found)
			snprintf(out, PATH_MAX, "%s", line + 3);
	}
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	return is_found;
}

uint64_t fp_cgroup_of(const char *at, int proc_fd, const char *pid)
{
	char path[PATH_MAX], dir[PATH_MAX * 2];
	struct stat st;

	if (!*at || !path_read(proc_fd, pid, path))
		return 0;
	snprintf(dir, sizeof(dir), "%s%s", at, path);
	return stat(dir, &st) ? 0 : st.st_ino;
}
