/* SPDX-License-Identifier: Apache-2.0 */
/* Steering's plan: each case by itself, the guards, and a model: controllers that
 * die, nodes that die, operators, late probe replies and restarts, against
 * tables that behave as OpenSIPS' do. */
#include <math.h>
#include <stdlib.h>

#include "logic/health_steer.h"
#include "test/unit/unit.h"

#define NOW 100000
#define LEASE_S 60
#define SETTLE_S 8

static const struct fp_steer_opts opts = { .owner = "me",
					   .now_s = NOW,
					   .lease_s = LEASE_S,
					   .max_down_percent = 50,
					   .settle_s = SETTLE_S };

/* ---- one destination, and a well one beside it */

struct one {
	char state;        /* a Active, i Inactive, p Probing */
	const char *lease; /* whose: "me", "other"; NULL: none */
	int left_s;        /* of the lease; less than 1: expired */
	int age_s;         /* since it was disabled */
	bool is_let_go;
	char want; /* i in, o out, k keep */
	enum fp_steer_act act;
	int up_s;    /* the proxy's; 0: not known, -1: 0 s */
	bool is_new; /* of the lease: not confirmed */
};

static enum fp_dest_state state_of(char c)
{
	return c == 'a'   ? FP_DEST_ACTIVE
	       : c == 'i' ? FP_DEST_INACTIVE
			  : FP_DEST_PROBING;
}

static enum fp_want want_of(char c)
{
	return c == 'i'   ? FP_WANT_IN
	       : c == 'o' ? FP_WANT_OUT
	       : c == 'n' ? FP_WANT_NONE
			  : FP_WANT_KEEP;
}

