/* SPDX-License-Identifier: Apache-2.0 */
/* What a job writes to fp_db.  Each is one statement, so one transaction: it sees
 * our locks in pg_locks and changes the job's row, whose epoch must be ours, or
 * nothing.  Rows of fastpath.journal without an item say which epoch those behind
 * them are of: the row of the job is locked by who writes, so that they cannot mix.
 * How many follow ours says how many of our words are there, whatever became of the
 * answer to a commit. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/journal_disk.h"
#include "db/priv.h"

#define UNIX(column) "extract(epoch from " column ")::bigint"
#define CHUNK 5000 /* words of one statement */
#define CHUNK_BYTES (1u << 20)

/* held: how many of the locks $2 (keys) are our session's; wanted: of how many.
 * Two names may have the same key. */
#define HELD                                                                   \
	"with held as (select count(distinct objid) as n from pg_locks"        \
	" where locktype = 'advisory' and granted and classid = " FP_DB_CLASS  \
	" and objsubid = 2 and pid = pg_backend_pid() and database ="          \
	" (select oid from pg_database where datname = current_database())"    \
	" and objid = any($2::bigint[]::oid[])),"                              \
	" ok as (select 1 from held where n ="                                 \
	" (select count(distinct k) from unnest($2::bigint[]) k))"
#define MARK                                                                   \
	", mark as (insert into fastpath.journal (job, item, state, detail)"   \
	" select id, '', 'epoch', jsonb_build_object('epoch', epoch,"          \
	" 'owner', owner) from mine returning seq)"

/* Keys of all locks: "{1,2}". */
static int lock_keys(const struct fp_journal_db *d, struct fp_buf *to,
		     struct fp_err *e)
{
	for (size_t i = 0; i < d->n_locks; i++) {
		char key[FP_DB_LOCK_KEY];

		fp_db_lock_key(d->lock[i], key);
		fp_buf_printf(to, "%s%s", i ? "," : "{", key);
	}
	fp_buf_str_add(to, "}");
	return fp_buf_str(to) ? 0 : fp_journal_oom(e);
}

/* ---- an epoch of ours */

static void took(struct fp_journal_db *d, const struct fp_pg_rows *rows)
{
	d->epoch = fp_pg_int(rows, 0, 0);
	d->seq = fp_pg_int(rows, 0, 1);
	d->n_told = 0;
	d->is_doubtful = false;
}

static int not_held(struct fp_journal_db *d, struct fp_err *e)
{
	fp_pg_close(d->pg);
	d->pg = NULL;
	return fp_err(e, -ECONNRESET, "fp_db: the locks are not ours any more");
}

int fp_journal_db_begin(struct fp_journal_db *d, const struct fp_job_head *h,
			const char *plan, struct fp_err *e)
{
	struct fp_buf keys = { .data = NULL };
	char started[FP_DB_INT];
	const char *params[] = { h->id, NULL,     h->tool, h->verb, h->node,
				 h->by, d->owner, plan,    started };
	struct fp_pg_rows *rows = NULL;
	int r = lock_keys(d, &keys, e);

	fp_db_int(started, h->started_s);
	params[1] = keys.data;
	if (!r)
		r = fp_pg_do(d->pg,
			     HELD
			     ", mine as (insert into fastpath.job (id, tool,"
			     " verb, node, state, who, owner, epoch, plan,"
			     " started) select $1, $3, $4, $5, 'running', $6,"
			     " $7, nextval('fastpath.epoch'), $8::jsonb,"
			     " to_timestamp($9::bigint) from ok"
			     " returning id, epoch, owner)" MARK
			     " select epoch, seq from mine, mark",
			     params, 9, &rows, NULL, e);
	fp_buf_fini(&keys);
	if (!r && !fp_pg_n(rows))
		r = not_held(d, e);
	else if (!r)
		took(d, rows);
	fp_pg_rows_free(rows);
	return r;
}

/* One that was restored from a backup may have given out fewer than the copy has
 * seen: later words would be taken for earlier ones. */
int fp_journal_db_pass(struct fp_journal_db *d, int64_t epoch, struct fp_err *e)
{
	char to[FP_DB_INT];
	const char *params[] = { to };

	fp_db_int(to, epoch);
	return fp_pg_do(d->pg,
			"with next as (select nextval('fastpath.epoch') as n)"
			" select max(nextval('fastpath.epoch')) from next,"
			" generate_series(n, least($1::bigint, n + 1000000))",
			params, 1, NULL, NULL, e);
}

