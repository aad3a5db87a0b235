/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_MEMBER_H
#define FP_CODEC_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Members of a JSON object: of one that cJSON has parsed, and into one that is
 * written.  For codecs of what our own tools say, whose members may be missing. */
struct cJSON;

/* "": not there, or no text.  It lives as long as o. */
const char *fp_member_text(const struct cJSON *o, const char *key);
/* 0: not there, no number, negative, or above 2^53 - 1, where they are not exact. */
int64_t fp_member_number(const struct cJSON *o, const char *key);
bool fp_member_is_true(const struct cJSON *o, const char *key);

/* An object of at most so many bytes and values, and 8 deep.  what: "a plan", for
 * messages.  0: cJSON_Delete.  -EBADMSG. */
int fp_member_object(struct cJSON **out, const char *s, size_t n,
		     size_t size_max, size_t values_max, const char *what,
		     struct fp_err *e);

/* Append ,"KEY":VALUE; nothing for what a reader takes it for when it is not there:
 * no text (NULL or ""), 0, false. */
void fp_member_put_text(struct fp_buf *to, const char *key, const char *s);
void fp_member_put_number(struct fp_buf *to, const char *key, int64_t v);
void fp_member_put_true(struct fp_buf *to, const char *key, bool is);
/* Append ,"KEY":["...",...]. */
void fp_member_put_texts(struct fp_buf *to, const char *key,
			 const char *const *v, size_t n);

#endif
