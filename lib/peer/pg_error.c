/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL, a pooler before it and libpq say, as -errno and one line. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "peer/pg_priv.h"

#define STATE_LEN 5

/* The longest that fits counts: codes before their classes. */
static const struct {
	const char *state;
	int code, open_code; /* of a statement; while connecting */
} states[] = {
	{ "23505", -EEXIST, -EEXIST },
	{ "25006", -EROFS, -EROFS },
	{ "25P03", -ECONNRESET, -ECONNRESET }, /* idle in transaction */
	{ "28", -EACCES, -EACCES },
	{ "3D000", -ENOENT, -ENOENT },
	{ "3F000", -ENOENT, -ENOENT },
	{ "40001", -EAGAIN, -EAGAIN },
	{ "40P01", -EAGAIN, -EAGAIN },
	{ "42501", -EACCES, -EACCES },
	{ "42704", -ENOENT, -ENOENT },
	{ "42883", -ENOENT, -ENOENT },
	{ "42P01", -ENOENT, -ENOENT },
	{ "53300", -EAGAIN, -EAGAIN },
	{ "55P03", -EAGAIN, -EAGAIN },
	{ "57014", -ETIMEDOUT, -ETIMEDOUT },
	{ "57P01", -ECONNRESET, -EAGAIN },
	{ "57P02", -ECONNRESET, -EAGAIN },
	{ "57P03", -ECONNRESET, -EAGAIN },
	{ "57P05", -ECONNRESET, -EAGAIN },
	{ "08", -ECONNRESET, -ECONNRESET },
};

int fp_pg_code(const char *sqlstate, bool is_open)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (!strncmp(sqlstate, states[i].state,
			     strlen(states[i].state)))
			return is_open ? states[i].open_code : states[i].code;
	return -EREMOTEIO;
}

/* PgBouncer has one SQLSTATE for nearly all it refuses, 08P01.
 * Source: PgBouncer 1.18, disconnect_client() and its callers. */
int fp_pg_pooler_says(const char *text)
{
	static const struct {
		const char *text;
		int code;
	} said[] = {
		{ "no such database", -ENOENT },
		{ "does not exist", -ENOENT },
		{ "no such user", -EACCES },
		{ "authentication failed", -EACCES },
		{ "not allowed", -EACCES },
		{ "auth failed", -EACCES },
		{ "login rejected", -EACCES },
		{ "no more connections", -EAGAIN },
		{ "too many connections", -EAGAIN },
		{ "wait_timeout", -EAGAIN },
		{ "server login", -EAGAIN },
		{ "server connect", -EAGAIN },
		{ "server conn crashed", -ECONNRESET },
		{ "pooler is shut", -EAGAIN },
		{ "bouncer is shut", -EAGAIN },
		{ "database is disabled", -EAGAIN },
	};

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++)
		if (strstr(text, said[i].text))
			return said[i].code;
	return 0;
}

void fp_pg_line(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n < size - 1; text++) {
		unsigned char c = (unsigned char)*text;

		while (c == '\n' && text[1] == '\t') { /* libpq's hint */
			text++;
			text += strcspn(text, "\n");
			c = (unsigned char)*text;
		}
		if (!c)
			break;
		if (c == '\n' && text[1] && n < size - 3) {
			out[n++] = ';';
			out[n++] = ' ';
		} else if (c == '\t') {
			out[n++] = ' ';
		} else if (c != '\n') {
			out[n++] = c < ' ' || c == 0x7f ? '?' : (char)c;
		}
	}
	out[n] = 0;
}

/* As libpq takes it: in a URI, words may be written in %XX. */
static bool is_parsed_secret(const char *conninfo)
{
	PQconninfoOption *all = PQconninfoParse(conninfo, NULL);
	bool is_secret = false;

	for (const PQconninfoOption *o = all; o && o->keyword; o++)
		if (o->val && *o->val &&
		    (strstr(o->keyword, "password") ||
		     strstr(o->keyword, "secret")))
			is_secret = true;
	PQconninfoFree(all);
	return is_secret;
}

bool fp_pg_has_secret(const char *conninfo)
{
	const char *at, *s = strstr(conninfo, "://");

	/* the text too: what libpq cannot parse it quotes */
	if (strcasestr(conninfo, "password") || is_parsed_secret(conninfo))
		return true;
	if (!s)
		return false;
	s += 3;
	at = strrchr(s, '@'); /* of USER:PASSWORD@HOST */
	return at && memchr(s, ':', (size_t)(at - s));
}

/* ---- connecting */

/* "FATAL:  28P01: text": the last one in it (one line a host).  The word before
 * the code is in the server's language. */
