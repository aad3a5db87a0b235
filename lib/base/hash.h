/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_HASH_H
#define FP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define FP_SHA256_SIZE 32
#define FP_SHA256_HEX 65 /* with its NUL */

/* SHA-256 (nettle), streaming. */
struct fp_sha256 {
	_Alignas(8) unsigned char state[128];
};

void fp_sha256_init(struct fp_sha256 *h);
void fp_sha256_add(struct fp_sha256 *h, const void *p, size_t n);
void fp_sha256_fini(struct fp_sha256 *h, unsigned char out[FP_SHA256_SIZE]);
void fp_hex(const void *p, size_t n, char *out); /* 2n + 1 bytes */

/* A fast 64-bit hash that is not a secret and not stored on disk: FNV-1a. */
uint64_t fp_fnv1a(uint64_t h, const void *p, size_t n);
#define FP_FNV1A_INIT 14695981039346656037ull

#endif
