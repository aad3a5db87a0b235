/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

int fl_top(struct fp_cli *c)
{
	return fp_cli_usage(c, "top is not built yet");
}
