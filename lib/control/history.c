/* SPDX-License-Identifier: Apache-2.0 */
#include "control/history.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "control/array.h"
#include "control/history_priv.h"
#include "io/lock.h"
#include "io/owned.h"

#define OBJECT_MAX_BYTES (4ull << 30)

/* ---- opening */

int fp_history_open(struct fp_history **out, const char *state_dir,
		    struct fp_err *e)
{
	struct fp_history *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return fp_err(e, -ENOMEM, "out of memory");
	h->fd = h->objects_fd = -1;
	h->fd = r = fp_owned_state_dir(state_dir, "sync", 0700, true, e);
	if (r >= 0)
		h->objects_fd = r =
			fp_owned_dir(h->fd, "objects", 0700, true, e);
	r = r < 0 ? r : fp_history_load(h, e);
	if (r)
		fp_history_close(h);
	else
		*out = h;
	return r;
}

void fp_history_close(struct fp_history *h)
{
	if (!h)
		return;
	fp_history_forget(h);
	if (h->fd >= 0)
		close(h->fd);
	if (h->objects_fd >= 0)
		close(h->objects_fd);
	free(h);
}

const struct fp_pushed *fp_history_all(const struct fp_history *h, size_t *n)
{
	*n = h->n_pushed;
	return h->pushed;
}

static bool is_made(const struct fp_history *h, const char *id)
{
	for (size_t i = h->n_pushed; i--;)
		if (!strcmp(h->pushed[i].id, id))
			return true;
	return false;
}

static bool is_in(const struct fp_history *h, const char *id)
{
	if (is_made(h, id))
		return true;
	for (size_t i = h->n_seen; i--;)
		if (!strcmp(h->seen[i], id))
			return true;
	return false;
}

bool fp_history_knows(struct fp_history *h, const char *id)
{
	return is_in(h, id) || (!fp_history_load(h, NULL) && is_in(h, id));
}

bool fp_history_made(struct fp_history *h, const char *id)
{
	return is_made(h, id) || (!fp_history_load(h, NULL) && is_made(h, id));
}

int fp_history_new_id(char out[FP_PUSH_ID_SIZE], struct fp_err *e)
{
	unsigned char bits[16];

	if (getrandom(bits, sizeof(bits), 0) != sizeof(bits))
		return fp_err_sys(e, -errno, "getrandom");
	fp_hex(bits, sizeof(bits), out);
	return 0;
}

/* ---- objects */

