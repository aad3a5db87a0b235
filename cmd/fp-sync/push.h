/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_SYNC_PUSH_H
#define FP_CMD_SYNC_PUSH_H

/* What verbs that push share. */

#include "common.h"

/* One node's part of a push. */
struct fs_push_rec {
	const char *node, *state, *detail;
	bool is_changed, is_in_force;
	uint64_t added, removed, sent, received;
	char policy[65];
	int64_t ms;
};
extern const struct fp_type fs_push_type;

/* Is it in force there?  Else it is done partly. */
void fs_push_judge(struct fp_outcome *o);
/* Print it.  0; -EINVAL. */
int fs_push_record(struct fp_cli *c, const struct fs_node *n, struct fp_err *e);

/* Read the lists directory into p->source; errors of fp_source_read. */
int fs_read_source(struct fp_cli *c, struct fp_plan *p, struct fp_err *e);
/* History, copy and source of a plan that fs_plan made: all that can be wrong
 * here is found before any node is touched.  0; -errno; fp_plan_fini. */
int fs_plan_push(struct fs_site *s, struct fp_plan *p, struct fp_err *e);

/* Which nodes take the push back unless it is confirmed, into the history.
 * 0; -errno. */
int fs_push_waits(struct fp_plan *p, const struct fs_node *node, size_t n,
		  struct fp_err *e);
/* Push to some nodes, with a record for each.  0; -errno. */
int fs_push_nodes(struct fs_site *s, struct fp_plan *p,
		  const struct fp_host *const *hosts, size_t n,
		  struct fs_tally *t, struct fp_err *e);
/* To all of the site, with the summary: the exit status, or -errno. */
int fs_push_all(struct fs_site *s, struct fp_plan *p, struct fp_err *e);

/* The first n nodes, then, when they were confirmed, the others; p->push has
 * confirm_ms.  The exit status, or -errno. */
int fs_push_canary(struct fs_site *s, struct fp_plan *p, size_t n,
		   struct fp_err *e);
/* push --stay: the exit status. */
int fs_push_stay(struct fp_cli *c);

#endif
