/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to PostgreSQL.  libpq's own steps have no deadline: they are waited
 * for here.  Source: PostgreSQL 15 documentation, 34.1, 34.19. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/clock.h"
#include "peer/pg_priv.h"

#define KEEP_IDLE_S 5
#define KEEP_INTERVAL_S 2
#define KEEP_COUNT 3
#define USER_TIMEOUT_MS 15000
#define HOSTS_MAX 32
#define LIST_MAX 1024

/* What the conninfo, its service and the environment came to. */
struct said {
	char host[LIST_MAX], hostaddr[LIST_MAX], port[LIST_MAX];
	int64_t connect_ms; /* of each host; 0: not said */
	bool is_quiet;      /* keepalives=0 */
	bool has_idle, has_interval, has_count, has_user_timeout;
};

static void quiet(void *ctx, const char *message)
{
	(void)ctx;
	(void)message;
}

/* ---- what was said */

static void take(struct said *s, const char *key, const char *value)
{
	if (!strcmp(key, "host"))
		snprintf(s->host, sizeof(s->host), "%s", value);
	else if (!strcmp(key, "hostaddr"))
		snprintf(s->hostaddr, sizeof(s->hostaddr), "%s", value);
	else if (!strcmp(key, "port"))
		snprintf(s->port, sizeof(s->port), "%s", value);
	else if (!strcmp(key, "connect_timeout"))
		s->connect_ms = atol(value) * 1000;
	else if (!strcmp(key, "keepalives"))
		s->is_quiet = !strcmp(value, "0");
	else if (!strcmp(key, "keepalives_idle"))
		s->has_idle = true;
	else if (!strcmp(key, "keepalives_interval"))
		s->has_interval = true;
	else if (!strcmp(key, "keepalives_count"))
		s->has_count = true;
	else if (!strcmp(key, "tcp_user_timeout"))
		s->has_user_timeout = true;
}

static int read_said(struct said *s, PGconn *c, struct fp_err *e)
{
	PQconninfoOption *all = PQconninfo(c);

	if (!all)
		return fp_err(e, -ENOMEM, "out of memory");
	*s = (struct said){ .connect_ms = 0 };
	for (const PQconninfoOption *o = all; o->keyword; o++)
		if (o->val && *o->val)
			take(s, o->keyword, o->val);
	PQconninfoFree(all);
	return 0;
}

/* libpq's words about a conninfo quote it: not when there may be a secret. */
static int check(const char *conninfo, struct fp_err *e)
{
	char *why = NULL, line[300];
	PQconninfoOption *all;

	if (fp_pg_has_secret(conninfo))
		return fp_err(
			e, -EINVAL,
			"a password stands in the conninfo: put it into a "
			"password file (passfile=) or a service file");
	all = PQconninfoParse(conninfo, &why);
	if (all) {
		PQconninfoFree(all);
		return 0;
	}
	/* a word in %XX is not seen to be a password's */
	fp_pg_line(line, sizeof(line),
		   !why                    ? "out of memory"
		   : strchr(conninfo, '%') ? "a URI that cannot be parsed"
					   : why);
	PQfreemem(why);
	return fp_err(e, -EINVAL, "not a conninfo: %s", line);
}

/* ---- one connection */

int fp_pg_wait(PGconn *c, bool is_write, int64_t deadline_ms)
{
	struct pollfd p = { .fd = PQsocket(c),
			    .events = is_write ? POLLOUT : POLLIN };

	for (;;) {
		int64_t left_ms = deadline_ms - fp_clock_ms();
		int r;

		if (left_ms <= 0)
			return -ETIMEDOUT;
		r = poll(&p, 1, left_ms < 60000 ? (int)left_ms : 60000);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

/* Silence of the network ends a session in some 11 s, of a peer that takes no
 * data in 15 s; whoever said something else gets that. */
static void keep(const PGconn *c, const struct said *s)
{
	static const int on = 1, idle = KEEP_IDLE_S, interval = KEEP_INTERVAL_S,
			 count = KEEP_COUNT;
	static const unsigned int user_ms = USER_TIMEOUT_MS;
	int fd = PQsocket(c), family = 0;
	socklen_t n = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &n) ||
	    family == AF_UNIX)
		return;
	if (!s->is_quiet)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (!s->has_idle)
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	if (!s->has_interval)
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval,
			   sizeof(interval));
	if (!s->has_count)
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	if (!s->has_user_timeout)
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_ms,
			   sizeof(user_ms));
}

static int silence(PGconn *c, struct fp_err *e, int64_t waited_ms)
{
	/* libpq has it as CONNECTION_STARTED until TCP stands */
	bool is_tcp = PQstatus(c) != CONNECTION_STARTED;

	return fp_err(e, -ETIMEDOUT, "%s port %s: %s within %lld ms", PQhost(c),
		      PQport(c),
		      is_tcp ? "connected, but the server says nothing"
			     : "no connection",
		      (long long)(waited_ms + 9) / 10 * 10);
}

/* Until it stands.  libpq goes on to the next host by itself when one refuses:
 * each gets host_ms.  The host it was at when the time was over is in *at. */