static const struct one ones[] = {
	/* nobody's: what an operator or OpenSIPS did stays */
	{ 'a', NULL, 0, 0, false, 'i', FP_STEER_NONE, 0, false },
	{ 'a', NULL, 0, 0, false, 'k', FP_STEER_NONE, 0, false },
	{ 'a', NULL, 0, 0, false, 'o', FP_STEER_DISABLE, 0, false },
	{ 'i', NULL, 0, 0, false, 'i', FP_STEER_NONE, 0, false },
	{ 'i', NULL, 0, 0, false, 'k', FP_STEER_NONE, 0, false },
	{ 'i', NULL, 0, 0, false, 'o', FP_STEER_NONE, 0, false },
	{ 'p', NULL, 0, 0, false, 'i', FP_STEER_NONE, 0, false },
	{ 'p', NULL, 0, 0, false, 'k', FP_STEER_NONE, 0, false },
	{ 'p', NULL, 0, 0, false, 'o', FP_STEER_NONE, 0, false },
	/* ours, Inactive */
	{ 'i', "me", 60, 0, false, 'o', FP_STEER_NONE, 0, false },
	{ 'i', "me", 41, 19, false, 'o', FP_STEER_NONE, 0, false },
	{ 'i', "me", 40, 20, false, 'o', FP_STEER_RENEW, 0, false },
	{ 'i', "me", 40, 20, false, 'k', FP_STEER_RENEW, 0, false },
	{ 'i', "me", 0, 60, false, 'o', FP_STEER_RENEW, 0, false },
	{ 'i', "me", -9999, 9999, false, 'k', FP_STEER_RENEW, 0, false },
	{ 'i', "me", 60, 0, false, 'i', FP_STEER_ENABLE, 0, false },
	{ 'i', "me", -5, 99, false, 'i', FP_STEER_ENABLE, 0, false },
	/* ... not seen Inactive yet; then seen, when no late reply can be */
	{ 'i', "me", 52, SETTLE_S, false, 'o', FP_STEER_NONE, 0, true },
	{ 'i', "me", 51, SETTLE_S + 1, false, 'o', FP_STEER_RENEW, 0, true },
	{ 'i', "me", 51, SETTLE_S + 1, false, 'k', FP_STEER_RENEW, 0, true },
	{ 'p', "me", 51, SETTLE_S + 1, false, 'o', FP_STEER_NONE, 0, true },
	/* ours, Active and never confirmed: a late probe reply, a command that
	 * was lost, a controller that died before it */
	{ 'a', "me", 60, 0, false, 'o', FP_STEER_AGAIN, 0, true },
	{ 'a', "me", 51, SETTLE_S + 1, false, 'o', FP_STEER_AGAIN, 0, true },
	{ 'a', "me", -900, 999, false, 'o', FP_STEER_AGAIN, 0, true },
	{ 'a', "me", 60, -99, false, 'o', FP_STEER_AGAIN, 0, true },
	{ 'a', "me", 55, 5, false, 'o', FP_STEER_AGAIN, -1, true },
	{ 'a', "me", 20, 40, false, 'o', FP_STEER_DISABLE, 39, true },
	{ 'a', "me", 52, SETTLE_S, false, 'k', FP_STEER_FORGET, 0, true },
	{ 'a', "me", 20, 40, false, 'i', FP_STEER_FORGET, 0, true },
	/* ... and confirmed: an operator, a restart */
	{ 'a', "me", 51, SETTLE_S + 1, false, 'o', FP_STEER_LET_GO, 0, false },
	{ 'a', "me", 51, SETTLE_S + 1, false, 'k', FP_STEER_LET_GO, 0, false },
	{ 'a', "me", 60, 0, false, 'i', FP_STEER_FORGET, 0, false },
	{ 'a', "me", 1, 59, false, 'i', FP_STEER_FORGET, 0, false },
	{ 'a', "me", 20, 40, false, 'o', FP_STEER_DISABLE, 39, false },
	{ 'a', "me", 20, 40, false, 'k', FP_STEER_FORGET, 39, false },
	{ 'a', "me", 20, 40, false, 'o', FP_STEER_DISABLE, 1, false },
	{ 'a', "me", 20, 40, false, 'o', FP_STEER_NONE, -1, false },
	{ 'a', "me", 20, 40, false, 'i', FP_STEER_FORGET, -1, false },
	{ 'a', "me", 55, 5, false, 'o', FP_STEER_NONE, -1, false },
	{ 'a', "me", 20, 40, false, 'o', FP_STEER_LET_GO, 41, false },
	{ 'a', "me", 20, 40, false, 'o', FP_STEER_LET_GO, 40, false },
	/* ours, and OpenSIPS sees it down */
	{ 'p', "me", 60, 5, false, 'o', FP_STEER_NONE, 0, false },
	{ 'p', "me", 20, 40, false, 'o', FP_STEER_RENEW, 0, false },
	{ 'p', "me", 20, 40, false, 'k', FP_STEER_RENEW, 0, false },
	{ 'p', "me", 20, 40, false, 'i', FP_STEER_FORGET, 0, false },
	/* ours and let go: an operator's until the node is wanted in */
	{ 'a', "me", 20, 40, true, 'o', FP_STEER_NONE, 0, false },
	{ 'a', "me", -20, 80, true, 'o', FP_STEER_NONE, 0, false },
	{ 'a', "me", 20, 40, true, 'k', FP_STEER_NONE, 0, false },
	{ 'a', "me", 20, 40, true, 'o', FP_STEER_NONE, 39, false },
	{ 'i', "me", 20, 40, true, 'o', FP_STEER_NONE, 0, false },
	{ 'p', "me", 20, 40, true, 'o', FP_STEER_NONE, 0, false },
	{ 'a', "me", 20, 40, true, 'i', FP_STEER_FORGET, 0, false },
	{ 'i', "me", 20, 40, true, 'i', FP_STEER_FORGET, 0, false },
	/* another's that lives */
	{ 'i', "other", 1, 40, false, 'o', FP_STEER_NONE, 0, false },
	{ 'i', "other", 1, 40, false, 'i', FP_STEER_NONE, 0, false },
	{ 'i', "other", 1, 40, false, 'k', FP_STEER_NONE, 0, false },
	{ 'a', "other", 1, 2, false, 'o', FP_STEER_NONE, 0, false },
	{ 'a', "other", 1, 40, false, 'o', FP_STEER_NONE, 0, false },
	{ 'a', "other", 1, 40, false, 'i', FP_STEER_NONE, 0, false },
	{ 'a', "other", 1, 40, true, 'i', FP_STEER_NONE, 0, false },
	{ 'p', "other", 1, 40, false, 'i', FP_STEER_NONE, 0, false },
	/* another's that expired */
	{ 'i', "other", 0, 60, false, 'o', FP_STEER_TAKE_OVER, 0, false },
	{ 'i', "other", 0, 60, false, 'i', FP_STEER_ENABLE, 0, false },
	{ 'i', "other", -99, 160, false, 'k', FP_STEER_TAKE_OVER, 0, false },
	{ 'a', "other", 0, 60, false, 'i', FP_STEER_FORGET, 0, false },
	{ 'a', "other", 0, 60, false, 'o', FP_STEER_LET_GO, 0, false },
	{ 'a', "other", 0, 60, false, 'o', FP_STEER_DISABLE, 30, false },
	{ 'a', "other", 0, 3, false, 'o', FP_STEER_DISABLE, 0, true },
	{ 'a', "other", 0, 999, false, 'o', FP_STEER_DISABLE, 0, true },
	{ 'p', "other", 0, 60, false, 'o', FP_STEER_TAKE_OVER, 0, false },
	{ 'p', "other", 0, 60, false, 'k', FP_STEER_TAKE_OVER, 0, false },
	{ 'p', "other", 0, 60, false, 'i', FP_STEER_FORGET, 0, false },
	{ 'a', "other", 0, 60, true, 'o', FP_STEER_NONE, 0, false },
	{ 'i', "other", 0, 60, true, 'i', FP_STEER_FORGET, 0, false },
	/* not ours to say */
	{ 'a', NULL, 0, 0, false, 'n', FP_STEER_NONE, 0, false },
	{ 'i', NULL, 0, 0, false, 'n', FP_STEER_NONE, 0, false },
	{ 'i', "me", 1, 59, false, 'n', FP_STEER_NONE, 0, false },
	{ 'a', "me", 1, 59, false, 'n', FP_STEER_NONE, 0, false },
	{ 'i', "me", 1, 59, true, 'n', FP_STEER_NONE, 0, false },
	{ 'i', "other", 0, 60, false, 'n', FP_STEER_NONE, 0, false },
	{ 'p', "other", 0, 60, false, 'n', FP_STEER_NONE, 0, false },
	{ 'a', "other", 0, 60, false, 'n', FP_STEER_NONE, 0, false },
};

static struct fp_view_dest dest(const char *uri, char state)
{
	struct fp_view_dest d = { .kind = FP_DEST_DISPATCHER,
				  .set = "1",
				  .id = -1,
				  .state = state_of(state) };

	snprintf(d.uri, sizeof(d.uri), "%s", uri);
	return d;
}

static struct fp_lease lease(const char *owner, int left_s, int age_s,
			     bool is_let_go)
{
	struct fp_lease l = { .proxy = "sip1",
			      .until_s = NOW + left_s,
			      .since_s = NOW - age_s,
			      .is_let_go = is_let_go };

	snprintf(l.owner, sizeof(l.owner), "%s", owner);
	return l;
}