static const char *find_state(const char *s)
{
	const char *found = NULL;

	while ((s = strstr(s, ":  "))) {
		const char *p = s += 3;
		size_t n = 0;

		while (n < STATE_LEN && (isupper((unsigned char)p[n]) ||
					 isdigit((unsigned char)p[n])))
			n++;
		if (n == STATE_LEN && p[n] == ':' && p[n + 1] == ' ')
			found = p;
	}
	return found;
}

/* Connections that failed have no SQLSTATE to ask for before libpq 17; verbose
 * messages have it in their text, and then say where in the server's source. */
static int server_said(const PGconn *c, const char *at, struct fp_err *e)
{
	char state[STATE_LEN + 1], first[320], line[320];
	const char *text = at + STATE_LEN + 2;
	int code, said;

	memcpy(state, at, STATE_LEN);
	state[STATE_LEN] = 0;
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(text, "\n"), text);
	fp_pg_line(line, sizeof(line), first);
	code = fp_pg_code(state, true);
	said = strcmp(state, "08P01") ? 0 : fp_pg_pooler_says(line);
	return fp_err(e, said ? said : code, "%s port %s: the server says: %s",
		      PQhost(c), PQport(c), line);
}

static const struct {
	const char *text;
	int code;
} libpq_says[] = {
	/* of the server: no PostgreSQL */
	{ "received invalid", -EREMOTEIO },
	{ "invalid response", -EREMOTEIO },
	{ "invalid SCRAM", -EREMOTEIO },
	/* of the conninfo */
	{ "invalid ", -EINVAL },
	{ "could not match ", -EINVAL },
	{ "could not parse", -EINVAL },
	{ "definition of service", -EINVAL },
	{ "service file", -EINVAL },
	{ "could not translate host name", -EHOSTUNREACH },
	{ "no password supplied", -EACCES },
	{ "session is read-only", -EROFS },
	{ "server is in hot standby", -EROFS },
	{ "server closed the connection", -ECONNRESET },
	{ "timeout expired", -ETIMEDOUT },
};

static const struct {
	int system, code;
} systems[] = {
	{ ECONNREFUSED, -ECONNREFUSED },
	{ ENOENT, -ECONNREFUSED },
	{ ETIMEDOUT, -ETIMEDOUT },
	{ EHOSTUNREACH, -EHOSTUNREACH },
	{ ENETUNREACH, -EHOSTUNREACH },
	{ ECONNRESET, -ECONNRESET },
	{ EACCES, -EACCES },
	{ EMFILE, -EMFILE },
	{ ENFILE, -ENFILE },
	{ ENOBUFS, -ENOBUFS },
	{ ENOMEM, -ENOMEM },
};

/* libpq has words only.  They are those of strerror(3), in its language. */
static int words_code(const char *text)
{
	char why[128];

	for (size_t i = 0; i < sizeof(libpq_says) / sizeof(*libpq_says); i++)
		if (strstr(text, libpq_says[i].text))
			return libpq_says[i].code;
	for (size_t i = 0; i < sizeof(systems) / sizeof(*systems); i++)
		if (strstr(text,
			   strerror_r(systems[i].system, why, sizeof(why))))
			return systems[i].code;
	return -EREMOTEIO;
}

int fp_pg_fail_dial(const PGconn *c, struct fp_err *e)
{
	const char *text = PQerrorMessage(c);
	const char *at = find_state(text);
	char line[400];

	if (at)
		return server_said(c, at, e);
	fp_pg_line(line, sizeof(line), text);
	return fp_err(e, words_code(text), "%s",
		      *line ? line : "cannot connect");
}

/* ---- statements */

int fp_pg_fail_do(struct fp_pg *p, const PGresult *r, struct fp_err *e)
{
	const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	const char *text =
		r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char *more =
		r ? PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL) : NULL;
	char line[300], detail[180] = "";
	int code;

	fp_pg_line(line, sizeof(line), text ? text : PQerrorMessage(p->conn));
	if (more)
		fp_pg_line(detail, sizeof(detail), more);
	code = state ? fp_pg_code(state, false) : -EREMOTEIO;
	if (state && !strcmp(state, "08P01"))
		code = -EREMOTEIO; /* a pooler's no, or not our protocol */
	if (PQstatus(p->conn) != CONNECTION_OK) {
		p->is_gone = true;
		code = -ECONNRESET;
	}
	return fp_err(e, code, "%s%s%s%s", *line ? line : "the session is gone",
		      *detail ? " (" : "", detail, *detail ? ")" : "");
}
