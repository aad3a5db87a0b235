/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/percent.h"
#include "codec/esl.h"

/* Blocks of the captures have at most 3 lines and 130 bytes; a `connect` of the
 * outbound mode, which we do not use, has some thousand. */
#define MAX_HEAD ((size_t)64 << 10)
#define MAX_NAME 64

struct fp_esl_reader {
	struct fp_buf in; /* what came and was not given out yet: from at on */
	size_t at;
	size_t seen; /* of the head, from at: its lines were looked at */
	size_t head; /* of the whole head with its empty line; 0: not yet */
	size_t body; /* as Content-Length says */
	size_t max_bytes;
	struct fp_buf head_text, body_text, reply; /* of the frame given out */
};

int fp_esl_reader_new(struct fp_esl_reader **out, size_t max_bytes)
{
	struct fp_esl_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->max_bytes = max_bytes;
	*out = r;
	return 0;
}

void fp_esl_reader_free(struct fp_esl_reader *r)
{
	if (!r)
		return;
	fp_buf_fini(&r->in);
	fp_buf_fini(&r->head_text);
	fp_buf_fini(&r->body_text);
	fp_buf_fini(&r->reply);
	free(r);
}

/* Move what is left to the start, when that is cheap: each byte is moved about
 * once. */
static void compact(struct fp_esl_reader *r)
{
	if (r->at < r->in.len - r->at)
		return;
	memmove(r->in.data, r->in.data + r->at, r->in.len - r->at);
	r->in.len -= r->at;
	r->at = 0;
}

int fp_esl_feed(struct fp_esl_reader *r, const char *p, size_t n)
{
	if (r->in.data)
		compact(r);
	fp_buf_add(&r->in, p, n);
	return r->in.is_failed ? -ENOMEM : 0;
}

/* ---- lines */

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Can the n bytes at p be (the start of) a header line?  Enough to tell an event
 * socket from the banners of other servers. */
static bool is_header_like(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && i < MAX_NAME && is_name_char(p[i]))
		i++;
	return i == n || (i > 0 && p[i] == ':');
}

static size_t name_len(const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);

	return colon ? (size_t)(colon - line) : n;
}

/* The value of name in the lines of the first block of n bytes at p. */
static bool find(const char *p, size_t n, const char *name, const char **value,
		 size_t *value_len)
{
	const char *end = p + n;

	while (p < end && *p != '\n') {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);
		size_t at = name_len(p, len);

		if (at < len && at == strlen(name) &&
		    !strncasecmp(p, name, at)) {
			at++;
			while (at < len && p[at] == ' ')
				at++;
			*value = p + at;
			*value_len = len - at;
			return true;
		}
		if (!nl)
			break;
		p = nl + 1;
	}
	return false;
}

bool fp_esl_header(const char *block, const char *name, bool is_encoded,
		   char *out, size_t size)
{
	const char *value;
	size_t n;

	if (!find(block, strlen(block), name, &value, &n) || n >= size)
		return false;
	memcpy(out, value, n);
	out[n] = 0;
	if (is_encoded)
		fp_percent_decode(out);
	return true;
}

/* ---- frames */

static int bad_start(const char *p, size_t n, struct fp_err *e)
{
	char shown[41];
	size_t i;

	for (i = 0; i < n && i < sizeof(shown) - 1 && p[i] != '\n'; i++)
		shown[i] = p[i] >= ' ' && p[i] <= '~' ? p[i] : '?';
	shown[i] = 0;
	return fp_err(e, -EBADMSG, "no event socket: it says \"%s\"", shown);
}

/* Content-Length of the head of n bytes at p. */
static int body_length(const char *p, size_t n, size_t max, size_t *out,
		       struct fp_err *e)
{
	const char *value;
	size_t len, sum = 0;

	*out = 0;
	if (!find(p, n, "Content-Length", &value, &len))
		return 0;
	if (!len)
		return fp_err(e, -EBADMSG, "Content-Length without a number");
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)value[i]))
			return fp_err(e, -EBADMSG,
				      "Content-Length is no number");
		sum = sum * 10 + (size_t)(value[i] - '0');
		if (sum > max)
			return fp_err(e, -EMSGSIZE,
				      "it announces more than %zu bytes", max);
	}
	*out = sum;
	return 0;
}

