/* SPDX-License-Identifier: Apache-2.0 */
/* What a site knows beside readings: from before, and from operators. */
#include <stdlib.h>
#include <string.h>

#include "health/site_priv.h"

size_t fp_site_nodes(const struct fp_site *s, struct fp_site_node **v)
{
	*v = s->node;
	return s->n_nodes + 1;
}

static struct fp_site_node *find_node(const struct fp_site *s, const char *name)
{
	for (size_t i = 0; i <= s->n_nodes; i++)
		if (!strcmp(s->node[i].name, name))
			return &s->node[i];
	return NULL;
}

static struct fp_site_check *find_check(const struct fp_site_node *n,
					const char *name)
{
	for (size_t i = 0; n && i < n->n_checks; i++)
		if (!strcmp(n->check[i]->name, name))
			return n->check[i];
	return NULL;
}

struct fp_site_check *fp_site_find(const struct fp_site *s, const char *node,
				   const char *check)
{
	return find_check(find_node(s, node), check);
}

/* A comparison's check is made when it first answers: here before. */
void fp_site_remember(struct fp_site *s, const char *node, const char *check,
		      const struct fp_judged *j)
{
	struct fp_site_node *n = find_node(s, node);
	struct fp_site_check *c = find_check(n, check);

	if (!c && n && fp_check_is_known(check, strlen(check)))
		c = fp_site_check_get(s, n, check);
	if (!c)
		return;
	c->judged = *j;
	memcpy(n->run, j->run, sizeof(n->run));
}

/* Of what is no longer in the cluster file nothing is known: who acts on our
 * word, or counts it, must not keep the last one. */
static void say_gone(const struct fp_site *s, const struct fp_site_node *n,
		     struct fp_site_check *c)
{
	const struct fp_site_change change = {
		.node = n,
		.check = c,
		.is_changed = true,
		.is_gone = true,
		.from = c ? c->state : n->state,
		.to = FP_UNKNOWN,
	};

	s->o.changed(s->o.ctx, &change);
}

static void node_gone(const struct fp_site *s, const struct fp_site_node *n)
{
	for (size_t i = 0; i < n->n_checks; i++)
		if (n->check[i]->is_shown && !n->check[i]->is_hidden)
			say_gone(s, n, n->check[i]);
	if (n->is_shown)
		say_gone(s, n, NULL);
}

static void inherit_node(struct fp_site *s, struct fp_site_node *n,
			 const struct fp_site_node *from)
{
	n->is_shown = from->is_shown;
	n->is_refusing = from->is_refusing;
	n->state = from->state;
	n->since_ms = from->since_ms;
	memcpy(n->run, from->run, sizeof(n->run));
	memcpy(n->is_probing, from->is_probing, sizeof(n->is_probing));
	for (size_t i = 0; i < from->n_checks; i++) {
		struct fp_site_check *was = from->check[i];
		struct fp_site_check *c = find_check(n, was->name);

		if (!c && was->is_cluster)
			c = fp_site_check_get(s, n, was->name);
		if (!c && was->is_shown && !was->is_hidden)
			say_gone(s, from, was);
		if (!c)
			continue;
		c->judged = was->judged;
		memcpy(c->why, was->why, sizeof(c->why));
		memcpy(c->why_next, was->why_next, sizeof(c->why_next));
		c->is_cluster = was->is_cluster;
		c->is_shown = was->is_shown;
		c->is_refusing = was->is_refusing;
		c->state = was->state;
		c->since_ms = was->since_ms;
		c->data = was->data;
		was->data = NULL;
	}
}

void fp_site_inherit(struct fp_site *s, struct fp_site *from)
{
	for (size_t i = 0; i <= from->n_nodes; i++) {
		struct fp_site_node *n = find_node(s, from->node[i].name);

		if (n)
			inherit_node(s, n, &from->node[i]);
		else
			node_gone(s, &from->node[i]);
	}
	s->answer_ms = from->answer_ms;
	fp_site_mark(s, from->mark, from->n_marks);
}

void fp_site_mark(struct fp_site *s, const struct fp_mark *v, size_t n)
{
	struct fp_mark *mark = NULL;

	if (n) {
		mark = calloc(n, sizeof(*mark));
		if (!mark)
			return;
		memcpy(mark, v, n * sizeof(*mark));
	}
	free(s->mark);
	s->mark = mark;
	s->n_marks = n;
	for (size_t i = 0; i < s->n_nodes; i++)
		s->node[i].mark = NULL;
	for (size_t i = 0; i < n; i++) {
		struct fp_site_node *node = find_node(s, mark[i].node);

		if (node && node->host)
			node->mark = &mark[i];
	}
}

void fp_site_lateness(struct fp_site *s, struct fp_lateness *out)
{
	fp_engine_lateness(s->engine, out);
}

const char *fp_site_check_detail(const struct fp_site_check *c)
{
	if (c->last.state == c->state || c->judged.state != c->state)
		return c->last.detail;
	return c->why;
}

/* ---- does it take calls? */

bool fp_check_takes_calls(const struct fp_site_check *c)
{
	return !c->is_refusing && !(c->is_network && c->state == FP_CRITICAL);
}

bool fp_node_takes_calls(const struct fp_site_node *n)
{
	for (size_t i = 0; i < n->n_checks; i++) {
		const struct fp_site_check *c = n->check[i];

		if (c->is_shown && !c->is_hidden && !fp_check_takes_calls(c))
			return false;
	}
	return !n->is_refusing;
}
