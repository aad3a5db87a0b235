/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health setup: the schema, and who may do what in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/priv.h"

#define ROLE_MAX 63 /* NAMEDATALEN - 1 */
#define QUOTED_MAX (2 * ROLE_MAX + 3)

/* ---- transactions */

int fp_db_begin(struct fp_pg *p, struct fp_err *e)
{
	char key[FP_DB_LOCK_KEY];
	const char *params[] = { key };
	int r = fp_pg_do(p, "begin", NULL, 0, NULL, NULL, e);

	if (r)
		return r;
	fp_db_lock_key("setup", key);
	r = fp_pg_do(p,
		     "select pg_advisory_xact_lock(" FP_DB_CLASS ", $1::int)",
		     params, 1, NULL, NULL, e);
	if (r == -ETIMEDOUT)
		fp_err_prefix(e, r, "another setup is under way");
	return r ? fp_db_finish(p, r, e) : 0;
}

int fp_db_finish(struct fp_pg *p, int r, struct fp_err *e)
{
	if (!r)
		return fp_pg_do(p, "commit", NULL, 0, NULL, NULL, e);
	if (fp_pg_is_alive(p))
		fp_pg_do(p, "rollback", NULL, 0, NULL, NULL, NULL);
	return r;
}

/* ---- version */

