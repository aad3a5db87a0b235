/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/pg.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "peer/pg_priv.h"

/* Until a lock of ours is free after we died without a word: the server looks
 * after its end of the session as we do after ours.  And what we do not wait for
 * any more shall not go on there.  Only those that this server knows; source:
 * PostgreSQL 15, 20.3 and 20.11. */
static int set_up(struct fp_pg *p, struct fp_err *e)
{
	char ms[24];
	const char *params[] = { ms };

	snprintf(ms, sizeof(ms), "%lld", (long long)p->timeout_ms);
	return fp_pg_do(
		p,
		"select set_config(s.name, v.value, false)"
		" from pg_settings s join (values"
		" ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '2'),"
		" ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '15000'),"
		" ('client_connection_check_interval', '5000'),"
		" ('statement_timeout', $1),"
		" ('idle_in_transaction_session_timeout', $1))"
		" v (name, value) on v.name = s.name",
		params, 1, NULL, NULL, e);
}

int fp_pg_open(struct fp_pg **out, const struct fp_pg_opts *o, struct fp_err *e)
{
	struct fp_pg *p = calloc(1, sizeof(*p));
	int r = p ? fp_pg_dial(&p->conn, o, e)
		  : fp_err(e, -ENOMEM, "out of memory");

	if (!r) {
		p->timeout_ms = o->timeout_ms;
		p->backend = PQbackendPID(p->conn);
		PQsetnonblocking(p->conn, 1);
	}
	if (!r && o->is_locking)
		r = fp_pg_is_ours(p, o, e);
	if (!r && o->is_locking)
		r = set_up(p, e);
	if (r)
		fp_pg_close(p);
	else
		*out = p;
	return r;
}

void fp_pg_close(struct fp_pg *p)
{
	if (!p)
		return;
	PQfinish(p->conn);
	free(p);
}

bool fp_pg_is_alive(const struct fp_pg *p)
{
	struct pollfd fd = { .fd = PQsocket(p->conn), .events = POLLIN };

	/* unasked, a server says that it ends, and then that it has ended */
	while (!p->is_gone && fd.fd >= 0 && poll(&fd, 1, 0) > 0)
		if (!PQconsumeInput(p->conn))
			break;
	return !p->is_gone && PQstatus(p->conn) == CONNECTION_OK;
}

int fp_pg_backend(const struct fp_pg *p)
{
	return p->backend;
}
