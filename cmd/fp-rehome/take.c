/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome take. */
#include "rehome.h"

int fr_take(struct fp_cli *c)
{
	return fp_cli_usage(c, "%s: not there yet", c->verb->name);
}
