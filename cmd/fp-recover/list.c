/* SPDX-License-Identifier: Apache-2.0 */
#include "recover.h"

int fv_list(struct fp_cli *c)
{
	return fp_cli_usage(c, "list: comes with its commit");
}
