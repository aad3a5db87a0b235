/* SPDX-License-Identifier: Apache-2.0 */
#include "recover/hops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How good an edge is for a call. */
enum rank {
	OWNER, /* it has the dialog, and its tag */
	HAS,
	MAY_HAVE,
	HAS_NOT,
	SILENT
};

/* ---- where they are */

static void endpoints(struct fp_hops_edge *x)
{
	const char *list = fp_inventory_var(x->o.host, "fp_sip");
	struct fp_endpoint *at = x->at;

	while (list && x->n_at < FP_HOP_ENDPOINTS &&
	       fp_endpoint_list(list, x->n_at, &at[x->n_at], NULL) > 0)
		x->n_at++;
	if (x->n_at || !x->o.host->addr.len)
		return;
	at->addr = x->o.host->addr;
	fp_prefix_print(&at->addr, at->host);
	x->n_at = 1;
}

int fp_hops_init(struct fp_hops *out, const struct fp_hop_edge *v, size_t n)
{
	*out = (struct fp_hops){ .v = calloc(n + 1, sizeof(*out->v)) };
	if (!out->v)
		return -ENOMEM;
	for (; out->n < n; out->n++) {
		out->v[out->n].o = v[out->n];
		endpoints(&out->v[out->n]);
	}
	return 0;
}

void fp_hops_fini(struct fp_hops *h)
{
	free(h->v);
	*h = (struct fp_hops){ .v = NULL };
}

/* ---- which is named */

static bool is_named(const struct fp_hops_edge *x, const struct fp_fsrow *row,
		     bool (*how)(const struct fp_fsrow *r,
				 const struct fp_fsrow_hop *h))
{
	for (size_t i = 0; i < x->n_at; i++) {
		const struct fp_fsrow_hop h = { .host = x->at[i].host,
						.port = x->at[i].port };

		if (how(row, &h))
			return true;
	}
	return false;
}

/* ---- which is to be */

static bool owns(const struct fp_view_opensips *v, const char *tag)
{
	for (size_t i = 0; i < v->n_tags; i++)
		if (!strcmp(v->tag[i].name, tag))
			return v->tag[i].is_active;
	return false;
}

static enum rank rank_of(const struct fp_hops_edge *x, const char *callid)
{
	const struct fp_dialog *d;

	if (!x->o.is_there || !x->n_at)
		return SILENT;
	if (!x->o.view || !x->o.dialogs || !x->o.view->has_dialog)
		return MAY_HAVE;
	d = fp_dialogs_find(x->o.dialogs, callid);
	if (!d || !fp_dialog_is_up(d))
		return HAS_NOT;
	return owns(x->o.view, d->tag) ? OWNER : HAS;
}

static enum rank best(const struct fp_hops *h, const char *callid,
		      const struct fp_hops_edge **to)
{
	enum rank found = SILENT;

	for (size_t i = 0; i < h->n; i++) {
		enum rank r = rank_of(&h->v[i], callid);

		if (r >= found)
			continue;
		found = r;
		*to = &h->v[i];
	}
	return found;
}

/* The address of `to` for one of the dead one's: of the same transport and family, at
 * the same place of the list when it is. */
static const struct fp_endpoint *like(const struct fp_hops_edge *to,
				      const struct fp_endpoint *at, size_t i)
{
	const struct fp_endpoint *found = NULL;

	for (size_t k = 0; k < to->n_at; k++) {
		const struct fp_endpoint *p = &to->at[k];

		if (p->transport != at->transport ||
		    !strchr(p->host, ':') != !strchr(at->host, ':'))
			continue;
		if (k == i)
			return p;
		found = found ? found : p;
	}
	return found ? found : to->at;
}

static void pairs(struct fp_hop *out)
{
	for (out->n = 0; out->n < out->dead->n_at; out->n++) {
		const struct fp_endpoint *p = &out->dead->at[out->n];
		const struct fp_endpoint *q = like(out->to, p, out->n);

		out->pair[out->n] = (struct fp_fsrow_hop){ .host = p->host,
							   .port = p->port,
							   .to_host = q->host,
							   .to_port = q->port };
	}
}

enum fp_hop_state fp_hop_of(const struct fp_hops *h, const struct fp_fsrow *row,
			    struct fp_hop *out)
{
	enum rank found;

	*out = (struct fp_hop){ .dead = NULL };
	/* a row that could not be read has no texts */
	for (size_t i = 0; i < h->n && row->uuid && !out->dead; i++)
		if (!h->v[i].o.is_there &&
		    is_named(&h->v[i], row, fp_fsrow_names))
			out->dead = &h->v[i];
	if (!out->dead)
		return FP_HOP_AS_IS;
	found = best(h, row->call_id, &out->to);
	if (found == SILENT)
		return FP_HOP_UNKNOWN;
	if (found == HAS_NOT && !h->is_lifted &&
	    is_named(out->dead, row, fp_fsrow_goes_to))
		return FP_HOP_NOWHERE;
	pairs(out);
	return FP_HOP_OTHER;
}
