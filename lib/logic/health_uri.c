/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations' URIs: SIP (RFC 3261 19.1.1) as dispatcher and load_balancer have
 * them, transport and address as rtpengine has them, a host alone. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"
#include "logic/health_steer.h"

#define SIP_PORT 5060
#define SIPS_PORT 5061

static const struct {
	const char *name;
	uint16_t port;
} schemes[] = {
	{ "sip", SIP_PORT },  { "sips", SIPS_PORT }, { "udp", SIP_PORT },
	{ "udp6", SIP_PORT }, { "tcp", SIP_PORT },   { "tls", SIPS_PORT },
	{ "sctp", SIP_PORT }, { "ws", SIP_PORT },    { "wss", SIPS_PORT },
};

/* Past "sip:"; its port, or that of a URI without a scheme. */
static const char *skip_scheme(const char *s, uint16_t *port)
{
	size_t n = strcspn(s, ":");

	*port = SIP_PORT;
	for (size_t i = 0; s[n] && i < sizeof(schemes) / sizeof(*schemes); i++)
		if (strlen(schemes[i].name) == n &&
		    !strncasecmp(s, schemes[i].name, n)) {
			*port = schemes[i].port;
			return s + n + 1;
		}
	return s;
}

/* ";transport=tls" among the parameters, which end at '?'. */
static bool is_tls(const char *params)
{
	static const char name[] = "transport=tls";

	while (*params == ';') {
		size_t n = strcspn(++params, ";?");

		if (n == sizeof(name) - 1 && !strncasecmp(params, name, n))
			return true;
		params += n;
	}
	return false;
}

static int host_copy(char host[256], const char *s, size_t n, bool is_literal)
{
	struct fp_prefix p;

	if (!n || n > 255)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f || strchr("/<>\"[]:", s[i])) {
			if (!is_literal || s[i] != ':')
				return -EINVAL;
		}
	if (is_literal && (fp_prefix_parse(&p, s, n, NULL) ||
			   fp_prefix_is_v4(&p) || !fp_prefix_is_host(&p)))
		return -EINVAL;
	memcpy(host, s, n);
	host[n] = 0;
	return 0;
}

static int port_parse(const char *s, size_t n, uint16_t *port)
{
	unsigned int x = 0;

	if (!n || n > 5)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		x = 10 * x + (unsigned int)(s[i] - '0');
	}
	if (!x || x > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)x;
	return 0;
}

int fp_uri_host(const char *uri, char host[256], uint16_t *port)
{
	char found[256];
	uint16_t p;
	const char *s = skip_scheme(uri, &p), *at = strrchr(s, '@');
	size_t n;
	bool is_literal;

	if (at) /* a user's name may hold ':', ';' and '?', a host no '@' */
		s = at + 1;
	is_literal = *s == '[';
	if (is_literal)
		s++;
	n = strcspn(s, is_literal ? "]" : ":;?");
	if (host_copy(found, s, n, is_literal) || (is_literal && !s[n]))
		return -EINVAL;
	s += n + is_literal;
	n = strcspn(s, ";?");
	if (is_tls(s + n))
		p = SIPS_PORT;
	if (n && (*s != ':' || port_parse(s + 1, n - 1, &p)))
		return -EINVAL;
	memcpy(host, found, strlen(found) + 1);
	*port = p;
	return 0;
}

/* Addresses by value, names by letters. */
static bool is_same_host(const char *a, const char *b)
{
	struct fp_prefix p, q;
	size_t n = strlen(b);

	if (n > 2 && *b == '[' && b[n - 1] == ']') {
		b++;
		n -= 2;
	}
	if (!fp_prefix_parse(&p, a, strlen(a), NULL) &&
	    !fp_prefix_parse(&q, b, n, NULL))
		return !fp_prefix_cmp(&p, &q);
	return strlen(a) == n && !strncasecmp(a, b, n);
}

bool fp_uri_leads_to(const char *uri, const char *host, uint16_t port)
{
	char found[256];
	uint16_t p;

	return !fp_uri_host(uri, found, &p) && p == port &&
	       is_same_host(found, host);
}
