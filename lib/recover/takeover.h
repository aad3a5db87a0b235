/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_TAKEOVER_H
#define FP_RECOVER_TAKEOVER_H

#include "recover/rescue.h"

/* Calls leave a FreeSWITCH that is alive, without a BYE to any endpoint. */

/* drain: `fsctl pause`, wait until every answered leg has its row, `fsctl shutdown now`,
 * and proof that the process is gone.  An `empty` of rescue.h, ctx: struct
 * fp_takeover.  What refuses (rule "lost": a call that would not come up) leaves the
 * node as it was, pause undone. */
/* take: for each leg of the call, in this order (facts-2, 2): rows are staged;
 * process_cdr=false on the legs, so that nobody bills twice; parked; an in-dialog BYE as
 * if of its far end to FreeSWITCH's own address, never to an endpoint; gone, and its rows
 * too.  When a BYE is refused all is undone: process_cdr as it was, bridged again. */
struct fp_takeover {
	int64_t wait_ms;      /* drain: for calls that cannot move to end */
	int64_t settle_ms;    /* for rows (2 s), for legs to be gone */
	struct fp_err undone; /* take: what was undone, for a person */
};
int fp_takeover_drain(void *ctx, struct fp_rescue *r, struct fp_err *e);
int fp_takeover_take(void *ctx, struct fp_rescue *r, struct fp_err *e);

#endif
