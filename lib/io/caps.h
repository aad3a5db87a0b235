/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_CAPS_H
#define FP_IO_CAPS_H

#include <stdint.h>

#include "base/err.h"

/* Give up every capability but those in keep (bits by number, CAP_BPF is
 * 1ull << 39) that this process has, for good: permitted, effective, ambient and
 * bounding sets; and no_new_privs, so that no program it might run has more.
 * 0; -errno.  Source: capabilities(7), PR_SET_NO_NEW_PRIVS(2const). */
int fp_caps_keep(uint64_t keep, struct fp_err *e);

#endif
