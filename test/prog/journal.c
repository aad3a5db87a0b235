/* SPDX-License-Identifier: Apache-2.0 */
/* journal [-d CONNINFO] [-t MS] [-i SECONDS] [-o OWNER] STATE
 * A mover's journal that does what stdin says, a line each, and answers with lines
 * and then "ok" (once more at its start), or with "error NAME text" (a rule: "error NAME/RULE text").
 *   begin VERB NODE LOCK...        its id;  resume ID LOCK...: its items
 *   add ITEM STATE [DETAIL];  many N STATE   items call:0 ... and how many a second
 *   flush;  lock NAME;  unlock NAME;  plan JSON;  state STATE;  close
 *   hold MS            the loop runs
 *   read ID            ID STATE OWNER, and items:  ITEM STATE DETAIL
 *   list, all          ID STATE OWNER
 *   rss                memory used, kB */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "db/journal.h"
#include "io/clock.h"

static struct fp_journal_opts o = { .app = "test", .timeout_ms = 5000 };
static struct fp_journal *j;

static int told(int r, const struct fp_err *e)
{
	if (r < 0)
		printf("error %s%s%s %s\n", strerrorname_np(-r),
		       e->rule[0] ? "/" : "", e->rule, e->text);
	else
		printf("ok\n");
	fflush(stdout);
	return r;
}

static void say(void *ctx, const char *text)
{
	(void)ctx;
	printf("say %s\n", text);
}

static int item(void *ctx, const char *name, const char *state,
		const char *detail, int64_t at_s)
{
	size_t *n = ctx;

	if (at_s < 1000000000)
		return -EBADMSG;
	if (++*n <= 1000)
		printf("%s %s %s\n", name, state, detail ? detail : "-");
	return 0;
}

static size_t words(char *rest, const char **out, size_t max)
{
	size_t n = 0;

	for (char *w = strtok(rest, " "); w && n < max; w = strtok(NULL, " "))
		out[n++] = w;
	return n;
}

static int begin(char *rest, struct fp_err *e)
{
	struct fp_job_head h = { .tool = "fp-rehome", .by = "me" };
	char plan[] = "{\"to\": \"sip2\"}";
	const char *w[16];
	size_t n = words(rest, w, 16);
	int r;

	if (n < 2 || j)
		return fp_err(e, -EINVAL, "begin what?");
	snprintf(h.verb, sizeof(h.verb), "%s", w[0]);
	snprintf(h.node, sizeof(h.node), "%s", w[1]);
	h.plan = plan;
	r = fp_journal_begin(&j, &o, &h, w + 2, n - 2, e);
	if (!r)
		printf("%s\n", h.id);
	return r;
}

static int resume(char *rest, struct fp_err *e)
{
	struct fp_job_head h;
	const char *w[16];
	size_t n = words(rest, w, 16), count = 0;
	int r;

	if (!n || j)
		return fp_err(e, -EINVAL, "resume what?");
	r = fp_journal_resume(&j, &o, w[0], &h, w + 1, n - 1, item, &count, e);
	if (r)
		return r;
	printf("%s %s plan=%s n=%zu\n", h.verb, h.node, h.plan, count);
	free(h.plan);
	return 0;
}

static int look(const char *id, struct fp_err *e)
{
	struct fp_job_head h;
	size_t n = 0;
	int r = fp_journal_read(&o, id, &h, item, &n, e);

	if (r)
		return r;
	printf("%s %s %s plan=%s n=%zu\n", h.id, h.state, h.owner, h.plan, n);
	free(h.plan);
	return 0;
}

static int list(bool is_all, struct fp_err *e)
{
	struct fp_job_head *v;
	size_t n;
	int r = fp_journal_list(&o, is_all, &v, &n, e);

	for (size_t i = 0; !r && i < n; i++)
		printf("%s %s %s\n", v[i].id, v[i].state, v[i].owner);
	if (!r)
		free(v);
	return r;
}

