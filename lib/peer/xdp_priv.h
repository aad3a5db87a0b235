/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_XDP_PRIV_H
#define FP_PEER_XDP_PRIV_H

/* What the files of xdp.h share; not for others. */

#include <bpf/btf.h>
#include <stdint.h>

#define FP_RODATA_MAX 256

/* Which build this is: of the object as it is in this program, and the maps that
 * it goes with. */
uint64_t fp_build_hash(void);
/* The place of a variable of n bytes in .rodata, from the object's own BTF; or
 * -EINVAL. */
int fp_rodata_offset(const struct btf *btf, const char *name, size_t n);

#endif
