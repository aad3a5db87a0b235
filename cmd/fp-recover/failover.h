/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_RECOVER_FAILOVER_H
#define FP_CMD_RECOVER_FAILOVER_H

#include "recover.h"

/* The whole of `failover NODE`, as the command line has it but for the node: its exit
 * status.  is_piped: the caller has the signals, and ends after it. */
int fv_failover_node(struct fp_cli *c, const char *node, bool is_piped);
/* `failover -`: nodes as fp-health watch --json says them. */
int fv_failover_pipe(struct fp_cli *c);

#endif
