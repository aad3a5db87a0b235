/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_FILTER_PRIV_H
#define FP_NODE_FILTER_PRIV_H

/* What the files of filter.h share; not for others. */

#include "node/filter.h"

/* -EPROTO: there are tables of another layout, and not is_upgrade. */
int fp_filter_check_layout(struct fp_filter *f, struct fp_err *e);

/* conf->nic[] by name; -1: none. */
int fp_filter_slot(struct fp_filter *f, const char *ifname);
/* The same by the link on a NIC, and by its name where there is none; -1: none, or
 * the name is that of another NIC's slot from before. */
int fp_names_slot(struct fp_filter *f, const struct fp_net_link *l);
/* The NIC here that a link is on.  false: none. */
bool fp_names_nic(const struct fp_xdp_link *run, struct fp_net_link *out);
/* Call slots and pins what their NICs are called by now.  0; -errno. */
int fp_names_follow(struct fp_filter *f, struct fp_err *e);
/* Write down that a person took the filter off a NIC, or wants it again. */
void fp_filter_set_off(struct fp_filter *f, const char *ifname, bool is_off);
/* The first that is free; -ENOSPC. */
int fp_filter_free_slot(struct fp_filter *f, struct fp_err *e);

/* Write down that this build's program runs under the link pinned at link_path,
 * for the NIC of that slot; NULL: not known (before a change, lest a killed run
 * leave a wrong word). */
void fp_filter_runs(struct fp_filter *f, int slot, const char *link_path);
/* From now on packets of the NIC of that slot are looked at, or not. */
void fp_filter_looks(struct fp_filter *f, int slot, bool does);

/* Make the pins of this layout: complete tables, no NIC yet.
 * is_broken_ok: without lists that cannot be read. */
int fp_filter_build(struct fp_filter *f, bool is_broken_ok, struct fp_err *e);
/* Tables and settings as they should be, made when there are none; once a run.
 * A list that broke since leaves tables as they were (is_behind). */
int fp_filter_ready(struct fp_filter *f, struct fp_err *e);
/* The settings file and sshd's ports into the maps. */
int fp_filter_apply(struct fp_filter *f, struct fp_err *e);

/* Is it sure that l has no native mode?  Where the kernel does not say, its kind
 * does. */
bool fp_device_lacks_native(const struct fp_net_link *l);
/* Why l takes no program in native mode, and what to do instead: e and code. */
int fp_device_no_native(const struct fp_net_link *l, int code,
			struct fp_err *e);
/* May a program go to l, as far as devices around it are concerned?
 * -EOPNOTSUPP: no Ethernet.  -EEXIST: the one above has a program. */
int fp_device_check(const struct fp_net_link *l, struct fp_err *e);
/* It was attached: say what it sees there (is_fallback: in generic mode, which
 * nobody asked for), and when it is superfluous. */
void fp_device_notice(struct fp_filter *f, const struct fp_net_link *l,
		      bool is_fallback);

__attribute__((format(printf, 2, 3))) void fp_filter_notice(struct fp_filter *f,
							    const char *fmt,
							    ...);

#endif
