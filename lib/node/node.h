/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_NODE_H
#define FP_NODE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/list.h"
#include "model/tables.h"
#include "peer/maps.h"

/* A node's policy as one thing: its lists, the tables compiled from them, and
 * the lock that makes their change one step.  fp-block, fp-load and fp-sync
 * receive change policy through here and nowhere else.
 *
 * First the list, durably; then the tables; then the token in the tables says
 * which lists they were compiled from.  Whoever takes the lock next and finds
 * another token (a writer was killed, a file was edited by hand) compiles all. */

enum fp_node_access {
	FP_NODE_READ,      /* no lock: lists only, each file whole in itself */
	FP_NODE_READ_BOTH, /* shared lock: lists and tables agree */
	FP_NODE_WRITE,     /* alone */
};

struct fp_node_opts {
	const char
		*state_dir; /* /var/lib/fastpath; lists/ is made when missing */
	const char *pins;
	enum fp_node_access access;
	int64_t timeout_ms; /* for the lock */
	bool is_broken_ok;  /* go on without lists that cannot be read */
	/* open only: no complaint about a list that cannot be read or tables of
	 * another layout, and tables stay behind the lists until
	 * fp_node_catch_up */
	bool is_raw;
	/* each thing that was mended or must be known, one line; may be NULL */
	void (*notice)(void *ctx, const char *text);
	void *ctx;
};

#define FP_NODE_DROPPED 32

struct fp_node {
	/* lists with a bad line that the node goes on without */
	char dropped[FP_NODE_DROPPED][FP_LIST_NAME_MAX + 1];
	size_t n_dropped;
	int lists_fd;
	struct fp_lists lists;
	struct fp_maps *maps; /* NULL: no filter is loaded */
	struct fp_node_opts opts;
	bool is_locked;
	char recovered[160]; /* what open did about a push, or "" */
	unsigned int
		n_left_out; /* lists that could not be read: notices sent */
};

/* 0: *out is open (fp_node_close).  With FP_NODE_WRITE what another writer left
 * half done is finished first, and a push that nobody confirmed in time is taken
 * back (node/push.h).
 * -EAGAIN: locked all the time.  -EPROTO: tables of another layout.
 * -EPERM rule broken: a list cannot be read (e says which, where and why).
 * FP_NODE_READ* where there is no lists directory: a node without lists. */
int fp_node_open(struct fp_node *out, const struct fp_node_opts *opts,
		 struct fp_err *e);
void fp_node_close(struct fp_node *n);

/* After an open with is_raw: what fp_node_open does to the tables otherwise.
 * 0.  -EPERM rule broken, when not is_broken_ok.  -errno. */
int fp_node_catch_up(struct fp_node *n, struct fp_err *e);
/* Go on with the tables pinned in dir, the maps' own directory; those that were
 * open are closed.  0; -errno: nothing changed. */
int fp_node_use_dir(struct fp_node *n, const char *dir, struct fp_err *e);

/* Is a change in force once it is in the tables? */
bool fp_node_is_in_force(struct fp_node *n);

/* Is there a file of this list, readable or not? */
bool fp_node_has_file(const struct fp_node *n, const char *name);

/* Make an empty list.  No verdict changes, so nothing is compiled. */
int fp_node_create(struct fp_node *n, const struct fp_list_head *head,
		   struct fp_err *e);

/* Change entries of a list that exists.  On return 0 the change is durable and,
 * with a filter loaded, in the tables.
 * -ENOSPC: table or disk full, nothing changed.  Other errors after the list
 * was written say so ("saved, not in force: ..."). */
int fp_node_change(struct fp_node *n, const char *name,
		   const struct fp_change *v, size_t n_changes,
		   struct fp_apply_stats *stats, struct fp_err *e);

/* Write a whole list and compile.  keys_more: how many more entries than now
 * need the prefix table (fp_node_needs_key). */
int fp_node_write(struct fp_node *n, const struct fp_list_head *head,
		  fp_entry_next *next, void *ctx, int64_t keys_more,
		  struct fp_apply_stats *stats, struct fp_err *e);
int fp_node_remove(struct fp_node *n, const char *name,
		   struct fp_apply_stats *stats, struct fp_err *e);
/* Compact a list (see fp_list_compact): no verdict changes, but for entries
 * that have expired. */
int fp_node_compact(struct fp_node *n, const char *name, int64_t now_s,
		    size_t *dropped, struct fp_err *e);

/* Lists were changed on disk under our lock: open them anew and compile. */
int fp_node_reload(struct fp_node *n, struct fp_err *e);

/* Compile everything. */
int fp_node_compile(struct fp_node *n, struct fp_apply_stats *stats,
		    struct fp_err *e);

/* Do the tables equal the lists?  The number of differences, or -errno.
 * -ENOENT: no filter is loaded. */
int64_t fp_node_verify(struct fp_node *n,
		       void (*each)(void *ctx, const struct fp_prefix *p,
				    const char *text),
		       void *ctx, struct fp_err *e);

/* Does an entry of such a list take a slot of the prefix table? */
bool fp_node_needs_key(const struct fp_entry *x, enum fp_owner owner);

#endif
