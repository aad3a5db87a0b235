/* SPDX-License-Identifier: Apache-2.0 */
/* lib/peer/pg without a PostgreSQL: conninfos, codes, and servers that speak the
 * protocol badly or not at all.  Source of the bytes: PostgreSQL 15, 55.7. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "peer/pg_priv.h"
#include "unit.h"

/* ---- words */

TEST(sqlstates)
{
	EQ(fp_pg_code("23505", false), -EEXIST);
	EQ(fp_pg_code("25006", false), -EROFS);
	EQ(fp_pg_code("28P01", true), -EACCES);
	EQ(fp_pg_code("28000", true), -EACCES);
	EQ(fp_pg_code("3D000", true), -ENOENT);
	EQ(fp_pg_code("3F000", false), -ENOENT);
	EQ(fp_pg_code("40001", false), -EAGAIN);
	EQ(fp_pg_code("40P01", false), -EAGAIN);
	EQ(fp_pg_code("42501", false), -EACCES);
	EQ(fp_pg_code("42883", false), -ENOENT);
	EQ(fp_pg_code("42P01", false), -ENOENT);
	EQ(fp_pg_code("42P07", false), -EREMOTEIO);
	EQ(fp_pg_code("53300", true), -EAGAIN);
	EQ(fp_pg_code("55P03", false), -EAGAIN);
	EQ(fp_pg_code("57014", false), -ETIMEDOUT);
	EQ(fp_pg_code("57P01", false), -ECONNRESET);
	EQ(fp_pg_code("57P01", true), -EAGAIN);
	EQ(fp_pg_code("57P03", true), -EAGAIN);
	EQ(fp_pg_code("22012", false), -EREMOTEIO);
	EQ(fp_pg_code("", false), -EREMOTEIO);
}

TEST(poolers_words)
{
	EQ(fp_pg_pooler_says("no such database: x"), -ENOENT);
	EQ(fp_pg_pooler_says("no such user"), -EACCES);
	EQ(fp_pg_pooler_says("query_wait_timeout"), -EAGAIN);
	EQ(fp_pg_pooler_says("no more connections allowed"), -EAGAIN);
	EQ(fp_pg_pooler_says("something else"), 0);
}

TEST(secrets_in_conninfos)
{
	OK(fp_pg_has_secret("host=x password=y"));
	OK(fp_pg_has_secret("host=x PassWord = y"));
	OK(fp_pg_has_secret("sslpassword=y"));
	OK(fp_pg_has_secret("postgresql://u:p@h/db"));
	OK(fp_pg_has_secret("postgresql://u:p@@h:5432/db"));
	OK(fp_pg_has_secret("postgresql://h/db?password=x"));
	OK(fp_pg_has_secret("postgresql://h:5/x?%70assword=HUSH"));
	OK(fp_pg_has_secret(
		"postgres://h/x?sslmode=require&%73slp%61ssword=x"));
	OK(!fp_pg_has_secret("postgresql://h/db?%73slmode=require"));
	OK(!fp_pg_has_secret("postgresql://u@h:5432/db"));
	OK(!fp_pg_has_secret("postgresql://h:5432/db"));
	OK(!fp_pg_has_secret("host=x passfile=/etc/pgpass"));
	OK(!fp_pg_has_secret("service=fastpath"));
	OK(!fp_pg_has_secret(""));
}

TEST(one_line)
{
	char out[20];

	fp_pg_line(out, sizeof(out), "a\nb\n");
	STR(out, "a; b");
	fp_pg_line(out, sizeof(out), "a\n\thint\nb\033[1m\n");
	STR(out, "a; b?[1m");
	fp_pg_line(out, sizeof(out), "a\n\thint");
	STR(out, "a");
	fp_pg_line(out, sizeof(out), "");
	STR(out, "");
	fp_pg_line(out, sizeof(out), "0123456789012345678901234");
	EQ(strlen(out), sizeof(out) - 1);
	fp_pg_line(out, sizeof(out), "01234567890123456\n\n\n\n\n\n");
	OK(strlen(out) < sizeof(out));
}

/* ---- opening */

