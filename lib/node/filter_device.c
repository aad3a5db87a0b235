/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that are made of others: where the filter can go instead, and what it
 * sees there. */
#include <stdio.h>
#include <string.h>

#include "node/filter_priv.h"

#define FP_STACK_MAX 4 /* devices on devices: deeper than anybody builds */

static bool fp_is_kind(const struct fp_net_link *l, const char *kind)
{
	return !strcmp(l->kind, kind);
}

static bool fp_has_lower(const struct fp_net_link *l)
{
	return l->over[0] && strcmp(l->over, "-");
}

/* "eth0,eth1" as operands. */
static void fp_operands(const struct fp_net_link *l, char *out, size_t size)
{
	snprintf(out, size, "%s", l->over);
	for (; *out; out++)
		if (*out == ',')
			*out = ' ';
}

/* ---- why not in native mode ---- */

/* What the bonding driver asks of each port (bond_xdp_set()); kernels before
 * 6.3 do not say what a port's driver can. */
struct fp_ports_view {
	char why[160];
	char drivers[160]; /* of ports that do not say */
};

static void fp_port_judge(struct fp_ports_view *v, const char *name)
{
	size_t n = strlen(v->drivers);
	struct fp_net_link l;

	if (v->why[0] || fp_net_link(name, &l, NULL))
		return;
	if (l.native == FP_NET_NATIVE_NO)
		snprintf(v->why, sizeof(v->why),
			 "its port %s (driver %s) cannot", l.name, l.driver);
	else if (l.xdp_prog_id)
		snprintf(v->why, sizeof(v->why),
			 "its port %s has an XDP program of its own", l.name);
	else if (l.native == FP_NET_NATIVE_UNKNOWN)
		snprintf(v->drivers + n, sizeof(v->drivers) - n, "%s%s %s",
			 n ? ", " : "", l.name, l.driver);
}

static void fp_ports_judge(struct fp_ports_view *v, const char *over)
{
	char names[sizeof(((struct fp_net_link *)0)->over)];
	char *rest = names, *name;

	snprintf(names, sizeof(names), "%s", over);
	while ((name = strsep(&rest, ",")))
		fp_port_judge(v, name);
}

static void fp_why_bond(const struct fp_net_link *l, char *out, size_t size)
{
	struct fp_ports_view v = { .why = "" };

	if (!l->is_bond_able) {
		snprintf(out, size, "not in this bond's mode");
		return;
	}
	if (!fp_has_lower(l)) {
		snprintf(out, size, "it has no port yet");
		return;
	}
	fp_ports_judge(&v, l->over);
	if (v.why[0])
		snprintf(out, size, "%s", v.why);
	else if (v.drivers[0])
		snprintf(out, size, "a port's driver cannot (%s)", v.drivers);
	else
		snprintf(out, size, "the kernel refuses");
}

static int fp_no_native_bond(const struct fp_net_link *l, int code,
			     struct fp_err *e)
{
	char ports[sizeof(l->over)], why[200];

	fp_why_bond(l, why, sizeof(why));
	fp_operands(l, ports, sizeof(ports));
	if (!fp_has_lower(l))
		return fp_err(
			e, code,
			"%s: native mode does not work on this bond: %s: give it its ports first, or --mode generic",
			l->name, why);
	return fp_err(
		e, code,
		"%s: native mode does not work on this bond: %s: attach its ports (fp-load attach %s), or --mode generic",
		l->name, why, ports);
}

static int fp_no_native_bridge(const struct fp_net_link *l, int code,
			       struct fp_err *e)
{
	const char *sees = fp_is_kind(l, "bridge")
				   ? ", which filters what the bridge hands to "
				     "this host only"
				   : "";
	char ports[sizeof(l->over)];

	fp_operands(l, ports, sizeof(ports));
	if (!fp_has_lower(l))
		return fp_err(
			e, code,
			"%s: a %s has no native mode: attach its ports when it has some, or --mode generic%s",
			l->name, l->kind, sees);
	return fp_err(
		e, code,
		"%s: a %s has no native mode: attach its ports (%s): fp-load attach %s, or --mode generic%s",
		l->name, l->kind, ports, ports, sees);
}

static bool fp_is_stacked(const struct fp_net_link *l)
{
	return fp_is_kind(l, "vlan") || fp_is_kind(l, "macvlan") ||
	       fp_is_kind(l, "macvtap") || fp_is_kind(l, "ipvlan") ||
	       fp_is_kind(l, "ipvtap");
}

static int fp_no_native_stacked(const struct fp_net_link *l, int code,
				struct fp_err *e)
{
	const char *sees = fp_is_kind(l, "vlan")
				   ? "the filter looks behind up to two tags"
				   : "the filter sees all that comes in";

	if (!fp_has_lower(l))
		return fp_err(
			e, code,
			"%s: a %s device has no native mode: attach the device below it, which is in another network namespace, or --mode generic",
			l->name, l->kind);
	return fp_err(
		e, code,
		"%s: a %s device has no native mode: fp-load attach %s: %s there, or --mode generic",
		l->name, l->kind, l->over, sees);
}

