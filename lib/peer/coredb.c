/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/coredb_priv.h"

int fp_coredb_fail(const struct fp_coredb *d, int code, struct fp_err *e)
{
	static const struct {
		int sqlite, code;
	} all[] = {
		{ SQLITE_NOTADB, -EBADMSG },  { SQLITE_CORRUPT, -EBADMSG },
		{ SQLITE_ERROR, -EBADMSG },   { SQLITE_FULL, -ENOSPC },
		{ SQLITE_PERM, -EACCES },     { SQLITE_READONLY, -EACCES },
		{ SQLITE_CANTOPEN, -EACCES }, { SQLITE_NOMEM, -ENOMEM },
	};
	int rc = -EIO;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].sqlite == (code & 0xff))
			rc = all[i].code;
	return fp_err(e, rc, "%s: %s", d->file,
		      d->sql ? sqlite3_errmsg(d->sql) : sqlite3_errstr(code));
}

/* The file is a dead machine's, and may be anybody's: its schema runs nothing. */
static int connect_copy(struct fp_coredb *d, struct fp_err *e)
{
	int code = sqlite3_open_v2(d->copy, &d->sql,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				   NULL);

	if (code != SQLITE_OK)
		return fp_coredb_fail(d, code, e);
	sqlite3_db_config(d->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(d->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_limit(d->sql, SQLITE_LIMIT_LENGTH, 64 << 20);
	code = sqlite3_exec(d->sql,
			    "pragma temp_store=memory;"
			    "pragma cell_size_check=on;"
			    "pragma mmap_size=0",
			    NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : fp_coredb_fail(d, code, e);
}

/* The first read rolls a hot journal back, or finds that it is no database. */
static int find_table(struct fp_coredb *d, struct fp_err *e)
{
	sqlite3_stmt *q = NULL;
	int code = sqlite3_prepare_v2(d->sql,
				      "select 1 from sqlite_master where "
				      "type='table' and name='recovery'",
				      -1, &q, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(q);
	sqlite3_finalize(q);
	if (code == SQLITE_ROW)
		return 0;
	if (code == SQLITE_DONE)
		return fp_err(e, -EBADMSG, "%s: it has no table recovery",
			      d->file);
	return fp_coredb_fail(d, code, e);
}

/* Not "ok", or it cannot even be checked. */
static bool is_damaged(struct fp_coredb *d)
{
	sqlite3_stmt *q = NULL;
	bool is_ok = sqlite3_prepare_v2(d->sql, "pragma integrity_check(1)", -1,
					&q, NULL) == SQLITE_OK &&
		     sqlite3_step(q) == SQLITE_ROW &&
		     !strcmp((const char *)sqlite3_column_text(q, 0), "ok");

	sqlite3_finalize(q);
	return !is_ok;
}

/* Page 1, which says how many pages there are, is written first: of a writer that was
 * killed the others may be missing, and then SQLite reads nothing at all.  What is
 * missing is made, of zeros, and found to be damaged where it is used.
 * 0: made; else as before. */
static int make_whole(struct fp_coredb *d)
{
	unsigned char head[100];
	struct stat st;
	uint64_t page, size;
	int rc = -EBADMSG;
	int fd = open(d->copy, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, &st) ||
	    pread(fd, head, sizeof(head), 0) != sizeof(head))
		goto out;
	/* sqlite.org/fileformat2.html 1.3.2, 1.3.7 */
	page = (uint64_t)head[16] << 8 | head[17];
	page = page == 1 ? 65536 : page;
	size = page * ((uint64_t)head[28] << 24 | (uint64_t)head[29] << 16 |
		       (uint64_t)head[30] << 8 | head[31]);
	if (size > (uint64_t)st.st_size &&
	    size < (uint64_t)st.st_size * 16 + (64 << 20) &&
	    !ftruncate(fd, (off_t)size))
		rc = 0;
out:
	if (fd >= 0)
		close(fd);
	return rc;
}

static int open_copy(struct fp_coredb *d, struct fp_err *e)
{
	int rc = connect_copy(d, e);

	if (!rc)
		rc = find_table(d, e);
	if (rc != -EBADMSG || make_whole(d))
		return rc;
	sqlite3_close_v2(d->sql);
	d->sql = NULL;
	rc = connect_copy(d, e);
	return rc ? rc : find_table(d, e);
}

int fp_coredb_open(struct fp_coredb **out, const char *file, const char *dir,
		   struct fp_err *e)
{
	struct fp_coredb *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return fp_err(e, -ENOMEM, "out of memory");
	rc = fp_coredb_copy(d, file, dir, e);
	if (!rc)
		rc = open_copy(d, e);
	if (rc) {
		fp_coredb_close(d);
		return rc;
	}
	d->is_torn = is_damaged(d);
	*out = d;
	return 0;
}

void fp_coredb_close(struct fp_coredb *d)
{
	if (!d)
		return;
	sqlite3_close_v2(d->sql);
	fp_coredb_remove(d);
	free(d->file);
	free(d->dir);
	free(d->copy);
	free(d);
}

bool fp_coredb_is_torn(const struct fp_coredb *d, uint64_t *n_lost)
{
	*n_lost = d->n_lost;
	return d->is_torn;
}
