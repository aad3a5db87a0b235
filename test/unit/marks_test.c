/* SPDX-License-Identifier: Apache-2.0 */
/* The copy of marks on disk (fp-health maintain), for when there is no fp_db. */
#include "db/db.h"
#include "io/clock.h"
#include "test/unit/unit.h"

static char dir[] = "/tmp/fp-marks.XXXXXX";
static struct fp_err e;

static const char *path(void)
{
	static char out[100];

	snprintf(out, sizeof(out), "%s/health/maintenance", dir);
	return out;
}

/* node: local, for an hour, as a line of the copy. */
static void put(const char *node, const char *after)
{
	FILE *f = fopen(path(), "w");
	long long now_s = fp_clock_unix_s();

	if (!OK(f))
		return;
	fprintf(f, "#fastpath-maintenance 1 read=%lld\n", now_s);
	fprintf(f, "%s\t%lld\t%lld\tlocal\troot\twork\n%s", node, now_s,
		now_s + 3600, after);
	fclose(f);
}

/* What it says of its first mark's node; "": nothing. */
static const char *first(void)
{
	static char out[sizeof(((struct fp_mark *)0)->node)];
	struct fp_mark *v = NULL;
	size_t n = 0;
	int64_t at_s;

	*out = 0;
	if (fp_marks_copy_read(dir, &v, &n, &at_s, &e))
		return "bad";
	if (n)
		strcpy(out, v[0].node);
	free(v);
	return out;
}

TEST(a_copy_that_is_bad_half_way_is_replaced)
{
	struct fp_mark m = { .node = "sip2" };

	OK(mkdtemp(dir));
	m.until_s = fp_clock_unix_s() + 3600;
	EQ(fp_marks_copy_write(dir, &m, 1, &e), 0);
	STR(first(), "sip2");

	put("sip1", "");
	STR(first(), "sip1");
	EQ(fp_marks_copy_write(dir, NULL, 0, &e), 0);
	STR(first(), "sip1"); /* a local one stays */

	put("sip1", "half of a li");
	STR(first(), "bad");
	EQ(fp_marks_copy_write(dir, &m, 1, &e), 0);
	STR(first(), "sip2");

	EQ(unlink(path()), 0);
	snprintf(e.text, sizeof(e.text), "rm -rf %s", dir);
	EQ(system(e.text), 0);
}
