/* SPDX-License-Identifier: Apache-2.0 */
/* The session of fp-sync receive without a node: what each message is answered,
 * which operations it leads to, and what ends it. */
#include "logic/receiver.h"
#include "test/unit/unit.h"

#include <errno.h>
#include <stdarg.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NOW_MS 1800000000000

/* A node that writes down what it is asked to do. */
struct fake {
	struct fp_receiver *r;
	char did[8192];
	struct fp_buf sent;
	int64_t now_ms;
	const char *fails; /* the operation that fails, with ... */
	int err;
	const char *rule;
	const char *list; /* what open_list finds, as text; NULL: none */
	enum fp_owner owner;
	struct fp_entries x;
	size_t i;
	bool is_open;
	size_t n_refused; /* words */
};

__attribute__((format(printf, 2, 3))) static void did(struct fake *f,
						      const char *fmt, ...)
{
	size_t n = strlen(f->did);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->did + n, sizeof(f->did) - n, fmt, ap);
	va_end(ap);
	strcat(f->did, "; ");
}

static int verdict(struct fake *f, const char *op, struct fp_err *e)
{
	if (!f->fails || strcmp(f->fails, op) != 0)
		return 0;
	return f->rule ? fp_refuse(e, f->rule, "no %s", op)
		       : fp_err(e, f->err, "no %s", op);
}

static int op_send(void *ctx, const char *data, size_t n)
{
	struct fake *f = ctx;

	fp_buf_add(&f->sent, data, n);
	return verdict(f, "send", NULL);
}

static int64_t op_clock_ms(void *ctx)
{
	return ((struct fake *)ctx)->now_ms;
}

static int op_status(void *ctx, struct fp_buf *answer, struct fp_err *e)
{
	fp_receiver_note(((struct fake *)ctx)->r, "mended", NULL);
	fp_wire_put(answer, "policy", HEX);
	fp_wire_body(answer, "feed block pushed 1 -\n", 22);
	return verdict(ctx, "status", e);
}

static int list_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct fake *f = ctx;

	if (f->i == f->x.n)
		return verdict(f, "next", e);
	*out = f->x.v[f->i++];
	return 1;
}

static int op_open_list(void *ctx, const char *name, struct fp_list_head *about,
			struct fp_stream *s, struct fp_err *e)
{
	const struct fp_parse_opts o = { .file = "fake", .max = 1000 };
	struct fake *f = ctx;

	OK(!f->is_open);
	if (!f->list)
		return fp_err(e, -ENOENT, "no list %s", name);
	f->is_open = true;
	f->i = 0;
	EQ(fp_entries_parse(&f->x, f->list, strlen(f->list), &o, NULL), 0);
	*about = (struct fp_list_head){ .kind = FP_KIND_BLOCK,
					.owner = f->owner,
					.entries = f->x.n };
	snprintf(about->name, sizeof(about->name), "%s", name);
	*s = (struct fp_stream){ list_next, f };
	return 0;
}

static int op_digest(void *ctx, char hex[65], struct fp_err *e)
{
	strcpy(hex, HEX);
	return verdict(ctx, "digest", e);
}

static void op_close_list(void *ctx)
{
	struct fake *f = ctx;

	OK(f->is_open);
	f->is_open = false;
	fp_entries_fini(&f->x);
}

static int op_stage_begin(void *ctx, const struct fp_receiver_list *l,
			  struct fp_err *e)
{
	did(ctx, "begin %s %s %d %llu", l->name, fp_kind_name(l->kind), l->how,
	    (unsigned long long)l->entries);
	if (l->how == FP_HOW_BUCKETS)
		did(ctx, "wanted %02x%02x", l->wanted[0], l->wanted[1]);
	return verdict(ctx, "begin", e);
}

static int op_stage_data(void *ctx, const char *text, size_t n,
			 struct fp_err *e)
{
	(void)text;
	did(ctx, "data %zu", n);
	return verdict(ctx, "data", e);
}