bool fp_device_lacks_native(const struct fp_net_link *l)
{
	if (l->native != FP_NET_NATIVE_UNKNOWN)
		return l->native == FP_NET_NATIVE_NO;
	if (fp_is_kind(l, "bond"))
		return !l->is_bond_able;
	return fp_net_has_ports(l) || fp_is_stacked(l);
}

int fp_device_no_native(const struct fp_net_link *l, int code, struct fp_err *e)
{
	if (fp_is_kind(l, "bond"))
		return fp_no_native_bond(l, code, e);
	if (fp_net_has_ports(l))
		return fp_no_native_bridge(l, code, e);
	if (fp_is_stacked(l))
		return fp_no_native_stacked(l, code, e);
	return fp_err_sys(
		e, code,
		"%s: native mode does not work here (driver %s, MTU %u): the driver cannot, or the MTU is too big for it; --mode auto falls back to generic",
		l->name, l->driver, l->mtu);
}

/* ---- may it go there at all? ---- */

struct fp_upper {
	const struct fp_net_link *of;
	struct fp_net_link found; /* has a program; ifindex 0: there is none */
};

static int fp_upper_each(void *ctx, const struct fp_net_link *l)
{
	struct fp_upper *u = ctx;

	if (!l->xdp_prog_id || !fp_net_is_below(u->of, l))
		return 0;
	u->found = *l;
	return 1;
}

/* dev_xdp_attach(), Linux 5.15: not below a device that has a program, in
 * whatever mode. */
static int fp_refuse_below(const struct fp_net_link *l,
			   const struct fp_net_link *upper, struct fp_err *e)
{
	if (fp_is_kind(upper, "bond") && upper->xdp_mode == FP_XDP_NATIVE)
		return fp_err(
			e, -EEXIST,
			"%s: the XDP program of %s, whose port it is, runs here already (id %u): attach one or the other",
			l->name, upper->name, upper->xdp_prog_id);
	return fp_err(
		e, -EEXIST,
		"%s: the kernel takes no program below %s (%s), which has one (id %u, %s mode): detach %s, attach %s first",
		l->name, upper->name, upper->kind, upper->xdp_prog_id,
		fp_xdp_mode_name(upper->xdp_mode), upper->name, l->name);
}

int fp_device_check(const struct fp_net_link *l, struct fp_err *e)
{
	struct fp_upper u = { .of = l };
	int r;

	if (!l->has_ethernet)
		return fp_err(
			e, -EOPNOTSUPP,
			"%s: no Ethernet device (kind %s): its packets have no Ethernet header, and the filter would pass them all",
			l->name, l->kind);
	r = fp_net_links(fp_upper_each, &u, e);
	if (r > 0)
		return fp_refuse_below(l, &u.found, e);
	return r;
}

/* ---- what it sees there ---- */

static bool fp_is_filtered(struct fp_filter *f, const char *name)
{
	struct fp_filter_nic n;

	return fp_filter_slot(f, name) >= 0 &&
	       !fp_filter_look(f, name, &n, NULL) && n.is_attached;
}

/* Has all that arrives at l met the filter below?  What one macvlan sends to
 * another has not. */
static bool fp_is_covered(struct fp_filter *f, const struct fp_net_link *l,
			  int depth)
{
	char names[sizeof(l->over)], *rest = names, *name;

	if (!fp_has_lower(l) || depth > FP_STACK_MAX ||
	    (!fp_net_has_ports(l) && !fp_is_kind(l, "vlan")))
		return false;
	snprintf(names, sizeof(names), "%s", l->over);
	while ((name = strsep(&rest, ","))) {
		struct fp_net_link below;

		if (fp_is_filtered(f, name))
			continue;
		if (fp_net_link(name, &below, NULL) ||
		    !fp_is_covered(f, &below, depth + 1))
			return false;
	}
	return true;
}

static const char *fp_generic_sees(const struct fp_net_link *l)
{
	if (fp_is_kind(l, "bridge"))
		return "what the bridge hands to this host, not what it forwards";
	if (fp_is_kind(l, "vlan"))
		return "what comes with its tag";
	if (fp_is_stacked(l))
		return "what is for this device, not the rest that its lower device takes";
	if (fp_net_has_ports(l))
		return "all that its ports take";
	return NULL;
}

void fp_device_notice(struct fp_filter *f, const struct fp_net_link *l,
		      bool is_fallback)
{
	const char *sees = fp_generic_sees(l);

	if (is_fallback && sees)
		fp_filter_notice(f,
				 "%s: a %s in generic mode: the filter sees %s",
				 l->name, l->kind, sees);
	if (fp_is_covered(f, l, 0))
		fp_filter_notice(
			f,
			"%s: superfluous: what comes here was filtered below it (%s); what passes there is looked at and counted here once more, what is dropped there is not",
			l->name, l->over);
}
