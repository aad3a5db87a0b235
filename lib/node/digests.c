/* SPDX-License-Identifier: Apache-2.0 */
#include "node/digests.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/clock.h"
#include "model/words.h"

/* A file may change twice within a tick of the kernel's clock (10 ms at
 * HZ=100) and have the same times: what was read that soon after a change is not
 * remembered. */
#define SETTLED_NS 20000000
#define FILE_NAME "digests"
#define HEAD "#fastpath-digests 1\n"
#define END "#end\n"
#define LINE_MAX_BYTES 256
#define FILE_MAX_BYTES (4u << 20)

struct known {
	char list[FP_LIST_NAME_MAX + 1];
	struct fp_file_id id;
	struct fp_digest digest;
	int64_t from_s, to_s; /* when `live` counts */
	int64_t at_ns;        /* when it was made */
};

struct fp_digests {
	char path[PATH_MAX];
	struct known *v;
	size_t n;
	bool is_changed;
};

int fp_file_id(int dir_fd, const char *list, struct fp_file_id *out)
{
	char file[FP_LIST_NAME_MAX + sizeof(FP_LIST_SUFFIX)];
	struct stat st;

	*out = (struct fp_file_id){ 0 };
	snprintf(file, sizeof(file), "%s" FP_LIST_SUFFIX, list);
	if (fstatat(dir_fd, file, &st, 0))
		return -errno;
	out->ino = st.st_ino;
	out->size = (uint64_t)st.st_size;
	out->mtime_ns = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec;
	out->ctime_ns = st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec;
	return 0;
}

bool fp_file_id_equal(const struct fp_file_id *a, const struct fp_file_id *b)
{
	return a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* ---- the file */

static struct known *slot(struct fp_digests *d, const char *list, bool is_new)
{
	struct known *v;

	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->v[i].list, list))
			return &d->v[i];
	if (!is_new)
		return NULL;
	v = reallocarray(d->v, d->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	d->v = v;
	v[d->n] = (struct known){ .at_ns = 0 };
	snprintf(v[d->n].list, sizeof(v[0].list), "%s", list);
	return &v[d->n++];
}

static bool parse(struct known *k, const char *line)
{
	return sscanf(line,
		      "%31s %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64
		      " %" SCNd64 " %64s %" SCNu64 " %" SCNd64 " %" SCNd64,
		      k->list, &k->id.ino, &k->id.size, &k->id.mtime_ns,
		      &k->id.ctime_ns, &k->at_ns, k->digest.hex,
		      &k->digest.live, &k->from_s, &k->to_s) == 10 &&
	       strlen(k->digest.hex) == 64;
}

static void print(struct fp_buf *b, const struct known *k)
{
	fp_buf_printf(b,
		      "%s %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64
		      " %" PRId64 " %s %" PRIu64 " %" PRId64 " %" PRId64 "\n",
		      k->list, k->id.ino, k->id.size, k->id.mtime_ns,
		      k->id.ctime_ns, k->at_ns, k->digest.hex, k->digest.live,
		      k->from_s, k->to_s);
}

/* A file without its end is of no use. */
static void read_text(struct fp_digests *d, const char *text, size_t n)
{
	const char *end = text + n, *nl;
	struct known k, *to;

	if (n < sizeof(HEAD END) - 1 ||
	    memcmp(text, HEAD, sizeof(HEAD) - 1) != 0 ||
	    memcmp(end - (sizeof(END) - 1), END, sizeof(END) - 1) != 0)
		return;
	for (; text < end; text = nl + 1) {
		char line[LINE_MAX_BYTES];

		nl = memchr(text, '\n', (size_t)(end - text));
		if (*text == '#' || (size_t)(nl - text) >= sizeof(line))
			continue;
		memcpy(line, text, (size_t)(nl - text));
		line[nl - text] = 0;
		if (parse(&k, line) && (to = slot(d, k.list, true)))
			*to = k;
	}
}

int fp_digests_open(struct fp_digests **out, const char *state_dir,
		    struct fp_err *e)
{
	struct fp_digests *d = calloc(1, sizeof(*d));
	struct fp_text text;

	if (!d)
		return fp_err(e, -ENOMEM, "out of memory");
	snprintf(d->path, sizeof(d->path), "%s/" FILE_NAME, state_dir);
	if (!fp_text_read(&text, d->path, FILE_MAX_BYTES, NULL)) {
		read_text(d, text.data, text.len);
		fp_text_fini(&text);
	}
	*out = d;
	return 0;
}