static int op_stage_end(void *ctx, struct fp_err *e)
{
	did(ctx, "end");
	return verdict(ctx, "end", e);
}

static void op_stage_abort(void *ctx)
{
	did(ctx, "abort");
}

static int op_stage_drop(void *ctx, const char *name, struct fp_err *e)
{
	did(ctx, "drop %s", name);
	return verdict(ctx, "drop", e);
}

static void op_forget(void *ctx)
{
	did(ctx, "forget");
}

static int op_commit(void *ctx, const struct fp_receiver_commit *c,
		     struct fp_receiver_done *out, struct fp_err *e)
{
	did(ctx, "commit %s on %s of %s by %s why %s %s%d%d %lld %u", c->push,
	    c->base, c->controller, c->by, c->why, c->overrides, c->is_adopt,
	    c->is_dry_run, (long long)c->confirm_ms, c->max_change);
	out->is_changed = true;
	out->added = 7;
	strcpy(out->policy, HEX);
	return verdict(ctx, "commit", e);
}

static int op_settle(void *ctx, const char *push, bool is_back,
		     bool *is_changed, struct fp_err *e)
{
	did(ctx, "%s %s", is_back ? "back" : "confirm", push);
	*is_changed = true;
	return verdict(ctx, "settle", e);
}

static int op_change(void *ctx, struct fp_receiver_words *w, struct fp_err *e)
{
	struct fp_buf b = { 0 };

	for (size_t i = 0; i < w->n; i++)
		fp_entry_print(&b, &w->v[i]);
	did(ctx, "change %s %s by %s why %s:\n%s", w->list,
	    fp_kind_name(w->kind), w->by, w->why, b.len ? fp_buf_str(&b) : "");
	fp_buf_fini(&b);
	w->changed = w->n;
	for (size_t i = 0; i < ((struct fake *)ctx)->n_refused; i++)
		fp_buf_printf(&w->named, "192.0.2.%zu cluster\n", i % 10);
	w->refused = ((struct fake *)ctx)->n_refused;
	if (w->refused)
		fp_receiver_note(((struct fake *)ctx)->r, "no", "cluster");
	return verdict(ctx, "change", e);
}

static int op_why(void *ctx, const struct fp_prefix *host, struct fp_buf *lines,
		  struct fp_err *e)
{
	char text[FP_PREFIX_STRLEN];

	fp_prefix_print(host, text);
	fp_buf_printf(lines, "kernel\t-\t-\t%s\tnone\n", text);
	return verdict(ctx, "why", e);
}

static int op_bypass(void *ctx, int64_t ms, const char *by, const char *why,
		     bool *is_changed, uint64_t *left_s, struct fp_err *e)
{
	did(ctx, "bypass %lld by %s why %s", (long long)ms, by, why);
	*is_changed = true;
	*left_s = (uint64_t)ms / 1000;
	return verdict(ctx, "bypass", e);
}

static const struct fp_receiver_ops ops = {
	op_send,      op_clock_ms,    op_status,      op_open_list,
	op_digest,    op_close_list,  op_stage_begin, op_stage_data,
	op_stage_end, op_stage_abort, op_stage_drop,  op_forget,
	op_commit,    op_settle,      op_change,      op_why,
	op_bypass,
};

/* ---- talking */

static void up(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	f->now_ms = NOW_MS;
	f->owner = FP_OWNER_DYNAMIC;
	EQ(fp_receiver_new(&f->r, &ops, f), 0);
}

static void down(struct fake *f)
{
	fp_receiver_free(f->r);
	OK(!f->is_open);
	fp_buf_fini(&f->sent);
}

