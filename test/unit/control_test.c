/* SPDX-License-Identifier: Apache-2.0 */
/* What a controller keeps: its history, its copy of the words, its lists. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "control/copy.h"
#include "control/history.h"
#include "control/source.h"
#include "io/clock.h"
#include "model/words.h"
#include "test/unit/unit.h"

static char dir[] = "/tmp/fp-control.XXXXXX";
static struct fp_err e;

static const char *path(const char *name)
{
	static char out[300];

	snprintf(out, sizeof(out), "%s/%s", dir, name);
	return out;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	if (OK(f)) {
		fputs(text, f);
		fclose(f);
	}
}

static void begin(void)
{
	OK(mkdtemp(dir));
	OK(!mkdir(path("lists"), 0755));
}

static void end(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	EQ(system(command), 0);
}

static struct fp_source *source(const struct fp_history *h)
{
	static char lists[300];
	struct fp_source_opts o = { .dir = lists, .now_s = 1000 };
	struct fp_source *s = NULL;

	snprintf(lists, sizeof(lists), "%s/lists", dir);
	if (!OK(!fp_source_read(&s, &o, h, &e)))
		printf("# %s\n", e.text);
	return s;
}

/* Push the lists directory as it is; the id. */
static const char *push(struct fp_history *h, bool is_prune)
{
	static char id[8][FP_PUSH_ID_SIZE];
	static unsigned int i;
	struct fp_source *s = source(h);
	struct fp_order p = { .offers = fp_source_offers(s),
			      .is_prune = is_prune,
			      .id = id[++i % 8],
			      .by = "al\nx",
			      .why = "because" };

	EQ(fp_history_new_id(id[i % 8], &e), 0);
	EQ(strlen(p.id), 32);
	EQ(fp_history_add(h, &p, fp_source_policy(s), 5000 + i, 1000, &e), 0);
	fp_source_free(s);
	return p.id;
}

/* ---- lists */

TEST(lists_are_read_as_nodes_shall_have_them)
{
	const struct fp_offers *o;
	struct fp_source *s;

	begin();
	put("lists/b.list", "192.0.2.9 until=1970-01-01T00:10:00Z\n"
			    "192.0.2.7 why=x # comment\n"
			    "192.0.2.1 until=1970-01-01T01:00:00Z\n");
	put("lists/a.list", "#fastpath-list 1 kind=allow owner=pushed\n");
	put("lists/.a.list", "junk\n");
	put("lists/README", "junk\n");
	s = source(NULL);
	o = fp_source_offers(s);
	EQ(o->n, 2);
	STR(o->v[0].name, "a");
	EQ(o->v[0].kind, FP_KIND_ALLOW);
	EQ(o->v[0].n, 0);
	EQ(o->v[1].kind, FP_KIND_BLOCK);
	EQ(o->v[1].n, 2);
	EQ(fp_source_expired(s), 1);
	EQ(fp_source_end_s(s), 3600);
	fp_source_free(s);
	end();
}

static const struct {
	const char *file, *text;
	int code;
	const char *says;
} bad_lists[] = {
	{ "lists/a.list", "nonsense\n", -EINVAL, "a.list:1: \"nonsense\"" },
	{ "lists/a.list", "#fastpath-list 1 kind=blok\n", -EINVAL,
	  "a.list:1: " },
	{ "lists/A.list", "", -EINVAL, "A.list: a list's name" },
	{ "lists/_a.list", "", -EINVAL, "begins with '_'" },
	{ "lists/a123456789012345678901234567890123.list", "", -EINVAL,
	  "a list's name" },
	{ "lists/a", "", -EPERM, "holds no list" },
};

TEST(lists_that_are_wrong_are_named)
{
	for (size_t i = 0; i < sizeof(bad_lists) / sizeof(*bad_lists); i++) {
		struct fp_source_opts o = { .now_s = 1 };
		struct fp_source *s;
		char lists[300];

		strcpy(dir + sizeof(dir) - 7, "XXXXXX");
		begin();
		put(bad_lists[i].file, bad_lists[i].text);
		strcpy(lists, path("lists"));
		o.dir = lists;
		EQ(fp_source_read(&s, &o, NULL, &e), bad_lists[i].code);
		HAS(e.text, bad_lists[i].says);
		end();
	}
}