static int update_epoch(struct fp_journal_db *d, const char *id, bool *is_taken,
			struct fp_err *e)
{
	struct fp_buf keys = { .data = NULL };
	const char *params[] = { id, NULL, d->owner };
	struct fp_pg_rows *rows = NULL;
	int r = lock_keys(d, &keys, e);

	params[1] = keys.data;
	if (!r)
		r = fp_pg_do(d->pg,
			     HELD
			     ", mine as (update fastpath.job set owner = $3,"
			     " epoch = nextval('fastpath.epoch'),"
			     " state = 'running', updated = clock_timestamp()"
			     " from ok where id = $1 and ended is null"
			     " returning id, epoch, owner)" MARK
			     " select epoch, seq from mine, mark",
			     params, 3, &rows, NULL, e);
	fp_buf_fini(&keys);
	*is_taken = !r && fp_pg_n(rows) > 0;
	if (*is_taken)
		took(d, rows);
	fp_pg_rows_free(rows);
	return r;
}

int fp_journal_db_take(struct fp_journal_db *d, struct fp_job_head *h,
		       char **plan, int64_t *was, struct fp_err *e)
{
	bool is_taken = false;
	int r = fp_journal_rows_head(d->pg, d->id, h, plan, was, e);

	if (r)
		return r;
	if (!h->ended_s)
		r = update_epoch(d, d->id, &is_taken, e);
	if (!r && h->ended_s)
		r = fp_err(e, -EALREADY, "job %s has ended: %s", d->id,
			   h->state);
	else if (!r && !is_taken)
		r = not_held(d, e);
	if (r) {
		free(*plan);
		*plan = NULL;
	}
	return r;
}

/* ---- words */

/* An element of an array as text.  Source: PostgreSQL 15, 8.15.2. */
static void element(struct fp_buf *to, const char *s)
{
	fp_buf_str_add(to, to->len ? ",\"" : "{\"");
	for (;;) {
		size_t n = strcspn(s, "\"\\");

		fp_buf_add(to, s, n);
		s += n;
		if (!*s)
			break;
		fp_buf_add(to, "\\", 1);
		fp_buf_add(to, s++, 1);
	}
	fp_buf_add(to, "\"", 1);
}

struct chunk {
	struct fp_buf item, state, detail, at;
	size_t n;
};

static int finish(struct fp_buf *b, struct fp_err *e)
{
	fp_buf_str_add(b, b->len ? "}" : "{}");
	return fp_buf_str(b) ? 0 : fp_journal_oom(e);
}

static int fill(struct chunk *c, const struct fp_journal_words *w,
		struct fp_err *e)
{
	int r;

	while (w->first + c->n < w->n && c->n < CHUNK &&
	       c->item.len + c->detail.len < CHUNK_BYTES) {
		const struct fp_journal_word *x = &w->v[w->first + c->n];
		const char *item = w->text.data + x->at;
		const char *state = item + strlen(item) + 1;

		element(&c->item, item);
		element(&c->state, state);
		element(&c->detail, state + strlen(state) + 1);
		fp_buf_printf(&c->at, "%s%" PRId64, c->at.len ? "," : "{",
			      x->at_s);
		c->n++;
	}
	r = finish(&c->item, e);
	if (!r)
		r = finish(&c->state, e);
	if (!r)
		r = finish(&c->detail, e);
	return r ? r : finish(&c->at, e);
}

static void chunk_fini(struct chunk *c)
{
	fp_buf_fini(&c->item);
	fp_buf_fini(&c->state);
	fp_buf_fini(&c->detail);
	fp_buf_fini(&c->at);
}

/* Why nothing was changed: it is somebody else's, or has ended. */
static int whose(struct fp_journal_db *d, bool is_held, struct fp_err *e)
{
	struct fp_job_head h;
	int64_t epoch = 0;
	int r = fp_journal_rows_head(d->pg, d->id, &h, NULL, &epoch, e);

	if (r == -ENOENT)
		return fp_err(e, -EBUSY,
			      "fp_db has no job %s any more: resume tells it "
			      "again",
			      d->id);
	if (r)
		return r;
	if (h.ended_s)
		return fp_err(e, -EBUSY, "job %s was ended: %s", d->id,
			      h.state);
	if (epoch != d->epoch)
		return fp_err(e, -EBUSY, "job %s was taken over by %s", d->id,
			      h.owner);
	return is_held ? fp_err(e, -EAGAIN, "job %s: try again", d->id)
		       : not_held(d, e);
}

