/* SPDX-License-Identifier: Apache-2.0 */
#include "node/filter_keep.h"

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
