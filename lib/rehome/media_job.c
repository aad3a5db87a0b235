/* SPDX-License-Identifier: Apache-2.0 */
/* The job of a drain of an engine, as its journal keeps it. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/moveplan.h"
#include "io/clock.h"
#include "rehome/media_priv.h"

#define PLAN_CALLS 1000 /* beyond, a plan names the engine's address alone */

/* Of the first calls: no more may be resumed than may be moved by now. */
static int plan(const struct media_drain *d, size_t n, struct fp_buf *to,
		struct fp_err *e)
{
	const struct fp_campaign_opts *o = &d->o->c;
	struct fp_moveplan_tag *tags = calloc(d->n_moves + 1, sizeof(*tags));
	const char **calls = calloc(d->n + 1, sizeof(*calls));
	struct fp_moveplan p = {
		.verb = o->verb,
		.kind = "media",
		.from = "",
		.why = o->why,
		.by = o->by,
		.body = fp_body_name(FP_BODY_INBOUND),
		.verify = "none",
		.tag = tags,
		.n_tags = d->n_moves,
		.callids = calls,
		.n_callids = n <= PLAN_CALLS ? n : 0,
		.media = d->o->old->media[0],
		.at_s = fp_clock_unix_s(),
		.window = o->moving.mover.window,
		.retries = o->moving.mover.retries,
		.silent_retries = o->moving.mover.silent_retries,
		.call_timeout_ms = o->moving.call_timeout_ms,
		.rate = o->moving.mover.rate,
	};

	for (size_t i = 0; tags && i < d->n_moves; i++)
		tags[i] = (struct fp_moveplan_tag){
			.tag = d->move[i].tag,
			.from = d->move[i].to->name,
			.to = d->move[i].to->name,
			.calls = (int64_t)d->move[i].calls,
		};
	for (size_t i = 0; calls && i < p.n_callids; i++)
		calls[i] = d->v[i].call.callid;
	/* of several addresses call-ids alone tell */
	if (p.n_callids)
		p.media = NULL;
	if (tags && calls)
		fp_moveplan_write(to, &p);
	free(tags);
	free(calls);
	return tags && calls && fp_buf_str(to)
		       ? 0
		       : fp_err(e, -ENOMEM, "out of memory");
}

/* Those of the tags, which campaigns hold too, and one of the engine. */
static const char **locks(const struct media_drain *d)
{
	const size_t each = sizeof("rehome media:") + 256;
	size_t head = (d->n_moves + 1) * sizeof(char *);
	const char **v = malloc(head + (d->n_moves + 1) * each);
	char *text;

	if (!v)
		return NULL;
	text = (char *)v + head;
	for (size_t i = 0; i < d->n_moves; i++, text += each) {
		snprintf(text, each, "rehome tag:%s", d->move[i].tag);
		v[i] = text;
	}
	snprintf(text, each, "rehome media:%s", d->o->old->name);
	v[d->n_moves] = text;
	return v;
}

int media_begin(struct media_drain *d, struct fp_err *e)
{
	const struct fp_campaign_opts *o = &d->o->c;
	struct fp_job_head h = { .tool = "fp-rehome" };
	struct fp_buf text = { 0 };
	const char **names = locks(d);
	int r = names ? plan(d, d->n > 0, &text, e)
		      : fp_err(e, -ENOMEM, "out of memory");

	if (!r) {
		snprintf(h.verb, sizeof(h.verb), "%s", o->verb);
		snprintf(h.node, sizeof(h.node), "%s", d->o->old->name);
		snprintf(h.by, sizeof(h.by), "%s", o->by);
		snprintf(h.owner, sizeof(h.owner), "%s", o->journal.owner);
		h.plan = (char *)fp_buf_str(&text);
		r = fp_journal_begin(&d->journal, &o->journal, &h, names,
				     d->n_moves + 1, e);
	}
	if (!r)
		snprintf(d->out->s.job, sizeof(d->out->s.job), "%s", h.id);
	/* one who holds it: later; no lock to be had: refused */
	if (r && r != -EBUSY && r != -EINTR && e->rule[0])
		r = -EPERM;
	fp_buf_fini(&text);
	free(names);
	if (!r && o->begun)
		r = o->begun(o->ctx, d->out->s.job, e);
	return r;
}

int media_plan_all(struct media_drain *d, struct fp_err *e)
{
	struct fp_buf text = { 0 };
	int r = plan(d, d->n, &text, e);

	if (!r)
		r = fp_journal_plan(d->journal, fp_buf_str(&text), e);
	fp_buf_fini(&text);
	return r;
}
