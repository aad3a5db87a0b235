/* SPDX-License-Identifier: Apache-2.0 */
#include "recover.h"

int fv_abort(struct fp_cli *c)
{
	return fp_cli_usage(c, "abort: comes with its commit");
}
