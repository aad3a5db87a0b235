/* SPDX-License-Identifier: Apache-2.0 */
/* Which call goes to which node. */
#include "unit.h"

#include "logic/recover_place.h"

static const char *const both[] = { "internal", "external" };

static struct fp_place_node node(const char *name, int64_t room)
{
	return (struct fp_place_node){
		.name = name,
		.weight = 1,
		.room = room,
		.idle_percent = 90,
		.profiles = both,
		.n_profiles = 2,
	};
}

#define MAX_CALLS 64
static struct fp_leg legs[256];
static struct fp_call call[MAX_CALLS];
static struct fp_calls calls = { .leg = legs, .call = call };

static void add(size_t n)
{
	struct fp_call *c = &call[calls.n_calls++];

	*c = (struct fp_call){ .first = calls.n_legs, .n = n };
	snprintf(c->name, sizeof(c->name), "c%zu", calls.n_calls - 1);
	for (size_t i = 0; i < n; i++)
		legs[calls.n_legs++].row = (struct fp_fsrow){
			.profile = "internal",
			.media_ip = "192.0.2.1",
		};
}

static int place(const struct fp_place_node *x, size_t n,
		 const uint64_t *not_there, size_t *to)
{
	static struct fp_err e;
	int rc = fp_place_calls(&calls, x, n, not_there, to, &e);

	if (rc != 0)
		printf("# %s\n", e.text);
	return rc;
}

static void counts(const size_t *to, size_t *legs_of, size_t n)
{
	memset(legs_of, 0, n * sizeof(*legs_of));
	for (size_t i = 0; i < calls.n_calls; i++)
		if (to[i] != FP_PLACE_NONE)
			legs_of[to[i]] += call[i].n;
}

TEST(by_capacity_that_is_free)
{
	struct fp_place_node x[] = { node("fs2", 30), node("fs3", 10) };
	size_t to[MAX_CALLS], n[2];

	for (int i = 0; i < 10; i++)
		add(2);
	EQ(place(x, 2, NULL, to), 0);
	counts(to, n, 2);
	EQ(n[0], 16);
	EQ(n[1], 4);
}

TEST(sessions_that_are_there_count)
{
	struct fp_place_node x[] = { node("fs2", 100), node("fs3", 50) };
	size_t to[MAX_CALLS], n[2];

	x[1].sessions = 50;
	for (int i = 0; i < 20; i++)
		add(2);
	EQ(place(x, 2, NULL, to), 0);
	counts(to, n, 2);
	EQ(n[0], 40);
}

TEST(weights)
{
	struct fp_place_node x[] = { node("fs2", -1), node("fs3", -1),
				     node("fs4", -1) };
	size_t to[MAX_CALLS], n[3];

	x[1].weight = 3;
	x[2].weight = 0;
	for (int i = 0; i < 40; i++)
		add(1);
	EQ(place(x, 3, NULL, to), 0);
	counts(to, n, 3);
	EQ(n[0], 10);
	EQ(n[1], 30);
	EQ(n[2], 0);
}

TEST(a_large_room_finds_its_place_first)
{
	struct fp_place_node x[] = { node("fs2", 6), node("fs3", 8) };
	size_t to[MAX_CALLS];

	add(2);
	add(2);
	add(8);
	add(2);
	EQ(place(x, 2, NULL, to), 0);
	EQ(to[2], 1);
	EQ(to[0], 0);
	EQ(to[1], 0);
	EQ(to[3], 0);
}

TEST(what_fits_nowhere_is_not_placed_and_the_rest_is)
{
	struct fp_place_node x[] = { node("fs2", 4), node("fs3", 3) };
	size_t to[MAX_CALLS];
	struct fp_err e;

	add(5);
	add(2);
	add(2);
	add(2);
	add(2);
	EQ(fp_place_calls(&calls, x, 2, NULL, to, &e), -ENOSPC);
	HAS(e.text, "2 of 5 calls");
	HAS(e.text, "c0");
	OK(to[0] == FP_PLACE_NONE);
	OK(to[4] == FP_PLACE_NONE);
	OK(to[1] != FP_PLACE_NONE && to[2] != FP_PLACE_NONE);
}

