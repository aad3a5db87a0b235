/* SPDX-License-Identifier: Apache-2.0 */
/* lib/recover's store with a real PostgreSQL: whose rows are taken, put and given
 * back.  Faults: store_fault_test.c. */
#include "store.h"

TEST(a_server_is_up)
{
	if (lab("pg_up"))
		SKIP("PostgreSQL does not start");
}

/* ---- reading */

TEST(arrays)
{
	struct fp_buf b = { .data = NULL };

	STR(fp_pg_array(&b), "{}");
	fp_buf_fini(&b);
	fp_pg_array_add(&b, "", 0);
	fp_pg_array_add(&b, "a,b", 3);
	fp_pg_array_add(&b, "\"\\", 2);
	fp_pg_array_add(&b, "NULL", 4);
	STR(fp_pg_array(&b), "{\"\",\"a,b\",\"\\\"\\\\\",\"NULL\"}");
	fp_buf_fini(&b);
}

TEST(runs_and_rows)
{
	static const char *const uuids[] = { "old-2", "new-1", "two-1" };
	struct fp_pg *p = fresh();
	struct fp_store *s = store();
	struct fp_store_run *run = NULL;
	struct fp_store_rows rows;
	struct fp_store_pick pick = of_old;
	struct fp_err e;
	int64_t count = 0;
	size_t n = 0;

	EQ(fp_store_runs(s, &run, &n, &e), 0);
	EQ(n, 4);
	STR(run[0].hostname, "fs1");
	STR(run[0].run, "new");
	EQ(run[0].rows, 3);
	free(run);
	EQ(fp_store_rows(s, &pick, &rows, &e), 0);
	EQ(rows.n, 3);
	STR(rows.v[0].uuid, "old-1");
	STR(rows.v[2].run, "old");
	EQ(rows.v[0].xml_len, strlen(rows.v[0].xml));
	HAS(rows.v[0].xml, "\"\\old");
	fp_store_rows_free(&rows);
	pick.uuids = uuids;
	pick.n_uuids = 3;
	EQ(fp_store_rows(s, &pick, &rows, &e), 0);
	EQ(rows.n, 1);
	fp_store_rows_free(&rows);
	EQ(fp_store_count(s, uuids, 3, &count, &e), 0);
	EQ(count, 3);
	/* legs, not rows; of its run alone */
	EQ(fp_store_held(s, &pick, &count, &e), 0);
	EQ(count, 1);
	pick.n_uuids = 0;
	sql(p, "insert into recovery select * from recovery where"
	       " uuid = 'old-1'");
	EQ(fp_store_held(s, &pick, &count, &e), 0);
	EQ(count, 3);
	fp_store_close(s);
	fp_pg_close(p);
}

TEST(two_sessions_with_the_same_tables)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = store(), *again = store_of("options='-cgeqo=off'"),
			*own;

	sql(p, "create schema fs2; create table fs2.recovery"
	       " (like recovery including all); grant usage on schema fs2"
	       " to ctl; grant all on fs2.recovery to ctl");
	own = store_of("options='-csearch_path=fs2'");
	OK(fp_store_is_same(s, s) && fp_store_is_same(s, again));
	OK(!fp_store_is_same(s, own));
	fp_store_close(s);
	fp_store_close(again);
	fp_store_close(own);
	fp_pg_close(p);
}

TEST(nothing_there)
{
	char words[CONNINFO_SIZE];
	const struct fp_store_opts o = { .conninfo = words,
					 .app = "fp-recover",
					 .timeout_ms = 5000 };
	struct fp_pg *p = fresh();
	struct fp_store *s = store();
	struct fp_err e;
	uint64_t forgot = 9;

	EQ(fp_store_forget(s, 0, &forgot, &e), 0);
	EQ(forgot, 0);
	fp_store_close(s);
	sql(p, "drop table recovery");
	conninfo(words, "ctl", 5432, "");
	EQ(fp_store_open(&s, &o, &e), -ENOENT);
	HAS(e.text, "no table recovery");
	fp_pg_close(p);
}

