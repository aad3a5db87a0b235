/* SPDX-License-Identifier: Apache-2.0 */
#include "recover.h"

int fv_preflight(struct fp_cli *c)
{
	return fp_cli_usage(c, "preflight: comes with its commit");
}
