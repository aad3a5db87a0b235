/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_SYNC_H
#define FP_CMD_SYNC_H

/* What the verbs of fp-sync share. */

#include "cli/log.h"
#include "cli/opt.h"
#include "cli/out.h"

int fs_receive(struct fp_cli *c);
int fs_consume(struct fp_cli *c);
int fs_publish(struct fp_cli *c);

#define FS_COUNT(v) (sizeof(v) / sizeof(*(v)))

#endif
