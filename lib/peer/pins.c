/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/pins.h"

#include <dirent.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fp_maps.h"

size_t fp_maps_dir(const char *pins, char *out, size_t size)
{
	return (size_t)snprintf(out, size, "%s/v%d", pins, FP_LAYOUT);
}

/* bpffs refuses names with dots, as VLAN interfaces have them. */
void fp_maps_nic_path(const char *dir, const char *kind, const char *ifname,
		      char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "%s/%s/", dir, kind);

	for (; *ifname && n + 4 < size; ifname++) {
		if (*ifname == '.' || *ifname == '%')
			n += (size_t)snprintf(out + n, size - n, "%%%02x",
					      (unsigned int)*ifname);
		else
			out[n++] = *ifname;
	}
	out[n] = 0;
}

/* Back from a pin's name to the NIC's. */
static void fp_pin_nic(const char *pin, char *out, size_t size)
{
	size_t n = 0;
	unsigned int c;
	int len = 0;

	while (*pin && n + 1 < size) {
		if (*pin == '%' && sscanf(pin, "%%%2x%n", &c, &len) == 1 &&
		    len == 3) {
			out[n++] = (char)c;
			pin += 3;
		} else {
			out[n++] = *pin++;
		}
	}
	out[n] = 0;
}

/* The highest layout but one (0: all count). */
static unsigned int fp_pins_highest(const char *pins, unsigned int but)
{
	unsigned int best = 0, v;
	struct dirent *d;
	DIR *dir = opendir(pins);
	char junk;

	while (dir && (d = readdir(dir)))
		if (sscanf(d->d_name, "v%u%c", &v, &junk) == 1 && v > best &&
		    v != but)
			best = v;
	if (dir)
		closedir(dir);
	return best;
}

unsigned int fp_maps_layout(const char *pins)
{
	return fp_pins_highest(pins, 0);
}

unsigned int fp_pins_other_layout(const char *pins)
{
	return fp_pins_highest(pins, FP_LAYOUT);
}

/* The nearest directory above path that is there. */
static void fp_pins_above(const char *path, char *out, size_t size)
{
	char *slash;

	snprintf(out, size, "%s", path);
	do {
		slash = strrchr(out, '/');
		if (!slash)
			snprintf(out, size, ".");
		else
			slash[slash == out] = 0;
	} while (slash && slash != out && access(out, F_OK) && errno == ENOENT);
}

/* Where a bpf filesystem is mounted: the first of "DEVICE DIR bpf OPTIONS"
 * (proc(5), /proc/PID/mounts). */
static bool fp_pins_elsewhere(char out[PATH_MAX])
{
	char line[PATH_MAX + 256], type[32];
	FILE *f = fopen("/proc/self/mounts", "re");
	bool is_there = false;

	while (f && !is_there && fgets(line, sizeof(line), f))
		is_there = sscanf(line, "%*s %4095s %31s", out, type) == 2 &&
			   !strcmp(type, "bpf");
	if (f)
		fclose(f);
	return is_there;
}

static int fp_pins_not_bpf(const char *pins, struct fp_err *e)
{
	char at[PATH_MAX];

	if (fp_pins_elsewhere(at))
		return fp_err(
			e, -EINVAL,
			"%s is not in a bpf filesystem, where kernel tables can be pinned; there is one on %s: mount -t bpf -o mode=711 bpf /sys/fs/bpf, or give --pins %s/fastpath",
			pins, at, at);
	return fp_err(
		e, -EINVAL,
		"%s is not in a bpf filesystem, where kernel tables can be pinned, and none is mounted: mount -t bpf -o mode=711 bpf /sys/fs/bpf, or give another directory with --pins",
		pins);
}

static int fp_pins_make_failed(const char *pins, int code, struct fp_err *e)
{
	char above[PATH_MAX];
	struct statfs st;

	fp_pins_above(pins, above, sizeof(above));
	if (!statfs(above, &st) && st.f_type != BPF_FS_MAGIC)
		return fp_pins_not_bpf(pins, e);
	return fp_err_sys(e, code, "making %s", pins);
}

int fp_pins_check(const char *pins, bool is_make, struct fp_err *e)
{
	bool is_made = is_make && !mkdir(pins, 0700);
	struct statfs st;

	if (is_make && !is_made && errno != EEXIST)
		return fp_pins_make_failed(pins, -errno, e);
	if (statfs(pins, &st))
		return fp_err_sys(e, -errno, "%s", pins);
	if (st.f_type == BPF_FS_MAGIC)
		return 0;
	if (is_made)
		rmdir(pins);
	return fp_pins_not_bpf(pins, e);
}

/* rm -r, two levels deep as pins are. */
static int fp_pins_remove(const char *path, int depth, struct fp_err *e)
{
	char sub[PATH_MAX];
	struct dirent *d;
	int r = 0;
	DIR *dir;

	if (!unlink(path) || errno == ENOENT)
		return 0;
	dir = depth ? opendir(path) : NULL;
	while (dir && !r && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, d->d_name);
		r = fp_pins_remove(sub, depth - 1, e);
	}
	if (dir)
		closedir(dir);
	if (!r && rmdir(path))
		r = fp_err_sys(e, -errno, "removing %s", path);
	return r;
}

#define FP_PINS_DEPTH 2

static bool fp_is_leftover(const char *name)
{
	unsigned int v;
	int n = 0;

	return sscanf(name, "v%u_%n", &v, &n) == 1 && n &&
	       (!strcmp(name + n, "new") || !strcmp(name + n, "gone"));
}

int fp_pins_clean(const char *pins, struct fp_err *e)
{
	DIR *dir = opendir(pins);
	char path[PATH_MAX];
	struct dirent *d;
	int r = 0;

	while (dir && !r && (d = readdir(dir))) {
		if (!fp_is_leftover(d->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", pins, d->d_name);
		r = fp_pins_remove(path, FP_PINS_DEPTH, e);
	}
	if (dir)
		closedir(dir);
	return r;
}

int fp_pins_drop(const char *dir, struct fp_err *e)
{
	char gone[PATH_MAX];

	snprintf(gone, sizeof(gone), "%s_gone", dir);
	if (rename(dir, gone))
		return fp_err_sys(e, -errno, "removing %s", dir);
	return fp_pins_remove(gone, FP_PINS_DEPTH, e);
}

int fp_pins_move(const char *from, const char *to, struct fp_err *e)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", to);
	*strrchr(dir, '/') = 0;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return fp_err_sys(e, -errno, "making %s", dir);
	if (rename(from, to))
		return fp_err_sys(e, -errno, "moving %s to %s", from, to);
	return 0;
}

/* The names are read first: each may change the directory. */
int fp_pins_nics(const char *dir, int (*each)(void *ctx, const char *ifname),
		 void *ctx, struct fp_err *e)
{
	char path[PATH_MAX], name[FP_IFNAME * 3];
	struct dirent **list;
	int n, r = 0;

	snprintf(path, sizeof(path), "%s/links", dir);
	n = scandir(path, &list, NULL, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : fp_err_sys(e, -errno, "%s", path);
	for (int i = 0; i < n; i++) {
		if (!r && list[i]->d_name[0] != '.') {
			fp_pin_nic(list[i]->d_name, name, sizeof(name));
			r = each(ctx, name);
		}
		free(list[i]);
	}
	free(list);
	return r;
}
