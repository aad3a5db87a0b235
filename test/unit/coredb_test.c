/* SPDX-License-Identifier: Apache-2.0 */
/* core.db of a dead FreeSWITCH: whole, torn as its writing without a journal leaves
 * it, and as a foreign writer that was killed leaves it. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "peer/coredb.h"

#define SCHEMA                                                                 \
	"create table recovery (runtime_uuid VARCHAR(255), "                   \
	"technology VARCHAR(255), profile_name VARCHAR(255), "                 \
	"hostname VARCHAR(255), uuid VARCHAR(255), metadata text);"            \
	"create index recovery1 on recovery(technology);"                      \
	"create index recovery3 on recovery(uuid);"
#define PAGE 4096

static char home[128], file[160], dir[160];

static void begin(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(home, sizeof(home), "%s/fp-coredb.XXXXXX",
		 tmp ? tmp : P_tmpdir);
	if (!OK(mkdtemp(home)))
		exit(1);
	snprintf(file, sizeof(file), "%s/core.db", home);
	snprintf(dir, sizeof(dir), "%s/copy", home);
}

static void end(void)
{
	char command[300];

	OK(access(dir, F_OK) && errno == ENOENT);
	snprintf(command, sizeof(command), "rm -r %s", home);
	EQ(system(command), 0);
}

static void run(sqlite3 *q, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(q, sql, NULL, NULL, &why) != SQLITE_OK) {
		printf("# %s\n", why);
		OK(false);
	}
	sqlite3_free(why);
}

static sqlite3 *opened(const char *path)
{
	sqlite3 *q = NULL;

	EQ(sqlite3_open(path, &q), SQLITE_OK);
	run(q, "pragma page_size=4096; pragma synchronous=off");
	return q;
}

/* Row i: its XML is as long as rows are, and unlike any other's. */
static void xml_of(struct fp_buf *b, int i)
{
	fp_buf_printf(b, "<cdr core-uuid=\"run\" switchname=\"fs1\">");
	for (int k = 0; k < 40 + i % 160; k++)
		fp_buf_printf(b, "<variable_%d>%08d %08d%08d</variable_%d>\n",
			      k, i, i, k, k);
	fp_buf_printf(b, "</cdr>\n");
	fp_buf_str(b);
}