/* "H v=1 name=c": a frame with these fields; body: or NULL. */
static int say_body(struct fake *f, const char *words, const void *body,
		    size_t n)
{
	struct fp_buf b = { 0 };
	size_t begin = fp_wire_begin(&b, (enum fp_wire_type) * words), used;
	char *copy = strdup(words + 1), *save, *word;
	struct fp_wire_msg m;
	int r;

	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(word, '=');

		*eq = 0;
		fp_wire_put(&b, word, eq + 1);
	}
	if (body)
		fp_wire_body(&b, body, n);
	fp_wire_end(&b, begin);
	EQ(fp_wire_read(b.data, b.len, &used, &m, NULL), 1);
	r = fp_receiver_take(f->r, &m);
	fp_buf_fini(&b);
	free(copy);
	return r;
}

static int say(struct fake *f, const char *words)
{
	return say_body(f, words, NULL, 0);
}

static int say_text(struct fake *f, const char *words, const char *text)
{
	return say_body(f, words, text, strlen(text));
}

/* What came back since, frames as "K changed=1 ...\nBODY". */
static const char *heard(struct fake *f)
{
	static char out[65536];
	struct fp_wire_msg m;
	size_t used;
	int n = 0;

	*out = 0;
	while (fp_wire_read(f->sent.data, f->sent.len, &used, &m, NULL) == 1) {
		n += sprintf(out + n, "%s%c", n ? " | " : "", (char)m.type);
		for (size_t i = 0; i < m.n_fields; i++)
			n += sprintf(out + n, " %.*s=%.*s",
				     (int)m.field[i].key_len, m.field[i].key,
				     (int)m.field[i].value_len,
				     m.field[i].value);
		if (m.body_len)
			n += sprintf(out + n, "\n%.*s", (int)m.body_len,
				     m.body);
		f->sent.len -= used;
		memmove(f->sent.data, f->sent.data + used, f->sent.len);
	}
	EQ(f->sent.len, 0);
	return out;
}

static void hello(struct fake *f)
{
	EQ(say(f, "H v=1 min=1 name=ctl"), 0);
	HAS(heard(f), "H v=1 policy=" HEX);
	f->did[0] = 0;
}

/* ---- order and versions */

TEST(hello_comes_first)
{
	static const char types[] = "LDEXCUBVAYGM";
	struct fake f;

	for (const char *t = types; *t; t++) {
		char word[2] = { *t };

		up(&f);
		EQ(say(&f, word), 1);
		HAS(heard(&f), "F code=bad");
		STR(f.did, "");
		down(&f);
	}
}

TEST(hello_answers_and_notes)
{
	struct fake f;

	up(&f);
	EQ(say(&f, "H v=1 min=1 name=ctl clock_ms=1800000000000"), 0);
	STR(heard(&f),
	    "T text=mended | H v=1 policy=" HEX "\nfeed block pushed 1 -\n");
	STR(fp_receiver_peer(f.r), "ctl");
	EQ(say(&f, "H v=1"), 0); /* again: the keep-alive */
	HAS(heard(&f), "H v=1");
	f.fails = "status";
	f.err = -EAGAIN;
	EQ(say(&f, "H v=1"), 0);
	HAS(heard(&f), "F code=busy errno=EAGAIN text=no status");
	down(&f);
}

TEST(versions)
{
	static const struct {
		const char *words, *want;
		int r;
	} cases[] = {
		{ "H v=1 min=1", "H v=1", 0 },
		{ "H v=9 min=1", "H v=1", 0 },
		{ "H v=9 min=2", "F code=version", 1 },
		{ "H v=0 min=0", "F code=version", 1 },
		{ "H", "F code=version", 1 },
		{ "H v=1 min=2", "F code=version", 1 },
		{ "H v=x", "F code=bad", 1 },
		{ "H v=1 clock_ms=-1", "F code=bad", 1 },
	};
	struct fake f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		up(&f);
		if (!EQ(say(&f, cases[i].words), cases[i].r) ||
		    !HAS(heard(&f), cases[i].want))
			printf("# %s\n", cases[i].words);
		down(&f);
	}
}

