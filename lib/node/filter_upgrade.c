/* SPDX-License-Identifier: Apache-2.0 */
#include "node/filter.h"

#include <stdio.h>
#include <string.h>

#include "fp_maps.h"
#include "model/area.h"
#include "node/filter_priv.h"

/* From one run of fp_pins_nics to the next. */
struct upgrade {
	struct fp_filter *f;
	bool is_dry_run;
	fp_filter_upgraded *each;
	void *ctx;
	bool is_changed;
	struct fp_err *e;
	/* of another layout */
	char old_dir[PATH_MAX];
	struct fp_nic old[FP_NICS];
	bool is_said[FP_NICS]; /* by slot: was taken over in this run */
};

static void fp_upgrade_say(struct upgrade *u, const char *ifname, int slot,
			   bool is_changed)
{
	u->is_changed |= is_changed;
	if (slot < 0 || !u->is_said[slot])
		u->each(u->ctx, ifname, is_changed);
	if (slot >= 0)
		u->is_said[slot] = true;
}

/* This build's program under the link pinned at path. */
static int fp_upgrade_link(struct upgrade *u, const char *ifname,
			   const char *path, int slot)
{
	struct fp_xdp *x;
	int r = fp_xdp_load(&x, u->f->dir, (unsigned int)slot, ifname, u->e);

	if (r)
		return r;
	fp_filter_runs(u->f, slot, NULL);
	r = fp_xdp_replace(x, path, u->e);
	fp_xdp_close(x);
	if (!r)
		fp_filter_runs(u->f, slot, path);
	return r;
}

/* ---- the same layout ---- */

static int fp_upgrade_nic(void *ctx, const char *ifname)
{
	struct upgrade *u = ctx;
	struct fp_filter_nic n;
	char path[PATH_MAX];
	int r = fp_filter_look(u->f, ifname, &n, u->e);

	if (r)
		return r;
	if (n.slot < 0 || !n.run.ifindex || n.is_current) {
		fp_upgrade_say(u, ifname, n.slot, false);
		return 0;
	}
	fp_maps_nic_path(u->f->dir, "links", ifname, path, sizeof(path));
	if (!u->is_dry_run)
		r = fp_upgrade_link(u, ifname, path, n.slot);
	if (!r)
		fp_upgrade_say(u, ifname, n.slot, true);
	return r ? fp_err_prefix(u->e, r, "%s", ifname) : 0;
}

static int fp_upgrade_ask(struct upgrade *u)
{
	struct fp_conf *c = fp_maps_conf(u->f->node.maps);
	struct fp_xdp *x;
	int r;

	if (c->ask_build == fp_xdp_build())
		return 0;
	u->is_changed = true;
	if (u->is_dry_run)
		return 0;
	r = fp_xdp_load_ask(&x, u->f->dir, u->e);
	if (r)
		return r;
	r = fp_xdp_pin_ask(x, u->f->dir, u->e);
	fp_xdp_close(x);
	if (!r)
		fp_store32(&c->ask_build, fp_xdp_build());
	return r;
}

static int fp_upgrade_here(struct upgrade *u)
{
	int r = u->is_dry_run ? 0 : fp_filter_ready(u->f, u->e);

	if (!r)
		r = fp_pins_nics(u->f->dir, fp_upgrade_nic, u, u->e);
	return r ? r : fp_upgrade_ask(u);
}

/* ---- another layout ---- */

/* The NIC keeps its slot when that is free here, its mode and its deadline;
 * while its link is in the old place, the old place knows better. */
static int fp_upgrade_slot(struct upgrade *u, const char *ifname)
{
	struct fp_conf *c = fp_maps_conf(u->f->node.maps);
	int slot = fp_filter_slot(u->f, ifname), i;

	for (i = 0; i < FP_NICS; i++)
		if (!strncmp(u->old[i].name, ifname, FP_IFNAME))
			break;
	if (slot < 0 && i < FP_NICS && !c->nic[i].name[0])
		slot = i;
	if (slot < 0)
		slot = fp_filter_free_slot(u->f, u->e);
	if (slot < 0)
		return slot;
	if (i < FP_NICS)
		c->nic[slot] = u->old[i];
	else
		snprintf(c->nic[slot].name, FP_IFNAME, "%s", ifname);
	return slot;
}

static int fp_take_over(struct upgrade *u, const char *ifname)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct fp_xdp_link run;
	int slot, r;

	fp_maps_nic_path(u->old_dir, "links", ifname, from, sizeof(from));
	fp_maps_nic_path(u->f->dir, "links", ifname, to, sizeof(to));
	slot = fp_upgrade_slot(u, ifname);
	if (slot < 0)
		return slot;
	r = fp_xdp_link_info(from, &run, u->e);
	if (!r && run.ifindex)
		r = fp_upgrade_link(u, ifname, from, slot);
	if (!r) /* what the old tables remember is not taken over */
		fp_filter_looks(u->f, slot, true);
	if (!r)
		r = fp_pins_move(from, to, u->e);
	return r;
}

static int fp_upgrade_old_nic(void *ctx, const char *ifname)
{
	struct upgrade *u = ctx;
	int r = u->is_dry_run ? 0 : fp_take_over(u, ifname);

	if (r)
		return fp_err_prefix(u->e, r, "%s", ifname);
	fp_upgrade_say(u, ifname, fp_filter_slot(u->f, ifname), true);
	return 0;
}

static int fp_upgrade_layout(struct upgrade *u, unsigned int old)
{
	int r = 0;

	u->is_changed = true;
	snprintf(u->old_dir, sizeof(u->old_dir), "%s/v%u", u->f->opts.pins,
		 old);
	if (!u->is_dry_run)
		r = fp_maps_nics(u->old_dir, u->old, u->e);
	if (!r && !u->is_dry_run && !u->f->node.maps)
		r = fp_filter_build(u->f, u->f->opts.is_broken_ok, u->e);
	else if (!r && !u->is_dry_run)
		r = fp_node_catch_up(&u->f->node, u->e);
	if (!r)
		r = fp_pins_nics(u->old_dir, fp_upgrade_old_nic, u, u->e);
	if (!r && !u->is_dry_run)
		r = fp_pins_drop(u->old_dir, u->e);
	return r;
}

int fp_filter_upgrade(struct fp_filter *f, bool is_dry_run,
		      fp_filter_upgraded *each, void *ctx, bool *is_changed,
		      struct fp_err *e)
{
	struct upgrade u = { .f = f,
			     .is_dry_run = is_dry_run,
			     .each = each,
			     .ctx = ctx,
			     .e = e };
	unsigned int old;
	int r = 0;

	while (!r && (old = fp_pins_other_layout(f->opts.pins))) {
		r = fp_upgrade_layout(&u, old);
		if (is_dry_run)
			break;
	}
	if (!r && f->node.maps)
		r = fp_upgrade_here(&u);
	*is_changed = u.is_changed;
	return r;
}
