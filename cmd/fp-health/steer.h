/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_STEER_H
#define FP_CMD_HEALTH_STEER_H

/* What steer.c and steer_text.c share. */

#include "health/steer_view.h"
#include "nodes.h"

struct fh_steer_rec {
	int64_t at_s;
	const char *proxy, *kind, *set, *uri, *node, *act;
	char why[800];
	bool is_changed;
};

/* Print one, and flush. */
void fh_steer_record(struct fp_cli *c, const struct fh_steer_rec *rec);

/* ---- text for tools that own the rest: nsupdate, haproxy */

struct fh_text {
	struct fp_cli *c;
	const struct fh_nodes *nodes;
	const struct fp_steer_view *view;
	double max_down_percent;
	bool is_haproxy;
	const char *zone, *name, *backend;
	int64_t ttl_s;
	struct fh_text_node *v; /* as many as nodes */
	size_t n_changed;       /* nodes whose lines were printed so far */
};

/* What the command line says of it; format: "nsupdate" or "haproxy".
 * 0: fh_text_close.  -EINVAL. */
int fh_text_open(struct fh_text *out, struct fp_cli *c,
		 const struct fh_nodes *nodes, const struct fp_steer_view *view,
		 const char *format, double max_down_percent, struct fp_err *e);
void fh_text_close(struct fh_text *t);
/* The view may be another: print what follows from it.  0; -errno: what we put
 * out could not be kept. */
int fh_text_update(struct fh_text *t, struct fp_err *e);

#endif