TEST(a_file_that_is_written_keeps_its_mode)
{
	struct fp_entry x = { .meta = "why=y", .meta_len = 5 };
	struct stat st;
	char lists[300];

	begin();
	strcpy(lists, path("lists"));
	put("lists/a.list", "192.0.2.1\n");
	OK(!chmod(path("lists/a.list"), 0640));
	OK(!fp_prefix_parse(&x.p, "192.0.2.2", 9, &e));
	EQ(fp_source_write(lists, "a", FP_KIND_ALLOW, &x, 1, &e), 0);
	OK(!stat(path("lists/a.list"), &st));
	EQ(st.st_mode & 07777, 0640);
	EQ(fp_source_write(lists, "b", FP_KIND_BLOCK, &x, 1, &e), 0);
	OK(!stat(path("lists/b.list"), &st));
	EQ(st.st_size, 16);
	EQ(st.st_mode & 07777, 0644);
	end();
}

/* ---- history */

TEST(versions_are_kept_and_found)
{
	struct fp_history *h, *other;
	const struct fp_pushed *all;
	struct fp_version v;
	char first[65], second[65], id[FP_PUSH_ID_SIZE];
	size_t n;

	begin();
	put("lists/a.list", "192.0.2.1\n");
	EQ(fp_history_open(&h, dir, &e), 0);
	EQ(fp_history_open(&other, dir, &e), 0);
	strcpy(id, push(h, false));
	put("lists/a.list", "192.0.2.1\n192.0.2.2\n");
	push(h, false);
	all = fp_history_all(h, &n);
	EQ(n, 2);
	STR(all[0].by, "al?x");
	STR(all[0].why, "because");
	EQ(all[1].list[0].added, 1);
	EQ(all[1].list[0].entries, 2);
	strcpy(first, all[0].list[0].digest);
	strcpy(second, all[1].list[0].digest);
	OK(fp_history_knows(other, id)); /* reads the log again */
	OK(!fp_history_knows(h, "p1"));
	EQ(fp_history_see(other, "p1", 1000, &e), 0);
	OK(fp_history_knows(h, "p1"));
	EQ(fp_history_before(h, "a", second, NULL, &v, &e), 0);
	STR(v.digest, first);
	EQ(fp_history_before(h, "a", "", NULL, &v, &e), 0);
	STR(v.digest, second);
	EQ(fp_history_before(h, "a", first, NULL, &v, &e), -ENOENT);
	EQ(fp_history_before(h, "a", first, second, &v, &e), 0);
	STR(v.digest, second);
	EQ(fp_history_before(h, "b", "", NULL, &v, &e), -ENOENT);
	fp_history_close(h);
	fp_history_close(other);
	end();
}

TEST(a_version_is_what_its_digest_says_or_is_not_there)
{
	char file[200], digest[65];
	struct fp_history *h;
	const struct fp_pushed *all;
	struct fp_entries x;
	struct fp_text text;
	enum fp_kind kind;
	size_t n;

	begin();
	put("lists/a.list", "#fastpath-list 1 kind=allow\n192.0.2.1 why=x\n");
	EQ(fp_history_open(&h, dir, &e), 0);
	push(h, false);
	all = fp_history_all(h, &n);
	strcpy(digest, all[0].list[0].digest);
	EQ(fp_history_read(h, digest, &x, &text, &kind, &e), 0);
	EQ(x.n, 1);
	EQ(kind, FP_KIND_ALLOW);
	fp_entries_fini(&x);
	fp_text_fini(&text);
	snprintf(file, sizeof(file), "sync/objects/%s", digest);
	put(file, "a allow\n192.0.2.2\n");
	EQ(fp_history_read(h, digest, &x, &text, &kind, &e), -ENOENT);
	EQ(fp_history_read(h, "../../etc/passwd", &x, &text, &kind, &e),
	   -ENOENT);
	fp_history_close(h);
	end();
}

