/* SPDX-License-Identifier: Apache-2.0 */
#include "node/filter.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fp_maps.h"
#include "io/clock.h"
#include "model/area.h"
#include "node/filter_keep.h"
#include "node/filter_priv.h"

/* How to take somebody else's program off: as it came, or the kernel refuses.
 * libxdp's dispatcher carries other programs, which libxdp must take along. */
static void fp_way_off(const struct fp_net_link *l, const char *prog, char *out,
		       size_t size)
{
	uint32_t link = fp_xdp_link_of(l->xdp_prog_id, l->ifindex);
	const char *how = l->xdp_mode == FP_XDP_GENERIC ? "xdpgeneric" : "xdp";

	if (!strcmp(prog, "-")) /* one may not look (CAP_SYS_ADMIN) */
		snprintf(
			out, size,
			"ip link set dev %s %s off, or when a link holds it (\"bpftool link\", as root, shows it): bpftool link detach id N",
			l->name, how);
	else if (!strcmp(prog, "xdp_dispatcher"))
		snprintf(out, size, "xdp-loader unload %s --all", l->name);
	else if (link)
		snprintf(out, size, "bpftool link detach id %u", link);
	else
		snprintf(out, size, "ip link set dev %s %s off", l->name, how);
}

static int fp_refuse_foreign(const struct fp_net_link *l, struct fp_err *e)
{
	char prog[32], way[192];

	fp_xdp_prog_name(l->xdp_prog_id, prog, sizeof(prog));
	fp_way_off(l, prog, way, sizeof(way));
	return fp_err(
		e, -EEXIST,
		"%s: another XDP program is attached (id %u, %s, %s mode): take it off first: %s",
		l->name, l->xdp_prog_id, prog, fp_xdp_mode_name(l->xdp_mode),
		way);
}

/* May the filter go there? */
static int fp_check_nic(const struct fp_attach *a,
			const struct fp_filter_nic *n, struct fp_err *e)
{
	int r;

	if (!n->link.ifindex)
		return fp_err(e, -ENODEV, "%s: no such interface here",
			      a->name);
	if (n->is_attached) {
		if (a->is_any_mode || a->want == FP_WANT_AUTO ||
		    n->is_generic == (a->want == FP_WANT_GENERIC))
			return 0;
		return fp_err(
			e, -EINVAL,
			"%s: attached in %s mode: detach it to change that",
			a->name, n->is_generic ? "generic" : "native");
	}
	if (n->link.xdp_prog_id)
		return fp_refuse_foreign(&n->link, e);
	r = fp_device_check(&n->link, e);
	if (!r && a->want == FP_WANT_NATIVE && fp_device_lacks_native(&n->link))
		r = fp_device_no_native(&n->link, -EOPNOTSUPP, e);
	return r;
}

static uint32_t fp_confirm_until_s(int64_t confirm_ms)
{
	return confirm_ms
		       ? (uint32_t)((fp_clock_ms() + confirm_ms + 999) / 1000)
		       : 0;
}

/* conf->nic[] for a NIC that has none. */
static int fp_slot_take(struct fp_filter *f, const struct fp_attach *a,
			const struct fp_net_link *l, struct fp_err *e)
{
	int slot = fp_filter_free_slot(f, e), r;
	struct fp_nic *nic;

	if (slot < 0)
		return slot;
	r = fp_maps_counters_reset(f->node.maps, (unsigned int)slot, e);
	if (r)
		return r;
	nic = &fp_maps_conf(f->node.maps)->nic[slot];
	memset(nic, 0, sizeof(*nic));
	nic->ifindex = (uint32_t)l->ifindex;
	nic->confirm_until_s = fp_confirm_until_s(a->confirm_ms);
	memcpy(nic->name, l->name, sizeof(nic->name));
	return slot;
}

static void fp_slot_free(struct fp_filter *f, int slot, const char *ifname)
{
	char path[PATH_MAX];

	fp_maps_nic_path(f->dir, "xsk", ifname, path, sizeof(path));
	unlink(path);
	memset(&fp_maps_conf(f->node.maps)->nic[slot], 0,
	       sizeof(struct fp_nic));
}

/* AF_XDP sockets of a NIC that went away stay in its map for as long as their
 * owner keeps them, and take what is given to them nowhere (xsk_rcv_check():
 * -ENXIO): the NIC that came back gets a map of its own. */
static void fp_forget_sockets(struct fp_filter *f, const struct fp_nic *nic,
			      const struct fp_net_link *l)
{
	char path[PATH_MAX];

	if (!nic->ifindex || nic->ifindex == (uint32_t)l->ifindex)
		return;
	fp_maps_nic_path(f->dir, "xsk", l->name, path, sizeof(path));
	unlink(path);
}

