/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_ESL_SERVER_H
#define FP_TEST_ESL_SERVER_H

/* An event socket of our own, which says what a FreeSWITCH 1.10.12 says, word for
 * word: a process that serves one connection after the other. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#include "test/unit/unit.h"

#define RUN_1 "e22500dd-f615-42c6-8536-bd4c32120ef0"
#define RUN_2 "746dea85-af9a-47d5-8ea9-1ababb0ee26c"
#define JOB "d214ad5a-1307-48eb-9371-cb7835648fca"

/* ---- the server: a process, one connection after the other */

struct server {
	int fd;
	const char *name, *password;
	int n_served;
	bool is_hearing;
	int n_before_job; /* commands until its job ends; 0: none */
};

static void say(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		text += sent;
		n -= (size_t)sent;
	}
}

static void reply(int fd, const char *text)
{
	char frame[400];

	snprintf(frame, sizeof(frame),
		 "Content-Type: command/reply\nReply-Text: %s\n\n", text);
	say(fd, frame, strlen(frame));
}

static void respond(int fd, const char *body)
{
	char head[100];

	snprintf(head, sizeof(head),
		 "Content-Type: api/response\nContent-Length: %zu\n\n",
		 strlen(body));
	say(fd, head, strlen(head));
	say(fd, body, strlen(body));
}

static void tell(int fd, const char *event)
{
	char head[100];

	snprintf(head, sizeof(head),
		 "Content-Length: %zu\nContent-Type: text/event-plain\n\n",
		 strlen(event));
	say(fd, head, strlen(head));
	say(fd, event, strlen(event));
}

static void end_job(int fd)
{
	tell(fd, "Event-Name: BACKGROUND_JOB\nJob-UUID: 0\n"
		 "Content-Length: 4\n\n+OK\n");
	tell(fd, "Event-Name: BACKGROUND_JOB\nJob-UUID: " JOB "\n"
		 "Job-Command: fsctl\nJob-Command-Arg: recover%20sofia%3Afp-1\n"
		 "Content-Length: 36\n\n+OK 2 session(s) recovered in total\n");
}

static const char status[] =
	"{\"status\":\"success\",\"response\":{\"systemStatus\":\"ready\","
	"\"uptime\":{\"years\":0,\"days\":0,\"hours\":0,\"minutes\":1,"
	"\"seconds\":5},\"version\":\"1.10.12\",\"sessions\":{\"count\":"
	"{\"total\":7,\"active\":3,\"peak\":4,\"peak5Min\":4,\"limit\":1000},"
	"\"rate\":{\"current\":1,\"max\":30,\"peak\":2,\"peak5Min\":2}},"
	"\"idleCPU\":{\"used\":5,\"allowed\":91.5},\"stackSizeKB\":"
	"{\"current\":240,\"max\":240}}}";
static const char sofia[] =
	"                     Name\t   Type\t"
	"                                      Data\tState\n"
	"================================================================\n"
	"                 internal\tprofile\t"
	"             sip:mod_sofia@192.0.2.21:5060\tRUNNING (0)\n"
	"================================================================\n"
	"1 profile 0 aliases\n";

static const char *answer_of(const struct server *s, const char *command)
{
	static char text[100];
	struct timespec t;

	if (!strcmp(command, "strmicroepoch")) {
		clock_gettime(CLOCK_REALTIME, &t);
		snprintf(text, sizeof(text), "%lld",
			 (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
		return text;
	}
	if (!strncmp(command, "json ", 5))
		return status;
	if (!strncmp(command, "fsctl pause_check", 17))
		return "false";
	if (!strcmp(command, "global_getvar core_uuid"))
		return s->n_served > 1 ? RUN_2 : RUN_1;
	if (!strcmp(command, "switchname"))
		return s->name;
	if (!strcmp(command, "version"))
		return "FreeSWITCH Version 1.10.12-release~64bit ( 64bit)\n";
	if (!strcmp(command, "sofia status"))
		return sofia;
	if (!strcmp(command, "uuid_kill nosuch"))
		return "-ERR No such channel!\n";
	if (!strncmp(command, "echo ", 5))
		return command + 5;
	return "-ERR nosuchcmd Command not found!\n";
}

/* 5 MB, in which no line ends. */
static void respond_big(int fd)
{
	size_t n = (size_t)5 << 20;
	char *body = malloc(n + 1);

	memset(body, 'x', n);
	body[n] = 0;
	respond(fd, body);
	free(body);
}

static bool take(struct server *s, int fd, const char *line)
{
	if (!strncmp(line, "auth ", 5)) {
		bool is_right = !strcmp(line + 5, s->password);

		reply(fd, is_right ? "+OK accepted" : "-ERR invalid");
		return is_right;
	}
	if (!strncmp(line, "event plain ", 12)) {
		reply(fd, "+OK event listener enabled plain");
		if (!strcmp(line + 12, "CHANNEL_CREATE"))
			tell(fd, "Event-Name: CHANNEL_CREATE\n\n");
		s->is_hearing |= !strcmp(line + 12, "BACKGROUND_JOB");
	} else if (!strcmp(line, "bgapi fsctl recover sofia:fp-1")) {
		reply(fd, "+OK Job-UUID: " JOB "\nJob-UUID: " JOB);
		s->n_before_job = 3;
		return true;
	} else if (!strcmp(line, "api quit")) {
		return false;
	} else if (!strcmp(line, "api freeze")) {
		pause();
	} else if (!strcmp(line, "api big")) {
		respond_big(fd);
	} else if (!strncmp(line, "api ", 4)) {
		respond(fd, answer_of(s, line + 4));
	} else {
		reply(fd, "-ERR command not found");
	}
	if (s->n_before_job && s->is_hearing && !--s->n_before_job)
		end_job(fd);
	return true;
}

static void serve(struct server *s)
{
	char in[1 << 16], *end;
	size_t n = 0;
	ssize_t got;
	int fd = accept(s->fd, NULL, NULL), on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->n_served++;
	s->is_hearing = false;
	say(fd, "Content-Type: auth/request\n\n", 28);
	while ((got = recv(fd, in + n, sizeof(in) - 1 - n, 0)) > 0) {
		n += (size_t)got;
		in[n] = 0;
		while ((end = strstr(in, "\n\n"))) {
			*end = 0;
			if (!take(s, fd, in)) {
				close(fd);
				return;
			}
			n -= (size_t)(end + 2 - in);
			memmove(in, end + 2, n + 1);
		}
	}
	close(fd);
}

/* Its process; frozen: nobody accepts. */
static pid_t start(int *port, const char *name, const char *password,
		   bool is_frozen)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	struct server s = { .name = name, .password = password };
	pid_t pid;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	OK(!bind(s.fd, (struct sockaddr *)&a, sizeof(a)) && !listen(s.fd, 8) &&
	   !getsockname(s.fd, (struct sockaddr *)&a, &len));
	*port = ntohs(a.sin_port);
	if (is_frozen)
		return 0; /* the kernel accepts for it */
	pid = fork();
	if (!pid) {
		alarm(60);
		for (;;)
			serve(&s);
	}
	close(s.fd);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif
