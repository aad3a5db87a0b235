/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_HEALTH_STEER_H
#define FP_LOGIC_HEALTH_STEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logic/health.h"
#include "logic/health_dest.h"
#include "logic/health_view.h"

/* What routing should look like, and the smallest change towards it: what an
 * operator set stays; only what we disabled is enabled; not more than max_down of
 * a set is out through us, never its last usable one. */

/* What is wanted of a node's destinations. */
enum fp_want {
	FP_WANT_KEEP, /* not known: leave everything as it is, and what is out
		       * through us or an expired lease stays so */
	FP_WANT_IN,
	FP_WANT_OUT,
	FP_WANT_NONE, /* not ours to say (nobody spoke of the node, or whom it
		       * leads to cannot be told now): not touched, nor are
		       * its leases */
};

/* A lease: this destination was disabled by steering. */
struct fp_lease {
	char proxy[256]; /* node whose table it is in */
	enum fp_dest_kind kind;
	char set[64], uri[256];
	int64_t id;      /* of load_balancer; else -1 */
	char owner[128]; /* a controller */
	int64_t until_s; /* unix; passed: anyone's */
	int64_t since_s; /* disabled at */
	int64_t epoch;   /* grows with each change of owner */
	/* It was seen Inactive later than late probe replies (settle_s) could
	 * undo what we set at since_s.  Before that, enabled means that we have
	 * to disable it again, since commands and replies get lost; after it, it
	 * means that an operator enabled it. */
	bool is_confirmed;
	bool is_let_go; /* an operator enabled it by hand since: not ours to
			   * touch until the node is wanted in */
	char why[200];
};

struct fp_steer_dest {
	const char *proxy;               /* whose table */
	const struct fp_view_dest *dest; /* as it is now */
	/* whom it leads to; NULL: to no node (or, FP_WANT_NONE, it is not
	 * known) */
	const char *node;
	enum fp_want want; /* of that node */
	const char *why;
	const struct fp_lease *lease; /* or NULL */
	/* The proxy's start, by the clock of leases; 0: not known.  A start since
	 * the lease's undid it, not an operator; from now on: that is to be
	 * seen, and what is enabled stays so till then. */
	int64_t proxy_start_s;
};

struct fp_steer_opts {
	const char *owner; /* this controller */
	int64_t now_s, lease_s;
	double max_down_percent; /* of a set, by us; default 50 */
	int64_t settle_s; /* how long OpenSIPS' late probe replies may undo us */
};

enum fp_steer_act {
	FP_STEER_NONE,
	FP_STEER_DISABLE, /* take the lease, then disable */
	FP_STEER_AGAIN,   /* a late probe reply undid it, or it was never done:
			   * disable again */
	FP_STEER_ENABLE,  /* enable, then end the lease */
	FP_STEER_FORGET,  /* it is enabled already: end the lease */
	FP_STEER_RENEW,
	FP_STEER_TAKE_OVER, /* an expired lease of another, still wanted out */
	FP_STEER_LET_GO,    /* an operator enabled it: mark the lease */
	FP_STEER_HELD,      /* wanted out, but a guard says no: why */
};
struct fp_steer_step {
	size_t index; /* in the array of destinations */
	enum fp_steer_act act;
	bool is_confirmed; /* RENEW, TAKE_OVER, ENABLE: what the lease says from
			    * now on */
	char why[240];
};
const char *fp_steer_act_name(enum fp_steer_act a);

/* "dispatcher", "load_balancer", "rtpengine" */
const char *fp_dest_kind_name(enum fp_dest_kind k);
/* 0; -EINVAL. */
int fp_dest_kind_parse(const char *name, enum fp_dest_kind *out);

/* A lease that expired is anyone's who knows of the node: ENABLE, FORGET,
 * TAKE_OVER and LET_GO may be of another's.  DISABLE and AGAIN take it anew
 * (since_s is now, not confirmed).  ENABLE says that it is not confirmed before
 * the command goes out: what is enabled then is nobody's word.
 * What the plan enables counts as out until it is seen enabled, so that two plans
 * may be needed; then a plan changes nothing.  A destination that leads to no
 * node any more is given back.
 * All leases of a set, two at least, undone in one reading: its table was
 * reloaded; no operator's word.
 * A dispatcher set that has a URI twice: ds_set_state reaches one of them, so that
 * neither is disabled.
 * Of load_balancer the last one that has capacity for a resource stays.
 * One step a destination, in their order.  0: *out is an array of n, free(3).
 * -ENOMEM.  Enabling goes before disabling in the caller's hands. */
int fp_steer_plan(const struct fp_steer_opts *o, const struct fp_steer_dest *v,
		  size_t n, struct fp_steer_step **out, struct fp_err *e);

/* What is wanted of a node, by its states.  v: those of the checks that routing
 * looks at (the caller's choice); is_refusing counts as out.
 * All OK or WARNING: IN.  Any CRITICAL, refusing or MAINT: OUT.  Else KEEP. */
enum fp_want fp_steer_want(const enum fp_health *state, const bool *is_refusing,
			   size_t n);

#endif
