/* SPDX-License-Identifier: Apache-2.0 */
/* Lists on disk. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "model/list.h"

#define HEAD "#fastpath-list 1 kind=block owner=local gen=7 entries="

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % n;
}

/* ---- a directory of lists */

static int dir_open(void)
{
	const char *tmp = getenv("FP_TEST_TMP");
	char name[256];

	snprintf(name, sizeof(name), "%s/lists.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(name))
		abort();
	return open(name, O_RDONLY | O_DIRECTORY);
}

/* Its files; unlinks them when told so. */
static size_t dir_files(int dir, bool is_unlink)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *f;
	size_t n = 0;

	while ((f = readdir(d))) {
		if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, ".."))
			continue;
		n++;
		if (is_unlink)
			unlinkat(dir, f->d_name, 0);
	}
	closedir(d);
	return n;
}

static void dir_close(int dir)
{
	char name[300], link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, name, sizeof(name) - 1);
	dir_files(dir, true);
	close(dir);
	if (n > 0) {
		name[n] = 0;
		rmdir(name);
	}
}

static void file_put(int dir, const char *name, const char *text, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	EQ(write(fd, text, n), (ssize_t)n);
	close(fd);
}

static void put(int dir, const char *name, const char *text)
{
	file_put(dir, name, text, strlen(text));
}

static char *file_get(int dir, const char *name, size_t *n)
{
	int fd = openat(dir, name, O_RDONLY);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st))
		return strdup("(no file)");
	text = calloc(1, (size_t)st.st_size + 1);
	EQ(read(fd, text, (size_t)st.st_size), st.st_size);
	if (n)
		*n = (size_t)st.st_size;
	close(fd);
	return text;
}

static struct fp_prefix prefix(const char *s)
{
	struct fp_prefix p;

	OK(!fp_prefix_parse(&p, s, strlen(s), NULL));
	return p;
}

/* ---- lists as text */

static void walk(struct fp_buf *b, const struct fp_list *l,
		 const struct fp_prefix *from)
{
	struct fp_list_iter it;
	struct fp_entry x;
	struct fp_err e;
	int r;

	b->len = 0;
	fp_list_seek(l, &it, from);
	while ((r = fp_list_next(&it, &x, &e)) > 0)
		fp_entry_print(b, &x);
	if (r < 0)
		fp_buf_printf(b, "%d %s", r, e.text);
	fp_buf_str(b);
}

/* "gen entries torn\n" and what the list holds; or the error. */
static char *shown(int dir, const char *name)
{
	struct fp_buf b = { 0 }, all = { 0 };
	const struct fp_list_head *h;
	struct fp_list *l;
	struct fp_err e;
	int r;

	r = fp_list_open(&l, dir, name, &e);
	if (r) {
		fp_buf_printf(&all, "%d %s", r, e.text);
	} else {
		h = fp_list_head(l);
		walk(&b, l, NULL);
		fp_buf_printf(&all, "%ju %ju %ju\n%s", (uintmax_t)h->gen,
			      (uintmax_t)h->entries, (uintmax_t)h->torn_bytes,
			      b.data);
		fp_list_close(l);
	}
	fp_buf_fini(&b);
	fp_buf_str(&all);
	return all.data;
}

static void shows(int dir, const char *name, const char *want)
{
	char *got = shown(dir, name);

	STR(got, want);
	free(got);
}

static int change(int dir, const char *name, const char *text)
{
	struct fp_parse_opts o = { .file = "-" };
	struct fp_change v = { .is_del = *text == '-' };
	struct fp_entries x;
	struct fp_err e;
	int r;

	OK(!fp_entries_parse(&x, text + 1, strlen(text + 1), &o, &e));
	EQ(x.n, 1);
	v.entry = x.v[0];
	r = fp_list_append(dir, name, &v, 1, &e);
	fp_entries_fini(&x);
	return r;
}

struct stream {
	const struct fp_entries *x;
	size_t i, fail_at;
};

static int stream_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct stream *s = ctx;

	if (s->fail_at && s->i == s->fail_at)
		return fp_err(e, -EIO, "the source failed");
	if (s->i == s->x->n)
		return 0;
	*out = s->x->v[s->i++];
	return 1;
}

static int make(int dir, const char *name, enum fp_owner owner, uint64_t gen,
		const char *text)
{
	struct fp_list_head h = { .kind = FP_KIND_BLOCK,
				  .owner = owner,
				  .gen = gen };
	struct fp_parse_opts o = { .file = "-" };
	struct stream s = { 0 };
	struct fp_entries x;
	struct fp_err e;
	int r;

	snprintf(h.name, sizeof(h.name), "%s", name);
	OK(!fp_entries_parse(&x, text, strlen(text), &o, &e));
	s.x = &x;
	r = fp_list_write(dir, &h, stream_next, &s, &e);
	fp_entries_fini(&x);
	return r;
}

/* ---- names */

TEST(names)
{
	static const char *const good[] = { "a", "0", "_cluster", "a.b-c_d",
					    "a23456789012345678901234567890x" };
	static const char *const wrong[] = {
		"",    ".a",
		"-a",  "A",
		"a/b", "..",
		"a b", "\xc3\xa9",
		"a\n", "a234567890123456789012345678901x",
	};
	enum fp_owner owner;
	enum fp_kind kind;
	struct fp_err e;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		OK(!fp_list_name_check(good[i], &e));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		EQ(fp_list_name_check(wrong[i], &e), -EINVAL);
	OK(!fp_kind_parse("fence", &kind, &e) && kind == FP_KIND_FENCE);
	OK(!fp_owner_parse("pushed", &owner, &e) && owner == FP_OWNER_PUSHED);
	EQ(fp_kind_parse("none", &kind, &e), -EINVAL);
	EQ(fp_owner_parse("", &owner, &e), -EINVAL);
	STR(fp_kind_name(FP_KIND_ALLOW), "allow");
	STR(fp_owner_name(FP_OWNER_DYNAMIC), "dynamic");
}

