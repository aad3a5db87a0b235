/* SPDX-License-Identifier: Apache-2.0 */
/* lib/recover's store with a real PostgreSQL that fails, or does not let us; and two
 * controllers at once. */
#include <signal.h>
#include <sys/stat.h>

#include "db/db.h"
#include "store.h"

TEST(a_server_is_up)
{
	if (lab("pg_up"))
		SKIP("PostgreSQL does not start");
}

/* ---- whose job it is */

TEST(a_second_controller)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1"), *other = store();
	struct fp_err e = { .text = "" };
	uint64_t n = 0;

	EQ(fp_store_begin(other, "j2", "fs1", "two, pid 2", &e), -EBUSY);
	STR(e.rule, "lock");
	HAS(e.text, "fp-recover, pid ");
	EQ(fp_store_begin(other, "j1", "fs1", "two, pid 2", &e), -EBUSY);
	EQ(fp_store_take(other, &of_old, false, &n, &e), -EBUSY);
	/* another node is free */
	EQ(fine(fp_store_begin(other, "j2", "fs2", "two, pid 2", &e), &e), 0);
	EQ(fp_store_begin(other, "j1", "fs2", "two, pid 2", &e), -EINVAL);
	EQ(fp_store_check(s, &e), 0);
	fp_store_close(s);
	fp_store_close(other);
	fp_pg_close(p);
}

/* Who was stopped, and goes on when the job is another's. */
TEST(a_job_that_was_taken_over)
{
	static const char *const one[] = { "old-1" };
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1"), *other = store();
	struct fp_err e = { .text = "" };
	uint64_t n = 0;

	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	fp_db_unlock(s->pg, s->lock); /* as if its session were lost */
	EQ(fp_store_begin(other, "j1", "fs1", "two, pid 2", &e), 0);
	EQ(fp_store_mark(s, one, 1, "proven", &e), -EBUSY);
	HAS(e.text, "holds fs1 now");
	EQ(fp_store_return(s, &n, &e), -EBUSY);
	EQ(fp_store_unput(s, s, "fp-j1-1", &n, &e), -EBUSY);
	EQ(fp_store_end(s, true, &e), -EBUSY);
	EQ(fp_store_mark(other, one, 1, "lost", &e), 0);
	/* the lock is free again, the job is not ours for that */
	fp_db_unlock(other->pg, other->lock);
	EQ(fp_store_mark(s, one, 1, "proven", &e), -EBUSY);
	HAS(e.text, "taken over by two, pid 2");
	STR(ask(p, "select state from fp_stage where uuid = 'old-1'"), "lost");
	STR(ask(p, "select count(*) from recovery"), "9");
	fp_store_close(s);
	fp_store_close(other);
	fp_pg_close(p);
}

/* ---- the session */

/* In a process of its own: end fp-recover's session when it waits for a row. */
static pid_t killer(void)
{
	pid_t pid = fork();
	struct fp_pg *p;

	if (pid)
		return pid;
	alarm(20);
	p = admin();
	while (*ask(p, "select count(pg_terminate_backend(pid))"
		       " from pg_stat_activity where wait_event_type = 'Lock'"
		       " and application_name = 'fp-recover'") == '0')
		usleep(10000);
	_exit(0);
}

TEST(a_session_that_is_ended_amid_a_transaction)
{
	struct fp_pg *p = fresh(), *blocker = admin();
	struct fp_store *s = begun("j1");
	struct fp_err e = { .text = "" };
	uint64_t n = 0;
	pid_t pid;

	sql(blocker, "begin; select * from recovery where uuid = 'old-3'"
		     " for update");
	pid = killer();
	EQ(fp_store_take(s, &of_old, false, &n, &e), -ECONNRESET);
	waitpid(pid, NULL, 0);
	sql(blocker, "rollback");
	EQ(fp_store_check(s, &e), -ECONNRESET);
	STR(ask(p, "select count(*) from fp_stage"), "0");
	STR(ask(p, "select count(*) from recovery"), "12");
	fp_store_close(s);
	/* and again, with a new one */
	s = begun("j1");
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(n, 3);
	fp_store_close(s);
	fp_pg_close(blocker);
	fp_pg_close(p);
}

static const struct fp_store_put legs[] = {
	{ "old-1", "<one/>", 6, "internal" },
	{ "old-2", "<two/>", 6, "internal" },
};

