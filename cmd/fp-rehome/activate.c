/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome activate. */
#include "rehome.h"

int fr_activate(struct fp_cli *c)
{
	return fp_cli_usage(c, "%s: not there yet", c->verb->name);
}
