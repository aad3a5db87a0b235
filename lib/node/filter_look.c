/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a NIC: its slot, its link, which program runs on it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fp_maps.h"
#include "io/clock.h"
#include "model/area.h"
#include "node/filter.h"
#include "node/filter_priv.h"

int fp_filter_slot(struct fp_filter *f, const char *ifname)
{
	const struct fp_conf *c;

	if (!f->node.maps)
		return -1;
	c = fp_maps_conf(f->node.maps);
	for (int i = 0; i < FP_NICS; i++)
		if (!strncmp(c->nic[i].name, ifname, FP_IFNAME))
			return i;
	return -1;
}

int fp_filter_free_slot(struct fp_filter *f, struct fp_err *e)
{
	const struct fp_conf *c = fp_maps_conf(f->node.maps);

	for (int i = 0; i < FP_NICS; i++)
		if (!c->nic[i].name[0])
			return i;
	return fp_err(e, -ENOSPC, "%d NICs are attached, no more fit", FP_NICS);
}

static int64_t fp_confirm_left_s(uint32_t until_s)
{
	int64_t left_ms = until_s * 1000ll - fp_clock_ms();

	if (!until_s)
		return -1;
	return left_ms > 0 ? (left_ms + 999) / 1000 : 0;
}

static int64_t fp_boot_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

/* Of one build's programs each has a word of its own: a build of another layout
 * that was killed after it had put its program under our link could not say so
 * here. */
static uint32_t fp_build_word(uint32_t prog_id)
{
	uint32_t word = fp_xdp_build() ^ prog_id * 0x9e3779b1u;

	return word ? word : 1;
}

void fp_filter_runs(struct fp_filter *f, int slot, const char *link_path)
{
	struct fp_conf *c = fp_maps_conf(f->node.maps);
	struct fp_xdp_link run;
	bool is_there = link_path && !fp_xdp_link_info(link_path, &run, NULL);

	fp_store32(&c->build[slot], is_there ? fp_build_word(run.prog_id) : 0);
	fp_store32(&c->loaded_s[slot], is_there ? (uint32_t)fp_boot_s() : 0);
}

void fp_filter_looks(struct fp_filter *f, int slot, bool does)
{
	uint32_t now_s = (uint32_t)(fp_clock_ms() / 1000);

	fp_store32(&fp_maps_conf(f->node.maps)->looking_s[slot],
		   does ? now_s : 0);
}

static int64_t fp_looked_s(const struct fp_conf *c,
			   const struct fp_filter_nic *n)
{
	if (!n->is_attached || !n->confirm_s)
		return -1;
	return c->looking_s[n->slot]
		       ? fp_clock_ms() / 1000 - c->looking_s[n->slot]
		       : 0;
}

static void fp_look_slot(const struct fp_conf *c, struct fp_filter_nic *n)
{
	const struct fp_nic *nic = &c->nic[n->slot];

	n->is_generic = nic->generic;
	n->confirm_s = fp_confirm_left_s(nic->confirm_until_s);
	n->build = c->build[n->slot];
	if (c->loaded_s[n->slot])
		n->loaded_s =
			fp_clock_unix_s() - fp_boot_s() + c->loaded_s[n->slot];
}

static int fp_look_pin(const struct fp_filter *f, const char *pin,
		       struct fp_filter_nic *n, struct fp_err *e)
{
	char path[PATH_MAX];
	int r;

	fp_maps_nic_path(f->dir, "links", pin, path, sizeof(path));
	r = fp_xdp_link_info(path, &n->run, e);
	n->is_pinned = !r;
	return r == -ENOENT ? 0 : r;
}

int fp_filter_look(struct fp_filter *f, const char *name,
		   struct fp_filter_nic *out, struct fp_err *e)
{
	struct fp_filter_nic n = { .confirm_s = -1 };
	const char *pin = n.link.name;
	int r = fp_net_link(name, &n.link, e);

	if (r && r != -ENODEV)
		return r;
	if (r && strlen(name) >= sizeof(n.link.name)) {
		n.slot = -1; /* no NIC has such a name */
		n.looked_s = -1;
		*out = n;
		return 0;
	}
	if (r)
		snprintf(n.link.name, sizeof(n.link.name), "%s", name);
	n.slot = fp_names_slot(f, &n.link);
	if (n.slot >= 0) {
		pin = fp_maps_conf(f->node.maps)->nic[n.slot].name;
		fp_look_slot(fp_maps_conf(f->node.maps), &n);
	}
	/* not that of a NIC that had this name before */
	r = n.slot < 0 && fp_filter_slot(f, pin) >= 0
		    ? 0
		    : fp_look_pin(f, pin, &n, e);
	if (r)
		return r;
	n.is_current = n.build && n.build == fp_build_word(n.run.prog_id);
	n.is_attached = n.link.ifindex && n.run.ifindex == n.link.ifindex &&
			n.link.xdp_prog_id;
	n.looked_s =
		n.slot < 0 ? -1 : fp_looked_s(fp_maps_conf(f->node.maps), &n);
	*out = n;
	return 0;
}

int fp_filter_look_slot(struct fp_filter *f, int slot,
			struct fp_filter_nic *out, struct fp_err *e)
{
	const struct fp_conf *c = fp_maps_conf(f->node.maps);
	struct fp_filter_nic n = { .confirm_s = -1, .slot = slot };
	int r = fp_look_pin(f, c->nic[slot].name, &n, e);

	if (r)
		return r;
	fp_look_slot(c, &n);
	n.is_current = n.build && n.build == fp_build_word(n.run.prog_id);
	n.is_attached = fp_names_nic(&n.run, &n.link);
	/* one that is in another network namespace is not who has its name */
	if (!n.is_attached &&
	    (n.run.ifindex || fp_net_link(c->nic[slot].name, &n.link, NULL))) {
		n.link = (struct fp_net_link){ .driver = "-", .kind = "-" };
		memcpy(n.link.master, "-", 2);
		memcpy(n.link.over, "-", 2);
		memcpy(n.link.name, c->nic[slot].name, sizeof(n.link.name));
	}
	n.looked_s = fp_looked_s(c, &n);
	*out = n;
	return 0;
}
