/* SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "logic/dialogs.h"

#define CHUNK_BYTES 65536
#define BUCKETS_MIN 256 /* a power of two */

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct entry {
	struct fp_dialog d;
	uint64_t hash;
	uint32_t last_pass;
	struct entry *chain; /* of the bucket */
};

struct fp_dialogs {
	struct chunk *chunks;
	struct entry **buckets, **v; /* v: all, sorted by done */
	size_t n, n_max, n_buckets, bytes;
	uint32_t pass;
};

/* ---- memory */

static void *room(struct fp_dialogs *s, size_t n, size_t align)
{
	struct chunk *c = s->chunks;
	size_t at = c ? (c->used + align - 1) & ~(align - 1) : 0, size;

	if (c && at <= c->size && n <= c->size - at) {
		c->used = at + n;
		return c->data + at;
	}
	size = n > CHUNK_BYTES - sizeof(*c) ? n : CHUNK_BYTES - sizeof(*c);
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	c->next = s->chunks;
	c->size = size;
	c->used = n;
	s->chunks = c;
	s->bytes += sizeof(*c) + size;
	return c->data;
}

/* *to is what was before, or NULL: what a second pass brings is mostly the same. */
static bool is_kept(struct fp_dialogs *s, const char **to, const char *from)
{
	size_t n = strlen(from) + 1;
	char *at;

	if (*to && !strcmp(*to, from))
		return true;
	if (n == 1) {
		*to = "";
		return true;
	}
	at = room(s, n, 1);
	if (at)
		*to = memcpy(at, from, n);
	return at;
}

struct fp_dialogs *fp_dialogs_new(void)
{
	struct fp_dialogs *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->n_buckets = BUCKETS_MIN;
	s->buckets = calloc(s->n_buckets, sizeof(*s->buckets));
	if (!s->buckets) {
		free(s);
		return NULL;
	}
	s->bytes = sizeof(*s) + s->n_buckets * sizeof(*s->buckets);
	return s;
}

