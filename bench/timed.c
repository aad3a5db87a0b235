/* SPDX-License-Identifier: Apache-2.0 */
/* timed NAME ROUND [-s FILE] COMMAND...: run a command, its output thrown away;
 * print how long it took, the CPU time that it and those it waited for used, and
 * the most memory one of them had.  -s: then append to FILE and fdatasync it, as
 * the least a durable change costs. */

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "bench/bench.h"

extern char **environ;

static void sync_line(const char *file)
{
	static const char line[] = "+192.0.2.7 why=bench\n";
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, line, sizeof(line) - 1) < 0 || fdatasync(fd))
		die("%s: %s", file, strerror(errno));
	close(fd);
}

/* stdout carries figures: the command's own output goes to the bin. */
static int run(char **argv, struct rusage *used)
{
	posix_spawn_file_actions_t actions;
	int status, r;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	if (r)
		die("%s: %s", argv[0], strerror(r));
	if (wait4(pid, &status, 0, used) != pid)
		die("wait: %s", strerror(errno));
	posix_spawn_file_actions_destroy(&actions);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static double cpu_s(const struct rusage *used)
{
	return (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
	       (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
	const char *file = NULL;
	char name[128];
	struct rusage used;
	int first = 3, status;
	double t;

	if (argc > 5 && !strcmp(argv[3], "-s")) {
		file = argv[4];
		first = 5;
	}
	if (argc <= first)
		die("usage: timed NAME ROUND [-s FILE] COMMAND...");
	t = seconds(CLOCK_MONOTONIC);
	status = run(argv + first, &used);
	if (file)
		sync_line(file);
	t = seconds(CLOCK_MONOTONIC) - t;
	if (status)
		die("%s: exit status %d", argv[first], status);
	figure(argv[1], atoi(argv[2]), t);
	snprintf(name, sizeof(name), "cpu/%s", argv[1]);
	figure(name, atoi(argv[2]), cpu_s(&used));
	snprintf(name, sizeof(name), "rss/%s", argv[1]);
	figure(name, atoi(argv[2]), (double)used.ru_maxrss / 1e3);
	return 0;
}
