/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end: what stands in the fields of a message. */
#include <stdlib.h>
#include <string.h>

#include "logic/receiver_priv.h"

int fp_receiver_text(struct fp_receiver *r, const struct fp_wire_msg *m,
		     const char *key, char *out, size_t size)
{
	for (size_t i = 0; i < m->n_fields; i++) {
		const struct fp_wire_field *f = &m->field[i];

		if (f->key_len != strlen(key) ||
		    memcmp(f->key, key, f->key_len))
			continue;
		if (fp_wire_str(m, key, out, size))
			return 0;
		return fp_receiver_wrong(r, "%s= is longer than %zu bytes", key,
					 size - 1);
	}
	*out = 0;
	return 0;
}

int fp_receiver_name(struct fp_receiver *r, const struct fp_wire_msg *m,
		     const char *key, char out[FP_LIST_NAME_MAX + 1])
{
	struct fp_err e;
	int rc = fp_receiver_text(r, m, key, out, FP_LIST_NAME_MAX + 1);

	if (rc)
		return rc;
	if (!fp_list_name_check(out, &e) && *out != '_')
		return 0;
	return fp_receiver_wrong(r, "%s= is no list's name", key);
}

int fp_receiver_kind(struct fp_receiver *r, const struct fp_wire_msg *m,
		     enum fp_kind *out)
{
	char word[16];
	int rc = fp_receiver_text(r, m, "kind", word, sizeof(word));

	if (rc || !fp_kind_parse(word, out, NULL))
		return rc;
	return fp_receiver_wrong(r, "kind= is not block, allow or fence");
}

int fp_receiver_hex(struct fp_receiver *r, const struct fp_wire_msg *m,
		    const char *key, char out[65])
{
	int rc = fp_receiver_text(r, m, key, out, 65);

	if (rc || (strlen(out) == 64 && strspn(out, "0123456789abcdef") == 64))
		return rc;
	return fp_receiver_wrong(r, "%s= is no digest", key);
}

int fp_receiver_id(struct fp_receiver *r, const struct fp_wire_msg *m,
		   const char *key, bool is_optional,
		   char out[FP_RECEIVER_ID_MAX + 1])
{
	int rc = fp_receiver_text(r, m, key, out, FP_RECEIVER_ID_MAX + 1);
	const char *c = out;

	while (!rc && *c > ' ' && *c < 0x7f)
		c++;
	if (rc || (!*c && (*out || is_optional)))
		return rc;
	return fp_receiver_wrong(r, "%s= is no name of a push", key);
}

int fp_receiver_num(struct fp_receiver *r, const struct fp_wire_msg *m,
		    const char *key, uint64_t max, uint64_t absent,
		    uint64_t *out)
{
	struct fp_err e;

	return fp_wire_u64(m, key, max, absent, out, &e)
		       ? fp_receiver_wrong(r, "%s", e.text)
		       : 0;
}

int fp_receiver_buckets(struct fp_receiver *r, const struct fp_wire_msg *m,
			uint32_t *n_buckets)
{
	uint64_t n;
	int rc = fp_receiver_num(r, m, "n_buckets", FP_BUCKETS_MAX, 0, &n);

	if (rc)
		return rc;
	if (!n || m->body_len != n * FP_BUCKET_DIGEST)
		return fp_receiver_wrong(
			r, "n_buckets= is not the number of digests");
	*n_buckets = (uint32_t)n;
	return 0;
}

int fp_receiver_differing(const struct fp_stream *s, uint32_t n_buckets,
			  const char *theirs, unsigned char **out,
			  struct fp_err *e)
{
	unsigned char *ours = malloc((size_t)n_buckets * FP_BUCKET_DIGEST);
	unsigned char *bits = calloc(n_buckets / 8 + 1, 1);
	int rc = ours && bits ? fp_bucket_digests(s, n_buckets, ours, e)
			      : fp_err(e, -ENOMEM, "out of memory");

	for (uint32_t i = 0; i < n_buckets && !rc; i++)
		if (memcmp(ours + (size_t)i * FP_BUCKET_DIGEST,
			   theirs + (size_t)i * FP_BUCKET_DIGEST,
			   FP_BUCKET_DIGEST))
			bits[i / 8] |= (unsigned char)(1 << (i % 8));
	free(ours);
	if (rc)
		free(bits);
	else
		*out = bits;
	return rc;
}
