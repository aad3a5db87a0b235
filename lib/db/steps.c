/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, one step a version.  A step that was released never changes: what
 * is new is a step more. */
#include "db/priv.h"

const struct fp_db_step fp_db_steps[FP_DB_VERSION] = {
	{ .to = 1,
	  .sql = "create schema fastpath;"
		 "comment on schema fastpath is"
		 " 'what controllers of fastpath share (fp-health setup)';"
		 "create table fastpath.meta ("
		 " one boolean primary key default true check (one),"
		 " version integer not null,"
		 " changed timestamptz not null default now());"

		 "create table fastpath.maintenance ("
		 " node text primary key"
		 "  check (octet_length(node) between 1 and 255),"
		 " since timestamptz not null default now(),"
		 " until timestamptz not null,"
		 " why text not null check (octet_length(why) < 200),"
		 " who text not null check (octet_length(who) < 128));"

		 /* of leases and jobs: who comes later has the larger one */
		 "create sequence fastpath.epoch;"

		 "create table fastpath.lease ("
		 " proxy text not null check (octet_length(proxy) < 256),"
		 " kind text not null check (kind in"
		 "  ('dispatcher', 'load_balancer', 'rtpengine')),"
		 " dest_set text not null check (octet_length(dest_set) < 64),"
		 " uri text not null check (octet_length(uri) < 256),"
		 " owner text not null check (octet_length(owner) < 128),"
		 " since timestamptz not null default now(),"
		 " until timestamptz not null,"
		 " epoch bigint not null,"
		 " is_let_go boolean not null default false,"
		 " why text not null check (octet_length(why) < 200),"
		 /* load_balancer may have a URI twice in a group */
		 " dest_id bigint not null default -1,"
		 " is_confirmed boolean not null default false,"
		 " primary key (proxy, kind, dest_set, uri, dest_id));"

		 /* a mover's run; what it did to each call is its journal */
		 "create table fastpath.job ("
		 " id text primary key check (octet_length(id) < 40),"
		 " tool text not null check (octet_length(tool) < 32),"
		 " verb text not null check (octet_length(verb) < 32),"
		 " node text not null check (octet_length(node) < 256),"
		 " state text not null check (octet_length(state) < 32),"
		 " who text not null check (octet_length(who) < 128),"
		 " owner text not null check (octet_length(owner) < 128),"
		 " epoch bigint not null,"
		 " plan jsonb not null default '{}',"
		 " started timestamptz not null default now(),"
		 " updated timestamptz not null default now(),"
		 " ended timestamptz);"
		 "create index on fastpath.job (started) where ended is null;"

		 "create table fastpath.journal ("
		 " job text not null references fastpath.job"
		 "  on delete cascade,"
		 " seq bigint generated always as identity,"
		 " at timestamptz not null default clock_timestamp(),"
		 " item text not null,"
		 " state text not null,"
		 " detail jsonb not null default '{}',"
		 " primary key (job, seq));" },
};