/* ---- the format, byte by byte */

TEST(format)
{
	int dir = dir_open();
	char *text;

	OK(!make(dir, "a", FP_OWNER_DYNAMIC, 12,
		 "2001:db8::/32\n192.0.2.7\n198.51.100.0/24 by=al "
		 "until=2026-01-02T03:04:05Z why=\"toll fraud\"\n"));
	text = file_get(dir, "a.list", NULL);
	STR(text, "#fastpath-list 1 kind=block owner=dynamic gen=12 entries=3"
		  "                                     \n"
		  "192.0.2.7\n"
		  "198.51.100.0/24 until=2026-01-02T03:04:05Z "
		  "why=\"toll fraud\" by=al\n"
		  "2001:db8::/32\n");
	free(text);
	OK(!change(dir, "a", "+203.0.113.9 why=scan"));
	OK(!change(dir, "a", "-192.0.2.7 why=ignored"));
	shows(dir, "a",
	      "14 3 0\n198.51.100.0/24 until=2026-01-02T03:04:05Z "
	      "why=\"toll fraud\" by=al\n203.0.113.9 why=scan\n"
	      "2001:db8::/32\n");
	text = file_get(dir, "a.list", NULL);
	HAS(text, "\n2001:db8::/32\n+203.0.113.9 why=scan\n-192.0.2.7\n");
	free(text);
	dir_close(dir);
}

static const struct {
	const char *text, *shows;
} files[] = {
	{ HEAD "0\n", "7 0 0\n" },
	{ HEAD "2   \n192.0.2.7\n::1\n", "7 2 0\n192.0.2.7\n::1\n" },
	/* the log: the later line stands */
	{ HEAD "1\n192.0.2.7\n+192.0.2.7 why=b\n", "8 1 0\n192.0.2.7 why=b\n" },
	{ HEAD "1\n192.0.2.7\n-192.0.2.7\n", "8 0 0\n" },
	{ HEAD "1\n192.0.2.7\n-192.0.2.7\n+192.0.2.7 by=x\n",
	  "9 1 0\n192.0.2.7 by=x\n" },
	{ HEAD "1\n192.0.2.7\n+::1\n-::1\n-192.0.2.7\n-192.0.2.7\n",
	  "11 0 0\n" },
	{ HEAD "1\n192.0.2.7\n-192.0.2.8\n", "8 1 0\n192.0.2.7\n" },
	{ HEAD "0\n+::2\n+192.0.2.8\n+::1\n", "10 3 0\n192.0.2.8\n::1\n::2\n" },
	/* torn */
	{ HEAD "0\n+::2\n+203.0.113.7", "8 1 12\n::2\n" },
	{ HEAD "0\n+::2\n+", "8 1 1\n::2\n" },
	{ HEAD "0\n+::2\n-::2", "8 1 4\n::2\n" },
	/* not lists */
	{ "", "-74 a.list:1: empty, or without a head" },
	{ HEAD "0", "-74 a.list:1: \"#fastpath-list 1" },
	{ "\n", "-74 a.list:1: \"\": not the head of a list" },
	{ "192.0.2.7\n",
	  "-74 a.list:1: \"192.0.2.7\": not the head of a list" },
	{ "+192.0.2.7\n", "-74 a.list:1: empty, or without a head" },
	{ "#fastpath-list 2 kind=block owner=local gen=1 entries=0\n",
	  "-74 a.list:1: " },
	{ "#fastpath-list 1 kind=none owner=local gen=1 entries=0\n",
	  "-74 a.list:1: " },
	{ "#fastpath-list 1 kind=block owner=me gen=1 entries=0\n",
	  "-74 a.list:1: " },
	{ "#fastpath-list 1 kind=block owner=local gen=-1 entries=0\n",
	  "-74 a.list:1: " },
	{ "#fastpath-list 1 kind=block owner=local gen=99999999999999999999 "
	  "entries=0\n",
	  "-74 a.list:1: " },
	{ "#fastpath-list 1 kind=block owner=local gen=01 entries=0\n",
	  "-74 a.list:1: " },
	{ "#fastpath-list 1 kind=block owner=local gen=1 entries=0 x\n",
	  "-74 a.list:1: " },
	{ "#fastpath-list 1  kind=block owner=local gen=1 entries=0\n",
	  "-74 a.list:1: " },
	{ "#fastpath-list 1 kind=block owner=local gen=1\n", "-74 a.list:1: " },
	/* a bad log cannot be read past */
	{ HEAD "1\n::1\n+::2\n+foo\n+::3\n",
	  "-74 a.list:4: \"foo\" is not an address" },
	{ HEAD "0\n+\n", "-74 a.list:2: no prefix" },
	{ HEAD "0\n-::1 why=x\n", "-74 a.list:2: fields after a prefix" },
	{ HEAD "0\n+::1 until=x\n", "-74 a.list:2: \"x\": until= is not" },
	/* a bad body is found by who walks it */
	{ HEAD "1\n999.1.1.1\n",
	  "7 1 0\n-74 a.list:2: \"999.1.1.1\": an octet is more than 255" },
	{ HEAD "3\n192.0.2.7\n192.0.2.5\n::1\n",
	  "7 3 0\n192.0.2.7\n"
	  "-74 a.list:3: \"192.0.2.5\": out of order, or twice" },
	{ HEAD "2\n::1\n::1\n+::\n",
	  "8 3 0\n::\n::1\n-74 a.list:3: \"::1\": out of order, or twice" },
	{ HEAD "1\n\n::1\n", "7 1 0\n-74 a.list:2: no entry" },
	{ HEAD "1\n::1\n# x\n", "7 1 0\n::1\n-74 a.list:3: no entry" },
	{ HEAD "1\n::1\r\n", "7 1 0\n-74 a.list:2: \"::1?\" is not" },
	{ HEAD "1\n ::1\n", "7 1 0\n-74 a.list:2: \" ::1\": not in canonical" },
	{ HEAD "1\n::1 by=b why=a\n",
	  "7 1 0\n-74 a.list:2: \"by=b why=a\": not in canonical form" },
	{ HEAD "1\n::1 why=\"a\"\n", "7 1 0\n-74 a.list:2: \"why=" },
	/* a body that was cut, or added to */
	{ HEAD "3\n::1\n::2\n+::3\n",
	  "8 4 0\n::1\n::2\n::3\n-74 a.list:1: entries=3, but there are 2" },
	{ HEAD "1\n::1\n::2\n",
	  "7 1 0\n::1\n::2\n-74 a.list:1: entries=1, but there are 2" },
	/* an editor's last line is not a torn append */
	{ HEAD "2\n::1\n::2", "7 2 0\n::1\n"
			      "-74 a.list:3: the line does not end" },
	{ HEAD "1\n::1\n+::2\n::3", "7 1 0\n::1\n"
				    "-74 a.list:3: \"+::2\" is not" },
};

