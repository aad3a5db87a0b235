/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_SYNC_CHANGE_H
#define FP_CMD_SYNC_CHANGE_H

/* What change.c and change_back.c share. */

#include "common.h"

/* A word that is taken back. */
struct change_lift {
	bool is_back;
	struct fp_entry word;
	struct fp_buf meta; /* of it */
};

/* One add or del. */
struct change {
	struct fs_site site;
	struct fp_plan plan;
	bool is_del;
	struct fp_text text;
	struct fp_buf line; /* the operands, as a list would have them */
	struct fp_entries in;
	int64_t until_s, for_s; /* one of them, or neither: for ever */
	struct fp_buf store;    /* metas of words */
	struct fp_entry *word;  /* in.n, in order of prefix */
	size_t n_news;          /* for our own copy */
	bool is_new_list;       /* ... which did not have it */
	struct fs_node *node;   /* what became of it, a host each */
	struct fs_node *now;    /* ... of what is being said */
	int64_t start_ms;
	struct change_lift *lift; /* in.n, or NULL */
	size_t n_back;
	char refuser[256]; /* the node that refused first */
	bool is_withdrawn; /* no node has such a list */
	bool is_taking_back;
	int code; /* the copy could not be told, -errno: err */
	struct fp_err err;
};

/* Say v to the nodes whose host in node is NULL; fills them in. */
int fs_change_tell(struct change *x, const struct fp_entry *v, size_t n,
		   struct fs_node *node, struct fp_err *e);

/* ---- change_back.c ---- */

/* Of fp_plan, ctx: struct change.  What a node refuses is lifted in the copy. */
void fs_change_refused(void *ctx, const char *node, const struct fp_event *ev);
/* ... and on the nodes that took it; x->node says what became of it.
 * 0; -errno: of the copy. */
int fs_change_back(struct change *x, struct fp_err *e);
void fs_change_fini(struct change *x);

#endif
