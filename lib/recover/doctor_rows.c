/* SPDX-License-Identifier: Apache-2.0 */
/* The table recovery, beside what runs.  Source: facts of FreeSWITCH 1.10.12, F1, H1,
 * H19. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/doctor_priv.h"

struct rows {
	struct fp_store_run *v;
	size_t n;
};

/* Rows of the run that lives. */
static int64_t rows_of(const struct rows *r, const struct fp_switch *x)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].hostname, x->switchname) &&
		    !strcmp(r->v[i].run, x->view.run))
			return r->v[i].rows;
	return 0;
}

/* Legs that ring, or are not of sofia, have none; a table that lacks more than half of
 * them is not one of tracked calls. */
static void tracked(struct recover_pf *f, const struct fp_switch *x,
		    const struct rows *r)
{
	int64_t rows = rows_of(r, x), n = x->view.sessions;
	char value[80];

	snprintf(value, sizeof(value), "%lld rows, %lld sessions",
		 (long long)rows, (long long)n);
	if (n > 1 && rows * 2 < n)
		recover_pf_say(f, x->name, "rows", FP_COND_WARN, "", value,
			       rows ? "some calls have no row: those ring, or "
				      "are of profiles without track-calls"
				    : "no call has a row: track-calls is off, "
				      "or fp_recovery_db is not its database");
	else
		recover_pf_say(f, x->name, "rows", FP_COND_OK, "", value, "%s",
			       "");
}

/* Hosts in the table; *unknown: one that no node is called. */
static size_t hosts(const struct recover_pf *f, const struct rows *r,
		    const char **unknown)
{
	size_t n = 0;

	*unknown = NULL;
	for (size_t i = 0; i < r->n; i++) {
		const char *name = r->v[i].hostname;
		bool is_new = true;

		for (size_t k = 0; k < i; k++)
			is_new &= strcmp(r->v[k].hostname, name) != 0;
		n += is_new;
		if (!fp_switches_by_switchname(f->p->switches, name))
			*unknown = name;
	}
	return n;
}

static void table(struct recover_pf *f, const struct rows *r, bool is_plain)
{
	const char *node = f->p->from ? f->p->from->name : "store";
	const char *unknown;
	size_t n = hosts(f, r, &unknown);
	char value[80];

	snprintf(value, sizeof(value), "%zu %s", n, n == 1 ? "host" : "hosts");
	if (n > 1)
		recover_pf_say(f, node, "table",
			       is_plain ? FP_COND_WARN : FP_COND_OK, "", value,
			       "a plain recover on any of them takes the live "
			       "calls of the others%s",
			       is_plain ? ", and something here runs one"
					: ": never type one (fp-recover uses "
					  "tokens)");
	else
		recover_pf_say(f, node, "table", FP_COND_OK, "", value, "%s",
			       "");
	if (unknown)
		recover_pf_say(f, node, "hostname", FP_COND_WARN, "", unknown,
			       "rows of a host that no node of the cluster "
			       "file is (fp_switchname)");
}

int doctor_rows(struct recover_pf *f, bool is_plain, struct fp_err *e)
{
	const struct fp_recover_check *p = f->p;
	struct rows r = { .n = 0 };
	int code = fp_store_runs(p->store, &r.v, &r.n, e);

	if (code)
		return code;
	if (p->from && !p->from->code)
		tracked(f, p->from, &r);
	table(f, &r, is_plain);
	free(r.v);
	return 0;
}