static void insert(sqlite3 *q, int from, int to)
{
	sqlite3_stmt *s = NULL;
	char uuid[32];

	EQ(sqlite3_prepare_v2(q,
			      "insert into recovery values"
			      "('run', 'sofia', 'internal', 'fs1', ?, ?)",
			      -1, &s, NULL),
	   SQLITE_OK);
	for (int i = from; i < to; i++) {
		struct fp_buf b = { 0 };

		xml_of(&b, i);
		snprintf(uuid, sizeof(uuid), "uuid-%d", i);
		sqlite3_bind_text(s, 1, uuid, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(s, 2, b.data, (int)b.len, SQLITE_TRANSIENT);
		EQ(sqlite3_step(s), SQLITE_DONE);
		sqlite3_reset(s);
		fp_buf_fini(&b);
	}
	sqlite3_finalize(s);
}

static void make_rows(int n)
{
	sqlite3 *q = opened(file);

	run(q, "pragma journal_mode=off");
	run(q, SCHEMA "begin");
	insert(q, 0, n);
	run(q, "commit");
	sqlite3_close(q);
}

static struct fp_buf bytes_of(const char *path)
{
	struct fp_buf b = { 0 };
	FILE *f = fopen(path, "r");
	struct stat st;

	if (OK(f && !fstat(fileno(f), &st) &&
	       fp_buf_room(&b, (size_t)st.st_size)))
		b.len = fread(b.data, 1, (size_t)st.st_size, f);
	if (f)
		fclose(f);
	return b;
}

static void write_file(const char *path, const struct fp_buf *b)
{
	FILE *f = fopen(path, "w");

	if (OK(f)) {
		if (b->len)
			fwrite(b->data, 1, b->len, f);
		fclose(f);
	}
}

struct seen {
	int n, last, stop_at, n_wrong, n_cut;
};

static int see(void *ctx, const struct fp_coredb_row *row)
{
	struct seen *s = ctx;
	struct fp_buf b = { 0 };
	int i = -1;

	if (s->stop_at && s->n == s->stop_at)
		return 7;
	s->n++;
	OK(sscanf(row->uuid, "uuid-%d", &i) == 1 && i > s->last);
	s->last = i;
	xml_of(&b, i);
	/* what is no whole text will be seen by who reads it */
	if (row->xml_len != strlen(row->xml) ||
	    strcmp(row->xml + row->xml_len - 7, "</cdr>\n"))
		s->n_cut++;
	else if (row->xml_len != b.len || memcmp(row->xml, b.data, b.len) ||
		 strcmp(row->run, "run") || strcmp(row->technology, "sofia") ||
		 strcmp(row->profile, "internal") ||
		 strcmp(row->hostname, "fs1"))
		s->n_wrong++;
	fp_buf_fini(&b);
	return 0;
}

/* All rows of the file, and whether it is torn. */
static struct seen read_all(bool *is_torn, uint64_t *n_lost)
{
	struct seen s = { .last = -1 };
	struct fp_coredb *d;
	struct fp_err e = { .text = "" };

	if (!EQ(fp_coredb_open(&d, file, dir, &e), 0)) {
		printf("# %s\n", e.text);
		exit(1);
	}
	EQ(fp_coredb_rows(d, see, &s, &e), 0);
	*is_torn = fp_coredb_is_torn(d, n_lost);
	fp_coredb_close(d);
	return s;
}

TEST(rows_in_their_order)
{
	struct fp_buf before, after;
	bool is_torn;
	uint64_t n_lost;
	struct seen s;

	begin();
	make_rows(300);
	before = bytes_of(file);
	s = read_all(&is_torn, &n_lost);
	after = bytes_of(file);
	EQ(s.n, 300);
	EQ(s.n_wrong, 0);
	OK(!is_torn);
	EQ(n_lost, 0);
	OK(before.len == after.len &&
	   !memcmp(before.data, after.data, after.len));
	fp_buf_fini(&before);
	fp_buf_fini(&after);
	end();
}

TEST(read_twice_and_stopped)
{
	struct seen s = { .last = -1, .stop_at = 3 };
	struct fp_coredb *d;
	struct fp_err e;
	struct stat st;

	begin();
	make_rows(10);
	EQ(fp_coredb_open(&d, file, dir, &e), 0);
	EQ(stat(dir, &st), 0);
	EQ(st.st_mode & 07777, 0700);
	EQ(fp_coredb_rows(d, see, &s, &e), 7);
	EQ(s.n, 3);
	s = (struct seen){ .last = -1 };
	EQ(fp_coredb_rows(d, see, &s, &e), 0);
	EQ(s.n, 10);
	fp_coredb_close(d);
	fp_coredb_close(NULL);
	end();
}

static void refuses(int code, const char *why)
{
	struct fp_coredb *d = NULL;
	struct fp_err e = { .text = "" };

	EQ(fp_coredb_open(&d, file, dir, &e), code);
	HAS(e.text, why);
	OK(!d);
}

TEST(no_core_db)
{
	struct fp_buf text = { 0 };
	sqlite3 *q;

	begin();
	refuses(-ENOENT, "core.db: No such file");
	EQ(mkfifo(file, 0600), 0);
	refuses(-EBADMSG, "is no regular file");
	unlink(file);
	mkdir(file, 0700);
	refuses(-EBADMSG, "is no regular file");
	rmdir(file);
	write_file(file, &text);
	refuses(-EBADMSG, "no table recovery");
	fp_buf_printf(&text, "%05000d", 7);
	write_file(file, &text);
	refuses(-EBADMSG, "file is not a database");
	unlink(file);
	q = opened(file);
	run(q, "create table channels (uuid text);"
	       "create view recovery as select uuid from channels");
	sqlite3_close(q);
	refuses(-EBADMSG, "no table recovery");
	fp_buf_fini(&text);
	end();
}

TEST(another_table_of_that_name)
{
	struct fp_coredb *d;
	struct seen s = { .last = -1 };
	struct fp_err e = { .text = "" };
	sqlite3 *q;

	begin();
	q = opened(file);
	run(q, "create table recovery (uuid text)");
	sqlite3_close(q);
	EQ(fp_coredb_open(&d, file, dir, &e), 0);
	EQ(fp_coredb_rows(d, see, &s, &e), -EBADMSG);
	HAS(e.text, "no such column: runtime_uuid");
	fp_coredb_close(d);
	end();
}

/* ---- torn */

static size_t n_pages(const struct fp_buf *b)
{
	return b->len / PAGE;
}

/* A page of a table's leaves, or of what overflows them: rows are lost, not all. */
static bool is_inner(const struct fp_buf *b, size_t page)
{
	const unsigned char *p = (const unsigned char *)b->data + page * PAGE;

	return !page || *p == 0x05 || *p == 0x02 || *p == 0x0a;
}

static void damage(struct fp_buf *b, size_t page, int how)
{
	char *p = b->data + page * PAGE;

	if (how == 2) /* a page of another time */
		memcpy(p, b->data + (n_pages(b) - 1 - page) * PAGE, PAGE);
	else
		memset(p, how ? 0xff : 0, PAGE);
}

/* Each page in turn, by zeros, by ones: what is read is right, and it is nearly all. */
TEST(one_page_is_gone)
{
	struct fp_buf good;
	size_t n_tried = 0, n_torn = 0;
	bool is_torn;
	uint64_t n_lost;

	begin();
	make_rows(60);
	good = bytes_of(file);
	for (size_t page = 1; page < n_pages(&good); page++) {
		struct fp_buf b = bytes_of(file);
		bool is_leaf = !is_inner(&good, page);
		struct seen s;

		damage(&b, page, (int)page & 1);
		write_file(file, &b);
		s = read_all(&is_torn, &n_lost);
		EQ(s.n_wrong, 0);
		n_tried++;
		n_torn += is_torn || s.n_cut == 1;
		if (is_leaf && !OK(s.n >= 50 && (s.n == 60 || n_lost)))
			printf("# page %zu: %d rows, %d lost\n", page, s.n,
			       (int)n_lost);
		fp_buf_fini(&b);
		write_file(file, &good);
	}
	OK(n_tried > 60);
	EQ(n_torn, n_tried);
	fp_buf_fini(&good);
	end();
}

/* Many at once, and pages that are another's: no row twice, none wrong but what a whole
 * foreign page in its middle makes of it. */
TEST(many_pages_are_wrong)
{
	struct fp_buf good;
	unsigned int seed = 6;
	bool is_torn;
	uint64_t n_lost;

	begin();
	make_rows(200);
	good = bytes_of(file);
	for (int round = 0; round < 12; round++) {
		struct fp_buf b = bytes_of(file);
		struct seen s;

		for (int k = 0; k < 8; k++) {
			size_t page =
				1 + (size_t)rand_r(&seed) % (n_pages(&b) - 1);

			if (!is_inner(&good, page))
				damage(&b, page, round % 3);
		}
		write_file(file, &b);
		s = read_all(&is_torn, &n_lost);
		OK(is_torn);
		EQ(s.n_cut, 0);
		if (!OK(s.n >= 100 && s.n < 200))
			printf("# round %d: %d rows, %d lost\n", round, s.n,
			       (int)n_lost);
		if (round % 3 != 2)
			EQ(s.n_wrong, 0);
		fp_buf_fini(&b);
		write_file(file, &good);
	}
	fp_buf_fini(&good);
	end();
}

TEST(its_end_is_cut)
{
	struct fp_buf b;
	bool is_torn;
	uint64_t n_lost;
	struct seen s;

	begin();
	make_rows(200);
	b = bytes_of(file);
	b.len = b.len / 2 / PAGE * PAGE + 100;
	write_file(file, &b);
	s = read_all(&is_torn, &n_lost);
	OK(is_torn && n_lost);
	EQ(s.n_wrong, 0);
	OK(s.n > 50 && s.n < 150);
	fp_buf_fini(&b);
	end();
}

/* Rows far apart, as after months: the way between them is no long one. */
TEST(far_apart_and_torn)
{
	struct fp_buf b;
	bool is_torn;
	uint64_t n_lost;
	struct seen s;
	sqlite3 *q;
	long start;

	begin();
	make_rows(100);
	q = opened(file);
	run(q, "update recovery set rowid=rowid*1000000000000+7 "
	       "where rowid>50; vacuum");
	sqlite3_close(q);
	b = bytes_of(file);
	for (size_t page = n_pages(&b) / 2, k = 0; k < 12; k++, page++)
		if (!is_inner(&b, page))
			damage(&b, page, 1);
	write_file(file, &b);
	start = unit_now_ms();
	s = read_all(&is_torn, &n_lost);
	OK(is_torn);
	OK(s.n >= 60);
	EQ(s.n_wrong, 0);
	OK(unit_now_ms() - start < 60000);
	fp_buf_fini(&b);
	end();
}

/* ---- what a foreign writer leaves */

/* Killed within a transaction whose pages are in the file already. */
static void killed_writer(const char *mode)
{
	pid_t pid = fork();

	if (!pid) {
		sqlite3 *q = opened(file);

		run(q, mode);
		run(q, "pragma cache_size=5; begin");
		insert(q, 30, 60);
		run(q, "update recovery set runtime_uuid='nobody'");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

TEST(a_hot_journal_is_rolled_back)
{
	char journal[200];
	struct fp_buf before, after;
	bool is_torn;
	uint64_t n_lost;
	struct seen s;

	begin();
	make_rows(30);
	killed_writer("pragma journal_mode=delete");
	snprintf(journal, sizeof(journal), "%s-journal", file);
	before = bytes_of(journal);
	OK(before.len > 512);
	s = read_all(&is_torn, &n_lost);
	OK(!is_torn);
	EQ(s.n, 30);
	EQ(s.n_wrong, 0);
	after = bytes_of(journal);
	OK(before.len == after.len &&
	   !memcmp(before.data, after.data, after.len));
	/* it is the journal that did it */
	unlink(journal);
	s = read_all(&is_torn, &n_lost);
	OK(is_torn || s.n != 30 || s.n_wrong);
	fp_buf_fini(&before);
	fp_buf_fini(&after);
	end();
}

TEST(a_write_ahead_log_is_read)
{
	bool is_torn;
	uint64_t n_lost;
	struct seen s;
	pid_t pid;

	begin();
	make_rows(30);
	pid = fork();
	if (!pid) {
		sqlite3 *q = opened(file);

		run(q, "pragma journal_mode=wal; pragma wal_autocheckpoint=0");
		insert(q, 30, 45);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	s = read_all(&is_torn, &n_lost);
	OK(!is_torn);
	EQ(s.n, 45);
	EQ(s.n_wrong, 0);
	end();
}

TEST(by_a_link)
{
	char real[200], path[PATH_MAX];
	bool is_torn;
	uint64_t n_lost;

	begin();
	make_rows(30);
	killed_writer("pragma journal_mode=delete");
	snprintf(real, sizeof(real), "%s/real.db", home);
	EQ(rename(file, real), 0);
	EQ(symlink(real, file), 0);
	snprintf(path, sizeof(path), "%s-journal", file);
	strcat(real, "-journal");
	EQ(rename(path, real), 0);
	EQ(read_all(&is_torn, &n_lost).n, 30);
	end();
}

/* ---- the folder */

TEST(a_folder_that_a_killed_run_left)
{
	char left[200];
	struct fp_buf text = { 0 };
	bool is_torn;
	uint64_t n_lost;

	begin();
	make_rows(3);
	EQ(mkdir(dir, 0700), 0);
	snprintf(left, sizeof(left), "%s/core.db-journal", dir);
	fp_buf_printf(&text, "left");
	write_file(left, &text);
	EQ(read_all(&is_torn, &n_lost).n, 3);
	fp_buf_fini(&text);
	end();
}

TEST(a_folder_that_others_can_reach)
{
	begin();
	make_rows(3);
	EQ(mkdir(dir, 0700), 0);
	EQ(chmod(dir, 0755), 0);
	refuses(-EACCES, "is not a folder of ours alone");
	EQ(rmdir(dir), 0);
	EQ(symlink(home, dir), 0);
	refuses(-EACCES, "is not a folder of ours alone");
	unlink(dir);
	end();
}
