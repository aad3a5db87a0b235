/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_STEER_H
#define FP_CMD_HEALTH_STEER_H

/* What steer.c, steer_opts.c and steer_text.c share. */

#include "steer_text.h"

struct fh_steer_rec {
	int64_t at_s;
	const char *proxy, *kind, *set, *uri, *node, *act;
	char why[800];
	bool is_changed;
};

/* Print one, and flush. */
void fh_steer_record(struct fp_cli *c, const struct fh_steer_rec *rec);

struct fh_steer_opts {
	int64_t lease_s, settle_s;
	double max_down_percent;
};
/* What the command line says of it, and whether -o names fields of records.
 * -EINVAL. */
int fh_steer_options(struct fh_steer_opts *out, const struct fp_cli *c,
		     struct fp_err *e);

#endif