TEST(reading)
{
	int dir = dir_open();

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		const char *want = files[i].shows;
		char *got;

		put(dir, "a.list", files[i].text);
		got = shown(dir, "a");
		if (!strstr(want, "-74"))
			STR(got, want);
		else if (!EQ(strncmp(got, want, strlen(want)), 0))
			printf("# case %zu: %s\n", i, got);
		free(got);
	}
	dir_close(dir);
}

TEST(not_there)
{
	int dir = dir_open();
	struct fp_change c = { .entry.p = prefix("::1") };
	struct fp_list *l;
	struct fp_err e;

	EQ(fp_list_open(&l, dir, "a", &e), -ENOENT);
	EQ(fp_list_append(dir, "a", &c, 1, &e), -ENOENT);
	EQ(fp_list_compact(dir, "a", 0, false, NULL, &e), -ENOENT);
	EQ(fp_list_remove(dir, "a", &e), -ENOENT);
	EQ(fp_list_open(&l, dir, "../a", &e), -EINVAL);
	EQ(fp_list_remove(dir, "../a", &e), -EINVAL);
	EQ(dir_files(dir, false), 0);
	OK(!mkdirat(dir, "a.list", 0755));
	EQ(fp_list_open(&l, dir, "a", &e), -EBADMSG);
	OK(!unlinkat(dir, "a.list", AT_REMOVEDIR));
	OK(!mkfifoat(dir, "a.list", 0644));
	EQ(fp_list_open(&l, dir, "a", &e), -EBADMSG);
	dir_close(dir);
}

/* ---- crashes */

#define LOG                                                                    \
	"+203.0.113.77 why=x\n-192.0.2.7\n+203.0.113.7 until=2027-01-02T03:"   \
	"04:05Z why=\"a b\"\n+2001:db8::1\n-203.0.113.77\n"

/* What `all` holds is what `whole` holds, and the rest of it is torn. */
static void same_but_torn(int dir, const char *whole, const char *all,
			  uint64_t gen, uint64_t torn)
{
	struct fp_buf x = { 0 }, y = { 0 };
	struct fp_list *a, *b;
	struct fp_err e;

	OK(!fp_list_open(&a, dir, whole, &e));
	OK(!fp_list_open(&b, dir, all, &e));
	walk(&x, a, NULL);
	walk(&y, b, NULL);
	STR(x.data, y.data);
	EQ(fp_list_head(a)->gen, gen);
	EQ(fp_list_head(b)->gen, gen);
	EQ(fp_list_head(a)->torn_bytes, 0);
	EQ(fp_list_head(b)->torn_bytes, torn);
	EQ(fp_list_wants_compact(b), torn > 0);
	fp_list_close(a);
	fp_list_close(b);
	fp_buf_fini(&x);
	fp_buf_fini(&y);
}

/* A list whose log ends after `cut` bytes, then NULs: exactly its whole lines
 * count, and the next writer goes on from there. */
static void cut_at(int dir, size_t cut, size_t nuls)
{
	static const char head[] = HEAD "2\n192.0.2.7\n192.0.2.9\n";
	char all[5000], want[5000], *got;
	size_t n = (size_t)snprintf(all, sizeof(all), "%s%.*s", head, (int)cut,
				    LOG);
	size_t good = n, lines = 0, len;

	while (all[good - 1] != '\n')
		good--;
	for (size_t i = sizeof(head) - 1; i < good; i++)
		lines += all[i] == '\n';
	memset(all + n, 0, nuls);
	file_put(dir, "all.list", all, n + nuls);
	file_put(dir, "whole.list", all, good);
	same_but_torn(dir, "whole", "all", 7 + lines, n + nuls - good);
	OK(!change(dir, "all", "+203.0.113.200"));
	snprintf(want, sizeof(want), "%.*s+203.0.113.200\n", (int)good, all);
	got = file_get(dir, "all.list", &len);
	EQ(len, strlen(want));
	STR(got, want);
	free(got);
}