static int open_by(const char *conninfo, long timeout_ms, struct fp_pg **out,
		   struct fp_err *e)
{
	const struct fp_pg_opts o = { .conninfo = conninfo,
				      .app = "test",
				      .timeout_ms = timeout_ms };

	*e = (struct fp_err){ .text = "" };
	return fp_pg_open(out, &o, e);
}

TEST(bad_conninfos)
{
	static const struct {
		const char *conninfo, *text;
	} bad[] = {
		{ "host=127.0.0.1 geheim", "not a conninfo" },
		{ "host=127.0.0.1 nosuch=geheim", "\"nosuch\"" },
		{ "host=127.0.0.1 password=geheim", "a password stands" },
		{ "host=127.0.0.1 password=geheim geheim",
		  "a password stands" },
		{ "postgresql://u:geheim@127.0.0.1:x/db", "a password stands" },
		{ "host=127.0.0.1 port=x", "\"port\"" },
		{ "host=127.0.0.1 port=99999", "99999" },
		{ "host=127.0.0.1 sslmode=x", "sslmode" },
		{ "host=a,b port=1,2,3", "3 port" },
		{ "service=nosuch-service", "service" },
	};
	struct fp_pg *p;
	struct fp_err e;

	setenv("PGSERVICEFILE", "/nonexistent", 1);
	setenv("PGSYSCONFDIR", "/nonexistent", 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		EQ(open_by(bad[i].conninfo, 1000, &p, &e), -EINVAL);
		HAS(e.text, bad[i].text);
		if (i != 0) /* the only one whose secret is no password */
			OK(!strstr(e.text, "geheim"));
	}
}

TEST(nobody_there)
{
	struct fp_pg *p;
	struct fp_err e;

	EQ(open_by("host=127.0.0.1 port=1", 1000, &p, &e), -ECONNREFUSED);
	HAS(e.text, "Connection refused");
	EQ(open_by("host=/nonexistent", 1000, &p, &e), -ECONNREFUSED);
	HAS(e.text, "/nonexistent");
	EQ(open_by("host=127.0.0.1,127.0.0.1 port=1,2", 1000, &p, &e),
	   -ECONNREFUSED);
}

/* ---- a server of ours */

/* What it says to a session; each part is said after something was read. */
struct part {
	const void *bytes;
	size_t n;
	int drip_ms; /* between its bytes; 0: at once */
};

static void serve(int fd, const struct part *part)
{
	char in[4096];

	for (; part->bytes; part++) {
		const char *s = part->bytes;

		if (read(fd, in, sizeof(in)) <= 0)
			return;
		for (size_t i = 0, n; i < part->n; i += n) {
			n = part->drip_ms ? 1 : part->n;
			if (write(fd, s + i, n) != (ssize_t)n)
				return;
			usleep((useconds_t)part->drip_ms * 1000);
		}
	}
}

/* Its pid; port is where.  A session that was served is closed, unless the parts
 * end with drip_ms -1. */
static pid_t server(const struct part *part, int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0), c;
	pid_t pid;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	OK(!bind(fd, (struct sockaddr *)&a, n) && !listen(fd, 8));
	getsockname(fd, (struct sockaddr *)&a, &n);
	*port = ntohs(a.sin_port);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	signal(SIGPIPE, SIG_IGN);
	alarm(20);
	while ((c = accept(fd, NULL, NULL)) >= 0) {
		const struct part *last = part;

		serve(c, part);
		while (last->bytes)
			last++;
		if (last->drip_ms < 0)
			pause();
		close(c);
	}
	_exit(0);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int ask(const struct part *part, long timeout_ms, struct fp_pg **out,
	       struct fp_err *e, pid_t *pid)
{
	char conninfo[200];
	int port;

	*pid = server(part, &port);
	snprintf(conninfo, sizeof(conninfo),
		 "host=127.0.0.1 port=%d user=u dbname=d sslmode=disable "
		 "gssencmode=disable",
		 port);
	return open_by(conninfo, timeout_ms, out, e);
}

