/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_DEATH_H
#define FP_RECOVER_DEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/fleet.h"
#include "recover/preflight.h"

/* Is a run dead, and how it is made so.  Proof is another Core-UUID at its address
 * (same switchname), or a command of the provider's that says so (exit 0).  A frozen
 * process is not dead: it may go on, and hang up what has moved. */

enum fp_death {
	FP_DEATH_PROVEN, /* another Core-UUID answers */
	FP_DEATH_FENCED, /* the command said so */
	FP_DEATH_COMMANDED, /* drain: it was told to exit, and its socket is closed */
	FP_DEATH_LIVES,   /* the run answers */
	FP_DEATH_UNKNOWN, /* nothing answers */
};
const char *fp_death_name(enum fp_death d);

/* Of each of runs[]: those of x that are not what answers now.  One that answers at any
 * other node's address lives, too: a cloned machine calls itself as x does (of the
 * switches' last readings, and asked again).  *now: the run that answers at x, "" none.
 * 0; errors of fp_switch_run other than silence. */
int fp_death_look(struct fp_switch *x, const char *const *runs, size_t n,
		  enum fp_death *out, char now[64], struct fp_err *e);

struct fp_fence {
	struct fp_switches *switches;
	struct fp_switch *node;
	const char *run; /* that is fenced */
	const char *
		command; /* of --fence, or NULL: run by sh -c with FP_NODE, FP_RUN,
			       * FP_ADDRESS in its environment; exit 0: it is dead */
	int64_t command_ms;
	struct fp_store *store;
	const struct fp_fleet_opts *fleet;    /* NULL: no node has a filter */
	const struct fp_host *const *filters; /* nodes whose NICs fence it */
	size_t n_filters;
	const char *lists_dir;
	const char *state_dir; /* our copies of dynamic lists are in it */
	const char *why, *by;
	bool is_dry_run;
	/* Of a job: is it ours still?  Asked before each step that changes something, which
	 * may come long after the one before.  NULL: of none. */
	int (*is_ours)(void *of, struct fp_err *e);
	void *of;
	bool *is_changed; /* set when something was; may be NULL */
	bool (*is_lifted)(void *ctx, const char *rule);
	void (*each)(void *ctx, const struct fp_condition *c); /* each step */
	void *ctx;
};
/* Power or process first, then its database sessions, then the NICs: an entry of list
 * "fence" at every node but itself; not of a node that answers as another run, which
 * takes calls.  Nothing is skipped in silence: what cannot be done is a condition; WARN
 * when it is proven dead, REFUSE (rule "fence") when not (rule "alive" lifted).
 * 0: dead, *out how.  -EPERM rule "alive": nothing proves it.  -EPERM rule "fence". */
int fp_fence(const struct fp_fence *f, enum fp_death *out, struct fp_err *e);
/* Take the NIC fence away: of a node that answers with another run than the one fenced
 * and that has no calls of it left (or as lifted: rule "alive").
 * 0: *is_changed. */
int fp_unfence(const struct fp_fence *f, bool *is_changed, struct fp_err *e);

#endif
