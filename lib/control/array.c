/* SPDX-License-Identifier: Apache-2.0 */
#include "control/array.h"

static int array_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct fp_array *a = ctx;

	(void)e;
	if (a->at == a->n)
		return 0;
	*out = a->v[a->at++];
	return 1;
}

struct fp_stream fp_array_stream(struct fp_array *a)
{
	return (struct fp_stream){ array_next, a };
}

int fp_array_diff(const struct fp_entry *a, size_t n_a,
		  const struct fp_entry *b, size_t n_b,
		  int (*each)(void *ctx, const struct fp_change *c), void *ctx,
		  struct fp_err *e)
{
	struct fp_array x = { a, n_a, 0 }, y = { b, n_b, 0 };
	struct fp_stream sx = fp_array_stream(&x), sy = fp_array_stream(&y);

	return fp_diff(&sx, &sy, each, ctx, e);
}

static int iter_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	return fp_list_next(ctx, out, e);
}

struct fp_stream fp_iter_stream(struct fp_list_iter *it)
{
	return (struct fp_stream){ iter_next, it };
}
