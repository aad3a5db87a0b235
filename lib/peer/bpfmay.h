/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_BPFMAY_H
#define FP_PEER_BPFMAY_H

#include <stdbool.h>
#include <stddef.h>

/* What this host lets a process do with bpf(2). */

/* Is bpf(2) itself refused to this process as it is now, even on a descriptor it
 * has?  So do kernels before 5.19 without CAP_BPF where
 * kernel.unprivileged_bpf_disabled is not 0 (later ones refuse the making of
 * maps and programs only: kernel commit c8644cd0efe7), and seccomp(2) filters. */
bool fp_bpf_is_refused(void);

/* kernel.unprivileged_bpf_disabled: 0, 1, 2; -1: cannot be read. */
int fp_bpf_disabled(void);

/* net.core.bpf_jit_enable: 0: programs are interpreted, several times slower;
 * 1, 2; -1: cannot be read, as in a network namespace. */
int fp_bpf_jit(void);

/* The number in a file of /proc/sys; -1: cannot be read, or is none. */
int fp_bpf_sysctl(const char *path);

#endif
