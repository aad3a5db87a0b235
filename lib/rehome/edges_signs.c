/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "rehome/edges_priv.h"

static bool was_configured(const struct fp_edges_sign *g,
			   const struct fp_view_tag *t)
{
	struct fp_tag_signs s;

	fp_tag_signs_init(&s, t->name);
	for (size_t i = 0; i < g->n; i++)
		fp_tag_signs_add(&s, &g->v[i].r);
	return fp_tag_signs_end(&s, t->is_active, (unsigned int)g->n);
}

void edges_judge(struct fp_edge *x, const struct fp_edges_sign *sign)
{
	struct fp_edge_signs *out = &x->signs;
	struct fp_sync_signs s;

	*out = (struct fp_edge_signs){ .auto_sync = -1 };
	for (size_t i = 0; i < x->view->n_tags && !*out->active_tag; i++)
		if (was_configured(&sign[0], &x->view->tag[i]))
			snprintf(out->active_tag, sizeof(out->active_tag), "%s",
				 x->view->tag[i].name);
	fp_sync_signs_init(&s);
	for (size_t i = 0; i < sign[1].n; i++)
		fp_sync_signs_sync(&s, sign[1].v[i].at_s, &sign[1].v[i].r);
	for (size_t i = 0; i < sign[2].n; i++)
		fp_sync_signs_node(&s, sign[2].v[i].at_s, x->view->now_s,
				   &sign[2].v[i].r);
	out->auto_sync = s.auto_sync;
	out->synced_s = s.synced_s;
	out->is_fallback = s.is_fallback;
}
