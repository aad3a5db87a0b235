/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_TRUST_H
#define FP_HEALTH_TRUST_H

#include <stdint.h>

#include "base/err.h"
#include "health/proxies.h"

/* Whom an OpenSIPS trusts: dispatcher, load_balancer, drouting, permissions; each as
 * far as it is loaded. */

/* Ask p, which is connected, and wait on the loop; each is called for every one:
 * where, an address, a prefix, host[:port] or a URI; why, "dispatcher sip1 1".  It may
 * end it by non-zero.
 * 0, or what each returned (e is its own).  Errors of fp_mi_ask; -EREMOTEIO; -EBADMSG;
 * -EINTR. */
int fp_trust_ask(struct fp_proxy *p, int64_t timeout_ms,
		 int (*each)(void *ctx, const char *where, const char *why,
			     struct fp_err *e),
		 void *ctx, struct fp_err *e);

#endif
