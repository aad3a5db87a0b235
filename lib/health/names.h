/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_NAMES_H
#define FP_HEALTH_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "io/loop.h"
#include "io/work.h"

/* All addresses of host names: what is trusted, or matched, is every address that
 * a name has (io/resolve.h finds one to connect to).  Kept for a minute; what DNS
 * said last stays while it does not answer. */
struct fp_names;

#define FP_NAMES_MAX 32 /* addresses of a name; further ones are not seen */

/* 0: fp_names_close.  -ENOMEM. */
int fp_names_open(struct fp_names **out, struct fp_loop *l, struct fp_work *w,
		  struct fp_err *e);
void fp_names_close(struct fp_names *n); /* NULL is allowed */

/* It will be asked for; an address is known already.  0; -ENOMEM. */
int fp_names_add(struct fp_names *n, const char *host, struct fp_err *e);
/* Ask for those that are not known or too old; done is called from the loop, once,
 * when all of them answered or after timeout_ms.  One at a time. */
void fp_names_resolve(struct fp_names *n, int64_t timeout_ms,
		      void (*done)(void *ctx), void *ctx);

/* How many addresses host has (its own, when it is one).  -ENOENT -EHOSTUNREACH
 * -ETIMEDOUT: what DNS said.  -EAGAIN: it was not asked. */
int fp_names_get(const struct fp_names *n, const char *host,
		 struct fp_prefix out[FP_NAMES_MAX]);

#endif
