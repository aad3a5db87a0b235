/* SPDX-License-Identifier: Apache-2.0 */
#include "recover.h"

int fv_failover(struct fp_cli *c)
{
	return fp_cli_usage(c, "failover: comes with its commit");
}
