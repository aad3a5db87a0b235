/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync rollback: a list as it was before, here and on all nodes. */
#include <stdlib.h>
#include <string.h>

#include "push.h"

struct rollback {
	struct fs_site site;
	struct fp_plan plan;
	const char *name;
	struct fp_version version; /* to go back to */
};

/* The digest of the file as it is; "" without one. */
static int digest_now(struct rollback *x, char out[65], struct fp_err *e)
{
	struct fp_source *s;
	int r = fs_our_lists(x->site.c, &x->name, 1, &s, e);

	if (r)
		return r;
	out[0] = 0;
	if (fp_source_offers(s)->n)
		strcpy(out, fp_source_offers(s)->v[0].digest);
	fp_source_free(s);
	return 0;
}

static int choose(struct rollback *x, struct fp_err *e)
{
	const char *to = fp_cli_get(x->site.c, "to");
	char now[65];
	int r = digest_now(x, now, e);

	if (!r)
		r = fp_history_before(x->plan.history, x->name, now, to,
				      &x->version, e);
	if (!r)
		fp_log(FP_LOG_NOTICE, "list %s: back to %.12s, %llu entries",
		       x->name, x->version.digest,
		       (unsigned long long)x->version.entries);
	return r;
}

static int write_back(struct rollback *x, struct fp_err *e)
{
	struct fp_entries v;
	struct fp_text text;
	enum fp_kind kind;
	int r = fp_history_read(x->plan.history, x->version.digest, &v, &text,
				&kind, e);

	if (r)
		return r;
	if (!x->site.c->is_dry_run)
		r = fp_source_write(fs_lists_dir(x->site.c), x->name, kind, v.v,
				    v.n, e);
	if (!r && !x->site.c->is_dry_run)
		fp_log_change(x->plan.why, "rollback: list %s to %.12s",
			      x->name, x->version.digest);
	fp_entries_fini(&v);
	fp_text_fini(&text);
	return r;
}

static int push(struct rollback *x, struct fp_err *e)
{
	int r;

	if (x->site.c->is_dry_run) { /* what is not written is not pushed */
		fp_out_counts(x->site.c->out, true, NULL, NULL);
		return FP_EXIT_NO;
	}
	x->plan.push.names = &x->name;
	x->plan.push.n_names = 1;
	r = fs_read_source(x->site.c, &x->plan, e);
	if (!r)
		r = fp_plan_begin(&x->plan, e);
	return r ? r : fs_push_all(&x->site, &x->plan, e);
}

int fs_rollback(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct rollback x = { .site.c = c };
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "rollback needs one list's name");
	x.name = c->argv[0];
	r = fp_out_check(c->out, &fs_push_type, &e);
	if (!r)
		r = fp_list_name_check(x.name, &e);
	if (!r)
		r = fs_site_open(&x.site, c, NULL, 0, &e);
	if (!r)
		r = fs_plan(&x.site, &x.plan, &e);
	if (!r)
		r = fp_history_open(&x.plan.history, c->state_dir, &e);
	if (!r)
		r = fp_copy_open(&x.plan.copy, c->state_dir, &e);
	if (!r)
		r = choose(&x, &e);
	if (!r)
		r = write_back(&x, &e);
	if (!r)
		r = push(&x, &e);
	if (r < 0)
		r = fp_cli_fail(c, r, &e);
	fp_plan_fini(&x.plan);
	fs_site_close(&x.site);
	return r;
}
