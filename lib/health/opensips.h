/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_OPENSIPS_H
#define FP_HEALTH_OPENSIPS_H

#include <stdint.h>

#include "base/err.h"
#include "logic/health_view.h"
#include "peer/mi.h"

/* Ask one OpenSIPS what a view holds: several cheap MI commands, one after the
 * other or together as the transport can; never a long listing.  Commands that
 * this instance does not have (which) are left out. */
enum fp_opensips_part {
	FP_OS_BASE = 1,    /* version, uptime, statistics of shm and dialogs */
	FP_OS_CLUSTER = 2, /* tags, links, capabilities, last sync */
	FP_OS_DESTS = 4,   /* ds_list, lb_list, rtpengine_show */
};

struct fp_opensips_read;
/* done once from the loop, within timeout_ms: code 0: v is the callee's
 * (fp_view_free); else as fp_mi_ask has it, and v is what was read so far or
 * NULL.  0; -errno: done is not called. */
int fp_opensips_read(struct fp_mi *m, unsigned int parts, int64_t timeout_ms,
		     void (*done)(void *ctx, int code, struct fp_view *v,
				  const struct fp_err *e),
		     void *ctx, struct fp_opensips_read **out,
		     struct fp_err *e);
void fp_opensips_read_drop(struct fp_opensips_read *r);

/* Change a destination: dispatcher by ds_set_state (i, a), load_balancer by
 * lb_status, rtpengine by rtpengine_enable.  done: code 0: it said OK; -EREMOTEIO:
 * it said no (e). */
int fp_opensips_set(struct fp_mi *m, const struct fp_view_dest *d,
		    bool is_enabled, int64_t timeout_ms,
		    void (*done)(void *ctx, int code, const struct fp_err *e),
		    void *ctx, struct fp_err *e);

#endif