TEST(cut_at_every_byte)
{
	int dir = dir_open();

	for (size_t cut = 0; cut < sizeof(LOG) && !unit_failed; cut++) {
		cut_at(dir, cut, 0);
		cut_at(dir, cut, 1);
		cut_at(dir, cut, 4096);
	}
	dir_close(dir);
}

/* A page that was lost with the power reads as NULs, and may be in the middle
 * of what one append wrote. */
TEST(lost_page)
{
	static const char text[] = HEAD "1\n192.0.2.7\n" LOG;
	size_t body = strlen(HEAD "1\n192.0.2.7\n"), all = sizeof(text) - 1;
	int dir = dir_open();

	for (size_t from = body; from < all; from++) {
		for (size_t to = from + 1; to <= all; to += 1 + to % 3) {
			char bytes[sizeof(text)], want[512], *got;
			size_t good = from;

			memcpy(bytes, text, sizeof(text));
			memset(bytes + from, 0, to - from);
			while (bytes[good - 1] != '\n')
				good--;
			file_put(dir, "a.list", bytes, all);
			OK(!change(dir, "a", "-::1"));
			snprintf(want, sizeof(want), "%.*s-::1\n", (int)good,
				 text);
			got = file_get(dir, "a.list", NULL);
			STR(got, want);
			free(got);
			if (unit_failed)
				return;
		}
	}
	dir_close(dir);
}

/* A log longer than what is read at first. */
TEST(long_log)
{
	int dir = dir_open();
	struct fp_buf b = { 0 };
	struct fp_list *l;
	struct fp_err e;
	struct fp_entry x;

	fp_buf_str_add(&b, HEAD "1\n::1\n");
	for (int i = 0; i < 20000; i++)
		fp_buf_printf(&b, "+10.%d.%d.%d why=%d\n", i >> 8 & 255,
			      i & 255, i % 7, i);
	file_put(dir, "a.list", b.data, b.len);
	OK(!fp_list_open(&l, dir, "a", &e));
	EQ(fp_list_head(l)->gen, 20007);
	EQ(fp_list_head(l)->entries, 20001);
	OK(fp_list_wants_compact(l));
	x.p = prefix("10.78.31.0");
	OK(fp_list_find(l, &x.p, &x));
	fp_list_close(l);
	/* and a torn line longer than that */
	memset(fp_buf_room(&b, 100000), '+', 100000);
	b.len += 100000;
	file_put(dir, "a.list", b.data, b.len);
	OK(!fp_list_open(&l, dir, "a", &e));
	EQ(fp_list_head(l)->gen, 20007);
	EQ(fp_list_head(l)->torn_bytes, 100000);
	fp_list_close(l);
	fp_buf_fini(&b);
	dir_close(dir);
}

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit = { bytes, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	OK(!setrlimit(RLIMIT_FSIZE, &limit));
}

/* A disk that fills up at every byte of an append: the file is as it was. */
TEST(append_short)
{
	int dir = dir_open();
	size_t before, after;
	char *was, *is;

	OK(!make(dir, "a", FP_OWNER_LOCAL, 1, "192.0.2.7\n"));
	OK(!change(dir, "a", "+192.0.2.8"));
	was = file_get(dir, "a.list", &before);
	for (rlim_t room = 0; room < 24; room++) {
		limit_file_size(before + room);
		EQ(change(dir, "a", "+203.0.113.77 why=fraud"), -EFBIG);
		is = file_get(dir, "a.list", &after);
		EQ(after, before);
		STR(is, was);
		free(is);
	}
	limit_file_size(before + 24);
	OK(!change(dir, "a", "+203.0.113.77 why=fraud"));
	shows(dir, "a",
	      "3 3 0\n192.0.2.7\n192.0.2.8\n"
	      "203.0.113.77 why=fraud\n");
	free(was);
	dir_close(dir);
}

TEST(write_short)
{
	int dir = dir_open();

	OK(!make(dir, "a", FP_OWNER_LOCAL, 1, "192.0.2.7\n"));
	for (rlim_t room = 0; room < 96 + 8; room += 4) {
		limit_file_size(room);
		EQ(make(dir, "a", FP_OWNER_LOCAL, 2, "::1\n::2\n"), -EFBIG);
		EQ(fp_list_compact(dir, "a", 0, false, NULL, NULL), -EFBIG);
		EQ(dir_files(dir, false), 1);
	}
	limit_file_size(RLIM_INFINITY);
	shows(dir, "a", "1 1 0\n192.0.2.7\n");
	OK(!make(dir, "a", FP_OWNER_LOCAL, 2, "::1\n::2\n"));
	shows(dir, "a", "2 2 0\n::1\n::2\n");
	dir_close(dir);
}

