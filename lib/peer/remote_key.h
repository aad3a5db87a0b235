/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_REMOTE_KEY_H
#define FP_PEER_REMOTE_KEY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* A private key's file, read but not decrypted. */
enum fp_key_kind {
	FP_KEY_OTHER, /* of a kind that libssh2 does not know */
	FP_KEY_ED25519,
	FP_KEY_ECDSA,
	FP_KEY_RSA,
};

struct fp_key {
	enum fp_key_kind kind;
	bool is_encrypted;
	struct fp_buf text; /* the file, NUL-terminated: a secret */
	/* The public half (RFC 4253 6.6); empty when the file does not show it:
	 * only OpenSSH's own format does. */
	unsigned char blob[2048];
	size_t blob_len;
};

/* k is filled anew.  0: k is the caller's (fp_key_fini).  -EPERM: others may read
 * it; -EINVAL: no private key; what fp_remote_file says. */
int fp_key_read(struct fp_key *k, const char *path, struct fp_err *e);
void fp_key_fini(struct fp_key *k);

/* The kind of a public key's blob. */
enum fp_key_kind fp_key_kind_of(const unsigned char *blob, size_t n);

/* RFC 4251 5: a string at *p; *p is behind it then.  false: it is cut off. */
bool fp_key_string(const unsigned char **p, const unsigned char *end,
		   const unsigned char **s, size_t *n);

/* libssh2 signs with RSA keys as servers want it (rsa-sha2, RFC 8332) from 1.11. */
bool fp_key_is_rsa_usable(void);

#endif
