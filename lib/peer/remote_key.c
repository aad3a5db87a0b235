/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/remote_key.h"

#include <libssh2.h>
#include <nettle/base64.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer/remote_file.h"

#define MAX_SIZE 65536
#define OPENSSH_MAGIC "openssh-key-v1" /* and its NUL: PROTOCOL.key */

bool fp_key_is_rsa_usable(void)
{
	return libssh2_version(0x010b00);
}

bool fp_key_string(const unsigned char **p, const unsigned char *end,
		   const unsigned char **s, size_t *n)
{
	const unsigned char *q = *p;
	uint32_t len;

	if (end - q < 4)
		return false;
	len = (uint32_t)q[0] << 24 | (uint32_t)q[1] << 16 |
	      (uint32_t)q[2] << 8 | q[3];
	if ((size_t)(end - q - 4) < len)
		return false;
	*s = q + 4;
	*n = len;
	*p = q + 4 + len;
	return true;
}

enum fp_key_kind fp_key_kind_of(const unsigned char *blob, size_t n)
{
	static const struct {
		const char *name;
		enum fp_key_kind kind;
	} list[] = {
		{ "ssh-ed25519", FP_KEY_ED25519 },
		{ "ecdsa-sha2-nistp256", FP_KEY_ECDSA },
		{ "ecdsa-sha2-nistp384", FP_KEY_ECDSA },
		{ "ecdsa-sha2-nistp521", FP_KEY_ECDSA },
		{ "ssh-rsa", FP_KEY_RSA },
	};
	const unsigned char *p = blob, *type;
	size_t len;

	if (!fp_key_string(&p, blob + n, &type, &len))
		return FP_KEY_OTHER;
	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (strlen(list[i].name) == len &&
		    !memcmp(list[i].name, type, len))
			return list[i].kind;
	return FP_KEY_OTHER;
}

/* The lines between BEGIN and END, decoded into out; 0: they are not base64. */
static size_t decode_body(const char *text, unsigned char *out, size_t size)
{
	const char *s = strchr(text, '\n'), *end;
	struct base64_decode_ctx c;
	size_t n = size;

	end = s ? strstr(s, "\n-----END ") : NULL;
	if (!end || BASE64_DECODE_LENGTH((size_t)(end - s)) > size)
		return 0;
	base64_decode_init(&c);
	if (!base64_decode_update(&c, &n, out, (size_t)(end - s), s))
		return 0;
	return n;
}

/* magic, cipher, KDF, its options, number of keys, public key... */
static bool read_openssh(struct fp_key *k, const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n, *s;
	size_t len;

	if (n < sizeof(OPENSSH_MAGIC) ||
	    memcmp(p, OPENSSH_MAGIC, sizeof(OPENSSH_MAGIC)))
		return false;
	p += sizeof(OPENSSH_MAGIC);
	if (!fp_key_string(&p, end, &s, &len))
		return false;
	k->is_encrypted = len != 4 || memcmp(s, "none", 4);
	if (!fp_key_string(&p, end, &s, &len) ||
	    !fp_key_string(&p, end, &s, &len) || end - p < 4)
		return false;
	p += 4;
	if (!fp_key_string(&p, end, &s, &len) || len > sizeof(k->blob))
		return false;
	memcpy(k->blob, s, len);
	k->blob_len = len;
	k->kind = fp_key_kind_of(s, len);
	return true;
}

/* PKCS#8 (RFC 5958) names the algorithm by its OID, near the front. */
static enum fp_key_kind pkcs8_kind(const unsigned char *p, size_t n)
{
	n = n < 64 ? n : 64;
	if (memmem(p, n, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 9))
		return FP_KEY_RSA; /* RFC 8017 C */
	if (memmem(p, n, "\x2a\x86\x48\xce\x3d\x02\x01", 7))
		return FP_KEY_ECDSA; /* RFC 5480 2.1.1 */
	if (memmem(p, n, "\x06\x03\x2b\x65\x70", 5))
		return FP_KEY_ED25519; /* RFC 8410 3 */
	return FP_KEY_OTHER;
}

static bool has_head(const char *text, const char *kind)
{
	static const char begin[] = "-----BEGIN ";
	size_t n = strlen(kind);

	return !strncmp(text, begin, sizeof(begin) - 1) &&
	       !strncmp(text + sizeof(begin) - 1, kind, n) &&
	       !strncmp(text + sizeof(begin) - 1 + n, "PRIVATE KEY-----", 16);
}

static bool identify(struct fp_key *k)
{
	const char *text = k->text.data;
	unsigned char *body = malloc(MAX_SIZE);
	size_t n = body ? decode_body(text, body, MAX_SIZE) : 0;
	bool is_key = true;

	if (has_head(text, "OPENSSH "))
		is_key = read_openssh(k, body, n);
	else if (has_head(text, "RSA "))
		k->kind = FP_KEY_RSA;
	else if (has_head(text, "EC "))
		k->kind = FP_KEY_ECDSA;
	else if (has_head(text, ""))
		k->kind = pkcs8_kind(body, n);
	else if (has_head(text, "ENCRYPTED "))
		k->is_encrypted = true;
	else
		is_key = has_head(text, "DSA ");
	if (strstr(text, "\nProc-Type: 4,ENCRYPTED")) /* RFC 1421 4.6.1.1 */
		k->is_encrypted = true;
	if (body)
		explicit_bzero(body, MAX_SIZE);
	free(body);
	return is_key;
}

int fp_key_read(struct fp_key *k, const char *path, struct fp_err *e)
{
	struct stat st;
	int code;

	*k = (struct fp_key){ 0 };
	/* Room for the NUL first, so that the secret is never moved. */
	if (!fp_buf_room(&k->text, MAX_SIZE + 1))
		return fp_err(e, -ENOMEM, "out of memory");
	code = fp_remote_file(&k->text, path, MAX_SIZE, &st, e);
	/* root's key may be let to a group */
	if (!code && st.st_mode & (st.st_uid == geteuid() ? 077 : 07))
		code = fp_err(e, -EPERM,
			      "%s: mode %04o lets others read it, chmod 600",
			      path, st.st_mode & 07777);
	if (!code) {
		k->text.data[k->text.len] = 0;
		if (!identify(k))
			code = fp_err(e, -EINVAL, "%s: no private key", path);
	}
	if (code)
		fp_key_fini(k);
	return code;
}

void fp_key_fini(struct fp_key *k)
{
	if (k->text.data)
		explicit_bzero(k->text.data, k->text.cap);
	fp_buf_fini(&k->text);
	*k = (struct fp_key){ 0 };
}