TEST(write_refuses)
{
	struct fp_list_head h = { .name = "a", .kind = FP_KIND_BLOCK };
	struct fp_entry v[2] = { { .p = prefix("::2") },
				 { .p = prefix("::1") } };
	struct fp_entries x = { .v = v, .n = 2 };
	struct stream s = { .x = &x };
	char meta[FP_META_MAX + 2];
	int dir = dir_open();
	struct fp_err e;

	EQ(fp_list_write(dir, &h, stream_next, &s, &e), -EINVAL);
	HAS(e.text, "not in order");
	v[1] = v[0];
	s.i = 0;
	EQ(fp_list_write(dir, &h, stream_next, &s, &e), -EINVAL);
	s.i = 0;
	s.fail_at = 1;
	EQ(fp_list_write(dir, &h, stream_next, &s, &e), -EIO);
	STR(e.text, "the source failed");
	x.n = 1;
	s = (struct stream){ .x = &x };
	v[0].until_s = -5;
	EQ(fp_list_write(dir, &h, stream_next, &s, &e), -EINVAL);
	s.i = 0;
	memset(meta, 'x', sizeof(meta));
	v[0] = (struct fp_entry){ v[0].p, 0, meta, FP_META_MAX + 1 };
	EQ(fp_list_write(dir, &h, stream_next, &s, &e), -EINVAL);
	h.name[0] = '/';
	EQ(fp_list_write(dir, &h, stream_next, &s, &e), -EINVAL);
	EQ(dir_files(dir, false), 0);
	dir_close(dir);
}

/* ---- who reads while others write */

TEST(reader_keeps_its_view)
{
	static const char was[] = "192.0.2.1\n192.0.2.2 why=a\n192.0.2.3\n";
	int dir = dir_open();
	struct fp_buf b = { 0 };
	struct fp_list *l;
	struct fp_err e;

	OK(!make(dir, "a", FP_OWNER_LOCAL, 1, "192.0.2.1\n192.0.2.2\n"));
	OK(!change(dir, "a", "+192.0.2.2 why=a"));
	OK(!change(dir, "a", "+192.0.2.3"));
	OK(!fp_list_open(&l, dir, "a", &e));
	OK(!change(dir, "a", "-192.0.2.1"));
	walk(&b, l, NULL);
	STR(b.data, was);
	OK(!fp_list_compact(dir, "a", 0, false, NULL, &e));
	OK(!make(dir, "a", FP_OWNER_LOCAL, 9, ""));
	walk(&b, l, NULL);
	STR(b.data, was);
	OK(!fp_list_remove(dir, "a", &e));
	walk(&b, l, NULL);
	STR(b.data, was);
	EQ(fp_list_head(l)->gen, 3);
	fp_list_close(l);
	fp_buf_fini(&b);
	dir_close(dir);
}

/* ---- compacting */

TEST(compact)
{
	int dir = dir_open();
	size_t dropped = 9;
	struct fp_err e;

	OK(!make(dir, "a", FP_OWNER_LOCAL, 5,
		 "192.0.2.1 until=2026-01-01T00:00:00Z\n192.0.2.2\n"
		 "192.0.2.3 until=2027-01-01T00:00:00Z\n"));
	OK(!change(dir, "a", "+192.0.2.2 until=2026-01-01T00:00:01Z"));
	OK(!change(dir, "a", "+::1 why=x"));
	OK(!fp_list_compact(dir, "a", 0, false, &dropped, &e));
	EQ(dropped, 0);
	shows(dir, "a",
	      "7 4 0\n192.0.2.1 until=2026-01-01T00:00:00Z\n"
	      "192.0.2.2 until=2026-01-01T00:00:01Z\n"
	      "192.0.2.3 until=2027-01-01T00:00:00Z\n::1 why=x\n");
	OK(!fp_list_compact(dir, "a", 1767225600, false, &dropped, &e));
	EQ(dropped, 1);
	OK(!fp_list_compact(dir, "a", 1767225601, true, &dropped, &e));
	EQ(dropped, 1);
	shows(dir, "a",
	      "7 2 0\n192.0.2.3 until=2027-01-01T00:00:00Z\n"
	      "::1 why=x\n");
	dir_close(dir);
}

/* What an editor leaves behind is mended when asked for, and only then. */
TEST(repair)
{
	static const char text[] = HEAD
		"2\n::1\r\n\n# mine\n 192.0.2.9 by=b why=a # so\n"
		"192.0.2.1\n192.0.2.1 why=b\n+192.0.2.3 why=c\n-::1\n+192.0.";
	int dir = dir_open();
	struct fp_err e;

	put(dir, "a.list", text);
	EQ(fp_list_compact(dir, "a", 0, false, NULL, &e), -EBADMSG);
	HAS(e.text, "a.list:2: ");
	EQ(dir_files(dir, false), 1);
	OK(!fp_list_compact(dir, "a", 0, true, NULL, &e));
	shows(dir, "a",
	      "9 3 0\n192.0.2.1 why=b\n192.0.2.3 why=c\n"
	      "192.0.2.9 why=a by=b\n");
	/* a last line that an editor did not end is not cut, nor added to */
	put(dir, "a.list", HEAD "2\n::1\n::77");
	EQ(change(dir, "a", "+::2"), -EBADMSG);
	OK(!fp_list_compact(dir, "a", 0, true, NULL, &e));
	OK(!change(dir, "a", "+::2"));
	shows(dir, "a", "8 3 0\n::1\n::2\n::77\n");
	/* but nothing is guessed */
	put(dir, "a.list", HEAD "2\n::1\nfoo\n+::2\n");
	EQ(fp_list_compact(dir, "a", 0, true, NULL, &e), -EINVAL);
	STR(e.text, "a.list:3: \"foo\" is not an address or a prefix");
	dir_close(dir);
}