TEST(a_target_that_goes_while_rows_are_put)
{
	struct fp_pg *p = fresh(), *blocker = admin();
	struct fp_store *s = begun("j1"), *to;
	struct fp_err e = { .text = "" };
	uint64_t n = 0;
	pid_t pid;

	sql(p, "create schema fs2 authorization ctl; set role ctl;"
	       "set search_path = fs2;" RECOVERY "reset role;"
	       "set search_path = public");
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	to = store_of("options='-csearch_path=fs2'");
	sql(blocker, "begin; lock table fs2.recovery");
	pid = killer();
	EQ(fp_store_put(s, to, "fp-j1-1", "two", "fs2", legs, 2, &e),
	   -ECONNRESET);
	waitpid(pid, NULL, 0);
	sql(blocker, "rollback");
	STR(ask(p, "select count(*) from fs2.recovery"), "0");
	STR(ask(p, "select string_agg(state || token, ',' order by uuid)"
		   " from fp_stage"),
	    "putfp-j1-1,putfp-j1-1,taken");
	fp_store_close(to);
	to = store_of("options='-csearch_path=fs2'");
	EQ(fp_store_put(s, to, "fp-j1-1", "two", "fs2", legs, 2, &e), 0);
	STR(ask(p, "select count(*) from fs2.recovery"), "2");
	fp_store_close(to);
	fp_store_close(s);
	fp_pg_close(blocker);
	fp_pg_close(p);
}

/* A statement that takes too long leaves a session that is clean. */
TEST(a_statement_that_is_cancelled)
{
	struct fp_pg *p = fresh(), *blocker = admin();
	struct fp_store *s = begun("j1");
	struct fp_err e = { .text = "" };
	uint64_t n = 0;

	sql(blocker, "begin; select * from recovery where uuid = 'old-3'"
		     " for update");
	EQ(fp_pg_script(s->pg, "set statement_timeout = 300", &e), 0);
	EQ(fp_store_take(s, &of_old, false, &n, &e), -ETIMEDOUT);
	EQ(fp_store_check(s, &e), 0);
	sql(blocker, "rollback");
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(n, 3);
	fp_store_close(s);
	fp_pg_close(blocker);
	fp_pg_close(p);
}

/* ---- what we may not */

TEST(a_server_that_is_read_only)
{
	struct fp_pg *p = fresh();
	struct fp_store *s =
		store_of("options='-cdefault_transaction_read_only=on'");
	struct fp_store_rows rows;
	struct fp_err e;

	EQ(fp_store_rows(s, &of_old, &rows, &e), 0);
	EQ(rows.n, 3);
	fp_store_rows_free(&rows);
	EQ(fp_store_begin(s, "j1", "fs1", "me", &e), -EROFS);
	HAS(e.text, "read-only");
	fp_store_close(s);
	fp_pg_close(p);
}

TEST(a_standby)
{
	char words[CONNINFO_SIZE];
	const struct fp_store_opts o = { .conninfo = words,
					 .app = "fp-recover",
					 .timeout_ms = 20000 };
	struct fp_pg *p = fresh();
	struct fp_store *s = NULL;
	struct fp_err e;

	if (lab("pg_standby"))
		SKIP("no standby");
	conninfo(words, "ctl", 5433, "");
	for (int i = 0; i < 100; i++) { /* until it has the table */
		if (!fp_store_open(&s, &o, &e))
			break;
		usleep(50000);
	}
	if (!OK(s))
		return;
	EQ(fp_store_begin(s, "j1", "fs1", "me", &e), -EROFS);
	HAS(e.text, "standby");
	fp_store_close(s);
	EQ(lab("pg_stop standby"), 0);
	fp_pg_close(p);
}

TEST(a_role_that_may_not_make_tables)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = store();
	struct fp_err e;
	uint64_t n;

	sql(p, "revoke create on schema public from ctl, public;"
	       "alter table recovery owner to postgres;"
	       "grant select on recovery to ctl");
	EQ(fp_store_begin(s, "j1", "fs1", "me", &e), -EACCES);
	HAS(e.text, "GRANT USAGE, CREATE ON SCHEMA public TO ctl; ");
	HAS(e.text, "GRANT SELECT, INSERT, UPDATE, DELETE ON recovery TO ctl");
	sql(p, "grant usage, create on schema public to ctl;"
	       "grant select, insert, update, delete on recovery to ctl");
	EQ(fine(fp_store_begin(s, "j1", "fs1", "me", &e), &e), 0);
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	fp_store_close(s);
	/* made by another role */
	sql(p, "alter table fp_stage owner to postgres");
	s = store();
	EQ(fp_store_begin(s, "j1", "fs1", "me", &e), -EACCES);
	HAS(e.text, "DELETE ON fp_stage TO ctl");
	fp_store_close(s);
	fp_pg_close(p);
}

