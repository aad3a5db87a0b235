/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_PUSH_PRIV_H
#define FP_NODE_PUSH_PRIV_H

/* What the files of push.h share; not for others. */

#include <limits.h>
#include <sys/types.h>

#include "base/time.h"
#include "node/digests.h"
#include "node/push.h"

#define FP_STEP "step"
#define FP_STEP_OUT "-"
#define FP_STEP_IN "+"
#define FP_ACCEPTED "accepted"
#define FP_PENDING "pending"
#define FP_PENDING_INFO "info"
#define FP_FILE_MAX 64 /* any name in a step, with its NUL */

/* A list, or its end, that is staged. */
struct fp_staged {
	char name[FP_LIST_NAME_MAX + 1];
	enum fp_kind kind;
	bool is_drop;
	char digest[65];
	uint64_t entries;
	/* against the list that was there: valid while its file is base */
	struct fp_file_id base;
	uint64_t added, removed;
	int64_t keys_more;
};

struct fp_push {
	int state_fd, lists_fd; /* -1: not open yet */
	int dir_fd;             /* of the area, locked; -1: none */
	char dir[FP_FILE_MAX];  /* its name in the state directory */
	struct fp_staged v[FP_RECEIVER_LISTS_MAX];
	size_t n;
	struct fp_digests *digests;
	/* the list in hand */
	struct fp_receiver_list now;
	int spool_fd;
	uint64_t spool_bytes;
	char state_dir[PATH_MAX];
};

/* ---- push_state.c: small files of "key=value" lines */

struct fp_note_pending {
	struct fp_pending about;
	char boot[40]; /* boot_id of the kernel that counts end_boot_ms */
	int64_t end_boot_ms, end_unix_ms;
};
/* Written and fsynced; dir_fd is not.  0; -errno. */
int fp_accepted_write(int dir_fd, const char *file, const struct fp_accepted *a,
		      struct fp_err *e);
int fp_pending_write(int dir_fd, const char *file, const struct fp_pending *p,
		     struct fp_err *e);
int fp_accepted_read_at(struct fp_accepted *out, int state_fd,
			struct fp_err *e);
int fp_pending_read_at(struct fp_pending *out, int state_fd, struct fp_err *e);

/* ---- push_step.c */

/* Remove a directory of files and directories of files.  0, also when it is not
 * there; -errno. */
int fp_tree_remove(int at_fd, const char *name, struct fp_err *e);
/* An empty file, or a second name for one; then the caller syncs. */
int fp_mark(int dir_fd, const char *prefix, const char *name, struct fp_err *e);
/* Give a directory of the state directory the name `step`, durably. */
int fp_step_begin(int state_fd, const char *dir, struct fp_err *e);
/* Do what it says, durably, and take it away.  0, also when there is none. */
int fp_step_finish(int state_fd, int lists_fd, struct fp_err *e);
/* Take `step` or `pending` away, durably, and forget what it says. */
int fp_step_drop(int state_fd, const char *name, struct fp_err *e);

/* ---- push_stage.c */

/* Make the area when there is none. */
int fp_push_make(struct fp_push *p, struct fp_err *e);
/* ---- push_list.c */

/* Write the list in hand into the area; to: its name and kind are set, the rest
 * is filled.  -EILSEQ -ENODATA as fp_push_end. */
int fp_push_make_list(struct fp_push *p, struct fp_staged *to,
		      struct fp_err *e);
/* What a staged list changes: counts of s against the list l (NULL: none). */
int fp_push_count(struct fp_staged *s, const struct fp_list *was,
		  const struct fp_list *will, struct fp_err *e);

/* ---- push_check.c */

/* A commit in hand. */
struct fp_commit {
	struct fp_push *p;
	struct fp_node *n;
	const struct fp_judge_opts *guard;
	const struct fp_receiver_commit *c;
	struct fp_accepted was;
	struct fp_pending pending;
	bool has_was, has_pending;
	struct fp_list *staged[FP_RECEIVER_LISTS_MAX]; /* NULL: taken out */
	bool is_same[FP_RECEIVER_LISTS_MAX];
	struct fp_node after; /* n with the lists as they will be */
	char policy[65];
	uint64_t lists, added, removed;
	int64_t keys_more;
};

/* What was accepted, what is pending. */
int fp_commit_state(struct fp_commit *k, struct fp_err *e);
/* Open what is staged, and see what of it changes the node. */
int fp_commit_open(struct fp_commit *k, struct fp_err *e);
/* k->after, and k->policy: -EILSEQ when it is not as c says. */
int fp_commit_compose(struct fp_commit *k, struct fp_err *e);
int fp_commit_policy(struct fp_commit *k, struct fp_err *e);
/* -ESTALE, or -EPERM rule pending. */
int fp_commit_turn(const struct fp_commit *k, struct fp_err *e);
bool fp_commit_is_on_base(const struct fp_commit *k);
/* -EPERM rule broken. */
int fp_commit_readable(const struct fp_commit *k, struct fp_err *e);
/* Guard rules and room: -EPERM, -ENOSPC. */
int fp_commit_check(struct fp_commit *k, struct fp_err *e);

#endif
