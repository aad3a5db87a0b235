/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_VERB_NODES_H
#define FP_VERB_NODES_H

/* The nodes of a verb of a tool, and what asks them. */

#include "cli/opt.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/work.h"
#include "model/inventory.h"

struct cJSON;

struct fp_nodes {
	struct fp_inventory *inv;
	const struct fp_host **hosts; /* those that the command line names */
	size_t n_hosts;
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_resolver *resolver;
	char name[256]; /* this controller's */
};

/* names, n: nodes named as operands, in place of -N.
 * 0: fp_nodes_close.  -EINVAL -ENOENT: the cluster file, a pattern. */
int fp_nodes_open(struct fp_nodes *out, const struct fp_cli *c, char **names,
		  size_t n, struct fp_err *e);
void fp_nodes_close(struct fp_nodes *n);

/* Read the cluster file again.  use is told of what it has now, and says whether
 * that will do: then it is n's, and what was before is gone.
 * Errors of fp_nodes_open and of use: all is as it was. */
int fp_nodes_again(struct fp_nodes *n, const struct fp_cli *c, char **names,
		   size_t n_names,
		   int (*use)(void *ctx, const struct fp_nodes *now,
			      struct fp_err *e),
		   void *ctx, struct fp_err *e);

/* Run the loop until *is_done, which something under way sets and then stops the
 * loop.  0; -EINTR: by a signal; -errno. */
int fp_nodes_wait(struct fp_nodes *n, const bool *is_done, struct fp_err *e);

struct fp_mi;
/* Ask and wait: for verbs that do one thing after the other.
 * take (may be NULL) gets the result, a struct cJSON, during the call; what it
 * returns is returned.  -EREMOTEIO: the server said no; errors of fp_mi_ask. */
int fp_nodes_ask(struct fp_nodes *n, struct fp_mi *m, const char *method,
		 const char *params, int64_t timeout_ms,
		 int (*take)(void *ctx, const struct cJSON *result,
			     struct fp_err *e),
		 void *ctx, struct fp_err *e);

/* A decimal number in [min, max] that an option has; none: it is left as it is.
 * -EINVAL. */
int fp_nodes_number(const struct fp_cli *c, const char *option, int64_t min,
		    int64_t max, int64_t *out, struct fp_err *e);

#endif
