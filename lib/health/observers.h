/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_OBSERVERS_H
#define FP_HEALTH_OBSERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "control/fleet.h"
#include "logic/health.h"
#include "model/inventory.h"

/* Other controllers that watch too: `fp-health watch --json` over SSH, and what
 * each of them says of each check.  One that is gone, or silent for three of its
 * alive records, has no word. */
struct fp_observers;

struct fp_observers_opts {
	struct fp_loop *loop;
	const struct fp_fleet_opts *fleet; /* how they are reached */
	const char *command;
	/* The words on a check may be others; node NULL: on all of them. */
	void (*heard)(void *ctx, const char *node, const char *check);
	/* One came (text NULL) or went. */
	void (*note)(void *ctx, const char *observer, const char *text);
	/* Told once of each: a line of it is no record (cut to size). */
	void (*garbled)(void *ctx, const char *observer, const char *line);
	void *ctx;
};

/* hosts: what is needed is copied.  0: fp_observers_close.  -EINVAL -ENOMEM. */
int fp_observers_open(struct fp_observers **out,
		      const struct fp_observers_opts *o,
		      const struct fp_host *const *hosts, size_t n,
		      struct fp_err *e);
void fp_observers_close(struct fp_observers *o); /* NULL is allowed */

size_t fp_observers_count(const struct fp_observers *o);
/* Has each told all it saw at first? */
bool fp_observers_are_ready(const struct fp_observers *o);
/* What they say of a check, at most one word each: how many. */
size_t fp_observers_words(const struct fp_observers *o, const char *node,
			  const char *check, enum fp_health *out);
/* ",ctl2=CRITICAL,ctl3=-" */
void fp_observers_print(const struct fp_observers *o, const char *node,
			const char *check, struct fp_buf *to);

#endif
