/* SPDX-License-Identifier: Apache-2.0 */
/* --from-db: rows of a copy of the dead node's own SQLite file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recover/rescue_priv.h"

#define ROWS_MAX 100000

struct reading {
	struct fp_rescue_job *j;
	const char *hostname;
	struct fp_err *e;
};

/* A copy of all its texts, of which run is the first. */
static int copy(struct fp_store_row *to, const struct fp_coredb_row *row)
{
	const char *const from[] = { row->run, row->technology, row->profile,
				     row->hostname, row->uuid };
	const char **const at[] = { &to->run, &to->technology, &to->profile,
				    &to->hostname, &to->uuid };
	size_t n = row->xml_len + 1;
	char *p;

	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++)
		n += strlen(from[i]) + 1;
	p = malloc(n);
	if (!p)
		return -ENOMEM;
	*to = (struct fp_store_row){
		.xml_len = row->xml_len, .state = "", .target = "", .token = ""
	};
	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++) {
		*at[i] = p;
		p = stpcpy(p, from[i]) + 1;
	}
	to->xml = memcpy(p, row->xml, row->xml_len);
	p[row->xml_len] = 0;
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

static int keep(void *ctx, const struct fp_coredb_row *row)
{
	struct reading *x = ctx;
	struct fp_rescue_job *j = x->j;
	int r;

	if (strcmp(row->hostname, x->hostname))
		return fp_err(x->e, -EINVAL,
			      "%s is of %.60s, not of %s (fp_switchname %s)",
			      j->o.from_db,
			      *row->hostname ? row->hostname : "no node",
			      j->o.from->name, x->hostname);
	r = room(j, x->e);
	if (!r && copy(&j->file_row[j->n_file], row))
		r = fp_err(x->e, -ENOMEM, "out of memory");
	if (!r)
		j->n_file++;
	return r;
}

int fp_rescue_file(struct fp_rescue_job *j, struct fp_err *e)
{
	struct reading x = { .j = j,
			     .hostname = j->o.from->switchname,
			     .e = e };
	char dir[512];
	uint64_t n_lost = 0;
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
		r = fp_rescue_had(j, e);
	if (!r && fp_coredb_is_torn(j->file, &n_lost)) {
		char value[64];

		j->n_torn = n_lost;
		snprintf(value, sizeof(value), "torn: %llu rows lost",
			 (unsigned long long)n_lost);
		fp_rescue_tell(j, "file", FP_COND_WARN, value,
			       "read row by row: what could not be read is "
			       "not recovered");
	}
	return r;
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
	j->file = NULL;
	j->file_row = NULL;
	j->n_file = j->n_file_room = 0;
}
