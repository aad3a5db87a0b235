/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_BLOCK_H
#define FP_CMD_BLOCK_H

/* What the verbs of fp-block share. */

#include "base/hash.h"
#include "cli/log.h"
#include "cli/opt.h"
#include "cli/out.h"
#include "logic/guard.h"
#include "node/facts.h"
#include "node/node.h"
#include "node/rights.h"

int fb_add(struct fp_cli *c);
int fb_del(struct fp_cli *c);
int fb_load(struct fp_cli *c);
int fb_unload(struct fp_cli *c);
int fb_list(struct fp_cli *c);
int fb_lists(struct fp_cli *c);
int fb_test(struct fp_cli *c);
int fb_why(struct fp_cli *c);
int fb_sweep(struct fp_cli *c);
int fb_verify(struct fp_cli *c);
int fb_digest(struct fp_cli *c);

/* Open the node as the command line says; notices go to stderr. */
int fb_open(struct fp_cli *c, enum fp_node_access access, struct fp_node *out,
	    struct fp_err *e);
/* The same for a change: alone, and _cluster follows the cluster file. */
int fb_open_writer(struct fp_cli *c, struct fp_node *out, struct fp_err *e);
bool fb_overrides(void *cli, const char *rule);

/* An operand that must be a host: 0; -EINVAL. */
int fb_host(const char *word, struct fp_prefix *out, struct fp_err *e);

/* Rule `owner`: lists that another place owns are not changed by hand. */
int fb_may_change(struct fp_cli *c, const struct fp_list_head *h,
		  struct fp_err *e);

/* The list that --list, --kind and --owner speak of.  *is_new: it is not there
 * yet.  -EINVAL: they contradict each other. */
int fb_head(struct fp_cli *c, struct fp_node *n, const char *name,
	    struct fp_list_head *out, bool *is_new, struct fp_err *e);

/* The exit status of a change that was made: says so when it is not in force. */
int fb_done(struct fp_node *n, bool is_changed);

/* The address that stands for a prefix when the kernel is asked. */
struct fp_prefix fb_first_host(const struct fp_prefix *p);

/* 0, or the exit status of the failed record. */
int fb_record(struct fp_cli *c, const struct fp_type *t, const void *rec);

#define FB_COUNT(v) (sizeof(v) / sizeof(*(v)))

#endif