static const char *const torn[] = {
	"\npush 0123 5 ", "\npush 0123456789abcdef 5 00\nby x\nlist a block",
	"seen 01",        "list a block\nend\n",
	"\0\0\0\0",
};

TEST(what_a_killed_writer_left_is_left_out)
{
	for (size_t i = 0; i < sizeof(torn) / sizeof(*torn); i++) {
		struct fp_history *h;
		char id[2][FP_PUSH_ID_SIZE];
		size_t n;
		FILE *f;

		strcpy(dir + sizeof(dir) - 7, "XXXXXX");
		begin();
		put("lists/a.list", "192.0.2.1\n");
		EQ(fp_history_open(&h, dir, &e), 0);
		strcpy(id[0], push(h, false));
		f = fopen(path("sync/pushes"), "a");
		fputs(torn[i], f);
		fclose(f);
		strcpy(id[1], push(h, false));
		fp_history_all(h, &n);
		EQ(n, 2);
		OK(fp_history_knows(h, id[0]) && fp_history_knows(h, id[1]));
		fp_history_close(h);
		end();
	}
}

TEST(a_list_that_went_is_a_version_too)
{
	const struct fp_pushed *all;
	struct fp_history *h;
	size_t n;

	begin();
	put("lists/a.list", "192.0.2.1\n");
	put("lists/b.list", "192.0.2.1\n");
	EQ(fp_history_open(&h, dir, &e), 0);
	push(h, true);
	unlink(path("lists/b.list"));
	push(h, true);
	all = fp_history_all(h, &n);
	EQ(all[1].n_lists, 2);
	STR(all[1].list[1].name, "b");
	EQ(all[1].list[1].kind, FP_KIND_NONE);
	EQ(all[1].list[1].removed, 1);
	fp_history_close(h);
	end();
}

TEST(who_waits_is_kept)
{
	struct fp_history *h, *other;
	const char *const nodes[] = { "sip1", "sip10" };
	const struct fp_pushed *x;
	char id[FP_PUSH_ID_SIZE];

	begin();
	put("lists/a.list", "192.0.2.1\n");
	EQ(fp_history_open(&h, dir, &e), 0);
	EQ(fp_history_open(&other, dir, &e), 0);
	strcpy(id, push(h, false));
	OK(!fp_history_waited(h, "sip1"));
	OK(fp_history_made(other, id)); /* reads the log again */
	EQ(fp_history_see(h, "p1", 1000, &e), 0);
	OK(!fp_history_made(h, "p1"));
	EQ(fp_history_wait(h, "p1", nodes, 2, 1000, &e), 0);
	EQ(fp_history_wait(h, id, nodes, 1, 1000, &e), 0);
	EQ(fp_history_wait(h, id, nodes + 1, 1, 1000, &e), 0);
	push(h, false);
	for (size_t i = 0; i < 2; i++) {
		x = fp_history_waited(h, nodes[i]);
		OK(x && !strcmp(x->id, id));
	}
	OK(!fp_history_waited(h, "sip"));
	OK(!fp_history_waited(h, "sip100"));
	fp_history_close(h);
	fp_history_close(other);
	end();
}

