/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_JUDGE_H
#define FP_NODE_JUDGE_H

#include <stdbool.h>

#include "base/err.h"
#include "logic/guard.h"
#include "model/list.h"
#include "node/node.h"

/* May these prefixes be entries?  All guard rules (logic/guard.h) and `allowed`,
 * over a million prefixes in order: only those near something that matters are
 * looked at closely. */

struct fp_judge;

struct fp_judge_opts {
	const char *cluster; /* as fp_facts_guard takes it */
	bool is_cluster_named;
	fp_guard_overridden *is_overridden;
	void *ctx;
};

/* n: its allow lists count, and must stay open.  0; errors of fp_facts_guard;
 * -ENOMEM. */
int fp_judge_open(struct fp_judge **out, struct fp_node *n,
		  const struct fp_judge_opts *o, struct fp_err *e);
void fp_judge_close(struct fp_judge *j);

/* Entries of a list of this kind follow, in order.  0; -EBADMSG -ENOMEM. */
int fp_judge_begin(struct fp_judge *j, enum fp_kind kind, struct fp_err *e);
/* The next of them.  0; -EPERM with the rule in e; -EBADMSG: an allow list. */
int fp_judge_next(struct fp_judge *j, const struct fp_prefix *p,
		  struct fp_err *e);
/* Any prefix, without begin: dearer each, but does not read the allow lists. */
int fp_judge_one(struct fp_judge *j, const struct fp_prefix *p,
		 enum fp_kind kind, struct fp_err *e);

#endif
