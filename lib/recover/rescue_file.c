/* SPDX-License-Identifier: Apache-2.0 */
/* --from-db: rows of a copy of the dead node's own SQLite file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "recover/rescue_priv.h"

#define ROWS_MAX 100000

struct reading {
	struct fp_rescue_job *j;
	const char *hostname;
	uint64_t n_others, n_bad; /* rows of other nodes; that are no rows */
	char other[61];
	struct fp_err *e;
};

static bool is_text(const char *s)
{
	for (size_t n; *s; s += n)
		if (!(n = fp_utf8_len(s)))
			return false;
	return true;
}

/* A caller may call himself in ISO-8859-1, and FreeSWITCH writes it as it came, which
 * PostgreSQL refuses: these bytes become what they mean.  Its length; to may be NULL. */
static size_t to_utf8(char *to, const char *s)
{
	size_t at = 0;

	for (size_t n; *s; s += n, at += n) {
		n = fp_utf8_len(s);
		if (n) {
			if (to)
				memcpy(to + at, s, n);
			continue;
		}
		if (to) {
			to[at] = (char)(0xc0 | (unsigned char)*s >> 6);
			to[at + 1] = (char)(0x80 | ((unsigned char)*s & 0x3f));
		}
		n = 1;
		at++;
	}
	if (to)
		to[at] = 0;
	return at;
}

/* A copy of all its texts, of which run is the first. */
static int copy(struct fp_store_row *to, const struct fp_coredb_row *row)
{
	const char *const from[] = { row->run, row->technology, row->profile,
				     row->hostname, row->uuid };
	const char **const at[] = { &to->run, &to->technology, &to->profile,
				    &to->hostname, &to->uuid };
	size_t n_xml = to_utf8(NULL, row->xml), n = n_xml + 1;
	char *p;

	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++)
		n += strlen(from[i]) + 1;
	p = malloc(n);
	if (!p)
		return -ENOMEM;
	*to = (struct fp_store_row){
		.xml_len = n_xml, .state = "", .target = "", .token = ""
	};
	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++) {
		*at[i] = p;
		p = stpcpy(p, from[i]) + 1;
	}
	to_utf8(p, row->xml);
	to->xml = p;
	return 0;
}

static int room(struct fp_rescue_job *j, struct fp_err *e)
{
	size_t n = j->n_file_room ? 2 * j->n_file_room : 64;
	struct fp_store_row *more;

	if (j->n_file == ROWS_MAX)
		return fp_err(e, -E2BIG, "%s: more than %d rows", j->o.from_db,
			      ROWS_MAX);
	if (j->n_file < j->n_file_room)
		return 0;
	more = reallocarray(j->file_row, n, sizeof(*more));
	if (!more)
		return fp_err(e, -ENOMEM, "out of memory");
	j->file_row = more;
	j->n_file_room = n;
	return 0;
}

/* A torn file has others. */
static bool is_row(const struct fp_coredb_row *row)
{
	return *row->uuid && *row->hostname && is_text(row->run) &&
	       is_text(row->technology) && is_text(row->profile) &&
	       is_text(row->hostname) && is_text(row->uuid) &&
	       strlen(row->xml) == row->xml_len;
}

static int keep(void *ctx, const struct fp_coredb_row *row)
{
	struct reading *x = ctx;
	struct fp_rescue_job *j = x->j;
	int r;

	if (!is_row(row)) {
		x->n_bad++;
		return 0;
	}
	if (strcmp(row->hostname, x->hostname)) {
		if (!x->n_others++)
			snprintf(x->other, sizeof(x->other), "%s",
				 row->hostname);
		return 0;
	}
	r = room(j, x->e);
	if (!r && copy(&j->file_row[j->n_file], row))
		r = fp_err(x->e, -ENOMEM, "out of memory");
	if (!r)
		j->n_file++;
	return r;
}

static void tell(const struct fp_rescue_job *j, uint64_t n, const char *what,
		 const char *why)
{
	char value[64];

	snprintf(value, sizeof(value), "%s: %llu rows left out", what,
		 (unsigned long long)n);
	if (n)
		fp_rescue_tell(j, "file", FP_COND_WARN, value, why);
}

static int judge(struct fp_rescue_job *j, const struct reading *x,
		 struct fp_err *e)
{
	uint64_t n_lost = 0;

	if (!j->n_file && x->n_others)
		return fp_err(e, -EINVAL,
			      "%s is of %s, not of %s (fp_switchname %s)",
			      j->o.from_db, x->other, j->o.from->name,
			      x->hostname);
	tell(j, x->n_others, "others'",
	     "their hostname is another node's (fp_switchname)");
	tell(j, x->n_bad, "no rows",
	     "they have no hostname, no uuid, or bytes that are no text");
	j->n_torn = x->n_bad;
	if (!fp_coredb_is_torn(j->file, &n_lost))
		return 0;
	j->n_torn += n_lost;
	tell(j, n_lost, "torn",
	     "read row by row: what could not be read is not recovered");
	return 0;
}

int fp_rescue_file(struct fp_rescue_job *j, struct fp_err *e)
{
	struct reading x = { .j = j,
			     .hostname = j->o.from->switchname,
			     .e = e };
	char dir[512];
	int r;

	if (j->file)
		return 0;
	snprintf(dir, sizeof(dir), "%s/recover-coredb.%d", j->o.state_dir,
		 (int)getpid());
	r = fp_coredb_open(&j->file, j->o.from_db, dir, e);
	if (r)
		return r;
	r = fp_coredb_rows(j->file, keep, &x, e);
	if (!r)
		r = judge(j, &x, e);
	return r ? r : fp_rescue_had(j, e);
}

void fp_rescue_file_fini(struct fp_rescue_job *j)
{
	fp_coredb_close(j->file);
	for (size_t i = 0; i < j->n_file; i++) {
		/* keys of SRTP are in it */
		explicit_bzero((char *)j->file_row[i].xml,
			       j->file_row[i].xml_len);
		free((char *)j->file_row[i].run);
	}
	free(j->file_row);
	free(j->up);
	j->up = NULL;
	j->n_up = 0;
	j->file = NULL;
	j->file_row = NULL;
	j->n_file = j->n_file_room = 0;
}
