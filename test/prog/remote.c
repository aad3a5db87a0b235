/* SPDX-License-Identifier: Apache-2.0 */
/* remote [-C COMMAND] [-G SSH] [-p PORT] [-l USER] [-i KEY] [-k KNOWN_HOSTS]
 *	[-A AGENT] [-H HOME] [-t MS] [-n COPIES] [-c] HOST COMMAND
 * Runs COMMAND on HOST over SSH, with stdin and stdout as its own; with COPIES it
 * is run that often at once, each with all of stdin and its output counted.  -c
 * prints the configuration and ends.  On stderr: "opened" and how each ended.
 * Exit 0, or 1 when one of them failed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/clock.h"
#include "peer/remote.h"

struct copy {
	struct fp_remote *remote;
	size_t got;
	bool is_ended;
};

static struct fp_loop *loop;
static struct fp_buf input;
static struct copy *copies;
static int n_copies = 1, n_left, is_failed;
static bool is_shut_early;
static int64_t start_ms, worst_ms;

static void opened(void *ctx)
{
	struct copy *c = ctx;
	struct fp_err e;

	if (n_copies == 1)
		fprintf(stderr, "opened\n");
	if (is_shut_early) {
		fp_remote_close(c->remote);
		c->remote = NULL;
		n_left--;
		return;
	}
	if (fp_remote_write(c->remote, input.data, input.len, &e))
		fprintf(stderr, "write: %s\n", e.text);
	fp_remote_finish(c->remote);
}

static void data(void *ctx, const void *bytes, size_t n)
{
	struct copy *c = ctx;

	c->got += n;
	if (n_copies == 1)
		fwrite(bytes, 1, n, stdout);
}

static void drained(void *ctx)
{
	struct copy *c = ctx;

	if (fp_remote_queued(c->remote))
		fprintf(stderr, "drained too early\n");
	else if (n_copies == 1)
		fprintf(stderr, "drained\n");
}

static void closed(void *ctx, int code, const struct fp_err *e)
{
	struct copy *c = ctx;

	if (c->is_ended)
		fprintf(stderr, "closed twice\n");
	c->is_ended = true;
	is_failed |= code != 0;
	if (n_copies == 1 || code)
		fprintf(stderr, "closed %s %s\n",
			code ? strerrorname_np(-code) : "0", e->text);
	fp_remote_close(c->remote);
	c->remote = NULL;
	n_left--;
}

/* How long the loop was kept from going round, at worst. */
static void tick(void *ctx)
{
	static int64_t last_ms;
	struct fp_timer *t = ctx;
	int64_t now_ms = fp_clock_ms();

	if (last_ms && now_ms - last_ms > worst_ms)
		worst_ms = now_ms - last_ms;
	last_ms = now_ms;
	if (n_left)
		fp_loop_timer_arm(loop, t, now_ms + 1);
	else
		fp_loop_stop(loop);
}

static void print_config(const struct fp_remote_config *c)
{
	printf("host %s\nalias %s\nuser %s\nport %u\nagent %s\n", c->host,
	       c->alias, c->user, c->port, c->agent);
	for (int i = 0; i < FP_REMOTE_FILES && *c->key[i]; i++)
		printf("key %s\n", c->key[i]);
	for (int i = 0; i < FP_REMOTE_FILES && *c->known_hosts[i]; i++)
		printf("known_hosts %s\n", c->known_hosts[i]);
}

static int run(const struct fp_remote_config *config, const char *transport,
	       const char *command, int64_t timeout_ms)
{
	struct fp_timer timer = { .fire = tick, .ctx = &timer };
	size_t least = SIZE_MAX, most = 0;
	struct fp_err e = { .text = "" };
	char *to;

	while ((to = fp_buf_room(&input, 65536))) {
		ssize_t n = read(0, to, 65536);

		if (n <= 0)
			break;
		input.len += (size_t)n;
	}
	copies = calloc((size_t)n_copies, sizeof(*copies));
	if (!copies || fp_loop_open(&loop, &e) || fp_remote_init(&e))
		return 2;
	start_ms = fp_clock_ms();
	for (int i = 0; i < n_copies; i++) {
		const struct fp_remote_events events = { opened, data, drained,
							 closed, &copies[i] };

		if (fp_remote_open(&copies[i].remote, loop, config, transport,
				   command, timeout_ms, &events, &e)) {
			fprintf(stderr, "open: %s\n", e.text);
			return 2;
		}
		n_left++;
	}
	tick(&timer);
	fp_loop_run(loop);
	for (int i = 0; i < n_copies; i++) {
		least = copies[i].got < least ? copies[i].got : least;
		most = copies[i].got > most ? copies[i].got : most;
	}
	if (n_copies > 1)
		printf("%zu %zu\n", least, most);
	fprintf(stderr, "took %" PRId64 " ms, loop held %" PRId64 " ms\n",
		fp_clock_ms() - start_ms, worst_ms);
	fp_remote_exit();
	fp_loop_close(loop);
	free(copies);
	fp_buf_fini(&input);
	return is_failed;
}

int main(int argc, char **argv)
{
	struct fp_remote_hints h = { .name = "node" };
	struct fp_remote_config config;
	struct fp_err e = { .text = "" };
	const char *transport = NULL;
	bool is_print = false;
	int64_t timeout_ms = 10000;
	int opt, code;

	while ((opt = getopt(argc, argv, "C:G:p:l:i:k:A:H:t:n:cs")) != -1) {
		switch (opt) {
		case 'C':
			transport = optarg;
			break;
		case 'G':
			h.ssh = optarg;
			break;
		case 'p':
			h.port = (uint16_t)atoi(optarg);
			break;
		case 'l':
			h.user = optarg;
			break;
		case 'i':
			h.key = optarg;
			break;
		case 'k':
			h.known_hosts = optarg;
			break;
		case 'A':
			h.agent = optarg;
			break;
		case 'H':
			h.home = optarg;
			break;
		case 't':
			timeout_ms = atoi(optarg);
			break;
		case 'n':
			n_copies = atoi(optarg);
			break;
		case 'c':
			is_print = true;
			break;
		case 's':
			is_shut_early = true;
			break;
		default:
			return 2;
		}
	}
	h.address = argv[optind];
	code = fp_remote_config(&config, &h, &e);
	if (code) {
		fprintf(stderr, "config %s %s\n", strerrorname_np(-code),
			e.text);
		return 2;
	}
	if (is_print) {
		print_config(&config);
		return 0;
	}
	code = run(&config, transport, argv[optind + 1], timeout_ms);
	if (fclose(stdout))
		return 2;
	return code;
}
