/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of a campaign: given, proven, watched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "rehome/campaign_priv.h"
#include "rehome/tags.h"

/* How long two nodes may both say active: a link that comes Up needs 1-3 s, and
 * its peers' words as long.  Source: facts/opensips-3nodes.md 1. */
#define GIVE_MS 5000
/* Dialogs may end while they are used as a proof. */
#define PROOFS 3

bool fp_campaign_gives(const struct fp_campaign *c, size_t i)
{
	return c->o.kind != FP_MOVE_TAKE && c->move[i].from != c->move[i].to;
}

struct fp_edge *fp_campaign_owner(const struct fp_campaign *c, size_t i)
{
	return c->o.kind == FP_MOVE_TAKE ? c->move[i].from : c->move[i].to;
}

/* ---- the journal's word */

static int note(struct fp_campaign *c, size_t i, const char *state,
		const char *detail, struct fp_err *e)
{
	const struct fp_tag_move *m = &c->move[i];
	struct fp_buf json = { .data = NULL };
	char item[80];
	int r;

	snprintf(item, sizeof(item), "tag:%s", m->tag);
	fp_buf_str_add(&json, "{\"to\":");
	fp_json_str_add(&json, m->to->name);
	if (m->from) {
		fp_buf_str_add(&json, ",\"from\":");
		fp_json_str_add(&json, m->from->name);
	}
	fp_buf_str_add(&json, "}");
	r = fp_buf_str(&json) ? fp_journal_add(c->journal, item, state,
					       fp_buf_str(&json), e)
			      : fp_err(e, -ENOMEM, "out of memory");
	fp_buf_fini(&json);
	if (!r && c->o.tag)
		c->o.tag(c->o.ctx, m, state, detail);
	return r;
}

/* ---- given */

/* Call-ids of a tag that are up at its owner.  0: *out, free(3). */
static int ids_of(const struct fp_campaign *c, size_t i, const char ***out,
		  size_t *n, struct fp_err *e)
{
	const struct fp_tag_move *m = &c->move[i];
	const char *tag = m->tag;
	struct fp_select q = { .tags = &tag, .n_tags = 1 };
	const struct fp_dialog **v;
	const char **ids;

	if (c->o.kind == FP_MOVE_TAKE) {
		q.callids = c->o.select.callids;
		q.n_callids = c->o.select.n_callids;
	}
	if (fp_select(&q, m->from->dialogs, c->at_s, &v, n, NULL))
		return fp_err(e, -ENOMEM, "out of memory");
	ids = calloc(*n + 1, sizeof(*ids));
	for (size_t k = 0; ids && k < *n; k++)
		ids[k] = v[k]->callid;
	free(v);
	*out = ids;
	return ids ? 0 : fp_err(e, -ENOMEM, "out of memory");
}

/* Peers keep the SDP of a call's set-up: what its endpoints agreed on since only
 * the owner knows.  Source: facts/opensips-3nodes.md 0.3. */
static int refresh(struct fp_campaign *c, size_t i, struct fp_err *e)
{
	struct fp_tag_move *m = &c->move[i];
	const char **ids;
	size_t n, n_done = 0;
	int r;

	if (!m->from || m->from == m->to || !m->from->view)
		return 0;
	r = fp_campaign_list(c, &m->from, 1, e);
	if (!r)
		r = ids_of(c, i, &ids, &n, e);
	if (r)
		return r;
	if (n)
		r = fp_tag_refresh(m->from, ids, n, c->o.moving.mover.rate,
				   &n_done, e);
	free(ids);
	c->out->n_refreshed += n_done;
	return r ? fp_err_prefix(e, r, "tag %s: its SDP is not refreshed",
				 m->tag)
		 : 0;
}

static int64_t mend_ms(const struct fp_campaign *c)
{
	return c->o.edges->o.timeout_ms;
}

/* What another one alone has by now is taken from it when rule active is lifted. */
static int give_from(const struct fp_campaign *c, size_t i,
		     const struct fp_edge *from, int64_t wait_ms,
		     bool *is_changed, struct fp_err *e)
{
	const struct fp_tag_move *m = &c->move[i];
	struct fp_edge *is = NULL;
	int r = fp_tag_give(c->o.edges, m->tag, from, m->to, wait_ms,
			    is_changed, e);

	if (!r || strcmp(e->rule, "active"))
		return r;
	r = fp_campaign_refused(c, r, e);
	if (r)
		return r;
	fp_edges_owner(c->o.edges, m->tag, &is, NULL);
	return fp_tag_give(c->o.edges, m->tag, is, m->to, wait_ms, is_changed,
			   e);
}

static int give(struct fp_campaign *c, size_t i, struct fp_err *e)
{
	struct fp_tag_move *m = &c->move[i];
	bool is_changed = false;
	int r = give_from(c, i, m->from, GIVE_MS, &is_changed, e);

	/* split: the link may have been coming Up */
	if (r == -EBUSY && !strcmp(e->rule, "split") && !c->is_mended) {
		c->is_mended = true;
		fp_campaign_say(c, "%s: once more", e->text);
		r = give_from(c, i, m->from, mend_ms(c), &is_changed, e);
	}
	if (r)
		r = fp_campaign_refused(c, r, e);
	if (r)
		return r;
	c->out->n_given += is_changed;
	c->out->is_changed |= is_changed;
	return note(c, i, "given", is_changed ? "" : "it was so before", e);
}

