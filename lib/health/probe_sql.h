/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_PROBE_SQL_H
#define FP_HEALTH_PROBE_SQL_H

/* What probes that ask a PostgreSQL one question share: a session and a
 * statement in a thread of fp_work, a new session each time, as that is what
 * routing and controllers will want of it. */

#include "health/probe.h"
#include "peer/pg.h"

struct fp_probe_sql {
	const char *var; /* of the cluster file: the conninfo */
	const char *sql;
	/* Rows to a reading (which is begun). */
	void (*read)(struct fp_probe *p, const struct fp_pg_rows *rows,
		     struct fp_reading *r);
	/* What a failure means beside fp_reading_fail; NULL: no more.  true: r
	 * is filled. */
	bool (*fail)(int code, const struct fp_err *e, struct fp_reading *r);
};

/* As the members of struct fp_probe_kind.  q is static. */
int fp_probe_sql_init(struct fp_probe *p, const struct fp_probe_sql *q,
		      struct fp_err *e);
void fp_probe_sql_fini(struct fp_probe *p);
void fp_probe_sql_start(struct fp_probe *p);
void fp_probe_sql_expire(struct fp_probe *p, struct fp_reading *r);

/* What is made of the rows of probe_pg.c and probe_rows.c; for them, and tests. */
void fp_probe_pg_read(struct fp_probe *p, const struct fp_pg_rows *rows,
		      struct fp_reading *r);
void fp_probe_rows_read(struct fp_probe *p, const struct fp_pg_rows *rows,
			struct fp_reading *r);

#endif
