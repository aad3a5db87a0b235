/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_CAPS_H
#define FP_IO_CAPS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Capabilities of this process, as sets: bits by number (linux/capability.h). */

#define FP_CAP_DAC_OVERRIDE (1ull << 1)
#define FP_CAP_DAC_READ_SEARCH (1ull << 2)
#define FP_CAP_FOWNER (1ull << 3)
#define FP_CAP_SETGID (1ull << 6)
#define FP_CAP_SETUID (1ull << 7)
#define FP_CAP_NET_ADMIN (1ull << 12)
#define FP_CAP_SYS_PTRACE (1ull << 19)
#define FP_CAP_SYS_ADMIN (1ull << 21)
#define FP_CAP_SYS_RESOURCE (1ull << 24)
#define FP_CAP_PERFMON (1ull << 38)
#define FP_CAP_BPF (1ull << 39)
/* What opens files whoever owns them. */
#define FP_CAPS_FILES                                                          \
	(FP_CAP_DAC_OVERRIDE | FP_CAP_DAC_READ_SEARCH | FP_CAP_FOWNER)

/* Give up every capability but those in keep that this process has, for good:
 * permitted, effective, ambient and bounding sets (without FP_CAPS_FILES, which
 * are not for programs it might run); and no_new_privs, so that none has more.
 * Of this thread: call it before there are others.
 * 0; -errno.  Source: capabilities(7), PR_SET_NO_NEW_PRIVS(2const). */
int fp_caps_keep(uint64_t keep, struct fp_err *e);

/* The permitted set. */
uint64_t fp_caps_have(void);

/* Of the permitted set these are in effect, until the next call.  0; -errno. */
int fp_caps_use(uint64_t use, struct fp_err *e);

/* Besides those in effect: what is to be given to fp_caps_use afterwards, so that
 * they are in effect no longer. */
uint64_t fp_caps_raise(uint64_t caps);

/* Open files as another user would, until the same is called with 0, 0: in
 * between FP_CAPS_FILES are not in effect either (capabilities(7), "Effect of
 * user ID changes").  With uid 0 and CAP_SETUID.  0; -EPERM. */
int fp_caps_files_as(uid_t uid, gid_t gid, struct fp_err *e);

/* Go on as another user, for good: real, effective, saved and file system ids,
 * no supplementary groups; the capabilities stay.
 * 0; -EPERM: without CAP_SETUID and CAP_SETGID; -errno. */
int fp_caps_become(uid_t uid, gid_t gid, struct fp_err *e);

/* "CAP_BPF and CAP_PERFMON"; those without a name here are left out. */
void fp_caps_print(uint64_t caps, char *out, size_t size);

#endif
