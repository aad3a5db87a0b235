/* SPDX-License-Identifier: Apache-2.0 */
/* recover_rows parse ROUND N FILE...: N rows made of these captured documents, each with
 * uuids of its own, read and rewritten as a recovery does it; and the same bytes through
 * expat alone.
 * recover_rows print N FILE...: such rows, for COPY into table recovery.
 * recover_rows store ROUND CONNINFO HOSTNAME RUN: the rows of a run taken, read, grouped,
 * rewritten and put under tokens, as a recovery does it. */

#include <expat.h>
#include <sys/resource.h>

#include "bench/bench.h"
#include "logic/recover_groups.h"
#include "recover/staging.h"

#define BATCH 100

struct doc {
	char *xml;
	size_t n;
	char uuid[40];
};

/* ---- documents */

static char *read_file(const char *name, size_t *n)
{
	FILE *f = fopen(name, "r");
	char *p = must_alloc(1, 1 << 20);

	if (!f)
		die("%s: %s", name, strerror(errno));
	*n = fread(p, 1, (1 << 20) - 1, f);
	fclose(f);
	return p;
}

/* The first 8 digits of each uuid that a document names become k, its pair's too. */
static void renumber(char *xml, const char *old, unsigned int k)
{
	char hex[9];

	snprintf(hex, sizeof(hex), "%08x", k);
	for (char *p = xml; (p = strstr(p, old)); p += 8)
		memcpy(p, hex, 8);
}

static struct doc *make(size_t n, char **files, int n_files)
{
	/* captured: the two legs of a bridge name each other */
	static const char *const ids[] = { "7ecb3580", "634be068" };
	struct doc *d = must_alloc(n, sizeof(*d));

	for (size_t i = 0; i < n; i++) {
		struct fp_fsrow row;
		struct fp_err e = { .text = "" };

		d[i].xml = read_file(files[i % (size_t)n_files], &d[i].n);
		for (unsigned int k = 0; k < 2; k++)
			renumber(d[i].xml, ids[k],
				 (unsigned int)(i / 2 * 2) + k);
		MUST(fp_fsrow_parse(&row, d[i].xml, d[i].n, &e), &e);
		snprintf(d[i].uuid, sizeof(d[i].uuid), "%s", row.uuid);
		fp_fsrow_fini(&row);
	}
	return d;
}

/* ---- parse */

static void one(const struct doc *d, struct fp_buf *to)
{
	static const struct fp_fsrow_edit edit = { .media_ip = "192.0.2.22",
						   .advertised_ip =
							   "192.0.2.22",
						   .media_port = 40000,
						   .drop_via = true };
	struct fp_fsrow row;
	struct fp_err e = { .text = "" };

	MUST(fp_fsrow_parse(&row, d->xml, d->n, &e), &e);
	MUST(fp_fsrow_rewrite(to, &row, d->xml, d->n, &edit, &e), &e);
	fp_fsrow_fini(&row);
}

static void XMLCALL begun(void *ctx, const XML_Char *name, const XML_Char **att)
{
	(void)name;
	(void)att;
	++*(size_t *)ctx;
}
static void XMLCALL said(void *ctx, const XML_Char *s, int n)
{
	(void)s;
	*(size_t *)ctx += (size_t)n;
}
static void XMLCALL ended(void *ctx, const XML_Char *name)
{
	(void)name;
	++*(size_t *)ctx;
}

static void bare(const struct doc *d)
{
	XML_Parser p = XML_ParserCreate(NULL);
	size_t n = 0;

	XML_SetUserData(p, &n);
	XML_SetElementHandler(p, begun, ended);
	XML_SetCharacterDataHandler(p, said);
	if (XML_Parse(p, d->xml, (int)d->n, 1) != XML_STATUS_OK || !n)
		die("expat: %s", XML_ErrorString(XML_GetErrorCode(p)));
	XML_ParserFree(p);
}

static void parse(char **v, int n_files)
{
	size_t n = (size_t)atoi(v[1]);
	struct doc *d = make(n, v + 2, n_files);
	double t = seconds(CLOCK_MONOTONIC);

	for (size_t i = 0; i < n; i++) {
		struct fp_buf to = { .data = NULL };

		one(&d[i], &to);
		fp_buf_fini(&to);
	}
	figure("rows/ms", atoi(v[0]), (seconds(CLOCK_MONOTONIC) - t) * 1000);
	t = seconds(CLOCK_MONOTONIC);
	for (size_t i = 0; i < n; i++)
		bare(&d[i]);
	figure("expat/ms", atoi(v[0]), (seconds(CLOCK_MONOTONIC) - t) * 1000);
}

/* ---- print: text that COPY reads; documents have no tabs */

static void print(char **v, int n_files)
{
	size_t n = (size_t)atoi(v[0]);
	struct doc *d = make(n, v + 1, n_files);

	for (size_t i = 0; i < n; i++) {
		printf("dead\tsofia\tinternal\tfs1\t%s\t", d[i].uuid);
		for (const char *p = d[i].xml; *p; p++)
			if (*p == '\n')
				fputs("\\n", stdout);
			else if (*p == '\\')
				fputs("\\\\", stdout);
			else
				putchar(*p);
		putchar('\n');
	}
}

