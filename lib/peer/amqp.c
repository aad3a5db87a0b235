/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>

#include "io/caps.h"
#include "io/clock.h"
#include "peer/amqp_priv.h"

#define HEARTBEAT_S 10
#define FRAME_MAX 131072
/* The library writes without a deadline: the kernel gives up on a peer that
 * takes nothing (tcp(7)), which ends the write. */
#define WRITE_TIMEOUT_MS 30000

/* ---- opening */

static int tls(struct fp_amqp *a, amqp_socket_t **out, const char *ca_file,
	       struct fp_err *e)
{
	amqp_socket_t *s = amqp_ssl_socket_new(a->conn);
	uint64_t was;
	int r;

	if (!s)
		return fp_err(e, -ENOMEM, "TLS: out of memory");
	amqp_ssl_socket_set_verify_peer(s, 1);
	amqp_ssl_socket_set_verify_hostname(s, 1);
	if (amqp_ssl_socket_set_ssl_versions(s, AMQP_TLSv1_2, AMQP_TLSvLATEST))
		return fp_err(e, -EOPNOTSUPP, "TLS 1.2 is not to be had");
	was = fp_caps_raise(FP_CAP_DAC_READ_SEARCH);
	r = amqp_ssl_socket_set_cacert(s, ca_file);
	fp_caps_use(was, NULL);
	if (r)
		return fp_err(e, -ENOENT,
			      "%s: cannot be read, or has no certificates",
			      ca_file);
	*out = s;
	return 0;
}

static int dial(struct fp_amqp *a, const struct fp_amqp_opts *o,
		struct fp_err *e)
{
	unsigned int timeout_ms = WRITE_TIMEOUT_MS;
	amqp_socket_t *s;
	char what[FP_AMQP_NAME_SIZE + 16];
	int r = 0;

	if (o->url->is_tls)
		r = tls(a, &s, o->ca_file, e);
	else if (!(s = amqp_tcp_socket_new(a->conn)))
		r = fp_err(e, -ENOMEM, "out of memory");
	if (r)
		return r;
	snprintf(what, sizeof(what), "%s port %d", o->url->host, o->url->port);
	r = amqp_socket_open_noblock(s, o->url->host, o->url->port,
				     &a->timeout);
	if (r == AMQP_STATUS_SOCKET_ERROR)
		return fp_err(e, -ECONNREFUSED, "%s: cannot connect", what);
	if (r)
		return fp_amqp_status(r, e, what);
	setsockopt(amqp_get_sockfd(a->conn), IPPROTO_TCP, TCP_USER_TIMEOUT,
		   &timeout_ms, sizeof(timeout_ms));
	return 0;
}

/* Tell us when our queue is deleted, and when publishing would hang.
 * Source: RabbitMQ, "Consumer Cancel Notification", "Blocked Connections". */
static int login(struct fp_amqp *a, const struct fp_amqp_url *u,
		 struct fp_err *e)
{
	static const char *const names[] = { "consumer_cancel_notify",
					     "connection.blocked",
					     "publisher_confirms",
					     "basic.nack" };
	amqp_table_entry_t can[sizeof(names) / sizeof(*names)];
	amqp_table_entry_t all = { .key = amqp_cstring_bytes("capabilities") };
	amqp_table_t props = { 1, &all };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		can[i].key = amqp_cstring_bytes(names[i]);
		can[i].value.kind = AMQP_FIELD_KIND_BOOLEAN;
		can[i].value.value.boolean = 1;
	}
	all.value.kind = AMQP_FIELD_KIND_TABLE;
	all.value.value.table.num_entries = sizeof(names) / sizeof(*names);
	all.value.value.table.entries = can;
	return fp_amqp_reply(amqp_login_with_properties(a->conn, u->vhost,
							FP_AMQP_CHANNELS,
							FRAME_MAX, HEARTBEAT_S,
							&props,
							AMQP_SASL_METHOD_PLAIN,
							u->user, u->password),
			     e, "login");
}

int fp_amqp_open(struct fp_amqp **out, const struct fp_amqp_opts *o,
		 struct fp_err *e)
{
	struct fp_amqp *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return fp_err(e, -ENOMEM, "out of memory");
	a->last = &a->first;
	a->timeout_ms = o->timeout_ms;
	a->timeout.tv_sec = o->timeout_ms / 1000;
	a->timeout.tv_usec = o->timeout_ms % 1000 * 1000;
	a->conn = amqp_new_connection();
	a->is_gone = true; /* there is nobody yet */
	r = a->conn ? 0 : fp_err(e, -ENOMEM, "out of memory");
	if (!r && (amqp_set_handshake_timeout(a->conn, &a->timeout) ||
		   amqp_set_rpc_timeout(a->conn, &a->timeout)))
		r = fp_err(e, -EINVAL, "timeout");
	if (!r)
		r = dial(a, o, e);
	if (!r)
		r = login(a, o->url, e);
	a->is_gone = r;
	if (r)
		fp_amqp_close(a);
	else
		*out = a;
	return r;
}

