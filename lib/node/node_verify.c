/* SPDX-License-Identifier: Apache-2.0 */
#include "model/image.h"
#include "node/node.h"

int64_t fp_node_verify(struct fp_node *n,
		       void (*each)(void *ctx, const struct fp_prefix *p,
				    const char *text),
		       void *ctx, struct fp_err *e)
{
	struct fp_image img;
	int64_t r;

	if (!n->maps)
		return fp_err(
			e, -ENOENT,
			"no filter is loaded: there are no tables to compare (fp-load attach IF)");
	r = fp_image_all(&img, &n->lists, e);
	if (r)
		return r;
	r = fp_tables_verify(fp_maps_tables(n->maps), &img, each, ctx, e);
	fp_image_fini(&img);
	return r;
}
