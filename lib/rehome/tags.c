/* SPDX-License-Identifier: Apache-2.0 */
#include "rehome/tags.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/jsonrpc.h"
#include "io/clock.h"
#include "rehome/edges_priv.h"

#define AGAIN_MS 100 /* between readings while not all agree */

static int ruled(struct fp_err *e, const char *rule, int code)
{
	snprintf(e->rule, sizeof(e->rule), "%s", rule);
	return code;
}

/* ---- give, and read back */

struct give {
	struct fp_edges *s;
	const char *tag;
	struct fp_edge *to, *owner, *other;
	const struct fp_edge *from;
	int64_t deadline_ms;
};

static int is_there(const struct give *g, struct fp_err *e)
{
	struct fp_edge *x, *y;
	int state = fp_edge_tag(g->to, g->tag);

	if (state == -EAGAIN)
		return fp_edge_silent(g->to, e);
	if (state >= 0)
		return 0;
	return ruled(
		e, "tag",
		fp_err(e, -ENOENT,
		       "%s does not know the tag %s%s: OpenSIPS would make "
		       "it, and no dialog would have it",
		       g->to->name, g->tag,
		       fp_edges_owner(g->s, g->tag, &x, &y) == -ENOENT
			       ? ", nor does any other node"
			       : ""));
}

static int ask(const struct give *g, struct fp_err *e)
{
	struct fp_buf params = { .data = NULL };
	char name[80];
	int r;

	snprintf(name, sizeof(name), "%s/%" PRIu32, g->tag,
		 fp_edge_tag_cluster(g->to, g->tag));
	fp_buf_str_add(&params, "{\"tag\":");
	fp_jsonrpc_string(&params, name);
	fp_buf_str_add(&params, "}");
	if (fp_buf_str(&params))
		r = fp_edge_ask(g->to, "clusterer_shtag_set_active",
				fp_buf_str(&params), NULL, NULL, NULL, e);
	else
		r = fp_err(e, -ENOMEM, "no memory");
	fp_buf_fini(&params);
	return r;
}

/* Does everybody that answers agree? */
static bool is_given(struct give *g)
{
	return !fp_edges_owner(g->s, g->tag, &g->owner, &g->other) &&
	       g->owner == g->to;
}

/* The message that a tag went active is sent once and lost when the link is not Up:
 * asking again before that would change nothing. */
static bool is_worth_asking(const struct give *g)
{
	const struct fp_edge *x =
		g->other && g->other != g->to ? g->other : g->owner;

	if (!x || x == g->to)
		return true;
	return !strcmp(fp_edge_link(g->to, x, NULL), "Up") &&
	       !strcmp(fp_edge_link(x, g->to, NULL), "Up");
}

static int not_given(const struct give *g, struct fp_err *e)
{
	if (fp_edge_tag(g->to, g->tag) == -EAGAIN)
		return fp_err(e, -EAGAIN,
			      "%s does not answer any more: %s was asked for "
			      "there, and whether it has it is not known",
			      g->to->name, g->tag);
	if (g->other)
		return ruled(
			e, "split",
			fp_err(e, -EBUSY,
			       "%s is active on %s and on %s: the link %s to "
			       "%s is \"%s\", back \"%s\"",
			       g->tag, g->owner->name, g->other->name,
			       g->owner->name, g->other->name,
			       fp_edge_link(g->owner, g->other, NULL),
			       fp_edge_link(g->other, g->owner, NULL)));
	return ruled(e, "split",
		     fp_err(e, -EBUSY,
			    "%s was given to %s, and is active on %s", g->tag,
			    g->to->name, g->owner ? g->owner->name : "nobody"));
}

/* One that alone has it, and was not to lose it: somebody gave it meanwhile. */
static int is_ours_to_give(const struct give *g, struct fp_err *e)
{
	const struct fp_edge *x = g->owner;

	if (!x || g->other || x == g->to || x == g->from)
		return 0;
	return ruled(e, "active",
		     fp_err(e, -EBUSY,
			    "tag %s is %s's by now: somebody moved it", g->tag,
			    x->name));
}