static int finish(PGconn *c, int64_t host_ms, int64_t deadline_ms, char *at,
		  size_t size, struct fp_err *e)
{
	int64_t start_ms = fp_clock_ms(), end_ms = start_ms + host_ms;
	/* as of a connection that has just begun: libpq's documentation */
	PostgresPollingStatusType now = PGRES_POLLING_WRITING;

	snprintf(at, size, "%s\n%s", PQhost(c), PQport(c));
	for (;;) {
		char is[LIST_MAX];
		int r;

		snprintf(is, sizeof(is), "%s\n%s", PQhost(c), PQport(c));
		if (strcmp(is, at)) {
			snprintf(at, size, "%s", is);
			start_ms = fp_clock_ms();
			end_ms = start_ms + host_ms;
		}
		if (end_ms > deadline_ms)
			end_ms = deadline_ms;
		r = fp_pg_wait(c, now == PGRES_POLLING_WRITING, end_ms);
		if (r == -ETIMEDOUT)
			return silence(c, e, end_ms - start_ms);
		if (r)
			return fp_err_sys(e, r, "poll");
		now = PQconnectPoll(c);
		if (now == PGRES_POLLING_OK)
			return 0;
		if (now == PGRES_POLLING_FAILED)
			return fp_pg_fail_dial(c, e);
	}
}

/* ---- several hosts */

/* list from its i-th element on; one that is the only one is everybody's. */
static const char *from(const char *list, size_t i)
{
	const char *s = list;

	while (i && s && (s = strchr(s, ',')))
		s++, i--;
	return s ? s : list;
}

static size_t count(const char *list)
{
	size_t n = 1;

	while ((list = strchr(list, ',')))
		list++, n++;
	return n;
}

/* Begin with the i-th host.  Ours stands before the conninfo, which then goes
 * before it, and the hosts that are left after it. */
static PGconn *begin(const struct fp_pg_opts *o, const struct said *s, size_t i)
{
	const char *key[8] = { "fallback_application_name", "dbname" };
	const char *value[8] = { o->app ? o->app : "fastpath", o->conninfo };
	size_t n = 2;

	if (i && *s->host) {
		key[n] = "host";
		value[n++] = from(s->host, i);
	}
	if (i && *s->hostaddr) {
		key[n] = "hostaddr";
		value[n++] = from(s->hostaddr, i);
	}
	if (i && *s->port) {
		key[n] = "port";
		value[n++] = from(s->port, i);
	}
	return PQconnectStartParams(key, value, 1);
}

/* Which host, by number from 0, libpq was at. */
static size_t at_host(const struct said *s, const char *at, size_t first)
{
	const char *list = *s->host ? s->host : s->hostaddr;
	size_t n = strcspn(at, "\n"), len, i = first;

	for (const char *p = from(list, first); first < count(list);
	     p += len + 1, i++) {
		const char *port = from(s->port, i);

		len = strcspn(p, ",");
		if ((!len || (len == n && !memcmp(p, at, n))) &&
		    (!*s->port ||
		     !strncmp(port, at + n + 1, strlen(at + n + 1))))
			return i;
		if (!p[len])
			break;
	}
	return first;
}

static int one(PGconn **out, const struct fp_pg_opts *o, struct said *s,
	       size_t *host, int64_t deadline_ms, struct fp_err *e)
{
	PGconn *c = begin(o, s, *host);
	char at[LIST_MAX];
	int64_t host_ms;
	size_t hosts;
	int r;

	if (!c)
		return fp_err(e, -ENOMEM, "out of memory");
	PQsetNoticeProcessor(c, quiet, NULL);
	PQsetErrorVerbosity(c, PQERRORS_VERBOSE);
	r = *host ? 0 : read_said(s, c, e);
	if (!r && PQstatus(c) == CONNECTION_BAD)
		r = fp_pg_fail_dial(c, e);
	if (!r) {
		hosts = count(*s->hostaddr ? s->hostaddr : s->host);
		host_ms = (deadline_ms - fp_clock_ms()) /
			  (int64_t)(hosts > *host ? hosts - *host : 1);
		if (s->connect_ms > 0 && s->connect_ms < o->timeout_ms)
			host_ms = s->connect_ms;
		r = finish(c, host_ms, deadline_ms, at, sizeof(at), e);
		if (r == -ETIMEDOUT)
			*host = at_host(s, at, *host) + 1;
		if (r == -ETIMEDOUT && *host < hosts && *host < HOSTS_MAX &&
		    fp_clock_ms() < deadline_ms)
			r = 1;
	}
	if (r) {
		PQfinish(c);
		return r;
	}
	keep(c, s);
	PQsetErrorVerbosity(c, PQERRORS_DEFAULT);
	*out = c;
	return 0;
}

int fp_pg_dial(PGconn **out, const struct fp_pg_opts *o, struct fp_err *e)
{
	int64_t deadline_ms = fp_clock_ms() + o->timeout_ms;
	struct said s = { .connect_ms = 0 };
	size_t host = 0;
	int r = check(o->conninfo, e);

	if (r)
		return r;
	do
		r = one(out, o, &s, &host, deadline_ms, e);
	while (r == 1);
	return r;
}
