/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_LIST_COLLECT_H
#define FP_MODEL_LIST_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/list.h"
#include "model/list_line.h"

/* Lines in any order in, sorted entries out, the last line of a prefix
 * standing.  Most lines of a list are an IPv4 prefix and nothing else: such a
 * line is one 64-bit word until the end.  Private to lib/model. */

#define FP_COLLECT_WORDS6 3 /* an IPv6 prefix: hi, lo, len << 26 | detail */

/* What a line has besides its prefix. */
struct fp_collect_detail {
	int64_t until_s;
	union {
		const char *meta;
		size_t store_at;
	};
	uint32_t meta_len;
	uint8_t flags; /* FP_COLLECT_* */
};

struct fp_collect {
	uint64_t *v4; /* address << 32 | len << 26 | detail */
	uint64_t *v6; /* FP_COLLECT_WORDS6 each */
	struct fp_collect_detail *detail; /* 1 in a word is the first */
	size_t n4, n6, n_detail;
	size_t cap4, cap6, cap_detail;
	bool is_unsorted4, is_unsorted6;
	struct fp_buf store;
};

#define FP_COLLECT_DEL 1     /* takes the prefix away */
#define FP_COLLECT_EXPIRED 2 /* too, but is_del entries are not made of it */
#define FP_COLLECT_STORED 4  /* meta is in the store */

/* until_s of an entry that says: not on the list (of fp_collect_finish). */
#define FP_UNTIL_DELETED INT64_MIN

/* Start with {0}.  x->x.meta is kept by reference.  0; -ENOMEM; -E2BIG: 64M
 * lines with more than a prefix. */
int fp_collect_add(struct fp_collect *c, const struct fp_line *x,
		   unsigned int flags, struct fp_err *e);
/* Hand over what was collected, and free the rest.  has_deleted: prefixes whose
 * last line was FP_COLLECT_DEL are given too, with FP_UNTIL_DELETED.
 * 0: out->v, n and store are set.  -ENOMEM. */
int fp_collect_finish(struct fp_collect *c, struct fp_entries *out,
		      bool has_deleted, struct fp_err *e);
void fp_collect_fini(struct fp_collect *c);

/* Sort n elements of 1 or 3 words at *v, ascending, equal ones in the order they
 * came; the lowest `shift` bits of the last word are not compared.  *v may be
 * replaced.  0; -ENOMEM. */
int fp_radix_sort(uint64_t **v, size_t n, size_t words, unsigned int shift);

/* fp_entries_parse without its end: add every line of text.  out: only the
 * counts are set. */
int fp_collect_text(struct fp_collect *c, struct fp_entries *out,
		    const char *text, size_t len, const struct fp_parse_opts *o,
		    struct fp_err *e);

#endif
