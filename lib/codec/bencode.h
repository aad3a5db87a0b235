/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_BENCODE_H
#define FP_CODEC_BENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Bencoding (BEP 3) as rtpengine's NG protocol has it: dictionaries of strings,
 * integers, lists and dictionaries.  Reading keeps no memory: values point into
 * the text. */

void fp_bencode_str(struct fp_buf *to, const char *s);
void fp_bencode_int(struct fp_buf *to, int64_t v);
void fp_bencode_dict(struct fp_buf *to); /* 'd'; close with _end */
void fp_bencode_list(struct fp_buf *to);
void fp_bencode_end(struct fp_buf *to);

enum fp_bencode_kind { FP_BEN_STR, FP_BEN_INT, FP_BEN_LIST, FP_BEN_DICT };
struct fp_bencode {
	enum fp_bencode_kind kind;
	const char *p; /* of a string: its bytes; else the whole value */
	size_t n;
	int64_t i;
};
/* One whole value of exactly n bytes, checked to its depths (at most 16).
 * 0; -EBADMSG. */
int fp_bencode_parse(struct fp_bencode *out, const char *p, size_t n,
		     struct fp_err *e);
/* The value of key in a dictionary; path with '.' goes deeper.  false: none. */
bool fp_bencode_get(const struct fp_bencode *dict, const char *path,
		    struct fp_bencode *out);
/* Is it that string? */
bool fp_bencode_is(const struct fp_bencode *v, const char *s);

#endif
