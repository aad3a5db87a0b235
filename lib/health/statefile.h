/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_STATEFILE_H
#define FP_HEALTH_STATEFILE_H

#include "base/err.h"
#include "health/site.h"

/* What check saw, kept between runs in STATE/health/state: a line a check
 * (health_state.h), so that the next run knows since when, and counts on. */

/* Tell site what was seen.  0, also when there is no file; -errno.  Lines that
 * cannot be read are passed over, *n_bad says how many. */
int fp_statefile_read(struct fp_site *s, const char *state_dir, size_t *n_bad,
		      struct fp_err *e);
/* Write what is known now; checks that site does not have stay as they are, as long
 * as inv has their node.  One writer at a time (waits 1 s), temp + rename.
 * 0; -EAGAIN; -errno. */
int fp_statefile_write(struct fp_site *s, const char *state_dir,
		       const struct fp_inventory *inv, struct fp_err *e);

#endif