void fp_amqp_message_free(struct fp_amqp_message *m)
{
	if (m)
		free(m->body);
	free(m);
}

void fp_amqp_close(struct fp_amqp *a)
{
	struct fp_amqp_waiting *w;

	if (!a)
		return;
	/* said orderly, so that what was acknowledged has arrived */
	if (a->conn && !a->is_gone)
		amqp_connection_close(a->conn, AMQP_REPLY_SUCCESS);
	if (a->conn)
		amqp_destroy_connection(a->conn);
	while ((w = a->first)) {
		a->first = w->next;
		fp_amqp_message_free(w->m);
		free(w);
	}
	for (int i = 0; i < FP_AMQP_CHANNELS; i++)
		fp_amqp_message_free(a->content[i].m);
	free(a);
}

int fp_amqp_fd(const struct fp_amqp *a)
{
	return amqp_get_sockfd(a->conn);
}

/* ---- content */

void fp_amqp_copy(char *to, size_t size, amqp_bytes_t b)
{
	size_t n = b.len < size ? b.len : size - 1;

	if (n)
		memcpy(to, b.bytes, n);
	to[n] = 0;
}

static int begin(struct fp_amqp *a, amqp_channel_t channel,
		 const amqp_basic_deliver_t *d, struct fp_err *e)
{
	struct fp_amqp_content *c = &a->content[channel];

	if (c->m || c->is_returned)
		return fp_err(e, -EBADMSG,
			      "a message begins within another one");
	c->has_header = false;
	if (!d) {
		c->is_returned = true;
		return 0;
	}
	c->m = calloc(1, sizeof(*c->m));
	if (!c->m)
		return fp_err(e, -ENOMEM, "out of memory");
	c->m->tag = d->delivery_tag;
	fp_amqp_copy(c->m->exchange, sizeof(c->m->exchange), d->exchange);
	fp_amqp_copy(c->m->key, sizeof(c->m->key), d->routing_key);
	return 0;
}

/* The timestamp has seconds; RabbitMQ and fp-sync publish say the milliseconds
 * in this header.  Source: RabbitMQ, message_interceptors. */
static int64_t said_ms(const amqp_basic_properties_t *p)
{
	int64_t s = p->_flags & AMQP_BASIC_TIMESTAMP_FLAG &&
				    p->timestamp < INT64_MAX / 1000
			    ? (int64_t)p->timestamp
			    : 0;

	for (int i = 0;
	     p->_flags & AMQP_BASIC_HEADERS_FLAG && i < p->headers.num_entries;
	     i++) {
		const amqp_table_entry_t *h = &p->headers.entries[i];
		static const char name[] = "timestamp_in_ms";

		if (h->value.kind == AMQP_FIELD_KIND_I64 &&
		    h->key.len == strlen(name) &&
		    !memcmp(h->key.bytes, name, h->key.len) &&
		    (!s || h->value.value.i64 / 1000 == s))
			return h->value.value.i64;
	}
	return s * 1000;
}

static int header(struct fp_amqp_content *c, uint64_t size,
		  const amqp_basic_properties_t *p, struct fp_err *e)
{
	struct fp_amqp_message *m = c->m;

	c->has_header = true;
	c->left = size;
	if (!m)
		return 0;
	m->said_ms = said_ms(p);
	m->size = size;
	if (p->_flags & AMQP_BASIC_CONTENT_TYPE_FLAG)
		fp_amqp_copy(m->type, sizeof(m->type), p->content_type);
	if (p->_flags & AMQP_BASIC_MESSAGE_ID_FLAG)
		fp_amqp_copy(m->id, sizeof(m->id), p->message_id);
	if (size > FP_AMQP_BODY_MAX)
		return 0;
	m->body = malloc(size + 1);
	return m->body ? 0 : fp_err(e, -ENOMEM, "out of memory");
}

static int body(struct fp_amqp_content *c, amqp_bytes_t part, struct fp_err *e)
{
	if (part.len > c->left)
		return fp_err(e, -EBADMSG,
			      "a body longer than its header says");
	if (c->m && c->m->body)
		memcpy(c->m->body + c->m->size - c->left, part.bytes, part.len);
	c->left -= part.len;
	return 0;
}

static int complete(struct fp_amqp *a, struct fp_amqp_content *c,
		    struct fp_err *e)
{
	struct fp_amqp_waiting *w;

	c->has_header = false;
	c->is_returned = false;
	if (!c->m)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return fp_err(e, -ENOMEM, "out of memory");
	w->m = c->m;
	c->m = NULL;
	*a->last = w;
	a->last = &w->next;
	return 0;
}

