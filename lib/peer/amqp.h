/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_AMQP_H
#define FP_PEER_AMQP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A broker that speaks AMQP 0-9-1: messages from a queue of ours, messages to an
 * exchange with confirms.  Over librabbitmq 0.11; sources: the AMQP 0-9-1
 * specification, and RabbitMQ's documentation for confirms, consumer
 * cancellation and dead letters.
 *
 * Reading never blocks.  Opening, declaring and confirming wait for the broker,
 * at most timeout_ms.  Heartbeats (every 10 s) travel when fp_amqp_read or
 * fp_amqp_confirm is called: call one of them each second.  Any error but those
 * said otherwise means that the connection is gone: close, wait, open anew. */

#define FP_AMQP_BODY_MAX (1u << 20) /* longer bodies are not kept */
#define FP_AMQP_NAME_SIZE 256       /* shortstr: 255 bytes */

struct fp_amqp_url {
	char host[FP_AMQP_NAME_SIZE], vhost[FP_AMQP_NAME_SIZE];
	char user[FP_AMQP_NAME_SIZE], password[FP_AMQP_NAME_SIZE];
	int port;
	bool is_tls;
};
/* amqp://USER:PASSWORD@HOST:PORT/VHOST, amqps:// for TLS; what is left out is
 * guest, guest, 5672 (TLS: 5671), "/".  Source: RabbitMQ's URI specification.
 * 0: explicit_bzero *out after use.  -EINVAL: bad (e never shows the text), or
 * has a password although has_secret is false. */
int fp_amqp_url_parse(struct fp_amqp_url *out, const char *text,
		      bool has_secret, struct fp_err *e);

struct fp_amqp;

struct fp_amqp_opts {
	const struct fp_amqp_url *url;
	const char *ca_file; /* of TLS: certificates to trust, PEM */
	int64_t timeout_ms;  /* of each wait */
};
/* 0: *out is the caller's (fp_amqp_close).  -ECONNREFUSED -ETIMEDOUT
 * -EHOSTUNREACH: try again.  -EACCES: user, password or vhost.  -EKEYREJECTED:
 * the certificate, or the host name in it.  -ENOENT: ca_file. */
int fp_amqp_open(struct fp_amqp **out, const struct fp_amqp_opts *o,
		 struct fp_err *e);
/* NULL is allowed.  Messages that were not acknowledged go back to the queue. */
void fp_amqp_close(struct fp_amqp *a);
/* Readable when there is something for fp_amqp_read. */
int fp_amqp_fd(const struct fp_amqp *a);

struct fp_amqp_binding {
	const char *exchange, *key;
};
struct fp_amqp_queue {
	const char *name;     /* durable */
	const char *exchange; /* durable fan-out: made when missing, bound */
	/* durable fan-out for what was rejected, and a queue of the same name:
	 * both made when missing */
	const char *dead;
	const struct fp_amqp_binding *bind; /* exchanges of others */
	size_t n_bind;
	int64_t ttl_ms;     /* of a message in the queue */
	int64_t max_length; /* then the oldest go to dead */
	uint16_t prefetch;
};
/* Declare, bind, and have messages delivered.
 * -EACCES: not permitted.  -EEXIST: there with other arguments.  -ENOENT: an
 * exchange of bind is not there. */
int fp_amqp_consume(struct fp_amqp *a, const struct fp_amqp_queue *q,
		    struct fp_err *e);

struct fp_amqp_message {
	uint64_t tag;
	int64_t said_ms; /* unix time of the publisher or broker; 0: none */
	char exchange[FP_AMQP_NAME_SIZE], key[FP_AMQP_NAME_SIZE];
	char type[FP_AMQP_NAME_SIZE], id[FP_AMQP_NAME_SIZE]; /* or "" */
	size_t size; /* of the body; above FP_AMQP_BODY_MAX body is empty */
	char *body;
};
void fp_amqp_message_free(struct fp_amqp_message *m);

/* The next message, when one has come.
 * 1: *out is the caller's.  0: none now.  -ECANCELED: the queue was deleted.
 * Other errors: the connection is gone. */
int fp_amqp_read(struct fp_amqp *a, struct fp_amqp_message **out,
		 struct fp_err *e);
/* Acknowledge it and all before it; reject it alone (to dead, by the queue). */
int fp_amqp_ack(struct fp_amqp *a, uint64_t tag, struct fp_err *e);
int fp_amqp_reject(struct fp_amqp *a, uint64_t tag, struct fp_err *e);

struct fp_amqp_header {
	const char *name, *value;
};
struct fp_amqp_post {
	const char *exchange, *key;
	const char *type, *id; /* content type, message id; or NULL */
	int64_t said_ms;       /* 0: no timestamp */
	const char *body;
	size_t size;
	const struct fp_amqp_header *header;
	size_t n_headers;
};
/* Publish: persistent, and to come back when no queue takes it.  It is published
 * when fp_amqp_confirm says so; of those that are not confirmed at most
 * FP_AMQP_WINDOW are on the way, then this waits.
 * -EBUSY: the broker has an alarm and takes none.  It has stopped to read what we
 * say when one was on the way to it: close, and do not publish for a while. */
#define FP_AMQP_WINDOW 1000
int fp_amqp_publish(struct fp_amqp *a, const struct fp_amqp_post *p,
		    struct fp_err *e);
/* Wait until the broker has said what became of all.
 * 0: all of them are in a queue, on disk.  -EREMOTEIO: some are not (e says how
 * many and why), consuming goes on.  *n_good: how many are, also on errors. */
int fp_amqp_confirm(struct fp_amqp *a, size_t *n_good, struct fp_err *e);

#endif
