/* SPDX-License-Identifier: Apache-2.0 */
/* What a row names its next hop by, and another in its place. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codec/fsrow_priv.h"

#define SIP_PORT 5060 /* RFC 3261 19.1.2 */
#define SIPS_PORT 5061
#define HOST_MAX 255

static uint16_t port_or_default(uint16_t port)
{
	return port ? port : SIP_PORT;
}

static bool is_default(uint16_t port)
{
	return !port || port == SIP_PORT || port == SIPS_PORT;
}

/* ---- hosts */

static int address(const char *s, unsigned char out[16])
{
	if (inet_pton(AF_INET, s, out) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, s, out) == 1 ? AF_INET6 : 0;
}

/* s of n bytes, without []: an address however it is written, or a name. */
static bool is_host(const char *s, size_t n, const char *host)
{
	unsigned char a[16] = { 0 }, b[16] = { 0 };
	char text[HOST_MAX + 1];
	int family;

	if (!n || n > HOST_MAX)
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	family = address(text, a);
	if (!family)
		return !strcasecmp(text, host);
	return family == address(host, b) && !memcmp(a, b, sizeof(a));
}

/* ---- one URI */

struct authority {
	const char *at, *host,
		*end;  /* at: of host with its [; end: behind port */
	size_t n;      /* of host, without [] */
	uint16_t port; /* 0: none is there */
};

/* HOST or HOST:PORT, with nothing behind it but parameters. */
static bool authority(const char *s, const char *end, struct authority *out)
{
	bool is_literal = s < end && *s == '[';
	unsigned int port = 0;

	out->at = s;
	out->host = s + is_literal;
	for (s = out->host; s < end && !strchr(is_literal ? "]" : ":;?@", *s);)
		s++;
	out->n = (size_t)(s - out->host);
	if (is_literal && s++ == end)
		return false;
	if (s < end && *s == ':') {
		for (s++; s < end && *s >= '0' && *s <= '9'; s++) {
			port = port * 10 + (unsigned int)(*s - '0');
			if (port > 65535)
				return false;
		}
		if (!port)
			return false;
	}
	out->port = (uint16_t)port;
	out->end = s;
	return out->n && (s == end || *s == ';' || *s == '?');
}

static const struct fp_fsrow_hop *hop_of(const struct authority *a,
					 const struct fp_fsrow_hop *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool is_port = a->port ? a->port == port_or_default(h[i].port)
				       : is_default(h[i].port);

		if (is_port && is_host(a->host, a->n, h[i].host))
			return &h[i];
	}
	return NULL;
}

/* What follows the scheme.  A user may have ; and ? in it, and what follows the host no
 * @: RFC 3261 25.1. */
static const struct fp_fsrow_hop *find(const char *s, const char *end,
				       const struct fp_fsrow_hop *h, size_t n,
				       struct authority *out)
{
	const char *at = memchr(s, '@', (size_t)(end - s));

	return authority(at ? at + 1 : s, end, out) ? hop_of(out, h, n) : NULL;
}

static void add_host(struct fp_buf *to, const struct authority *was,
		     const struct fp_fsrow_hop *h)
{
	bool is_literal = strchr(h->to_host, ':');

	fp_buf_printf(to, is_literal ? "[%s]" : "%s", h->to_host);
	if (was->port || !is_default(h->to_port))
		fp_buf_printf(to, ":%u",
			      (unsigned int)port_or_default(h->to_port));
}

/* ---- texts: URIs in <> or not, with names, several; or one without its scheme */

static size_t scheme(const char *s, const char *start)
{
	if (s > start && (s[-1] == '-' || s[-1] == '.' || s[-1] == '+' ||
			  (s[-1] >= '0' && s[-1] <= '9') ||
			  ((s[-1] | 32) >= 'a' && (s[-1] | 32) <= 'z')))
		return 0;
	if (!strncasecmp(s, "sip:", 4))
		return 4;
	return strncasecmp(s, "sips:", 5) ? 0 : 5;
}

static const char *quoted(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		s += *s == '\\' && s[1];
	return *s ? s + 1 : s;
}

/* Behind the next scheme; NULL: there is none. */
static const char *next(const char *s, const char *start)
{
	size_t n;

	while (*s) {
		if (*s == '"') {
			s = quoted(s);
			continue;
		}
		n = scheme(s, start);
		if (n)
			return s + n;
		s++;
	}
	return NULL;
}

size_t fp_fsrow_rehop(struct fp_buf *to, const char *s,
		      const struct fp_fsrow_hop *h, size_t n)
{
	bool is_bare = !strchr(s, '<') && !scheme(s, s);
	const char *done = s;
	size_t found = 0;

	for (const char *uri = is_bare ? s : next(s, s); uri;
	     uri = next(uri, s)) {
		const char *end = uri + strcspn(uri, "<>\", \t\r\n");
		struct authority was;
		const struct fp_fsrow_hop *hop = find(uri, end, h, n, &was);

		if (!hop)
			continue;
		found++;
		if (to) {
			fp_buf_add(to, done, (size_t)(was.at - done));
			add_host(to, &was, hop);
		}
		done = uri = was.end;
	}
	if (to)
		fp_buf_str_add(to, done);
	return found;
}

/* ---- places */

static const char *uris_of(const struct fp_fsrow *r, enum fp_fsrow_place place)
{
	switch (place) {
	case FP_FSROW_CONTACT:
		return r->contact_uri;
	case FP_FSROW_RECOVER_CONTACT:
		return r->recover_contact;
	case FP_FSROW_REQ_URI:
		return r->req_uri;
	case FP_FSROW_ROUTE:
		return r->route;
	case FP_FSROW_RECORD_ROUTE:
		return r->record_route;
	case FP_FSROW_PROXY:
		return r->proxy;
	default:
		return NULL;
	}
}

static const struct fp_fsrow_hop *of_network(const struct fp_fsrow *r,
					     const struct fp_fsrow_hop *h,
					     size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_host(r->network_ip, strlen(r->network_ip), h[i].host))
			return &h[i];
	return NULL;
}

bool fp_fsrow_hop_text(struct fp_buf *to, const struct fp_fsrow *r,
		       enum fp_fsrow_place place,
		       const struct fp_fsrow_edit *edit)
{
	const char *uris = uris_of(r, place);
	const struct fp_fsrow_hop *h;

	if (uris)
		return fp_fsrow_rehop(to, uris, edit->hop, edit->n_hops) > 0;
	if (place != FP_FSROW_NETWORK_IP && place != FP_FSROW_NETWORK_PORT)
		return false;
	h = of_network(r, edit->hop, edit->n_hops);
	if (h && place == FP_FSROW_NETWORK_IP)
		fp_buf_str_add(to, h->to_host);
	else if (h)
		fp_buf_printf(to, "%u",
			      (unsigned int)port_or_default(h->to_port));
	return h;
}

bool fp_fsrow_names(const struct fp_fsrow *r, const struct fp_fsrow_hop *h)
{
	for (enum fp_fsrow_place p = FP_FSROW_CONTACT; p <= FP_FSROW_PROXY; p++)
		if (fp_fsrow_rehop(NULL, uris_of(r, p), h, 1))
			return true;
	return of_network(r, h, 1);
}

bool fp_fsrow_goes_to(const struct fp_fsrow *r, const struct fp_fsrow_hop *h)
{
	const char *uri = r->contact_uri;

	if (!r->is_inbound)
		uri = *r->recover_contact ? r->recover_contact : r->req_uri;
	return fp_fsrow_rehop(NULL, uri, h, 1);
}
