/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/endpoint.h"

/* What names a transport, and what follows. */
enum shape { HOST, URL, PATH };

static const struct kind {
	const char *name;
	enum fp_transport transport;
	enum shape shape;
} kinds[] = {
	{ "udp:", FP_T_UDP, HOST },    { "tcp:", FP_T_TCP, HOST },
	{ "tls:", FP_T_TLS, HOST },    { "sctp:", FP_T_SCTP, HOST },
	{ "ws:", FP_T_WS, HOST },      { "wss:", FP_T_WSS, HOST },
	{ "http://", FP_T_HTTP, URL }, { "https://", FP_T_HTTPS, URL },
	{ "unix:", FP_T_UNIX, PATH },  { "fifo:", FP_T_FIFO, PATH },
};

static const struct kind bare = { "", FP_T_NONE, HOST };

/* A word in hand: what is left of it, and all of it for messages. */
struct word {
	const char *at, *end, *all;
	struct fp_err *e;
};

static int wrong(const struct word *w, const char *why)
{
	char shown[68];
	size_t n = (size_t)(w->end - w->all), i;

	for (i = 0; i < n && i < 64; i++)
		shown[i] =
			w->all[i] >= ' ' && w->all[i] < 0x7f ? w->all[i] : '?';
	memcpy(shown + i, i < n ? "..." : "", i < n ? 4 : 1);
	return fp_err(w->e, -EINVAL, "\"%s\": %s", shown, why);
}

static const struct kind *kind_of(const struct word *w)
{
	size_t left = (size_t)(w->end - w->at);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t n = strlen(kinds[i].name);

		if (left >= n && !memcmp(w->at, kinds[i].name, n))
			return &kinds[i];
	}
	return &bare;
}

static size_t span(const char *s, const char *end, const char *of)
{
	const char *p = s;

	while (p < end && *p && strchr(of, *p))
		p++;
	return (size_t)(p - s);
}

static int take_path(struct word *w, struct fp_endpoint *out)
{
	size_t n = (size_t)(w->end - w->at);

	if (n >= sizeof(out->path))
		return wrong(w, "the path is too long");
	for (const char *p = w->at; p < w->end; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return wrong(w, "a space or another unprintable "
					"character in the path");
	memcpy(out->path, w->at, n);
	out->path[n] = 0;
	w->at = w->end;
	return 0;
}

static int take_port(struct word *w, uint16_t *port)
{
	size_t n = span(w->at, w->end, "0123456789");
	unsigned int v = 0;

	for (size_t i = 0; i < n && i < 6; i++)
		v = v * 10 + (unsigned int)(w->at[i] - '0');
	if (!n || n > 5 || *w->at == '0' || v > 65535)
		return wrong(w, "the port is not 1 to 65535");
	w->at += n;
	*port = (uint16_t)v;
	return 0;
}

/* A host of n bytes: an IPv6 address in [] or alone, an IPv4 address, or a name
 * that DNS could have. */
static int take_host(struct word *w, size_t n, bool is_v6,
		     struct fp_endpoint *out)
{
	static const char name_chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.-_";

	if (!n || n >= sizeof(out->host))
		return wrong(w, n ? "the host name is too long" : "no host");
	if (!fp_prefix_parse(&out->addr, w->at, n, NULL)) {
		if (!fp_prefix_is_host(&out->addr))
			return wrong(w, "a prefix, not a host");
		if (fp_prefix_is_v4(&out->addr) && is_v6)
			return wrong(w, "[] are for IPv6");
	} else if (is_v6 || span(w->at, w->at + n, "0123456789.") == n) {
		return wrong(w, "not an address");
	} else if (span(w->at, w->at + n, name_chars) < n) {
		return wrong(w, "neither an address nor a host name");
	}
	memcpy(out->host, w->at, n);
	out->host[n] = 0;
	w->at += n;
	return 0;
}

static int take_authority(struct word *w, struct fp_endpoint *out)
{
	const char *close;
	size_t n = 0;
	int r;

	if (w->at < w->end && *w->at == '[') {
		close = memchr(w->at, ']', (size_t)(w->end - w->at));
		if (!close)
			return wrong(w, "no ] after the address");
		w->at++;
		r = take_host(w, (size_t)(close - w->at), true, out);
		w->at = close + 1;
	} else {
		while (w->at + n < w->end && !strchr(":/", w->at[n]))
			n++;
		r = take_host(w, n, false, out);
	}
	if (!r && w->at < w->end && *w->at == ':') {
		w->at++;
		r = take_port(w, &out->port);
	}
	return r;
}

int fp_endpoint_parse(struct fp_endpoint *out, const char *s, size_t n,
		      struct fp_err *e)
{
	struct word w = { s, s + n, s, e };
	const struct kind *k = kind_of(&w);
	struct fp_endpoint p = { .transport = k->transport };
	int r;

	if (k == &bare && !fp_prefix_parse(&p.addr, s, n, NULL))
		r = take_host(&w, n, false, &p); /* IPv6 without [] too */
	else if (w.at += strlen(k->name), k->shape != PATH)
		r = take_authority(&w, &p);
	else if (w.at == w.end || *w.at != '/')
		r = wrong(&w, "a path begins with /");
	else
		r = take_path(&w, &p);
	if (!r && w.at < w.end && *w.at == '/' && k->shape == URL)
		r = take_path(&w, &p);
	if (!r && w.at < w.end)
		r = wrong(&w, "more after the host and port");
	if (!r)
		*out = p;
	return r;
}

int fp_endpoint_list(const char *s, size_t i, struct fp_endpoint *out,
		     struct fp_err *e)
{
	size_t n;
	int r;

	for (; i; i--) {
		s += strcspn(s, ",");
		if (!*s++)
			return 0;
	}
	s += strspn(s, " ");
	n = strcspn(s, ",");
	while (n && s[n - 1] == ' ')
		n--;
	r = fp_endpoint_parse(out, s, n, e);
	return r ? r : 1;
}

size_t fp_endpoint_print(const struct fp_endpoint *p,
			 char out[FP_ENDPOINT_STRLEN])
{
	const struct kind *k = &bare;
	bool is_v6 = p->addr.len && !fp_prefix_is_v4(&p->addr);
	bool has_braces;
	char port[8] = "";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].transport == p->transport)
			k = &kinds[i];
	has_braces = is_v6 && (p->port || k != &bare);
	if (p->port)
		snprintf(port, sizeof(port), ":%u", p->port);
	return (size_t)snprintf(out, FP_ENDPOINT_STRLEN, "%s%s%s%s%s%s",
				k->name, has_braces ? "[" : "", p->host,
				has_braces ? "]" : "", port, p->path);
}
