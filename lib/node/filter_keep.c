/* SPDX-License-Identifier: Apache-2.0 */
#include "node/filter_keep.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/facts.h"
#include "node/filter_priv.h"

int fp_filter_open_look(struct fp_filter *f, const char *pins, struct fp_err *e)
{
	int r;

	*f = (struct fp_filter){ .opts.pins = pins, .node.lists_fd = -1 };
	f->node.opts.pins = pins;
	fp_maps_dir(pins, f->dir, sizeof(f->dir));
	r = fp_node_use_dir(&f->node, f->dir, e);
	if (!r || r == -ENOENT)
		r = fp_filter_check_layout(f, e);
	if (r)
		fp_filter_close(f);
	return r;
}

/* PINS/detached/NIC, a directory as a bpffs holds no files: it is gone after the
 * next boot, as all that was done by hand is, and outlives the tables. */
static void fp_off_path(const struct fp_filter *f, const char *ifname,
			char out[PATH_MAX])
{
	fp_maps_nic_path(f->opts.pins, "detached", ifname, out, PATH_MAX);
}

bool fp_filter_is_off(const struct fp_filter *f, const char *ifname)
{
	char path[PATH_MAX];

	fp_off_path(f, ifname, path);
	return !access(path, F_OK);
}

void fp_filter_set_off(struct fp_filter *f, const char *ifname, bool is_off)
{
	char path[PATH_MAX], dir[PATH_MAX];
	bool is_done;

	fp_off_path(f, ifname, path);
	memcpy(dir, path, sizeof(dir));
	*strrchr(dir, '/') = 0;
	if (is_off)
		is_done = (!mkdir(dir, 0700) || errno == EEXIST) &&
			  (!mkdir(path, 0700) || errno == EEXIST);
	else
		is_done = !rmdir(path) || errno == ENOENT;
	if (!is_done)
		fp_filter_notice(f, "%s: %s", path, strerror(errno));
	if (!is_off)
		rmdir(dir);
}

bool fp_filter_knows(struct fp_filter *f, const char *ifname)
{
	return fp_filter_slot(f, ifname) >= 0;
}

int fp_filter_refresh(struct fp_filter *f, struct fp_err *e)
{
	return f->node.maps ? fp_filter_ready(f, e) : 0;
}

int fp_filter_ports(struct fp_filter *f, bool *is_changed, struct fp_err *e)
{
	*is_changed = false;
	if (f->n_bad_settings)
		return 0;
	return fp_facts_settings(&f->node, &f->settings, is_changed, e);
}
