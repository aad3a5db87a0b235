/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome drain-media. */
#include "rehome.h"

int fr_drain_media(struct fp_cli *c)
{
	return fp_cli_usage(c, "%s: not there yet", c->verb->name);
}
