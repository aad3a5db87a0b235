/* SPDX-License-Identifier: Apache-2.0 */
/* The log of pushes: reading it, and keeping it and the objects short. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/history_priv.h"
#include "io/owned.h"
#include "io/whole.h"

#define LOG_MAX_BYTES (8 << 20)  /* before it is made shorter */
#define LOG_KEEP_BYTES (2 << 20) /* of pushes, in full */
#define SEEN_KEEP 20000          /* ids alone */
#define PRUNE_EVERY 8            /* pushes */
#define LOG_READ_MAX (64 << 20)

static void pushed_fini(struct fp_pushed *p)
{
	free(p->by);
	free(p->why);
	free(p->waiting);
	free(p->list);
}

void fp_history_forget(struct fp_history *h)
{
	for (size_t i = 0; i < h->n_pushed; i++)
		pushed_fini(&h->pushed[i]);
	free(h->pushed);
	free(h->seen);
	h->pushed = NULL;
	h->seen = NULL;
	h->n_pushed = h->cap_pushed = h->n_seen = h->cap_seen = 0;
	h->st = (struct stat){ .st_size = -1 };
}

static struct fp_pushed *find(const struct fp_history *h, const char *id)
{
	for (size_t i = h->n_pushed; i--;)
		if (!strcmp(h->pushed[i].id, id))
			return &h->pushed[i];
	return NULL;
}

/* Room for one more element of size bytes in *v. */
static int grow(void *v, size_t n, size_t *cap, size_t size)
{
	void **p = v, *more;

	if (n < *cap)
		return 0;
	more = reallocarray(*p, *cap ? *cap * 2 : 16, size);
	if (!more)
		return -ENOMEM;
	*cap = *cap ? *cap * 2 : 16;
	*p = more;
	return 0;
}

/* ---- lines */

struct reader {
	struct fp_history *h;
	struct fp_pushed now; /* between "push" and "end" */
	size_t cap_lists;
	bool is_open;
};

static bool take_list(struct reader *r, const char *line)
{
	struct fp_version v = { .kind = FP_KIND_NONE };
	char name[32], kind[16], digest[65];
	unsigned long long n, added, removed;

	if (sscanf(line, "list %31s %15s %64s %llu %llu %llu", name, kind,
		   digest, &n, &added, &removed) != 6)
		return false;
	if (grow(&r->now.list, r->now.n_lists, &r->cap_lists, sizeof(v)))
		return false;
	if (strcmp(kind, "-") && fp_kind_parse(kind, &v.kind, NULL))
		return false;
	strcpy(v.name, name);
	strcpy(v.digest, v.kind ? digest : "");
	v.entries = n;
	v.added = added;
	v.removed = removed;
	r->now.list[r->now.n_lists++] = v;
	return true;
}

static void drop(struct reader *r)
{
	pushed_fini(&r->now);
	r->now = (struct fp_pushed){ .at_s = 0 };
	r->cap_lists = 0;
	r->is_open = false;
}

static void take_push(struct reader *r, const char *line)
{
	long long at_s;

	drop(r);
	r->is_open = sscanf(line, "push %64s %lld %64s", r->now.id, &at_s,
			    r->now.policy) == 3;
	r->now.at_s = r->is_open ? at_s : 0;
}

static int take_end(struct reader *r)
{
	struct fp_history *h = r->h;

	if (!r->now.by)
		r->now.by = strdup("");
	if (!r->now.why)
		r->now.why = strdup("");
	if (!r->now.by || !r->now.why ||
	    grow(&h->pushed, h->n_pushed, &h->cap_pushed, sizeof(*h->pushed)))
		return -ENOMEM;
	h->pushed[h->n_pushed++] = r->now;
	r->now = (struct fp_pushed){ .at_s = 0 };
	drop(r);
	return 0;
}

static int take_seen(struct fp_history *h, const char *line)
{
	char id[FP_PUSH_ID_SIZE];

	if (sscanf(line, "seen %64s", id) != 1)
		return 0;
	if (grow(&h->seen, h->n_seen, &h->cap_seen, sizeof(*h->seen)))
		return -ENOMEM;
	strcpy(h->seen[h->n_seen++], id);
	return 0;
}

