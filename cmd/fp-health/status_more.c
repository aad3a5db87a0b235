/* SPDX-License-Identifier: Apache-2.0 */
/* What status shows beside the round: fences, leases, jobs. */
#include <stdlib.h>
#include <string.h>

#include "control/source.h"
#include "health.h"
#include "verb/db.h"
#include "io/clock.h"
#include "status.h"

#define FENCES_MAX 10000
#define DB_MS 3000

/* ---- fences */

struct looking {
	const struct fp_prefix *p;
	const struct fp_host *found;
};

static int look(void *ctx, const struct fp_host *h, const struct fp_prefix *p)
{
	struct looking *l = ctx;

	if (!fp_prefix_contains(l->p, p))
		return 0;
	l->found = h;
	return 1;
}

static const struct fp_host *whose(const struct fh_status *s,
				   const struct fp_prefix *p)
{
	struct looking l = { .p = p };

	for (size_t i = 0; i < s->ask.n_hosts && !l.found; i++)
		fp_inventory_addresses(s->ask.hosts[i], look, &l);
	return l.found;
}

static void add_fence(struct fh_status *s, const char *list,
		      const struct fp_entry *x)
{
	struct fh_fence *v =
		reallocarray(s->fence, s->n_fences + 1, sizeof(*v));

	if (!v)
		return;
	s->fence = v;
	v += s->n_fences++;
	*v = (struct fh_fence){ .host = whose(s, &x->p),
				.until_s = x->until_s };
	snprintf(v->list, sizeof(v->list), "%s", list);
	fp_prefix_print(&x->p, v->prefix);
	if (!fp_entry_get(x, "why", v->why, sizeof(v->why)))
		v->why[0] = 0;
	if (!fp_entry_get(x, "by", v->by, sizeof(v->by)))
		v->by[0] = 0;
}

void fh_status_fences(struct fh_status *s)
{
	const struct fp_source_opts o = { .dir = s->ask.opts.lists_dir,
					  .is_gone_ok = true,
					  .is_empty_ok = true,
					  .now_s = fp_clock_unix_s() };
	struct fp_err e = { .text = "" };
	const struct fp_offers *offers;
	struct fp_source *source;

	if (fp_source_read(&source, &o, NULL, &e)) {
		fp_log(FP_LOG_WARN, "fences are not known: %s", e.text);
		return;
	}
	offers = fp_source_offers(source);
	for (size_t i = 0; i < offers->n; i++) {
		const struct fp_offer *f = &offers->v[i];

		for (size_t j = 0; f->kind == FP_KIND_FENCE && j < f->n &&
				   s->n_fences < FENCES_MAX;
		     j++)
			add_fence(s, f->name, &f->v[j]);
	}
	fp_source_free(source);
}

/* ---- fp_db */

void fh_status_db(struct fh_status *s)
{
	struct fp_cli c = *s->ask.c;
	struct fp_err e = { .text = "" };
	struct fp_pg *pg = NULL;
	int64_t now_s;
	int r;

	if (!s->ask.conninfo) {
		fp_log(FP_LOG_NOTICE,
		       "%s has no fp_db: leases and jobs are not known",
		       c.cluster);
		return;
	}
	if (s->ask.is_db_away) /* it was said of the marks */
		return;
	c.timeout_ms = c.timeout_ms < DB_MS ? c.timeout_ms : DB_MS;
	r = fp_verb_db_open(&pg, &c, s->ask.conninfo, &e);
	if (!r)
		r = fp_db_leases(pg, &s->lease, &s->n_leases, &now_s, &e);
	if (!r)
		r = fp_db_jobs(pg, &s->job, &s->n_jobs, &e);
	if (r)
		fp_log(FP_LOG_WARN, "leases and jobs are not known: %s",
		       e.text);
	fp_pg_close(pg);
}

void fh_status_fini(struct fh_status *s)
{
	free(s->fence);
	free(s->lease);
	free(s->job);
}
