/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome preflight --all: what would be saved of each node if it died now. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preflight.h"

struct outcome {
	const char *node, *state;
	uint64_t calls, saved, early, lost;
	char to[256], refusals[160], detail[300];
};
#define AT(M) offsetof(struct outcome, M)
static const struct fp_field fields[] = {
	{ "node", AT(node), FP_F_STR, NULL, "the node, as if it died now" },
	{ "state", AT(state), FP_F_STR, NULL, "up; silent: it may be dead" },
	{ "calls", AT(calls), FP_F_U64, NULL, "calls under its tags" },
	{ "saved", AT(saved), FP_F_U64, NULL,
	  "up, and on their target with its own sockets" },
	{ "early", AT(early), FP_F_U64, NULL,
	  "being set up: lost with any node" },
	{ "lost", AT(lost), FP_F_U64, NULL, "up, and lost" },
	{ "to", AT(to), FP_F_TEXT, NULL, "where its tags would go" },
	{ "refusals", AT(refusals), FP_F_TEXT, NULL,
	  "rules that would refuse a failover" },
	{ "detail", AT(detail), FP_F_TEXT, NULL, "why, of the first" },
};
#undef AT
static const struct fp_type type = { "outlook", fields, FR_COUNT(fields) };

struct judging {
	struct fr_env *v;
	const struct fr_outlook *look;
	struct outcome *out;
	/* targets whose dialogs are bound to foreign sockets, by index */
	bool *is_unbound;
};

/* It lives, and so do its tags there: that is what is imagined away. */
static bool is_lifted(void *ctx, const char *rule)
{
	struct judging *j = ctx;

	if (!j->look->is_dead &&
	    (!strcmp(rule, "alive") || !strcmp(rule, "active")))
		return true;
	return fr_is_lifted(j->v, rule);
}

static void append(char *to, size_t size, const char *word)
{
	size_t n = strlen(to), len = strlen(word);

	for (const char *p = to; (p = strstr(p, word)); p += len)
		if ((p == to || p[-1] == ',') && (!p[len] || p[len] == ','))
			return;
	snprintf(to + n, size - n, "%s%s", n ? "," : "", word);
}

static void condition(void *ctx, const struct fp_condition *c)
{
	struct judging *j = ctx;
	struct outcome *o = j->out;

	if (c->state != FP_COND_REFUSE)
		return;
	append(o->refusals, sizeof(o->refusals), c->rule);
	if (!*o->detail)
		snprintf(o->detail, sizeof(o->detail), "%s: %s: %s%s%s",
			 c->node, c->name, c->value, *c->detail ? ", " : "",
			 c->detail);
	for (size_t i = 0; i < j->look->n_to; i++)
		if (!strcmp(c->name, "bind") &&
		    !strcmp(c->node, j->look->to[i]->name))
			j->is_unbound[i] = true;
}

static int judge(struct judging *j, struct fp_err *e)
{
	struct fp_fleet_opts fleet;
	struct fp_preflight ask;
	int r;

	fr_outlook_preflight(j->look, &ask);
	ask.kind = FP_MOVE_FAILOVER;
	/* a node that lives is asked nothing: it is to be imagined dead */
	if (!j->look->is_dead)
		ask.from = NULL;
	if (fr_fleet(j->v, &fleet, &ask.lists_dir))
		ask.fleet = &fleet;
	ask.is_lifted = is_lifted;
	ask.each = condition;
	ask.ctx = j;
	r = fp_preflight(&ask, NULL, e);
	return r == -EPERM ? 0 : r;
}

/* ---- calls */

static const struct fp_tag_move *move_of(const struct fr_outlook *look,
					 const char *tag)
{
	for (size_t i = 0; i < look->n_moves; i++)
		if (!strcmp(look->move[i].tag, tag))
			return &look->move[i];
	return NULL;
}

static bool is_saved(const struct judging *j, const struct fp_tag_move *m,
		     const struct fp_dialog *d)
{
	const struct fp_dialog *copy;

	if (!m->to || !m->to->dialogs)
		return false;
	for (size_t i = 0; i < j->look->n_to; i++)
		if (j->look->to[i] == m->to && j->is_unbound[i])
			return false;
	copy = fp_dialogs_find(m->to->dialogs, d->callid);
	return copy && fp_dialog_is_up(copy);
}

/* What the node itself has: its own tags' calls, and those without a tag, which
 * nobody can take over. */
