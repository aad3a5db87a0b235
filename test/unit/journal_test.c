/* SPDX-License-Identifier: Apache-2.0 */
/* A job's copy: what several journals of one job come to, its file, and the
 * locks of one machine.  With fp_db: test/bats/fp-rehome-jobs.bats. */
#include <fcntl.h>
#include <sys/stat.h>

#include "db/journal_disk.h"
#include "io/clock.h"
#include "unit.h"

#define ID "20261121-214412-rehome-fce9"
#define AT "\"at\":\"2026-11-21T21:44:12Z\""
#define HEAD                                                                   \
	"{\"type\":\"job\"," AT ",\"version\":1,\"id\":\"" ID                  \
	"\",\"tool\":\"fp-rehome\",\"verb\":\"drain\",\"node\":\"sip1\","      \
	"\"by\":\"me\",\"owner\":\"one\",\"plan\":{\"to\":1}}"

TEST(ids)
{
	OK(fp_journal_is_id(ID));
	OK(!fp_journal_is_id(""));
	OK(!fp_journal_is_id("."));
	OK(!fp_journal_is_id("../x"));
	OK(!fp_journal_is_id("a/b"));
	OK(!fp_journal_is_id("0123456789012345678901234567890123456789"));
}

/* ---- the last word */

static void put(struct fp_journal_items *s, const char *item, const char *state,
		int64_t epoch, int64_t n, unsigned int in)
{
	EQ(fp_journal_items_put(s, item, state, "", 1,
				(struct fp_journal_place){ epoch, n }, in),
	   0);
}

TEST(the_later_epoch_has_the_last_word)
{
	struct fp_journal_items s = { .v = NULL };

	/* the copy, then fp_db */
	put(&s, "a", "asked", 5, 0, FP_IN_COPY);
	put(&s, "a", "moved", 5, 1, FP_IN_COPY);
	put(&s, "b", "silent", 5, 2, FP_IN_COPY);
	put(&s, "c", "moved", 5, 3, FP_IN_COPY);
	put(&s, "k", "moved", 6, -1, FP_IN_COPY); /* as read from fp_db */
	put(&s, "l", "moved", 6, -1, FP_IN_COPY); /* that lost it since */
	put(&s, "k", "moved", 5, 0, FP_IN_DB);
	EQ(s.v[3].in, FP_IN_COPY | FP_IN_DB);
	EQ(s.v[4].in, FP_IN_COPY);
	put(&s, "a", "asked", 5, 0, FP_IN_DB);
	put(&s, "a", "moved", 5, 1, FP_IN_DB);
	put(&s, "b", "gone", 6, 0, FP_IN_DB);
	put(&s, "d", "moved", 6, 1, FP_IN_DB);
	EQ(s.n, 6);
	STR(fp_journal_items_item(&s, 0), "a");
	STR(fp_journal_items_state(&s, 0), "moved");
	EQ(s.v[0].in, FP_IN_COPY | FP_IN_DB);
	STR(fp_journal_items_state(&s, 1), "gone");
	EQ(s.v[1].in, FP_IN_DB);
	STR(fp_journal_items_state(&s, 2), "moved");
	EQ(s.v[2].in, FP_IN_COPY); /* fp_db is to be told */
	EQ(s.v[5].in, FP_IN_DB);
	/* an older word that comes late changes nothing */
	put(&s, "d", "failed", 5, 9, FP_IN_COPY);
	STR(fp_journal_items_state(&s, 5), "moved");
	fp_journal_items_fini(&s);
}

static int stop_at(void *ctx, const char *item, const char *state,
		   const char *detail, int64_t at_s)
{
	int *n = ctx;

	(void)at_s;
	OK(!detail);
	STR(state, "x");
	STR(item, *n ? "\xff" : "a\\b");
	return ++*n == 2 ? -EINTR : 0;
}

TEST(each_item_once_and_it_can_be_ended)
{
	struct fp_journal_items s = { .v = NULL };
	int n = 0;

	put(&s, "a\\x5cb", "x", 1, 0, FP_IN_DB);
	put(&s, "\\xff", "x", 1, 1, FP_IN_DB);
	put(&s, "c", "x", 1, 2, FP_IN_DB);
	EQ(fp_journal_items_each(&s, stop_at, &n, NULL), -EINTR);
	EQ(n, 2);
	fp_journal_items_fini(&s);
}