TEST(wants_compact)
{
	int dir = dir_open();
	struct fp_change *v = calloc(3000, sizeof(*v));
	struct fp_list *l;
	struct fp_err e;

	OK(!make(dir, "a", FP_OWNER_LOCAL, 1, ""));
	for (int i = 0; i < 3000; i++)
		v[i].entry.p = prefix("203.0.113.111");
	OK(!fp_list_append(dir, "a", v, 3000, &e)); /* of 15 bytes */
	OK(!fp_list_open(&l, dir, "a", &e));
	EQ(fp_list_head(l)->log_bytes, 45000);
	OK(!fp_list_wants_compact(l));
	fp_list_close(l);
	OK(!fp_list_append(dir, "a", v, 1400, &e));
	OK(!fp_list_open(&l, dir, "a", &e));
	OK(fp_list_wants_compact(l));
	EQ(fp_list_head(l)->entries, 1);
	EQ(fp_list_head(l)->gen, 4401);
	fp_list_close(l);
	free(v);
	dir_close(dir);
}

/* ---- several lists */

TEST(all_lists)
{
	int dir = dir_open();
	struct fp_lists ls;
	struct fp_err e;

	OK(!make(dir, "b", FP_OWNER_LOCAL, 1, "::1\n"));
	OK(!make(dir, "_cluster", FP_OWNER_LOCAL, 1, "::1\n"));
	put(dir, "a.list", "junk\n");
	put(dir, "Upper.list", HEAD "0\n");
	put(dir, "b.list.tmp", "half");
	put(dir, "notes.txt", "x");
	OK(!fp_lists_open(&ls, dir, false, &e));
	EQ(ls.n, 2);
	EQ(ls.n_broken, 2);
	HAS(ls.broken[0], "\"Upper\": not a list name");
	HAS(ls.broken[1], "a.list:1: \"junk\": not the head of a list");
	STR(fp_list_head(ls.v[0])->name, "_cluster");
	STR(fp_list_head(ls.v[1])->name, "b");
	OK(fp_lists_get(&ls, "b") == ls.v[1]);
	OK(!fp_lists_get(&ls, "a"));
	fp_lists_close(&ls);
	EQ(dir_files(dir, false), 6);
	OK(!fp_lists_open(&ls, dir, true, &e));
	fp_lists_close(&ls);
	EQ(dir_files(dir, false), 5);
	/* by name, not by file name: '-' comes before ".list" */
	OK(!make(dir, "b-c", FP_OWNER_LOCAL, 1, ""));
	OK(!fp_lists_open(&ls, dir, true, &e));
	STR(fp_list_head(ls.v[1])->name, "b");
	STR(fp_list_head(ls.v[2])->name, "b-c");
	fp_lists_close(&ls);
	dir_close(dir);
}

static bool is_new_token(int dir, uint64_t *token)
{
	uint64_t was = *token;
	struct fp_lists ls;
	struct fp_err e;

	OK(!fp_lists_token(dir, token, &e));
	OK(!fp_lists_open(&ls, dir, false, &e));
	EQ(ls.token, *token);
	fp_lists_close(&ls);
	return was != *token;
}

TEST(token)
{
	int dir = dir_open();
	struct timespec ns[2] = { { 1000, 1 }, { 1000, 1 } };
	uint64_t token = 0;
	struct fp_err e;

	OK(is_new_token(dir, &token));
	OK(!is_new_token(dir, &token));
	OK(!make(dir, "a", FP_OWNER_LOCAL, 1, "::1\n"));
	OK(is_new_token(dir, &token));
	OK(!is_new_token(dir, &token));
	OK(!change(dir, "a", "+::2"));
	OK(is_new_token(dir, &token));
	OK(!fp_list_compact(dir, "a", 0, false, NULL, &e));
	OK(is_new_token(dir, &token));
	/* the same size, another file; the same file, another time */
	OK(!fp_list_compact(dir, "a", 0, false, NULL, &e));
	OK(is_new_token(dir, &token));
	OK(!utimensat(dir, "a.list", ns, 0));
	OK(is_new_token(dir, &token));
	ns[1].tv_nsec++;
	OK(!utimensat(dir, "a.list", ns, 0));
	OK(is_new_token(dir, &token));
	put(dir, "other.txt", "x");
	OK(!is_new_token(dir, &token));
	OK(!renameat(dir, "a.list", dir, "b.list"));
	OK(is_new_token(dir, &token));
	OK(!fp_list_remove(dir, "b", &e));
	OK(is_new_token(dir, &token));
	dir_close(dir);
}

/* a=$(printf 'a block\n192.0.2.7\n2001:db8::/32 why=x\n' | sha256sum)
 * b=$(printf 'b block\n' | sha256sum)
 * printf 'a block %.64s\nb block %.64s\n' "$a" "$b" | sha256sum */
#define DIGEST                                                                 \
	"4efa2f784c166f953427610154848f381d390231f82bfb0a51ed0b3f38e520fc"
/* printf 'b block\n' | sha256sum */
#define DIGEST_B                                                               \
	"24594ea3e6399ae90925ee31fad65ce069a864887d23e6c47332d3f604ddcbf3"

