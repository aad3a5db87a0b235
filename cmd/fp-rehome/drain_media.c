/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome drain-media: the calls of an rtpengine are anchored elsewhere. */
#include <string.h>

#include "rehome.h"
#include "rehome/media_drain.h"

static int find(const struct fr_env *v, const struct fp_media *m,
		const char *name, struct fp_engine_node **out, struct fp_err *e)
{
	const struct fp_host *h;
	size_t n = fp_inventory_hosts(v->nodes.inv, &h);

	*out = fp_media_find(m, name);
	if (*out)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(h[i].name, name))
			return fp_err(e, -EINVAL,
				      "%s: no rtpengine: it has no fp_ng in %s",
				      name, v->c->cluster);
	return fp_err(e, -EINVAL, "%s: no such node in %s", name,
		      v->c->cluster);
}

static int engines(const struct fr_env *v, const struct fp_media *m,
		   struct fp_media_drain_opts *o, struct fp_err *e)
{
	const char *to = fp_cli_get(v->c, "to");
	int r = find(v, m, v->c->argv[0], &o->old, e);

	if (!r && to && strcmp(to, "auto")) {
		r = find(v, m, to, &o->to, e);
		if (r)
			return fp_err_prefix(e, r, "--to");
	}
	if (!r && o->to == o->old)
		r = fp_err(e, -EINVAL, "--to %s: it is the one to drain", to);
	return r;
}

static void say_left(const struct fr_env *v, const char *name,
		     const struct fp_media_drain_sum *s)
{
	if (s->n_before)
		fp_log(FP_LOG_NOTICE,
		       "%zu calls whose dialogs name %s are anchored elsewhere "
		       "already",
		       s->n_before, name);
	if (s->s.n_early)
		fp_log(FP_LOG_NOTICE, "%zu calls are being set up there",
		       s->s.n_early);
	if (s->n_orphans)
		fp_log(FP_LOG_NOTICE,
		       "%zu calls are of tags that no node owns: left alone",
		       s->n_orphans);
	if (v->c->is_dry_run)
		fp_log(FP_LOG_NOTICE, "%s has %zu calls", name, s->n_anchored);
	else if (s->n_left)
		fp_log(FP_LOG_NOTICE, "%s may have %zu calls still", name,
		       s->n_left);
	else
		fp_log(FP_LOG_NOTICE, "%s is empty, and gets no new calls",
		       name);
}

static int end(struct fr_env *v, int code, const struct fp_media_drain_sum *s,
	       const struct fp_err *e)
{
	int status;

	if (!code)
		say_left(v, v->c->argv[0], s);
	status = fr_end(v, code, &s->s, e);
	if (status || code)
		return status;
	if (v->c->is_dry_run)
		return s->s.is_changed ? FP_EXIT_NO : FP_EXIT_OK;
	return s->n_left ? FP_EXIT_PARTIAL : FP_EXIT_OK;
}

static int drain(struct fr_env *v, struct fp_media *m,
		 struct fp_media_drain_sum *sum, struct fp_err *e)
{
	struct fp_media_drain_opts o = { .media = m };
	const struct fp_media_opts mo = { .loop = v->nodes.loop,
					  .work = v->nodes.work,
					  .resolver = v->nodes.resolver,
					  .timeout_ms = v->c->timeout_ms };
	int r = fp_media_init(m, &mo, v->nodes.inv, e);

	fr_campaign(v, FP_MOVE_MEDIA, &o.c);
	o.c.is_dry_run = v->c->is_dry_run;
	o.c.why = fp_cli_get(v->c, "why");
	if (!r)
		r = engines(v, m, &o, e);
	if (!r && v->body == FP_BODY_OUTBOUND)
		r = fp_refuse(e, "body",
			      "outbound keeps calls where they are anchored, "
			      "or makes a loop: drain-media is by inbound");
	return r ? r : fp_media_drain(&o, sum, e);
}

int fr_drain_media(struct fp_cli *c)
{
	struct fp_media_drain_sum sum = { .n_left = 0 };
	struct fp_media m = { .n = 0 };
	struct fp_err e = { .text = "" };
	struct fr_env v;
	int r, status;

	if (c->argc != 1)
		return fp_cli_usage(c, "drain-media wants one rtpengine");
	r = fr_open(&v, c, &e);
	if (r)
		return fr_fail(&v, r, &e);
	r = fr_prints(&v, FR_CALL, &e);
	if (!r)
		r = fp_loop_signals(v.nodes.loop, NULL, NULL, &e);
	if (!r)
		r = drain(&v, &m, &sum, &e);
	status = end(&v, r, &sum, &e);
	fp_media_fini(&m);
	fr_close(&v);
	return status;
}
