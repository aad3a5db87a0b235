/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts a conninfo is about, before libpq asks the DNS for them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "peer/pg_priv.h"

/* Is it for the DNS?  Not addresses, nor paths ('@': an abstract one). */
static bool is_name(const char *s)
{
	unsigned char addr[16];

	return *s && *s != '/' && *s != '@' &&
	       inet_pton(AF_INET, s, addr) != 1 &&
	       inet_pton(AF_INET6, s, addr) != 1;
}

static size_t take(const char *list, char (*out)[FP_PG_HOST_SIZE], size_t max)
{
	size_t n = 0;

	while (n < max) {
		size_t len = strcspn(list, ",");

		snprintf(out[n], FP_PG_HOST_SIZE, "%.*s",
			 (int)(len < FP_PG_HOST_SIZE ? len
						     : FP_PG_HOST_SIZE - 1),
			 list);
		n += is_name(out[n]);
		list += len;
		if (!*list++)
			break;
	}
	return n;
}

/* An option that cannot be ends it when the service and the environment have been
 * read, and before anything else.  Source: libpq, connectOptions1() and 2(). */
size_t fp_pg_hosts(const char *conninfo, char (*out)[FP_PG_HOST_SIZE],
		   size_t max)
{
	const char *const key[] = { "dbname", "sslmode", NULL };
	const char *const value[] = { conninfo, "none at all", NULL };
	PGconn *c;
	PQconninfoOption *all;
	const char *host = "", *addr = "";
	size_t n;

	if (fp_pg_has_secret(conninfo))
		return 0; /* refused later */
	c = PQconnectStartParams(key, value, 1);
	all = c ? PQconninfo(c) : NULL;
	for (const PQconninfoOption *o = all; o && o->keyword; o++) {
		if (o->val && !strcmp(o->keyword, "host"))
			host = o->val;
		else if (o->val && !strcmp(o->keyword, "hostaddr"))
			addr = o->val;
	}
	n = *addr ? 0 : take(host, out, max);
	PQconninfoFree(all);
	PQfinish(c);
	return n;
}
