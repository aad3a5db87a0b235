/* SPDX-License-Identifier: Apache-2.0 */
#include "test/corpus/corpus.h"

#include <ctype.h>
#include <glob.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD_MAX 8192

static const char *const verdict_name[] = {
	[CORPUS_PASS] = "pass",
	[CORPUS_MALFORMED] = "drop:malformed",
	[CORPUS_STEALTH] = "drop:stealth",
	[CORPUS_BLOCK] = "drop:block",
	[CORPUS_FENCE] = "drop:fence",
	[CORPUS_UNREADABLE] = "drop:unreadable",
};
#define VERDICTS (sizeof(verdict_name) / sizeof(verdict_name[0]))

const char *corpus_verdict_name(enum corpus_verdict v)
{
	return verdict_name[v];
}

struct reader {
	struct corpus *out;
	struct corpus_case x; /* the block being read; name NULL: none */
	const char *dir, *file;
	int line;
	bool has_expect;
	char *why;
};

static int bad(struct reader *r, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(r->why, 256, "%s:%d: ", r->file, r->line);

	va_start(ap, fmt);
	vsnprintf(r->why + n, 256 - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

static int add(struct reader *r, const void *p, size_t n)
{
	if (r->x.len + n > PAYLOAD_MAX)
		return bad(r, "payload over %d bytes", PAYLOAD_MAX);
	memcpy(r->x.payload + r->x.len, p, n);
	r->x.len += n;
	return 0;
}

/* One character of a C string at *s; -1: none that we know. */
static int unescape(const char **s)
{
	static const char names[] = "rnt0\\\"", values[] = "\r\n\t\0\\\"";
	const char *at;
	int c = (unsigned char)*(*s)++;

	if (c != '\\')
		return c;
	c = (unsigned char)*(*s)++;
	if (c == 'x' && isxdigit((unsigned char)(*s)[0]) &&
	    isxdigit((unsigned char)(*s)[1])) {
		char hex[3] = { (*s)[0], (*s)[1], 0 };

		*s += 2;
		return (int)strtol(hex, NULL, 16);
	}
	at = c ? strchr(names, c) : NULL;
	return at ? values[at - names] : -1;
}

static int read_string(struct reader *r, const char *s)
{
	if (*s++ != '"')
		return bad(r, "a string begins with '\"'");
	while (*s != '"') {
		int c = *s ? unescape(&s) : -1;
		uint8_t byte = (uint8_t)c;

		if (c < 0)
			return bad(r, "bad escape, or no '\"' at the end");
		if (add(r, &byte, 1))
			return -1;
	}
	return s[1] ? bad(r, "more behind the string") : 0;
}

static int read_repeat(struct reader *r, const char *s)
{
	size_t start = r->x.len, n;
	char *rest;
	long times = strtol(s, &rest, 10);

	if (times < 1)
		return bad(r, "repeat COUNT \"TEXT\"");
	if (read_string(r, rest + strspn(rest, " \t")))
		return -1;
	n = r->x.len - start;
	while (--times)
		if (add(r, r->x.payload + start, n))
			return -1;
	return 0;
}

/* The rest of a request, enough for a server to take it. */
static int read_headers(struct reader *r, const char *method)
{
	char text[512];
	int n = snprintf(
		text, sizeof(text),
		"Via: SIP/2.0/UDP 198.51.100.10;branch=z9hG4bK74bf9\r\n"
		"From: <sip:alice@example.com>;tag=9fxced76sl\r\n"
		"To: <sip:bob@example.net>\r\n"
		"Call-ID: 3848276298220188511@example.com\r\n"
		"CSeq: 1 %s\r\nMax-Forwards: 70\r\n"
		"Content-Length: 0\r\n\r\n",
		method);

	return add(r, text, (size_t)n);
}

static int read_size(struct reader *r, const char *s)
{
	size_t size = strtoul(s, NULL, 10);

	if (!size || size > PAYLOAD_MAX)
		return bad(r, "bad size");
	if (r->x.len < size)
		memset(r->x.payload + r->x.len, 'p', size - r->x.len);
	r->x.len = size;
	return 0;
}

static int read_file(struct reader *r, const char *name)
{
	char path[512], text[PAYLOAD_MAX];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	f = fopen(path, "re");
	if (!f)
		return bad(r, "%s: cannot open", name);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return n ? add(r, text, n) : bad(r, "%s: empty", name);
}

static int read_expect(struct reader *r, const char *s)
{
	for (size_t i = 0; i < VERDICTS; i++) {
		if (strcmp(verdict_name[i], s))
			continue;
		r->x.expect = (enum corpus_verdict)i;
		r->has_expect = true;
		return 0;
	}
	return bad(r, "%s: no verdict", s);
}

static int read_line(struct reader *r, const char *s)
{
	if (strcmp(s, "ok") && strcmp(s, "bad"))
		return bad(r, "line is ok or bad");
	r->x.line = *s == 'o' ? CORPUS_LINE_OK : CORPUS_LINE_BAD;
	return 0;
}

/* ---- the words of `packet` ---- */

static const struct {
	const char *name;
	uint8_t number;
} protos[] = {
	{ "udp", IPPROTO_UDP },	  { "tcp", IPPROTO_TCP },
	{ "icmp", IPPROTO_ICMP }, { "icmp6", IPPROTO_ICMPV6 },
	{ "sctp", IPPROTO_SCTP }, { "gre", IPPROTO_GRE },
	{ "esp", IPPROTO_ESP },
}, exts[] = {
	{ "hop", IPPROTO_HOPOPTS },   { "dst", IPPROTO_DSTOPTS },
	{ "route", IPPROTO_ROUTING }, { "frag", IPPROTO_FRAGMENT },
	{ "ah", IPPROTO_AH },	      { "esp", IPPROTO_ESP },
	{ "mh", IPPROTO_MH },	      { "hip", 139 },
	{ "shim", 140 },	      { "none", IPPROTO_NONE },
};
#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static int set_from(struct reader *r, const char *s)
{
	static const char *const name[] = { "unlisted", "blocked", "allowed",
					    "fenced" };

	for (size_t i = 0; i < N_OF(name); i++) {
		if (strcmp(name[i], s))
			continue;
		r->x.packet.from = (enum packet_source)i;
		return 0;
	}
	return bad(r, "from=%s", s);
}

static int set_vlan(struct reader *r, const char *s)
{
	struct packet *p = &r->x.packet;
	char *rest;

	do {
		if (p->n_vlan == PACKET_VLAN_MAX)
			return bad(r, "too many tags");
		p->vlan[p->n_vlan++] = (uint16_t)strtoul(s, &rest, 10);
		s = rest + 1;
	} while (*rest == '.');
	return *rest ? bad(r, "vlan=%s", s) : 0;
}

static int set_frag(struct reader *r, const char *s)
{
	char *rest;

	r->x.packet.is_frag = true;
	r->x.packet.frag_off = (uint16_t)strtoul(s, &rest, 10);
	r->x.packet.has_more = *rest == 'm';
	return 0;
}

/* NAME[OFFSET[m]][+N][*N] */
static int add_ext(struct reader *r, const char *s)
{
	struct packet_ext x = { 0 };
	size_t i = 0, n = strspn(s, "abcdefghijklmnopqrstuvwxyz");
	char *rest;
	unsigned long times = 1;

	while (i < N_OF(exts) &&
	       (strlen(exts[i].name) != n || strncmp(exts[i].name, s, n)))
		i++;
	if (i == N_OF(exts))
		return bad(r, "ext %s", s);
	x.type = exts[i].number;
	x.frag_off = (uint16_t)strtoul(s + n, &rest, 10);
	x.has_more = *rest == 'm';
	rest += x.has_more;
	if (*rest == '+')
		x.extra = (uint8_t)strtoul(rest + 1, &rest, 10);
	if (*rest == '*')
		times = strtoul(rest + 1, &rest, 10);
	if (*rest || r->x.packet.n_ext + times > PACKET_EXT_MAX)
		return bad(r, "ext %s", s);
	while (times--)
		r->x.packet.ext[r->x.packet.n_ext++] = x;
	return 0;
}

static int set_ext(struct reader *r, char *s)
{
	char *save;

	for (s = strtok_r(s, ",", &save); s; s = strtok_r(NULL, ",", &save))
		if (add_ext(r, s))
			return -1;
	return 0;
}

static int set_number(struct reader *r, const char *key, const char *value)
{
	struct packet *p = &r->x.packet;
	long n = strtol(value, NULL, 0);
	struct {
		const char *key;
		long *field;
	} lies[] = { { "cut", &p->cut },      { "udplen", &p->udp_len },
		     { "iplen", &p->ip_len }, { "ihl", &p->ihl },
		     { "trunc", &p->trunc },  { "ethertype", &p->ethertype } };

	for (size_t i = 0; i < N_OF(lies); i++)
		if (!strcmp(lies[i].key, key)) {
			*lies[i].field = n;
			return 0;
		}
	if (!strcmp(key, "sport"))
		p->sport = (uint16_t)n;
	else if (!strcmp(key, "dport"))
		p->dport = (uint16_t)n;
	else if (!strcmp(key, "options"))
		p->ip_options = (unsigned int)n;
	else if (!strcmp(key, "trail"))
		p->trail = (unsigned int)n;
	else if (!strcmp(key, "pad"))
		p->has_pad = true, p->pad = (uint8_t)n;
	else
		return bad(r, "packet word %s", key);
	return 0;
}

static int set_flag(struct reader *r, const char *word)
{
	size_t i = 0;

	while (i < N_OF(protos) && strcmp(protos[i].name, word))
		i++;
	if (i < N_OF(protos))
		r->x.packet.proto = protos[i].number;
	else if (!strcmp(word, "v6"))
		r->x.packet.is_v6 = true;
	else
		return bad(r, "packet word %s", word);
	return 0;
}

static int read_packet(struct reader *r, char *s)
{
	char *save;

	for (s = strtok_r(s, " \t", &save); s;
	     s = strtok_r(NULL, " \t", &save)) {
		char *value = strchr(s, '=');
		int rc;

		if (value)
			*value++ = '\0';
		if (!value)
			rc = set_flag(r, s);
		else if (!strcmp(s, "from"))
			rc = set_from(r, value);
		else if (!strcmp(s, "vlan"))
			rc = set_vlan(r, value);
		else if (!strcmp(s, "frag"))
			rc = set_frag(r, value);
		else if (!strcmp(s, "ext"))
			rc = set_ext(r, value);
		else
			rc = set_number(r, s, value);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- blocks ---- */

/* What the verdict says of the first line; the program looks at it only in a
 * whole UDP datagram to a SIP port from a source on no list. */
static enum corpus_line line_of(const struct corpus_case *x)
{
	const struct packet *p = &x->packet;

	if (x->expect == CORPUS_MALFORMED)
		return CORPUS_LINE_BAD;
	if (x->expect != CORPUS_PASS || p->from != PACKET_UNLISTED ||
	    p->proto != IPPROTO_UDP || p->is_frag || p->n_ext ||
	    p->n_vlan > 2 || p->cut >= 0 || p->udp_len >= 0 || p->ip_len >= 0 ||
	    p->ihl >= 0 || p->trunc >= 0 || p->ethertype >= 0 ||
	    (p->dport != 5060 && p->dport != 5061))
		return CORPUS_LINE_UNKNOWN;
	return CORPUS_LINE_OK;
}

static int block_begin(struct reader *r, const char *name)
{
	if (r->x.name)
		return bad(r, "two names in a block");
	for (size_t i = 0; i < r->out->n; i++)
		if (!strcmp(r->out->v[i].name, name))
			return bad(r, "%s is also in %s", name,
				   r->out->v[i].where);
	memset(&r->x, 0, sizeof(r->x));
	packet_init(&r->x.packet);
	r->has_expect = false;
	snprintf(r->x.where, sizeof(r->x.where), "%.80s:%d", r->file, r->line);
	r->x.name = strdup(name);
	r->x.payload = malloc(PAYLOAD_MAX);
	return r->x.name && r->x.payload ? 0 : bad(r, "out of memory");
}

static int block_end(struct reader *r)
{
	struct corpus *c = r->out;
	struct corpus_case *v;

	if (!r->x.name)
		return 0;
	if (!r->has_expect)
		return bad(r, "%s expects nothing", r->x.name);
	if (r->x.line == CORPUS_LINE_UNKNOWN)
		r->x.line = line_of(&r->x);
	v = reallocarray(c->v, c->n + 1, sizeof(*v));
	if (!v)
		return bad(r, "out of memory");
	c->v = v;
	v[c->n++] = r->x;
	memset(&r->x, 0, sizeof(r->x));
	return 0;
}

static int read_key(struct reader *r, const char *key, char *value)
{
	static const struct {
		const char *key;
		int (*read)(struct reader *r, const char *s);
	} keys[] = {
		{ "expect", read_expect },   { "line", read_line },
		{ "payload", read_string },  { "repeat", read_repeat },
		{ "headers", read_headers }, { "size", read_size },
		{ "file", read_file },
	};

	if (!strcmp(key, "name"))
		return block_begin(r, value);
	if (!r->x.name)
		return bad(r, "a block begins with its name");
	if (!strcmp(key, "packet"))
		return read_packet(r, value);
	for (size_t i = 0; i < N_OF(keys); i++)
		if (!strcmp(keys[i].key, key))
			return keys[i].read(r, value);
	return bad(r, "%s: no such key", key);
}

static int read_text_line(struct reader *r, char *s)
{
	size_t n;

	s[strcspn(s, "\n")] = '\0';
	if (*s == '#')
		return 0;
	if (!*s)
		return block_end(r);
	n = strcspn(s, " \t");
	if (!s[n])
		return bad(r, "%s: no value", s);
	s[n] = '\0';
	return read_key(r, s, s + n + 1 + strspn(s + n + 1, " \t"));
}

static int read_one(struct reader *r, const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;
	int rc = 0;

	r->file = strrchr(path, '/') + 1;
	r->line = 0;
	if (!f)
		return bad(r, "cannot open");
	while (!rc && getline(&text, &cap, f) > 0) {
		r->line++;
		rc = read_text_line(r, text);
	}
	if (!rc)
		rc = block_end(r);
	free(text);
	fclose(f);
	return rc;
}

int corpus_read(struct corpus *out, const char *dir, char why[256])
{
	struct corpus c = { 0 };
	struct reader r = { .out = &c, .dir = dir, .why = why };
	char pattern[512];
	glob_t g = { 0 };
	int rc = 0;

	snprintf(pattern, sizeof(pattern), "%s/*.corpus", dir);
	if (glob(pattern, 0, NULL, &g)) {
		snprintf(why, 256, "%.200s: no files", pattern);
		return -1;
	}
	for (size_t i = 0; i < g.gl_pathc && !rc; i++)
		rc = read_one(&r, g.gl_pathv[i]);
	globfree(&g);
	free(r.x.name);
	free(r.x.payload);
	if (rc)
		corpus_free(&c);
	else
		*out = c;
	return rc;
}

void corpus_free(struct corpus *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].name);
		free(c->v[i].payload);
	}
	free(c->v);
	*c = (struct corpus){ 0 };
}

size_t corpus_frame(const struct corpus_case *x,
		    uint8_t frame[CORPUS_FRAME_MAX])
{
	return packet_build(&x->packet, x->payload, x->len, frame,
			    CORPUS_FRAME_MAX);
}