/* ---- store */

static void put(struct fp_store *s, const struct fp_calls *c, size_t from,
		size_t to, unsigned int k)
{
	struct fp_store_put v[2 * BATCH];
	struct fp_buf xml[2 * BATCH] = { { .data = NULL } };
	struct fp_err e = { .text = "" };
	char token[40];
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		for (size_t l = 0; l < c->call[i].n; l++, n++) {
			const struct fp_leg *leg =
				&c->leg[c->call[i].first + l];
			const struct fp_fsrow_edit edit = {
				.media_ip = "192.0.2.22",
				.advertised_ip = "192.0.2.22",
				.drop_via = true
			};

			MUST(fp_fsrow_rewrite(&xml[n], &leg->row, leg->xml,
					      leg->xml_len, &edit, &e),
			     &e);
			v[n] = (struct fp_store_put){ .uuid = leg->uuid,
						      .xml = xml[n].data,
						      .xml_len = xml[n].len,
						      .profile_real =
							      "internal" };
		}
	snprintf(token, sizeof(token), "fp-bench-%u", k);
	MUST(fp_store_put(s, s, token, "fs2", "fs2", v, n, &e), &e);
	for (size_t i = 0; i < n; i++)
		fp_buf_fini(&xml[i]);
}

static void put_all(struct fp_store *s, const struct fp_calls *c)
{
	unsigned int k = 0;

	for (size_t i = 0, to; i < c->n_calls; i = to) {
		size_t n = 0;

		for (to = i; to < c->n_calls && n + c->call[to].n <= BATCH;
		     to++)
			n += c->call[to].n;
		put(s, c, i, to, k++);
	}
}

static struct fp_leg *legs_of(const struct fp_store_rows *rows)
{
	struct fp_leg *leg = must_alloc(rows->n + 1, sizeof(*leg));

	for (size_t i = 0; i < rows->n; i++)
		leg[i] = (struct fp_leg){ .technology = rows->v[i].technology,
					  .profile_name = rows->v[i].profile,
					  .hostname = rows->v[i].hostname,
					  .run = rows->v[i].run,
					  .uuid = rows->v[i].uuid,
					  .xml = rows->v[i].xml,
					  .xml_len = rows->v[i].xml_len };
	return leg;
}

static void mark(const char *what, const char *round, double *t)
{
	double now = seconds(CLOCK_MONOTONIC);

	figure(what, atoi(round), now - *t);
	*t = now;
}

static void store(char **v)
{
	const struct fp_store_opts o = { .conninfo = v[1],
					 .app = "bench",
					 .timeout_ms = 30000 };
	const char *runs[] = { v[3] };
	const struct fp_store_pick pick = { .hostname = v[2],
					    .runs = runs,
					    .n_runs = 1 };
	const struct fp_calls_opts how = { .orphans = FP_FATE_BYE };
	struct fp_store *s;
	struct fp_store_rows rows;
	struct fp_calls calls;
	struct fp_leg *leg;
	struct fp_err e = { .text = "" };
	char job[40];
	uint64_t n;
	double t, began;

	snprintf(job, sizeof(job), "bench-%s", v[0]);
	MUST(fp_store_open(&s, &o, &e), &e);
	MUST(fp_store_begin(s, job, v[2], "bench", &e), &e);
	t = began = seconds(CLOCK_MONOTONIC);
	MUST(fp_store_take(s, &pick, false, &n, &e), &e);
	mark("store/take", v[0], &t);
	MUST(fp_store_staged(s, &rows, &e), &e);
	mark("store/read", v[0], &t);
	leg = legs_of(&rows);
	MUST(fp_legs_read(leg, rows.n, &e), &e);
	MUST(fp_calls_make(&calls, leg, rows.n, &how, &e), &e);
	mark("store/group", v[0], &t);
	put_all(s, &calls);
	mark("store/put", v[0], &t);
	figure("store/s", atoi(v[0]), t - began);
	figure("store/legs", atoi(v[0]), (double)rows.n);
	MUST(fp_store_end(s, true, &e), &e);
	fp_calls_fini(&calls);
	fp_legs_fini(leg, rows.n);
	free(leg);
	fp_store_rows_free(&rows);
	fp_store_close(s);
}

int main(int argc, char **argv)
{
	struct rusage used;

	if (argc > 4 && !strcmp(argv[1], "parse")) {
		parse(argv + 2, argc - 4);
	} else if (argc > 3 && !strcmp(argv[1], "print")) {
		print(argv + 2, argc - 3);
	} else if (argc == 6 && !strcmp(argv[1], "store")) {
		store(argv + 2);
		getrusage(RUSAGE_SELF, &used);
		figure("store/rss", atoi(argv[2]),
		       (double)used.ru_maxrss / 1024);
	} else {
		die("recover_rows parse ROUND N FILE... | print N FILE... | "
		    "store ROUND CONNINFO HOSTNAME RUN");
	}
	return 0;
}