TEST(the_node_itself_is_first_while_it_has_room)
{
	struct fp_place_node x[] = { node("fs2", 100), node("fs1", 4) };
	size_t to[MAX_CALLS];

	x[1].is_self = true;
	add(2);
	add(2);
	add(2);
	EQ(place(x, 2, NULL, to), 0);
	EQ(to[0], 1);
	EQ(to[1], 1);
	EQ(to[2], 0);
}

TEST(a_node_that_does_not_run_a_profile)
{
	static const char *const internal[] = { "internal" };
	struct fp_place_node x[] = { node("fs2", 100), node("fs3", 100) };
	size_t to[MAX_CALLS];
	struct fp_err e;

	x[0].profiles = internal;
	x[0].n_profiles = 1;
	add(2);
	add(2);
	legs[3].row.profile = "external";
	EQ(place(x, 2, NULL, to), 0);
	EQ(to[1], 1);
	EQ(to[0], 0);
	legs[3].row.profile = "nosuch";
	EQ(fp_place_calls(&calls, x, 2, NULL, to, &e), -ENOSPC);
	OK(to[1] == FP_PLACE_NONE);
	HAS(e.text, "profile");
}

TEST(where_it_was_tried_in_vain)
{
	struct fp_place_node x[] = { node("fs2", 100), node("fs3", 1) };
	uint64_t not_there[] = { 1, 3 };
	size_t to[MAX_CALLS];
	struct fp_err e;

	add(1);
	add(1);
	EQ(fp_place_calls(&calls, x, 2, not_there, to, &e), -ENOSPC);
	EQ(to[0], 1);
	OK(to[1] == FP_PLACE_NONE);
	HAS(e.text, "tried at every node");
}

TEST(busy_cpus_and_address_families)
{
	struct fp_place_node x[] = { node("fs2", 100), node("fs3", 100),
				     node("fs4", 100) };
	size_t to[MAX_CALLS];

	x[0].min_idle_percent = 95;
	x[1].is_v4_only = true;
	add(1);
	add(1);
	legs[0].row.media_ip = "2001:db8::1";
	EQ(place(x, 3, NULL, to), 0);
	EQ(to[0], 2);
	EQ(to[1], 1);
}

TEST(what_is_not_brought_up_gets_no_place)
{
	struct fp_place_node x[] = { node("fs2", 2) };
	size_t to[MAX_CALLS];

	for (int i = 0; i < 4; i++)
		add(1);
	call[0].fate = FP_FATE_SKIP;
	call[1].fate = FP_FATE_LOST;
	call[2].fate = FP_FATE_BYE;
	call[3].fate = FP_FATE_REDIAL;
	EQ(place(x, 1, NULL, to), 0);
	OK(to[0] == FP_PLACE_NONE && to[1] == FP_PLACE_NONE);
	EQ(to[2], 0);
	EQ(to[3], 0);
}

TEST(no_node_and_too_many)
{
	struct fp_place_node x[65];
	size_t to[MAX_CALLS];
	struct fp_err e;

	add(1);
	EQ(fp_place_calls(&calls, NULL, 0, NULL, to, &e), -EINVAL);
	for (int i = 0; i < 65; i++)
		x[i] = node("x", 1);
	EQ(fp_place_calls(&calls, x, 65, NULL, to, &e), -EINVAL);
	EQ(fp_place_calls(&calls, x, 64, NULL, to, &e), 0);
}

TEST(five_thousand_calls_on_eight_nodes)
{
	enum { N = 5000 };
	struct fp_leg *l = calloc(2 * N, sizeof(*l));
	struct fp_call *c = calloc(N, sizeof(*c));
	struct fp_calls all = { l, 2 * N, c, N };
	struct fp_place_node x[8];
	size_t *to = calloc(N, sizeof(*to));
	struct fp_err e;
	long start;

	for (size_t i = 0; i < N; i++)
		c[i] = (struct fp_call){ .first = 2 * i, .n = 2 };
	for (size_t i = 0; i < 2 * N; i++)
		l[i].row = (struct fp_fsrow){ .profile = "external",
					      .media_ip = "192.0.2.1" };
	for (int i = 0; i < 8; i++)
		x[i] = node("x", 2000);
	start = unit_now_ms();
	EQ(fp_place_calls(&all, x, 8, NULL, to, &e), 0);
	printf("# %ld ms\n", unit_now_ms() - start);
	OK(unit_now_ms() - start < 1000); /* sanitizers, a busy machine */
	free(l);
	free(c);
	free(to);
}
