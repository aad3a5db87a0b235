/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_PREFLIGHT_PRIV_H
#define FP_REHOME_PREFLIGHT_PRIV_H

#include "logic/rehome_calls.h"
#include "logic/rehome_check.h"
#include "rehome/preflight.h"

/* A preflight that goes on.  Functions return 0 or an error that ends it. */
struct preflight {
	const struct fp_preflight *p;
	struct fp_edge **to; /* targets, each once */
	size_t n_to;
	bool is_refused, is_policy_old;
	struct fp_err refusal; /* the first */
};

/* Tell one.  A rule that is lifted refuses nothing. */
void preflight_tell(struct preflight *f, const char *node, struct fp_check *c);
static inline bool preflight_is_failover(const struct preflight *f)
{
	return f->p->kind == FP_MOVE_FAILOVER;
}
/* Do tags move? */
static inline bool preflight_gives(const struct preflight *f)
{
	return f->p->kind != FP_MOVE_TAKE && f->p->kind != FP_MOVE_MEDIA;
}
/* What a configuration says: 1, 0, or -1: there is none, or an included file may have
 * it. */
static inline int preflight_of_cfg(const struct fp_os_cfg *cfg, bool has)
{
	return !cfg || (!has && cfg->has_include) ? -1 : has;
}
/* auto-sync, active-tag of x. */
void preflight_settings(struct preflight *f, const struct fp_edge *x);
/* The mark of a node, or NULL. */
const struct fp_mark *preflight_mark(const struct fp_preflight *p,
				     const struct fp_edge *x);
/* The peer that has most dialogs, not x and not but; NULL: none answers. */
const struct fp_edge *preflight_fullest(const struct fp_edges *s,
					const struct fp_edge *x,
					const struct fp_edge *but);
void preflight_capability(const struct fp_edges *s, const struct fp_edge *x,
			  const struct fp_edge *but,
			  struct fp_check_capability *out);

/* preflight_source.c: is it dead, as it is said to be? */
int preflight_source(struct preflight *f, struct fp_err *e);
/* preflight_calls.c: the dialogs of a target, and what they need of it. */
int preflight_calls(struct preflight *f, struct fp_edge *x, struct fp_err *e);
/* preflight_memory.c: has x enough for that many calls? */
int preflight_memory(struct preflight *f, struct fp_edge *x, size_t calls,
		     struct fp_err *e);
/* preflight_orphans.c: tags with calls that nobody owns, but those that move. */
int preflight_orphans(struct preflight *f, struct fp_err *e);
/* preflight_policy.c: of all targets that have a filter. */
int preflight_policy(struct preflight *f, struct fp_err *e);

#endif
