/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_TAKEOVER_H
#define FP_RECOVER_TAKEOVER_H

#include "recover/rescue.h"

/* Calls leave a FreeSWITCH that is alive, without a BYE to any endpoint. */

/* drain: new calls are stopped (`fsctl pause inbound`), then it waits until every leg
 * has its row and nothing rings, `fsctl shutdown now`, and proof that the process is
 * gone.  What refuses (rule "lost": a call that would not come up; rule "alive": it
 * answers still) leaves the node as it was, the pause undone unless it was there before.
 * -EALREADY: it has no session and no row: nothing was done. */
/* take: for each leg of the call, in this order (facts-2, 2): rows are staged;
 * process_cdr=false on the legs, so that nobody bills twice; a bridge is parked, so that
 * FreeSWITCH does not say BYE to the partner of a leg that goes; an in-dialog BYE as if
 * of its far end to FreeSWITCH's own address, never to an endpoint; gone, and its rows
 * too.
 *
 * One BYE goes first, of the leg that does not re-bridge, and the others when it was
 * answered by 200: a profile that refuses (401, 407, 481, silence) refuses the first,
 * and then all is undone, the call as it was: bridged, process_cdr as before.
 * What if the first is gone and another refuses?  uuid_kill would send its far end a
 * BYE; the one that is gone alone at a target would be half a call; a copy of the one
 * that stays, brought up at a target, would be ended by the old one's BYE one day.  So it
 * goes back: the leg that is gone is recovered at the node that it came from (a
 * re-INVITE to its far end, which still has the dialog), and bridged again.  Only when
 * that fails too the job is stopped as it is (-EINPROGRESS), its rows staged: resume
 * tries the BYE of the leg that is left again.
 * Measured on FreeSWITCH 1.10.12: `uuid_setvar U process_cdr` without a value unsets it;
 * `uuid_bridge A B` undoes the park; a leg that is gone says uuid_exists false at once,
 * its row goes within a second; a leg with an application, and a member of a room, need
 * no park; a CSeq equal to the last is accepted, a lower one answered by 500. */
struct fp_takeover {
	int64_t wait_ms; /* drain: for calls that cannot move to end */
	int64_t settle_ms; /* drain: for calls that ring to be answered or to end, and
			    * for rows; take: for legs and rows to be gone; 0: 5 s */
	struct fp_err undone; /* what was undone, for a person; "" nothing */
};
int fp_takeover_drain(void *ctx, struct fp_rescue *r, struct fp_err *e);
/* A drain that was killed has stopped new calls (r->is_paused), and does not go on: they
 * are let in again, when its run still answers.  What cannot be is said. */
void fp_takeover_let_in(struct fp_rescue *r);

/* fp_fence's is_ours, of a struct fp_rescue. */
int fp_takeover_is_ours(void *rescue, struct fp_err *e);
int fp_takeover_take(void *ctx, struct fp_rescue *r, struct fp_err *e);
/* abort of a take whose process was killed in the middle: legs that live are bridged
 * again and bill as before.  0: *n_gone legs are not there any more. */
int fp_takeover_undo(struct fp_rescue *r, size_t *n_gone, struct fp_err *e);

#endif
