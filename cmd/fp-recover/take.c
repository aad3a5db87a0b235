/* SPDX-License-Identifier: Apache-2.0 */
#include "recover.h"

int fv_take(struct fp_cli *c)
{
	return fp_cli_usage(c, "take: comes with its commit");
}
