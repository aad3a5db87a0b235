/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/remote_auth.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "peer/remote_wire.h"

#define MAX_AGENT_KEYS 32

static void note(struct fp_auth *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct fp_auth *a, const char *fmt, ...)
{
	char text[320];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fp_buf_printf(&a->tried, "%s%s", a->tried.len ? ", " : "", text);
}

static const char *const rsa_remedy =
	"an RSA key cannot be used: libssh2 before 1.11 does not sign rsa-sha2; "
	"make an ed25519 key (ssh-keygen -t ed25519) or use --ssh-command ssh";

int fp_auth_denied(const struct fp_auth *a, const char *said, struct fp_err *e)
{
	const char *tried = a->tried.len ? a->tried.data : "no key";
	int n = a->tried.len ? (int)a->tried.len : 6;

	if (a->has_rsa)
		return fp_err(e, -EACCES, "%s (%.*s)", rsa_remedy,
			      n < 200 ? n : 200, tried);
	return fp_err(e, -EACCES,
		      "%s takes no key of ours for user %s%s%s: "
		      "%.*s",
		      a->config->host, a->config->user, *said ? ": " : "", said,
		      n < 300 ? n : 300, tried);
}

/* ---- files */

static bool is_usable(enum fp_key_kind kind)
{
	return kind == FP_KEY_ED25519 || kind == FP_KEY_ECDSA ||
	       (kind == FP_KEY_RSA && fp_key_is_rsa_usable());
}

/* Why a key that was read is of no use; NULL: it is. */
static const char *useless(const struct fp_key *k)
{
	if (k->kind == FP_KEY_RSA && !fp_key_is_rsa_usable())
		return "an RSA key";
	if (k->is_encrypted)
		return "encrypted: put it into an agent (ssh-add)";
	return is_usable(k->kind) ? NULL : "of a kind that libssh2 cannot use";
}

int fp_auth_check(const struct fp_remote_config *c, struct fp_err *e)
{
	struct fp_auth a = { .config = c };
	int code = *c->agent ? 0 : -EACCES;

	for (int i = 0; code && i < FP_REMOTE_FILES && *c->key[i]; i++) {
		const char *why;

		if (fp_key_read(&a.key, c->key[i], e)) {
			note(&a, "%s", e->text);
			continue;
		}
		why = useless(&a.key);
		a.has_rsa |=
			a.key.kind == FP_KEY_RSA && !fp_key_is_rsa_usable();
		if (why)
			note(&a, "%s: %s", c->key[i], why);
		else
			code = 0;
		fp_key_fini(&a.key);
	}
	if (code && !a.tried.len)
		fp_err(e, code, "no key: neither an agent nor a key file (%s)",
		       "~/.ssh/id_ed25519, id_ecdsa, id_rsa");
	else if (code && a.has_rsa)
		fp_auth_denied(&a, "", e);
	else if (code)
		fp_err(e, code, "no key: %.*s",
		       a.tried.len < 400 ? (int)a.tried.len : 400,
		       a.tried.data);
	fp_buf_fini(&a.tried);
	return code;
}

/* The next file that holds a usable key.  false: there is none. */
static bool next_file(struct fp_auth *a)
{
	struct fp_err e;

	while (a->file < FP_REMOTE_FILES && *a->config->key[a->file]) {
		const char *path = a->config->key[a->file++], *why;

		if (fp_key_read(&a->key, path, &e)) {
			note(a, "%s", e.text);
			continue;
		}
		why = useless(&a->key);
		if (!why)
			return true;
		a->has_rsa |=
			a->key.kind == FP_KEY_RSA && !fp_key_is_rsa_usable();
		note(a, "%s: %s", path, why);
		fp_key_fini(&a->key);
	}
	return false;
}

/* What libssh2 says to a try: 0, -EAGAIN, -EACCES: not this one, -EIO. */
static int translate(int code)
{
	switch (code) {
	case 0:
		return 0;
	case LIBSSH2_ERROR_EAGAIN:
		return -EAGAIN;
	case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
	case LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
	case LIBSSH2_ERROR_FILE:
	case LIBSSH2_ERROR_PROTO:
		return -EACCES;
	default:
		return -EIO;
	}
}

static int try_file(struct fp_auth *a, LIBSSH2_SESSION *session)
{
	const char *user = a->config->user;
	/* An empty passphrase and not NULL: passphrase_cb (openssl.c) of 1.10
	 * takes its length. */
	int code = libssh2_userauth_publickey_frommemory(session, user,
							 strlen(user), NULL, 0,
							 a->key.text.data,
							 a->key.text.len, "");

	code = translate(code);
	if (code == -EAGAIN)
		return code;
	fp_key_fini(&a->key);
	if (code == -EACCES)
		note(a, "%s: refused", a->config->key[a->file - 1]);
	return code;
}

