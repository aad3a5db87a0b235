/* SPDX-License-Identifier: Apache-2.0 */
#include "recover.h"

int fv_drain(struct fp_cli *c)
{
	return fp_cli_usage(c, "drain: comes with its commit");
}
