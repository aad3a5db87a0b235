/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "peer/coredb_priv.h"

/* Never by an index: of a torn file it may say anything. */
#define COLUMNS                                                                \
	"select rowid, runtime_uuid, technology, profile_name, hostname, "     \
	"uuid, metadata from recovery not indexed "
/* Rowids that are looked for one by one in what cannot be read, before the steps grow:
 * less than a second. */
#define PROBES_MAX 200000

struct walk {
	struct fp_coredb *d;
	int (*each)(void *ctx, const struct fp_coredb_row *row);
	void *ctx;
	sqlite3_stmt *next, *before, *one; /* of a torn file */
	/* rowids: done up to at, where known was the last that is there; the highest */
	sqlite3_int64 at, known, last;
	struct fp_err *e;
};

static const char *column(sqlite3_stmt *q, int i)
{
	const unsigned char *s = sqlite3_column_text(q, i);

	return s ? (const char *)s : "";
}

/* A page of somebody else's in the middle of a text shows at its end. */
static bool is_whole(const struct fp_coredb_row *row)
{
	static const char end[] = "</cdr>";
	size_t n = row->xml_len, n_end = sizeof(end) - 1;

	while (n && strchr(" \t\r\n", row->xml[n - 1]) && row->xml[n - 1])
		n--;
	return n >= n_end && !memcmp(row->xml + n - n_end, end, n_end) &&
	       !memchr(row->xml, 0, row->xml_len);
}

static int tell(struct walk *w, sqlite3_stmt *q)
{
	struct fp_coredb_row row = {
		.run = column(q, 1),
		.technology = column(q, 2),
		.profile = column(q, 3),
		.hostname = column(q, 4),
		.uuid = column(q, 5),
		.xml = column(q, 6),
	};

	row.xml_len = (size_t)sqlite3_column_bytes(q, 6);
	if (w->d->is_torn && !is_whole(&row)) {
		w->d->n_lost++;
		return 0;
	}
	return w->each(w->ctx, &row);
}

static int prepare(struct walk *w, sqlite3_stmt **q, const char *text)
{
	int code = sqlite3_prepare_v2(w->d->sql, text, -1, q, NULL);

	return code == SQLITE_OK ? 0 : fp_coredb_fail(w->d, code, w->e);
}

/* ---- as it is */

static int scan(struct walk *w)
{
	sqlite3_stmt *q = NULL;
	int code, rc = prepare(w, &q, COLUMNS "order by rowid");

	if (rc)
		return rc;
	while (!rc && (code = sqlite3_step(q)) == SQLITE_ROW) {
		w->at = sqlite3_column_int64(q, 0);
		rc = tell(w, q);
	}
	if (!rc && (code & 0xff) == SQLITE_CORRUPT)
		w->d->is_torn = true;
	else if (!rc && code != SQLITE_DONE)
		rc = fp_coredb_fail(w->d, code, w->e);
	sqlite3_finalize(q);
	return rc;
}

/* ---- torn: row by row */

/* A statement of one rowid: SQLITE_ROW, DONE, or what failed. */
static int ask(sqlite3_stmt *q, sqlite3_int64 at, sqlite3_int64 *out)
{
	int code;

	*out = 0;
	sqlite3_reset(q);
	sqlite3_bind_int64(q, 1, at);
	code = sqlite3_step(q);
	if (code == SQLITE_ROW)
		*out = sqlite3_column_int64(q, 0);
	return code;
}

static bool is_read(int code)
{
	return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* The highest rowid up to the first page that cannot be read. */
static int find_highest(struct walk *w, const char *text)
{
	sqlite3_stmt *q = NULL;
	int code, rc = prepare(w, &q, text);

	if (rc)
		return rc;
	while ((code = sqlite3_step(q)) == SQLITE_ROW)
		if (sqlite3_column_int64(q, 0) > w->last)
			w->last = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return 0;
}

/* The end of the table is what cannot be read: where does it begin? */
static void find_end(struct walk *w)
{
	sqlite3_int64 good = w->at, bad = INT64_MAX, found;

	if (is_read(ask(w->before, bad, &found)))
		return;
	w->d->n_lost++; /* one at least */
	while (good + 1 < bad) {
		sqlite3_int64 mid = good + (bad - good) / 2;

		if (!is_read(ask(w->before, mid, &found))) {
			bad = mid;
			continue;
		}
		good = mid;
		if (found > w->last)
			w->last = found;
	}
}

/* Both ways, for a page of another time may stand in either's. */
static int find_last(struct walk *w)
{
	int rc;

	w->last = w->at;
	rc = find_highest(w, "select rowid from recovery not indexed "
			     "order by rowid limit 1000000");
	if (!rc)
		rc = find_highest(w, "select rowid from recovery not indexed "
				     "order by rowid desc limit 1000000");
	if (!rc)
		find_end(w);
	return rc;
}

/* The row at w->at, which is there. */
static int salvage_one(struct walk *w)
{
	sqlite3_int64 found;

	w->known = w->at;
	if (ask(w->one, w->at, &found) == SQLITE_ROW && found == w->at)
		return tell(w, w->one);
	w->d->n_lost++;
	return 0;
}

/* The row after w->at.  Rows between that are not there are so only if the way back
 * says it too: a page of another time leads anywhere. */
static bool find_next(struct walk *w, sqlite3_int64 *next)
{
	sqlite3_int64 back;
	int code = ask(w->next, w->at + 1, next);

	if (code != SQLITE_ROW || *next <= w->at) {
		*next = w->last + 1;
		return false;
	}
	return *next == w->at + 1 ||
	       (is_read(ask(w->before, *next, &back)) && back == w->known);
}

static int salvage_rows(struct walk *w)
{
	sqlite3_int64 step = 1, next;
	uint64_t n_probes = 0;
	int rc = 0;

	while (!rc && w->at < w->last) {
		if (find_next(w, &next)) {
			w->at = next;
			step = 1;
			rc = salvage_one(w);
			continue;
		}
		if (n_probes++ >= PROBES_MAX && step < INT64_MAX / 4)
			step *= 2;
		if (step >= next - w->at)
			step = next - w->at > 1 ? next - w->at - 1 : 1;
		w->at += step;
		w->d->n_lost += (uint64_t)step;
	}
	return rc;
}

static int salvage(struct walk *w)
{
	int rc = prepare(w, &w->next,
			 "select rowid from recovery not indexed "
			 "where rowid>=? order by rowid limit 1");

	if (!rc)
		rc = prepare(w, &w->before,
			     "select rowid from recovery not indexed "
			     "where rowid<? order by rowid desc limit 1");
	if (!rc)
		rc = prepare(w, &w->one, COLUMNS "where rowid=?");
	w->known = w->at;
	if (!rc)
		rc = find_last(w);
	if (!rc)
		rc = salvage_rows(w);
	sqlite3_finalize(w->next);
	sqlite3_finalize(w->before);
	sqlite3_finalize(w->one);
	return rc;
}

int fp_coredb_rows(struct fp_coredb *d,
		   int (*each)(void *ctx, const struct fp_coredb_row *row),
		   void *ctx, struct fp_err *e)
{
	struct walk w = { .d = d, .each = each, .ctx = ctx, .e = e };
	int rc = 0;

	d->n_lost = 0;
	if (!d->is_torn)
		rc = scan(&w);
	if (!rc && d->is_torn)
		rc = salvage(&w);
	return rc;
}
