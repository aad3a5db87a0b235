/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_MAPS_PRIV_H
#define FP_PEER_MAPS_PRIV_H

/* What maps.c and maps_count.c share; not for others. */

#include <limits.h>

#include "peer/maps.h"

struct fp_maps {
	char dir[PATH_MAX];
	struct fp_tables tables;
	struct fp_area ports;
	int tabs_fd;
};

/* What is pinned as dir/name: a descriptor of the caller's, or -errno. */
int fp_pin_get(const char *dir, const char *name, struct fp_err *e);

#endif
