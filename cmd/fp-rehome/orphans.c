/* SPDX-License-Identifier: Apache-2.0 */
/* Tags with calls that nobody owns, in one line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rehome.h"
#include "rehome/orphans.h"

static void say(const struct fp_orphan *o, size_t n, const struct fp_edge *x,
		char *out, size_t size)
{
	char advice[300], more[40] = "";

	/* x may have had it: what it gets it can give away with its calls */
	if (x && x->view && fp_edge_tag(x, o->tag) >= 0)
		snprintf(advice, sizeof(advice),
			 "fp-rehome activate %s --tag %s", x->name, o->tag);
	else
		fp_orphan_advice(o, advice, sizeof(advice));
	if (n > 1)
		snprintf(more, sizeof(more), " (nor %zu other tags)", n - 1);
	snprintf(out, size, "tag %s: %zu calls, and nobody owns it%s: %s",
		 o->tag, o->calls, more, advice);
}

static int by_name(const void *a, const void *b)
{
	const struct fp_orphan *x = a, *y = b;

	return strcmp(x->tag, y->tag);
}

int fr_orphans(struct fr_env *v, const struct fp_edge *x, char *out,
	       size_t size, struct fp_err *e)
{
	struct fp_orphan *o;
	size_t n;
	int r = fp_edges_orphans(&v->edges, &o, &n, e);

	*out = 0;
	if (r)
		return r;
	qsort(o, n, sizeof(*o), by_name);
	if (n)
		say(o, n, x, out, size);
	free(o);
	return 0;
}
