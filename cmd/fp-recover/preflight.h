/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_RECOVER_PREFLIGHT_H
#define FP_CMD_RECOVER_PREFLIGHT_H

#include "recover.h"

#define FV_PARTS (FP_SWITCH_STATE | FP_SWITCH_PROFILES | FP_SWITCH_CONF)

/* Unit files of --unit, read. */
struct fv_units {
	struct fp_words files;
	struct fp_unit_text *v;
	size_t n;
};
/* 0: fv_units_fini.  -EINVAL -errno: the file. */
int fv_units_read(struct fv_units *out, const struct fp_cli *c,
		  struct fp_err *e);
void fv_units_fini(struct fv_units *u);

/* preflight --all: the exit status. */
int fv_preflight_all(struct fv_env *v, const struct fv_units *units);

#endif
