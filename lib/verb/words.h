/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_VERB_WORDS_H
#define FP_VERB_WORDS_H

/* Words with commas between them: of an option, and in a field of a record. */

#include "cli/opt.h"

struct fp_words {
	char *text; /* what v points into */
	const char **v;
	size_t n;
};

/* The words of an option, none when it is not there.  0: fp_words_fini.
 * -EINVAL: an empty one.  -ENOMEM. */
int fp_words_of(struct fp_words *out, const struct fp_cli *c,
		const char *option, struct fp_err *e);
void fp_words_fini(struct fp_words *w);
bool fp_words_have(const struct fp_words *w, const char *word);

/* Put a word behind those of a field of size bytes, unless it is one of them.  What
 * does not fit is cut. */
void fp_words_add(char *field, size_t size, const char *word);

#endif