/* An ErrorResponse. */
static struct part no(char to[256], const char *severity, const char *state,
		      const char *text)
{
	size_t n = 5;

	n += (size_t)sprintf(to + n, "S%s", severity) + 1;
	n += (size_t)sprintf(to + n, "C%s", state) + 1;
	n += (size_t)sprintf(to + n, "M%s", text) + 1;
	n += (size_t)sprintf(to + n, "Fauth.c") + 1;
	to[n++] = 0;
	to[0] = 'E';
	to[1] = to[2] = 0;
	to[3] = (char)((n - 1) >> 8);
	to[4] = (char)(n - 1);
	return (struct part){ to, n, 0 };
}

TEST(servers_that_say_no)
{
	static const struct {
		const char *state, *text;
		int code;
	} said[] = {
		{ "28P01", "password authentication failed", -EACCES },
		{ "28000", "no pg_hba.conf entry", -EACCES },
		{ "3D000", "database \"d\" does not exist", -ENOENT },
		{ "53300", "too many connections", -EAGAIN },
		{ "57P03", "the database system is starting up", -EAGAIN },
		{ "57P01", "terminating", -EAGAIN },
		{ "08P01", "no such user", -EACCES },
		{ "08P01", "whatever", -ECONNRESET },
		{ "XX000", "two\nlines\033[2J", -EREMOTEIO },
	};
	struct fp_pg *p;
	struct fp_err e;
	char bytes[256];
	pid_t pid;

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
		/* the first word is in the server's language */
		struct part parts[] = { no(bytes, "ODMOWA", said[i].state,
					   said[i].text),
					{ NULL, 0, 0 } };

		EQ(ask(parts, 5000, &p, &e, &pid), said[i].code);
		HAS(e.text, "the server says: ");
		OK(!strpbrk(e.text, "\n\033"));
		OK(!strstr(e.text, "LOCATION"));
		if (strcmp(said[i].state, "XX000"))
			HAS(e.text, said[i].text);
		stop(pid);
	}
}

TEST(servers_that_are_none)
{
	static const struct part http[] = {
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0 }, { NULL, 0, 0 }
	};
	static const struct part closing[] = { { "", 0, 0 }, { NULL, 0, 0 } };
	static const struct part huge[] = { { "R\177\377\377\377", 5, 0 },
					    { NULL, 0, -1 } };
	struct fp_pg *p;
	struct fp_err e;
	pid_t pid;

	EQ(ask(http, 2000, &p, &e, &pid), -EREMOTEIO);
	stop(pid);
	EQ(ask(closing, 2000, &p, &e, &pid), -ECONNRESET);
	stop(pid);
	OK(ask(huge, 500, &p, &e, &pid) < 0);
	stop(pid);
}

/* What we are out of is not the server's fault. */
TEST(no_descriptor_left)
{
	struct rlimit all, none;
	struct fp_pg *p;
	struct fp_err e;

	getrlimit(RLIMIT_NOFILE, &all);
	none = all;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	EQ(open_by("host=127.0.0.1 port=1 user=u", 1000, &p, &e), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &all);
}

/* Garbage is the server's, not of the conninfo. */
TEST(garbage_for_tls)
{
	static const struct part ssh[] = { { "x", 1, 0 }, { NULL, 0, 0 } };
	struct fp_pg *p;
	struct fp_err e;
	char conninfo[200];
	int port;
	pid_t pid = server(ssh, &port);

	snprintf(conninfo, sizeof(conninfo),
		 "host=127.0.0.1 port=%d user=u dbname=d sslmode=require "
		 "gssencmode=disable",
		 port);
	EQ(open_by(conninfo, 2000, &p, &e), -EREMOTEIO);
	HAS(e.text, "received invalid response");
	stop(pid);
}

TEST(hosts_of_conninfos)
{
	char host[4][FP_PG_HOST_SIZE];

	EQ(fp_pg_hosts("host=db1.example.net,10.0.0.1,/run/pg,::1,db2 port=1",
		       host, 4),
	   2);
	STR(host[0], "db1.example.net");
	STR(host[1], "db2");
	EQ(fp_pg_hosts("postgresql://u@db3:1/x", host, 4), 1);
	STR(host[0], "db3");
	EQ(fp_pg_hosts("host=a hostaddr=127.0.0.1", host, 4), 0);
	EQ(fp_pg_hosts("host=a,b,c,d,e,f", host, 4), 4);
	EQ(fp_pg_hosts("dbname=x", host, 4), 0);
	EQ(fp_pg_hosts("nonsense", host, 4), 0);
}

