/* SPDX-License-Identifier: Apache-2.0 */
/* list --from-db: calls of a copy of a node's own SQLite file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "list.h"
#include "peer/coredb.h"

#define ROWS_MAX 100000

struct reading {
	struct fv_listing *l;
	struct fp_leg *leg;
	size_t n, room;
	struct fp_err *e;
};

/* A copy of all its texts, of which run is the first. */
static int copy(struct fp_leg *to, const struct fp_coredb_row *row)
{
	const char *const from[] = { row->run, row->technology, row->profile,
				     row->hostname, row->uuid };
	const char **const at[] = { &to->run, &to->technology,
				    &to->profile_name, &to->hostname,
				    &to->uuid };
	size_t n = row->xml_len + 1;
	char *p;

	for (size_t i = 0; i < FV_COUNT(from); i++)
		n += strlen(from[i]) + 1;
	p = malloc(n);
	if (!p)
		return -ENOMEM;
	*to = (struct fp_leg){ .xml_len = row->xml_len };
	for (size_t i = 0; i < FV_COUNT(from); i++) {
		*at[i] = p;
		p = stpcpy(p, from[i]) + 1;
	}
	to->xml = memcpy(p, row->xml, row->xml_len);
	p[row->xml_len] = 0;
	return 0;
}

static int keep(void *ctx, const struct fp_coredb_row *row)
{
	struct reading *x = ctx;

	if (!fv_list_wants(x->l, row->run))
		return 0;
	if (x->n == ROWS_MAX)
		return fp_err(x->e, -E2BIG, "more than %d rows", ROWS_MAX);
	if (x->n == x->room) {
		size_t room = x->room ? 2 * x->room : 64;
		struct fp_leg *more = reallocarray(x->leg, room, sizeof(*more));

		if (!more)
			return fp_err(x->e, -ENOMEM, "out of memory");
		x->leg = more;
		x->room = room;
	}
	if (copy(&x->leg[x->n], row))
		return fp_err(x->e, -ENOMEM, "out of memory");
	x->n++;
	return 0;
}

/* By host, then by whether the run lives: what is listed together. */
static bool is_live(const struct fp_switch *x, const struct fp_leg *leg)
{
	return x && fp_switches_by_run(x->all, leg->run);
}

static bool is_asked(const struct fv_listing *l, const struct fp_switch *x)
{
	for (size_t i = 0; i < l->n_nodes; i++)
		if (l->node[i] == x)
			return true;
	return !l->v->c->argc && !l->v->c->n_nodes;
}

/* Legs of the host of leg[0] and of its kind of run come first: how many. */
static size_t sort_out(const struct fp_switch *x, struct fp_leg *leg, size_t n)
{
	bool live = is_live(x, leg);
	size_t k = 1;

	for (size_t i = 1; i < n; i++) {
		struct fp_leg t = leg[i];

		if (strcmp(t.hostname, leg->hostname) != 0 ||
		    is_live(x, &t) != live)
			continue;
		leg[i] = leg[k];
		leg[k++] = t;
	}
	return k;
}

static int list_all(struct reading *x)
{
	int r = 0;

	for (size_t i = 0, k; i < x->n && !r; i += k) {
		const struct fp_switch *node =
			fp_switches_by_switchname(&x->l->v->switches,
						  x->leg[i].hostname);

		k = sort_out(node, x->leg + i, x->n - i);
		if (is_asked(x->l, node))
			r = fv_list_legs(x->l, node, x->leg + i, k, x->e);
		else
			fp_log(FP_LOG_NOTICE,
			       "%zu rows of the file are of %s: not asked for",
			       k, x->leg[i].hostname);
	}
	return r;
}

int fv_list_file(struct fv_listing *l, const char *file, struct fp_err *e)
{
	struct reading x = { .l = l, .e = e };
	struct fp_coredb *db = NULL;
	uint64_t n_lost = 0;
	char dir[512];
	int r;

	snprintf(dir, sizeof(dir), "%s/recover-coredb.%d", l->v->c->state_dir,
		 (int)getpid());
	r = fp_coredb_open(&db, file, dir, e);
	if (r)
		return r;
	r = fp_coredb_rows(db, keep, &x, e);
	if (!r && fp_coredb_is_torn(db, &n_lost))
		fp_log(FP_LOG_WARN,
		       "%s is torn: read row by row, %llu rows are lost", file,
		       (unsigned long long)n_lost);
	if (!r)
		r = list_all(&x);
	fp_coredb_close(db);
	for (size_t i = 0; i < x.n; i++) {
		/* keys of SRTP are in it */
		explicit_bzero((char *)x.leg[i].xml, x.leg[i].xml_len);
		free((char *)x.leg[i].run);
	}
	free(x.leg);
	return r;
}
