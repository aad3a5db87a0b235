/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_ATTACH_H
#define FP_CMD_ATTACH_H

#include "load.h"

/* The record of attach: what became of one NIC.  e: why it was not attached, or
 * NULL with n filled.  0, or the exit status of the failed record. */
int fl_attach_record(struct fp_cli *c, const struct fp_attach *a,
		     const struct fp_filter_nic *n, bool is_changed,
		     const struct fp_err *e);

/* attach --stay: for as long as it lives. */
int fl_attach_stay(struct fp_cli *c, const struct fp_attach *a);

#endif
