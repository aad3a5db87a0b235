/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_STORE_H
#define FP_TEST_STORE_H

/* A real PostgreSQL (test/lab/postgres.sh) for the cases of one program: the first
 * case starts it, the last one ends it, those between have databases as new. */

#include <errno.h>
#include <stdlib.h>

#include "recover/staging.h"
#include "recover/store_priv.h"
#include "unit.h"

#define CONNINFO_SIZE 400

/* A file whose name the cases share: where the server is. */
static void place(char *to, size_t size)
{
	const char *tmp = getenv("FP_TEST_TMP");

	if (!tmp || !getenv("FP_TEST_BPFFS") || geteuid())
		SKIP("needs root and test/run");
	snprintf(to, size, "%s/postgres-dir", tmp);
}

/* Words of the lab, run by bash. */
static int lab(const char *words)
{
	char file[512], command[2048];

	place(file, sizeof(file));
	snprintf(command, sizeof(command),
		 "exec bash -c 'source test/lab/postgres.sh;"
		 " [ ! -e \"%s\" ] || export PG_DIR=$(cat \"%s\") PG_HOST=;"
		 " { %s; } >&2 || exit 1;"
		 " [ -z \"${PG_DIR-}\" ] || echo \"$PG_DIR\" >\"%s\"'",
		 file, file, words, file);
	return system(command);
}

static void conninfo(char out[CONNINFO_SIZE], const char *user, int port,
		     const char *more)
{
	char file[512], dir[300] = "";
	FILE *f;

	place(file, sizeof(file));
	f = fopen(file, "re");
	if (!f || !fgets(dir, sizeof(dir), f))
		SKIP("there is no PostgreSQL");
	fclose(f);
	dir[strcspn(dir, "\n")] = 0;
	snprintf(out, CONNINFO_SIZE,
		 "host=127.0.0.1 port=%d dbname=fastpath user=%s"
		 " passfile=%s/pgpass %s",
		 port, user, dir, more);
}

/* ---- the superuser's session */

static struct fp_pg *admin(void)
{
	char words[CONNINFO_SIZE];
	const struct fp_pg_opts o = { .conninfo = words,
				      .app = "test",
				      .timeout_ms = 20000 };
	struct fp_pg *p = NULL;
	struct fp_err e;

	conninfo(words, "postgres", 5432, "");
	if (fp_pg_open(&p, &o, &e)) {
		printf("# %s\n", e.text);
		exit(1);
	}
	return p;
}

static void sql(struct fp_pg *p, const char *text)
{
	struct fp_err e;

	if (!EQ(fp_pg_script(p, text, &e), 0))
		printf("# %s\n", e.text);
}

/* One value: of the first row. */
static const char *ask(struct fp_pg *p, const char *text)
{
	static char out[4096];
	struct fp_pg_rows *rows = NULL;
	struct fp_err e;
	const char *v;

	if (fp_pg_do(p, text, NULL, 0, &rows, NULL, &e)) {
		printf("# %s\n", e.text);
		return "";
	}
	v = fp_pg_value(rows, 0, 0);
	snprintf(out, sizeof(out), "%s", v ? v : "");
	fp_pg_rows_free(rows);
	return out;
}

/* ---- what FreeSWITCH makes */

/* Source: captured with pg_dump from FreeSWITCH 1.10.12's own. */
#define RECOVERY                                                               \
	"create table recovery (runtime_uuid varchar(255),"                    \
	" technology varchar(255), profile_name varchar(255),"                 \
	" hostname varchar(255), uuid varchar(255), metadata text);"           \
	"create index recovery1 on recovery (technology);"                     \
	"create index recovery2 on recovery (profile_name);"                   \
	"create index recovery3 on recovery (uuid);"                           \
	"create index recovery4 on recovery (runtime_uuid);"

/* Three hosts; fs1 has a dead run and one that lives. */
static struct fp_pg *fresh(void)
{
	struct fp_pg *p = admin();

	sql(p, "set client_min_messages = error;"
	       "drop schema public cascade; create schema public;"
	       "drop schema if exists fs2 cascade;"
	       "grant all on schema public to ctl; set role ctl;" RECOVERY
	       "insert into recovery select x.run, 'sofia', 'internal', x.host,"
	       " x.run || '-' || i, '<cdr><local_media_ip>192.0.2.' || x.ip ||"
	       " '</local_media_ip><local_media_port>' || 20000 + 2 * i ||"
	       " '</local_media_port>\"\\' || x.run || '</cdr>'"
	       " from (values ('old', 'fs1', 1), ('new', 'fs1', 1),"
	       " ('two', 'fs2', 2), ('three', 'fs3', 3)) x (run, host, ip),"
	       " generate_series(1, 3) i; reset role");
	return p;
}

static struct fp_store *store_of(const char *more)
{
	char words[CONNINFO_SIZE];
	const struct fp_store_opts o = { .conninfo = words,
					 .app = "fp-recover",
					 .timeout_ms = 20000 };
	struct fp_store *s = NULL;
	struct fp_err e;

	conninfo(words, "ctl", 5432, more);
	if (fp_store_open(&s, &o, &e)) {
		printf("# %s\n", e.text);
		exit(1);
	}
	return s;
}

static struct fp_store *store(void)
{
	return store_of("");
}

/* A store with a job of fs1. */
static struct fp_store *begun(const char *job)
{
	struct fp_store *s = store();
	struct fp_err e = { .text = "" };

	if (!EQ(fp_store_begin(s, job, "fs1", "one, pid 1", &e), 0))
		printf("# %s\n", e.text);
	return s;
}

static const char *const old_run[] = { "old" };
static const struct fp_store_pick of_old = { .hostname = "fs1",
					     .runs = old_run,
					     .n_runs = 1 };

/* 0, or it says why. */
static int fine(int r, const struct fp_err *e)
{
	if (r)
		printf("# %s\n", e->text);
	return r;
}

#endif
