/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome preflight. */
#include "rehome.h"

int fr_preflight(struct fp_cli *c)
{
	return fp_cli_usage(c, "%s: not there yet", c->verb->name);
}
