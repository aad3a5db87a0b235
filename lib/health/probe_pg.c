/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL: is it there, read-write or a standby, and how far behind? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "health/probe_sql.h"

enum {
	IS_STANDBY,
	VERSION,
	READ_ONLY,
	CONNECTIONS,
	MAX_CONNECTIONS,
	LAG,
	STANDBYS,
	RECEIVERS,
};

/* A standby that has replayed all that came is not behind, however long ago that
 * was; one that receives nothing may be, by all that time.  A primary knows lag
 * from its standbys' answers: of one that answers no more, by when it did last.
 * What the role may not see is null.
 * Source: PostgreSQL 15, 9.27.4, 28.2.4, 28.2.6. */
static const char sql[] =
	"select pg_is_in_recovery(), current_setting('server_version'),"
	" current_setting('default_transaction_read_only') = 'on',"
	" (select sum(numbackends) from pg_stat_database),"
	" current_setting('max_connections'),"
	" case when not pg_is_in_recovery() then"
	"  (select max(greatest(extract(epoch from replay_lag),"
	"   case when sent_lsn > replay_lsn then"
	"   extract(epoch from clock_timestamp() - reply_time) end))"
	"   from pg_stat_replication)"
	" when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() and"
	"  exists (select 1 from pg_stat_wal_receiver) then 0"
	" else extract(epoch from"
	"  clock_timestamp() - pg_last_xact_replay_timestamp()) end,"
	" (select count(*) from pg_stat_replication),"
	" (select count(*) from pg_stat_wal_receiver)";

static bool is_yes(const struct fp_pg_rows *rows, size_t column)
{
	const char *s = fp_pg_value(rows, 0, column);

	return s && *s == 't';
}

/* "15.18 (Debian 15.18-0+deb12u1)": the first word. */
static int version_len(const char *s)
{
	return (int)strcspn(s, " ");
}

static void say(const struct fp_pg_rows *rows, struct fp_reading *r)
{
	const char *version = fp_pg_value(rows, 0, VERSION);
	const char *lag = fp_pg_value(rows, 0, LAG);
	bool is_standby = is_yes(rows, IS_STANDBY);
	int64_t standbys = fp_pg_int(rows, 0, STANDBYS);

	version = version ? version : "?";
	if (is_standby)
		fp_reading_say(r, FP_OK, "PostgreSQL %.*s, standby%s",
			       version_len(version), version,
			       lag ? "" : ", nothing replayed yet");
	else
		fp_reading_say(r, FP_OK, "PostgreSQL %.*s, read-%s, %lld %s",
			       version_len(version), version,
			       is_yes(rows, READ_ONLY) ? "only" : "write",
			       (long long)standbys,
			       standbys == 1 ? "standby" : "standbys");
	if (is_standby && !fp_pg_int(rows, 0, RECEIVERS))
		fp_reading_say(r, FP_WARNING,
			       "it receives nothing from a primary");
	if (!is_standby && is_yes(rows, READ_ONLY))
		fp_reading_say(r, FP_WARNING,
			       "default_transaction_read_only is on");
}

void fp_probe_pg_read(struct fp_probe *p, const struct fp_pg_rows *rows,
		      struct fp_reading *r)
{
	const char *lag = fp_pg_value(rows, 0, LAG);

	(void)p;
	say(rows, r);
	fp_reading_figure(r, "connections",
			  (double)fp_pg_int(rows, 0, CONNECTIONS), "",
			  (double)fp_pg_int(rows, 0, MAX_CONNECTIONS));
	if (lag) /* clocks may differ a little */
		fp_reading_figure(r, "lag", fmax(0, strtod(lag, NULL)), "s",
				  NAN);
	if (!is_yes(rows, IS_STANDBY))
		fp_reading_figure(r, "standbys",
				  (double)fp_pg_int(rows, 0, STANDBYS), "",
				  NAN);
}

/* ---- the kind */

static const struct fp_probe_sql question = {
	.var = "fp_pg",
	.sql = sql,
	.read = fp_probe_pg_read,
};

static int plan(const struct fp_host *h,
		int (*add)(void *ctx, const struct fp_endpoint *to), void *ctx,
		struct fp_err *e)
{
	static const struct fp_endpoint to = { .transport = FP_T_NONE };
	const char *s = fp_inventory_var(h, "fp_pg");

	(void)e;
	return s && *s ? add(ctx, &to) : 0;
}

static int init(struct fp_probe *p, struct fp_err *e)
{
	return fp_probe_sql_init(p, &question, e);
}

static const char *const figures[] = { "connections", "lag", "standbys", NULL };

const struct fp_probe_kind fp_probe_pg = {
	.name = "pg",
	.vars = "fp_pg",
	.figures = figures,
	.is_network = true,
	.plan = plan,
	.init = init,
	.fini = fp_probe_sql_fini,
	.start = fp_probe_sql_start,
	.expire = fp_probe_sql_expire,
};
