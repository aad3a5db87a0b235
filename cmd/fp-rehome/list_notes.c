/* SPDX-License-Identifier: Apache-2.0 */
/* What fp-rehome list says beside its records. */
#include <stdio.h>
#include <string.h>

#include "codec/opensips.h"
#include "list.h"

/* ---- words that fit nothing */

static bool is_tag(const struct fr_env *v, const char *tag)
{
	bool is_all = true;

	for (size_t i = 0; i < v->edges.n; i++) {
		if (fp_edge_tag(&v->edges.v[i], tag) >= 0)
			return true;
		is_all &= v->edges.v[i].view != NULL;
	}
	return !is_all; /* who is silent may know it */
}

static bool is_call(const struct fr_env *v, const char *callid)
{
	for (size_t i = 0; i < v->edges.n; i++)
		if (v->edges.v[i].dialogs &&
		    fp_dialogs_find(v->edges.v[i].dialogs, callid))
			return true;
	return false;
}

void fr_list_unmatched(const struct fr_env *v, size_t n)
{
	const struct fp_select *q = &v->select;
	size_t n_said = 0;

	for (size_t i = 0; i < q->n_tags; i++) {
		if (is_tag(v, q->tags[i]))
			continue;
		fp_log(FP_LOG_WARN, "--tag %s: no node knows it", q->tags[i]);
		n_said++;
	}
	for (size_t i = 0; i < q->n_callids; i++) {
		if (is_call(v, q->callids[i]))
			continue;
		fp_log(FP_LOG_WARN, "--calls %s: no node that was asked has it",
		       q->callids[i]);
		n_said++;
	}
	if (!n && !n_said &&
	    (q->n_tags || q->n_callids || q->from_prefix || q->to_prefix ||
	     q->media || q->older_s || q->younger_s))
		fp_log(FP_LOG_NOTICE, "no dialog matches");
}

/* ---- engines */

struct engine {
	char uri[256];
};

static int take_engine(void *ctx, const struct fp_os_dest *d)
{
	struct engine *g = ctx;

	if (d->disabled > 0)
		snprintf(g->uri, sizeof(g->uri), "%s", d->uri);
	return 0;
}

static int take(void *ctx, const struct cJSON *result, struct fp_err *e)
{
	return fp_os_rtpengine(result, take_engine, ctx, e);
}

void fr_list_disabled(const struct fr_env *v)
{
	for (size_t i = 0; i < v->edges.n; i++) {
		struct fp_edge *x = &v->edges.v[i];
		struct engine g = { .uri = "" };
		struct fp_err e;

		if (!x->view || !x->dialogs ||
		    fp_edge_ask(x, "rtpengine_show", NULL, take, &g, NULL,
				&e) ||
		    !*g.uri)
			continue;
		fp_log(FP_LOG_NOTICE,
		       "%s: rtpengine %s is disabled: a call that was moved "
		       "away from it is listed with its address still",
		       x->name, g.uri);
		return;
	}
}