/* "waits ID NODE...": those of earlier lines too. */
static int take_waits(struct fp_history *h, const char *line)
{
	struct fp_pushed *p;
	char id[FP_PUSH_ID_SIZE], *all;
	int at = 0;

	if (sscanf(line, "waits %64s %n", id, &at) != 1 || !at || !line[at])
		return 0;
	p = find(h, id);
	if (!p)
		return 0;
	if (asprintf(&all, "%s%s%s", p->waiting ? p->waiting : "",
		     p->waiting ? " " : "", line + at) < 0)
		return -ENOMEM;
	free(p->waiting);
	p->waiting = all;
	return 0;
}

static int take_line(struct reader *r, const char *line)
{
	if (!strncmp(line, "seen ", 5))
		return take_seen(r->h, line);
	if (!strncmp(line, "waits ", 6))
		return take_waits(r->h, line);
	if (!strncmp(line, "push ", 5))
		take_push(r, line);
	else if (!r->is_open)
		return 0;
	else if (!strncmp(line, "by ", 3) && !r->now.by)
		r->now.by = strdup(line + 3);
	else if (!strncmp(line, "why ", 4) && !r->now.why)
		r->now.why = strdup(line + 4);
	else if (!strcmp(line, "end"))
		return take_end(r);
	else if (strncmp(line, "list ", 5) || !take_list(r, line))
		drop(r); /* torn */
	return 0;
}

/* text is written to. */
static int take_text(struct fp_history *h, char *text, size_t n)
{
	struct reader rd = { .h = h };
	char *s = text, *end = text + n;
	int r = 0;

	while (s < end && !r) {
		char *nl = memchr(s, '\n', (size_t)(end - s));

		if (!nl)
			break; /* torn */
		*nl = 0;
		r = take_line(&rd, s);
		s = nl + 1;
	}
	drop(&rd);
	return r;
}

