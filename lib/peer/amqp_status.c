/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "peer/amqp_priv.h"

/* What the library and the broker say, as -errno and one line. */

int fp_amqp_status(int status, struct fp_err *e, const char *what)
{
	static const struct {
		int status, code;
	} map[] = {
		{ AMQP_STATUS_NO_MEMORY, -ENOMEM },
		{ AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED, -EHOSTUNREACH },
		{ AMQP_STATUS_TIMEOUT, -ETIMEDOUT },
		{ AMQP_STATUS_HEARTBEAT_TIMEOUT, -ETIMEDOUT },
		{ AMQP_STATUS_BROKER_UNSUPPORTED_SASL_METHOD, -EACCES },
		{ AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED, -EKEYREJECTED },
		{ AMQP_STATUS_SSL_PEER_VERIFY_FAILED, -EKEYREJECTED },
		{ AMQP_STATUS_BAD_AMQP_DATA, -EBADMSG },
		{ AMQP_STATUS_UNKNOWN_CLASS, -EBADMSG },
		{ AMQP_STATUS_UNKNOWN_METHOD, -EBADMSG },
	};
	int code = -ECONNRESET;

	if (status >= 0)
		return 0;
	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++)
		if (map[i].status == status)
			code = map[i].code;
	return fp_err(e, code, "%s: %s", what, amqp_error_string2(status));
}

/* The broker's reply codes: AMQP 0-9-1, 1.2 "constants".  What it says comes
 * from outside: no control characters. */
int fp_amqp_closed(int reply, amqp_bytes_t text, struct fp_err *e,
		   const char *what)
{
	char said[256];
	int code;

	switch (reply) {
	case AMQP_ACCESS_REFUSED:
	case AMQP_NOT_ALLOWED:
		code = -EACCES;
		break;
	case AMQP_NOT_FOUND:
		code = -ENOENT;
		break;
	case AMQP_PRECONDITION_FAILED:
		code = -EEXIST;
		break;
	default:
		code = -ECONNRESET;
	}
	fp_amqp_copy(said, sizeof(said), text);
	for (char *s = said; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
	return fp_err(e, code, "%s: the broker says: %s", what, said);
}

int fp_amqp_reply(amqp_rpc_reply_t reply, struct fp_err *e, const char *what)
{
	const amqp_connection_close_t *c = reply.reply.decoded;
	const amqp_channel_close_t *ch = reply.reply.decoded;

	switch (reply.reply_type) {
	case AMQP_RESPONSE_NORMAL:
		return 0;
	case AMQP_RESPONSE_LIBRARY_EXCEPTION:
		return fp_amqp_status(reply.library_error, e, what);
	case AMQP_RESPONSE_SERVER_EXCEPTION:
		if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
			return fp_amqp_closed(c->reply_code, c->reply_text, e,
					      what);
		if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
			return fp_amqp_closed(ch->reply_code, ch->reply_text, e,
					      what);
		break;
	default:
		break;
	}
	return fp_err(e, -EBADMSG, "%s: an answer to another question", what);
}

int fp_amqp_last(struct fp_amqp *a, struct fp_err *e, const char *what)
{
	return fp_amqp_reply(amqp_get_rpc_reply(a->conn), e, what);
}
