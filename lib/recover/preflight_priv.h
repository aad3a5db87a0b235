/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_PREFLIGHT_PRIV_H
#define FP_RECOVER_PREFLIGHT_PRIV_H

#include "logic/rehome_check.h"
#include "recover/preflight.h"

/* A check that goes on.  Functions that return int: 0, or an error that ends it. */
struct recover_pf {
	const struct fp_recover_check *p;
	bool is_quiet; /* nothing is told: only whether it refuses counts */
	bool is_refused, is_policy_old;
	struct fp_err refusal; /* the first */
};

/* Tell one; a rule that is lifted refuses nothing.  rule counts for REFUSE alone. */
void recover_pf_say(struct recover_pf *f, const char *node, const char *name,
		    enum fp_condition_state state, const char *rule,
		    const char *value, const char *detail, ...)
	__attribute__((format(printf, 7, 8)));
/* One that refuses whatever is lifted: nothing could come of it. */
void recover_pf_refuse(struct recover_pf *f, const char *node, const char *name,
		       const char *rule, const char *value, const char *detail);
/* The same of a judgement that movers share. */
void recover_pf_tell(struct recover_pf *f, const char *node,
		     const struct fp_check *c);
static inline bool recover_pf_is_failover(const struct recover_pf *f)
{
	return f->p->kind == FP_RECOVER_FAILOVER;
}
/* Is a call to be brought up? */
static inline bool recover_pf_is_had(const struct fp_call *c)
{
	return c->fate != FP_FATE_SKIP && c->fate != FP_FATE_LOST;
}
const struct fp_mark *recover_pf_mark(const struct recover_pf *f,
				      const struct fp_switch *x);
/* The ports that RTP of x has: as it says itself, else as the cluster file does.
 * false: not known. */
bool recover_pf_ports(const struct fp_switch *x, uint16_t *first,
		      uint16_t *last);
static inline bool recover_pf_overlap(uint16_t a, uint16_t b, uint16_t c,
				      uint16_t d)
{
	return a <= d && c <= b;
}

/* preflight_target.c: all that one target must be, whatever the calls. */
void recover_pf_target(struct recover_pf *f, const struct fp_switch *x);
/* preflight_calls.c: what the calls need of the targets. */
int recover_pf_calls(struct recover_pf *f, struct fp_err *e);
/* preflight_lost.c: what would end, or not come up. */
int recover_pf_lost(struct recover_pf *f, struct fp_err *e);
/* preflight_place.c: is there a place for them, when all is lifted that is? */
int recover_pf_place(struct recover_pf *f, struct fp_err *e);

#endif