TEST(frames_of_a_node_are_not_taken)
{
	static const char types[] = "WKFT";
	struct fake f;

	for (const char *t = types; *t; t++) {
		char word[2] = { *t };

		up(&f);
		hello(&f);
		EQ(say(&f, word), 1);
		HAS(heard(&f), "F code=bad");
		down(&f);
	}
}

/* ---- pushes */

#define LIST "L name=feed kind=block digest=" HEX " entries=2 how="
#define COMMIT "C push=p1 base=p0 policy=" HEX " by=me why=test"

TEST(a_push)
{
	struct fake f;

	up(&f);
	hello(&f);
	OK(!fp_receiver_is_staging(f.r));
	EQ(say(&f, LIST "whole"), 0);
	OK(fp_receiver_is_staging(f.r));
	EQ(say_text(&f, "D", "192.0.2.1\n"), 0);
	EQ(say_text(&f, "D", "192.0.2.2\n"), 0);
	STR(heard(&f), "");
	EQ(say(&f, "E"), 0);
	STR(heard(&f), "K staged=1");
	EQ(say(&f, "X name=old"), 0);
	STR(heard(&f), "K staged=2");
	EQ(say(&f, COMMIT " adopt=1 confirm_ms=5000 override=wide,ssh "
			  "max_change=50"),
	   0);
	HAS(heard(&f), "K changed=1 added=7 removed=0 policy=" HEX);
	STR(f.did, "begin feed block 0 2; data 10; data 10; end; drop old; "
		   "commit p1 on p0 of ctl by me why test wide,ssh10 5000 50; "
		   "forget; ");
	OK(!fp_receiver_is_staging(f.r));
	down(&f);
}

TEST(a_commit_that_fails_ends_the_transaction)
{
	static const struct {
		int err;
		const char *rule, *want;
	} cases[] = {
		{ -ESTALE, NULL, "F code=stale" },
		{ -EILSEQ, NULL, "F code=digest" },
		{ -EPERM, "self", "F code=refused errno=EPERM rule=self" },
		{ -EPERM, NULL, "F code=failed errno=EPERM" },
		{ -EAGAIN, NULL, "F code=busy" },
		{ -ENOSPC, NULL, "F code=failed errno=ENOSPC" },
	};
	struct fake f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		up(&f);
		hello(&f);
		EQ(say(&f, LIST "whole"), 0);
		EQ(say(&f, "E"), 0);
		heard(&f);
		f.fails = "commit";
		f.err = cases[i].err;
		f.rule = cases[i].rule;
		EQ(say(&f, COMMIT), 0);
		HAS(heard(&f), cases[i].want);
		HAS(f.did, "forget");
		OK(!fp_receiver_is_staging(f.r));
		down(&f);
	}
}

/* A list that cannot be staged is answered at its END, once. */
TEST(what_fails_within_a_list_is_said_at_its_end)
{
	static const char *const ops_[] = { "begin", "data", "end" };
	struct fake f;

	for (size_t i = 0; i < 3; i++) {
		up(&f);
		hello(&f);
		f.fails = ops_[i];
		f.err = -ENOSPC;
		EQ(say(&f, LIST "whole"), 0);
		EQ(say_text(&f, "D", "192.0.2.1\n"), 0);
		EQ(say_text(&f, "D", "192.0.2.2\n"), 0);
		STR(heard(&f), "");
		EQ(say(&f, "E"), 0);
		HAS(heard(&f), "F code=failed errno=ENOSPC text=no");
		EQ(strstr(f.did, "abort") != NULL, i == 1);
		f.fails = NULL;
		EQ(say(&f, LIST "whole"), 0);
		EQ(say(&f, "E"), 0);
		STR(heard(&f), "K staged=1");
		down(&f);
	}
}

