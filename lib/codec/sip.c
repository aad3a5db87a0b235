/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "codec/sip.h"

/* Of a response: more than a server could want to say about itself. */
#define HEAD_MAX 32768
#define BODY_MAX (1 << 20)

void fp_sip_print_options(struct fp_buf *to, const struct fp_sip_options *o)
{
	const char *param = !strcmp(o->transport, "TCP")   ? ";transport=tcp"
			    : !strcmp(o->transport, "TLS") ? ";transport=tls"
							   : "";
	/* RFC 3261 8.1.1 and 11.1; rport: RFC 3581. */
	const char *const parts[] = {
		"OPTIONS ", o->uri, " SIP/2.0\r\nVia: SIP/2.0/", o->transport,
		" ", o->sent_by, ";branch=", o->branch,
		";rport\r\nMax-Forwards: 70\r\nFrom: <sip:", o->user, "@",
		o->domain, ">;tag=", o->tag, "\r\nTo: <", o->uri,
		">\r\nCall-ID: ", o->call_id, "\r\nContact: <sip:", o->user,
		"@", o->sent_by, param,
		/* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one of two lines */
		">\r\nAccept: application/sdp\r\nUser-Agent: fastpath\r\n"
		"Content-Length: 0\r\nCSeq: "
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		fp_buf_str_add(to, parts[i]);
	fp_buf_printf(to, "%u OPTIONS\r\n\r\n", o->cseq);
}

/* ---- text, from at up to end */

struct text {
	const char *at, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What is between tokens of a value: blanks, and what folds a line. */
static void skip_blanks(struct text *t)
{
	while (t->at < t->end && is_blank(*t->at))
		t->at++;
}

static bool skip_char(struct text *t, char c)
{
	skip_blanks(t);
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	skip_blanks(t);
	return true;
}

/* Up to a blank or one of stop. */
static struct text word(struct text *t, const char *stop)
{
	struct text w = { t->at, t->at };

	while (t->at < t->end && !is_blank(*t->at) && !strchr(stop, *t->at))
		t->at++;
	w.end = t->at;
	return w;
}

static bool is_word(const struct text *t, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(t->end - t->at) == n && !strncasecmp(t->at, s, n);
}

/* A decimal number of at most max; -1. */
static int64_t number(struct text *t, int64_t max)
{
	int64_t v = 0;

	if (t->at == t->end || !is_digit(*t->at))
		return -1;
	for (; t->at < t->end && is_digit(*t->at); t->at++) {
		v = v * 10 + (*t->at - '0');
		if (v > max)
			return -1;
	}
	return v;
}

/* Over a quoted string whose '"' is at t->at. */
static void skip_quoted(struct text *t)
{
	for (t->at++; t->at < t->end && *t->at != '"'; t->at++)
		if (*t->at == '\\' && t->at + 1 < t->end)
			t->at++;
	if (t->at < t->end)
		t->at++;
}

/* Up to one of stop, that is in no quoted string and not between < and >. */
static void skip_to(struct text *t, const char *stop)
{
	while (t->at < t->end && !strchr(stop, *t->at)) {
		if (*t->at == '"') {
			skip_quoted(t);
		} else if (*t->at == '<') {
			while (t->at < t->end && *t->at != '>')
				t->at++;
		} else {
			t->at++;
		}
	}
}

/* The value of a parameter of the first of the values in t. */
static bool param(struct text t, const char *name, struct text *out)
{
	for (skip_to(&t, ";,"); skip_char(&t, ';'); skip_to(&t, ";,")) {
		struct text w = word(&t, ";,=");

		if (!is_word(&w, name) || !skip_char(&t, '='))
			continue;
		*out = word(&t, ";,");
		return true;
	}
	return false;
}

/* ---- header fields */

static void take_via(struct fp_sip_response *r, struct text value)
{
	struct text branch;

	if (r->branch || !param(value, "branch", &branch))
		return;
	r->branch = branch.at;
	r->branch_len = (size_t)(branch.end - branch.at);
}

static void take_to(struct fp_sip_response *r, struct text value)
{
	struct text tag;

	if (r->to_tag || !param(value, "tag", &tag))
		return;
	r->to_tag = tag.at;
	r->to_tag_len = (size_t)(tag.end - tag.at);
}

static void take_call_id(struct fp_sip_response *r, struct text value)
{
	struct text id = word(&value, "");

	if (r->call_id)
		return;
	r->call_id = id.at;
	r->call_id_len = (size_t)(id.end - id.at);
}

static void take_cseq(struct fp_sip_response *r, struct text value)
{
	int64_t n = number(&value, UINT32_MAX);
	struct text method;

	skip_blanks(&value);
	method = word(&value, "");
	if (r->method || n < 0)
		return;
	r->cseq = (uint32_t)n;
	r->method = method.at;
	r->method_len = (size_t)(method.end - method.at);
}

static void take_retry_after(struct fp_sip_response *r, struct text value)
{
	int64_t n = number(&value, UINT32_MAX);

	if (r->retry_after_s < 0)
		r->retry_after_s = n;
}

/* 399 host "text" */
static void take_warning(struct fp_sip_response *r, struct text value)
{
	const char *quote =
		memchr(value.at, '"', (size_t)(value.end - value.at));
	struct text t = value;

	if (r->warning)
		return;
	if (quote) {
		t.at = quote;
		skip_quoted(&t);
		t.end = t.at > quote + 1 && t.at[-1] == '"' ? t.at - 1 : t.at;
		t.at = quote + 1;
	}
	r->warning = t.at;
	r->warning_len = (size_t)(t.end - t.at);
}

static const struct {
	const char *name, *compact;
	void (*take)(struct fp_sip_response *r, struct text value);
} fields[] = {
	{ "Via", "v", take_via },
	{ "To", "t", take_to },
	{ "Call-ID", "i", take_call_id },
	{ "CSeq", NULL, take_cseq },
	{ "Retry-After", NULL, take_retry_after },
	{ "Warning", NULL, take_warning },
};

/* ---- the message */

static int wrong(struct fp_err *e, const char *p, size_t n, const char *why)
{
	char shown[52];
	size_t i;

	for (i = 0; i < n && i < 48 && p[i] != '\r' && p[i] != '\n'; i++)
		shown[i] = p[i] >= ' ' && p[i] < 0x7f ? p[i] : '?';
	memcpy(shown + i, i < n && i == 48 ? "..." : "",
	       i < n && i == 48 ? 4 : 1);
	return fp_err(e, -EBADMSG, "%s: \"%s\"", why, shown);
}

/* A line, its end included; a header's with those that go on with it.  false:
 * there is no whole one. */
static bool take_line(struct text *t, struct text *line, bool is_header)
{
	const char *end = t->at;

	for (;;) {
		end = memchr(end, '\n', (size_t)(t->end - end));
		if (!end)
			return false;
		end++;
		if (!is_header || end == t->end ||
		    (*end != ' ' && *end != '\t'))
			break;
	}
	*line = (struct text){ t->at, end };
	t->at = end;
	while (line->end > line->at &&
	       (is_header ? is_blank(line->end[-1])
			  : line->end[-1] == '\r' || line->end[-1] == '\n'))
		line->end--;
	return true;
}

/* SIP/2.0 200 OK */
static bool take_status(struct fp_sip_response *r, struct text line)
{
	int64_t status;
	size_t n = 0;

	if (line.end - line.at < 11 || strncasecmp(line.at, "SIP/2.0 ", 8))
		return false;
	line.at += 8;
	status = number(&line, 699);
	if (status < 100 || (line.at < line.end && *line.at != ' '))
		return false;
	r->status = (int)status;
	skip_blanks(&line);
	for (; line.at < line.end && n < sizeof(r->reason) - 1; line.at++)
		r->reason[n++] =
			*line.at >= ' ' && *line.at < 0x7f ? *line.at : '?';
	r->reason[n] = 0;
	return true;
}

/* *length: of Content-Length, -1 while there is none, -2: it is no number. */
static bool take_header(struct fp_sip_response *r, struct text line,
			int64_t *length)
{
	struct text name = word(&line, ":");

	if (name.at == name.end || !skip_char(&line, ':'))
		return false;
	if (is_word(&name, "Content-Length") || is_word(&name, "l")) {
		*length = number(&line, INT32_MAX);
		if (*length < 0 || line.at < line.end)
			*length = -2;
		return true;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (is_word(&name, fields[i].name) ||
		    (fields[i].compact && is_word(&name, fields[i].compact)))
			fields[i].take(r, line);
	return true;
}

/* Where the body begins, or NULL: the head does not end here. */
static const char *end_of_head(struct text t)
{
	struct text line;

	while (take_line(&t, &line, false))
		if (line.at == line.end)
			return t.at;
	return NULL;
}

/* Nobody's text is no pointer. */
static void settle(struct fp_sip_response *r)
{
	r->branch = r->branch ? r->branch : "";
	r->call_id = r->call_id ? r->call_id : "";
	r->method = r->method ? r->method : "";
	r->to_tag = r->to_tag ? r->to_tag : "";
	r->warning = r->warning ? r->warning : "";
}

/* Could these bytes be the start of a status line? */
static bool is_promising(const struct text *t)
{
	size_t n = (size_t)(t->end - t->at);

	return !strncasecmp(t->at, "SIP/2.0 ", n < 8 ? n : 8);
}

/* How long the message is with its body.  1; 0; -EBADMSG. */
static int take_body(struct fp_sip_response *r, const char *p, size_t n,
		     size_t head, int64_t length, bool is_stream,
		     struct fp_err *e)
{
	if (length == -2 || length > BODY_MAX)
		return wrong(e, p, n,
			     "a Content-Length that cannot be, in a reply");
	if (length < 0 && is_stream)
		return wrong(e, p, n, "no Content-Length in a reply");
	r->size = length < 0 ? n : head + (size_t)length;
	if (r->size <= n)
		return 1;
	/* RFC 3261 18.3: such a response must be discarded. */
	return is_stream ? 0 : wrong(e, p, n, "a reply that is cut off");
}

int fp_sip_parse_response(struct fp_sip_response *out, const char *p, size_t n,
			  bool is_stream, struct fp_err *e)
{
	struct fp_sip_response r = { .retry_after_s = -1 };
	struct text t = { p, p + n }, line = { p, p };
	const char *body;
	int64_t length = -1;
	int code;

	/* RFC 3261 7.5: line ends before the start are ignored. */
	while (t.at < t.end && (*t.at == '\r' || *t.at == '\n'))
		t.at++;
	if (!is_promising(&t))
		return wrong(e, t.at, (size_t)(t.end - t.at),
			     "not a SIP reply");
	body = end_of_head(t);
	if (!body && is_stream && n < HEAD_MAX)
		return 0;
	if (!body)
		return wrong(e, t.at, (size_t)(t.end - t.at),
			     "a reply whose header does not end");
	t.end = body;
	if (!take_line(&t, &line, false) || !take_status(&r, line))
		return wrong(e, line.at, (size_t)(line.end - line.at),
			     "not a SIP reply");
	while (take_line(&t, &line, true) && line.at < line.end)
		if (!take_header(&r, line, &length))
			return wrong(e, line.at, (size_t)(line.end - line.at),
				     "not a header of SIP");
	code = take_body(&r, p, n, (size_t)(body - p), length, is_stream, e);
	if (code == 1) {
		settle(&r);
		*out = r;
	}
	return code;
}
