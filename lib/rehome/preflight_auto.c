/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes may be targets? */
#include <stdio.h>
#include <stdlib.h>

#include "rehome/preflight_priv.h"

/* Why not?  An empty text: it may. */
static void judge(const struct fp_preflight *p, const struct fp_edge *x,
		  char *why, size_t size)
{
	const struct fp_edge *full;
	struct fp_check_capability caps;
	struct fp_check_counts counts;
	struct fp_check c;

	*why = 0;
	if (!x->view) {
		snprintf(why, size, "it does not answer");
		return;
	}
	if (preflight_mark(p, x)) {
		snprintf(why, size, "it is in maintenance");
		return;
	}
	preflight_capability(p->edges, x, p->from, &caps);
	fp_check_capability(&c, &caps);
	if (c.state != FP_CHECK_REFUSE) {
		full = preflight_fullest(p->edges, x, NULL);
		counts = (struct fp_check_counts){
			.n = x->view->dialogs,
			.peer = full ? full->name : NULL,
			.peer_n = full ? full->view->dialogs : -1,
		};
		fp_check_counts(&c, &counts);
	}
	if (c.state == FP_CHECK_REFUSE)
		snprintf(why, size, "%s: %s", c.name, c.value);
}

int fp_preflight_auto(const struct fp_preflight *p, struct fp_edge ***out,
		      size_t *n, struct fp_err *e)
{
	struct fp_edges *s = p->edges;
	struct fp_edge **v = calloc(s->n + 1, sizeof(struct fp_edge *));
	char first[300] = "", why[200];
	size_t found = 0;

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++) {
		if (&s->v[i] == p->from)
			continue;
		judge(p, &s->v[i], why, sizeof(why));
		if (!*why)
			v[found++] = &s->v[i];
		else if (!*first)
			snprintf(first, sizeof(first), ": %s: %s", s->v[i].name,
				 why);
	}
	if (!found) {
		free(v);
		return fp_err(e, -EAGAIN, "no other node is in step%s", first);
	}
	*out = v;
	*n = found;
	return 0;
}
