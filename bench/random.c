/* SPDX-License-Identifier: Apache-2.0 */
/* random SCENARIO...: a new source for every packet, listed or not, beside
 * hash + LPM with the same list, in turn.  Look-ups alone, and whole filters
 * behind one and the same program that writes the source into the packet. */

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "bench/plain.h"

#define REPEAT 300000
#define N_VERIFY 20000

struct scenario {
	const char *name;
	enum set_kind kind;
	size_t n;
	bool is_timed;
	bool is_busy;   /* another CPU loads lists all the time */
	bool is_memory; /* only how much memory the tables take */
};

static const struct scenario scenarios[] = {
	{ .name = "10k", .kind = SET_MIXED4, .n = 10000, .is_memory = true },
	{ .name = "100k", .kind = SET_MIXED4, .n = 100000, .is_memory = true },
	{ .name = "mixed", .kind = SET_MIXED4, .n = 1000000 },
	{ .name = "ipv6", .kind = SET_NETS6, .n = 1000000 },
	{ .name = "timed", .kind = SET_HOSTS4, .n = 1000000, .is_timed = true },
	{ .name = "10M", .kind = SET_MIXED4, .n = 10000000 },
	{ .name = "busy", .kind = SET_MIXED4, .n = 1000000, .is_busy = true },
};

/* The same run on either side: program, and the keys it walks through. */
struct side {
	const char *name;
	int look_up, filter;
	struct peer_keys *keys;
};

struct bench {
	const struct scenario *sc;
	struct set set;
	struct rig rig;
	struct plain plain;
	struct side ours, peer;
	__u64 *key[2]; /* unlisted, listed */
	struct frame frame;
	int bare, key_only, random;
};

static const char *const listed_name[] = { "unlisted", "listed" };

/* ---- verdicts must be right ---- */

static void verify(const struct bench *b, const struct side *s, int is_listed)
{
	uint32_t want = is_listed ? XDP_DROP : XDP_PASS, verdict;

	memcpy(s->keys->key, b->key[is_listed], sizeof(s->keys->key));
	s->keys->next = 0;
	for (int i = 0; i < N_VERIFY; i++) {
		test_run(s->look_up, &b->frame, 1, &verdict);
		if (verdict != want)
			die("%s: %s: a source that is %s got verdict %u",
			    b->sc->name, s->name, listed_name[is_listed],
			    verdict);
	}
}

/* ---- a round ---- */

static void one(const struct bench *b, const char *what, const char *who,
		int is_listed, int round, int prog_fd)
{
	char name[80];

	snprintf(name, sizeof(name), "%s/%s/%s/%s", b->sc->name, what,
		 listed_name[is_listed], who);
	figure(name, round, test_run(prog_fd, &b->frame, REPEAT, NULL));
}

static void run_round(const struct bench *b, int round)
{
	const struct side *side[] = { &b->ours, &b->peer };

	for (int is_listed = 0; is_listed < 2; is_listed++) {
		for (int i = 0; i < 2; i++)
			memcpy(side[i]->keys->key, b->key[is_listed],
			       sizeof(side[i]->keys->key));
		one(b, "look-up", "floor", is_listed, round, b->key_only);
		for (int i = 0; i < 2; i++)
			one(b, "look-up", side[i]->name, is_listed, round,
			    side[i]->look_up);
		plain_aim(&b->plain, b->bare);
		one(b, "filter", "floor", is_listed, round, b->random);
		for (int i = 0; i < 2; i++) {
			plain_aim(&b->plain, side[i]->filter);
			one(b, "filter", side[i]->name, is_listed, round,
			    b->random);
		}
	}
}

/* ---- loading all the time, on the other CPU ---- */

static void load_for_ever(struct bench *b, bool is_ours)
{
	struct set other[2];
	cpu_set_t cpus;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	for (unsigned int i = 0; i < 2; i++)
		set_init(&other[i], b->sc->kind, b->sc->n, 100 + i);
	for (int i = 0;; i++) {
		if (is_ours)
			rig_block(&b->rig, "other", &other[i % 2], 0);
		else
			plain_fill(&b->plain, &other[i % 2]);
	}
}

static pid_t start_loading(struct bench *b, bool is_ours)
{
	pid_t pid = fork();

	if (!pid)
		load_for_ever(b, is_ours);
	if (pid < 0)
		die("fork: %s", strerror(errno));
	sleep(2); /* its lists are made by then */
	return pid;
}