static void check_one(const struct one *x, const char *node,
		      enum fp_steer_act want)
{
	struct fp_view_dest d[2] = { dest("sip:192.0.2.21", x->state),
				     dest("sip:192.0.2.22", 'a') };
	struct fp_lease l = lease(x->lease ? x->lease : "", x->left_s, x->age_s,
				  x->is_let_go);
	l.is_confirmed = !x->is_new;
	struct fp_steer_dest v[] = {
		{ .proxy = "sip1",
		  .dest = &d[0],
		  .node = node,
		  .want = want_of(x->want),
		  .why = "esl CRITICAL",
		  .lease = x->lease ? &l : NULL,
		  .proxy_start_s = x->up_s < 0 ? NOW
				   : x->up_s   ? NOW - x->up_s
					       : 0 },
		{ .proxy = "sip1",
		  .dest = &d[1],
		  .node = "fs2",
		  .want = FP_WANT_IN },
	};
	struct fp_steer_step *s;

	EQ(fp_steer_plan(&opts, v, 2, &s, NULL), 0);
	if (!STR(fp_steer_act_name(s[0].act), fp_steer_act_name(want)))
		printf("# %c, lease of %s, %d s left, %d s old%s, wanted %c: "
		       "%s\n",
		       x->state, x->lease ? x->lease : "nobody", x->left_s,
		       x->age_s, x->is_let_go ? ", let go" : "", x->want,
		       s[0].why);
	EQ(s[0].index, 0);
	EQ(s[1].act, FP_STEER_NONE);
	OK(s[0].act == FP_STEER_NONE || *s[0].why);
	free(s);
}

TEST(each_by_itself)
{
	for (size_t i = 0; i < sizeof(ones) / sizeof(*ones); i++)
		check_one(&ones[i], "fs1", ones[i].act);
}

TEST(a_node_that_is_not_in_the_file_any_more)
{
	struct one x = { 'i', "me", 50, 10, false, 'k', 0, 0, false };

	check_one(&x, NULL, FP_STEER_ENABLE);
	x.state = 'a';
	check_one(&x, NULL, FP_STEER_FORGET);
	x.state = 'p';
	check_one(&x, NULL, FP_STEER_FORGET);
	x.state = 'i';
	x.is_let_go = true;
	check_one(&x, NULL, FP_STEER_FORGET);
	x.lease = "other";
	check_one(&x, NULL, FP_STEER_NONE);
	x.lease = NULL;
	check_one(&x, NULL, FP_STEER_NONE);
	/* that it leads to nobody has to be known */
	x = (struct one){ 'i', "me", -50, 110, false, 'n', 0, 0, false };
	check_one(&x, NULL, FP_STEER_NONE);
	x.lease = "other";
	check_one(&x, NULL, FP_STEER_NONE);
}

TEST(what_the_lease_says_from_now_on)
{
	static const struct {
		char state, want;
		int age_s;
		bool is_confirmed, is_then;
		enum fp_steer_act act;
	} v[] = {
		{ 'i', 'o', SETTLE_S, false, false, FP_STEER_TAKE_OVER },
		{ 'i', 'o', SETTLE_S + 1, false, true, FP_STEER_TAKE_OVER },
		{ 'i', 'o', 1, true, true, FP_STEER_TAKE_OVER },
		{ 'p', 'o', SETTLE_S + 1, false, false, FP_STEER_TAKE_OVER },
		/* what we enable is nobody's word */
		{ 'i', 'i', SETTLE_S + 1, true, false, FP_STEER_ENABLE },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_view_dest d = dest("sip:192.0.2.21", v[i].state);
		struct fp_lease l = lease("other", 0, v[i].age_s, false);
		struct fp_steer_dest x = { .proxy = "sip1",
					   .dest = &d,
					   .node = "fs1",
					   .want = want_of(v[i].want),
					   .lease = &l };
		struct fp_steer_step *s;

		l.is_confirmed = v[i].is_confirmed;
		EQ(fp_steer_plan(&opts, &x, 1, &s, NULL), 0);
		EQ(s->act, v[i].act);
		EQ(s->is_confirmed, v[i].is_then);
		free(s);
	}
}

TEST(kinds_of_destinations)
{
	enum fp_dest_kind k;

	STR(fp_dest_kind_name(FP_DEST_LOAD_BALANCER), "load_balancer");
	STR(fp_dest_kind_name((enum fp_dest_kind)9), "");
	EQ(fp_dest_kind_parse("rtpengine", &k), 0);
	EQ(k, FP_DEST_RTPENGINE);
	EQ(fp_dest_kind_parse("", &k), -EINVAL);
}

TEST(names_of_acts)
{
	STR(fp_steer_act_name(FP_STEER_NONE), "none");
	STR(fp_steer_act_name(FP_STEER_TAKE_OVER), "take-over");
	STR(fp_steer_act_name(FP_STEER_HELD), "held");
	STR(fp_steer_act_name((enum fp_steer_act)99), "none");
}

TEST(wants)
{
	static const struct {
		const char *states; /* r: refusing */
		enum fp_want want;
	} v[] = {
		{ "", FP_WANT_KEEP },  { "O", FP_WANT_IN },
		{ "OW", FP_WANT_IN },  { "OU", FP_WANT_KEEP },
		{ "U", FP_WANT_KEEP }, { "OC", FP_WANT_OUT },
		{ "UC", FP_WANT_OUT }, { "M", FP_WANT_OUT },
		{ "OM", FP_WANT_OUT }, { "OrO", FP_WANT_OUT },
		{ "rW", FP_WANT_OUT }, { "UrU", FP_WANT_OUT },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		enum fp_health h[8];
		bool is_refusing[8] = { false };
		size_t n = 0;

		for (const char *s = v[i].states; *s; s++) {
			is_refusing[n] = *s == 'r';
			s += *s == 'r';
			h[n++] =
				(enum fp_health)(strchr("OWCUM", *s) - "OWCUM");
		}
		if (!EQ(fp_steer_want(h, is_refusing, n), v[i].want))
			printf("# %s\n", v[i].states);
	}
}