TEST(digest)
{
	int dir = dir_open();
	char hex[65], again[65];
	struct fp_lists ls;
	struct fp_err e;

	OK(!make(dir, "a", FP_OWNER_PUSHED, 1, "192.0.2.7\n192.0.2.8\n"));
	OK(!make(dir, "b", FP_OWNER_PUSHED, 1, ""));
	OK(!make(dir, "c", FP_OWNER_LOCAL, 1, "::1\n"));
	OK(!make(dir, "d", FP_OWNER_DYNAMIC, 1, "::1\n"));
	OK(!change(dir, "a", "+2001:db8::/32 why=x"));
	OK(!change(dir, "a", "-192.0.2.8"));
	OK(!fp_lists_open(&ls, dir, false, &e));
	OK(!fp_lists_digest(&ls, hex, &e));
	STR(hex, DIGEST);
	OK(!fp_list_digest(fp_lists_get(&ls, "b"), hex, &e));
	STR(hex, DIGEST_B);
	fp_lists_close(&ls);
	/* the same entries, written otherwise */
	OK(!make(dir, "a", FP_OWNER_PUSHED, 44,
		 "2001:db8:0::/32 why=\"x\"\n192.0.2.7/32\n"));
	OK(!fp_lists_open(&ls, dir, false, &e));
	OK(!fp_lists_digest(&ls, again, &e));
	STR(again, DIGEST);
	fp_lists_close(&ls);
	put(dir, "a.list",
	    "#fastpath-list 1 kind=block owner=pushed gen=1 entries=1\nfoo\n");
	OK(!fp_lists_open(&ls, dir, false, &e));
	EQ(fp_lists_digest(&ls, again, &e), -EBADMSG);
	fp_lists_close(&ls);
	dir_close(dir);
}

/* ---- random histories against a naive model */

#define LISTS 3
#define MODEL_MAX 400

struct model {
	struct {
		struct fp_prefix p;
		unsigned int why; /* 0: none */
	} v[MODEL_MAX];
	size_t n;
	uint64_t gen;
};

/* A small world, so that prefixes nest, meet and come again. */
static struct fp_prefix world(void)
{
	struct fp_prefix p = { 0, 0, 128 };

	if (rnd(2)) {
		p.lo = 0xffffull << 32 | 10u << 24 | rnd(3) << 16 | rnd(8);
		return fp_prefix_cut(&p, rnd(3) ? 128 : 96 + rnd(33));
	}
	p.hi = rnd(8) ? 0x20010db800000000ull | rnd(4) : rnd(2);
	p.lo = (uint64_t)rnd(4) << 62 | rnd(4);
	if (!p.hi && p.lo >> 62 == 0)
		p.hi = 5;
	p = fp_prefix_cut(&p, rnd(3) ? 128 - rnd(3) : rnd(129));
	return p;
}

static size_t model_at(const struct model *m, const struct fp_prefix *p)
{
	size_t i = 0;

	while (i < m->n && fp_prefix_cmp(&m->v[i].p, p) < 0)
		i++;
	return i;
}

static bool model_has(const struct model *m, const struct fp_prefix *p)
{
	size_t i = model_at(m, p);

	return i < m->n && !fp_prefix_cmp(&m->v[i].p, p);
}

static void model_change(struct model *m, const struct fp_prefix *p,
			 bool is_del, unsigned int why)
{
	size_t i = model_at(m, p);

	if (is_del && model_has(m, p)) {
		memmove(&m->v[i], &m->v[i + 1], (--m->n - i) * sizeof(*m->v));
	} else if (!is_del) {
		if (!model_has(m, p))
			memmove(&m->v[i + 1], &m->v[i],
				(m->n++ - i) * sizeof(*m->v));
		m->v[i].p = *p;
		m->v[i].why = why;
	}
	m->gen++;
}

static void model_line(struct fp_buf *b, const struct model *m, size_t i)
{
	char p[FP_PREFIX_STRLEN];

	fp_prefix_print(&m->v[i].p, p);
	if (m->v[i].why)
		fp_buf_printf(b, "%s why=%u\n", p, m->v[i].why);
	else
		fp_buf_printf(b, "%s\n", p);
}

static void check_list(const struct fp_list *l, const struct model *m)
{
	struct fp_buf got = { 0 }, want = { 0 };
	struct fp_entry x;

	for (size_t i = 0; i < m->n; i++)
		model_line(&want, m, i);
	walk(&got, l, NULL);
	STR(got.data, fp_buf_str(&want));
	EQ(fp_list_head(l)->entries, m->n);
	EQ(fp_list_head(l)->gen, m->gen);
	for (int k = 0; k < 20; k++) {
		struct fp_prefix p = world();
		bool has = fp_list_find(l, &p, &x);

		EQ(has, model_has(m, &p));
		OK(!has || !fp_prefix_cmp(&x.p, &p));
		want.len = 0;
		for (size_t i = model_at(m, &p); i < m->n; i++)
			model_line(&want, m, i);
		walk(&got, l, &p);
		STR(got.data, fp_buf_str(&want));
	}
	fp_buf_fini(&got);
	fp_buf_fini(&want);
}

struct cover {
	const struct fp_prefix *p;
	const struct model *m;
	const struct fp_lists *ls;
	size_t n;
	int stop_after;
};

static int cover(void *ctx, const struct fp_merge_item *item)
{
	struct cover *c = ctx;
	size_t list = 0;

	while (c->ls->v[list] != item->list)
		list++;
	OK(fp_prefix_contains(&item->entry.p, c->p));
	OK(model_has(&c->m[list], &item->entry.p));
	c->n++;
	return --c->stop_after ? 0 : 42;
}