int fp_tag_give(struct fp_edges *s, const char *tag, const struct fp_edge *from,
		struct fp_edge *to, int64_t wait_ms, bool *is_changed,
		struct fp_err *e)
{
	struct give g = { .s = s,
			  .tag = tag,
			  .from = from,
			  .to = to,
			  .deadline_ms = fp_clock_ms() + wait_ms };
	bool was_active;
	int r = fp_edges_read_heard(s, e);

	if (!r)
		r = is_there(&g, e);
	if (r)
		return r;
	*is_changed = false;
	if (is_given(&g))
		return 0;
	r = is_ours_to_give(&g, e);
	if (r)
		return r;
	was_active = fp_edge_tag(to, tag) == 1;
	for (bool is_first = true;; is_first = false) {
		if (is_first || is_worth_asking(&g))
			r = ask(&g, e);
		if (!r)
			r = fp_edges_read_heard(s, e);
		if (r)
			return r;
		*is_changed = !was_active || is_given(&g);
		if (is_given(&g))
			return 0;
		r = is_ours_to_give(&g, e);
		if (r)
			return r;
		if (fp_clock_ms() >= g.deadline_ms)
			return not_given(&g, e);
		r = fp_edges_pause(s, AGAIN_MS, e);
		if (r)
			return r;
	}
}

/* ---- prove */

static int ask_about(struct fp_edge *x, const char *method, const char *before,
		     const char *callid, const char *after, int *rpc_code,
		     struct fp_err *e)
{
	struct fp_buf params = { .data = NULL };
	int r;

	fp_buf_str_add(&params, before);
	fp_jsonrpc_string(&params, callid);
	fp_buf_str_add(&params, after);
	if (fp_buf_str(&params))
		r = fp_edge_ask(x, method, fp_buf_str(&params), NULL, NULL,
				rpc_code, e);
	else
		r = fp_err(e, -ENOMEM, "no memory");
	fp_buf_fini(&params);
	return r;
}

/* 1: it owns the dialog.  0: it is backup.  -ENOENT: it does not have it: then
 * dlg_push_var would say OK. */
static int probe(struct fp_edge *x, const char *callid, struct fp_err *e)
{
	int code, r = ask_about(x, "dlg_list", "{\"callid\":", callid, "}",
				&code, e);

	if (r == -EREMOTEIO && code == 404)
		return -ENOENT;
	if (r)
		return r;
	r = ask_about(x, "dlg_push_var",
		      "{\"dlg_val_name\":\"fp\",\"dlg_val_value\":\"1\","
		      "\"DID\":[",
		      callid, "]}", &code, e);
	if (r == -EREMOTEIO && code == 403 && strstr(e->text, "backup"))
		return 0;
	return r ? r : 1;
}

static int wrong(struct fp_err *e, const char *callid,
		 const struct fp_edge *owner, const struct fp_edge *x, int said)
{
	static const char *const words[] = { "it is backup", "it owns it" };

	return ruled(e, "owner",
		     fp_err(e, -EBUSY, "%s says of %s that %s, and %s should",
			    x->name, callid,
			    said < 0 ? "it does not have it" : words[said],
			    owner->name));
}

int fp_tag_prove(struct fp_edges *s, const char *callid, struct fp_edge *owner,
		 struct fp_err *e)
{
	int is = probe(owner, callid, e);
	bool is_there = is >= 0;

	if (is < 0 && is != -ENOENT)
		return is;
	for (size_t i = 0; i < s->n; i++) {
		struct fp_edge *x = &s->v[i];
		int r = x == owner || !x->view ? -ENOENT : probe(x, callid, e);

		if (r == -EINTR)
			return r;
		is_there |= r >= 0;
		if (r == 1)
			return wrong(e, callid, owner, x, r);
	}
	if (is == 1)
		return 0;
	if (is_there)
		return wrong(e, callid, owner, owner, is);
	return fp_err(e, -ENOENT, "no node has the dialog %s any more", callid);
}