TEST(words_that_were_not_told_stay_before_new_ones)
{
	struct fp_journal_words a = { .v = NULL }, b = { .v = NULL };

	fp_journal_words_add(&a, "1", "x", "", 1);
	fp_journal_words_add(&a, "2", "x", "", 1);
	a.first = 1;
	fp_journal_words_add(&b, "3", "x", "{}", 1);
	EQ(fp_journal_words_before(&a, &b), 0);
	EQ(b.n - b.first, 2);
	STR(b.text.data + b.v[b.first].at, "2");
	STR(b.text.data + b.v[b.first + 1].at, "3");
	EQ(a.n, 0);
	fp_journal_words_fini(&b);
}

/* ---- the file */

static int dir_new(int *locks)
{
	const char *tmp = getenv("FP_TEST_TMP");
	char path[512];
	struct fp_err e;
	int jobs = -1;

	snprintf(path, sizeof(path), "%s/fp-journal-XXXXXX",
		 tmp ? tmp : P_tmpdir);
	OK(mkdtemp(path));
	EQ(fp_journal_dir(path, true, &jobs, locks, &e), 0);
	return jobs;
}

/* Its files go with it. */
static void dir_end(int jobs, int locks)
{
	char path[64], real[4096], command[4200];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", jobs);
	n = readlink(path, real, sizeof(real) - 1);
	close(jobs);
	if (locks >= 0)
		close(locks);
	if (n < 0)
		return;
	real[n] = 0;
	real[strlen(real) - strlen("/jobs")] = 0;
	snprintf(command, sizeof(command), "rm -rf '%s'", real);
	EQ(system(command), 0);
}

static void add(struct fp_journal_copy *c, const char *line)
{
	struct fp_err e = { .text = "" };

	if (!EQ(fp_journal_copy_add(c, line, strlen(line), &e), 0))
		printf("# %s\n", e.text);
}

TEST(a_copy_is_what_was_added)
{
	struct fp_journal_copy c;
	struct fp_journal_seen s;
	struct fp_journal_items items = { .v = NULL };
	struct fp_journal_words words = { .v = NULL };
	struct fp_err e;
	struct stat st;
	int jobs = dir_new(NULL);
	char(*id)[40];
	size_t n;

	EQ(fp_journal_copy_read(jobs, ID, &s, NULL, &e), 0);
	OK(!s.is_there);
	EQ(fp_journal_copy_open(&c, jobs, ID, true, 0, &e), 0);
	add(&c, HEAD "\n");
	add(&c, "{\"type\":\"epoch\"," AT ",\"epoch\":5,\"owner\":\"two\"}\n");
	add(&c, "{\"type\":\"item\"," AT ",\"item\":\"a\",\"state\":\"x\"}\n");
	add(&c, "{\"type\":\"item\"," AT ",\"item\":\"a\",\"state\":\"y\"}\n");
	add(&c, "{\"type\":\"epoch\"," AT ",\"epoch\":6,\"known\":true}\n");
	add(&c, "{\"type\":\"item\"," AT ",\"item\":\"b\",\"state\":\"y\"}\n");
	add(&c, "{\"type\":\"epoch\"," AT ",\"epoch\":7,\"owner\":\"me\"}\n");
	add(&c, "{\"type\":\"item\"," AT ",\"item\":\"c\",\"state\":\"y\"}\n");
	EQ(fp_journal_copy_sync(&c, &e), 0);
	EQ(fp_journal_copy_words(&c,
				 (struct fp_journal_place){ .epoch = 5,
							    .n = 1 },
				 &words, &e),
	   0);
	EQ(words.n, 1);
	add(&c, "{\"type\":\"state\"," AT ",\"state\":\"done\"}\n");
	add(&c, "{\"type\":\"ite"); /* power fails */
	fp_journal_copy_close(&c);
	EQ(fp_journal_copy_read(jobs, ID, &s, &items, &e), 0);
	OK(s.is_there && s.is_torn && s.is_ended && !s.is_alone);
	STR(s.h.owner, "me");
	STR(s.h.state, "done");
	EQ(s.epoch, 7);
	EQ(s.next.n, 1);
	EQ(items.n, 3);
	EQ(items.v[0].place.n, 1);
	EQ(items.v[1].place.n, -1);
	EQ(items.v[2].in, FP_IN_COPY);
	EQ(fp_journal_copy_open(&c, jobs, ID, false, s.size, &e), 0);
	EQ(fstat(c.fd, &st), 0);
	EQ(st.st_size, s.size);
	EQ(st.st_mode & 0777, 0600);
	fp_journal_copy_close(&c);
	EQ(fp_journal_copy_ids(jobs, &id, &n, &e), 0);
	EQ(n, 1);
	STR(id[0], ID);
	free(id);
	fp_journal_seen_fini(&s);
	fp_journal_items_fini(&items);
	fp_journal_words_fini(&words);
	dir_end(jobs, -1);
}

