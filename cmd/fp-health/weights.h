/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_WEIGHTS_H
#define FP_CMD_HEALTH_WEIGHTS_H

/* What weights.c and weights_apply.c share. */

#include "health/proxies.h"
#include "health/steer_match.h"
#include "health.h"
#include "verb/nodes.h"

struct fp_engine;

/* A FreeSWITCH, and what it said. */
struct fh_switch {
	const struct fp_host *host;
	bool has_probe, is_silent;
	char detail[240];
	struct fp_view_freeswitch view;
};

/* One destination of one proxy that leads to a FreeSWITCH. */
struct fh_weight {
	struct fp_proxy *proxy;
	struct fp_view_dest dest;
	const char *proxy_name, *kind, *set, *uri, *node;
	double now, weight; /* NaN: not known */
	double sessions, max_sessions, idle;
	bool is_wanted; /* they differ, and it is ours to set */
	bool is_told;   /* OpenSIPS was told */
	bool is_changed;
	bool is_half; /* its table has it, OpenSIPS does not */
	char detail[400];
};

struct fh_weights {
	struct fp_cli *c;
	struct fp_nodes nodes;
	struct fp_proxies proxies;
	struct fp_names *names;
	struct fp_places places;
	struct fp_engine *engine;
	struct fp_err *e; /* of add_probe */
	int64_t max_weight;
	struct fh_switch *switches;
	size_t n_switches;
	struct fh_weight *v;
	size_t n, n_silent;
	bool is_done;
};

/* What all OpenSIPS have, anew. */
int fh_weights_read(struct fh_weights *w, struct fp_err *e);

/* ---- weights_apply.c */

/* Set what is wanted, and see that it is so: is_changed and detail of each.  Nodes
 * in maintenance are left alone.
 * 0; -errno: nothing could be begun; -EBUSY: another controller does it. */
int fh_weights_apply(struct fh_weights *w, struct fp_err *e);

#endif
