/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_RECOVER_OPTIONS_H
#define FP_CMD_RECOVER_OPTIONS_H

#include "recover.h"

/* What the command line says of calls, proof and pace, into v.  -EINVAL: the option
 * and its word. */
int fv_options(struct fv_env *v, struct fp_err *e);

#endif
