/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_FILTER_H
#define FP_HEALTH_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "control/fleet.h"
#include "io/work.h"
#include "logic/health.h"

/* The filter of fastpath itself on nodes that have one (fp_if), asked over SSH by
 * fp-sync's HELLO: attached? in force? in step with our lists?  A session a node
 * stays open and is opened again. */
struct fp_filters;

struct fp_filters_opts {
	const struct fp_fleet_opts *fleet;
	struct fp_work *work;  /* reads our lists */
	const char *lists_dir; /* there may be none: nothing is compared */
	/* An answer of hosts[i]; r is ours, its view the callee's when it sets
	 * r->view to NULL. */
	void (*reading)(void *ctx, size_t i, struct fp_reading *r,
			int64_t started_ms);
	void *ctx;
};

/* hosts: kept by reference.  0: fp_filters_close.  -ENOMEM -errno. */
int fp_filters_open(struct fp_filters **out, struct fp_loop *l,
		    const struct fp_filters_opts *o,
		    const struct fp_host *const *hosts, size_t n,
		    struct fp_err *e);
void fp_filters_close(struct fp_filters *f); /* NULL is allowed */
/* Ask all of them now; who cannot be reached answers too, when that is known.  What
 * our lists are is read again. */
void fp_filters_ask(struct fp_filters *f);

#endif
