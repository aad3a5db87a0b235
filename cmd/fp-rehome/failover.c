/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome failover. */
#include "rehome.h"

int fr_failover(struct fp_cli *c)
{
	return fp_cli_usage(c, "%s: not there yet", c->verb->name);
}
