/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_XDP_PRIV_H
#define FP_PEER_XDP_PRIV_H

/* What the files of xdp.h and xdp_rehearsal.c share; not for others. */

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdint.h>

#include "base/err.h"

#define FP_RODATA_MAX 256

/* Which build this is: of the object as it is in this program, and the maps that
 * it goes with. */
uint64_t fp_build_hash(void);
/* The place of a variable of n bytes in .rodata, from the object's own BTF; or
 * -EINVAL. */
int fp_rodata_offset(const struct btf *btf, const char *name, size_t n);

/* The object in this program, not loaded yet.  0: bpf_object__close. */
int fp_obj_open(struct bpf_object **out);
/* Set a variable of n bytes in its .rodata. */
int fp_obj_rodata(struct bpf_object *obj, const char *name, const void *value,
		  size_t n);
/* Load its maps and one of its programs. */
int fp_obj_load(struct bpf_object *obj, const char *prog);
/* r with what libbpf said of it in *e. */
int fp_obj_failed(int r, struct fp_err *e);

#endif
