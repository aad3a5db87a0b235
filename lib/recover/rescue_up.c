/* SPDX-License-Identifier: Apache-2.0 */
/* --from-db: legs of the file that came up since, by this tool or another: the file has
 * them for ever. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/rescue_priv.h"

/* ---- what databases know */

static bool is_asked(const struct fp_switch *x)
{
	return x->db && !x->code;
}

static bool was_asked(const struct fp_rescue_job *j, size_t i)
{
	const struct fp_switches *s = j->o.switches;

	for (size_t k = 0; k < i; k++)
		if (is_asked(&s->v[k]) && j->r.stores[k] == j->r.stores[i])
			return true;
	return false;
}

static int ask_store(struct fp_rescue_job *j, size_t i, bool *is_known,
		     struct fp_err *e)
{
	struct fp_switch *x = &j->o.switches->v[i];
	struct fp_err why = { .text = "" };
	struct fp_store *s = NULL;
	int r = fp_rescue_store(j, x, &s, &why);

	if (!r && !was_asked(j, i))
		r = fp_store_known(s, j->file_row, j->n_file, is_known, &why);
	if (!r)
		return 0;
	if (r == -ENOMEM || r == -EINTR || s == j->r.store)
		return fp_err(e, r, "%s", why.text);
	fp_rescue_say(j, "what %s has of %s is not known: %s", x->name,
		      j->o.from_db, why.text);
	return 0;
}

static int ask_stores(struct fp_rescue_job *j, bool *is_known, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < j->o.switches->n && !r; i++)
		if (is_asked(&j->o.switches->v[i]))
			r = ask_store(j, i, is_known, e);
	return r;
}

/* ---- what FreeSWITCHes have: each row is asked of all at once */

struct asking {
	struct fp_loop *loop;
	const struct fp_switch *at; /* that has it */
	size_t n_open;
	bool is_done;
};
struct question {
	struct asking *a;
	const struct fp_switch *x;
	bool is_silent; /* not asked again */
};

static void on_said(void *ctx, int code, const char *body,
		    const struct fp_err *e)
{
	struct question *q = ctx;

	(void)e;
	if (code)
		q->is_silent = code != -EREMOTEIO;
	else if (!strncmp(body, "true", 4))
		q->a->at = q->x;
	if (--q->a->n_open)
		return;
	q->a->is_done = true;
	fp_loop_stop(q->a->loop);
}

static int ask_all(struct fp_rescue_job *j, struct question *q,
		   const char *uuid, struct fp_err *e)
{
	struct asking *a = q->a;
	char command[300];
	struct fp_err why;
	int r = 0, c = 0;

	a->at = NULL;
	a->is_done = false;
	snprintf(command, sizeof(command), "uuid_exists %s", uuid);
	for (size_t i = 0; i < j->o.switches->n; i++) {
		struct fp_switch *x = &j->o.switches->v[i];

		/* no uuid at all is refused: nobody has it */
		if (!x->code && !q[i].is_silent &&
		    !fp_switch_send(x, command, j->o.timeout_ms, on_said, &q[i],
				    &why))
			a->n_open++;
	}
	while (a->n_open) { /* each comes back to q */
		c = fp_loop_wait(j->o.loop, &a->is_done, e);
		if (c && c != -EINTR)
			return c;
		r = c ? c : r;
	}
	return r;
}

static int ask_switches(struct fp_rescue_job *j, bool *is_up,
			const struct fp_switch **at, struct fp_err *e)
{
	struct asking a = { .loop = j->o.loop };
	size_t n = j->o.switches->n;
	struct question *q = calloc(n + 1, sizeof(*q));
	int r = q ? 0 : fp_err(e, -ENOMEM, "out of memory");

	for (size_t i = 0; i < n && q; i++)
		q[i] = (struct question){ .a = &a, .x = &j->o.switches->v[i] };
	for (size_t i = 0; i < j->n_file && !r; i++) {
		if (is_up[i] || !fp_rescue_has_run(j, j->file_row[i].run))
			continue;
		r = ask_all(j, q, j->file_row[i].uuid, e);
		is_up[i] = a.at != NULL;
		*at = a.at ? a.at : *at;
	}
	free(q);
	return r;
}

/* ---- both */

static int by_uuid(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t keep(struct fp_rescue_job *j, const bool *is_up)
{
	j->n_up = 0;
	for (size_t i = 0; i < j->n_file; i++)
		if (is_up[i] && fp_rescue_has_run(j, j->file_row[i].run))
			j->up[j->n_up++] = j->file_row[i].uuid;
	return j->n_up;
}

int fp_rescue_up(struct fp_rescue_job *j, struct fp_err *e)
{
	bool *is_up = calloc(j->n_file + 1, sizeof(*is_up));
	const struct fp_switch *at = NULL;
	size_t n_known = 0, n_said = j->n_up;
	int r;

	if (!j->up)
		j->up = calloc(j->n_file + 1, sizeof(*j->up));
	if (!is_up || !j->up) {
		free(is_up);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	r = ask_stores(j, is_up, e);
	if (!r) {
		n_known = keep(j, is_up);
		r = ask_switches(j, is_up, &at, e);
	}
	if (!r && keep(j, is_up) > n_said)
		fp_rescue_say(j,
			      "%s: %zu of its rows are left alone: %zu that an "
			      "earlier job had, or whose legs have rows in "
			      "recovery, and %zu whose legs are up%s%s",
			      j->o.from_db, j->n_up, n_known, j->n_up - n_known,
			      at ? " at " : "", at ? at->name : "");
	qsort(j->up, j->n_up, sizeof(*j->up), by_uuid);
	free(is_up);
	return r;
}

bool fp_rescue_is_up(const struct fp_rescue_job *j, const char *uuid)
{
	return j->n_up &&
	       bsearch(&uuid, j->up, j->n_up, sizeof(*j->up), by_uuid) != NULL;
}
