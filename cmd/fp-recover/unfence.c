/* SPDX-License-Identifier: Apache-2.0 */
#include "recover.h"

int fv_unfence(struct fp_cli *c)
{
	return fp_cli_usage(c, "unfence: comes with its commit");
}
