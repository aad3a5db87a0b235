/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_PINS_H
#define FP_PEER_PINS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The directories in a bpffs that hold the pins, PINS/vLAYOUT.  A set of pins
 * is built as PINS/vLAYOUT_new and taken away as PINS/vLAYOUT_gone, so that
 * PINS/vLAYOUT is whole or not there.  (bpffs refuses names with dots.) */

/* Where the pins of this build's layout are: PINS/vLAYOUT. */
size_t fp_maps_dir(const char *pins, char *out, size_t size);

/* DIR/KIND/IFNAME (kind: "links" or "xsk"), dots in the name as %2e. */
void fp_maps_nic_path(const char *dir, const char *kind, const char *ifname,
		      char *out, size_t size);

/* Highest layout version found under pins: 0 when there is none. */
unsigned int fp_maps_layout(const char *pins);
/* The same, but not this build's. */
unsigned int fp_pins_other_layout(const char *pins);

/* Is pins in a bpffs, so that maps can be pinned there?  is_make: make the
 * directory when it is missing.
 * 0.  -ENOENT: missing.  -EINVAL: another filesystem (e holds the mount
 * command).  -errno. */
int fp_pins_check(const char *pins, bool is_make, struct fp_err *e);

/* Remove what killed runs left: PINS/v*_new and PINS/v*_gone.  0; -errno. */
int fp_pins_clean(const char *pins, struct fp_err *e);
/* Take the pins in dir away: renamed first, then removed.  0; -errno. */
int fp_pins_drop(const char *dir, struct fp_err *e);

/* rename(2) of a pin; the directory it goes to is made.  0; -errno. */
int fp_pins_move(const char *from, const char *to, struct fp_err *e);

/* Call each for the name of every NIC that has a pin in dir/links; what each
 * returns when not 0 ends the walk.  each may move or remove that pin.
 * 0; what each returned; -errno. */
int fp_pins_nics(const char *dir, int (*each)(void *ctx, const char *ifname),
		 void *ctx, struct fp_err *e);

#endif
