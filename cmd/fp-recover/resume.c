/* SPDX-License-Identifier: Apache-2.0 */
#include "recover.h"

int fv_resume(struct fp_cli *c)
{
	return fp_cli_usage(c, "resume: comes with its commit");
}