TEST(old_versions_and_long_logs_go)
{
	struct fp_history *h;
	char first[FP_PUSH_ID_SIZE], text[32], command[200];
	const struct fp_pushed *all;
	struct fp_version seldom;
	struct fp_entries x;
	struct fp_text t;
	enum fp_kind kind;
	size_t n;
	FILE *f;

	begin();
	EQ(fp_history_open(&h, dir, &e), 0);
	put("lists/b.list", "198.51.100.1\n");
	for (int i = 0; i < FP_HISTORY_VERSIONS + 14; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d\n", i);
		put("lists/a.list", text);
		if (i)
			push(h, false);
		else
			strcpy(first, push(h, false));
	}
	snprintf(command, sizeof(command),
		 "test \"$(ls %s/sync/objects | wc -l)\" -le %d", dir,
		 FP_HISTORY_VERSIONS + 8);
	EQ(system(command), 0);
	/* a log of more than 8 MiB: pushes in full become ids, but for the
	 * versions that are kept, however old */
	f = fopen(path("sync/pushes"), "a");
	for (int i = 0; i < 18000; i++)
		fprintf(f, "push %032d 7 %064d\nby %0400d\nend\n", i, 0, 0);
	fclose(f);
	put("lists/b.list", "198.51.100.1\n198.51.100.2\n");
	push(h, false);
	all = fp_history_all(h, &n);
	OK(n < 9000);
	STR(all[n - 1].list[1].name, "b");
	EQ(fp_history_before(h, "b", all[n - 1].list[1].digest, NULL, &seldom,
			     &e),
	   0);
	EQ(fp_history_read(h, seldom.digest, &x, &t, &kind, &e), 0);
	EQ(x.n, 1);
	fp_entries_fini(&x);
	fp_text_fini(&t);
	OK(all[n - 1].at_s > 7);
	OK(fp_history_knows(h, first));
	OK(fp_history_knows(h, "00000000000000000000000000000042"));
	fp_history_close(h);
	end();
}

/* ---- words */

static size_t merge(struct fp_copy *c, const char *text, int want)
{
	struct fp_parse_opts o = { .file = "x" };
	struct fp_entries x;
	size_t changed = 0;

	EQ(fp_entries_parse(&x, text, strlen(text), &o, &e), 0);
	EQ(fp_copy_merge(c, "bans", FP_KIND_BLOCK, x.v, x.n, 1000, &changed,
			 &e),
	   want);
	fp_entries_fini(&x);
	return changed;
}

TEST(the_later_word_stays_in_whatever_order_they_come)
{
	char word[3][100], digest[2][65];
	int64_t ms = fp_clock_unix_ms();
	struct fp_copy *c;

	for (int i = 0; i < 3; i++)
		snprintf(word[i], sizeof(word[i]),
			 "192.0.2.1 why=w%d at=%lld\n", i, (long long)ms + i);
	for (int turn = 0; turn < 2; turn++) {
		strcpy(dir + sizeof(dir) - 7, "XXXXXX");
		begin();
		EQ(fp_copy_open(&c, dir, &e), 0);
		OK(!fp_copy_get(c, "bans"));
		EQ(merge(c, word[turn ? 2 : 0], 0), 1);
		EQ(merge(c, word[1], 0), turn ? 0 : 1);
		EQ(merge(c, word[turn ? 0 : 2], 0), turn ? 0 : 1);
		EQ(merge(c, word[2], 0), 0);
		EQ(fp_copy_digest(c, digest[turn], &e), 0);
		fp_copy_close(c);
		end();
	}
	STR(digest[0], digest[1]);
}

TEST(words_of_another_kind_and_old_ones_are_not_taken)
{
	struct fp_entry x = { .until_s = 0 };
	struct fp_copy *c, *other;
	const struct fp_lists *ls;
	size_t changed;

	begin();
	EQ(fp_copy_open(&c, dir, &e), 0);
	EQ(fp_copy_open(&other, dir, &e), 0);
	EQ(merge(c, "192.0.2.1 until=2001-01-01T00:00:00Z at=5\n", 0), 0);
	OK(!fp_copy_get(c, "bans"));
	EQ(merge(c, "192.0.2.1\n", 0), 1);
	EQ(fp_copy_lists(other, &ls, &e), 0);
	EQ(ls->n, 1);
	OK(!fp_prefix_parse(&x.p, "192.0.2.9", 9, &e));
	EQ(fp_copy_merge(c, "bans", FP_KIND_ALLOW, &x, 1, 1000, &changed, &e),
	   -EEXIST);
	EQ(fp_copy_merge(c, "../x", FP_KIND_BLOCK, &x, 1, 1000, &changed, &e),
	   -EINVAL);
	put("sync/dynamic/bans.list", "junk");
	EQ(fp_copy_lists(other, &ls, &e), -EBADMSG);
	HAS(e.text, "sync/dynamic/bans.list");
	EQ(merge(c, "192.0.2.2 at=9\n", -EBADMSG), 0);
	fp_copy_close(c);
	fp_copy_close(other);
	end();
}
