/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_STAY_H
#define FP_CONTROL_STAY_H

#include <stddef.h>

#include "base/err.h"
#include "control/fleet.h"
#include "control/source.h"
#include "control/visit.h"
#include "io/loop.h"

/* A channel to each node that stays: lists go out when their files change, words
 * when a local client hands them in, and every 15 s each node is asked whether it
 * still agrees.  What went wrong is tried again. */

struct fp_stay_opts {
	struct fp_fleet_opts fleet;
	struct fp_source_opts source; /* strings outlive it */
	struct fp_plan plan; /* what every push has; its history and copy
				         are the caller's and outlive it */
	const char *state_dir;
	/* A node's state is another, or it was changed. */
	void (*changed)(void *ctx, const struct fp_member *m,
			const struct fp_outcome *o);
	/* What people should know; is_bad: something is wrong. */
	void (*say)(void *ctx, bool is_bad, const char *text);
	/* Every node was visited, or could not be, for the first time. */
	void (*ready)(void *ctx);
	void *ctx;
};

struct fp_stay;

/* Reads the lists directory, begins to connect; the rest comes with the loop.
 * hosts outlive it.  0: fp_stay_close.  Errors of fp_source_read; -errno. */
int fp_stay_open(struct fp_stay **out, struct fp_loop *l,
		 const struct fp_stay_opts *o,
		 const struct fp_host *const *hosts, size_t n,
		 struct fp_err *e);
void fp_stay_close(struct fp_stay *s); /* NULL is allowed */

/* ---- a client, in another process ---- */

/* One node's answer. */
struct fp_handed {
	char node[256];
	bool is_connected; /* else: it will hear when it is back */
	bool is_ok;
	struct fp_event ev; /* answer; or code, error, err */
};

/* Does one of this state directory listen, be it that it does not answer? */
bool fp_stay_runs(const char *state_dir);

/* Hand words to the fp_stay of this state directory, if one runs.
 * 1: each was called for each of its nodes.  0: none runs, or it cannot take
 * that many words.  -errno: it went silent; some nodes may have been called, and
 * others may hear of it yet: to ask them too does no harm. */
int fp_stay_hand(const char *state_dir, const char *list, enum fp_kind kind,
		 const char *by, const char *why, const struct fp_entry *v,
		 size_t n, int64_t timeout_ms,
		 void (*each)(void *ctx, const struct fp_handed *h), void *ctx,
		 struct fp_err *e);

#endif