/* ---- guards.  A set as text: for each destination its state, its lease (m
 * ours, c ours and confirmed, g ours and let go, x another's that lives, - none) and
 * what is wanted; a digit behind it is a URI that stands there more than once. */

static const char letters[] = ".dAEFRTLH";

/* The plan in letters; order: indexes into the words of text. */
static const char *plan(const char *text, double max_down, bool is_reversed)
{
	static char out[64];
	struct fp_view_dest d[16];
	struct fp_lease l[16];
	struct fp_steer_dest v[16] = { { .proxy = NULL } };
	struct fp_steer_opts o = opts;
	struct fp_steer_step *s;
	char uri[32];
	size_t n = 0;
	const char *at = text;

	o.max_down_percent = max_down;
	for (const char *c = text; *c; n++)
		c += strcspn(c, " "), c += *c == ' ';
	for (size_t i = 0; i < n; i++) {
		const char *w = at;
		size_t to = is_reversed ? n - 1 - i : i;

		at += strcspn(at, " ");
		at += *at == ' ';
		snprintf(uri, sizeof(uri), "sip:192.0.2.%zu",
			 at - w > 3 && w[3] != ' ' ? (size_t)w[3] : 10 + i);
		d[to] = dest(uri, w[0]);
		l[to] = lease(w[1] == 'x' ? "other" : "me", 50, 5, w[1] == 'g');
		l[to].is_confirmed = w[1] == 'c';
		v[to] = (struct fp_steer_dest){ .proxy = "sip1",
						.dest = &d[to],
						.node = "fs",
						.want = want_of(w[2]),
						.why = "dead" };
		if (w[1] != '-')
			v[to].lease = &l[to];
	}
	EQ(fp_steer_plan(&o, v, n, &s, NULL), 0);
	for (size_t i = 0; i < n; i++)
		out[i] = letters[s[is_reversed ? n - 1 - i : i].act];
	out[n] = 0;
	free(s);
	return out;
}

static const struct {
	const char *what, *set;
	double max_down;
	const char *acts;
} guards[] = {
	{ "the only one", "a-o", 100, "H" },
	{ "all of them", "a-o a-o", 100, "HH" },
	{ "one of two", "a-o a-i", 50, "d." },
	{ "not known is usable", "a-o a-k", 50, "d." },
	{ "the other is Probing", "a-o p-i", 50, "H." },
	{ "... or an operator's", "a-o i-i", 50, "H." },
	{ "... or wanted out itself", "a-o p-o", 50, "H." },
	{ "... or ours, not seen enabled yet", "a-o imi", 100, "HE" },
	{ "... or another controller may take it", "a-o axi", 100, "H." },
	{ "ours that is seen enabled", "a-o ami", 50, "dF" },
	{ "a third of three is not half", "a-o a-i a-i", 50, "d.." },
	{ "two of three are more", "a-o a-o a-i", 50, "dH." },
	{ "two of four", "a-o a-o a-i a-i", 50, "dd.." },
	{ "three of four", "a-o a-o a-o a-i", 50, "ddH." },
	{ "... when they may", "a-o a-o a-o a-i", 75, "ddd." },
	{ "what is out counts", "imo a-o a-i a-i", 25, ".H.." },
	{ "... another's too", "ixo a-o a-i a-i", 25, ".H.." },
	{ "... also what comes back", "imi a-o a-i a-i", 25, "EH.." },
	{ "an operator's does not", "i-o a-o a-i a-i", 25, ".d.." },
	{ "nor OpenSIPS' own", "p-o a-o a-i a-i", 25, ".d.." },
	{ "nor what was let go", "igo a-o a-i a-i", 25, ".d.." },
	{ "nothing", "a-o a-i", 0, "H." },
	{ "no number", "a-o a-i", NAN, "H." },
	{ "again, what was out before", "amo a-i", 50, "A." },
	{ "... before what is new", "a-o amo a-i a-i", 25, "HA.." },
	{ "... not the last", "amo p-i", 50, "F." },
	{ "... not more than may be", "amo imo a-i", 50, "F.." },
	{ "... and no less", "amo amo a-i a-i", 25, "FA.." },
	{ "what is out stays", "imo imo a-i", 0, "..." },
	{ "all out but one", "imo imo a-o", 100, "..H" },
	/* a reload brings all back at once, an operator one */
	{ "one is an operator's word", "aco a-i", 50, "L." },
	{ "... beside one that is out", "aco ico a-i a-i", 50, "L..." },
	{ "all are a reload", "aco aco a-i a-i", 50, "dd.." },
	{ "... and what is not known is left", "aco ack a-i a-i", 50, "dF.." },
	{ "... and no more than may be", "aco aco a-i a-i", 25, "dF.." },
	{ "let go is no part of it", "aco ago a-i a-i", 50, "L..." },
	/* ds_set_state reaches one of them */
	{ "twice in a set", "a-o1 a-o1 a-i a-i", 100, "HH.." },
	{ "... one is an operator's", "i-o1 a-o1 a-i a-i", 100, ".H.." },
	{ "... one of them ours before", "ico1 aco1 a-i a-i", 100, ".H.." },
	{ "... and given back", "ici1 aci1 a-i a-i", 100, "E..." },
	{ "... and enabled", "aci1 aci1 a-i a-i", 100, "F..." },
	{ "... to be out, and enabled", "aco1 aco1 a-i a-i", 100, "FH.." },
};