/* What is too long is known, and not read. */
TEST(a_row_that_is_too_long)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_store_rows rows;
	struct fp_err e;
	uint64_t n = 0;

	sql(p, "update recovery set metadata = repeat('x', 10000000)"
	       " where uuid = 'old-2'");
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(n, 3);
	EQ(fp_store_staged(s, &rows, &e), 0);
	EQ(rows.v[0].too_long, 0);
	STR(rows.v[1].xml, "");
	EQ(rows.v[1].xml_len, 0);
	EQ(rows.v[1].too_long, 10000000);
	fp_store_rows_free(&rows);
	EQ(fp_store_return(s, &n, &e), 0);
	STR(ask(p, "select length(metadata) from recovery"
		   " where uuid = 'old-2'"),
	    "10000000");
	fp_store_close(s);
	fp_pg_close(p);
}

/* ---- taking */

TEST(only_the_dead_runs_rows_are_taken)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_store_rows rows;
	struct fp_err e;
	uint64_t n = 0;

	EQ(fine(fp_store_take(s, &of_old, false, &n, &e), &e), 0);
	EQ(n, 3);
	STR(ask(p, "select string_agg(runtime_uuid || hostname, ',' order by"
		   " uuid) from recovery"),
	    "newfs1,newfs1,newfs1,threefs3,threefs3,threefs3,"
	    "twofs2,twofs2,twofs2");
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(n, 0);
	EQ(fp_store_staged(s, &rows, &e), 0);
	EQ(rows.n, 3);
	STR(rows.v[0].state, "taken");
	STR(rows.v[0].token, "");
	STR(rows.v[0].profile, "internal");
	STR(rows.v[0].technology, "sofia");
	STR(rows.v[0].hostname, "fs1");
	HAS(rows.v[0].xml, "\"\\old</cdr>");
	OK(rows.v[0].at_s > 1600000000);
	fp_store_rows_free(&rows);
	fp_store_close(s);
	fp_pg_close(p);
}

TEST(the_host_is_looked_at_too)
{
	static const char *const runs[] = { "old", "two", "three" };
	const struct fp_store_pick pick = { .hostname = "fs1",
					    .runs = runs,
					    .n_runs = 3 };
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_err e;
	uint64_t n = 0;

	EQ(fp_store_take(s, &pick, false, &n, &e), 0);
	EQ(n, 3);
	STR(ask(p, "select count(*) from recovery"), "9");
	fp_store_close(s);
	fp_pg_close(p);
}

/* A job put them for a target that died before it took them up. */
TEST(rows_with_our_prefix)
{
	static const char *const uuids[] = { "old-1", "old-2" };
	struct fp_store_pick pick = of_old;
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_store_rows rows;
	struct fp_err e;
	uint64_t n = 0;

	sql(p, "update recovery set uuid = 'fp:' || uuid, profile_name = 'fp-x'"
	       " where runtime_uuid = 'old'");
	pick.uuids = uuids;
	pick.n_uuids = 2;
	EQ(fp_store_take(s, &pick, false, &n, &e), 0);
	EQ(n, 2);
	EQ(fp_store_staged(s, &rows, &e), 0);
	STR(rows.v[0].uuid, "old-1");
	fp_store_rows_free(&rows);
	EQ(fp_store_return(s, &n, &e), 0);
	EQ(n, 2);
	STR(ask(p, "select string_agg(uuid || profile_name, ',' order by uuid)"
		   " from recovery where runtime_uuid = 'old'"),
	    "fp:old-1fp-x,fp:old-2fp-x,fp:old-3fp-x");
	fp_store_close(s);
	fp_pg_close(p);
}

