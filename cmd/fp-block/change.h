/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_BLOCK_CHANGE_H
#define FP_CMD_BLOCK_CHANGE_H

#include "block.h"

/* What add and del take from the command line or stdin: entries in order. */
struct fb_input {
	struct fp_entries entries;
	struct fp_text text;
	struct fp_buf line; /* the operands, as a list would have them */
};

/* Operands, or one "-" for lines on stdin. */
int fb_input_read(struct fp_cli *c, struct fb_input *out, struct fp_err *e);
void fb_input_fini(struct fb_input *in);

/* One record a prefix of add and del. */
struct fb_change_rec {
	char prefix[FP_PREFIX_STRLEN];
	const char *list, *kind, *action;
	int64_t until_s;
	const char
		*verdict; /* what the kernel now says, NULL without a filter */
};
extern const struct fp_type fb_change_type;

/* Ask the kernel about n prefixes' first hosts. Without a filter all NULL. */
int fb_ask(struct fp_node *n, const struct fp_prefix *p, size_t count,
	   const char **verdict, struct fp_err *e);

#endif