TEST(guards_of_a_set)
{
	for (size_t i = 0; i < sizeof(guards) / sizeof(*guards); i++) {
		if (!STR(plan(guards[i].set, guards[i].max_down, false),
			 guards[i].acts))
			printf("# %s\n", guards[i].what);
		/* whatever the order they come in */
		if (strpbrk(guards[i].set, "12"))
			continue; /* of equal ones it is either */
		if (!STR(plan(guards[i].set, guards[i].max_down, true),
			 guards[i].acts))
			printf("# %s, reversed\n", guards[i].what);
	}
}

/* Of load_balancer: who has capacity for what. */
TEST(guards_of_resources)
{
	static const struct {
		const char *what, *has[3]; /* the first is wanted out */
		enum fp_steer_act act;
	} v[] = {
		{ "another has it",
		  { ",calls,", ",calls,", "" },
		  FP_STEER_DISABLE },
		{ "nobody has", { ",calls,", "", "" }, FP_STEER_HELD },
		{ "the last with pstn",
		  { ",calls,pstn,", ",calls,", ",calls,x," },
		  FP_STEER_HELD },
		{ "each of others",
		  { ",calls,pstn,", ",calls,", ",pstn," },
		  FP_STEER_DISABLE },
		{ "a name within a name",
		  { ",pstn,", ",pstn2,", ",xpstn," },
		  FP_STEER_HELD },
		{ "none at all", { "", ",calls,", "" }, FP_STEER_DISABLE },
		{ "none anywhere", { "", "", "" }, FP_STEER_HELD },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_view_dest d[3];
		struct fp_steer_dest x[3] = { { .proxy = NULL } };
		struct fp_steer_step *s;

		for (int k = 0; k < 3; k++) {
			d[k] = dest("sip:192.0.2.21", 'a');
			d[k].uri[0] = (char)('a' + k);
			d[k].kind = FP_DEST_LOAD_BALANCER;
			snprintf(d[k].resource, sizeof(d[k].resource), "calls");
			snprintf(d[k].capacities, sizeof(d[k].capacities), "%s",
				 v[i].has[k]);
			x[k] = (struct fp_steer_dest){ .proxy = "sip1",
						       .dest = &d[k],
						       .node = "fs",
						       .want = FP_WANT_IN };
		}
		x[0].want = FP_WANT_OUT;
		EQ(fp_steer_plan(&opts, x, 3, &s, NULL), 0);
		if (!EQ(s->act, v[i].act))
			printf("# %s: %s\n", v[i].what, s->why);
		free(s);
	}
}

/* A weight of 0 keeps nothing away: it is usable. */
TEST(weight_0_of_a_dispatcher)
{
	struct fp_view_dest d[2] = { dest("sip:a", 'a'), dest("sip:b", 'a') };
	struct fp_steer_dest x[2] = {
		{ .proxy = "sip1",
		  .dest = &d[0],
		  .node = "fs1",
		  .want = FP_WANT_OUT },
		{ .proxy = "sip1",
		  .dest = &d[1],
		  .node = "fs2",
		  .want = FP_WANT_IN },
	};
	struct fp_steer_step *s;

	EQ(fp_steer_plan(&opts, x, 2, &s, NULL), 0);
	EQ(s->act, FP_STEER_DISABLE);
	free(s);
}

TEST(guards_say_which)
{
	struct fp_view_dest d[2] = { dest("sip:192.0.2.21", 'a'),
				     dest("sip:192.0.2.22", 'p') };
	struct fp_steer_dest v[2] = {
		{ .proxy = "sip1",
		  .dest = &d[0],
		  .node = "fs1",
		  .want = FP_WANT_OUT,
		  .why = "esl CRITICAL: paused" },
		{ .proxy = "sip1",
		  .dest = &d[1],
		  .node = "fs2",
		  .want = FP_WANT_IN },
	};
	struct fp_steer_opts o = opts;
	struct fp_steer_step *s;

	EQ(fp_steer_plan(&o, v, 2, &s, NULL), 0);
	STR(s[0].why, "stays in, set 1 of sip1 has no other that can take "
		      "calls: esl CRITICAL: paused");
	free(s);
	d[1].state = FP_DEST_ACTIVE;
	o.max_down_percent = 40;
	EQ(fp_steer_plan(&o, v, 2, &s, NULL), 0);
	STR(s[0].why, "stays in, 0 of 2 in set 1 of sip1 are out (at most "
		      "40%): esl CRITICAL: paused");
	free(s);
}

TEST(sets_are_apart)
{
	struct fp_view_dest d[4] = { dest("sip:192.0.2.21", 'a'),
				     dest("sip:192.0.2.22", 'a'),
				     dest("sip:192.0.2.22", 'a'),
				     dest("sip:192.0.2.22", 'a') };
	struct fp_steer_dest v[4];
	struct fp_steer_step *s;

	/* the others are in another set, kind or proxy */
	snprintf(d[1].set, sizeof(d[1].set), "2");
	d[2].kind = FP_DEST_LOAD_BALANCER;
	for (int i = 0; i < 4; i++)
		v[i] = (struct fp_steer_dest){
			.proxy = i == 3 ? "sip2" : "sip1",
			.dest = &d[i],
			.node = "fs",
			.want = i ? FP_WANT_IN : FP_WANT_OUT
		};
	EQ(fp_steer_plan(&opts, v, 4, &s, NULL), 0);
	EQ(s[0].act, FP_STEER_HELD);
	free(s);
	v[3].proxy = "sip1";
	EQ(fp_steer_plan(&opts, v, 4, &s, NULL), 0);
	EQ(s[0].act, FP_STEER_DISABLE);
	free(s);
	EQ(fp_steer_plan(&opts, NULL, 0, &s, NULL), 0);
	free(s);
}

