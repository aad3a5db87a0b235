/* SPDX-License-Identifier: Apache-2.0 */
/* Is there a place for the calls, when all is lifted that is lifted?  Rows of calls that
 * go nowhere are not staged for nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/recover_place.h"
#include "recover/preflight_priv.h"

/* As recovering places: what a lift does not change. */
static bool is_usable(const struct fp_switch *x)
{
	return !x->code && !x->view.is_paused;
}

static int node_of(const struct recover_pf *f, const struct fp_switch *x,
		   struct fp_place_node *out)
{
	const struct fp_view_freeswitch *v = &x->view;
	const char **names = calloc(x->conf.n_profiles + 1, sizeof(*names));
	size_t n = 0;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < x->conf.n_profiles; i++)
		if (x->conf.profile[i].is_running)
			names[n++] = x->conf.profile[i].name;
	*out = (struct fp_place_node){
		.name = x->name,
		.is_self = x == f->p->from,
		.weight = is_usable(x) ? 1 : 0,
		.room = v->max_sessions <= 0 ? -1
			: v->max_sessions > v->sessions
				? v->max_sessions - v->sessions
				: 0,
		.sessions = v->sessions,
		.idle_percent = v->idle_percent,
		.min_idle_percent = v->min_idle_percent,
		.profiles = names,
		.n_profiles = n,
		.is_v4_only = x->rtp_ip[0] && !strchr(x->rtp_ip, ':'),
	};
	return 0;
}

/* Which rule keeps all of them from a place, though it may be lifted. */
static const char *lack(const struct recover_pf *f,
			const struct fp_place_node *node)
{
	const char *rule = "ready";

	for (size_t i = 0; i < f->p->n_to; i++) {
		if (node[i].weight <= 0 ||
		    node[i].idle_percent < node[i].min_idle_percent)
			continue;
		if (node[i].room)
			return "profile";
		rule = "capacity";
	}
	return rule;
}

static void judge(struct recover_pf *f, const struct fp_place_node *node,
		  const size_t *to, const struct fp_err *why)
{
	const struct fp_calls *c = f->p->calls;
	const char *from = f->p->from->name;
	size_t n = 0, n_placed = 0;
	char value[80];

	for (size_t i = 0; i < c->n_calls; i++) {
		if (!recover_pf_is_had(&c->call[i]))
			continue;
		n++;
		n_placed += to[i] != FP_PLACE_NONE;
	}
	snprintf(value, sizeof(value), "%zu of %zu calls", n_placed, n);
	if (n && !n_placed)
		recover_pf_refuse(f, from, "place", lack(f, node), value,
				  why->text);
	else if (n_placed < n)
		recover_pf_say(f, from, "place",
			       recover_pf_is_failover(f) ? FP_COND_WARN
							 : FP_COND_REFUSE,
			       "capacity", value, "%s", why->text);
}

int recover_pf_place(struct recover_pf *f, struct fp_err *e)
{
	const struct fp_recover_check *p = f->p;
	size_t *to = calloc(p->calls->n_calls + 1, sizeof(*to));
	struct fp_place_node *node = calloc(p->n_to + 1, sizeof(*node));
	struct fp_err why = { .text = "" };
	int r = to && node ? 0 : -ENOMEM;

	for (size_t i = 0; i < p->n_to && !r; i++)
		r = node_of(f, p->to[i], &node[i]);
	if (!r)
		r = fp_place_calls(p->calls, node, p->n_to, NULL, to, &why);
	if (!r || r == -ENOSPC) {
		judge(f, node, to, &why);
		r = 0;
	} else {
		fp_err(e, r, "%s", *why.text ? why.text : "out of memory");
	}
	for (size_t i = 0; i < p->n_to && node; i++)
		free((void *)node[i].profiles);
	free(node);
	free(to);
	return r;
}
