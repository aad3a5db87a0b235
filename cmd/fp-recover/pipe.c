/* SPDX-License-Identifier: Apache-2.0 */
#include "failover.h"

int fv_failover_pipe(struct fp_cli *c)
{
	return fp_cli_usage(c, "failover -: comes with its commit");
}
