/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_STEER_TEXT_H
#define FP_CMD_HEALTH_STEER_TEXT_H

/* Text for tools that own the rest: nsupdate, haproxy.  Every line says what is
 * wanted, whatever was there before, and each time all of them are said: no
 * memory is needed, and one that was lost is made good by the next. */

#include "base/addr.h"
#include "health/steer_view.h"
#include "health.h"
#include "verb/nodes.h"

#define FH_TEXT_ADDRESSES 8
#define FH_DNS_NAME 254 /* RFC 1035 2.3.4, as text without the last dot */

enum fh_where { FH_NOT_SAID, FH_IN, FH_OUT };

struct fh_text_node {
	const struct fp_host *host;
	enum fh_where is, next; /* said last, to be said now */
	enum fp_want want;
	bool is_well;      /* wanted in, or not known since it was */
	const char *guard; /* wanted out, and this says no; or NULL */
	char why[200];
	struct fp_prefix addr[FH_TEXT_ADDRESSES];
	size_t n_addrs;
};

struct fh_text {
	struct fp_cli *c;
	const struct fp_nodes *nodes;
	const struct fp_steer_view *view;
	double max_down_percent;
	bool is_haproxy;
	const char *backend;
	char zone[FH_DNS_NAME], name[FH_DNS_NAME]; /* without a last dot */
	int64_t ttl_s;
	struct fh_text_node *v; /* as many as nodes */
	size_t n_changed; /* nodes that were said to be elsewhere so far */
	struct fp_timer again;
};

/* What the command line says of it; format: "nsupdate" or "haproxy".
 * nodes and view are the caller's, and outlive out.
 * 0: fh_text_close.  -EINVAL -ENOMEM. */
int fh_text_open(struct fh_text *out, struct fp_cli *c,
		 const struct fp_nodes *nodes, const struct fp_steer_view *view,
		 const char *format, double max_down_percent, struct fp_err *e);
void fh_text_close(struct fh_text *t);
/* The view may be another: print what follows from it; later the same again, from
 * the loop of nodes.  0; -errno: nobody takes the lines. */
int fh_text_update(struct fh_text *t, struct fp_err *e);

/* ---- between its files */

/* Options of the format, and whether nodes can be said in it.  -EINVAL. */
int fh_text_options(struct fh_text *t, struct fp_err *e);
/* All nodes, as next says, to stdout.  0; -errno. */
int fh_text_print(const struct fh_text *t, struct fp_err *e);

#endif
