/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_MAPS_PRIV_H
#define FP_PEER_MAPS_PRIV_H

/* What maps.c, maps_ask.c, maps_count.c and xdp_rehearsal.c share; not for others. */

#include <bpf/libbpf.h>
#include <limits.h>

#include "peer/maps.h"

struct fp_maps {
	char dir[PATH_MAX]; /* of the pins; empty: nothing is pinned */
	struct fp_tables tables;
	struct fp_area ports;
	int tabs_fd;
};

/* What is pinned as dir/name: a descriptor of the caller's, or -errno. */
int fp_pin_get(const char *dir, const char *name, struct fp_err *e);

/* The maps of a loaded object, pinned or not.  is_own: they are nobody else's, and
 * empty; otherwise only conf and ports are to be used.  Errors as
 * fp_maps_open_dir. */
int fp_maps_open_object(struct fp_maps **out, struct bpf_object *obj,
			bool is_own, struct fp_err *e);

#endif