TEST(buckets_are_wanted_where_they_differ)
{
	unsigned char digests[16 * FP_BUCKET_DIGEST] = { 0 };
	struct fake f;

	up(&f);
	hello(&f);
	/* no such list: all of them */
	EQ(say_body(&f, LIST "buckets n_buckets=16", digests, sizeof(digests)),
	   0);
	HAS(heard(&f), "W name=feed n_buckets=16\n\xff\xff");
	HAS(f.did, "begin feed block 2 2; wanted ffff; ");
	EQ(say(&f, "E"), 0);
	heard(&f);
	/* one entry here, none there: its bucket */
	f.list = "192.0.2.1\n";
	f.did[0] = 0;
	EQ(say_body(&f, LIST "buckets n_buckets=16", digests, sizeof(digests)),
	   0);
	OK(!strstr(f.did, "wanted ffff") && !strstr(f.did, "wanted 0000"));
	down(&f);
}

TEST(buckets_that_cannot_be_staged_are_answered_at_once)
{
	unsigned char digests[16 * FP_BUCKET_DIGEST] = { 0 };
	struct fake f;

	up(&f);
	hello(&f);
	f.fails = "begin";
	f.err = -ENOSPC;
	EQ(say_body(&f, LIST "buckets n_buckets=16", digests, sizeof(digests)),
	   0);
	HAS(heard(&f), "F code=failed");
	EQ(say(&f, "E"), 1); /* no list is open */
	HAS(heard(&f), "F code=bad");
	down(&f);
}

TEST(what_breaks_the_rules_ends_the_session)
{
	static const char *const cases[] = {
		"D",
		"E",
		"L name=feed kind=block how=whole entries=1 digest=abc",
		"L name=feed kind=block how=whole entries=1",
		"L name=Feed kind=block how=whole entries=1 digest=" HEX,
		"L name=_cluster kind=allow how=whole entries=1 digest=" HEX,
		"L name=../x kind=block how=whole entries=1 digest=" HEX,
		"L name=feed kind=none how=whole entries=1 digest=" HEX,
		"L name=feed kind=block how=whole entries=-1 digest=" HEX,
		LIST "diff",
		LIST "buckets n_buckets=0",
		LIST "buckets n_buckets=16",
		LIST "buckets n_buckets=65537",
		LIST "else",
		"X",
		"X name=.",
		"C base=p0 policy=" HEX,
		"C push=p1 base=p0",
		"C push=p1 policy=" HEX " adopt=2",
		"C push=p1 policy=" HEX " confirm_ms=x",
		"C push=p1 policy=" HEX " max_change=101",
		"U",
		"B push=",
		"V list=bans kind=block n_buckets=4",
		"V list=bans kind=block",
		"A list=_x kind=block",
		"A list=bans",
		"M",
		"M bypass_ms=86400001",
	};
	struct fake f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		up(&f);
		hello(&f);
		if (!EQ(say(&f, cases[i]), 1) ||
		    !HAS(heard(&f), "F code=bad") || !STR(f.did, ""))
			printf("# %s\n", cases[i]);
		down(&f);
	}
}

TEST(only_lines_come_within_a_list)
{
	static const char types[] = "HLXCUBVAYGM";
	struct fake f;

	for (const char *t = types; *t; t++) {
		char word[2] = { *t };

		up(&f);
		hello(&f);
		EQ(say(&f, LIST "whole"), 0);
		EQ(say(&f, word), 1);
		HAS(heard(&f), "F code=bad");
		down(&f);
		HAS(f.did, "abort; forget; ");
	}
	up(&f);
	hello(&f);
	EQ(say(&f, LIST "whole"), 0);
	EQ(say_text(&f, "D", "192.0.2"), 1);
	HAS(heard(&f), "within a line");
	down(&f);
}