TEST(what_a_job_has_in_hand_is_not_anothers)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_err e;
	uint64_t n = 0;

	EQ(fp_store_take(s, &of_old, true, &n, &e), 0);
	EQ(n, 3);
	fp_store_close(s); /* killed */
	s = begun("j2");
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(n, 0);
	STR(ask(p, "select count(*) from recovery"), "12");
	fp_store_close(s);
	s = begun("j1");
	EQ(fp_store_return(s, &n, &e), 0);
	EQ(n, 3);
	STR(ask(p, "select count(*) from recovery"), "12");
	EQ(fp_store_end(s, false, &e), 0);
	STR(ask(p, "select count(*) from fp_stage_job where job = 'j1'"), "0");
	EQ(fp_store_begin(s, "j3", "fs1", "me", &e), 0);
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(n, 3);
	fp_store_close(s);
	fp_pg_close(p);
}

/* Its run died again: what came up meanwhile is the truth. */
TEST(a_later_run_of_the_same_leg)
{
	static const char *const runs[] = { "old", "new" };
	const struct fp_store_pick pick = { .hostname = "fs1",
					    .runs = runs,
					    .n_runs = 2 };
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_store_rows rows;
	struct fp_err e;
	uint64_t n = 0;

	sql(p, "update recovery set uuid = replace(uuid, 'new', 'old')");
	EQ(fp_store_take(s, &pick, false, &n, &e), 0);
	EQ(n, 3);
	EQ(fp_store_staged(s, &rows, &e), 0);
	EQ(rows.n, 3);
	STR(rows.v[0].run, "new");
	fp_store_rows_free(&rows);
	STR(ask(p, "select count(*) from recovery where hostname = 'fs1'"),
	    "0");
	fp_store_close(s);
	fp_pg_close(p);
}

TEST(rows_from_elsewhere)
{
	const struct fp_store_row v[] = {
		{ .run = "r",
		  .technology = "sofia",
		  .profile = "internal",
		  .hostname = "fs1",
		  .uuid = "fp:u1",
		  .xml = "<cdr>{\"a\\,}</cdr>tail",
		  .xml_len = 17 },
		{ .run = "r",
		  .technology = "sofia",
		  .profile = "internal",
		  .hostname = "fs1",
		  .uuid = "u2",
		  .xml = "",
		  .xml_len = 0 },
	};
	struct fp_store_row bad = v[0];
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_store_rows rows;
	struct fp_err e;
	uint64_t n = 0;

	EQ(fine(fp_store_stage(s, v, 2, &n, &e), &e), 0);
	EQ(n, 2);
	EQ(fp_store_stage(s, v, 2, &n, &e), 0);
	EQ(n, 0);
	bad.xml = "a\0b";
	bad.xml_len = 3;
	EQ(fp_store_stage(s, &bad, 1, &n, &e), -EINVAL);
	HAS(e.text, "u1");
	EQ(fp_store_staged(s, &rows, &e), 0);
	EQ(rows.n, 2);
	STR(rows.v[0].uuid, "u1");
	STR(rows.v[0].xml, "<cdr>{\"a\\,}</cdr>");
	fp_store_rows_free(&rows);
	EQ(fp_store_return(s, &n, &e), 0);
	EQ(n, 2);
	STR(ask(p, "select count(*) from recovery"), "12");
	fp_store_close(s);
	fp_pg_close(p);
}

/* ---- putting */

static const struct fp_store_put legs[] = {
	{ "old-3", "<three \"\\/>", 11, "internal" },
	{ "old-1", "<one/>", 6, "internal" },
	{ "old-2", "<two/>", 6, NULL },
};
#define IN_RECOVERY                                                            \
	"select string_agg(concat_ws(' ', runtime_uuid, technology,"           \
	" profile_name, hostname, uuid, metadata), ',' order by ctid)"         \
	" from recovery where runtime_uuid = 'old'"
#define IN_STAGE                                                               \
	"select string_agg(concat_ws(' ', uuid, state, target, token,"         \
	" profile_real), ',' order by uuid) from fp_stage"

