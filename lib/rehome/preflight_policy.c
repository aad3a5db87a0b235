/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of targets, asked now. */
#include <stdlib.h>

#include "health/policy.h"
#include "rehome/preflight_priv.h"

static void judge(struct preflight *f, const struct fp_host *h,
		  const struct fp_policy *s)
{
	struct fp_check_policy in = {
		.is_known = s->has_view,
		.is_in_step = s->has_view && s->view.is_in_step,
		.is_failover = preflight_is_failover(f),
		.digest = s->view.policy,
		.why = s->is_told ? s->detail : "no answer over SSH",
	};
	struct fp_check c;

	fp_check_policy(&c, &in);
	preflight_tell(f, h->name, &c);
	f->is_policy_old |= !in.is_in_step;
}

int preflight_policy(struct preflight *f, struct fp_err *e)
{
	const struct fp_host **hosts;
	struct fp_policy *said;
	size_t n = 0;
	int r = 0;

	if (!f->p->fleet || f->p->kind == FP_MOVE_MEDIA)
		return 0;
	hosts = calloc(f->n_to + 1, sizeof(const struct fp_host *));
	said = calloc(f->n_to + 1, sizeof(*said));
	if (!hosts || !said)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < f->n_to && !r; i++)
		if (fp_inventory_var(f->to[i]->host, "fp_if"))
			hosts[n++] = f->to[i]->host;
	if (!r)
		r = fp_policy_ask(f->p->edges->o.loop, f->p->fleet,
				  f->p->lists_dir, hosts, n, said, e);
	for (size_t i = 0; i < n && !r; i++)
		judge(f, hosts[i], &said[i]);
	free(hosts);
	free(said);
	return r;
}
