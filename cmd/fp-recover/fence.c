/* SPDX-License-Identifier: Apache-2.0 */
#include "recover.h"

int fv_fence(struct fp_cli *c)
{
	return fp_cli_usage(c, "fence: comes with its commit");
}
