/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "peer/amqp_priv.h"

#define URL_MAX 1024

/* Into a field of its own, as it was within text. */
static bool take(char to[FP_AMQP_NAME_SIZE], const char *from)
{
	if (strlen(from) >= FP_AMQP_NAME_SIZE)
		return false;
	strcpy(to, from);
	return true;
}

static int parse(struct fp_amqp_url *u, char *text, size_t size,
		 bool has_secret, struct fp_err *e)
{
	struct amqp_connection_info i;

	if (amqp_parse_url(text, &i))
		return fp_err(e, -EINVAL,
			      "not like amqp://USER@HOST:PORT/VHOST");
	/* the library's default is not in our text */
	if (!has_secret && i.password >= text && i.password < text + size)
		return fp_err(e, -EINVAL,
			      "a password on the command line is there for all "
			      "to see: put the URL into a file");
	if (!*i.vhost)
		return fp_err(
			e, -EINVAL,
			"its vhost is empty: leave the last \"/\" out for "
			"the vhost \"/\"");
	if (!*i.host)
		return fp_err(e, -EINVAL, "no host in it");
	if (!take(u->host, i.host) || !take(u->vhost, i.vhost) ||
	    !take(u->user, i.user) || !take(u->password, i.password))
		return fp_err(e, -EINVAL, "a part longer than %d bytes",
			      FP_AMQP_NAME_SIZE - 1);
	u->port = i.port;
	u->is_tls = i.ssl;
	return 0;
}

int fp_amqp_url_parse(struct fp_amqp_url *out, const char *text,
		      bool has_secret, struct fp_err *e)
{
	struct fp_amqp_url u = { .port = 0 };
	char copy[URL_MAX];
	int r;

	if (strlen(text) >= sizeof(copy))
		return fp_err(e, -EINVAL, "longer than %d bytes", URL_MAX - 1);
	strcpy(copy, text);
	r = parse(&u, copy, sizeof(copy), has_secret, e);
	if (!r)
		*out = u;
	explicit_bzero(copy, sizeof(copy));
	explicit_bzero(&u, sizeof(u));
	return r;
}
