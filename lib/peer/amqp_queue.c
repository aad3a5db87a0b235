/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "peer/amqp_priv.h"

/* Declaring and binding.  What others share is asked for first and declared
 * only when it is missing: a node's user needs no right to configure it. */

#define DEAD_MAX_LENGTH 100000
#define DEAD_TTL_MS (7 * 86400000ll)

static int channel_open(struct fp_amqp *a, struct fp_err *e)
{
	amqp_channel_open(a->conn, FP_AMQP_IN);
	return fp_amqp_last(a, e, "opening a channel");
}

/* After a question that the broker answered with "no" and the end of the
 * channel. */
static int channel_again(struct fp_amqp *a, struct fp_err *e)
{
	amqp_channel_close_ok_t ok = { 0 };
	int r = amqp_send_method(a->conn, FP_AMQP_IN,
				 AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);

	return r ? fp_amqp_status(r, e, "closing a channel")
		 : channel_open(a, e);
}

static int declare_exchange(struct fp_amqp *a, const char *name,
			    bool is_passive, struct fp_err *e)
{
	char what[FP_AMQP_NAME_SIZE + 32];

	snprintf(what, sizeof(what), "exchange %s", name);
	amqp_exchange_declare(a->conn, FP_AMQP_IN, amqp_cstring_bytes(name),
			      amqp_cstring_bytes("fanout"), is_passive, 1, 0, 0,
			      amqp_empty_table);
	return fp_amqp_last(a, e, what);
}

/* 1: it was missing. */
static int exchange(struct fp_amqp *a, const char *name, struct fp_err *e)
{
	int r = declare_exchange(a, name, true, e);

	if (r != -ENOENT)
		return r;
	r = channel_again(a, e);
	if (!r)
		r = declare_exchange(a, name, false, e);
	return r ? r : 1;
}

static amqp_table_entry_t number(const char *name, int64_t value)
{
	amqp_table_entry_t x = { .key = amqp_cstring_bytes(name) };

	x.value.kind = AMQP_FIELD_KIND_I64;
	x.value.value.i64 = value;
	return x;
}

static amqp_table_entry_t text(const char *name, const char *value)
{
	amqp_table_entry_t x = { .key = amqp_cstring_bytes(name) };

	x.value.kind = AMQP_FIELD_KIND_UTF8;
	x.value.value.bytes = amqp_cstring_bytes(value);
	return x;
}

static int queue(struct fp_amqp *a, const char *name, bool is_passive,
		 amqp_table_t args, struct fp_err *e)
{
	char what[FP_AMQP_NAME_SIZE + 32];

	snprintf(what, sizeof(what), "queue %s", name);
	amqp_queue_declare(a->conn, FP_AMQP_IN, amqp_cstring_bytes(name),
			   is_passive, 1, 0, 0, args);
	return fp_amqp_last(a, e, what);
}

static int bind(struct fp_amqp *a, const char *name, const char *from,
		const char *key, struct fp_err *e)
{
	char what[2 * FP_AMQP_NAME_SIZE + 32];

	snprintf(what, sizeof(what), "binding queue %s to exchange %s", name,
		 from);
	amqp_queue_bind(a->conn, FP_AMQP_IN, amqp_cstring_bytes(name),
			amqp_cstring_bytes(from), amqp_cstring_bytes(key),
			amqp_empty_table);
	return fp_amqp_last(a, e, what);
}

/* Where rejected messages stay until somebody looks. */
static int dead(struct fp_amqp *a, const char *name, struct fp_err *e)
{
	amqp_table_entry_t args[] = {
		number("x-message-ttl", DEAD_TTL_MS),
		number("x-max-length", DEAD_MAX_LENGTH),
	};
	amqp_table_t table = { 2, args };
	int r = exchange(a, name, e), is_new = r;

	if (r < 0)
		return r;
	r = queue(a, name, true, amqp_empty_table, e);
	if (r == -ENOENT) {
		is_new = 1;
		r = channel_again(a, e);
		if (!r)
			r = queue(a, name, false, table, e);
	}
	return r || !is_new ? r : bind(a, name, name, "", e);
}

static int ours(struct fp_amqp *a, const struct fp_amqp_queue *q,
		struct fp_err *e)
{
	amqp_table_entry_t args[] = {
		number("x-message-ttl", q->ttl_ms),
		number("x-max-length", q->max_length),
		text("x-overflow", "drop-head"),
		text("x-dead-letter-exchange", q->dead),
	};
	amqp_table_t table = { sizeof(args) / sizeof(*args), args };
	int r = queue(a, q->name, false, table, e);

	if (!r)
		r = bind(a, q->name, q->exchange, "", e);
	for (size_t i = 0; i < q->n_bind && !r; i++)
		r = bind(a, q->name, q->bind[i].exchange, q->bind[i].key, e);
	return r;
}

int fp_amqp_consume(struct fp_amqp *a, const struct fp_amqp_queue *q,
		    struct fp_err *e)
{
	int r = channel_open(a, e);

	if (!r)
		r = exchange(a, q->exchange, e);
	if (r >= 0)
		r = dead(a, q->dead, e);
	if (!r)
		r = ours(a, q, e);
	if (r)
		return r;
	amqp_basic_qos(a->conn, FP_AMQP_IN, 0, q->prefetch, 0);
	r = fp_amqp_last(a, e, "prefetch");
	if (r)
		return r;
	amqp_basic_consume(a->conn, FP_AMQP_IN, amqp_cstring_bytes(q->name),
			   amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
	return fp_amqp_last(a, e, "consuming");
}
