/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_REHOME_LIST_H
#define FP_CMD_REHOME_LIST_H

#include "rehome.h"

/* What list says beside its records: nodes are read and listed. */

/* Words of the selection that fit nothing; n dialogs were printed. */
void fr_list_unmatched(const struct fr_env *v, size_t n);
/* Engines that are out of use: media of calls that left them is told as it was. */
void fr_list_disabled(const struct fr_env *v);

#endif
