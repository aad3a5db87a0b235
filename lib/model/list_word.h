/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_LIST_WORD_H
#define FP_MODEL_LIST_WORD_H

#include <stddef.h>

/* Words of files that people write, for lists and the inventory.  Private to
 * lib/model. */

/* A word for a message: what is not printable ASCII as \xNN, cut when long. */
#define FP_WORD_SIZE 80
const char *fp_word(char out[FP_WORD_SIZE], const char *s, size_t n);

/* The length of the UTF-8 character at s (n bytes, at least one).  0: it is
 * none, or a control character: up to U+001F, and U+007F to U+009F. */
size_t fp_char_len(const char *s, size_t n);

#endif
