/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "peer/amqp_priv.h"

/* Publishing with confirms.  Source: RabbitMQ, "Consumer Acknowledgements and
 * Publisher Confirms": messages are numbered from 1 on when the channel has
 * been told confirm.select; a message that no queue takes is returned before it
 * is confirmed. */

#define HEADERS_MAX 8

static int out_open(struct fp_amqp *a, struct fp_err *e)
{
	int r;

	if (a->is_out_open)
		return 0;
	amqp_channel_open(a->conn, FP_AMQP_OUT);
	r = fp_amqp_last(a, e, "opening a channel");
	if (r)
		return r;
	amqp_confirm_select(a->conn, FP_AMQP_OUT);
	r = fp_amqp_last(a, e, "asking for confirms");
	if (r)
		return r;
	a->is_out_open = true;
	a->seq = 0;
	return 0;
}

void fp_amqp_settled(struct fp_amqp *a, uint64_t seq, bool is_multiple,
		     bool is_good)
{
	uint64_t first = seq;

	if (!a->is_out_open || !seq || seq > a->seq)
		return;
	if (is_multiple)
		first = a->seq > FP_AMQP_WINDOW ? a->seq - FP_AMQP_WINDOW + 1
						: 1;
	for (; first <= seq; first++) {
		bool *is_open = &a->is_open[first % FP_AMQP_WINDOW];

		if (!*is_open)
			continue;
		*is_open = false;
		a->n_open--;
		if (is_good)
			a->n_good++;
		else
			a->n_bad++;
	}
	if (!is_good)
		snprintf(a->bad, sizeof(a->bad),
			 "the broker could not take them (is a queue full?)");
}

void fp_amqp_returned(struct fp_amqp *a, const amqp_basic_return_t *m)
{
	char text[64], exchange[FP_AMQP_NAME_SIZE];

	fp_amqp_copy(text, sizeof(text), m->reply_text);
	fp_amqp_copy(exchange, sizeof(exchange), m->exchange);
	a->n_bad++;
	a->n_returned++;
	snprintf(a->bad, sizeof(a->bad),
		 "exchange %s returned them (%s): no queue is bound to it",
		 exchange, text);
}

void fp_amqp_out_closed(struct fp_amqp *a, const amqp_channel_close_t *m)
{
	struct fp_err e;

	fp_amqp_closed(m->reply_code, m->reply_text, &e, "publishing");
	snprintf(a->bad, sizeof(a->bad), "%s", e.text);
	a->is_out_open = false;
	a->n_bad += a->n_open;
	a->n_open = 0;
	memset(a->is_open, 0, sizeof(a->is_open));
}

static amqp_table_entry_t entry(const char *name, const char *value)
{
	amqp_table_entry_t h = { .key = amqp_cstring_bytes(name) };

	h.value.kind = AMQP_FIELD_KIND_UTF8;
	h.value.value.bytes = amqp_cstring_bytes(value);
	return h;
}

static void properties(amqp_basic_properties_t *props,
		       amqp_table_entry_t h[HEADERS_MAX],
		       const struct fp_amqp_post *p)
{
	int n = 0;

	for (size_t i = 0; i < p->n_headers && n < HEADERS_MAX - 1; i++)
		h[n++] = entry(p->header[i].name, p->header[i].value);
	props->_flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_HEADERS_FLAG;
	props->delivery_mode = AMQP_DELIVERY_PERSISTENT;
	if (p->said_ms) {
		h[n].key = amqp_cstring_bytes("timestamp_in_ms");
		h[n].value.kind = AMQP_FIELD_KIND_I64;
		h[n++].value.value.i64 = p->said_ms;
		props->_flags |= AMQP_BASIC_TIMESTAMP_FLAG;
		props->timestamp = (uint64_t)p->said_ms / 1000;
	}
	if (p->type && *p->type) {
		props->_flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
		props->content_type = amqp_cstring_bytes(p->type);
	}
	if (p->id && *p->id) {
		props->_flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
		props->message_id = amqp_cstring_bytes(p->id);
	}
	props->headers.num_entries = n;
	props->headers.entries = h;
}

static int blocked(struct fp_err *e)
{
	return fp_err(e, -EBUSY,
		      "the broker takes no messages now: an alarm of its own "
		      "(memory or disk)");
}

/* Until at most `most` are on the way. */
static int settle(struct fp_amqp *a, size_t most, struct fp_err *e)
{
	int64_t deadline_ms = fp_clock_ms() + a->timeout_ms;
	int r = 1;

	while (a->n_open > most && r >= 0 && !a->is_blocked &&
	       fp_clock_ms() < deadline_ms)
		r = fp_amqp_pump(a, deadline_ms, e);
	if (r < 0 || a->n_open <= most)
		return r < 0 ? r : 0;
	a->is_gone = true;
	if (a->is_blocked)
		return blocked(e);
	return fp_err(e, -ETIMEDOUT, "no confirm within %lld ms",
		      (long long)a->timeout_ms);
}

int fp_amqp_publish(struct fp_amqp *a, const struct fp_amqp_post *p,
		    struct fp_err *e)
{
	amqp_basic_properties_t props = { 0 };
	amqp_table_entry_t headers[HEADERS_MAX];
	amqp_bytes_t body = { .len = p->size, .bytes = (void *)p->body };
	int r;

	if (a->is_blocked)
		return blocked(e);
	r = settle(a, FP_AMQP_WINDOW - 1, e);
	if (!r)
		r = out_open(a, e);
	if (r)
		return r;
	properties(&props, headers, p);
	r = amqp_basic_publish(a->conn, FP_AMQP_OUT,
			       amqp_cstring_bytes(p->exchange),
			       amqp_cstring_bytes(p->key), 1, 0, &props, body);
	if (r) {
		a->is_gone = true;
		return fp_amqp_status(r, e, "publishing");
	}
	a->is_open[++a->seq % FP_AMQP_WINDOW] = true;
	a->n_open++;
	return 0;
}

int fp_amqp_confirm(struct fp_amqp *a, size_t *n_good, struct fp_err *e)
{
	int r = settle(a, 0, e);
	size_t n_bad = a->n_bad;

	*n_good = a->n_good > a->n_returned ? a->n_good - a->n_returned : 0;
	a->n_good = a->n_bad = a->n_returned = 0;
	if (!r && n_bad)
		r = fp_err(e, -EREMOTEIO, "%zu not published: %s", n_bad,
			   a->bad);
	return r;
}
