/* SPDX-License-Identifier: Apache-2.0 */
/* A NIC is known by the link on it, whatever it is called by now: slots and pins
 * follow its name. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fp_maps.h"
#include "node/filter_priv.h"

/* A slot, and what it should be called. */
struct fp_named {
	bool is_used;
	bool is_live;        /* there is a link, and it is on a NIC */
	char at[FP_IFNAME];  /* what its pins go by */
	char now[FP_IFNAME]; /* what its NIC is called */
};

/* No interface is called so: its pins while names change, and the name of a NIC
 * that is in another network namespace while another here has its old one. */
static void fp_name_away(int slot, char out[FP_IFNAME])
{
	snprintf(out, FP_IFNAME, "away:%d", slot);
}

static void fp_name_path(const struct fp_filter *f, const char *kind,
			 const char *name, char out[PATH_MAX])
{
	fp_maps_nic_path(f->dir, kind, name, out, PATH_MAX);
}

bool fp_names_nic(const struct fp_xdp_link *run, struct fp_net_link *out)
{
	char name[IF_NAMESIZE];

	/* an index alone does not tell a NIC: it may be that of another
	 * network namespace */
	return run->ifindex &&
	       if_indextoname((unsigned int)run->ifindex, name) &&
	       !fp_net_link(name, out, NULL) && out->ifindex == run->ifindex &&
	       out->xdp_prog_id;
}

static bool fp_name_run(const struct fp_filter *f, const char *name,
			struct fp_xdp_link *run)
{
	char path[PATH_MAX];

	fp_name_path(f, "links", name, path);
	return !fp_xdp_link_info(path, run, NULL);
}

int fp_names_slot(struct fp_filter *f, const struct fp_net_link *l)
{
	const struct fp_conf *c =
		f->node.maps ? fp_maps_conf(f->node.maps) : NULL;
	int slot = fp_filter_slot(f, l->name);
	struct fp_net_link other;
	struct fp_xdp_link run;

	for (int i = 0; c && l->ifindex && l->xdp_prog_id && i < FP_NICS; i++)
		if (c->nic[i].name[0] && fp_name_run(f, c->nic[i].name, &run) &&
		    run.ifindex == l->ifindex)
			return i;
	if (slot < 0 || !fp_name_run(f, l->name, &run) || !run.ifindex)
		return slot;
	/* the slot is that of a NIC that had this name before */
	return l->ifindex || fp_names_nic(&run, &other) ? -1 : slot;
}

/* ---- following */

static void fp_name_look(struct fp_filter *f, int slot, struct fp_named *v)
{
	const struct fp_nic *nic = &fp_maps_conf(f->node.maps)->nic[slot];
	struct fp_xdp_link run = { 0 };
	struct fp_net_link l;

	v->is_used = nic->name[0];
	if (!v->is_used)
		return;
	memcpy(v->now, nic->name, sizeof(v->now));
	fp_name_away(slot, v->at); /* of a run that was killed */
	if (!fp_name_run(f, v->at, &run)) {
		memcpy(v->at, nic->name, sizeof(v->at));
		fp_name_run(f, v->at, &run);
	}
	v->is_live = run.ifindex;
	if (fp_names_nic(&run, &l))
		memcpy(v->now, l.name, sizeof(v->now));
	else if (v->is_live && if_nametoindex(nic->name))
		fp_name_away(slot, v->now);
}

/* A NIC that went away, whose name another one has now. */
static void fp_name_forget(struct fp_filter *f, int slot, struct fp_named *v)
{
	char path[PATH_MAX];

	fp_name_path(f, "links", v->at, path);
	unlink(path);
	fp_name_path(f, "xsk", v->at, path);
	unlink(path);
	memset(&fp_maps_conf(f->node.maps)->nic[slot], 0,
	       sizeof(struct fp_nic));
	fp_filter_runs(f, slot, NULL);
	fp_filter_looks(f, slot, false);
	v->is_used = false;
}

static int fp_name_move(struct fp_filter *f, struct fp_named *v, const char *to,
			struct fp_err *e)
{
	static const char *const kinds[] = { "links", "xsk" };
	char from[PATH_MAX], dest[PATH_MAX];
	int r = 0;

	for (int i = 0; i < 2 && !r; i++) {
		fp_name_path(f, kinds[i], v->at, from);
		fp_name_path(f, kinds[i], to, dest);
		if (strcmp(from, dest) != 0 && !access(from, F_OK))
			r = fp_pins_move(from, dest, e);
	}
	if (!r)
		snprintf(v->at, sizeof(v->at), "%s", to);
	return r;
}

static bool fp_name_is_off(struct fp_filter *f, int slot,
			   const struct fp_named *v)
{
	const struct fp_nic *nic = &fp_maps_conf(f->node.maps)->nic[slot];

	return v->is_used &&
	       (strcmp(v->now, v->at) != 0 || strcmp(v->now, nic->name) != 0);
}

static void fp_name_store(struct fp_filter *f, int slot, struct fp_named *v)
{
	struct fp_nic *nic = &fp_maps_conf(f->node.maps)->nic[slot];

	if (strncmp(v->now, "away:", 5) != 0)
		fp_filter_notice(
			f, "%s is called %s now: filtered on by that name",
			nic->name, v->now);
	else
		fp_filter_notice(
			f,
			"the %s that was here before is in another network namespace and filtered on: shown as %s",
			nic->name, v->now);
	memcpy(nic->name, v->now, sizeof(nic->name));
}

/* NICs may have swapped names: all that move leave their places first, and then
 * take the new ones.  A run that is killed anywhere leaves each link with its old
 * or new name, or as away:SLOT, which is where the next one looks first. */
static int fp_names_change(struct fp_filter *f, struct fp_named *v,
			   const bool *is_off, struct fp_err *e)
{
	char away[FP_IFNAME];
	int r = 0;

	for (int i = 0; i < FP_NICS && !r; i++) {
		fp_name_away(i, away);
		if (is_off[i])
			r = fp_name_move(f, &v[i], away, e);
	}
	for (int i = 0; i < FP_NICS && !r; i++)
		for (int k = 0; is_off[i] && k < FP_NICS; k++)
			if (k != i && v[k].is_used && !v[k].is_live &&
			    !strcmp(v[k].now, v[i].now))
				fp_name_forget(f, k, &v[k]);
	for (int i = 0; i < FP_NICS && !r; i++)
		if (is_off[i] && v[i].is_used)
			fp_name_store(f, i, &v[i]);
	for (int i = 0; i < FP_NICS && !r; i++)
		if (is_off[i] && v[i].is_used)
			r = fp_name_move(f, &v[i], v[i].now, e);
	return r;
}

int fp_names_follow(struct fp_filter *f, struct fp_err *e)
{
	struct fp_named v[FP_NICS] = { 0 };
	bool is_off[FP_NICS], is_any = false;

	if (!f->node.maps)
		return 0;
	for (int i = 0; i < FP_NICS; i++) {
		fp_name_look(f, i, &v[i]);
		is_off[i] = fp_name_is_off(f, i, &v[i]);
		is_any |= is_off[i];
	}
	return is_any ? fp_names_change(f, v, is_off, e) : 0;
}
