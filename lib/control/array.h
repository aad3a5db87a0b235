/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_ARRAY_H
#define FP_CONTROL_ARRAY_H

#include <stddef.h>

#include "base/err.h"
#include "model/diff.h"
#include "model/list.h"

/* Entries in memory, in order of prefix, as a stream. */
struct fp_array {
	const struct fp_entry *v;
	size_t n, at;
};

/* A stream over a; a is moved as it is read. */
struct fp_stream fp_array_stream(struct fp_array *a);
/* fp_diff of two arrays. */
int fp_array_diff(const struct fp_entry *a, size_t n_a,
		  const struct fp_entry *b, size_t n_b,
		  int (*each)(void *ctx, const struct fp_change *c), void *ctx,
		  struct fp_err *e);

/* A list on disk as a stream; it is moved as it is read. */
struct fp_stream fp_iter_stream(struct fp_list_iter *it);

#endif
