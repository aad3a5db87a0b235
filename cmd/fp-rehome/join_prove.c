/* SPDX-License-Identifier: Apache-2.0 */
/* Is a node in step?  Looked at until it is, or the time is over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "join.h"

#define AGAIN_MS 300
#define SAY_MS 5000

/* ---- --config */

int fr_join_config(struct fr_join *j, struct fp_err *e)
{
	const char *name = fp_cli_get(j->v->c, "config");
	int r = name ? fr_config(name, &j->cfg, e) : 0;

	j->has_cfg = name && !r;
	return r;
}

/* ---- what a look said */

struct fr_said {
	enum fp_condition_state state;
	char node[64], name[32], rule[24], value[160], detail[400];
};

static void forget(struct fr_join *j)
{
	j->n_said = j->n_warn = j->n_refuse = 0;
}

static void hear(void *ctx, const struct fp_condition *c)
{
	struct fr_join *j = ctx;
	struct fr_said *s =
		reallocarray(j->said, j->n_said + 1, sizeof(*j->said));

	if (!s)
		return;
	j->said = s;
	s += j->n_said++;
	s->state = c->state;
	snprintf(s->node, sizeof(s->node), "%s", c->node);
	snprintf(s->name, sizeof(s->name), "%s", c->name);
	snprintf(s->rule, sizeof(s->rule), "%s", c->rule);
	snprintf(s->value, sizeof(s->value), "%s", c->value);
	snprintf(s->detail, sizeof(s->detail), "%s", c->detail);
	j->n_warn += c->state == FP_COND_WARN;
	j->n_refuse += c->state == FP_COND_REFUSE;
}

static void print(const struct fr_join *j)
{
	for (size_t i = 0; i < j->n_said; i++) {
		const struct fr_said *s = &j->said[i];
		const struct fp_condition c = { .node = s->node,
						.name = s->name,
						.rule = s->rule,
						.state = s->state,
						.value = s->value,
						.detail = s->detail };

		fr_condition(j->v, &c);
	}
}

static bool is_lifted(void *ctx, const char *rule)
{
	const struct fr_join *j = ctx;

	return fr_is_lifted(j->v, rule);
}

/* ---- looks */

bool fr_join_may_come(int code, const struct fp_err *e)
{
	return code == -EPERM &&
	       (!strcmp(e->rule, "in-sync") || !strcmp(e->rule, "link"));
}

static void preflight_of(struct fr_join *j, struct fp_preflight *out)
{
	*out = (struct fp_preflight){ .kind = FP_MOVE_JOIN,
				      .edges = &j->v->edges,
				      .cfg = j->has_cfg ? &j->cfg : NULL,
				      .is_lifted = is_lifted,
				      .each = hear,
				      .ctx = j };
}

/* Its first sync is over, well or badly: what lacks now will not come by itself. */
static bool is_settled(const struct fp_edge *x)
{
	if (!x->view || x->view->is_sync_pending)
		return false;
	for (size_t i = 0; i < x->view->n_caps; i++)
		if (!strcmp(x->view->cap[i].name, "dialog-dlg-repl"))
			return x->view->cap[i].is_ok;
	return false;
}

static int sync_now(struct fr_join *j, struct fp_err *e)
{
	struct fp_edge *x = j->x;
	struct fp_preflight p;
	int r;

	preflight_of(j, &p);
	r = fp_preflight_sync(&p, x, e);
	if (r == -EPERM && is_lifted(j, e->rule)) {
		fp_log(FP_LOG_WARN, "lifted by --override %s: %s", e->rule,
		       e->text);
		r = 0;
	}
	if (r)
		return r;
	j->was_asked = true;
	if (j->v->c->is_dry_run)
		return 0;
	fp_log(FP_LOG_NOTICE, "%s is asked to copy the dialogs of another node",
	       x->name);
	return fp_edge_ask(x, "dlg_cluster_sync", NULL, NULL, NULL, NULL, e);
}

struct waiting {
	int64_t until_ms, said_ms;
};

static void say(struct waiting *w, const struct fp_err *e)
{
	int64_t now_ms = fp_clock_ms();

	if (w->said_ms && now_ms < w->said_ms + SAY_MS)
		return;
	w->said_ms = now_ms;
	fp_log(FP_LOG_NOTICE, "not in step yet, %llds left: %s",
	       (long long)((w->until_ms - now_ms + 999) / 1000), e->text);
}

/* 1: look again. */
static int not_yet(struct fr_join *j, struct waiting *w, int code,
		   struct fp_err *e)
{
	bool is_dry = j->v->c->is_dry_run;
	int r;

	if (code != -EAGAIN && !fr_join_may_come(code, e))
		return code;
	if (code == -EPERM && j->is_sync && !j->was_asked &&
	    !strcmp(e->rule, "in-sync") && is_settled(j->x)) {
		struct fp_err why = *e;

		r = sync_now(j, e);
		if (r || is_dry) {
			if (!r)
				*e = why;
			return r ? r : code;
		}
		w->until_ms = fp_clock_ms() + j->wait_ms;
	} else if (fp_clock_ms() >= w->until_ms) {
		return code;
	}
	say(w, e);
	r = fp_edges_pause(&j->v->edges, AGAIN_MS, e);
	return r ? r : 1;
}

int fr_join_prove(struct fr_join *j, struct fp_err *e)
{
	struct waiting w = { .until_ms = fp_clock_ms() + j->wait_ms };
	struct fp_preflight p;
	int r;

	preflight_of(j, &p);
	do {
		forget(j);
		r = fp_preflight_join(&p, j->x, e);
		if (r)
			r = not_yet(j, &w, r, e);
	} while (r == 1);
	print(j);
	return r;
}

void fr_join_fini(struct fr_join *j)
{
	free(j->said);
	j->said = NULL;
}
