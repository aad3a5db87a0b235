/* SPDX-License-Identifier: Apache-2.0 */
/* Tags that nobody owns, as a condition. */
#include <stdlib.h>
#include <string.h>

#include "logic/rehome_check_priv.h"
#include "rehome/orphans.h"
#include "rehome/preflight_priv.h"

static void tell(struct preflight *f, const struct fp_orphan *o)
{
	char advice[200];
	struct fp_check c;

	fp_orphan_advice(o, advice, sizeof(advice));
	fp_check_say(&c, "no-owner", FP_CHECK_WARN, "", "%s: %zu calls", o->tag,
		     o->calls);
	fp_check_detail(&c, "nobody runs their timeouts and pings: %s", advice);
	preflight_tell(f, (o->own ? o->own : o->at)->name, &c);
}

int preflight_orphans(struct preflight *f, struct fp_err *e)
{
	struct fp_orphan *v;
	size_t n;
	int r = fp_edges_orphans(f->p->edges, &v, &n, e);

	if (r)
		return r;
	for (size_t i = 0; i < n; i++) {
		bool is_moved = false;

		for (size_t k = 0; k < f->p->n_moves; k++)
			is_moved |= !strcmp(f->p->move[k].tag, v[i].tag);
		if (!is_moved)
			tell(f, &v[i]);
	}
	free(v);
	return 0;
}
