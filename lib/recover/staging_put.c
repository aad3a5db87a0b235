/* SPDX-License-Identifier: Apache-2.0 */
/* Staged rows into recovery of a target, under a token; and out of it again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/store_priv.h"

/* What is under way. */
struct putting {
	struct fp_store *s, *to;
	const char *token, *target, *hostname;
	const struct fp_store_put *v;
	size_t n;
	/* of staging, by index of v; out of rows */
	const char **run, **technology;
	struct fp_pg_rows *rows;
	size_t at;      /* the next to be sent */
	char uuid[260]; /* of it */
};

/* ---- staging says so */

static int mark_put(struct putting *p, const char *uuids, const char *profiles,
		    struct fp_err *e)
{
	const char *params[] = { p->s->job, uuids, profiles, p->target,
				 p->token };

	return fp_pg_do(p->s->pg,
			"update fp_stage s set state = 'put', target = $4,"
			" token = $5, profile_real = w.profile,"
			" changed_at = clock_timestamp()"
			" from unnest($2::text[], $3::text[]) with ordinality"
			" w (uuid, profile, nth) where s.job = $1"
			/* twice: a plan for a table that was empty when it
			 * was last analyzed walks all of it for each row */
			" and s.uuid = any($2::text[]) and s.uuid = w.uuid"
			" and s.state in ('taken', 'put', 'lost')"
			" returning w.nth, s.runtime_uuid, s.technology",
			params, 5, &p->rows, NULL, e);
}

static int keep(struct putting *p, struct fp_err *e)
{
	size_t n = fp_pg_n(p->rows);

	if (n != p->n)
		return fp_err(
			e, -EINVAL,
			"%zu of %zu rows are not staged any more, or done "
			"with",
			p->n > n ? p->n - n : 0, p->n);
	for (size_t i = 0; i < n; i++) {
		size_t nth = (size_t)fp_pg_int(p->rows, i, 0) - 1;

		p->run[nth] = fp_pg_value(p->rows, i, 1);
		p->technology[nth] = fp_pg_value(p->rows, i, 2);
	}
	for (size_t i = 0; i < n; i++)
		if (!p->run[i])
			return fp_err(e, -EINVAL, "row %s twice", p->v[i].uuid);
	return 0;
}

static int mark(struct putting *p, struct fp_err *e)
{
	struct fp_buf uuids = { .data = NULL }, profiles = { .data = NULL };
	int r;

	for (size_t i = 0; i < p->n; i++) {
		const char *profile = p->v[i].profile_real;

		fp_pg_array_add(&uuids, p->v[i].uuid, strlen(p->v[i].uuid));
		fp_pg_array_add(&profiles, profile ? profile : "",
				profile ? strlen(profile) : 0);
	}
	if (fp_pg_array(&uuids) && fp_pg_array(&profiles))
		r = mark_put(p, uuids.data, profiles.data, e);
	else
		r = fp_store_oom(e);
	fp_buf_fini(&uuids);
	fp_buf_fini(&profiles);
	return r ? r : keep(p, e);
}

/* ---- and then they are there */

/* Those that an earlier try left; a leg in two tokens would come up twice. */
static int clear(struct putting *p, struct fp_err *e)
{
	struct fp_buf uuids = { .data = NULL };
	const char *params[] = { p->token, NULL };
	char uuid[256];
	int r;

	for (size_t i = 0; i < p->n; i++) {
		int n = snprintf(uuid, sizeof(uuid), FP_STORE_PREFIX "%s",
				 p->v[i].uuid);

		fp_pg_array_add(&uuids, uuid,
				n < (int)sizeof(uuid) ? (size_t)n
						      : sizeof(uuid) - 1);
	}
	params[1] = fp_pg_array(&uuids);
	r = params[1] ? fp_pg_do(p->to->pg,
				 "delete from recovery where profile_name = $1"
				 " or uuid = any($2::text[])",
				 params, 2, NULL, NULL, e)
		      : fp_store_oom(e);
	fp_buf_fini(&uuids);
	return r;
}

/* Columns of the next row, of fp_pg_copy. */
static bool next_row(void *ctx, struct fp_pg_text *column)
{
	struct putting *p = ctx;
	const char *text[] = { NULL, NULL, p->token, p->hostname, p->uuid };
	const struct fp_store_put *v = &p->v[p->at];

	if (p->at == p->n)
		return false;
	text[0] = p->run[p->at];
	text[1] = p->technology[p->at++];
	snprintf(p->uuid, sizeof(p->uuid), FP_STORE_PREFIX "%s", v->uuid);
	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++)
		column[i] = (struct fp_pg_text){ text[i], strlen(text[i]) };
	column[5] = (struct fp_pg_text){ v->xml_len ? v->xml : "", v->xml_len };
	return true;
}

static int insert(struct putting *p, struct fp_err *e)
{
	int r = clear(p, e);

	p->at = 0;
	return r ? r
		 : fp_pg_copy(p->to->pg,
			      "copy recovery (runtime_uuid, technology,"
			      " profile_name, hostname, uuid, metadata)"
			      " from stdin (format binary)",
			      6, next_row, p, e);
}