/* ---- the model */

#define PROXIES 2
#define SETS 2
#define NODES 4
#define CONTROLLERS 3
#define DESTS (PROXIES * SETS * NODES)
#define MODEL_LEASE_S 20

struct mdest {
	struct fp_view_dest d;
	int proxy, node;
	bool is_inactive, is_probing;
	int n_failed;   /* probes of OpenSIPS in a row */
	int64_t late_s; /* a probe reply that is still on its way; 0 */
	bool has_lease;
	struct fp_lease lease;
	bool is_ops_off, is_ops_on; /* an operator's word holds */
};

struct world {
	struct mdest v[DESTS];
	size_t n;
	int64_t now_s, start_s[PROXIES];
	bool is_dead[NODES], is_paused[NODES], is_unknown[NODES];
	bool is_untold[NODES]; /* the watcher does not speak of it */
	bool is_alive[CONTROLLERS];
	int steering; /* who has the lock; -1 */
	bool is_calm; /* nothing happens any more */
	struct fp_steer_opts o;
	struct fp_steer_dest in[DESTS];
};

static const char *const proxies[] = { "sip1", "sip2" };
static const char *const nodes[] = { "fs1", "fs2", "fs3", "fs4" };
static const char *const owners[] = { "c1", "c2", "c3" };

static bool chance(int one_in)
{
	return random() % one_in == 0;
}

static void make_world(struct world *w, unsigned int seed)
{
	static const double max_down[] = { 25, 50, 75, 100 };

	srandom(seed);
	*w = (struct world){ .now_s = 1000, .steering = -1 };
	for (int p = 0; p < PROXIES; p++)
		for (int s = 0; s < SETS; s++)
			for (int k = 0; k < NODES; k++) {
				struct mdest *m = &w->v[w->n];
				char uri[32];

				if (chance(4))
					continue;
				snprintf(uri, sizeof(uri), "sip:192.0.2.%d", k);
				m->d = dest(uri, 'a');
				m->d.kind = (enum fp_dest_kind)s;
				m->proxy = p;
				m->node = k;
				w->n++;
			}
	for (int i = 0; i < CONTROLLERS; i++)
		w->is_alive[i] = true;
	w->o = (struct fp_steer_opts){ .lease_s = MODEL_LEASE_S,
				       .settle_s = SETTLE_S,
				       .max_down_percent =
					       max_down[random() % 4] };
}

/* What OpenSIPS does by itself. */
static void opensips(struct world *w, struct mdest *m)
{
	bool is_answering = !w->is_dead[m->node];

	if (m->late_s && w->now_s >= m->late_s) {
		m->late_s = 0;
		m->is_inactive = m->is_probing = false;
	}
	if (m->is_inactive)
		return;
	m->n_failed = is_answering ? 0 : m->n_failed + 1;
	m->is_probing = m->n_failed >= 3;
}

/* An operator's hand; only where it can be told from ours. */
static void operate(struct mdest *m)
{
	const struct fp_lease *l = &m->lease;
	bool is_ours = m->has_lease && !l->is_let_go;

	if (m->late_s)
		return;
	if (m->is_inactive) {
		if (is_ours && !l->is_confirmed)
			return;
		m->is_inactive = m->is_ops_off = false;
		m->is_ops_on = is_ours;
	} else if (!is_ours) {
		m->is_inactive = m->is_ops_off = true;
		m->is_ops_on = false;
	}
}

static void restart(struct world *w, int proxy)
{
	w->start_s[proxy] = w->now_s;
	for (size_t i = 0; i < w->n; i++) {
		struct mdest *m = &w->v[i];

		if (m->proxy != proxy)
			continue;
		m->is_inactive = m->is_probing = m->is_ops_off = false;
		m->n_failed = 0;
		m->late_s = 0;
		m->is_ops_on &= m->has_lease && m->lease.is_let_go;
	}
}

/* Somebody reloads the dispatcher of a proxy, and keeps no states. */
static void reload(struct world *w, int proxy)
{
	for (size_t i = 0; i < w->n; i++) {
		struct mdest *m = &w->v[i];

		if (m->proxy != proxy || m->d.kind != FP_DEST_DISPATCHER)
			continue;
		/* one alone cannot be told from an operator's word */
		m->is_ops_on |= m->is_inactive && m->has_lease &&
				!m->lease.is_let_go && m->lease.is_confirmed;
		m->is_inactive = m->is_probing = m->is_ops_off = false;
		m->n_failed = 0;
		m->late_s = 0;
	}
}

static enum fp_want want_now(const struct world *w, int node);

/* Nor can an operator's from a reload, when all of a set are undone. */
static void forget_words(struct world *w, const struct mdest *of)
{
	size_t n = 0, n_undone = 0;

	for (int is_told = 0; is_told < 2; is_told++)
		for (size_t i = 0; i < w->n; i++) {
			struct mdest *m = &w->v[i];

			if (m->proxy != of->proxy || m->d.kind != of->d.kind ||
			    !m->has_lease || m->lease.is_let_go ||
			    (strcmp(m->lease.owner, w->o.owner) != 0 &&
			     m->lease.until_s > w->now_s))
				continue;
			n += !is_told;
			n_undone +=
				!is_told && !m->is_inactive && !m->is_probing;
			if (is_told && n > 1 && n == n_undone &&
			    want_now(w, m->node) != FP_WANT_NONE)
				m->is_ops_on = false;
		}
}

