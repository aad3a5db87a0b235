/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_REHOME_OPTIONS_H
#define FP_CMD_REHOME_OPTIONS_H

#include "rehome.h"

/* What the command line says of calls, pace and proof, into v.  -EINVAL: the option
 * and its word. */
int fr_options(struct fr_env *v, struct fp_err *e);

#endif