/* Said first: what is put and not said would be put a second time.  The other way
 * round it is asked for in vain, and seen not to be there.  Whether the job is ours is
 * asked again before they are there for good. */
static int put_elsewhere(struct putting *p, struct fp_err *e)
{
	int r = fp_store_tx_ours(p->s, e);

	if (!r)
		r = fp_store_tx_end(p->s, mark(p, e), e);
	if (!r)
		r = fp_store_tx(p->to, e);
	if (r)
		return r;
	r = insert(p, e);
	if (!r)
		r = fp_store_check(p->s, e);
	return fp_store_tx_end(p->to, r, e);
}

static int put_here(struct putting *p, struct fp_err *e)
{
	int r;

	p->to = p->s; /* another session would wait for this one's rows */
	r = fp_store_tx_ours(p->s, e);
	if (r)
		return r;
	r = mark(p, e);
	if (!r)
		r = insert(p, e);
	return fp_store_tx_end(p->s, r, e);
}

static int check_puts(const struct fp_store_put *v, size_t n, const char *token,
		      struct fp_err *e)
{
	if (strncmp(token, "fp-", 3))
		return fp_err(e, -EINVAL, "%s: not a token of ours", token);
	for (size_t i = 0; i < n; i++)
		if (memchr(v[i].xml, 0, v[i].xml_len))
			return fp_err(e, -EINVAL, "row %s: not a text",
				      v[i].uuid);
	return 0;
}

int fp_store_put(struct fp_store *s, struct fp_store *to, const char *token,
		 const char *target, const char *target_hostname,
		 const struct fp_store_put *v, size_t n, struct fp_err *e)
{
	struct putting p = { .s = s,
			     .to = to,
			     .token = token,
			     .target = target,
			     .hostname = target_hostname,
			     .v = v,
			     .n = n };
	int r = check_puts(v, n, token, e);

	if (r)
		return r;
	p.run = calloc(n + 1, sizeof(*p.run));
	p.technology = calloc(n + 1, sizeof(*p.technology));
	if (!p.run || !p.technology)
		r = fp_store_oom(e);
	else
		r = fp_store_is_same(s, to) ? put_here(&p, e)
					    : put_elsewhere(&p, e);
	fp_pg_rows_free(p.rows);
	free(p.run);
	free(p.technology);
	return r;
}

/* ---- out again */

static int take_out(struct fp_store *to, const char *token,
		    struct fp_pg_rows **rows, struct fp_err *e)
{
	const char *params[] = { token };

	return fp_pg_do(to->pg,
			"delete from recovery where profile_name = $1"
			" returning " FP_STORE_UUID(""),
			params, 1, rows, NULL, e);
}

static int mark_back(struct fp_store *s, const char *token,
		     const struct fp_pg_rows *rows, uint64_t *n,
		     struct fp_err *e)
{
	struct fp_buf uuids = { .data = NULL };
	const char *params[] = { s->job, token, NULL };
	int r;

	for (size_t i = 0; i < fp_pg_n(rows); i++) {
		const char *uuid = fp_pg_value(rows, i, 0);

		fp_pg_array_add(&uuids, uuid, strlen(uuid));
	}
	params[2] = fp_pg_array(&uuids);
	r = params[2] ? fp_pg_do(s->pg,
				 "update fp_stage set state = 'taken',"
				 " target = '', token = '',"
				 " changed_at = clock_timestamp()"
				 " where job = $1 and token = $2"
				 " and uuid = any($3::text[])",
				 params, 3, NULL, n, e)
		      : fp_store_oom(e);
	fp_buf_fini(&uuids);
	return r;
}

static int unput_here(struct fp_store *s, const char *token, uint64_t *n,
		      struct fp_err *e)
{
	struct fp_pg_rows *rows = NULL;
	int r = fp_store_tx_ours(s, e);

	if (r)
		return r;
	r = take_out(s, token, &rows, e);
	if (!r)
		r = mark_back(s, token, rows, n, e);
	fp_pg_rows_free(rows);
	return fp_store_tx_end(s, r, e);
}

/* Taken away first: what staging calls taken must be nowhere. */
static int unput_elsewhere(struct fp_store *s, struct fp_store *to,
			   const char *token, uint64_t *n, struct fp_err *e)
{
	struct fp_pg_rows *rows = NULL;
	int r = fp_store_check(s, e);

	if (!r)
		r = take_out(to, token, &rows, e);
	if (!r)
		r = fp_store_tx_ours(s, e);
	if (!r)
		r = fp_store_tx_end(s, mark_back(s, token, rows, n, e), e);
	fp_pg_rows_free(rows);
	return r;
}

int fp_store_unput(struct fp_store *s, struct fp_store *to, const char *token,
		   uint64_t *n_back, struct fp_err *e)
{
	uint64_t n = 0;
	int r = check_puts(NULL, 0, token, e);

	if (!r)
		r = fp_store_is_same(s, to)
			    ? unput_here(s, token, &n, e)
			    : unput_elsewhere(s, to, token, &n, e);
	if (!r)
		*n_back = n;
	return r;
}