TEST(servers_that_say_nothing)
{
	static const struct part silent[] = { { NULL, 0, -1 } };
	static const struct part dripping[] = {
		{ "R\0\0\0\10\0\0\0\0S\0\0\0\30", 14, 100 }, { NULL, 0, -1 }
	};
	struct fp_pg *p;
	struct fp_err e;
	pid_t pid;
	long start = unit_now_ms();

	EQ(ask(silent, 300, &p, &e, &pid), -ETIMEDOUT);
	HAS(e.text, "connected, but the server says nothing within 300 ms");
	OK(unit_now_ms() - start < 1000);
	stop(pid);
	start = unit_now_ms();
	EQ(ask(dripping, 500, &p, &e, &pid), -ETIMEDOUT);
	OK(unit_now_ms() - start < 1500);
	stop(pid);
}

/* AuthenticationOk, BackendKeyData of process 7, ReadyForQuery. */
#define WELCOME                                                                \
	"R\0\0\0\10\0\0\0\0"                                                   \
	"K\0\0\0\14\0\0\0\7\0\0\0\1"                                           \
	"Z\0\0\0\5I"

TEST(a_session_that_falls_silent)
{
	static const struct part parts[] = {
		{ WELCOME, sizeof(WELCOME) - 1, 0 }, { NULL, 0, -1 }
	};
	struct fp_pg *p;
	struct fp_err e;
	pid_t pid;
	long start;

	if (!EQ(ask(parts, 300, &p, &e, &pid), 0))
		return;
	EQ(fp_pg_backend(p), 7);
	OK(fp_pg_is_alive(p));
	start = unit_now_ms();
	EQ(fp_pg_do(p, "select 1", NULL, 0, NULL, NULL, &e), -ETIMEDOUT);
	OK(unit_now_ms() - start < 2500);
	OK(!fp_pg_is_alive(p));
	EQ(fp_pg_do(p, "select 1", NULL, 0, NULL, NULL, &e), -ECONNRESET);
	EQ(fp_pg_script(p, "select 1", &e), -ECONNRESET);
	fp_pg_close(p);
	stop(pid);
}

TEST(a_session_that_is_ended)
{
	char bytes[256];
	struct part parts[] = { { WELCOME, sizeof(WELCOME) - 1, 0 },
				no(bytes, "FATAL", "57P01", "terminating"),
				{ NULL, 0, 0 } };
	struct fp_pg *p;
	struct fp_err e;
	pid_t pid;

	if (!EQ(ask(parts, 2000, &p, &e, &pid), 0))
		return;
	EQ(fp_pg_do(p, "select 1", NULL, 0, NULL, NULL, &e), -ECONNRESET);
	HAS(e.text, "terminating");
	OK(!fp_pg_is_alive(p));
	fp_pg_close(p);
	stop(pid);
}

TEST(a_session_that_goes)
{
	static const struct part parts[] = {
		{ WELCOME, sizeof(WELCOME) - 1, 0 }, { NULL, 0, 0 }
	};
	struct fp_pg *p;
	struct fp_err e;
	pid_t pid;

	if (!EQ(ask(parts, 2000, &p, &e, &pid), 0))
		return;
	for (int i = 0; i < 100 && fp_pg_is_alive(p); i++)
		usleep(10000);
	OK(!fp_pg_is_alive(p));
	EQ(fp_pg_do(p, "select 1", NULL, 0, NULL, NULL, &e), -ECONNRESET);
	fp_pg_close(p);
	stop(pid);
}

TEST(rows_of_nothing)
{
	EQ(fp_pg_n(NULL), 0);
	STR(fp_pg_value(NULL, 0, 0), NULL);
	EQ(fp_pg_int(NULL, 3, 4), 0);
	fp_pg_rows_free(NULL);
	fp_pg_close(NULL);
}
