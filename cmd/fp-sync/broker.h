/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_BROKER_H
#define FP_CMD_BROKER_H

#include "cli/opt.h"
#include "peer/amqp.h"

/* What consume and publish share. */

#define FS_EXCHANGE "fp.bans"
#define FS_DEAD "fp.dead"

/* The broker that --url, --url-file and --ca name.
 * 0: explicit_bzero url after use; opts points to it. */
int fs_broker(const struct fp_cli *c, struct fp_amqp_url *url,
	      struct fp_amqp_opts *opts, struct fp_err *e);

/* fp_cli_fail; what the broker or the way to it will mend is "try again". */
int fs_broker_fail(const struct fp_cli *c, int code, const struct fp_err *e);

/* The value of --exchange, or its default. */
const char *fs_exchange(const struct fp_cli *c);

#endif