static void busy_round(struct bench *b, int round)
{
	const struct side *side[] = { &b->ours, &b->peer };

	for (int i = 0; i < 2; i++) {
		pid_t pid = start_loading(b, i == 0);

		memcpy(side[i]->keys->key, b->key[1],
		       sizeof(side[i]->keys->key));
		one(b, "look-up", i ? "peer-floor" : "floor", 1, round,
		    b->key_only);
		one(b, "look-up", side[i]->name, 1, round, side[i]->look_up);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* ---- a scenario ---- */

static void open_sides(struct bench *b)
{
	bool is_v6 = b->sc->kind == SET_NETS6;
	const char *look_up = is_v6 ? "look_up6" : "look_up4";

	b->ours = (struct side){ "ours", rig_prog(b->rig.look, look_up),
				 b->rig.filter_fd, b->rig.keys };
	b->peer = (struct side){ "hash+lpm", rig_prog(b->plain.obj, look_up),
				 rig_prog(b->plain.obj, "hash_lpm"),
				 b->plain.keys };
	b->bare = rig_prog(b->plain.obj, "bare_drop");
	b->key_only = rig_prog(b->plain.obj, "key_only");
	b->random = rig_prog(b->plain.obj, is_v6 ? "random6" : "random4");
}

static void open_bench(struct bench *b, const struct scenario *sc)
{
	static const char text[] = "INVITE sip:bob@example.com SIP/2.0\r\n\r\n";
	int64_t until_s = sc->is_timed ? fp_clock_unix_s() + 86400 : 0;

	b->sc = sc;
	set_init(&b->set, sc->kind, sc->n, 1);
	rig_open(&b->rig, sc->name);
	rig_block(&b->rig, "bulk", &b->set, until_s);
	plain_open(&b->plain, &b->set, sc->is_busy ? 3 : 1);
	open_sides(b);
	for (int i = 0; i < 2; i++) {
		b->key[i] = must_alloc(PEER_KEYS, sizeof(*b->key[i]));
		set_keys(&b->set, i, b->key[i]);
	}
	if (sc->kind == SET_NETS6)
		frame_ipv6(&b->frame, 0, text, strlen(text));
	else
		frame_ipv4(&b->frame, 0, text, strlen(text));
	for (int i = 0; i < 2; i++) {
		verify(b, &b->ours, i);
		verify(b, &b->peer, i);
	}
}

static void show_memory(const char *what, const struct rig *rig, uint64_t peer)
{
	char name[80];

	snprintf(name, sizeof(name), "memory/%s/ours", what);
	figure(name, 0, (double)fp_maps_memory(rig->node.maps) / 1e6);
	snprintf(name, sizeof(name), "memory/%s/hash+lpm", what);
	figure(name, 0, (double)peer / 1e6);
}

/* A node has one set of tables for both families. */
static void show_memory_of_both(void)
{
	static const enum set_kind kind[] = { SET_MIXED4, SET_NETS6 };
	static const char *const list[] = { "four", "six" };
	uint64_t peer = 0;
	struct rig rig;

	rig_open(&rig, "both");
	for (int i = 0; i < 2; i++) {
		struct plain plain;
		struct set set;

		set_init(&set, kind[i], 1000000, 1);
		rig_block(&rig, list[i], &set, 0);
		plain_open(&plain, &set, 1);
		peer += plain_memory(&plain);
		plain_close(&plain);
		set_fini(&set);
	}
	show_memory("both", &rig, peer);
	rig_close(&rig);
}

static void run_scenario(const struct scenario *sc)
{
	struct bench b = { 0 };

	open_bench(&b, sc);
	if (!sc->is_busy)
		show_memory(sc->name, &b.rig, plain_memory(&b.plain));
	for (int round = 0; round < option_rounds() && !sc->is_memory;
	     round++) {
		if (sc->is_busy)
			busy_round(&b, round);
		else
			run_round(&b, round);
	}
	plain_close(&b.plain);
	rig_close(&b.rig);
	set_fini(&b.set);
	free(b.key[0]);
	free(b.key[1]);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const struct scenario *sc = NULL;

		if (!strcmp(argv[i], "both")) {
			show_memory_of_both();
			continue;
		}
		for (size_t j = 0; j < sizeof(scenarios) / sizeof(*sc); j++)
			if (!strcmp(argv[i], scenarios[j].name))
				sc = &scenarios[j];
		if (!sc)
			die("no scenario %s", argv[i]);
		run_scenario(sc);
	}
	return 0;
}