/* All of a fleet's controllers begin at once, with nothing there. */
TEST(tables_are_made_once)
{
	struct fp_pg *p = fresh();
	struct fp_err e = { .text = "" };
	char job[16];
	pid_t pid[6];
	int status;

	for (int i = 0; i < 6; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		snprintf(job, sizeof(job), "j%d", i);
		_exit(fine(fp_store_begin(store(), job, job, "me", &e), &e) !=
		      0);
	}
	for (int i = 0; i < 6; i++) {
		waitpid(pid[i], &status, 0);
		EQ(status, 0);
	}
	STR(ask(p, "select count(*) from fp_stage_job"), "6");
	fp_pg_close(p);
}

/* ---- sessions of a dead run */

static struct fp_pg *session(const char *user, const char *app)
{
	char words[CONNINFO_SIZE];
	const struct fp_pg_opts o = { .conninfo = words,
				      .app = app,
				      .timeout_ms = 5000 };
	struct fp_pg *p = NULL;
	struct fp_err e = { .text = "" };

	conninfo(words, user, 5432, "");
	EQ(fine(fp_pg_open(&p, &o, &e), &e), 0);
	return p;
}

/* The server's word that it ended it is on its way. */
static bool is_ended(const struct fp_pg *p)
{
	for (int i = 0; i < 200 && fp_pg_is_alive(p); i++)
		usleep(10000);
	return !fp_pg_is_alive(p);
}

TEST(sessions_of_a_dead_run)
{
	static const char *const addrs[] = { "192.0.2.1", "127.0.0.1" };
	struct fp_store_sessions w = { .app = "fs1" };
	struct fp_pg *p = fresh();
	struct fp_pg *own = session("ctl", "fs1"), *other = session("ctl", "x"),
		     *tool = session("ctl", "fp-health");
	struct fp_store *s = store();
	struct fp_err e;
	uint64_t ended = 9, left = 9;
	bool is_blind = true;

	w.before_s = 1; /* none began then */
	EQ(fine(fp_store_end_sessions(s, &w, &ended, &left, &is_blind, &e), &e),
	   0);
	EQ(ended, 0);
	w.before_s = 0;
	EQ(fp_store_end_sessions(s, &w, &ended, &left, &is_blind, &e), 0);
	EQ(ended, 1);
	EQ(left, 0);
	OK(!is_blind);
	OK(is_ended(own));
	OK(fp_pg_is_alive(other));
	fp_pg_close(p); /* the superuser's is from that address too */
	w = (struct fp_store_sessions){ .addrs = addrs, .n_addrs = 2 };
	EQ(fp_store_end_sessions(s, &w, &ended, &left, &is_blind, &e), 0);
	EQ(ended, 1);
	OK(is_ended(other));
	OK(fp_pg_is_alive(tool));
	EQ(fp_store_check(s, &e), -EBUSY); /* it lives */
	fp_pg_close(own);
	fp_pg_close(other);
	fp_pg_close(tool);
	fp_store_close(s);
}

TEST(sessions_that_are_not_ours_to_end)
{
	static const char *const addrs[] = { "127.0.0.1" };
	struct fp_store_sessions w = { .app = "fs1" };
	struct fp_pg *p = fresh(), *super = session("postgres", "fs1"),
		     *own = session("ctl", "fs1");
	struct fp_store *s = store();
	struct fp_err e;
	uint64_t ended = 9, left = 9;
	bool is_blind = true;

	EQ(fine(fp_store_end_sessions(s, &w, &ended, &left, &is_blind, &e), &e),
	   0);
	EQ(ended, 1);
	EQ(left, 1);
	OK(!is_blind);
	OK(fp_pg_is_alive(super));
	/* nothing to know them by */
	w = (struct fp_store_sessions){ .app = NULL };
	EQ(fp_store_end_sessions(s, &w, &ended, &left, &is_blind, &e), 0);
	EQ(ended, 0);
	OK(is_blind);
	/* where a superuser's come from is not told */
	w = (struct fp_store_sessions){ .addrs = addrs, .n_addrs = 1 };
	EQ(fp_store_end_sessions(s, &w, &ended, &left, &is_blind, &e), 0);
	EQ(ended, 0);
	OK(is_blind);
	fp_pg_close(super);
	fp_pg_close(own);
	fp_pg_close(p);
	fp_store_close(s);
}

TEST(the_server_goes)
{
	char file[512];

	place(file, sizeof(file));
	EQ(lab("pg_down"), 0);
	unlink(file);
}
