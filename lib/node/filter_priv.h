/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_FILTER_PRIV_H
#define FP_NODE_FILTER_PRIV_H

/* What the files of filter.h share; not for others. */

#include "node/filter.h"

/* conf->nic[] by name; -1: none. */
int fp_filter_slot(struct fp_filter *f, const char *ifname);
/* The first that is free; -ENOSPC. */
int fp_filter_free_slot(struct fp_filter *f, struct fp_err *e);

/* Write down which build runs on the NIC of that slot: this one's, or none that
 * is known (before a change, lest a killed run leave a wrong word). */
void fp_filter_runs(struct fp_filter *f, int slot, bool is_there);

/* Make the pins of this layout: complete tables, no NIC yet.
 * is_broken_ok: without lists that cannot be read. */
int fp_filter_build(struct fp_filter *f, bool is_broken_ok, struct fp_err *e);
/* Tables and settings as they should be, made when there are none; once a run.
 * A list that broke since leaves tables as they were (is_behind). */
int fp_filter_ready(struct fp_filter *f, struct fp_err *e);
/* The settings file and sshd's ports into the maps. */
int fp_filter_apply(struct fp_filter *f, struct fp_err *e);

__attribute__((format(printf, 2, 3))) void fp_filter_notice(struct fp_filter *f,
							    const char *fmt,
							    ...);

#endif
