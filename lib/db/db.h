/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_DB_DB_H
#define FP_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logic/health_steer.h"
#include "peer/pg.h"

/* What controllers share, in schema fastpath of fp_db: maintenance marks, what
 * steering disabled, jobs, and the locks that keep two controllers apart.
 * Times of leases are the database's clock. */

#define FP_DB_VERSION 1

/* ---- schema (fp-health setup) */

struct fp_db_setup {
	const char *
		role; /* gets what the tools need and no more; NULL: fastpath */
	bool is_dry_run;
};
struct fp_db_made {
	int from, to;     /* versions; 0: was not there */
	bool is_changed;  /* version, role, or what the role may */
	bool is_role_new; /* made, NOLOGIN: to be granted to who logs in */
	bool is_owner;    /* the role owns the schema: it may change it too */
};
/* Make or migrate; safe to run twice, and by two at once.
 * -EACCES: not permitted, e says what to run as whom.  -EPERM: made by a newer
 * fastpath.  -EINVAL: a role that is a superuser. */
int fp_db_setup(struct fp_pg *p, const struct fp_db_setup *o,
		struct fp_db_made *out, struct fp_err *e);
/* The version.  -ENOENT: no schema ("fp-health setup").  -EPERM: another
 * version. */
int fp_db_check(struct fp_pg *p, struct fp_err *e);

/* ---- maintenance */

struct fp_mark {
	char node[256], why[200], by[128];
	int64_t since_s, until_s; /* unix */
	bool is_local; /* made without fp_db: only this controller's copy has it */
};
/* Marks that have not ended.  0: *out is an array of *n, free(3). */
int fp_db_marks(struct fp_pg *p, struct fp_mark **out, size_t *n,
		struct fp_err *e);
/* The database's clock, by which marks end. */
int fp_db_clock(struct fp_pg *p, int64_t *now_s, struct fp_err *e);
/* Begin, or change one that is there.  It ends for_s from now by the database's
 * clock, or (0) at until_s of the mark.
 * 0: *is_changed, and *m is what was read back.  -EINVAL: it would have ended
 * already; nothing is changed. */
int fp_db_mark(struct fp_pg *p, struct fp_mark *m, int64_t for_s,
	       bool *is_changed, struct fp_err *e);
int fp_db_unmark(struct fp_pg *p, const char *node, bool *is_changed,
		 struct fp_err *e);

/* Copies in STATE/health/maintenance, for when fp_db is away: written after each
 * reading, temp + rename.  copy_write keeps local marks of nodes that are not in
 * v, until they end: read the copy after it, and all marks are there.
 * copy_read: those that have not ended; 0 also when there is none; *at_s: when
 * fp_db was read last, 0: never. */
int fp_marks_copy_write(const char *state_dir, const struct fp_mark *v,
			size_t n, struct fp_err *e);
int fp_marks_copy_read(const char *state_dir, struct fp_mark **out, size_t *n,
		       int64_t *at_s, struct fp_err *e);
/* A mark of this controller's alone, since fp_db is away; until_s 0: end that of
 * node, of fp_db too as far as the copy goes. */
int fp_marks_copy_mark(const char *state_dir, const struct fp_mark *m,
		       bool *is_changed, struct fp_err *e);

/* ---- locks: advisory, of the session.  name: "steer" ... */

/* 1: held (also when it was).  0: somebody else holds it; who, when told. */
int fp_db_lock(struct fp_pg *p, const char *name, char who[128],
	       struct fp_err *e);
/* The same; a holder whose session did nothing for idle_s, stopped or blocked,
 * loses it: its session is ended, which takes the same role as its.
 * 1: held; who is not empty when it was so taken. */
int fp_db_lock_from_idle(struct fp_pg *p, const char *name, int64_t idle_s,
			 char who[128], struct fp_err *e);
/* What is not held is left alone. */
void fp_db_unlock(struct fp_pg *p, const char *name);

/* ---- leases of steering */

/* All of them.  0: *out, free(3); *now_s: the database's clock. */
int fp_db_leases(struct fp_pg *p, struct fp_lease **out, size_t *n,
		 int64_t *now_s, struct fp_err *e);
/* Each in one transaction that re-checks our session's lock `name` and the
 * lease's epoch; -EBUSY: the lock or the lease is not ours any more. */

/* One that is new holds since l->since_s, 0: now; epoch and times of l are set. */
int fp_db_lease_take(struct fp_pg *p, const char *lock, struct fp_lease *l,
		     int64_t lease_s, struct fp_err *e);
/* until, and is_confirmed. */
int fp_db_lease_renew(struct fp_pg *p, const char *lock,
		      const struct fp_lease *l, int64_t lease_s,
		      struct fp_err *e);
int fp_db_lease_let_go(struct fp_pg *p, const char *lock,
		       const struct fp_lease *l, struct fp_err *e);
int fp_db_lease_end(struct fp_pg *p, const char *lock, const struct fp_lease *l,
		    struct fp_err *e);

/* ---- jobs of movers, for status */

struct fp_job_row {
	char id[40], tool[32], verb[32], node[256], state[32], by[128];
	int64_t started_s, updated_s;
};
/* Those that have not ended, the first first; "stopped" also when whoever ran it
 * died without a word. */
int fp_db_jobs(struct fp_pg *p, struct fp_job_row **out, size_t *n,
	       struct fp_err *e);

#endif
