/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_MEDIA_DRAIN_H
#define FP_REHOME_MEDIA_DRAIN_H

#include "rehome/campaign.h"
#include "rehome/media.h"

/* An rtpengine gets no new calls, and those that it has are anchored by another:
 * each is re-INVITEd with body=inbound by the node that owns its tag, whose
 * local_route makes the offer to an engine that is enabled.  No tag moves. */

struct fp_media_drain_opts {
	/* edges, journal, verb, by, why, select, moving, is_dry_run, callbacks;
	 * kind MEDIA */
	struct fp_campaign_opts c;
	struct fp_media *media;
	struct fp_engine_node *old;
	struct fp_engine_node *to; /* NULL: whichever OpenSIPS chooses */
};
struct fp_media_drain_sum {
	struct fp_campaign_sum s; /* n_verified: proven at another engine */
	size_t n_anchored;        /* calls that it had */
	size_t n_before;   /* that say so, and are elsewhere by NG's word */
	size_t n_disabled; /* OpenSIPS sets that use it no more, by us */
	size_t n_orphans;  /* of tags that nobody owns: left alone */
	size_t n_left;     /* that it may still have */
};
/* 0: what remains is in out.  -EPERM: rule last, local-route, or of fp_preflight.
 * -EAGAIN: no OpenSIPS answers.  Others as fp_campaign_run. */
int fp_media_drain(const struct fp_media_drain_opts *o,
		   struct fp_media_drain_sum *out, struct fp_err *e);

#endif