TEST(a_copy_that_is_bad_is_named_with_its_line)
{
	struct fp_journal_copy c;
	struct fp_journal_seen s;
	struct fp_err e;
	int jobs = dir_new(NULL);

	EQ(fp_journal_copy_open(&c, jobs, ID, true, 0, &e), 0);
	add(&c, HEAD "\n");
	add(&c, "nonsense\n");
	EQ(fp_journal_copy_read(jobs, ID, &s, NULL, &e), -EBADMSG);
	HAS(e.text, "jobs/" ID ".jsonl:2: ");
	fp_journal_copy_close(&c);
	EQ(fp_journal_copy_open(&c, jobs, "other", true, 0, &e), 0);
	add(&c, HEAD "\n");
	EQ(fp_journal_copy_read(jobs, "other", &s, NULL, &e), -EBADMSG);
	HAS(e.text, "jobs/other.jsonl:1: it is job " ID);
	fp_journal_copy_close(&c);
	EQ(fp_journal_copy_open(&c, jobs, "long", true, 0, &e), 0);
	add(&c, "{\"type\":\"job\"," AT ",\"version\":1,\"id\":\"../x\","
		"\"tool\":\"t\",\"verb\":\"v\",\"plan\":{}}\n");
	EQ(fp_journal_copy_read(jobs, "long", &s, NULL, &e), -EBADMSG);
	HAS(e.text, "jobs/long.jsonl:1: no job");
	EQ(ftruncate(c.fd, 0), 0);
	add(&c, HEAD "\n");
	add(&c, "{\"type\":\"state\"," AT ",\"state\":"
		"\"01234567890123456789012345678901\"}\n");
	EQ(fp_journal_copy_read(jobs, "long", &s, NULL, &e), -EBADMSG);
	HAS(e.text, "jobs/long.jsonl:2: no state");
	fp_journal_copy_close(&c);
	/* after power loss there may be zeros */
	EQ(fp_journal_copy_open(&c, jobs, "zero", true, 0, &e), 0);
	EQ(ftruncate(c.fd, 4096), 0);
	EQ(fp_journal_copy_read(jobs, "zero", &s, NULL, &e), 0);
	OK(!s.is_there && s.is_torn);
	fp_journal_copy_close(&c);
	dir_end(jobs, -1);
}

/* ---- locks of this machine */

TEST(locks)
{
	struct fp_journal_flocks a = { .dir = -1 }, b = { .dir = -1 };
	struct fp_err e;
	int jobs = dir_new(&a.dir);

	b.dir = dup(a.dir);
	EQ(fp_journal_flock(&a, "tag:../\xff", "one, pid 7", &e), 0);
	EQ(fp_journal_flock(&a, "tag:../\xff", "one", &e), 0);
	EQ(faccessat(a.dir, "tag%3A..%2F%FF", F_OK, 0), 0);
	OK(fp_journal_is_flocked(a.dir, "tag:../\xff"));
	EQ(fp_journal_flock(&b, "tag:../\xff", "two", &e), -EBUSY);
	HAS(e.text, "is held on this machine by one, pid 7");
	EQ(fp_journal_flock(&b, "..", "two", &e), 0);
	fp_journal_funlock(&a, "tag:../\xff");
	OK(!fp_journal_is_flocked(a.dir, "tag:../\xff"));
	EQ(fp_journal_flock(&b, "tag:../\xff", "two", &e), 0);
	EQ(fp_journal_flock(&b, "", "two", &e), -EINVAL);
	fp_journal_flocks_fini(&b);
	EQ(faccessat(a.dir, "tag%3A..%2F%FF", F_OK, 0), -1);
	fp_journal_flocks_fini(&a);
	dir_end(jobs, -1);
}

/* ---- many */

TEST(two_hundred_thousand_items)
{
	struct fp_journal_items s = { .v = NULL };
	char item[64];
	size_t bytes;

	for (int64_t i = 0; i < 400000; i++) {
		snprintf(item, sizeof(item), "call:%lld@198.51.100.7",
			 (long long)i % 200000);
		put(&s, item, i < 200000 ? "asked" : "moved", 1, i, FP_IN_COPY);
	}
	EQ(s.n, 200000);
	STR(fp_journal_items_state(&s, 77), "moved");
	bytes = s.text.cap + s.cap * sizeof(*s.v) + s.n_slots * sizeof(*s.slot);
	OK(bytes < 200000 * 300);
	fp_journal_items_fini(&s);
}