TEST(rows_are_put_in_their_order)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_err e;
	uint64_t n = 0;

	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	for (int i = 0; i < 2; i++)
		EQ(fine(fp_store_put(s, s, "fp-j1-1", "two", "fs2", legs, 3,
				     &e),
			&e),
		   0);
	STR(ask(p, IN_RECOVERY), "old sofia fp-j1-1 fs2 fp:old-3 <three \"\\/>,"
				 "old sofia fp-j1-1 fs2 fp:old-1 <one/>,"
				 "old sofia fp-j1-1 fs2 fp:old-2 <two/>");
	STR(ask(p, IN_STAGE), "old-1 put two fp-j1-1 internal,"
			      "old-2 put two fp-j1-1 ,"
			      "old-3 put two fp-j1-1 internal");
	STR(ask(p, "select count(*) from recovery where uuid like 'fp:%'"),
	    "3");
	/* to another: not under two tokens */
	EQ(fp_store_put(s, s, "fp-j1-2", "three", "fs3", legs, 1, &e), 0);
	STR(ask(p, "select string_agg(uuid || profile_name, ',' order by uuid)"
		   " from recovery where runtime_uuid = 'old'"),
	    "fp:old-1fp-j1-1,fp:old-2fp-j1-1,fp:old-3fp-j1-2");
	fp_store_close(s);
	fp_pg_close(p);
}

TEST(what_cannot_be_put)
{
	const struct fp_store_put twice[] = { legs[0], legs[0] };
	const struct fp_store_put none[] = { { "nosuch", "", 0, "" } };
	static const char *const one[] = { "old-3" };
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_err e;
	uint64_t n = 0;

	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(fp_store_put(s, s, "internal", "two", "fs2", legs, 1, &e), -EINVAL);
	EQ(fp_store_put(s, s, "fp-1", "two", "fs2", twice, 2, &e), -EINVAL);
	EQ(fp_store_put(s, s, "fp-1", "two", "fs2", none, 1, &e), -EINVAL);
	EQ(fp_store_mark(s, one, 1, "proven", &e), 0);
	EQ(fp_store_put(s, s, "fp-1", "two", "fs2", legs, 3, &e), -EINVAL);
	HAS(e.text, "1 of 3 rows");
	STR(ask(p, IN_RECOVERY), "");
	EQ(fp_store_mark(s, one, 1, "nonsense", &e), -EINVAL);
	fp_store_close(s);
	fp_pg_close(p);
}

TEST(what_was_not_consumed_is_taken_back)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_err e;
	uint64_t n = 0;

	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(fp_store_put(s, s, "fp-j1-1", "two", "fs2", legs, 3, &e), 0);
	sql(p, "delete from recovery where uuid = 'fp:old-1'");
	EQ(fp_store_unput(s, s, "fp-j1-1", &n, &e), 0);
	EQ(n, 2);
	STR(ask(p, IN_RECOVERY), "");
	STR(ask(p, IN_STAGE), "old-1 put two fp-j1-1 internal,"
			      "old-2 taken   ,old-3 taken   internal");
	EQ(fp_store_unput(s, s, "fp-j1-1", &n, &e), 0);
	EQ(n, 0);
	EQ(fp_store_unput(s, s, "internal", &n, &e), -EINVAL);
	STR(ask(p, "select count(*) from recovery"), "9");
	fp_store_close(s);
	fp_pg_close(p);
}

/* Hosts with a schema each; staging is the source's. */
TEST(a_target_with_a_store_of_its_own)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1"), *to;
	struct fp_err e;
	uint64_t n = 0;

	sql(p, "create schema fs2 authorization ctl; set role ctl;"
	       "set search_path = fs2;" RECOVERY "reset role;"
	       "set search_path = public");
	to = store_of("options='-csearch_path=fs2,public'");
	OK(strcmp(s->identity, to->identity));
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	for (int i = 0; i < 2; i++)
		EQ(fine(fp_store_put(s, to, "fp-j1-1", "two", "fs2", legs, 3,
				     &e),
			&e),
		   0);
	STR(ask(p, "select string_agg(uuid || hostname, ',' order by ctid)"
		   " from fs2.recovery"),
	    "fp:old-3fs2,fp:old-1fs2,fp:old-2fs2");
	STR(ask(p, IN_RECOVERY), "");
	STR(ask(p, "select to_regclass('fs2.fp_stage')"), "");
	sql(p, "delete from fs2.recovery where uuid = 'fp:old-1'");
	EQ(fp_store_unput(s, to, "fp-j1-1", &n, &e), 0);
	EQ(n, 2);
	STR(ask(p, "select count(*) from fs2.recovery"), "0");
	/* a job there has its tables there */
	EQ(fp_store_begin(to, "j2", "fs2", "me", &e), 0);
	STR(ask(p, "select to_regclass('fs2.fp_stage')"), "fs2.fp_stage");
	fp_store_close(to);
	fp_store_close(s);
	fp_pg_close(p);
}

