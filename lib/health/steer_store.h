/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_STEER_STORE_H
#define FP_HEALTH_STEER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logic/health_steer.h"

/* Who steers, and what steering disabled: the lock "steer" and the leases of
 * fp_db; or, without fp_db, memory of this process.  It blocks, each step no
 * longer than timeout_ms. */
struct fp_steer_store;

struct fp_steer_store_opts {
	const char *conninfo; /* of fp_db; NULL: memory */
	const char *owner;    /* this controller */
	int64_t timeout_ms;
	int64_t idle_s; /* who holds the lock and does nothing for so long loses
			  * it */
	bool is_reading; /* look only: no lock is taken */
};
/* Nothing is asked yet.  0: fp_steer_store_close.  -ENOMEM. */
int fp_steer_store_open(struct fp_steer_store **out,
			const struct fp_steer_store_opts *o, struct fp_err *e);
void fp_steer_store_close(struct fp_steer_store *s); /* NULL is allowed */

/* Connect if need be, take the lock, read the leases; *now_s: the clock of
 * leases.  *v is the store's until the next call.
 * 1: we steer; who, when not empty, did nothing and lost it.  0: somebody else
 * does: who.  -errno: fp_db is away, or not as it
 * should be. */
int fp_steer_store_begin(struct fp_steer_store *s, const struct fp_lease **v,
			 size_t *n, int64_t *now_s, char who[128],
			 struct fp_err *e);
/* Let somebody else steer. */
void fp_steer_store_release(struct fp_steer_store *s);

/* As fp_db_lease_*: lock and lease are checked in the same transaction. */
int fp_steer_store_take(struct fp_steer_store *s, struct fp_lease *l,
			int64_t lease_s, struct fp_err *e);
int fp_steer_store_renew(struct fp_steer_store *s, const struct fp_lease *l,
			 int64_t lease_s, struct fp_err *e);
int fp_steer_store_let_go(struct fp_steer_store *s, const struct fp_lease *l,
			  struct fp_err *e);
int fp_steer_store_end(struct fp_steer_store *s, const struct fp_lease *l,
		       struct fp_err *e);

#endif
