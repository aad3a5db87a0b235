/* SPDX-License-Identifier: Apache-2.0 */
/* Tags that --tag names, of a node that is to be emptied. */
#include <stdlib.h>
#include <string.h>

#include "rehome.h"

bool fr_is_among(const char (*v)[64], size_t n, const char *tag)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i], tag))
			return true;
	return false;
}

/* One that is its own and went before is done, and no mistake. */
static int judge(const struct fr_env *v, const struct fp_edge *x,
		 const char (*own)[64], size_t n_own, const char *tag,
		 struct fp_err *e)
{
	struct fp_edge *owner = NULL, *other = NULL;
	int r = fp_edges_owner(&v->edges, tag, &owner, &other);

	if (r == -ENOENT)
		return fp_refuse(e, "tag", "no node knows the tag %s", tag);
	if (owner == x || other == x)
		return 0;
	if (!owner)
		return fp_refuse(e, "owner",
				 "tag %s is owned by nobody that answers: "
				 "fp-rehome activate %s --tag %s",
				 tag, x->name, tag);
	if (fr_is_among(own, n_own, tag))
		return 0;
	return fp_refuse(e, "active", "tag %s is %s's, not %s's", tag,
			 owner->name, x->name);
}

int fr_named_tags(struct fr_env *v, const struct fp_edge *x, struct fp_err *e)
{
	const struct fp_select *q = &v->select;
	char(*own)[64] = NULL;
	size_t n_own = 0;
	int r = q->n_tags ? fp_edge_own_tags(x, &own, &n_own, e) : 0;

	if (r == -ENOENT)
		r = 0;
	for (size_t i = 0; i < q->n_tags && !r; i++) {
		r = judge(v, x, (const char(*)[64])own, n_own, q->tags[i], e);
		if (r != -EPERM || !fr_is_lifted(v, e->rule))
			continue;
		fp_log(FP_LOG_WARN, "%s; it is left out", e->text);
		e->rule[0] = 0;
		r = 0;
	}
	free(own);
	return r;
}
