/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "peer/sip_priv.h"

/* Each piece has the message read from its start again. */
#define PIECES_MAX 2000

static void on_opened(void *ctx)
{
	struct fp_sip_call *c = ctx;

	c->is_open = true;
}

/* The next message of the stream.  1: it was none of ours, or provisional, and is
 * gone.  0: c is over, or needs more bytes. */
static int take_message(struct fp_sip_call *c)
{
	struct fp_sip_response r;
	struct fp_err e;
	int code = fp_sip_parse_response(&r, c->in.data, c->in.len, true, &e);

	if (!code && c->n_pieces > PIECES_MAX)
		code = fp_err(&e, -EBADMSG, "a reply in too many pieces");
	if (code < 0) {
		fp_sip_end(c, code, NULL, &e);
		return 0;
	}
	if (!code)
		return 0;
	if (fp_sip_is_answer(c, &r)) {
		if (r.status >= 200) {
			fp_sip_end(c, 0, &r, NULL);
			return 0;
		}
		c->provisional = r.status;
	}
	c->in.len -= r.size;
	memmove(c->in.data, c->in.data + r.size, c->in.len);
	return 1;
}

static void on_data(void *ctx, const char *p, size_t n)
{
	struct fp_sip_call *c = ctx;
	struct fp_err e;

	fp_buf_add(&c->in, p, n);
	c->n_pieces++;
	if (c->in.is_failed) {
		fp_err_sys(&e, -ENOMEM, "SIP");
		fp_sip_end(c, -ENOMEM, NULL, &e);
		return;
	}
	while (take_message(c))
		;
}

static void on_closed(void *ctx, int code, const struct fp_err *e)
{
	struct fp_sip_call *c = ctx;
	struct fp_err why = *e;

	if (!code || code == -EPIPE)
		code = fp_err(&why, -ECONNRESET,
			      "the connection was closed without a reply");
	fp_sip_end(c, code, NULL, &why);
}

int fp_sip_stream_ask(struct fp_sip_call *c, const struct fp_endpoint *to,
		      struct fp_err *e)
{
	const struct fp_stream_events events = { on_opened, on_data, on_closed,
						 c };
	const struct fp_tls *tls = c->transport == FP_T_TLS ? c->s->tls : NULL;
	int r = fp_stream_open(&c->stream, c->s->loop,
			       (struct sockaddr *)&c->to, c->to_len, tls,
			       to->host, &events, e);

	if (!r && fp_stream_write(c->stream, c->request, c->request_len))
		r = fp_err_sys(e, -ENOMEM, "SIP");
	return r;
}
