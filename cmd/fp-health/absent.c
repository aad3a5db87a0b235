/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that are not built yet; each goes away with the file that has it. */
#include "health.h"

static int absent(struct fp_cli *c)
{
	return fp_cli_usage(c, "%s is not built yet", c->verb->name);
}

#define ABSENT(verb)                                                           \
	__attribute__((weak)) int verb(struct fp_cli *c)                       \
	{                                                                      \
		return absent(c);                                              \
	}

ABSENT(fh_status)
ABSENT(fh_check)
ABSENT(fh_watch)
ABSENT(fh_steer)
ABSENT(fh_weights)
ABSENT(fh_peers)
ABSENT(fh_maintain)
ABSENT(fh_setup)
