/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_STEER_H
#define FP_HEALTH_STEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "health/steer_view.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/work.h"
#include "logic/health_steer.h"
#include "model/inventory.h"

/* Routing follows the watcher: rounds of reading what every OpenSIPS has, making
 * the plan, and taking its steps one after the other, each within a lease of
 * fp_db.  fp_db blocks the loop, for timeout_ms at most. */
struct fp_steer;

/* One step that was taken, or would be. */
struct fp_steer_said {
	const char *proxy, *kind, *set, *uri, *node; /* node: NULL, unknown */
	enum fp_steer_act act;
	const char *why;
	bool is_changed; /* routing is different now (or would be) */
	int code;        /* -errno: it failed; error */
	const char *error;
};

struct fp_steer_setup {
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_resolver *resolver;
	const struct fp_inventory *inv;
	/* whose destinations are steered; others are left alone */
	const struct fp_host *const *hosts;
	size_t n_hosts;
	const struct fp_steer_view *view;
	const char *conninfo; /* of fp_db; NULL: leases in memory */
	/* fp_db is away: leases are in memory until it is back, which each
	 * round looks for */
	bool is_alone;
	const char *owner;
	const char *state_dir; /* what we hold, for the next run; NULL: no */
	int64_t timeout_ms;    /* of MI, and of fp_db */
	int64_t lease_s, settle_s;
	double max_down_percent;
	bool is_dry_run; /* one round; nothing is changed */
	/* Of every step but renewals; a step that is held back is said once. */
	void (*said)(void *ctx, const struct fp_steer_said *s);
	/* Something people should know, once until it changes. */
	void (*note)(void *ctx, const char *text);
	/* A round begins: what is there to be heard is heard now, and
	 * fp_steer_again may be called. */
	void (*before)(void *ctx);
	/* A round is over. */
	void (*round)(void *ctx);
	void *ctx;
};

/* 0: fp_steer_close.  -EINVAL: a variable of the cluster file. */
int fp_steer_open(struct fp_steer **out, const struct fp_steer_setup *o,
		  struct fp_err *e);
/* Another cluster file, from before() alone: who steers and what is disabled stays
 * as it is.  conninfo has to be the same.  0: inv and hosts of the setup are not
 * used any more.  -EINVAL: a variable, and all is as it was. */
int fp_steer_again(struct fp_steer *s, const struct fp_inventory *inv,
		   const struct fp_host *const *hosts, size_t n_hosts,
		   struct fp_err *e);
/* What is disabled stays so until its lease ends; the lock goes at once. */
void fp_steer_close(struct fp_steer *s); /* NULL is allowed */

/* Can we do our part?  1: this controller steers.  0: another does: who.
 * -errno: fp_db. */
int fp_steer_begin(struct fp_steer *s, char who[128], struct fp_err *e);
/* A round is due: now (a change), or after the usual while. */
void fp_steer_kick(struct fp_steer *s);

struct fp_steer_counts {
	size_t n_proxies, n_unread; /* of the last round */
	size_t n_changed, n_failed; /* steps, since the start */
	size_t n_held;              /* now */
	size_t n_down;              /* disabled by us, now */
	bool is_standby;
	bool is_more;    /* there is to be another round at once */
	bool is_alone;   /* leases are in memory */
	bool is_settled; /* nothing was set so lately that late replies of
			  * probes may undo it */
	bool is_blind;   /* the last round made no plan: standby, fp_db is away,
			* the watcher is silent */
};
void fp_steer_count(const struct fp_steer *s, struct fp_steer_counts *out);

#endif
