/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rehome/preflight_priv.h"

/* ---- telling */

void preflight_tell(struct preflight *f, const char *node, struct fp_check *c)
{
	const struct fp_preflight *p = f->p;
	char detail[sizeof(c->detail) + 64];
	struct fp_condition said = { .node = node,
				     .name = c->name,
				     .rule = c->rule,
				     .state = (enum fp_condition_state)c->state,
				     .value = c->value,
				     .detail = c->detail };

	if (c->state == FP_CHECK_REFUSE && p->is_lifted &&
	    p->is_lifted(p->ctx, c->rule)) {
		snprintf(detail, sizeof(detail), "lifted by --override %s%s%s",
			 c->rule, *c->detail ? ": " : "", c->detail);
		said.state = FP_COND_WARN;
		said.rule = "";
		said.detail = detail;
	} else if (c->state == FP_CHECK_REFUSE && !f->is_refused) {
		f->is_refused = true;
		fp_refuse(&f->refusal, c->rule, "%s: %s: %s%s%s", node, c->name,
			  c->value, *c->detail ? ", " : "", c->detail);
	}
	if (p->each)
		p->each(p->ctx, &said);
}

/* ---- what nodes said */

const struct fp_mark *preflight_mark(const struct fp_preflight *p,
				     const struct fp_edge *x)
{
	for (size_t i = 0; i < p->n_marks; i++)
		if (!strcmp(p->marks[i].node, x->name))
			return &p->marks[i];
	return NULL;
}

const struct fp_edge *preflight_fullest(const struct fp_edges *s,
					const struct fp_edge *x,
					const struct fp_edge *but)
{
	const struct fp_edge *best = NULL;

	for (size_t i = 0; i < s->n; i++) {
		const struct fp_edge *y = &s->v[i];

		if (y == x || y == but || !y->view)
			continue;
		if (!best || y->view->dialogs > best->view->dialogs)
			best = y;
	}
	return best;
}

/* Source: "dialog-dlg-repl" is what OpenSIPS 3.6 dialog names it. */
void preflight_capability(const struct fp_edges *s, const struct fp_edge *x,
			  const struct fp_edge *but,
			  struct fp_check_capability *out)
{
	const struct fp_edge *full = preflight_fullest(s, x, but);

	*out = (struct fp_check_capability){
		.is_sync_pending = x->view->is_sync_pending,
		.is_fallback = x->signs.is_fallback,
		.chunks = x->view->sync_chunks,
		.peer_dialogs = full ? full->view->dialogs : -1,
	};
	for (size_t i = 0; i < x->view->n_caps; i++) {
		const struct fp_view_cap *c = &x->view->cap[i];

		if (strcmp(c->name, "dialog-dlg-repl"))
			continue;
		out->has = true;
		out->is_ok = c->is_ok;
		out->is_enabled = c->is_enabled;
	}
}

/* ---- tags */

static void tag(struct preflight *f, const struct fp_tag_move *m)
{
	struct fp_edge *owner = NULL, *other = NULL;
	int r = fp_edges_owner(f->p->edges, m->tag, &owner, &other);
	struct fp_check_tag in = {
		.tag = m->tag,
		.to = m->to->name,
		.owner = owner ? owner->name : NULL,
		.other = r == -EBUSY && other ? other->name : NULL,
		.is_known = r != -ENOENT,
		.is_known_there = fp_edge_tag(m->to, m->tag) >= 0,
		.is_from = owner && (owner == m->from || owner == f->p->from),
		.is_to = owner == m->to,
		.is_failover = preflight_is_failover(f),
	};
	struct fp_check c;

	fp_check_tag(&c, &in);
	preflight_tell(f, m->to->name, &c);
}

/* ---- links */

static void link_of(const struct fp_edge *x, const struct fp_edge *to,
		    struct fp_check_link *out)
{
	*out = (struct fp_check_link){ .to = to->name, .node_id = to->node_id };
	out->state = fp_edge_link(x, to, &out->next_hop);
}

/* Does x get calls of y, which lives? */
static bool is_source(const struct preflight *f, const struct fp_edge *x,
		      const struct fp_edge *y)
{
	if (preflight_is_failover(f) || !preflight_gives(f))
		return false;
	if (f->p->kind == FP_MOVE_ACTIVATE || y == f->p->from)
		return true;
	for (size_t i = 0; i < f->p->n_moves; i++)
		if (f->p->move[i].to == x && f->p->move[i].from == y)
			return true;
	return false;
}

static void links(struct preflight *f, const struct fp_edge *x)
{
	const struct fp_edges *s = f->p->edges;
	struct fp_check_link in;
	struct fp_check c;

	for (size_t i = 0; i < s->n; i++) {
		const struct fp_edge *y = &s->v[i];
		bool is_needed = is_source(f, x, y);

		if (y == x || !y->view ||
		    (preflight_is_failover(f) && y == f->p->from))
			continue;
		link_of(x, y, &in);
		fp_check_link(&c, &in, is_needed);
		preflight_tell(f, x->name, &c);
		link_of(y, x, &in);
		fp_check_link(&c, &in, is_needed);
		preflight_tell(f, y->name, &c);
	}
}

/* ---- a target */

static void version(struct preflight *f, const struct fp_edge *x)
{
	const struct fp_edge *from = f->p->from;
	bool is_of_source = from && from->view && from != x;
	const struct fp_edge *y = is_of_source ? from : NULL;
	struct fp_check c;

	for (size_t i = 0; i < f->p->n_moves && !is_of_source; i++)
		if (f->p->move[i].to == x && f->p->move[i].from &&
		    f->p->move[i].from != x && f->p->move[i].from->view) {
			y = f->p->move[i].from;
			is_of_source = true;
		}
	if (!y)
		y = preflight_fullest(f->p->edges, x, from);
	fp_check_version(&c, x->view->version, y ? y->name : "",
			 y ? y->view->version : NULL, is_of_source);
	preflight_tell(f, x->name, &c);
}

