/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_NODES_H
#define FP_CMD_HEALTH_NODES_H

/* What steer, weights and peers share: the nodes, and what asks them. */

#include "health.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/work.h"
#include "model/inventory.h"

struct cJSON;

struct fh_nodes {
	struct fp_inventory *inv;
	const struct fp_host **hosts; /* those that the command line names */
	size_t n_hosts;
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_resolver *resolver;
	char name[256]; /* this controller's */
};

/* names, n: nodes named as operands, in place of -N.
 * 0: fh_nodes_close.  -EINVAL -ENOENT: the cluster file, a pattern. */
int fh_nodes_open(struct fh_nodes *out, const struct fp_cli *c, char **names,
		  size_t n, struct fp_err *e);
void fh_nodes_close(struct fh_nodes *n);

/* Read the cluster file again.  use is told of what it has now, and says whether
 * that will do: then it is n's, and what was before is gone.
 * Errors of fh_nodes_open and of use: all is as it was. */
int fh_nodes_again(struct fh_nodes *n, const struct fp_cli *c, char **names,
		   size_t n_names,
		   int (*use)(void *ctx, const struct fh_nodes *now,
			      struct fp_err *e),
		   void *ctx, struct fp_err *e);

/* Run the loop until *is_done, which something under way sets and then stops the
 * loop.  0; -EINTR: by a signal; -errno. */
int fh_nodes_wait(struct fh_nodes *n, const bool *is_done, struct fp_err *e);

struct fp_mi;
/* Ask and wait: for verbs that do one thing after the other.
 * take (may be NULL) gets the result, a struct cJSON, during the call; what it
 * returns is returned.  -EREMOTEIO: the server said no; errors of fp_mi_ask. */
int fh_nodes_ask(struct fh_nodes *n, struct fp_mi *m, const char *method,
		 const char *params, int64_t timeout_ms,
		 int (*take)(void *ctx, const struct cJSON *result,
			     struct fp_err *e),
		 void *ctx, struct fp_err *e);

/* A decimal number in [min, max] that an option has; none: it is left as it is.
 * -EINVAL. */
int fh_nodes_number(const struct fp_cli *c, const char *option, int64_t min,
		    int64_t max, int64_t *out, struct fp_err *e);

#endif