TEST(limits)
{
	char words[256];
	struct fake f;

	up(&f);
	hello(&f);
	snprintf(words, sizeof(words),
		 "L name=a kind=block digest=" HEX " how=whole entries=%u",
		 FP_RECEIVER_ENTRIES_MAX - 1);
	EQ(say(&f, words), 0);
	EQ(say(&f, "E"), 0);
	STR(heard(&f), "K staged=1");
	EQ(say(&f, LIST "whole"), 0); /* two more are one too many */
	EQ(say(&f, "E"), 0);
	HAS(heard(&f), "errno=E2BIG");
	EQ(say(&f, COMMIT), 0); /* and from then on none are staged */
	heard(&f);
	for (int i = 0; i < FP_RECEIVER_LISTS_MAX; i++) {
		snprintf(words, sizeof(words), "X name=l%d", i);
		EQ(say(&f, words), 0);
	}
	heard(&f);
	EQ(say(&f, "X name=more"), 0);
	HAS(heard(&f), "errno=E2BIG");
	down(&f);
}

TEST(confirm_and_back)
{
	struct fake f;

	up(&f);
	hello(&f);
	EQ(say(&f, "U push=p1"), 0);
	EQ(say(&f, "B push=p1"), 0);
	STR(heard(&f), "K changed=1 | K changed=1");
	STR(f.did, "confirm p1; back p1; ");
	f.fails = "settle";
	f.err = -ENOENT;
	EQ(say(&f, "U push=p1"), 0);
	HAS(heard(&f), "F code=absent");
	down(&f);
}

/* ---- words */

#define LIVE "192.0.2.1 until=2027-01-15T08:00:00Z why=x at=1700000000000\n"

TEST(words_are_taken_as_they_are)
{
	struct fake f;

	up(&f);
	hello(&f);
	EQ(say_text(&f, "A list=bans kind=block by=me why=w", LIVE), 0);
	STR(heard(&f), "K changed=1 ignored=0 refused=0 force=0");
	STR(f.did, "change bans block by me why w:\n" LIVE "; ");
	EQ(say_text(&f, "A list=bans kind=block", "nonsense\n"), 0);
	HAS(heard(&f), "F code=failed errno=EINVAL");
	EQ(say_text(&f, "A list=bans kind=block", "192.0.2.1"), 1);
	HAS(heard(&f), "F code=bad");
	down(&f);
}

TEST(words_that_are_refused_are_named)
{
	struct fp_wire_msg m;
	struct fake f;
	size_t used;

	up(&f);
	hello(&f);
	heard(&f);
	f.n_refused = 2;
	EQ(say_text(&f, "A list=bans kind=block", LIVE), 0);
	STR(heard(&f),
	    "T text=no rule=cluster | K changed=1 ignored=0 refused=2 force=0\n192.0.2.0 cluster\n192.0.2.1 cluster\n");
	f.n_refused = 100000; /* more than a frame holds */
	EQ(say_text(&f, "A list=bans kind=block", LIVE), 0);
	EQ(fp_wire_read(f.sent.data, f.sent.len, &used, &m, NULL), 1);
	EQ(fp_wire_read(f.sent.data + used, f.sent.len - used, &used, &m, NULL),
	   1);
	EQ(m.type, FP_WIRE_OK);
	OK(m.body_len > FP_WIRE_BODY_MAX - 18 &&
	   m.body_len <= FP_WIRE_BODY_MAX);
	EQ(m.body_len % 18, 0);
	f.sent.len = 0;
	down(&f);
}

/* A parser keeps the later of two lines; which word is later is not its affair. */
TEST(a_prefix_may_come_twice)
{
	struct fake f;

	up(&f);
	hello(&f);
	EQ(say_text(&f, "A list=bans kind=block",
		    "192.0.2.9 at=5\n192.0.2.1 at=9\n192.0.2.1 at=7\n"),
	   0);
	HAS(f.did, "192.0.2.9 at=5\n192.0.2.1 at=9\n192.0.2.1 at=7\n");
	down(&f);
}