int fp_campaign_is_same(const struct fp_campaign *c, size_t i, struct fp_err *e)
{
	const struct fp_edge *to = c->move[i].to;

	if (to->n_starts == c->state[i].n_starts)
		return 0;
	return fp_err(e, -ESTALE,
		      "%s was restarted meanwhile: it has none of the dialogs "
		      "that it had",
		      to->name);
}

int fp_campaign_give(struct fp_campaign *c, size_t i, struct fp_err *e)
{
	int r = fp_campaign_is_same(c, i, e);

	if (r)
		return r;
	if (fp_campaign_gives(c, i) || c->o.kind == FP_MOVE_TAKE)
		r = refresh(c, i, e);
	if (!r)
		r = fp_campaign_flush(c, e);
	if (!r && fp_campaign_gives(c, i))
		r = give(c, i, e);
	if (!r)
		c->state[i].is_given = true;
	return r;
}

/* ---- proven */

static int prove_by(struct fp_campaign *c, size_t i, const struct fp_dialog *d,
		    struct fp_err *e)
{
	int r = fp_tag_prove(c->o.edges, d->callid, c->move[i].to, e);

	if (r == -ENOENT)
		return r;
	if (r)
		return fp_campaign_refused(c, r, e);
	c->state[i].is_proven = true;
	return note(c, i, "proven", "", e);
}

int fp_campaign_prove(struct fp_campaign *c, size_t i, struct fp_err *e)
{
	const struct fp_dialogs *s = c->move[i].to->dialogs;
	size_t n_tried = 0;
	int r = -ENOENT;

	if (!fp_campaign_gives(c, i) || c->state[i].is_proven)
		return 0;
	for (size_t k = 0; k < fp_dialogs_n(s) && n_tried < PROOFS; k++) {
		const struct fp_dialog *d = fp_dialogs_at(s, k);

		if (!fp_dialog_is_up(d) || strcmp(d->tag, c->move[i].tag))
			continue;
		n_tried++;
		r = prove_by(c, i, d, e);
		if (r != -ENOENT)
			return r;
	}
	return 0; /* no dialog, no proof */
}

int fp_campaign_moved(struct fp_campaign *c, size_t i, struct fp_err *e)
{
	bool is_kept = c->o.kind == FP_MOVE_TAKE;

	c->state[i].is_moved = true;
	return note(c, i, is_kept ? "kept" : "moved", "", e);
}

/* ---- watched */

/* 0; -EBUSY: two say so, or nobody; -EPERM: it is somebody else's. */
static int check_tag(struct fp_campaign *c, size_t i, struct fp_err *e)
{
	struct fp_edge *is = NULL, *other = NULL;
	struct fp_edge *want = fp_campaign_owner(c, i);
	const char *tag = c->move[i].tag;
	int r = fp_edges_owner(c->o.edges, tag, &is, &other);

	if (r == -EBUSY) {
		c->is_split = true;
		fp_refuse(e, "split", "tag %s: both %s and %s say active", tag,
			  is->name, other->name);
		return -EBUSY;
	}
	if (is == want || fp_edge_tag(want, tag) == -EAGAIN)
		return 0; /* one that is silent is the run's to judge */
	/* A node that started with it active: each of two stepped down.
	 * Source: facts/opensips-3nodes.md 0.2. */
	if (!is && !r) {
		c->is_split = true;
		fp_refuse(e, "split", "tag %s: nobody says active any more",
			  tag);
		return -EBUSY;
	}
	return fp_refuse(e, "active",
			 "tag %s is not %s's any more: %s has it active", tag,
			 want->name, is ? is->name : "nobody");
}

int fp_campaign_check(void *campaign, struct fp_err *e)
{
	struct fp_campaign *c = campaign;
	int r = 0;

	for (size_t i = 0; i < c->n_moves && !r; i++)
		r = fp_campaign_is_same(c, i, e);
	for (size_t i = 0; i < c->n_moves && !r; i++)
		if (c->state[i].is_given && fp_campaign_owner(c, i))
			r = check_tag(c, i, e);
	if (r && !c->is_split)
		r = fp_campaign_refused(c, r, e);
	if (!r && c->o.kind == FP_MOVE_FAILOVER && c->from && c->from->view &&
	    !c->is_back_said) {
		c->is_back_said = true;
		fp_campaign_say(c,
				"%s answers again, and owns none of these "
				"tags: it goes on",
				c->from->name);
	}
	c->check_code = r;
	if (r && e)
		c->check_err = *e;
	return r;
}

int fp_campaign_mend(struct fp_campaign *c, struct fp_err *e)
{
	bool is_changed;
	int r = 0;

	if (c->is_mended)
		return fp_campaign_refused(c, -EBUSY, e);
	c->is_mended = true;
	fp_campaign_say(c, "%s: it is given once more", e->text);
	for (size_t i = 0; i < c->n_moves && !r; i++)
		if (c->state[i].is_given && fp_campaign_gives(c, i))
			r = give_from(c, i, NULL, mend_ms(c), &is_changed, e);
	c->is_split = false;
	return r ? fp_campaign_refused(c, r, e) : 0;
}
