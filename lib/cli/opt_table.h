/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CLI_OPT_TABLE_H
#define FP_CLI_OPT_TABLE_H

/* What opt.c and opt_help.c share; not for others. */

#include <stdio.h>

#include "cli/opt.h"

/* The options that every tool has, by index in fp_common_opts. */
enum fp_common {
	FP_O_CLUSTER,
	FP_O_NODE,
	FP_O_DRY_RUN,
	FP_O_JSON,
	FP_O_FIELDS,
	FP_O_QUIET,
	FP_O_VERBOSE,
	FP_O_TIMEOUT,
	FP_O_OVERRIDE,
	FP_O_STATE,
	FP_O_PINS,
	FP_O_HELP,
	FP_O_VERSION,
	FP_N_COMMON
};

extern const struct fp_opt fp_common_opts[FP_N_COMMON + 1];

/* Is opt one that verb takes?  verb NULL: any. */
bool fp_opt_is_for(const struct fp_opt *opt, const char *verb);

/* --help: of the tool, or of verb when not NULL. */
void fp_help_print(FILE *f, const struct fp_tool *tool,
		   const struct fp_verb *verb);
/* --dump-options: verb, option, letter, arg, help; TABs; "-" for none. */
void fp_help_dump(FILE *f, const struct fp_tool *tool);

#endif
