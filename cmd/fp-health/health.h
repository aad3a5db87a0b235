/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_H
#define FP_CMD_HEALTH_H

/* What the verbs of fp-health share.  Exit status: as monitoring plugins have it
 * (check): 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; wrong usage and what fails
 * here is 3 for every verb (struct fp_tool, fail_exit). */

#include "cli/log.h"
#include "cli/opt.h"
#include "cli/out.h"
#include "logic/health.h"

int fh_status(struct fp_cli *c);
int fh_check(struct fp_cli *c);
int fh_watch(struct fp_cli *c);
int fh_steer(struct fp_cli *c);
int fh_weights(struct fp_cli *c);
int fh_peers(struct fp_cli *c);
int fh_maintain(struct fp_cli *c);
int fh_setup(struct fp_cli *c);

#define FH_COUNT(v) (sizeof(v) / sizeof(*(v)))

#endif