static void count_living(const struct judging *j)
{
	const struct fp_edge *x = j->look->from;
	struct outcome *o = j->out;

	for (size_t i = 0; i < fp_dialogs_n(x->dialogs); i++) {
		const struct fp_dialog *d = fp_dialogs_at(x->dialogs, i);
		const struct fp_tag_move *m = move_of(j->look, d->tag);

		if (!m && *d->tag)
			continue;
		if (fp_dialog_is_early(d)) {
			o->calls++;
			o->early++;
		} else if (fp_dialog_is_up(d)) {
			o->calls++;
			if (m && is_saved(j, m, d))
				o->saved++;
			else
				o->lost++;
		}
	}
}

/* What copies of a silent node's calls there are; more is not known. */
static void count_dead(const struct judging *j)
{
	for (size_t k = 0; k < j->look->n_moves; k++) {
		const struct fp_tag_move *m = &j->look->move[k];

		j->out->calls += m->calls;
		for (size_t i = 0; m->to && m->to->dialogs &&
				   i < fp_dialogs_n(m->to->dialogs);
		     i++) {
			const struct fp_dialog *d =
				fp_dialogs_at(m->to->dialogs, i);

			j->out->saved += !strcmp(d->tag, m->tag) &&
					 fp_dialog_is_up(d) &&
					 is_saved(j, m, d);
		}
	}
	if (j->out->calls > j->out->saved)
		j->out->lost = j->out->calls - j->out->saved;
}

/* ---- nodes */

static int node(struct fr_env *v, struct fp_edge *x, struct outcome *out,
		struct fp_err *e)
{
	const struct fp_preflight ask = { .edges = &v->edges,
					  .from = x,
					  .marks = v->marks,
					  .n_marks = v->n_marks };
	struct fr_outlook look = { .v = v };
	struct judging j = { .v = v, .look = &look, .out = out };
	struct fp_edge **to = NULL;
	size_t n = 0;
	int r = fp_preflight_auto(&ask, &to, &n, e);

	*out = (struct outcome){ .node = x->name,
				 .state = x->view ? "up" : "silent" };
	if (r == -EAGAIN) {
		snprintf(out->refusals, sizeof(out->refusals), "in-sync");
		snprintf(out->detail, sizeof(out->detail), "%s", e->text);
		r = 0;
	}
	if (!r)
		r = fr_outlook(&look, v, x, to, n, e);
	free(to);
	j.is_unbound = calloc(n + 1, sizeof(bool));
	if (!r && !j.is_unbound)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < look.n_moves && !r; i++)
		if (look.move[i].to)
			append(out->to, sizeof(out->to), look.move[i].to->name);
	if (!r && n && look.n_moves)
		r = judge(&j, e);
	if (!r && look.is_dead)
		count_dead(&j);
	else if (!r)
		count_living(&j);
	free(j.is_unbound);
	fr_outlook_fini(&look);
	if (!r || r == -EINTR || r == -ENOMEM)
		return r;
	/* it hides no other node */
	snprintf(out->refusals, sizeof(out->refusals), "unknown");
	snprintf(out->detail, sizeof(out->detail), "%s", e->text);
	return 0;
}

static int all(struct fr_env *v, uint64_t *n_bad, struct fp_err *e)
{
	struct outcome o;
	int r = fp_edges_read(&v->edges, e);

	for (size_t i = 0; i < v->edges.n && !r; i++) {
		if (!fr_is_named(v, &v->edges.v[i]))
			continue;
		r = node(v, &v->edges.v[i], &o, e);
		if (!r)
			r = fp_out_record(v->c->out, &type, &o, e);
		*n_bad += !r && (o.lost || (*o.refusals && o.calls) ||
				 !strcmp(o.refusals, "unknown"));
	}
	return r;
}

static uint64_t n_named(const struct fr_env *v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v->edges.n; i++)
		n += fr_is_named(v, &v->edges.v[i]);
	return n;
}

int fr_preflight_all(struct fr_env *v)
{
	struct fp_err e = { .text = "" };
	uint64_t n_bad = 0;
	int r = fp_out_check(v->c->out, &type, &e);

	if (!r)
		r = all(v, &n_bad, &e);
	if (r)
		return fr_fail(v, r, &e);
	fp_out_counts(v->c->out, false, NULL, "nodes", n_named(v), "at_risk",
		      n_bad, NULL);
	return n_bad ? FP_EXIT_NO : FP_EXIT_OK;
}