TEST(two_sessions_with_one_database)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1"), *to = store();
	struct fp_err e;
	uint64_t n = 0;

	STR(s->identity, to->identity);
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(fp_store_put(s, to, "fp-j1-1", "two", "fs2", legs, 3, &e), 0);
	EQ(fp_store_unput(s, to, "fp-j1-1", &n, &e), 0);
	EQ(n, 3);
	fp_store_close(to);
	fp_store_close(s);
	fp_pg_close(p);
}

TEST(ports_of_a_target)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_store_port *v = NULL;
	struct fp_err e;
	uint64_t taken = 0;
	size_t n = 0;

	sql(p, "update recovery set metadata = '<local_media_ip>%3A%3A1<x/>"
	       "<local_media_port>30002</local_media_port><local_video_port>"
	       "30004</local_video_port><local_text_port>x</local_text_port>'"
	       " where uuid = 'two-1'");
	EQ(fp_store_take(s, &of_old, false, &taken, &e), 0);
	EQ(fp_store_put(s, s, "fp-j1-1", "two", "fs2", legs, 3, &e), 0);
	EQ(fp_store_ports(s, "fs2", &v, &n, &e), 0);
	EQ(n, 3); /* not our own */
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].uuid, "two-1")) {
			STR(v[i].ip, "::1");
			EQ(v[i].media, 30002);
			EQ(v[i].video, 30004);
			EQ(v[i].text, 0);
		} else {
			STR(v[i].ip, "192.0.2.2");
			OK(v[i].media == 20004 || v[i].media == 20006);
		}
	free(v);
	fp_store_close(s);
	s = store(); /* nobody's */
	EQ(fp_store_ports(s, "fs2", &v, &n, &e), 0);
	EQ(n, 6);
	free(v);
	fp_store_close(s);
	fp_pg_close(p);
}

/* ---- the end */

TEST(an_ended_job_keeps_what_was_not_proven)
{
	static const char *const proven[] = { "old-1" };
	static const char *const lost[] = { "old-2" };
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_err e;
	uint64_t n = 0;

	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(fp_store_mark(s, proven, 1, "proven", &e), 0);
	EQ(fp_store_mark(s, lost, 1, "lost", &e), 0);
	EQ(fp_store_forget(s, 0, &n, &e), 0);
	EQ(n, 0);
	EQ(fp_store_end(s, false, &e), 0);
	EQ(fp_store_check(s, &e), -EBUSY);
	/* what became of each, without its keys where nothing is left to be had */
	STR(ask(p, "select string_agg(concat_ws(' ', uuid, runtime_uuid, state,"
		   " metadata <> ''), ',' order by uuid) from fp_stage"),
	    "old-1 old proven f,old-2 old lost f,old-3 old taken t");
	EQ(fp_store_forget(s, 3600, &n, &e), 0);
	EQ(n, 0);
	EQ(fp_store_forget(s, 0, &n, &e), 0);
	EQ(n, 3);
	STR(ask(p, "select count(*) from fp_stage_job"), "0");
	fp_store_close(s);
	fp_pg_close(p);
}