static int write_all(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t w = write(fd, s, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		s += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Not synced: a file that is not what its name says counts as not there. */
static int object_write(struct fp_history *h, const struct fp_offer *o,
			struct fp_err *e)
{
	struct fp_buf b = { 0 };
	char tmp[80];
	int fd, r;

	if (!faccessat(h->objects_fd, o->digest, F_OK, 0))
		return 0;
	fp_buf_printf(&b, "%s %s\n", o->name, fp_kind_name(o->kind));
	for (size_t i = 0; i < o->n; i++)
		fp_entry_print(&b, &o->v[i]);
	snprintf(tmp, sizeof(tmp), "%s.tmp", o->digest);
	fd = fp_owned_file(h->objects_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC,
			   0600);
	r = b.is_failed ? -ENOMEM : fd < 0 ? fd : 0;
	if (!r)
		r = write_all(fd, b.data, b.len);
	if (fd >= 0 && close(fd) && !r)
		r = -errno;
	if (!r && renameat(h->objects_fd, tmp, h->objects_fd, o->digest))
		r = -errno;
	if (r)
		unlinkat(h->objects_fd, tmp, 0);
	fp_buf_fini(&b);
	return r ? fp_err_sys(e, r, "history of list %s", o->name) : 0;
}

static int object_path(const struct fp_history *h, const char *digest,
		       char out[128])
{
	if (strlen(digest) != 64 || strspn(digest, "0123456789abcdef") != 64)
		return -ENOENT;
	snprintf(out, 128, "/proc/self/fd/%d/%s", h->objects_fd, digest);
	return 0;
}

static bool is_itself(const struct fp_text *t, const char *digest)
{
	unsigned char sum[FP_SHA256_SIZE];
	char hex[FP_SHA256_HEX];
	struct fp_sha256 h;

	fp_sha256_init(&h);
	fp_sha256_add(&h, t->data, t->len);
	fp_sha256_fini(&h, sum);
	fp_hex(sum, sizeof(sum), hex);
	return !strcmp(hex, digest);
}

/* "NAME KIND\n"; returns its length, 0: it is not that. */
static size_t object_head(const struct fp_text *t, enum fp_kind *kind)
{
	const char *nl = t->len ? memchr(t->data, '\n', t->len) : NULL;
	const char *space =
		nl ? memchr(t->data, ' ', (size_t)(nl - t->data)) : NULL;
	char word[16];

	if (!space || nl - space > (ptrdiff_t)sizeof(word))
		return 0;
	snprintf(word, sizeof(word), "%.*s", (int)(nl - space - 1), space + 1);
	return fp_kind_parse(word, kind, NULL) ? 0 : (size_t)(nl + 1 - t->data);
}

int fp_history_read(const struct fp_history *h, const char *digest,
		    struct fp_entries *out, struct fp_text *text,
		    enum fp_kind *kind, struct fp_err *e)
{
	struct fp_parse_opts o = { .file = digest };
	struct fp_text t = { 0 };
	char path[128];
	size_t head;
	struct fp_owned as;
	int r = object_path(h, digest, path);

	if (!r)
		r = fp_owned_begin(&as, h->objects_fd, e);
	if (!r) {
		r = fp_text_read(&t, path, OBJECT_MAX_BYTES, e);
		fp_owned_end(&as);
	}
	if (!r && !is_itself(&t, digest))
		r = -ENOENT;
	head = r ? 0 : object_head(&t, kind);
	if (!r && !head)
		r = -ENOENT;
	if (!r)
		r = fp_entries_parse(out, t.data + head, t.len - head, &o, e);
	if (r) {
		fp_text_fini(&t);
		return r == -ENOENT ? fp_err(e, r, "version %.12s is not kept",
					     digest)
				    : r;
	}
	*text = t;
	return 0;
}

/* ---- versions */

static const struct fp_version *version_in(const struct fp_pushed *p,
					   const char *name)
{
	for (size_t i = 0; i < p->n_lists; i++)
		if (!strcmp(p->list[i].name, name))
			return &p->list[i];
	return NULL;
}

static const struct fp_version *last_version(const struct fp_history *h,
					     const char *name)
{
	for (size_t i = h->n_pushed; i--;) {
		const struct fp_version *v = version_in(&h->pushed[i], name);

		if (v)
			return v;
	}
	return NULL;
}

static int before_none(const char *name, const char *to, struct fp_err *e)
{
	if (to)
		return fp_err(e, -ENOENT,
			      "list %s: no version %s (fp-sync history %s)",
			      name, to, name);
	return fp_err(e, -ENOENT, "list %s: no version before this one", name);
}

int fp_history_before(const struct fp_history *h, const char *name,
		      const char *now, const char *to, struct fp_version *out,
		      struct fp_err *e)
{
	bool is_past = to != NULL, was_now = false;

	for (size_t i = h->n_pushed; i-- && !was_now;) {
		const struct fp_version *v = version_in(&h->pushed[i], name);

		was_now = v && !strcmp(v->digest, now);
	}
	for (size_t i = h->n_pushed; i--;) {
		const struct fp_version *v = version_in(&h->pushed[i], name);
		bool is_now = v && !strcmp(v->digest, now);

		is_past |= is_now || !was_now;
		if (!v || is_now || !is_past || v->kind == FP_KIND_NONE ||
		    (to && strncmp(v->digest, to, strlen(to))))
			continue;
		*out = *v;
		return 0;
	}
	return before_none(name, to, e);
}

/* ---- a new push */

struct count {
	uint64_t added, removed;
};

static int count_change(void *ctx, const struct fp_change *c)
{
	struct count *n = ctx;

	n->added += !c->is_del;
	n->removed += c->is_del;
	return 0;
}

static int version_new(const struct fp_history *h, const struct fp_offer *o,
		       struct fp_version *out, struct fp_err *e)
{
	const struct fp_version *old = last_version(h, o->name);
	struct fp_entries was = { 0 };
	struct fp_text text = { 0 };
	struct count n = { 0, 0 };
	enum fp_kind kind;
	int r = 0;

	*out = (struct fp_version){ .kind = o->kind, .entries = o->n };
	strcpy(out->name, o->name);
	strcpy(out->digest, o->digest);
	if (old && !strcmp(old->digest, o->digest))
		return 0;
	if (old && old->kind)
		fp_history_read(h, old->digest, &was, &text, &kind, NULL);
	r = fp_array_diff(was.v, was.n, o->v, o->n, count_change, &n, e);
	out->added = n.added;
	out->removed = n.removed;
	fp_entries_fini(&was);
	fp_text_fini(&text);
	return r;
}

static void print_text(struct fp_buf *b, const char *key, const char *text)
{
	size_t at;

	if (!text || !*text)
		return;
	at = b->len + strlen(key) + 1;
	fp_buf_printf(b, "%s %s\n", key, text);
	for (; at + 1 < b->len; at++)
		if ((unsigned char)b->data[at] < ' ')
			b->data[at] = '?';
}

void fp_pushed_print(struct fp_buf *b, const struct fp_pushed *p)
{
	fp_buf_printf(b, "push %s %lld %s\n", p->id, (long long)p->at_s,
		      p->policy);
	print_text(b, "by", p->by);
	print_text(b, "why", p->why);
	for (size_t i = 0; i < p->n_lists; i++) {
		const struct fp_version *v = &p->list[i];

		fp_buf_printf(b, "list %s %s %s %llu %llu %llu\n", v->name,
			      v->kind ? fp_kind_name(v->kind) : "-",
			      v->kind ? v->digest : "-",
			      (unsigned long long)v->entries,
			      (unsigned long long)v->added,
			      (unsigned long long)v->removed);
	}
	fp_buf_str_add(b, "end\n");
	if (p->waiting)
		fp_buf_printf(b, "waits %s %s\n", p->id, p->waiting);
}

static int log_append(struct fp_history *h, const struct fp_buf *b,
		      struct fp_err *e)
{
	int fd, r;

	if (b->is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	fd = fp_owned_file(h->fd, FP_HISTORY_LOG, O_WRONLY | O_CREAT | O_APPEND,
			   0600);
	if (fd < 0)
		return fp_err_sys(e, fd, "sync/" FP_HISTORY_LOG);
	/* what a killed writer left ends here */
	r = write_all(fd, "\n", 1);
	if (!r)
		r = write_all(fd, b->data, b->len);
	if (!r && (fsync(fd) || fsync(h->fd)))
		r = -errno;
	close(fd);
	return r ? fp_err_sys(e, r, "sync/" FP_HISTORY_LOG) : 0;
}

/* Lists that were offered last time and are not now. */
static size_t gone(const struct fp_history *h, const struct fp_order *p,
		   struct fp_version *out)
{
	const struct fp_pushed *last =
		h->n_pushed ? &h->pushed[h->n_pushed - 1] : NULL;
	size_t n = 0;

	for (size_t i = 0; p->is_prune && last && i < last->n_lists; i++) {
		struct fp_hello_list l = { .owner = FP_OWNER_PUSHED };

		strcpy(l.name, last->list[i].name);
		if (!last->list[i].kind || !fp_order_drops(p, &l))
			continue;
		out[n] = (struct fp_version){
			.removed = last->list[i].entries,
		};
		strcpy(out[n++].name, l.name);
	}
	return n;
}

static int make_record(struct fp_history *h, struct fp_pushed *rec,
		       const struct fp_order *p, struct fp_err *e)
{
	const struct fp_offers *o = p->offers;
	size_t last = h->n_pushed ? h->pushed[h->n_pushed - 1].n_lists : 0;
	int r = 0;

	rec->list = calloc(o->n + last + 1, sizeof(*rec->list));
	if (!rec->list)
		return fp_err(e, -ENOMEM, "out of memory");
	for (; rec->n_lists < o->n && !r; rec->n_lists++) {
		const struct fp_offer *x = &o->v[rec->n_lists];

		r = version_new(h, x, &rec->list[rec->n_lists], e);
		if (!r)
			r = object_write(h, x, e);
	}
	rec->n_lists += gone(h, p, rec->list + rec->n_lists);
	return r;
}

int fp_history_add(struct fp_history *h, const struct fp_order *p,
		   const char *policy, int64_t now_s, int64_t timeout_ms,
		   struct fp_err *e)
{
	struct fp_pushed rec = { .at_s = now_s };
	struct fp_buf b = { 0 };
	int r = fp_lock_take(h->fd, false, timeout_ms, e);

	if (r)
		return r;
	snprintf(rec.id, sizeof(rec.id), "%s", p->id);
	snprintf(rec.policy, sizeof(rec.policy), "%s", policy);
	rec.by = (char *)p->by;
	rec.why = (char *)p->why;
	r = fp_history_load(h, e);
	if (!r)
		r = make_record(h, &rec, p, e);
	fp_pushed_print(&b, &rec);
	if (!r)
		r = log_append(h, &b, e);
	if (!r)
		r = fp_history_load(h, e);
	if (!r)
		r = fp_history_prune(h, e);
	fp_lock_give(h->fd);
	fp_buf_fini(&b);
	free(rec.list);
	return r;
}

static int append_locked(struct fp_history *h, const struct fp_buf *b,
			 int64_t timeout_ms, struct fp_err *e)
{
	int r = fp_lock_take(h->fd, false, timeout_ms, e);

	if (r)
		return r;
	r = log_append(h, b, e);
	if (!r)
		r = fp_history_load(h, e);
	fp_lock_give(h->fd);
	return r;
}

int fp_history_see(struct fp_history *h, const char *id, int64_t timeout_ms,
		   struct fp_err *e)
{
	struct fp_buf b = { 0 };
	int r;

	if (fp_history_knows(h, id))
		return 0;
	fp_buf_printf(&b, "seen %s\n", id);
	r = append_locked(h, &b, timeout_ms, e);
	fp_buf_fini(&b);
	return r;
}

int fp_history_wait(struct fp_history *h, const char *id,
		    const char *const *nodes, size_t n, int64_t timeout_ms,
		    struct fp_err *e)
{
	struct fp_buf b = { 0 };
	int r;

	if (!n || !fp_history_made(h, id))
		return 0;
	fp_buf_printf(&b, "waits %s", id);
	for (size_t i = 0; i < n; i++)
		fp_buf_printf(&b, " %s", nodes[i]);
	fp_buf_str_add(&b, "\n");
	r = append_locked(h, &b, timeout_ms, e);
	fp_buf_fini(&b);
	return r;
}
