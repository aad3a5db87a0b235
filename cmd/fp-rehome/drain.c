/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome drain. */
#include "rehome.h"

int fr_drain(struct fp_cli *c)
{
	return fp_cli_usage(c, "%s: not there yet", c->verb->name);
}
