/* SPDX-License-Identifier: Apache-2.0 */
/* db [-l] [-t MS] [-a APP] CONNINFO
 * A session with fp_db that does what stdin says, a line each, and answers with
 * lines and then "ok", or with "error NAME text" (rule pooler: "error EPERM/pooler
 * text").  -l: locks will be held.  Its first answer is to the connecting.
 *   do SQL             rows, '|' between columns
 *   pid                the server process
 *   alive              yes or no
 *   lock NAME          held, or who holds it;  unlock NAME
 *   take LOCK PROXY URI OWNER SECONDS EPOCH LET_GO    the lease as below
 *   renew LOCK PROXY URI SECONDS EPOCH;  let-go LOCK PROXY URI EPOCH
 *   end LOCK PROXY URI EPOCH
 *   leases             PROXY URI OWNER EPOCH LEFT LET_GO, LEFT: seconds
 *   check              the schema's version is ours
 *   migrate N          to version N, by steps that only tests have; N = 9 fails
 *   jobs               ID STATE */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/priv.h"

static int told(int r, const struct fp_err *e)
{
	if (r < 0)
		printf("error %s%s%s %s\n", strerrorname_np(-r),
		       e->rule[0] ? "/" : "", e->rule, e->text);
	else
		printf("ok\n");
	fflush(stdout);
	return r;
}

static int do_sql(struct fp_pg *p, const char *sql, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	uint64_t n;
	int r = fp_pg_do(p, sql, NULL, 0, &rows, &n, e);

	for (size_t i = 0; !r && i < fp_pg_n(rows); i++) {
		for (size_t k = 0; k < 8 && fp_pg_value(rows, i, k); k++)
			printf("%s%s", k ? "|" : "", fp_pg_value(rows, i, k));
		printf("\n");
	}
	if (!r)
		fp_pg_rows_free(rows);
	return r;
}

static int lock(struct fp_pg *p, const char *name, struct fp_err *e)
{
	char who[128] = "";
	int r = fp_db_lock(p, name, who, e);

	if (r >= 0)
		printf("%s\n", r ? "held" : who);
	return r;
}

static int lease(struct fp_pg *p, const char *what, char *rest,
		 struct fp_err *e)
{
	struct fp_lease l = { .kind = FP_DEST_DISPATCHER, .set = "1" };
	char name[32], let_go[8] = "";
	long long s = 0, epoch = 0;
	int r = -EINVAL;

	strcpy(l.why, "test");
	if (!strcmp(what, "take") &&
	    sscanf(rest, "%31s %255s %255s %127s %lld %lld %7s", name, l.proxy,
		   l.uri, l.owner, &s, &epoch, let_go) >= 6) {
		l.epoch = epoch;
		l.is_let_go = !strcmp(let_go, "yes");
		r = fp_db_lease_take(p, name, &l, s, e);
		if (!r)
			printf("%" PRId64 " %" PRId64 "\n", l.epoch,
			       l.until_s - l.since_s);
		return r;
	}
	if (!strcmp(what, "renew") &&
	    sscanf(rest, "%31s %255s %255s %lld %lld", name, l.proxy, l.uri, &s,
		   &epoch) == 5) {
		l.epoch = epoch;
		return fp_db_lease_renew(p, name, &l, s, e);
	}
	if (sscanf(rest, "%31s %255s %255s %lld", name, l.proxy, l.uri,
		   &epoch) != 4)
		return fp_err(e, r, "which lease?");
	l.epoch = epoch;
	return !strcmp(what, "end") ? fp_db_lease_end(p, name, &l, e)
				    : fp_db_lease_let_go(p, name, &l, e);
}

static int leases(struct fp_pg *p, struct fp_err *e)
{
	struct fp_lease *v;
	int64_t now_s;
	size_t n;
	int r = fp_db_leases(p, &v, &n, &now_s, e);

	for (size_t i = 0; !r && i < n; i++)
		printf("%s %s %s %" PRId64 " %" PRId64 " %s\n", v[i].proxy,
		       v[i].uri, v[i].owner, v[i].epoch, v[i].until_s - now_s,
		       v[i].is_let_go ? "yes" : "no");
	if (!r)
		free(v);
	return r;
}

static int jobs(struct fp_pg *p, struct fp_err *e)
{
	struct fp_job_row *v;
	size_t n;
	int r = fp_db_jobs(p, &v, &n, e);

	for (size_t i = 0; !r && i < n; i++)
		printf("%s %s\n", v[i].id, v[i].state);
	if (!r)
		free(v);
	return r;
}

static int migrate(struct fp_pg *p, int to, struct fp_err *e)
{
	struct fp_db_step step[FP_DB_VERSION + 2];
	int n = 0, from, r;

	for (; n < FP_DB_VERSION; n++)
		step[n] = fp_db_steps[n];
	step[n] = (struct fp_db_step){
		n + 1, "select pg_sleep(0.3);"
		       "alter table fastpath.job add column note text"
	};
	n++;
	step[n] = (struct fp_db_step){
		n + 1, to == 9 ? "create table fastpath.half (x int);"
				 "select 1 / 0"
			       : "create table fastpath.more (x int)"
	};
	n++;
	r = fp_db_migrate(p, step, (size_t)(to < n ? to : n), false, &from, e);
	if (!r)
		printf("from %d\n", from);
	return r;
}

static int run(struct fp_pg *p, const char *what, char *rest, struct fp_err *e)
{
	if (!strcmp(what, "do"))
		return do_sql(p, rest, e);
	if (!strcmp(what, "lock"))
		return lock(p, rest, e);
	if (!strcmp(what, "leases"))
		return leases(p, e);
	if (!strcmp(what, "jobs"))
		return jobs(p, e);
	if (!strcmp(what, "check"))
		return fp_db_check(p, e);
	if (!strcmp(what, "migrate"))
		return migrate(p, atoi(rest), e);
	if (!strcmp(what, "unlock"))
		fp_db_unlock(p, rest);
	else if (!strcmp(what, "pid"))
		printf("%d\n", fp_pg_backend(p));
	else if (!strcmp(what, "alive"))
		printf("%s\n", fp_pg_is_alive(p) ? "yes" : "no");
	else
		return lease(p, what, rest, e);
	return 0;
}

int main(int argc, char **argv)
{
	struct fp_pg_opts o = { .app = "test", .timeout_ms = 5000 };
	struct fp_err e = { .text = "" };
	struct fp_pg *p;
	char text[4096];
	int opt;

	while ((opt = getopt(argc, argv, "lt:a:")) > 0) {
		if (opt == 'l')
			o.is_locking = true;
		else if (opt == 't')
			o.timeout_ms = atol(optarg);
		else if (opt == 'a')
			o.app = optarg;
		else
			return 2;
	}
	if (optind != argc - 1)
		return 2;
	o.conninfo = argv[optind];
	if (told(fp_pg_open(&p, &o, &e), &e))
		return 1;
	while (fgets(text, sizeof(text), stdin)) {
		char *rest = text + strcspn(text, " \n");

		text[strcspn(text, "\n")] = 0;
		if (*rest)
			*rest++ = 0;
		e = (struct fp_err){ .text = "" };
		told(run(p, text, rest, &e), &e);
	}
	fp_pg_close(p);
	return 0;
}
