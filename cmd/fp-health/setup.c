/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health setup: the schema of fp_db. */
#include <stddef.h>

#include "health.h"
#include "verb/db.h"

#define ROLE "fastpath"

struct setup_rec {
	uint64_t from, version;
	const char *role, *detail;
	bool is_changed;
};

static const struct fp_field setup_fields[] = {
	{ "from", offsetof(struct setup_rec, from), FP_F_U64, NULL,
	  "version of the schema before; 0: there was none" },
	{ "version", offsetof(struct setup_rec, version), FP_F_U64, NULL,
	  "version of the schema" },
	{ "role", offsetof(struct setup_rec, role), FP_F_STR, NULL,
	  "who may what the tools need" },
	{ "changed", offsetof(struct setup_rec, is_changed), FP_F_BOOL, NULL,
	  "it was otherwise before" },
	{ "detail", offsetof(struct setup_rec, detail), FP_F_STR, NULL,
	  "what is left to be done, or to be known" },
};
static const struct fp_type setup_type = { "setup", setup_fields,
					   FH_COUNT(setup_fields) };

/* --admin, or fp_db; inv owns it. */
static int conninfo(const struct fp_cli *c, struct fp_inventory **inv,
		    const char **out, struct fp_err *e)
{
	int r;

	*out = fp_cli_get(c, "admin");
	if (*out)
		return 0;
	r = fp_verb_db_cluster(inv, c, e);
	if (!r)
		r = fp_verb_db_conninfo(*inv, out, e);
	if (!r && !*out)
		return fp_err(
			e, -EINVAL,
			"%s has no fp_db: which database? (fp_db in [all:vars], or --admin)",
			c->cluster);
	return r;
}

static const char *detail(const struct fp_cli *c, const struct fp_db_made *made)
{
	if (made->is_role_new)
		return c->is_dry_run
			       ? "the role would be made"
			       : "the role is new: grant it to who logs in";
	if (made->is_owner)
		return "the role owns the schema: it may change it, too";
	return NULL;
}

static int report(struct fp_cli *c, const struct fp_db_made *made,
		  const char *role, struct fp_err *e)
{
	struct setup_rec rec = { .from = (uint64_t)made->from,
				 .version = (uint64_t)made->to,
				 .role = role,
				 .detail = detail(c, made),
				 .is_changed = made->is_changed };
	int r = fp_out_record(c->out, &setup_type, &rec, e);

	if (r)
		return r;
	if (made->is_changed && !c->is_dry_run)
		fp_log_change(NULL,
			      "setup: fp_db from version %d to %d, role %s",
			      made->from, made->to, role);
	if (made->is_role_new && !c->is_dry_run)
		fp_log(FP_LOG_NOTICE,
		       "role %s was made, NOLOGIN: GRANT it to who logs in by fp_db",
		       role);
	fp_out_summary(c->out, made->is_changed, NULL, NULL);
	return c->is_dry_run && made->is_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

static int setup(struct fp_cli *c, const char *where, struct fp_err *e)
{
	const char *role = fp_cli_get(c, "role");
	struct fp_db_setup o = { .role = role ? role : ROLE,
				 .is_dry_run = c->is_dry_run };
	char app[FP_VERB_APP];
	/* said now, not when the first lock is wanted */
	struct fp_pg_opts open = { .conninfo = where,
				   .app = app,
				   .timeout_ms = c->timeout_ms,
				   .is_locking =
					   !fp_cli_overrides(c, "pooler") };
	struct fp_db_made made;
	struct fp_pg *p = NULL;
	int r;

	fp_verb_db_app(c, app);
	r = fp_pg_open(&p, &open, e);
	if (!r)
		r = fp_db_setup(p, &o, &made, e);
	fp_pg_close(p);
	return r ? r : report(c, &made, o.role, e);
}

int fh_setup(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fp_inventory *inv = NULL;
	const char *where;
	int r;

	if (c->argc)
		return fp_cli_usage(c, "setup takes no \"%s\"", c->argv[0]);
	r = fp_out_check(c->out, &setup_type, &e);
	if (!r)
		r = conninfo(c, &inv, &where, &e);
	if (!r)
		r = setup(c, where, &e);
	fp_inventory_free(inv);
	return r < 0 ? fp_verb_db_fail(c, r, &e) : r;
}