static void happen(struct world *w)
{
	w->now_s++;
	if (!w->is_calm) {
		for (int k = 0; k < NODES; k++) {
			w->is_dead[k] ^= chance(25);
			w->is_paused[k] ^= chance(25);
			w->is_unknown[k] ^= chance(15);
			w->is_untold[k] ^= chance(w->is_untold[k] ? 10 : 60);
		}
		for (int i = 0; i < CONTROLLERS; i++)
			w->is_alive[i] ^= chance(25);
		if (chance(4) && w->n)
			operate(&w->v[(size_t)random() % w->n]);
		if (chance(60))
			reload(w, (int)(random() % PROXIES));
		if (chance(60))
			restart(w, (int)(random() % PROXIES));
	}
	for (size_t i = 0; i < w->n; i++)
		opensips(w, &w->v[i]);
	if (w->steering >= 0 && !w->is_alive[w->steering])
		w->steering = -1;
	for (int i = 0; i < CONTROLLERS && w->steering < 0; i++)
		if (w->is_alive[i])
			w->steering = i;
}

static enum fp_want want_now(const struct world *w, int node)
{
	if (w->is_untold[node])
		return FP_WANT_NONE;
	if (w->is_unknown[node])
		return FP_WANT_KEEP;
	return w->is_dead[node] || w->is_paused[node] ? FP_WANT_OUT
						      : FP_WANT_IN;
}

static void look(struct world *w)
{
	w->o.owner = owners[w->steering];
	w->o.now_s = w->now_s;
	for (size_t i = 0; i < w->n; i++)
		forget_words(w, &w->v[i]);
	for (size_t i = 0; i < w->n; i++) {
		struct mdest *m = &w->v[i];

		m->d.state = m->is_inactive  ? FP_DEST_INACTIVE
			     : m->is_probing ? FP_DEST_PROBING
					     : FP_DEST_ACTIVE;
		w->in[i] = (struct fp_steer_dest){
			.proxy = proxies[m->proxy],
			.dest = &m->d,
			.node = nodes[m->node],
			.want = want_now(w, m->node),
			.why = "model",
			.lease = m->has_lease ? &m->lease : NULL,
			.proxy_start_s = w->start_s[m->proxy]
		};
	}
}

static void take(struct world *w, struct mdest *m, bool is_new)
{
	if (is_new || !m->has_lease)
		m->lease.since_s = w->now_s;
	m->has_lease = true;
	m->lease.is_confirmed &= !is_new;
	m->lease.is_let_go = false;
	m->lease.until_s = w->now_s + MODEL_LEASE_S;
	snprintf(m->lease.owner, sizeof(m->lease.owner), "%s", w->o.owner);
}

/* The command goes out; a probe may be under way. */
static void disable(struct world *w, struct mdest *m)
{
	OK(!m->is_inactive);
	OK(!m->is_probing);
	OK(!m->is_ops_on);
	m->is_inactive = true;
	if (!w->is_calm && m->d.kind == FP_DEST_DISPATCHER && chance(3))
		m->late_s = w->now_s + 1 + random() % (SETTLE_S - 1);
}

static void enable(struct mdest *m)
{
	OK(m->is_inactive);
	OK(!m->is_ops_off);
	OK(m->has_lease);
	m->is_inactive = false;
	m->late_s = 0;
	m->n_failed = 0;
}

/* Do one step; the controller may die in its middle, and commands get lost.  That
 * an answer does is the same to the next plan as a death behind it. */
static void act(struct world *w, const struct fp_steer_step *s)
{
	struct mdest *m = &w->v[s->index];
	bool is_cut = !w->is_calm && chance(20);
	bool is_lost = is_cut || (!w->is_calm && chance(6));

	switch (s->act) {
	case FP_STEER_DISABLE:
	case FP_STEER_AGAIN:
		take(w, m, true);
		if (!is_lost)
			disable(w, m);
		break;
	case FP_STEER_ENABLE:
		take(w, m, false);
		m->lease.is_confirmed = s->is_confirmed;
		if (!is_lost || chance(2))
			enable(m);
		m->has_lease = is_lost;
		break;
	case FP_STEER_FORGET:
		m->has_lease = false;
		m->is_ops_on = false;
		break;
	case FP_STEER_RENEW:
	case FP_STEER_TAKE_OVER:
		take(w, m, false);
		m->lease.is_confirmed = s->is_confirmed;
		break;
	case FP_STEER_LET_GO:
		m->lease.is_let_go = true;
		break;
	case FP_STEER_NONE:
	case FP_STEER_HELD:
		return;
	}
	if (is_cut)
		w->is_alive[w->steering] = false;
}

static bool is_change(enum fp_steer_act a)
{
	return a != FP_STEER_NONE && a != FP_STEER_HELD;
}

/* What must hold of any plan, whatever comes of it. */
static void check_plan(const struct world *w, const struct fp_steer_step *s)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct mdest *m = &w->v[i];
		enum fp_steer_act a = s[i].act;
		bool is_off = a == FP_STEER_DISABLE || a == FP_STEER_AGAIN;

		EQ(s[i].index, i);
		if (m->has_lease && strcmp(m->lease.owner, w->o.owner) != 0 &&
		    m->lease.until_s > w->now_s)
			EQ(a, FP_STEER_NONE);
		if (m->d.state != FP_DEST_ACTIVE)
			OK(!is_off);
		if (is_off)
			EQ(w->in[i].want, FP_WANT_OUT);
		if (a == FP_STEER_ENABLE)
			EQ(w->in[i].want, FP_WANT_IN);
		if (w->in[i].want == FP_WANT_NONE)
			EQ(a, FP_STEER_NONE);
		if (a == FP_STEER_LET_GO)
			OK(m->lease.is_confirmed && m->is_ops_on);
		if (m->d.state != FP_DEST_INACTIVE || !m->has_lease)
			OK(a != FP_STEER_ENABLE);
		if (!is_off)
			continue;
		/* another of its set takes calls and will go on doing so */
		size_t n = 0, n_set = 0, n_down = 0;

		for (size_t k = 0; k < w->n; k++) {
			const struct mdest *x = &w->v[k];

			if (x->proxy != m->proxy || x->d.kind != m->d.kind)
				continue;
			n_set++;
			n += x->d.state == FP_DEST_ACTIVE && k != i &&
			     w->in[k].want != FP_WANT_OUT;
			n_down += x->d.state == FP_DEST_INACTIVE &&
				  x->has_lease && !x->lease.is_let_go;
			n_down += s[k].act == FP_STEER_DISABLE ||
				  s[k].act == FP_STEER_AGAIN;
		}
		OK(n > 0);
		OK((double)n_down * 100 <=
		   w->o.max_down_percent * (double)n_set);
	}
}

