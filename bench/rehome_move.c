/* SPDX-License-Identifier: Apache-2.0 */
/* rehome_move move NAME ROUND CLUSTER NODE CALLIDS WINDOW: all calls asked by the mover
 * itself (lib/rehome/moving.h) at any rate, as fp-rehome does it: with a journal, a
 * look at memory, and at all nodes' tags.  Its state is in FP_STATE.  CALLIDS -: those
 * that the node lists.
 * rehome_move list NAME ROUND CLUSTER NODE [CALLIDS]: the dialogs of a node listed as
 * fp-rehome does it; their Call-IDs go to a file. */

#include <sys/resource.h>
#include <sys/stat.h>

#include "bench/bench.h"
#include "db/journal.h"
#include "io/clock.h"
#include "rehome/listing.h"
#include "rehome/moving.h"

static struct {
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_resolver *resolver;
	struct fp_inventory *inv;
	struct fp_edges edges;
	struct fp_edge *to;
	struct fp_journal *journal;
} b;

static void open_all(const char *cluster, const char *node)
{
	struct fp_edges_opts o = { .timeout_ms = 10000 };
	struct fp_err e = { .text = "" };

	MUST(fp_loop_open(&b.loop, &e), &e);
	MUST(fp_work_open(&b.work, b.loop, 4, &e), &e);
	MUST(fp_resolver_open(&b.resolver, b.loop, b.work, &e), &e);
	MUST(fp_inventory_read(&b.inv, cluster, &e), &e);
	o.loop = b.loop;
	o.resolver = b.resolver;
	MUST(fp_edges_init(&b.edges, &o, b.inv, &e), &e);
	b.to = fp_edges_find(&b.edges, node);
	if (!b.to)
		die("no node %s in %s", node, cluster);
	MUST(fp_edges_read(&b.edges, &e), &e);
}

static void close_all(void)
{
	fp_edges_fini(&b.edges);
	fp_inventory_free(b.inv);
	fp_resolver_close(b.resolver);
	fp_work_close(b.work);
	fp_loop_close(b.loop);
}

static void open_journal(void)
{
	struct fp_journal_opts o = { .loop = b.loop,
				     .work = b.work,
				     .app = "fastpath bench",
				     .state_dir = getenv("FP_STATE"),
				     .owner = "bench",
				     .is_alone = true,
				     .timeout_ms = 5000 };
	static const char *const locks[] = { "rehome:bench" };
	struct fp_job_head h = { .tool = "rehome", .verb = "bench" };
	struct fp_err e = { .text = "" };

	if (!o.state_dir)
		die("FP_STATE says where the journal is");
	MUST(fp_journal_begin(&b.journal, &o, &h, locks, 1, &e), &e);
}

static void put(const char *name, const char *what, const char *round, double v)
{
	char text[256];

	snprintf(text, sizeof(text), "%s/%s", name, what);
	figure(text, atoi(round), v);
}

/* ---- move */

static int check(void *ctx, struct fp_err *e)
{
	(void)ctx;
	(void)e;
	return 0;
}

static void say(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "bench: %s\n", text);
}

static size_t read_calls(const char *file, struct fp_moving_call **out)
{
	struct fp_moving_call *call = NULL;
	FILE *f = fopen(file, "r");
	size_t n = 0, cap = 0;
	char line[256];

	if (!f)
		die("%s: %s", file, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			call = reallocarray(call, cap, sizeof(*call));
		}
		if (!call)
			die("out of memory");
		call[n++] = (struct fp_moving_call){ .callid = strdup(line),
						     .tag = "",
						     .body = FP_BODY_OUTBOUND };
	}
	fclose(f);
	*out = call;
	return n;
}

static size_t list_calls(struct fp_moving_call **out)
{
	struct fp_err e = { .text = "" };
	struct fp_moving_call *call;
	size_t n;

	MUST(fp_edges_list(&b.edges, &b.to, 1, NULL, NULL, &e), &e);
	if (!b.to->dialogs)
		die("%s", b.to->err.text);
	n = fp_dialogs_n(b.to->dialogs);
	call = must_alloc(n + 1, sizeof(*call));
	for (size_t i = 0; i < n; i++) {
		const struct fp_dialog *d = fp_dialogs_at(b.to->dialogs, i);

		call[i] = (struct fp_moving_call){ .callid = d->callid,
						   .tag = d->tag,
						   .body = FP_BODY_OUTBOUND };
	}
	*out = call;
	return n;
}

static void move(char **v)
{
	const char *name = v[0], *round = v[1];
	struct fp_moving_opts o = {
		.mover = { .window = (unsigned int)atoi(v[5]), .retries = 3 },
		.call_timeout_ms = 65000,
		.edges = &b.edges,
		.check = check,
		.say = say
	};
	struct fp_moving_call *call;
	struct fp_moving_sum s;
	struct fp_err e = { .text = "" };
	double t;
	bool is_listed = !strcmp(v[4], "-");
	size_t n = is_listed ? list_calls(&call) : read_calls(v[4], &call);

	o.to = b.to;
	open_journal();
	o.journal = b.journal;
	t = seconds(CLOCK_MONOTONIC);
	MUST(fp_moving_run(&o, call, n, &s, &e), &e);
	t = seconds(CLOCK_MONOTONIC) - t;
	MUST(fp_journal_state(b.journal, "done", &e), &e);
	fp_journal_close(b.journal);
	put(name, "s", round, t);
	put(name, "rate", round, (double)n / t);
	put(name, "moved", round, (double)s.count[FP_MOVE_MOVED]);
	put(name, "silent", round, (double)s.count[FP_MOVE_SILENT]);
	put(name, "shm-min", round, (double)s.shm_min_free / 1048576);
	for (size_t i = 0; i < n && !is_listed; i++)
		free((char *)call[i].callid);
	free(call);
}

/* ---- list */

static void list(char **v, const char *file)
{
	FILE *f = file ? fopen(file, "w") : NULL;
	double t = seconds(CLOCK_MONOTONIC);
	struct fp_err e = { .text = "" };
	size_t n;

	MUST(fp_edges_list(&b.edges, &b.to, 1, NULL, NULL, &e), &e);
	t = seconds(CLOCK_MONOTONIC) - t;
	if (!b.to->dialogs)
		die("%s", b.to->err.text);
	n = fp_dialogs_n(b.to->dialogs);
	for (size_t i = 0; f && i < n; i++)
		fprintf(f, "%s\n", fp_dialogs_at(b.to->dialogs, i)->callid);
	if (file && (!f || fclose(f)))
		die("%s: %s", file, strerror(errno));
	put(v[0], "s", v[1], t);
	put(v[0], "dialogs", v[1], (double)n);
}

int main(int argc, char **argv)
{
	struct rusage used;

	if ((argc != 8 || strcmp(argv[1], "move")) &&
	    ((argc != 6 && argc != 7) || strcmp(argv[1], "list")))
		die("rehome_move move NAME ROUND CLUSTER NODE CALLIDS WINDOW | "
		    "list NAME ROUND CLUSTER NODE [CALLIDS]");
	open_all(argv[4], argv[5]);
	if (argc == 8)
		move(argv + 2);
	else
		list(argv + 2, argv[6]);
	close_all();
	getrusage(RUSAGE_SELF, &used);
	put(argv[2], "rss", argv[3], (double)used.ru_maxrss);
	return 0;
}
