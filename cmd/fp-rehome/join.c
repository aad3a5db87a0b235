/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome join. */
#include "rehome.h"

int fr_join(struct fp_cli *c)
{
	return fp_cli_usage(c, "%s: not there yet", c->verb->name);
}