static int fp_attach_slot(struct fp_filter *f, const struct fp_attach *a,
			  const struct fp_net_link *l, int slot,
			  struct fp_err *e)
{
	struct fp_nic *nic = &fp_maps_conf(f->node.maps)->nic[slot];
	enum fp_xdp_want want = a->want;
	char path[PATH_MAX];
	struct fp_xdp *x;
	bool is_generic;
	int r;

	if (want == FP_WANT_AUTO && fp_device_lacks_native(l))
		want = FP_WANT_GENERIC;
	fp_forget_sockets(f, nic, l);
	r = fp_xdp_load(&x, f->dir, (unsigned int)slot, l->name, e);
	if (r)
		return r;
	nic->ifindex = (uint32_t)l->ifindex;
	fp_filter_runs(f, slot, NULL);
	r = fp_xdp_attach(x, f->dir, l->name, l->ifindex, want, &is_generic, e);
	fp_xdp_close(x);
	if (r && r != -EBUSY && want == FP_WANT_NATIVE)
		return fp_device_no_native(l, r, e);
	if (r)
		return fp_err_prefix(e, r, "%s (driver %s, MTU %u)", l->name,
				     l->driver, l->mtu);
	nic->generic = is_generic;
	fp_maps_nic_path(f->dir, "links", l->name, path, sizeof(path));
	fp_filter_runs(f, slot, path);
	fp_filter_looks(f, slot, true);
	fp_device_notice(f, l, is_generic && a->want == FP_WANT_AUTO);
	return 0;
}

static int fp_attach_nic(struct fp_filter *f, const struct fp_attach *a,
			 const struct fp_net_link *l, struct fp_err *e)
{
	int slot = fp_filter_slot(f, l->name), r;
	bool is_new = slot < 0;

	if (is_new)
		slot = fp_slot_take(f, a, l, e);
	if (slot < 0)
		return slot;
	r = fp_attach_slot(f, a, l, slot, e);
	if (r && is_new)
		fp_slot_free(f, slot, l->name);
	return r;
}

/* A NIC that has a slot: a deadline that is named counts, also from now on; one
 * that went by is lifted by who asks for the filter now. */
static bool fp_attach_until(struct fp_filter *f, const struct fp_attach *a,
			    const struct fp_filter_nic *n)
{
	bool is_stopped = !n->confirm_s;

	if (n->slot < 0 || a->is_stay || (!is_stopped && !a->confirm_ms))
		return false;
	if (!a->is_dry_run) {
		if (is_stopped)
			fp_filter_looks(f, n->slot, true);
		fp_store32(&fp_maps_conf(f->node.maps)
				    ->nic[n->slot]
				    .confirm_until_s,
			   fp_confirm_until_s(a->confirm_ms));
	}
	return true;
}

/* What was done by hand before. */
static int fp_attach_by_hand(struct fp_filter *f, struct fp_attach *a,
			     const struct fp_filter_nic *n, struct fp_err *e)
{
	/* no mode is named: the one it was attached in */
	if (a->is_any_mode && n->slot >= 0 && n->is_generic)
		a->want = FP_WANT_GENERIC;
	if (a->is_stay && fp_filter_is_off(f, n->link.name))
		return fp_err(
			e, -ECANCELED,
			"%s: detached by hand: left alone until fp-load attach %s",
			n->link.name, n->link.name);
	if (!a->is_stay && !a->is_dry_run)
		fp_filter_set_off(f, n->link.name, false);
	return 0;
}

int fp_filter_attach(struct fp_filter *f, const struct fp_attach *how,
		     struct fp_filter_nic *out, bool *is_changed,
		     struct fp_err *e)
{
	struct fp_attach made = *how, *a = &made;
	struct fp_filter_nic n;
	int r = fp_filter_look(f, a->name, &n, e);

	*is_changed = false;
	if (!r)
		r = fp_attach_by_hand(f, a, &n, e);
	if (!r)
		r = fp_check_nic(a, &n, e);
	if (!r && !a->is_dry_run)
		r = fp_filter_ready(f, e);
	if (r)
		return r;
	if (n.is_attached && n.slot >= 0) {
		*is_changed = fp_attach_until(f, a, &n);
	} else {
		if (!a->is_dry_run)
			r = fp_attach_nic(f, a, &n.link, e);
		if (!r)
			fp_attach_until(f, a, &n);
		*is_changed = !r;
	}
	if (!r && !a->is_dry_run)
		r = fp_filter_look(f, a->name, &n, e);
	if (!r)
		*out = n;
	return r;
}