static bool is_as_it_was(const struct fp_history *h, const struct stat *st)
{
	return h->st.st_ino == st->st_ino && h->st.st_size == st->st_size &&
	       h->st.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       h->st.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

static int read_all(int fd, char *to, size_t n)
{
	while (n) {
		ssize_t got = read(fd, to, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		to += got;
		n -= (size_t)got;
	}
	return 0;
}

int fp_history_load(struct fp_history *h, struct fp_err *e)
{
	struct stat st = { .st_size = 0 };
	char *text = NULL;
	int fd = fp_owned_file(h->fd, FP_HISTORY_LOG, O_RDONLY, 0), r = 0;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		r = fd;
	else if (fstat(fd, &st))
		r = -errno;
	else if (is_as_it_was(h, &st))
		goto out;
	else if (st.st_size > LOG_READ_MAX)
		r = -EFBIG;
	if (!r && !(text = malloc((size_t)st.st_size + 1)))
		r = -ENOMEM;
	if (!r)
		r = read_all(fd, text, (size_t)st.st_size);
	if (!r) {
		fp_history_forget(h);
		r = take_text(h, text, (size_t)st.st_size);
		h->st = st;
	}
out:
	free(text);
	if (fd >= 0)
		close(fd);
	return r ? fp_err_sys(e, r, "sync/" FP_HISTORY_LOG) : 0;
}

/* ---- who waits */

static bool is_named(const char *names, const char *name)
{
	size_t n = strlen(name), len;

	for (; *names; names += len + (names[len] == ' ')) {
		len = strcspn(names, " ");
		if (len == n && !memcmp(names, name, n))
			return true;
	}
	return false;
}

const struct fp_pushed *fp_history_waited(const struct fp_history *h,
					  const char *node)
{
	for (size_t i = h->n_pushed; i--;)
		if (h->pushed[i].waiting &&
		    is_named(h->pushed[i].waiting, node))
			return &h->pushed[i];
	return NULL;
}

bool fp_history_is_after(struct fp_history *h, const char *accepted,
			 int64_t at_s, const char *id, int64_t id_at_s)
{
	const struct fp_pushed *x, *y;

	if (!fp_history_made(h, accepted)) /* reads the log again */
		return *accepted && at_s > id_at_s;
	x = find(h, accepted);
	y = find(h, id);
	return x && y && x > y;
}

/* ---- what is too old */

/* How many versions of a list were met, from the newest on. */
struct met {
	char name[FP_LIST_NAME_MAX + 1];
	char digest[65]; /* the last one */
	size_t n;
};

struct kept {
	char (*digest)[65];
	size_t n, cap;
	struct met *met;
	size_t n_met, cap_met;
};

static struct met *met_of(struct kept *k, const char *name)
{
	for (size_t i = 0; i < k->n_met; i++)
		if (!strcmp(k->met[i].name, name))
			return &k->met[i];
	if (grow(&k->met, k->n_met, &k->cap_met, sizeof(*k->met)))
		return NULL;
	k->met[k->n_met] = (struct met){ .n = 0 };
	strcpy(k->met[k->n_met].name, name);
	return &k->met[k->n_met++];
}

/* 1: v is one of the last versions of its list, met for the first time.  0;
 * -ENOMEM. */
static int keep(struct kept *k, const struct fp_version *v)
{
	struct met *m = met_of(k, v->name);

	if (!m || grow(&k->digest, k->n, &k->cap, sizeof(*k->digest)))
		return -ENOMEM;
	if (!strcmp(m->digest, v->digest))
		return 0;
	strcpy(m->digest, v->digest);
	if (!v->kind || m->n >= FP_HISTORY_VERSIONS)
		return 0;
	m->n++;
	strcpy(k->digest[k->n++], v->digest);
	return 1;
}

static void kept_fini(struct kept *k)
{
	free(k->digest);
	free(k->met);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void remove_objects(struct fp_history *h, struct kept *k)
{
	int fd = openat(h->objects_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (k->n)
		qsort(k->digest, k->n, sizeof(*k->digest), by_text);
	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.' &&
		    (!k->n || !bsearch(d->d_name, k->digest, k->n,
				       sizeof(*k->digest), by_text)))
			unlinkat(h->objects_fd, d->d_name, 0);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static void prune_objects(struct fp_history *h)
{
	struct kept k = { .n = 0 };
	int r = 0;

	for (size_t i = h->n_pushed; i-- && r >= 0;)
		for (size_t j = 0; j < h->pushed[i].n_lists && r >= 0; j++)
			r = keep(&k, &h->pushed[i].list[j]);
	if (r >= 0)
		remove_objects(h, &k);
	kept_fini(&k);
}

/* Of the pushes before first, the lists that are still kept: what changed seldom
 * has its versions far back. */
static int forget_lists(struct fp_history *h, size_t first)
{
	struct kept k = { .n = 0 };
	int r = 0;

	for (size_t i = h->n_pushed; i-- && r >= 0;) {
		struct fp_pushed *p = &h->pushed[i];
		size_t n = 0;

		for (size_t j = 0; j < p->n_lists && r >= 0; j++) {
			r = keep(&k, &p->list[j]);
			if (r > 0 && i < first)
				p->list[n++] = p->list[j];
		}
		if (i < first && r >= 0)
			p->n_lists = n;
	}
	kept_fini(&k);
	return r < 0 ? r : 0;
}

/* The newest pushes in full, of older ones what is still kept, or their ids. */
static int shorten(struct fp_history *h, struct fp_buf *out)
{
	struct fp_buf full = { 0 };
	size_t first = h->n_pushed, from;
	int r;

	while (first && full.len < LOG_KEEP_BYTES)
		fp_pushed_print(&full, &h->pushed[--first]);
	fp_buf_fini(&full);
	r = forget_lists(h, first);
	if (r)
		return r;
	from = h->n_seen + first > SEEN_KEEP ? h->n_seen + first - SEEN_KEEP
					     : 0;
	for (size_t i = from; i < h->n_seen; i++)
		fp_buf_printf(out, "seen %s\n", h->seen[i]);
	for (size_t i = 0; i < first; i++)
		if (!h->pushed[i].n_lists)
			fp_buf_printf(out, "seen %s\n", h->pushed[i].id);
	for (size_t i = 0; i < h->n_pushed; i++)
		if (i >= first || h->pushed[i].n_lists)
			fp_pushed_print(out, &h->pushed[i]);
	return out->is_failed ? -ENOMEM : 0;
}

static int rewrite(struct fp_history *h, struct fp_err *e)
{
	struct fp_buf b = { 0 };
	int r = shorten(h, &b);

	if (!r)
		r = fp_whole_write_at(h->fd, FP_HISTORY_LOG, b.data, b.len,
				      0600);
	fp_buf_fini(&b);
	return r ? fp_err_sys(e, r, "sync/" FP_HISTORY_LOG) : 0;
}

int fp_history_prune(struct fp_history *h, struct fp_err *e)
{
	int r = 0;

	if (h->st.st_size > LOG_MAX_BYTES)
		r = rewrite(h, e);
	if (!r)
		r = fp_history_load(h, e);
	if (!r && h->n_pushed % PRUNE_EVERY == 0)
		prune_objects(h);
	return r;
}