static int tell(struct fp_journal_db *d, const struct chunk *c,
		const struct fp_journal_change *change, const char *keys,
		struct fp_err *e)
{
	char epoch[FP_DB_INT];
	const char *params[] = { d->id,
				 keys,
				 epoch,
				 c->item.data,
				 c->state.data,
				 c->detail.data,
				 c->at.data,
				 change ? change->state : NULL,
				 change ? change->plan : NULL,
				 change && change->is_end ? "true" : "false" };
	struct fp_pg_rows *rows;
	bool is_ours, is_held;
	int r;

	fp_db_int(epoch, d->epoch);
	r = fp_pg_do(
		d->pg,
		HELD
		", mine as (update fastpath.job set updated = clock_timestamp(),"
		" state = coalesce($8, state), plan = coalesce($9::jsonb, plan),"
		" ended = case when $10::boolean then clock_timestamp() end"
		" from ok where id = $1 and epoch = $3::bigint"
		" and ended is null returning id),"
		" done as (insert into fastpath.journal"
		" (job, item, state, detail, at) select mine.id, w.item,"
		" w.state, w.detail::jsonb, to_timestamp(w.at) from mine,"
		" unnest($4::text[], $5::text[], $6::text[], $7::bigint[])"
		" with ordinality w (item, state, detail, at, nth)"
		" order by nth returning 1)"
		" select (select count(*) from mine),"
		" (select count(*) from ok), (select count(*) from done)",
		params, 10, &rows, NULL, e);
	if (r)
		return r;
	is_ours = fp_pg_int(rows, 0, 0) > 0;
	is_held = fp_pg_int(rows, 0, 1) > 0;
	fp_pg_rows_free(rows);
	return is_ours ? 0 : whose(d, is_held, e);
}

/* Of what was told without an answer, how much is there? */
static int resolve_doubt(struct fp_journal_db *d, struct fp_journal_words *w,
			 struct fp_err *e)
{
	char seq[FP_DB_INT];
	const char *params[] = { d->id, seq };
	struct fp_pg_rows *rows;
	uint64_t n;
	int r;

	if (!d->is_doubtful)
		return 0;
	fp_db_int(seq, d->seq);
	r = fp_pg_do(d->pg,
		     "select count(*) from fastpath.journal"
		     " where job = $1 and seq > $2::bigint",
		     params, 2, &rows, NULL, e);
	if (r)
		return r;
	n = (uint64_t)fp_pg_int(rows, 0, 0);
	fp_pg_rows_free(rows);
	if (n < d->n_told) {
		d->n_told = n;
		return fp_err(e, -ESTALE, "fp_db: it lost what it was told");
	}
	/* somebody else's words, if any, stand behind ours: then the epoch is not
	 * ours, and nothing more is told */
	while (d->n_told < n && w->first < w->n) {
		d->n_told++;
		w->first++;
	}
	d->is_doubtful = false;
	return 0;
}

static int tell_all(struct fp_journal_db *d, struct fp_journal_words *w,
		    const struct fp_journal_change *change, const char *keys,
		    struct fp_err *e)
{
	bool is_last;
	int r;

	do {
		struct chunk c = { .n = 0 };

		r = fill(&c, w, e);
		is_last = w->first + c.n == w->n;
		if (!r) {
			d->is_doubtful = true;
			r = tell(d, &c, is_last ? change : NULL, keys, e);
			if (!r || r == -EBUSY)
				d->is_doubtful = false;
		}
		if (!r) {
			w->first += c.n;
			d->n_told += c.n;
		}
		chunk_fini(&c);
	} while (!r && !is_last);
	return r;
}

static int flush_once(struct fp_journal_db *d, struct fp_journal_words *w,
		      const struct fp_journal_change *change, struct fp_err *e)
{
	struct fp_buf keys = { .data = NULL };
	int r = fp_journal_db_ready(d, false, e);

	if (!r)
		r = resolve_doubt(d, w, e);
	if (!r)
		r = lock_keys(d, &keys, e);
	if (!r)
		r = tell_all(d, w, change, keys.data, e);
	fp_buf_fini(&keys);
	return r;
}

int fp_journal_db_flush(struct fp_journal_db *d, struct fp_journal_words *w,
			const struct fp_journal_change *change,
			struct fp_err *e)
{
	/* one that was ended while we slept is known to be gone only now; whose
	 * the job is, says the next one */
	int r = flush_once(d, w, change, e);

	return r == -ECONNRESET ? flush_once(d, w, change, e) : r;
}