static int content(struct fp_amqp *a, const amqp_frame_t *f, struct fp_err *e)
{
	struct fp_amqp_content *c = &a->content[f->channel];
	int r;

	if (!(c->m || c->is_returned) ||
	    c->has_header != (f->frame_type == AMQP_FRAME_BODY))
		return fp_err(e, -EBADMSG, "a frame that belongs to nothing");
	if (f->frame_type == AMQP_FRAME_HEADER)
		r = header(c, f->payload.properties.body_size,
			   f->payload.properties.decoded, e);
	else
		r = body(c, f->payload.body_fragment, e);
	return r || c->left ? r : complete(a, c, e);
}

/* ---- methods */

static int channel_closed(struct fp_amqp *a, amqp_channel_t channel,
			  const amqp_channel_close_t *m, struct fp_err *e)
{
	amqp_channel_close_ok_t ok = { 0 };
	int r = amqp_send_method(a->conn, channel, AMQP_CHANNEL_CLOSE_OK_METHOD,
				 &ok);

	if (r)
		return fp_amqp_status(r, e, "closing a channel");
	if (channel != FP_AMQP_OUT)
		return fp_amqp_closed(m->reply_code, m->reply_text, e,
				      "consuming");
	fp_amqp_out_closed(a, m);
	return 0;
}

static int method(struct fp_amqp *a, const amqp_frame_t *f, struct fp_err *e)
{
	const void *m = f->payload.method.decoded;
	const amqp_connection_close_t *close = m;
	const amqp_basic_ack_t *ack = m;
	const amqp_basic_nack_t *nack = m;

	switch (f->payload.method.id) {
	case AMQP_BASIC_DELIVER_METHOD:
		return begin(a, f->channel, m, e);
	case AMQP_BASIC_RETURN_METHOD:
		fp_amqp_returned(a, m);
		return begin(a, f->channel, NULL, e);
	case AMQP_BASIC_ACK_METHOD:
		fp_amqp_settled(a, ack->delivery_tag, ack->multiple, true);
		return 0;
	case AMQP_BASIC_NACK_METHOD:
		fp_amqp_settled(a, nack->delivery_tag, nack->multiple, false);
		return 0;
	case AMQP_CONNECTION_BLOCKED_METHOD:
	case AMQP_CONNECTION_UNBLOCKED_METHOD:
		a->is_blocked =
			f->payload.method.id == AMQP_CONNECTION_BLOCKED_METHOD;
		return 0;
	case AMQP_BASIC_CANCEL_METHOD:
		return fp_err(e, -ECANCELED, "the queue was deleted");
	case AMQP_CHANNEL_CLOSE_METHOD:
		return channel_closed(a, f->channel, m, e);
	case AMQP_CONNECTION_CLOSE_METHOD:
		return fp_amqp_closed(close->reply_code, close->reply_text, e,
				      "connection");
	default:
		return 0;
	}
}

static int take(struct fp_amqp *a, int64_t deadline_ms, struct fp_err *e)
{
	int64_t left_ms = deadline_ms ? deadline_ms - fp_clock_ms() : 0;
	struct timeval wait = { 0 };
	amqp_frame_t f;
	int r;

	if (left_ms > 0) {
		wait.tv_sec = left_ms / 1000;
		wait.tv_usec = left_ms % 1000 * 1000;
	}
	r = amqp_simple_wait_frame_noblock(a->conn, &f, &wait);
	if (r == AMQP_STATUS_TIMEOUT)
		return 0;
	if (r)
		return fp_amqp_status(r, e, "reading");
	if (f.channel >= FP_AMQP_CHANNELS)
		return fp_err(e, -EBADMSG, "a channel that is not open");
	r = f.frame_type == AMQP_FRAME_METHOD ? method(a, &f, e)
					      : content(a, &f, e);
	amqp_maybe_release_buffers_on_channel(a->conn, f.channel);
	return r ? r : 1;
}

int fp_amqp_pump(struct fp_amqp *a, int64_t deadline_ms, struct fp_err *e)
{
	int r = take(a, deadline_ms, e);

	a->is_gone = r < 0;
	return r;
}

int fp_amqp_read(struct fp_amqp *a, struct fp_amqp_message **out,
		 struct fp_err *e)
{
	struct fp_amqp_waiting *w;
	int r = 1;

	while (!a->first && r == 1)
		r = fp_amqp_pump(a, 0, e);
	w = a->first;
	if (!w || r < 0)
		return r;
	a->first = w->next;
	if (!a->first)
		a->last = &a->first;
	*out = w->m;
	free(w);
	return 1;
}

static int sent(struct fp_amqp *a, int status, struct fp_err *e,
		const char *what)
{
	a->is_gone = status;
	return fp_amqp_status(status, e, what);
}

int fp_amqp_ack(struct fp_amqp *a, uint64_t tag, struct fp_err *e)
{
	return sent(a, amqp_basic_ack(a->conn, FP_AMQP_IN, tag, 1), e,
		    "acknowledging");
}

int fp_amqp_reject(struct fp_amqp *a, uint64_t tag, struct fp_err *e)
{
	return sent(a, amqp_basic_reject(a->conn, FP_AMQP_IN, tag, 0), e,
		    "rejecting");
}
