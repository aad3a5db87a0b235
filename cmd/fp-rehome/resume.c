/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome resume. */
#include "rehome.h"

int fr_resume(struct fp_cli *c)
{
	return fp_cli_usage(c, "%s: not there yet", c->verb->name);
}