static int one_int(struct fp_pg *p, const char *sql, int *out, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	int r = fp_pg_do(p, sql, NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	*out = (int)fp_pg_int(rows, 0, 0);
	fp_pg_rows_free(rows);
	return 0;
}

/* From the catalogues, not by to_regclass(): that looks into caches of the
 * session, which waiting for an advisory lock does not bring up to date. */
int fp_db_version(struct fp_pg *p, int *out, struct fp_err *e)
{
	int what, version = 0;
	int r = one_int(p,
			"select count(n.oid) + count(c.oid) from pg_namespace n"
			" left join pg_class c on c.relnamespace = n.oid"
			" and c.relname = 'meta' and c.relkind = 'r'"
			" where n.nspname = 'fastpath'",
			&what, e);

	if (r)
		return r;
	if (what == 1)
		return fp_err(e, -EEXIST,
			      "there is a schema fastpath, but it is not ours: "
			      "it has no table meta");
	if (what == 2)
		r = one_int(
			p,
			"select coalesce(max(version), -1) from fastpath.meta",
			&version, e);
	if (!r && version < 0)
		return fp_err(
			e, -EEXIST,
			"fastpath.meta is empty: what version the schema has "
			"is not known.  If it is this one's, as its owner: "
			"INSERT INTO fastpath.meta (version) VALUES (%d).  "
			"Else, with all that is in it: DROP SCHEMA fastpath "
			"CASCADE, and fp-health setup",
			FP_DB_VERSION);
	if (!r)
		*out = version;
	return r;
}

int fp_db_check(struct fp_pg *p, struct fp_err *e)
{
	int version, r = fp_db_version(p, &version, e);

	if (r == -EACCES)
		return fp_err_prefix(
			e, r, "fp_db (is its role granted? fp-health setup)");
	if (r)
		return fp_err_prefix(e, r, "fp_db");
	if (!version)
		return fp_err(e, -ENOENT,
			      "fp_db has no schema yet: fp-health setup");
	if (version != FP_DB_VERSION)
		return fp_err(e, -EPERM,
			      "fp_db has version %d of the schema, this "
			      "fastpath wants %d: %s",
			      version, FP_DB_VERSION,
			      version < FP_DB_VERSION
				      ? "fp-health setup migrates it"
				      : "install the newer fastpath here");
	return 0;
}

/* ---- steps */

static int set_version(struct fp_pg *p, int version, struct fp_err *e)
{
	char text[FP_DB_INT];
	const char *params[] = { text };

	fp_db_int(text, version);
	return fp_pg_do(p,
			"insert into fastpath.meta (version) values ($1::int)"
			" on conflict (one) do update"
			" set version = excluded.version, changed = now()",
			params, 1, NULL, NULL, e);
}

static int do_step(struct fp_pg *p, const struct fp_db_step *s, bool is_within,
		   struct fp_err *e)
{
	int version, r = is_within ? 0 : fp_db_begin(p, e);

	if (r)
		return r;
	/* another setup may have been here since */
	r = fp_db_version(p, &version, e);
	if (!r && version < s->to) {
		r = fp_pg_script(p, s->sql, e);
		if (!r)
			r = set_version(p, s->to, e);
		if (r)
			fp_err_prefix(e, r, "to version %d", s->to);
	}
	return is_within ? r : fp_db_finish(p, r, e);
}

int fp_db_migrate(struct fp_pg *p, const struct fp_db_step *step, size_t n,
		  bool is_within, int *from, struct fp_err *e)
{
	int r = fp_db_version(p, from, e);

	if (!r && *from > step[n - 1].to)
		return fp_err(e, -EPERM,
			      "the schema has version %d, made by a newer "
			      "fastpath than this one, which knows %d: install "
			      "that one here",
			      *from, step[n - 1].to);
	for (size_t i = 0; i < n && !r; i++)
		if (step[i].to > *from)
			r = do_step(p, &step[i], is_within, e);
	return r;
}

/* ---- the role */

struct role {
	const char *name;
	char quoted[QUOTED_MAX];
	bool is_there, is_super, is_owner, has_connect;
};

static bool is_yes(const struct fp_pg_rows *r, size_t column)
{
	const char *s = fp_pg_value(r, 0, column);

	return s && *s == 't';
}

static int role_read(struct fp_pg *p, struct role *out, struct fp_err *e)
{
	const char *params[] = { out->name };
	struct fp_pg_rows *rows;
	int r = fp_pg_do(
		p,
		"select quote_ident($1), r.oid is not null, r.rolsuper,"
		" n.nspowner = r.oid,"
		" has_database_privilege(r.oid, current_database(), 'connect')"
		" from (select 1) one left join pg_roles r on r.rolname = $1"
		" left join pg_namespace n on n.nspname = 'fastpath'",
		params, 1, &rows, NULL, e);

	if (r)
		return r;
	fp_db_text(out->quoted, sizeof(out->quoted), rows, 0, 0);
	out->is_there = is_yes(rows, 1);
	out->is_super = is_yes(rows, 2);
	out->is_owner = is_yes(rows, 3);
	out->has_connect = is_yes(rows, 4);
	fp_pg_rows_free(rows);
	return 0;
}

static int role_check(struct role *role, struct fp_err *e)
{
	size_t n = strlen(role->name);

	if (!n || n > ROLE_MAX)
		return fp_err(e, -EINVAL,
			      "a role's name has from 1 to %d bytes", ROLE_MAX);
	if (!strncmp(role->name, "pg_", 3) || !strcmp(role->name, "public"))
		return fp_err(e, -EINVAL, "role %s: PostgreSQL's own",
			      role->name);
	return 0;
}

/* What the role may, as text; what it may no more would be left by grants
 * alone. */
#define TABLES                                                                 \
	"fastpath.maintenance, fastpath.lease, fastpath.job, fastpath.journal"

static int grant(struct fp_pg *p, const struct role *role, struct fp_err *e)
{
	const char *to = role->quoted;
	char sql[2048];

	snprintf(sql, sizeof(sql),
		 "revoke all on all tables in schema fastpath from %s;"
		 "revoke all on all sequences in schema fastpath from %s;"
		 "revoke all on schema fastpath from %s;"
		 "grant usage on schema fastpath to %s;"
		 "grant select on fastpath.meta to %s;"
		 "grant select, insert, update, delete on " TABLES " to %s;"
		 "grant usage on sequence fastpath.epoch to %s",
		 to, to, to, to, to, to, to);
	return fp_pg_script(p, sql, e);
}

static int make_role(struct fp_pg *p, const struct role *role, struct fp_err *e)
{
	char sql[256];
	int r;

	snprintf(sql, sizeof(sql), "create role %s nologin", role->quoted);
	r = fp_pg_script(p, sql, e);
	if (r == -EACCES)
		return fp_err(e, r,
			      "there is no role %s, and we may not make it: as "
			      "a superuser, CREATE ROLE %s NOLOGIN",
			      role->name, role->quoted);
	return r;
}

static int may_connect(struct fp_pg *p, const struct role *role,
		       struct fp_err *e)
{
	const char *params[] = { role->name };
	struct fp_pg_rows *rows;
	int r = fp_pg_do(p,
			 "select format('grant connect on database %I to %I',"
			 " current_database(), $1)",
			 params, 1, &rows, NULL, e);

	if (r)
		return r;
	r = fp_pg_script(p, fp_pg_value(rows, 0, 0), e);
	fp_pg_rows_free(rows);
	return r;
}

/* All rights in the schema, as one word. */
static int rights(struct fp_pg *p, char out[40], struct fp_err *e)
{
	struct fp_pg_rows *rows;
	int r = fp_pg_do(
		p,
		"select md5(string_agg(x, ',' order by x)) from ("
		" select c.relname || a::text from pg_class c, unnest(relacl) a"
		"  where relnamespace = to_regnamespace('fastpath')"
		" union all select nspname || a::text from pg_namespace,"
		"  unnest(nspacl) a where nspname = 'fastpath') t (x)",
		NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	fp_db_text(out, 40, rows, 0, 0);
	fp_pg_rows_free(rows);
	return 0;
}

/* Within a transaction. */
static int give_rights(struct fp_pg *p, struct role *role,
		       struct fp_db_made *out, struct fp_err *e)
{
	char before[40], after[40];
	int r = role_read(p, role, e);

	if (!r && role->is_super)
		r = fp_err(e, -EINVAL,
			   "role %s is a superuser: name one that is not",
			   role->name);
	if (!r && !role->is_there) {
		r = make_role(p, role, e);
		out->is_role_new = !r;
		if (!r)
			r = role_read(p, role, e);
	}
	out->is_owner = role->is_owner;
	if (r || role->is_owner) /* who may all of it already */
		return r;
	r = rights(p, before, e);
	if (!r)
		r = grant(p, role, e);
	if (!r)
		r = rights(p, after, e);
	if (!r && !role->has_connect)
		r = may_connect(p, role, e);
	if (!r)
		out->is_changed |= out->is_role_new || !role->has_connect ||
				   strcmp(before, after) != 0;
	return r;
}

static int in_one(struct fp_pg *p, bool is_dry_run, struct role *role,
		  struct fp_db_made *out, struct fp_err *e)
{
	int r = fp_db_begin(p, e);

	if (!r && is_dry_run)
		r = fp_db_migrate(p, fp_db_steps, FP_DB_VERSION, true,
				  &out->from, e);
	if (!r)
		r = give_rights(p, role, out, e);
	if (!r && is_dry_run)
		return fp_pg_do(p, "rollback", NULL, 0, NULL, NULL, e);
	return fp_db_finish(p, r, e);
}

int fp_db_setup(struct fp_pg *p, const struct fp_db_setup *o,
		struct fp_db_made *out, struct fp_err *e)
{
	struct role role = { .name = o->role ? o->role : "fastpath" };
	struct fp_db_made made = { .to = FP_DB_VERSION };
	int r = role_check(&role, e);

	if (!r && !o->is_dry_run)
		r = fp_db_migrate(p, fp_db_steps, FP_DB_VERSION, false,
				  &made.from, e);
	if (!r)
		r = in_one(p, o->is_dry_run, &role, &made, e);
	if (r == -EACCES && !strstr(e->text, "CREATE ROLE"))
		return fp_err_prefix(
			e, r,
			"setup is for who owns the database, or may CREATE in it (--admin)");
	if (r)
		return r;
	made.is_changed |= made.from != made.to;
	*out = made;
	return 0;
}
