/* SPDX-License-Identifier: Apache-2.0 */
#include "broker.h"

#include <string.h>

#include "io/secret.h"

#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"

int fs_broker(const struct fp_cli *c, struct fp_amqp_url *url,
	      struct fp_amqp_opts *opts, struct fp_err *e)
{
	const char *text = fp_cli_get(c, "url");
	const char *file = fp_cli_get(c, "url-file");
	const char *ca = fp_cli_get(c, "ca");
	char secret[1024];
	int r;

	*opts = (struct fp_amqp_opts){ .url = url,
				       .ca_file = ca ? ca : CA_FILE,
				       .timeout_ms = c->timeout_ms };
	if (text && file)
		return fp_err(e, -EINVAL,
			      "--url and --url-file: only one of them");
	if (!file) {
		r = fp_amqp_url_parse(url, text ? text : "amqp://localhost",
				      false, e);
		return r ? fp_err_prefix(e, r, "--url") : 0;
	}
	r = fp_secret_read(file, secret, sizeof(secret), e);
	if (r)
		return fp_err_prefix(e, r, "--url-file");
	r = fp_amqp_url_parse(url, secret, true, e);
	explicit_bzero(secret, sizeof(secret));
	return r ? fp_err_prefix(e, r, "--url-file %s", file) : 0;
}

int fs_broker_fail(const struct fp_cli *c, int code, const struct fp_err *e)
{
	int status = fp_cli_fail(c, code, e);

	switch (code) {
	case -ECONNRESET:
	case -EREMOTEIO:
	case -EBADMSG:
		return FP_EXIT_AGAIN;
	default:
		return status;
	}
}

const char *fs_exchange(const struct fp_cli *c)
{
	const char *name = fp_cli_get(c, "exchange");

	return name ? name : FS_EXCHANGE;
}