/* Look at the lines that are whole, and at the start of the one that is not.
 * 1: the head is whole.  0: more is needed. */
static int read_head(struct fp_esl_reader *r, struct fp_err *e)
{
	size_t max = r->max_bytes < MAX_HEAD ? r->max_bytes : MAX_HEAD;
	const char *p, *end, *nl;

	/* a body may have one newline more than it said */
	while (!r->seen && r->at < r->in.len && r->in.data[r->at] == '\n')
		r->at++;
	if (r->at == r->in.len)
		return 0;
	p = r->in.data + r->at;
	end = r->in.data + r->in.len;
	while ((nl = memchr(p + r->seen, '\n', (size_t)(end - p) - r->seen))) {
		size_t line = (size_t)(nl - p) - r->seen;

		if (!line) {
			r->head = r->seen + 1;
			return body_length(p, r->seen, r->max_bytes, &r->body,
					   e)
				       ?: 1;
		}
		if (!is_header_like(p + r->seen, line) ||
		    name_len(p + r->seen, line) == line ||
		    memchr(p + r->seen, 0, line))
			return bad_start(p + r->seen, line, e);
		r->seen += line + 1;
	}
	if (!is_header_like(p + r->seen, (size_t)(end - p) - r->seen))
		return bad_start(p + r->seen, (size_t)(end - p) - r->seen, e);
	if ((size_t)(end - p) > max)
		return fp_err(e, -EMSGSIZE, "a head of more than %zu bytes",
			      max);
	return 0;
}

static enum fp_esl_kind kind_of(const char *p, size_t n)
{
	static const struct {
		const char *type;
		enum fp_esl_kind kind;
	} kinds[] = {
		{ "auth/request", FP_ESL_AUTH },
		{ "command/reply", FP_ESL_REPLY },
		{ "api/response", FP_ESL_RESPONSE },
		{ "text/event-plain", FP_ESL_EVENT },
		{ "text/event-json", FP_ESL_EVENT },
		{ "text/disconnect-notice", FP_ESL_DISCONNECT },
		{ "text/rude-rejection", FP_ESL_REJECTED },
	};
	const char *value;
	size_t len;

	if (!find(p, n, "Content-Type", &value, &len))
		return FP_ESL_OTHER;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strlen(kinds[i].type) == len &&
		    !strncasecmp(kinds[i].type, value, len))
			return kinds[i].kind;
	return FP_ESL_OTHER;
}

static const char *keep(struct fp_buf *b, const char *p, size_t n)
{
	b->len = 0;
	fp_buf_add(b, p, n);
	return fp_buf_str(b);
}

/* The whole frame is there: copies, so that its texts are C strings and the next
 * frame stays whole. */
static int give(struct fp_esl_reader *r, struct fp_esl_frame *out,
		struct fp_err *e)
{
	const char *p = r->in.data + r->at, *body = p + r->head, *value = "";
	const char *nul = memchr(body, 0, r->body);
	size_t len = 0;

	for (size_t i = nul ? (size_t)(nul - body) : r->body; i < r->body; i++)
		if (body[i])
			return fp_err(e, -EBADMSG, "a zero byte in a body");
	find(p, r->head, "Reply-Text", &value, &len);
	out->kind = kind_of(p, r->head);
	out->text = keep(&r->reply, value, len);
	out->head = keep(&r->head_text, p, r->head - 1);
	out->body = keep(&r->body_text, body, r->body);
	out->body_len = r->body;
	if (!out->text || !out->head || !out->body)
		return fp_err_sys(e, -ENOMEM, "event socket");
	r->at += r->head + r->body;
	r->head = r->body = r->seen = 0;
	return 1;
}

int fp_esl_next(struct fp_esl_reader *r, struct fp_esl_frame *out,
		struct fp_err *e)
{
	int code;

	if (!r->head) {
		code = read_head(r, e);
		if (code <= 0)
			return code;
	}
	if (r->in.len - r->at - r->head < r->body)
		return 0;
	return give(r, out, e);
}

bool fp_esl_is_mid(const struct fp_esl_reader *r)
{
	return r->at < r->in.len;
}
