/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync receive: the node's end of a channel. */
#include "sync.h"

int fs_receive(struct fp_cli *c)
{
	if (c->argc)
		return fp_cli_usage(c, "receive takes no \"%s\"", c->argv[0]);
	return FP_EXIT_OK;
}
