/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled bpf/fastpath.bpf.c as data; see bpfobj.h. */
	.section .rodata
	.balign 8
	.global fp_bpf_object_start, fp_bpf_object_end
fp_bpf_object_start:
	.incbin FP_BPF_OBJECT
fp_bpf_object_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