/* ---- the agent */

static bool blob_now(const struct fp_auth *a, const unsigned char **blob,
		     size_t *n, size_t *next)
{
	const unsigned char *start = (const unsigned char *)a->blobs.data;
	const unsigned char *p;

	if (!start)
		return false;
	p = start + a->blob_at;
	if (!fp_key_string(&p, start + a->blobs.len, blob, n))
		return false;
	*next = (size_t)(p - start);
	return true;
}

/* Keep the usable ones. */
static void take_list(struct fp_auth *a)
{
	const unsigned char *blob;
	size_t at = 0, n, kept = 0;

	while (kept < MAX_AGENT_KEYS &&
	       !fp_agent_next(a->agent, &at, &blob, &n)) {
		enum fp_key_kind kind = fp_key_kind_of(blob, n);

		a->has_rsa |= kind == FP_KEY_RSA && !is_usable(kind);
		if (!is_usable(kind))
			continue;
		fp_buf_add(&a->blobs, blob - 4, n + 4);
		kept++;
	}
	if (!kept)
		note(a, "the agent has no key that can be used");
}

/* libssh2 has the data to be signed and calls this until it gets an answer. */
static LIBSSH2_USERAUTH_PUBLICKEY_SIGN_FUNC(sign)
{
	struct fp_auth *a = *abstract;
	const unsigned char *blob, *s;
	size_t n, next;
	int code;

	if (!blob_now(a, &blob, &n, &next))
		return -1;
	if (!a->is_signing) {
		a->is_signing = true;
		return fp_agent_ask_signature(a->agent, blob, n, data, data_len)
			       ? -1
			       : LIBSSH2_ERROR_EAGAIN;
	}
	code = fp_agent_answer(a->agent);
	if (code == -EAGAIN)
		return LIBSSH2_ERROR_EAGAIN;
	a->is_signing = false;
	if (code || fp_agent_signature(a->agent, &s, &n))
		return -1;
	*sig = fp_wire_alloc(n, libssh2_session_abstract(session));
	if (!*sig)
		return -1;
	memcpy(*sig, s, n);
	*sig_len = n;
	return 0;
}

static int list_agent(struct fp_auth *a)
{
	struct fp_err e;
	int code = 0;

	if (!a->agent) {
		code = fp_agent_open(&a->agent, a->loop, a->config->agent,
				     a->wake, a->ctx, &e);
		if (!code && fp_agent_ask_list(a->agent))
			code = fp_err(&e, -ENOMEM, "agent: out of memory");
		if (code)
			note(a, "%s", e.text);
		return code ? code : -EAGAIN;
	}
	code = fp_agent_answer(a->agent);
	if (code && code != -EAGAIN) {
		fp_err_sys(&e, code, "agent %s", a->config->agent);
		note(a, "%s", e.text);
	} else if (!code) {
		take_list(a);
		a->is_listed = true;
	}
	return code;
}

static int try_agent(struct fp_auth *a, LIBSSH2_SESSION *session)
{
	const unsigned char *blob;
	void *abstract = a;
	size_t n, next;
	int code;

	if (!a->is_listed) {
		code = list_agent(a);
		if (code)
			return code == -EAGAIN ? code : -EACCES;
	}
	while (blob_now(a, &blob, &n, &next)) {
		code = translate(libssh2_userauth_publickey(session,
							    a->config->user,
							    blob, n, sign,
							    &abstract));
		if (code != -EACCES)
			return code;
		note(a, "a key of the agent: refused");
		a->blob_at = next;
		a->is_signing = false;
	}
	return -EACCES;
}

int fp_auth_step(struct fp_auth *a, LIBSSH2_SESSION *session, struct fp_err *e)
{
	int code = -EACCES;

	while (a->key.text.data || next_file(a)) {
		code = try_file(a, session);
		if (code != -EACCES)
			return code;
	}
	if (*a->config->agent)
		code = try_agent(a, session);
	return code == -EACCES ? fp_auth_denied(a, "", e) : code;
}

void fp_auth_fini(struct fp_auth *a)
{
	fp_key_fini(&a->key);
	fp_agent_close(a->agent);
	a->agent = NULL;
	fp_buf_fini(&a->blobs);
	fp_buf_fini(&a->tried);
}
