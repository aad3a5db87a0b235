/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome abort. */
#include "rehome.h"

int fr_abort(struct fp_cli *c)
{
	return fp_cli_usage(c, "%s: not there yet", c->verb->name);
}