static void maintenance(struct preflight *f, const struct fp_edge *x)
{
	const struct fp_mark *m = preflight_mark(f->p, x);
	struct fp_check c;

	fp_check_maintenance(&c, m ? m->why : NULL, m ? m->by : NULL);
	preflight_tell(f, x->name, &c);
}

/* Of a configuration that was given, or of what its reports tell. */
static void auto_sync(struct preflight *f, const struct fp_edge *x)
{
	const struct fp_os_cfg *cfg = f->p->cfg;
	int is_on = x->signs.auto_sync;
	struct fp_check c;

	if (cfg && (cfg->line_auto_sync || !cfg->has_include))
		is_on = cfg->auto_sync ? 1 : 0;
	fp_check_auto_sync(&c, is_on, cfg);
	preflight_tell(f, x->name, &c);
}

void preflight_settings(struct preflight *f, const struct fp_edge *x)
{
	const struct fp_os_cfg *cfg = f->p->cfg;
	const char *tag = x->signs.active_tag;
	unsigned int line = 0;
	struct fp_check c;

	auto_sync(f, x);
	for (size_t i = 0; cfg && !line && i < cfg->n_tags; i++)
		if (cfg->tag[i].is_active) {
			tag = cfg->tag[i].name;
			line = cfg->line_active;
		}
	fp_check_active_tag(&c, tag, line);
	preflight_tell(f, x->name, &c);
}

/* Calls whose media alone moves keep their Contact. */
static void topology(struct preflight *f, const struct fp_edge *x)
{
	const struct fp_os_cfg *cfg = f->p->cfg;
	struct fp_check c;

	if (f->p->kind == FP_MOVE_MEDIA)
		return;
	fp_check_topology(&c,
			  preflight_of_cfg(cfg,
					   cfg && cfg->has_topology_hiding),
			  cfg);
	preflight_tell(f, x->name, &c);
}

static void transport(struct preflight *f, const struct fp_edge *x)
{
	const struct fp_endpoint *to = &x->proxy->to;
	char text[FP_ENDPOINT_STRLEN];
	struct fp_check c;

	fp_endpoint_print(to, text);
	fp_check_transport(&c,
			   to->transport == FP_T_HTTP ||
				   to->transport == FP_T_HTTPS,
			   text);
	preflight_tell(f, x->name, &c);
}

static int target(struct preflight *f, struct fp_edge *x, struct fp_err *e)
{
	const struct fp_edge *dead =
		preflight_is_failover(f) ? f->p->from : NULL;
	struct fp_check_capability caps;
	struct fp_check c;

	if (!x->view)
		return fp_err(e, -EAGAIN, "%s does not answer: %s", x->name,
			      x->err.text);
	/* calls that stay with their owner need no other node */
	if (f->p->kind != FP_MOVE_MEDIA) {
		preflight_capability(f->p->edges, x, dead, &caps);
		fp_check_capability(&c, &caps);
		preflight_tell(f, x->name, &c);
		links(f, x);
		version(f, x);
	}
	fp_check_uptime(&c, x->view->up_s);
	preflight_tell(f, x->name, &c);
	if (x != f->p->from && f->p->kind != FP_MOVE_MEDIA)
		maintenance(f, x);
	transport(f, x);
	preflight_settings(f, x);
	topology(f, x);
	for (size_t i = 0; i < f->p->n_moves && preflight_gives(f); i++)
		if (f->p->move[i].to == x)
			tag(f, &f->p->move[i]);
	return preflight_calls(f, x, e);
}

/* ---- all of it */

/* What may hurt the others one day is told of them, too. */
static void bystanders(struct preflight *f)
{
	for (size_t i = 0; i < f->p->edges->n; i++) {
		const struct fp_edge *x = &f->p->edges->v[i];
		struct fp_check c;
		bool is_target = false;

		for (size_t k = 0; k < f->n_to; k++)
			is_target |= f->to[k] == x;
		if (is_target || !x->view)
			continue;
		if (x->signs.auto_sync > 0) {
			fp_check_auto_sync(&c, 1, false);
			preflight_tell(f, x->name, &c);
		}
		if (*x->signs.active_tag) {
			fp_check_active_tag(&c, x->signs.active_tag, 0);
			preflight_tell(f, x->name, &c);
		}
	}
}

static int collect(struct preflight *f, struct fp_err *e)
{
	f->to = calloc(f->p->edges->n + 1, sizeof(struct fp_edge *));
	if (!f->to)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < f->p->n_moves; i++) {
		struct fp_edge *x = f->p->move[i].to;
		bool is_new = x;

		for (size_t k = 0; k < f->n_to; k++)
			is_new &= f->to[k] != x;
		if (is_new)
			f->to[f->n_to++] = x;
	}
	return 0;
}

int fp_preflight(const struct fp_preflight *p, bool *is_policy_old,
		 struct fp_err *e)
{
	struct preflight f = { .p = p };
	int r = collect(&f, e);

	if (!r && p->from)
		r = preflight_source(&f, e);
	for (size_t i = 0; i < f.n_to && !r; i++)
		r = target(&f, f.to[i], e);
	if (!r)
		r = preflight_policy(&f, e);
	if (!r && preflight_gives(&f))
		r = preflight_orphans(&f, e);
	if (!r)
		bystanders(&f);
	free(f.to);
	if (r)
		return r;
	if (is_policy_old)
		*is_policy_old = f.is_policy_old;
	if (!f.is_refused)
		return 0;
	*e = f.refusal;
	return -EPERM;
}
