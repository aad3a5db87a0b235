/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_STEER_MATCH_H
#define FP_HEALTH_STEER_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "health/names.h"
#include "logic/health_steer.h"
#include "logic/health_view.h"
#include "model/inventory.h"

/* Which node a destination leads to: by fp_sip of dispatcher and load_balancer,
 * by fp_ng of rtpengine; address (or name) and port. */
struct fp_places {
	struct fp_names *names;
	struct fp_place {
		const struct fp_host *node;
		bool is_rtpengine;
		char host[256];
		struct fp_prefix addr; /* of host; len 0: it is a name */
		uint16_t port;
	} * v;
	size_t n;
};

/* Their names are added to names, which is the caller's.
 * 0: fp_places_fini.  -EINVAL: a variable.  -ENOMEM. */
int fp_places_init(struct fp_places *out, struct fp_names *names,
		   const struct fp_host *const *hosts, size_t n,
		   struct fp_err *e);
void fp_places_fini(struct fp_places *p);

/* The host and port in a destination: 0; -EINVAL. */
int fp_places_host(const struct fp_view_dest *d, char host[256],
		   uint16_t *port);
/* The node, or NULL: none that is known.  *other: a second one that it could be
 * as well (nobody can tell), or NULL. */
const struct fp_host *fp_places_find(const struct fp_places *p,
				     const struct fp_view_dest *d,
				     const struct fp_host **other);
/* When it found none: is that knowledge?  false: a name, the destination's or that
 * of a node it could be, has no address that is known. */
bool fp_places_is_known(const struct fp_places *p,
			const struct fp_view_dest *d);

#endif