/* The same whatever order destinations come in. */
static void check_order(const struct world *w, const struct fp_steer_step *s)
{
	struct fp_steer_dest v[DESTS] = { { .proxy = NULL } };
	struct fp_steer_step *t;
	size_t at[DESTS];

	for (size_t i = 0; i < w->n; i++)
		at[i] = i;
	for (size_t i = w->n; i > 1; i--) {
		size_t k = (size_t)random() % i, x = at[i - 1];

		at[i - 1] = at[k];
		at[k] = x;
	}
	for (size_t i = 0; i < w->n; i++)
		v[i] = w->in[at[i]];
	EQ(fp_steer_plan(&w->o, v, w->n, &t, NULL), 0);
	for (size_t i = 0; i < w->n; i++) {
		EQ(t[i].act, s[at[i]].act);
		STR(t[i].why, s[at[i]].why);
	}
	free(t);
}

/* Plan and apply; how many changes. */
static size_t steer(struct world *w)
{
	struct fp_steer_step *s;
	size_t n = 0;

	look(w);
	EQ(fp_steer_plan(&w->o, w->in, w->n, &s, NULL), 0);
	check_plan(w, s);
	check_order(w, s);
	/* that it is no operator's word comes before all */
	for (size_t i = 0; i < w->n; i++)
		if (s[i].act == FP_STEER_FORGET) {
			w->v[i].is_ops_on = false;
			w->v[i].lease.is_confirmed = false;
		} else if (s[i].act == FP_STEER_DISABLE ||
			   s[i].act == FP_STEER_AGAIN) {
			w->v[i].lease.is_confirmed = false;
		}
	for (int is_off = 0; is_off < 2; is_off++)
		for (size_t i = 0; i < w->n; i++) {
			bool is = s[i].act == FP_STEER_DISABLE ||
				  s[i].act == FP_STEER_AGAIN;

			if (is == is_off && w->is_alive[w->steering]) {
				act(w, &s[i]);
				n += is_change(s[i].act);
			}
		}
	free(s);
	return n;
}

/* Nothing more to do when nothing happens: at once, or after what was enabled is
 * seen enabled and what was lost is told again. */
static void check_settled(struct world *w)
{
	size_t n = 1;

	for (int i = 0; i < 20 && n && w->is_alive[w->steering]; i++)
		n = steer(w);
	if (w->is_alive[w->steering])
		EQ(n, 0);
}

/* Whatever was lost: what is dead or paused is out of routing in the end, unless an
 * operator or a guard has it in. */
static void check_out(struct world *w)
{
	struct fp_steer_step *s;

	w->is_calm = true;
	for (int k = 0; k < NODES; k++)
		w->is_unknown[k] = w->is_untold[k] = false;
	for (int i = 0; i < CONTROLLERS; i++)
		w->is_alive[i] = i == 2;
	for (int i = 0; i < 2 * MODEL_LEASE_S; i++) {
		happen(w);
		steer(w);
	}
	look(w);
	EQ(fp_steer_plan(&w->o, w->in, w->n, &s, NULL), 0);
	for (size_t i = 0; i < w->n; i++)
		if (w->in[i].want == FP_WANT_OUT &&
		    w->v[i].d.state == FP_DEST_ACTIVE &&
		    s[i].act != FP_STEER_HELD)
			OK(w->v[i].lease.is_let_go);
	free(s);
}

/* All is well again: what steering did is undone, what operators did is not. */
static void calm_down(struct world *w)
{
	w->is_calm = true;
	for (int k = 0; k < NODES; k++)
		w->is_dead[k] = w->is_paused[k] = w->is_unknown[k] =
			w->is_untold[k] = false;
	for (int i = 0; i < CONTROLLERS; i++)
		w->is_alive[i] = i == 1; /* the others died with leases */
	for (int i = 0; i < 2 * MODEL_LEASE_S; i++) {
		happen(w);
		steer(w);
	}
	EQ(steer(w), 0);
	for (size_t i = 0; i < w->n; i++) {
		EQ(w->v[i].is_inactive, w->v[i].is_ops_off);
		OK(!w->v[i].has_lease);
	}
}

TEST(model)
{
	static struct world w;
	size_t n_changes = 0;

	for (unsigned int seed = 1; seed <= 400 && !unit_failed; seed++) {
		make_world(&w, seed);
		for (int i = 0; i < 150 && !unit_failed; i++) {
			happen(&w);
			if (w.steering < 0)
				continue;
			n_changes += steer(&w);
			if (chance(4) && w.is_alive[w.steering])
				check_settled(&w);
		}
		check_out(&w);
		calm_down(&w);
		if (unit_failed)
			printf("# seed %u\n", seed);
	}
	OK(n_changes > 10000); /* it did something */
}
