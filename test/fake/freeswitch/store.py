# SPDX-License-Identifier: Apache-2.0
"""The core database: tables recovery, channels, calls in PostgreSQL.

What the switch writes is queued for about a second, as by FreeSWITCH's SQL
manager, and lost when the process is killed before."""

import contextlib
import threading
import time

SCHEMA = """
create table if not exists recovery (runtime_uuid varchar(255),
	technology varchar(255), profile_name varchar(255),
	hostname varchar(255), uuid varchar(255), metadata text);
create index if not exists recovery1 on recovery(technology);
create index if not exists recovery2 on recovery(profile_name);
create index if not exists recovery3 on recovery(uuid);
create index if not exists recovery4 on recovery(runtime_uuid);
create table if not exists channels (uuid varchar(256),
	direction varchar(32), created_epoch integer, name varchar(1024),
	state varchar(64), hostname varchar(256));
create table if not exists calls (call_uuid varchar(255),
	call_created_epoch integer, caller_uuid varchar(256),
	callee_uuid varchar(256), hostname varchar(256));
"""


class Store:
    """Of a switch; without a conninfo there is none, and nothing is kept."""

    def __init__(self, switch, conninfo):
        self.switch = switch
        self.conninfo = conninfo
        self.queue = []  # (when, SQL, parameters)
        self.lock = threading.Lock()
        self.n_failed = 0

    def connect(self):
        import psycopg2  # only a stand-in with a database needs it

        db = psycopg2.connect(
            "%s application_name=%s" % (self.conninfo, self.switch.name)
        )
        db.autocommit = True
        return db

    def open(self):
        """auto-create-schemas, and auto-clear-sql: never of recovery."""
        if not self.conninfo:
            return
        with contextlib.closing(self.connect()) as db, db.cursor() as c:
            c.execute("select pg_advisory_lock(7421)")  # until it ends
            c.execute("select to_regclass('recovery')")
            if not c.fetchone()[0]:
                c.execute(SCHEMA)
            for table in ("channels", "calls"):
                c.execute(
                    "delete from %s where hostname=%%s" % table,
                    (self.switch.name,),
                )
        threading.Thread(target=self.run, daemon=True).start()

    def push(self, sql, *parameters):
        if self.conninfo:
            with self.lock:
                self.queue.append((time.monotonic(), sql, parameters))

    def due(self):
        """What is old enough brings all that is queued with it."""
        with self.lock:
            if not self.queue:
                return []
            if time.monotonic() - self.queue[0][0] < self.switch.sql_s:
                return []
            batch, self.queue = self.queue, []
            return batch

    def run(self):
        db = None
        while True:
            time.sleep(0.02)
            batch = self.due()
            if not batch:
                continue
            try:
                db = db or self.connect()
                self.write(db, batch)
            except Exception:
                # it is not there: all is kept until it is
                self.n_failed += 1
                with self.lock:
                    self.queue = batch + self.queue
                db = None
                time.sleep(0.3)

    @staticmethod
    def write(db, batch):
        with db.cursor() as c:
            c.execute("begin")
            for _, sql, parameters in batch:
                c.execute(sql, parameters)
            c.execute("commit")

    # ---- recovery

    def insert(self, leg, xml):
        self.push(
            "insert into recovery (runtime_uuid, technology, profile_name,"
            " hostname, uuid, metadata) values (%s,'sofia',%s,%s,%s,%s)",
            self.switch.uuid,
            leg.vars.get("recovery_profile_name", ""),
            self.switch.name,
            leg.uuid,
            xml,
        )

    def update(self, uuid, xml):
        self.push("update recovery set metadata=%s where uuid=%s", xml, uuid)

    def delete(self, uuid):
        self.push("delete from recovery where uuid=%s", uuid)

    def channel(self, leg):
        self.push(
            "insert into channels (uuid, direction, created_epoch, name, state,"
            " hostname) values (%s,%s,%s,%s,%s,%s)",
            leg.uuid,
            leg.direction,
            leg.created_us // 1000000,
            leg.vars.get("channel_name", ""),
            leg.state,
            self.switch.name,
        )

    def no_channel(self, uuid):
        self.push("delete from channels where uuid=%s", uuid)
        self.push(
            "delete from calls where caller_uuid=%s or callee_uuid=%s", uuid, uuid
        )

    @staticmethod
    def condition(run, technology, profile):
        sql, values = " where runtime_uuid<>%s", [run]
        if technology:
            sql, values = sql + " and technology=%s", values + [technology]
        if profile:
            sql, values = sql + " and profile_name=%s", values + [profile]
        return sql, values

    def select(self, technology, profile):
        """[(technology, metadata)] of all rows of other runs: no look at the
        hostname (switch_core_sqldb.c:3289)."""
        where, values = self.condition(self.switch.uuid, technology, profile)
        with contextlib.closing(self.connect()) as db, db.cursor() as c:
            c.execute("select technology, metadata from recovery" + where, values)
            return c.fetchall()

    def forget(self, technology, profile):
        """All that would be selected, whatever came of it (3323)."""
        where, values = self.condition(self.switch.uuid, technology, profile)
        with contextlib.closing(self.connect()) as db, db.cursor() as c:
            c.execute("delete from recovery" + where, values)