/* Is fd still what has this name? */
static bool is_same_file(int fd, const char *path)
{
	struct stat a, b;

	return !fstat(fd, &a) && !stat(path, &b) && a.st_ino == b.st_ino;
}

/* Alone: another one who writes it knows as much as we do.  Not synced: what is
 * lost is made again. */
static void save_text(const struct fp_digests *d, const struct fp_buf *b)
{
	char tmp[PATH_MAX + 8];
	int fd;

	snprintf(tmp, sizeof(tmp), "%s.tmp", d->path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	if (!flock(fd, LOCK_EX | LOCK_NB) && is_same_file(fd, tmp) &&
	    (ftruncate(fd, 0) ||
	     write(fd, b->data, b->len) != (ssize_t)b->len ||
	     rename(tmp, d->path)))
		unlink(tmp);
	close(fd);
}

static void save(const struct fp_digests *d)
{
	struct fp_buf b = { 0 };

	fp_buf_str_add(&b, HEAD);
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].at_ns)
			print(&b, &d->v[i]);
	fp_buf_str_add(&b, END);
	if (!b.is_failed)
		save_text(d, &b);
	fp_buf_fini(&b);
}

void fp_digests_close(struct fp_digests *d)
{
	if (!d)
		return;
	if (d->is_changed)
		save(d);
	free(d->v);
	free(d);
}

/* ---- one list */

static bool is_settled(const struct known *k)
{
	int64_t last = k->id.mtime_ns > k->id.ctime_ns ? k->id.mtime_ns
						       : k->id.ctime_ns;

	return k->at_ns - last > SETTLED_NS;
}

static void remember(struct fp_digests *d, const struct known *k)
{
	struct known *to = slot(d, k->list, true);

	if (!to)
		return;
	*to = *k;
	if (!is_settled(to))
		to->at_ns = 0;
	d->is_changed = true;
}

/* Words that live, and until when that stays true. */
static int count_live(const struct fp_list *l, struct known *k,
		      struct fp_err *e)
{
	struct fp_list_iter it;
	struct fp_entry x;
	int r;

	k->from_s = fp_clock_unix_s();
	k->to_s = INT64_MAX;
	k->digest.live = 0;
	fp_list_seek(l, &it, NULL);
	while ((r = fp_list_next(&it, &x, e)) > 0) {
		if (!fp_word_is_live(&x, k->from_s))
			continue;
		k->digest.live++;
		if (x.until_s && x.until_s < k->to_s)
			k->to_s = x.until_s;
	}
	return r;
}

static int make(int lists_fd, struct known *k, bool is_counted,
		struct fp_err *e)
{
	struct fp_list *l;
	int r = fp_list_open(&l, lists_fd, k->list, e);

	if (r)
		return r;
	if (is_counted)
		r = count_live(l, k, e);
	if (!r)
		r = fp_list_digest(l, k->digest.hex, e);
	fp_list_close(l);
	return r;
}

int fp_digests_get(struct fp_digests *d, int lists_fd, const struct fp_list *l,
		   struct fp_digest *out, struct fp_err *e)
{
	const struct fp_list_head *h = fp_list_about(l);
	bool is_counted = h->owner == FP_OWNER_DYNAMIC;
	const struct known *was = slot(d, h->name, false);
	int64_t now_s = fp_clock_unix_s();
	struct known k = { .to_s = INT64_MAX };
	struct fp_file_id after;
	int r;

	snprintf(k.list, sizeof(k.list), "%s", h->name);
	r = fp_file_id(lists_fd, h->name, &k.id);
	if (r)
		return fp_err_sys(e, r, "%s" FP_LIST_SUFFIX, h->name);
	if (was && was->at_ns && fp_file_id_equal(&was->id, &k.id) &&
	    was->from_s <= now_s && now_s < was->to_s) {
		*out = was->digest;
		return 0;
	}
	k.at_ns = fp_clock_unix_ms() * 1000000;
	r = make(lists_fd, &k, is_counted, e);
	if (r)
		return r;
	*out = k.digest;
	if (!fp_file_id(lists_fd, h->name, &after) &&
	    fp_file_id_equal(&after, &k.id))
		remember(d, &k);
	return 0;
}

void fp_digests_put(struct fp_digests *d, int lists_fd, const char *list,
		    const char hex[65], uint64_t entries)
{
	struct known k = { .to_s = INT64_MAX,
			   .at_ns = fp_clock_unix_ms() * 1000000 };

	snprintf(k.list, sizeof(k.list), "%s", list);
	memcpy(k.digest.hex, hex, sizeof(k.digest.hex));
	k.digest.live = entries;
	if (!fp_file_id(lists_fd, list, &k.id))
		remember(d, &k);
}
