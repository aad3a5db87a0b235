/* SPDX-License-Identifier: Apache-2.0 */
#include "recover.h"

int fv_jobs(struct fp_cli *c)
{
	return fp_cli_usage(c, "jobs: comes with its commit");
}
