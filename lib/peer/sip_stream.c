/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
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
		      const struct fp_tls *tls, struct fp_err *e)
{
	const struct fp_stream_events events = { on_opened, on_data, on_closed,
						 c };
	int r = fp_stream_open(&c->stream, c->s->loop,
			       (struct sockaddr *)&c->to, c->to_len,
			       c->transport == FP_T_TLS ? tls : NULL, to->host,
			       &events, e);

	if (!r && fp_stream_write(c->stream, c->request, c->request_len))
		r = fp_err_sys(e, -ENOMEM, "SIP");
	return r;
}

/* ---- settings of TLS */

struct sip_tls {
	struct sip_tls *next;
	struct fp_tls *tls;
	bool is_unverified;
	char *files[3]; /* or NULL, as in struct fp_tls_opts */
};

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool is_of(const struct sip_tls *t, const struct fp_tls_opts *o)
{
	return t->is_unverified == o->is_unverified &&
	       is_same(t->files[0], o->ca_file) &&
	       is_same(t->files[1], o->cert_file) &&
	       is_same(t->files[2], o->key_file);
}

static void tls_free(struct sip_tls *t)
{
	fp_tls_close(t->tls);
	for (int i = 0; i < 3; i++)
		free(t->files[i]);
	free(t);
}

static int tls_new(struct sip_tls **out, const struct fp_tls_opts *o,
		   struct fp_err *e)
{
	const char *const files[3] = { o->ca_file, o->cert_file, o->key_file };
	struct sip_tls *t = calloc(1, sizeof(*t));
	int r = t ? fp_tls_open(&t->tls, o, e) : fp_err_sys(e, -ENOMEM, "TLS");

	for (int i = 0; !r && i < 3; i++) {
		if (files[i] && !(t->files[i] = strdup(files[i])))
			r = fp_err_sys(e, -ENOMEM, "TLS");
	}
	if (!r) {
		t->is_unverified = o->is_unverified;
		*out = t;
	} else if (t) {
		tls_free(t);
	}
	return r;
}

int fp_sip_tls(struct fp_sip *s, const struct fp_tls_opts *o,
	       const struct fp_tls **out, struct fp_err *e)
{
	struct sip_tls *t = s->tls;
	int r;

	while (t && !is_of(t, o))
		t = t->next;
	if (!t) {
		r = tls_new(&t, o, e);
		if (r)
			return r;
		t->next = s->tls;
		s->tls = t;
	}
	*out = t->tls;
	return 0;
}

void fp_sip_tls_close(struct fp_sip *s)
{
	while (s->tls) {
		struct sip_tls *t = s->tls;

		s->tls = t->next;
		tls_free(t);
	}
}
