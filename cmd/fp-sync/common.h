/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_SYNC_COMMON_H
#define FP_CMD_SYNC_COMMON_H

/* What the verbs of a controller share. */

#include "control/fleet.h"
#include "control/visits.h"
#include "model/inventory.h"
#include "sync.h"

#define FS_LISTS_DIR "/etc/fastpath/lists"
#define FS_NOT_IN_FORCE                                                        \
	"NOT in force: no filter is attached (fp-load attach IF)"

int fs_push(struct fp_cli *c);
int fs_status(struct fp_cli *c);
int fs_add(struct fp_cli *c);
int fs_del(struct fp_cli *c);
int fs_compare(struct fp_cli *c);
int fs_why(struct fp_cli *c);
int fs_pull(struct fp_cli *c);
int fs_history(struct fp_cli *c);
int fs_rollback(struct fp_cli *c);
int fs_bypass(struct fp_cli *c);
int fs_confirm(struct fp_cli *c);

/* This controller, and the nodes that the command line speaks of. */
struct fs_site {
	struct fp_cli *c;
	struct fp_inventory *inv;
	const struct fp_host **hosts; /* those that -N names */
	size_t n_hosts;
	struct fp_loop *loop;
	struct fp_fleet_opts opts;
	char name[256], by[256];
	void (*reload)(void *ctx); /* on SIGHUP; NULL: SIGHUP ends us */
};

/* names, n: nodes named as operands, in place of -N; n 0: none.  out->reload is
 * the caller's, with out as ctx.
 * 0: fs_site_close.  -EINVAL, -ENOENT: the cluster file, a pattern.  -errno. */
int fs_site_open(struct fs_site *out, struct fp_cli *c, char **names, size_t n,
		 struct fp_err *e);
void fs_site_close(struct fs_site *s);
/* Can the cluster file be read?  0; as above. */
int fs_site_check(struct fs_site *s, struct fp_err *e);
/* --lists, or where they usually are. */
const char *fs_lists_dir(const struct fp_cli *c);
/* Our lists, to be looked at only: there may be none.  names: these alone, n 0:
 * all.  0: fp_source_free; errors of fp_source_read. */
int fs_our_lists(const struct fp_cli *c, const char *const *names, size_t n,
		 struct fp_source **out, struct fp_err *e);
/* What the command line says of a push; the source is the caller's.
 * -EINVAL: an option's value. */
int fs_plan(struct fs_site *s, struct fp_plan *out, struct fp_err *e);

/* One node's part. */
struct fs_node {
	const struct fp_host *host;
	struct fp_outcome out;
	uint64_t sent, received;
	int64_t ms;
	int64_t clock_s; /* its clock minus ours */
	bool has_hello;
};

/* Visit hosts by plan, at once; node: as many, zeroed.  what: for the progress bar.
 * 0; -errno, nothing was begun. */
int fs_visit_all(struct fs_site *s, struct fp_plan *plan, const char *what,
		 const struct fp_host *const *hosts, size_t n,
		 struct fs_node *node, struct fp_err *e);
/* Ask the hosts of the site; data: as many elements of `size` bytes, one a
 * member.  0; -errno. */
int fs_ask_all(struct fs_site *s, const struct fp_fleet_ops *ops, void *data,
	       size_t size, struct fp_err *e);
/* An op that does nothing: HELLO is all that is asked. */
void fs_opened(void *ctx, struct fp_member *m);
/* A note of the node, on stderr.  true: that is what it was. */
bool fs_is_note(const struct fp_member *m, const struct fp_event *ev);
/* How far its clock is from ours, whole seconds; said when it matters. */
int64_t fs_clock_s(const struct fp_host *h, const struct fp_hello *hello);

/* How many ended how; and what that is as an exit status. */
struct fs_tally {
	size_t n[FP_STANDS_FAILED + 1];
	size_t n_partly; /* of those that stand well */
	bool is_changed;
};
/* Counts it, and says on stderr why a node did not do it. */
void fs_tally_add(struct fs_tally *t, const char *node,
		  const struct fp_outcome *o);
/* is_dry_run: 1 when something would change. */
int fs_tally_status(const struct fs_tally *t, bool is_dry_run);

/* The summary, of nodes. */
void fs_tally_summary(struct fp_cli *c, const struct fs_tally *t);
/* A digest as people see it: short in text, whole in JSON. */
void fs_digest(const struct fp_cli *c, const char *hex, char out[65]);

#endif
