/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_FSCHANNELS_H
#define FP_CODEC_FSCHANNELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The answer to FreeSWITCH's `show channels as json`: {"row_count":2,"rows":[{..}]},
 * all values texts; without rows {"row_count": 0}.  It is of its database and lags by
 * about a second.  Source: FreeSWITCH 1.10.12 mod_commands.c. */
struct fp_fschannel { /* the answer's; "" what is not there */
	const char *uuid, *name, *callstate;
	int64_t created_s; /* unix; 0: not said */
};
/* Stops at non-zero and returns it.  0; -EBADMSG: another answer; -ENOMEM. */
int fp_fschannels_read(const char *body,
		       int (*each)(void *ctx, const struct fp_fschannel *c),
		       void *ctx, struct fp_err *e);

#endif