static void check_covering(const struct fp_lists *ls, const struct model *m)
{
	for (int k = 0; k < 30; k++) {
		struct fp_prefix p = world();
		struct cover c = { &p, m, ls, 0, 0 };
		size_t want = 0;

		for (size_t list = 0; list < ls->n; list++)
			for (size_t i = 0; i < m[list].n; i++)
				want += fp_prefix_contains(&m[list].v[i].p, &p);
		EQ(fp_lists_covering(ls, &p, cover, &c), 0);
		EQ(c.n, want);
		c.stop_after = 1;
		EQ(fp_lists_covering(ls, &p, cover, &c), want ? 42 : 0);
	}
}

static void check_merge(const struct fp_lists *ls, const struct model *m,
			const struct fp_prefix *within)
{
	struct fp_buf got = { 0 }, want = { 0 };
	size_t at[LISTS] = { 0 };
	struct fp_merge_item x;
	struct fp_merge *merge;
	struct fp_err e;

	for (;;) {
		size_t next = LISTS;

		for (size_t i = 0; i < LISTS; i++) {
			while (within && at[i] < m[i].n &&
			       !fp_prefix_contains(within, &m[i].v[at[i]].p))
				at[i]++;
			if (at[i] < m[i].n &&
			    (next == LISTS ||
			     fp_prefix_cmp(&m[i].v[at[i]].p,
					   &m[next].v[at[next]].p) < 0))
				next = i;
		}
		if (next == LISTS)
			break;
		fp_buf_printf(&want, "l%zu ", next);
		model_line(&want, &m[next], at[next]++);
	}
	OK(!fp_merge_open(&merge, ls, within, &e));
	while (fp_merge_next(merge, &x, &e) > 0) {
		fp_buf_printf(&got, "%s ", fp_list_head(x.list)->name);
		fp_entry_print(&got, &x.entry);
	}
	fp_merge_close(merge);
	STR(fp_buf_str(&got), fp_buf_str(&want));
	fp_buf_fini(&got);
	fp_buf_fini(&want);
}

static void random_append(int dir, const char *name, struct model *m)
{
	struct fp_change v[20] = { 0 };
	char why[20][32];
	size_t n = 1 + rnd(rnd(4) ? 2 : 20);
	struct fp_err e;

	for (size_t i = 0; i < n; i++) {
		unsigned int text = rnd(2) * (1 + rnd(1000));

		v[i].is_del = rnd(3) == 0;
		v[i].entry.p =
			m->n && rnd(2) ? m->v[rnd((uint32_t)m->n)].p : world();
		snprintf(why[i], sizeof(why[i]), "why=%u", text);
		v[i].entry.meta = why[i];
		v[i].entry.meta_len = text ? (uint32_t)strlen(why[i]) : 0;
		model_change(m, &v[i].entry.p, v[i].is_del, text);
	}
	OK(!fp_list_append(dir, name, v, n, &e));
}

static void random_write(int dir, const char *name, struct model *m)
{
	struct fp_buf b = { 0 };

	m->n = 0;
	for (uint32_t n = rnd(120); n > 0; n--) {
		struct fp_prefix p = world();

		model_change(m, &p, false, rnd(2) * (1 + rnd(1000)));
	}
	for (size_t i = 0; i < m->n; i++)
		model_line(&b, m, i);
	m->gen = rnd(1000);
	OK(!make(dir, name, FP_OWNER_LOCAL, m->gen, fp_buf_str(&b)));
	fp_buf_fini(&b);
}

static void random_step(int dir, const char *name, struct model *m)
{
	char file[40];
	uint32_t kind = rnd(20);
	struct fp_err e;

	snprintf(file, sizeof(file), "%s.list", name);
	if (kind == 0) {
		random_write(dir, name, m);
	} else if (kind < 3) {
		OK(!fp_list_compact(dir, name, 0, kind == 2, NULL, &e));
	} else if (kind == 3) { /* a killed writer */
		int fd = openat(dir, file, O_WRONLY | O_APPEND);

		EQ(write(fd, "+10.0.0.0\0\0", rnd(2) ? 11 : 9) > 0, 1);
		close(fd);
	} else {
		random_append(dir, name, m);
	}
}

TEST(random_histories)
{
	struct model m[LISTS] = { 0 };
	int dir = dir_open();
	struct fp_lists ls;
	struct fp_err e;

	OK(!make(dir, "l0", FP_OWNER_LOCAL, 0, ""));
	OK(!make(dir, "l1", FP_OWNER_LOCAL, 0, ""));
	OK(!make(dir, "l2", FP_OWNER_LOCAL, 0, ""));
	for (int step = 0; step < 1500 && !unit_failed; step++) {
		size_t i = rnd(LISTS);
		struct fp_prefix within = world();
		char name[3] = { 'l', (char)('0' + i), 0 };

		random_step(dir, name, &m[i]);
		OK(!fp_lists_open(&ls, dir, true, &e));
		if (!EQ(ls.n, LISTS))
			break;
		check_list(ls.v[i], &m[i]);
		check_covering(&ls, m);
		check_merge(&ls, m, NULL);
		within = fp_prefix_cut(&within,
				       fp_prefix_is_v4(&within)
					       ? 96 + rnd(within.len - 95u)
					       : rnd(within.len + 1u));
		check_merge(&ls, m, &within);
		fp_lists_close(&ls);
	}
	dir_close(dir);
}