TEST(clocks_that_differ)
{
	static const struct {
		long long theirs_ms;
		const char *want;
	} cases[] = {
		{ NOW_MS, LIVE },
		{ NOW_MS - 2000, LIVE },
		{ NOW_MS - 3600123,
		  "192.0.2.1 until=2027-01-15T09:00:00Z why=x at=1700003600000\n" },
		{ NOW_MS + 3600321,
		  "192.0.2.1 until=2027-01-15T07:00:00Z why=x at=1699996400000\n" },
	};
	char words[64];
	struct fake f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		up(&f);
		snprintf(words, sizeof(words), "H v=1 clock_ms=%lld",
			 cases[i].theirs_ms);
		EQ(say(&f, words), 0);
		EQ(say_text(&f, "A list=bans kind=block", LIVE), 0);
		HAS(f.did, cases[i].want);
		/* and back: what the node has is said in their clock */
		f.list = strchr(f.did, '\n') + 1;
		*strchr(f.list, ';') = 0;
		heard(&f);
		EQ(say_body(&f, "V list=bans kind=block n_buckets=1",
			    "12345678", 8),
		   0);
		HAS(heard(&f), "V list=bans n_buckets=1\n\1 | D\n" LIVE " | E");
		down(&f);
	}
}

TEST(words_in_step_are_not_sent)
{
	unsigned char digest[FP_BUCKET_DIGEST];
	struct fp_stream s;
	struct fake f;

	up(&f);
	hello(&f);
	f.list = LIVE "192.0.2.7 at=5\n";
	EQ(op_open_list(&f, "bans", &(struct fp_list_head){ 0 }, &s, NULL), 0);
	EQ(fp_bucket_digests(&s, 1, digest, NULL), 0);
	op_close_list(&f);
	EQ(say_body(&f, "V list=bans kind=block n_buckets=1", digest,
		    sizeof(digest)),
	   0);
	EQ(f.sent.data[f.sent.len - 1], '\n');
	OK(!strstr(heard(&f), "192.0.2"));
	f.owner = FP_OWNER_PUSHED;
	EQ(say_body(&f, "V list=bans kind=block n_buckets=1", digest,
		    sizeof(digest)),
	   0);
	HAS(heard(&f), "F code=failed errno=EEXIST");
	down(&f);
}

TEST(a_list_that_breaks_while_it_is_sent)
{
	struct fake f;

	up(&f);
	hello(&f);
	f.list = LIVE;
	f.fails = "next";
	f.err = -EBADMSG;
	EQ(say(&f, "G list=bans"), 0);
	HAS(heard(&f), " | F code=failed errno=EBADMSG");
	f.fails = "send";
	f.err = -EPIPE;
	EQ(say(&f, "G list=bans"), -EPIPE);
	down(&f);
}

TEST(questions)
{
	struct fake f;

	up(&f);
	hello(&f);
	EQ(say(&f, "Y addr=192.0.2.1"), 0);
	STR(heard(&f), "D\nkernel\t-\t-\t192.0.2.1\tnone\n | E");
	EQ(say(&f, "Y addr=192.0.2.0/24"), 0);
	HAS(heard(&f), "F code=failed errno=EINVAL");
	EQ(say(&f, "G list=bans"), 0);
	HAS(heard(&f), "F code=absent");
	f.list = LIVE;
	EQ(say(&f, "G list=bans"), 0);
	STR(heard(&f), "L name=bans kind=block owner=dynamic digest=" HEX
		       " entries=1 | D\n" LIVE " | E");
	EQ(say(&f, "M bypass_ms=9000 by=me why=w"), 0);
	STR(heard(&f), "K changed=1 bypass_s=9");
	STR(f.did, "bypass 9000 by me why w; ");
	down(&f);
}

TEST(what_is_no_message)
{
	struct fp_err e = { .text = "a frame of unknown type" };
	struct fake f;

	up(&f);
	EQ(fp_receiver_bad(f.r, &e), 1);
	HAS(heard(&f), "F code=bad errno=EPROTO text=a frame of unknown type");
	down(&f);
}
