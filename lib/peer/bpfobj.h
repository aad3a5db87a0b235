/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_BPFOBJ_H
#define FP_PEER_BPFOBJ_H

/* The compiled XDP program, an ELF file for bpf_object__open_mem(3): from start
 * up to end, 8-byte aligned, read only. */
extern const char fp_bpf_object_start[], fp_bpf_object_end[];

#endif