static int many(char *rest, struct fp_err *e)
{
	const char *w[2];
	size_t n = words(rest, w, 2) == 2 ? strtoul(w[0], NULL, 10) : 0;
	int64_t at_us = fp_clock_us();
	char name[64];
	int r = n ? 0 : -EINVAL;

	for (size_t i = 0; i < n && !r; i++) {
		snprintf(name, sizeof(name), "call:%zu@198.51.100.7", i);
		r = fp_journal_add(j, name, w[1],
				   "{\"code\":200,\"tries\":1,\"ms\":41}", e);
	}
	at_us = fp_clock_us() - at_us;
	if (!r)
		printf("%.0f\n", (double)n * 1e6 / (double)(at_us + 1));
	return r;
}

static int add(char *rest, struct fp_err *e)
{
	char *state = strchr(rest, ' '), *detail = NULL;

	if (!state)
		return fp_err(e, -EINVAL, "add what?");
	*state++ = 0;
	detail = strchr(state, ' ');
	if (detail)
		*detail++ = 0;
	return fp_journal_add(j, rest, state, detail, e);
}

static void stop(void *ctx)
{
	*(bool *)ctx = true;
	fp_loop_stop(o.loop);
}

static int hold(int64_t ms, struct fp_err *e)
{
	bool is_done = false;
	struct fp_timer t = { .fire = stop, .ctx = &is_done };
	int r = fp_loop_timer_arm(o.loop, &t, fp_clock_ms() + ms);

	return r ? r : fp_loop_wait(o.loop, &is_done, e);
}

static int run(const char *what, char *rest, struct fp_err *e)
{
	struct rusage use;

	if (!strcmp(what, "begin"))
		return begin(rest, e);
	if (!strcmp(what, "resume"))
		return resume(rest, e);
	if (!strcmp(what, "read"))
		return look(rest, e);
	if (!strcmp(what, "list") || !strcmp(what, "all"))
		return list(*what == 'a', e);
	if (!strcmp(what, "hold"))
		return hold(atol(rest), e);
	if (!strcmp(what, "rss")) {
		getrusage(RUSAGE_SELF, &use);
		printf("%ld\n", use.ru_maxrss);
		return 0;
	}
	if (!j)
		return fp_err(e, -EINVAL, "%s: no journal is open", what);
	if (!strcmp(what, "add"))
		return add(rest, e);
	if (!strcmp(what, "many"))
		return many(rest, e);
	if (!strcmp(what, "flush"))
		return fp_journal_flush_wait(j, e);
	if (!strcmp(what, "lock"))
		return fp_journal_lock(j, rest, e);
	if (!strcmp(what, "plan"))
		return fp_journal_plan(j, rest, e);
	if (!strcmp(what, "state"))
		return fp_journal_state(j, rest, e);
	if (!strcmp(what, "unlock")) {
		fp_journal_unlock(j, rest);
	} else if (!strcmp(what, "close")) {
		fp_journal_close(j);
		j = NULL;
	} else {
		return fp_err(e, -EINVAL, "%s?", what);
	}
	return 0;
}

static int options(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "d:t:i:o:")) > 0) {
		if (opt == 'd')
			o.conninfo = optarg;
		else if (opt == 't')
			o.timeout_ms = atol(optarg);
		else if (opt == 'i')
			o.idle_s = atol(optarg);
		else if (opt == 'o')
			o.owner = optarg;
		else
			return 2;
	}
	if (optind != argc - 1)
		return 2;
	o.state_dir = argv[optind];
	o.is_alone = !o.conninfo;
	o.say = say;
	return 0;
}

int main(int argc, char **argv)
{
	struct fp_err e = { .text = "" };
	char text[4096];

	if (options(argc, argv) || fp_loop_open(&o.loop, &e) ||
	    fp_work_open(&o.work, o.loop, 2, &e))
		return 2;
	if (fp_loop_signals(o.loop, NULL, NULL, &e))
		return 2;
	told(0, &e);
	while (fgets(text, sizeof(text), stdin)) {
		char *rest = text + strcspn(text, " \n");

		text[strcspn(text, "\n")] = 0;
		if (*rest)
			*rest++ = 0;
		e = (struct fp_err){ .text = "" };
		told(run(text, rest, &e), &e);
	}
	fp_journal_close(j);
	fp_work_close(o.work);
	fp_loop_close(o.loop);
	return 0;
}