void fp_dialogs_free(struct fp_dialogs *s)
{
	struct chunk *c, *next;

	if (!s)
		return;
	for (c = s->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	free(s->buckets);
	free(s->v);
	free(s);
}

/* ---- the hash */

static uint64_t hash_of(const char *callid)
{
	uint64_t h = fp_fnv1a(FP_FNV1A_INIT, callid, strlen(callid));

	return h ^ h >> 32;
}

static struct entry **bucket_of(const struct fp_dialogs *s, uint64_t hash)
{
	return &s->buckets[hash & (s->n_buckets - 1)];
}

static struct entry *entry_find(const struct fp_dialogs *s, const char *callid,
				uint64_t hash)
{
	struct entry *x;

	for (x = *bucket_of(s, hash); x; x = x->chain)
		if (x->hash == hash && !strcmp(x->d.callid, callid))
			return x;
	return NULL;
}

static void link_in(struct fp_dialogs *s, struct entry *x)
{
	struct entry **at = bucket_of(s, x->hash);

	x->chain = *at;
	*at = x;
}

static void fill(struct fp_dialogs *s)
{
	memset(s->buckets, 0, s->n_buckets * sizeof(*s->buckets));
	for (size_t i = 0; i < s->n; i++)
		link_in(s, s->v[i]);
}

/* Without memory the chains grow longer. */
static void grow(struct fp_dialogs *s)
{
	size_t n = s->n_buckets * 2;
	struct entry **more = calloc(n, sizeof(*more));

	if (!more)
		return;
	free(s->buckets);
	s->buckets = more;
	s->bytes += (n - s->n_buckets) * sizeof(*more);
	s->n_buckets = n;
	fill(s);
}

static bool is_listed(struct fp_dialogs *s, struct entry *x)
{
	size_t n = s->n_max ? s->n_max * 2 : BUCKETS_MIN;
	struct entry **more;

	if (s->n == s->n_max) {
		more = reallocarray(s->v, n, sizeof(*more));
		if (!more)
			return false;
		s->bytes += (n - s->n_max) * sizeof(*more);
		s->v = more;
		s->n_max = n;
	}
	s->v[s->n++] = x;
	return true;
}

static struct entry *entry_new(struct fp_dialogs *s, const char *callid,
			       uint64_t hash)
{
	struct entry *x = room(s, sizeof(*x), alignof(struct entry));

	if (!x)
		return NULL;
	memset(x, 0, sizeof(*x));
	if (!is_kept(s, &x->d.callid, callid))
		return NULL;
	x->d.from_uri = x->d.to_uri = x->d.tag = "";
	x->d.caller_bind = x->d.callee_bind = "";
	x->d.caller_media = x->d.callee_media = "";
	x->d.caller_sent = x->d.callee_sent = "";
	x->hash = hash;
	if (!is_listed(s, x))
		return NULL;
	link_in(s, x);
	if (s->n > s->n_buckets)
		grow(s);
	return x;
}

/* ---- passes */

void fp_dialogs_pass(struct fp_dialogs *s)
{
	s->pass++;
}

static bool is_filled(struct fp_dialogs *s, struct fp_dialog *to,
		      const struct fp_os_dialog *d)
{
	to->started_s = d->started_s;
	to->sdp_hash = d->sdp_hash;
	to->state = (uint8_t)d->state;
	to->n_callees = d->n_callees < 255 ? (uint8_t)d->n_callees : 255;
	to->is_anchored = d->is_anchored;
	return is_kept(s, &to->from_uri, d->from_uri) &&
	       is_kept(s, &to->to_uri, d->to_uri) &&
	       is_kept(s, &to->tag, d->tag) &&
	       is_kept(s, &to->caller_bind, d->caller_bind) &&
	       is_kept(s, &to->callee_bind, d->callee_bind) &&
	       is_kept(s, &to->caller_media, d->caller_media) &&
	       is_kept(s, &to->callee_media, d->callee_media) &&
	       is_kept(s, &to->caller_sent, d->caller_sent) &&
	       is_kept(s, &to->callee_sent, d->callee_sent);
}

int fp_dialogs_add(struct fp_dialogs *s, const struct fp_os_dialog *d)
{
	uint64_t hash = hash_of(d->callid);
	struct entry *x = entry_find(s, d->callid, hash);
	bool is_new = !x;

	if (is_new)
		x = entry_new(s, d->callid, hash);
	if (!x || !is_filled(s, &x->d, d))
		return -ENOMEM;
	if (is_new || x->last_pass != s->pass)
		x->d.passes += x->d.passes < 255;
	x->last_pass = s->pass;
	return is_new;
}

bool fp_dialogs_is_seen(const struct fp_dialogs *s, const char *callid)
{
	const struct entry *x = entry_find(s, callid, hash_of(callid));

	return x && x->last_pass == s->pass;
}

static int by_callid(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return strcmp((*x)->d.callid, (*y)->d.callid);
}

void fp_dialogs_done(struct fp_dialogs *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->last_pass == s->pass)
			s->v[n++] = s->v[i];
	s->n = n;
	fill(s);
	if (n)
		qsort(s->v, n, sizeof(*s->v), by_callid);
}

/* ---- what is in it */

size_t fp_dialogs_n(const struct fp_dialogs *s)
{
	return s->n;
}

const struct fp_dialog *fp_dialogs_at(const struct fp_dialogs *s, size_t i)
{
	return i < s->n ? &s->v[i]->d : NULL;
}

const struct fp_dialog *fp_dialogs_find(const struct fp_dialogs *s,
					const char *callid)
{
	const struct entry *x = entry_find(s, callid, hash_of(callid));

	return x ? &x->d : NULL;
}

size_t fp_dialogs_bytes(const struct fp_dialogs *s)
{
	return s->bytes;
}
