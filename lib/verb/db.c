/* SPDX-License-Identifier: Apache-2.0 */
#include "verb/db.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int fp_verb_db_cluster(struct fp_inventory **out, const struct fp_cli *c,
		       struct fp_err *e)
{
	int r = fp_inventory_read(out, c->cluster, e);

	if (r == -ENOENT)
		return fp_err(e, -EINVAL,
			      "no cluster file %s: which nodes are there?",
			      c->cluster);
	return r;
}

int fp_verb_db_var(const struct fp_inventory *inv, const char *key,
		   const char **out, struct fp_err *e)
{
	const struct fp_host *v, *first = NULL;
	size_t n = fp_inventory_hosts(inv, &v);
	const char *is = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *s = fp_inventory_var(&v[i], key);

		if (!s || !*s)
			continue;
		if (is && strcmp(is, s))
			return fp_err(
				e, -EINVAL,
				"%s and %s have different %s: there is one for all",
				first->name, v[i].name, key);
		is = s;
		first = &v[i];
	}
	*out = is;
	return 0;
}

int fp_verb_db_conninfo(const struct fp_inventory *inv, const char **out,
			struct fp_err *e)
{
	return fp_verb_db_var(inv, "fp_db", out, e);
}

void fp_verb_db_app(const struct fp_cli *c, char out[FP_VERB_APP])
{
	char host[FP_VERB_APP - 12] = "";

	gethostname(host, sizeof(host) - 1);
	snprintf(out, FP_VERB_APP, "%s@%s", c->tool->name, host);
}

static int open_db(struct fp_pg **out, const struct fp_cli *c,
		   const char *conninfo, bool is_locking, struct fp_err *e)
{
	char app[FP_VERB_APP];
	struct fp_pg_opts o = { .conninfo = conninfo,
				.app = app,
				.timeout_ms = c->timeout_ms,
				.is_locking = is_locking };
	struct fp_pg *p;
	int r;

	if (!conninfo)
		return fp_err(e, -ENOENT, "%s has no fp_db", c->cluster);
	fp_verb_db_app(c, app);
	r = fp_pg_open(&p, &o, e);
	if (r)
		return fp_err_prefix(e, r, "fp_db");
	r = fp_db_check(p, e);
	if (r)
		fp_pg_close(p);
	else
		*out = p;
	return r;
}

int fp_verb_db_open(struct fp_pg **out, const struct fp_cli *c,
		    const char *conninfo, struct fp_err *e)
{
	return open_db(out, c, conninfo, false, e);
}

int fp_verb_db_open_locking(struct fp_pg **out, const struct fp_cli *c,
			    const char *conninfo, struct fp_err *e)
{
	return open_db(out, c, conninfo, true, e);
}

bool fp_verb_db_is_away(int code)
{
	switch (code) {
	case -EAGAIN:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -EHOSTUNREACH:
	case -ENOENT:
	case -EROFS:
	case -ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

int fp_verb_db_fail(const struct fp_cli *c, int code, const struct fp_err *e)
{
	/* it is not root that may more there */
	if (code == -EACCES || (code == -EPERM && !e->rule[0]))
		code = -EREMOTEIO;
	if (code == -ECONNRESET)
		code = -EAGAIN;
	return fp_cli_fail(c, code, e);
}
