/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_FACTS_H
#define FP_NODE_FACTS_H

#include <stdbool.h>

#include "base/err.h"
#include "logic/guard.h"
#include "model/settings.h"
#include "node/node.h"

/* What the guard rules need to know: own addresses, gateways, ssh peers (on the
 * ports that the filter knows as sshd's, or else that /proc shows), and
 * the nodes of the cluster file.
 * cluster: a path; missing is fine unless is_cluster_named.
 * 0: *out is the caller's (fp_guard_fini).  -EINVAL: the cluster file is bad. */
int fp_facts_guard(struct fp_guard *out, struct fp_node *n, const char *cluster,
		   bool is_cluster_named, struct fp_err *e);

/* Rule `allowed`: does p touch an entry of an allow list?  -EPERM with the
 * entry and its list in e, or 0. */
int fp_facts_allowed(const struct fp_node *n, const struct fp_prefix *p,
		     struct fp_err *e);

/* The allow list _cluster holds every address of the cluster file: written when
 * it differs.  Without the file it stays as it is.  0; -errno. */
int fp_facts_cluster_list(struct fp_node *n, const char *cluster,
			  bool is_cluster_named, bool *is_changed,
			  struct fp_err *e);

/* Put settings into the tables that are open, with sshd's ports as they are now:
 * an sshd that moved is not guarded against itself.  0, also without tables;
 * -errno. */
int fp_facts_settings(struct fp_node *n, const struct fp_settings *s,
		      bool *is_changed, struct fp_err *e);

#endif