/* A dead node's file has its rows for ever. */
TEST(what_came_up_is_known)
{
	static const char *const proven[] = { "old-1" };
	static const char *const lost[] = { "old-2" };
	const struct fp_store_row v[] = {
		{ .uuid = "old-1", .run = "old" },
		{ .uuid = "old-1", .run = "new" }, /* another time */
		{ .uuid = "old-2", .run = "old" },
		{ .uuid = "old-3", .run = "old" },
		{ .uuid = "two-1", .run = "old" }, /* fs2 has it */
		{ .uuid = "two-2", .run = "old" }, /* ... is to have it */
		{ .uuid = "u", .run = "old" },
	};
	bool is[7] = { false };
	struct fp_pg *p = fresh();
	struct fp_store *s = store();
	struct fp_err e;
	uint64_t n = 0;

	EQ(fine(fp_store_known(s, v, 7, is, &e), &e), 0);
	OK(is[0] && !is[6]);
	fp_store_close(s);
	s = begun("j1");
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(fp_store_mark(s, proven, 1, "proven", &e), 0);
	EQ(fp_store_mark(s, lost, 1, "lost", &e), 0);
	EQ(fp_store_return(s, &n, &e), 0);
	EQ(n, 1);
	EQ(fp_store_end(s, false, &e), 0);
	sql(p, "delete from recovery where runtime_uuid = 'old';"
	       "update recovery set uuid = 'fp:two-2' where uuid = 'two-2'");
	memset(is, 0, sizeof(is));
	EQ(fine(fp_store_known(s, v, 7, is, &e), &e), 0);
	OK(is[0] && !is[1] && is[2] && !is[3] && is[4] && is[5] && !is[6]);
	fp_store_close(s);
	fp_pg_close(p);
}

/* ---- speed */

#define LEGS 5000

/* A captured row, LEGS times. */
static void insert_many(struct fp_pg *p)
{
	static char xml[20000];
	FILE *f = fopen("test/fuzz/corpus/fsrow/A-bridged-inbound", "re");
	const char *params[] = { xml };
	struct fp_err e;

	OK(f && fread(xml, 1, sizeof(xml) - 1, f) > 8000);
	if (f)
		fclose(f);
	sql(p, "delete from recovery");
	EQ(fp_pg_do(p,
		    "insert into recovery select 'old', 'sofia', 'internal',"
		    " 'fs1', id, replace($1, '</cdr>', '<id>' || id ||"
		    " '</id></cdr>') from generate_series(1, 5000) i,"
		    " lateral md5(i::text) x (id)",
		    params, 1, NULL, NULL, &e),
	   0);
	sql(p, "analyze recovery");
}

static void put_all(struct fp_store *s, const struct fp_store_rows *rows)
{
	struct fp_store_put *v = calloc(rows->n, sizeof(*v));
	struct fp_err e;

	for (size_t i = 0; i < rows->n; i++)
		v[i] = (struct fp_store_put){ .uuid = rows->v[i].uuid,
					      .xml = rows->v[i].xml,
					      .xml_len = rows->v[i].xml_len };
	EQ(fine(fp_store_put(s, s, "fp-j1", "two", "fs2", v, rows->n, &e), &e),
	   0);
	free(v);
}

TEST(five_thousand_rows)
{
	struct fp_pg *p = fresh();
	struct fp_store *s = begun("j1");
	struct fp_store_rows rows;
	struct fp_err e;
	uint64_t n = 0;
	long t[4];

	insert_many(p);
	t[0] = unit_now_ms();
	EQ(fp_store_take(s, &of_old, false, &n, &e), 0);
	EQ(n, LEGS);
	t[1] = unit_now_ms();
	EQ(fp_store_staged(s, &rows, &e), 0);
	EQ(rows.n, LEGS);
	t[2] = unit_now_ms();
	put_all(s, &rows);
	t[3] = unit_now_ms();
	printf("# take %ld ms, read %ld ms, put %ld ms\n", t[1] - t[0],
	       t[2] - t[1], t[3] - t[2]);
	OK(t[3] - t[0] < 30000); /* fifty times what it takes */
	STR(ask(p, "select count(*) from recovery where profile_name ="
		   " 'fp-j1'"),
	    "5000");
	fp_store_rows_free(&rows);
	fp_store_close(s);
	fp_pg_close(p);
}

TEST(the_server_goes)
{
	char file[512];

	place(file, sizeof(file));
	EQ(lab("pg_down"), 0);
	unlink(file);
}
