/* SPDX-License-Identifier: Apache-2.0 */
/* The event socket's frames: captured bytes in test/corpus/esl, whole and cut at
 * every byte, and what is no event socket. */
#include <fcntl.h>
#include <math.h>

#include "base/buf.h"
#include "codec/esl.h"

#include "unit.h"

#define DIR "test/corpus/esl/"
#define MAX_BYTES ((size_t)1 << 20)

static struct fp_esl_reader *reader_new(void)
{
	struct fp_esl_reader *r;

	if (!EQ(fp_esl_reader_new(&r, MAX_BYTES), 0))
		exit(1);
	return r;
}

static const char *kind_name(enum fp_esl_kind k)
{
	static const char *const names[] = { "auth",  "reply",      "response",
					     "event", "disconnect", "rejected",
					     "other" };

	return names[k];
}

static void show(struct fp_buf *to, const struct fp_esl_frame *f)
{
	fp_buf_printf(to, "%s %s %zu; ", kind_name(f->kind), f->text,
		      f->body_len);
}

/* All frames that are there. */
static int take(struct fp_esl_reader *r, struct fp_buf *to, struct fp_err *e)
{
	struct fp_esl_frame f;
	int code;

	while ((code = fp_esl_next(r, &f, e)) == 1)
		show(to, &f);
	return code;
}

/* The frames of text, fed at once; how it ended when not well. */
static const char *frames_of(const char *text)
{
	static char said[1024];
	struct fp_esl_reader *r = reader_new();
	struct fp_buf b = { 0 };
	struct fp_err e;
	int code;

	EQ(fp_esl_feed(r, text, strlen(text)), 0);
	code = take(r, &b, &e);
	if (code)
		fp_buf_printf(&b, "%d %s", code, e.text);
	snprintf(said, sizeof(said), "%s", fp_buf_str(&b));
	fp_buf_fini(&b);
	fp_esl_reader_free(r);
	return said;
}

static size_t read_file(const char *name, char *to, size_t size)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), DIR "%s", name);
	fd = open(path, O_RDONLY);
	n = read(fd, to, size - 1);
	close(fd);
	if (!OK(n > 0))
		exit(1);
	to[n] = 0;
	return (size_t)n;
}

static const struct {
	const char *name, *frames;
} captures[] = {
	{ "01_auth_ok_api",
	  "auth  0; reply +OK accepted 0; response  346; response  34; "
	  "reply -ERR command not found 0; response  22; response  10; "
	  "response  17; response  388; response  454; reply +OK bye 0; "
	  "disconnect  67; " },
	{ "02_auth_bad", "auth  0; reply -ERR invalid 0; disconnect  67; " },
	{ "03_noauth_cmd", "auth  0; reply -ERR command not found 0; " },
	{ "04_bgapi",
	  "auth  0; reply +OK accepted 0; "
	  "reply +OK event listener enabled plain 0; "
	  "reply +OK Job-UUID: 11111111-2222-3333-4444-555555555555 0; "
	  "event  885; "
	  "reply +OK Job-UUID: d214ad5a-1307-48eb-9371-cb7835648fca 0; "
	  "event  613; reply +OK no longer listening for events 0; "
	  "reply +OK bye 0; disconnect  67; " },
	{ "05_heartbeat_plain",
	  "auth  0; reply +OK accepted 0; "
	  "reply +OK event listener enabled plain 0; event  882; "
	  "reply +OK bye 0; disconnect  67; " },
	{ "06_heartbeat_json",
	  "auth  0; reply +OK accepted 0; "
	  "reply +OK event listener enabled json 0; event  911; "
	  "reply +OK bye 0; disconnect  67; " },
	{ "07_events_nosuch",
	  "auth  0; reply +OK accepted 0; reply -ERR no keywords supplied 0; "
	  "reply +OK event listener enabled json 0; response  21; event  525; "
	  "reply +OK events nixed 0; reply +OK bye 0; disconnect  67; " },
	{ "09_rude_rejection", "rejected  24; disconnect  67; " },
};
#define N_CAPTURES (sizeof(captures) / sizeof(*captures))

TEST(captured_frames)
{
	static char text[65536];

	for (size_t i = 0; i < N_CAPTURES; i++) {
		read_file(captures[i].name, text, sizeof(text));
		STR(frames_of(text), captures[i].frames);
	}
}

TEST(cut_at_every_byte)
{
	static char text[65536];

	for (size_t i = 0; i < N_CAPTURES; i++) {
		size_t n = read_file(captures[i].name, text, sizeof(text));

		for (size_t cut = 0; cut <= n && !unit_failed; cut++) {
			struct fp_esl_reader *r = reader_new();
			struct fp_buf b = { 0 };

			fp_esl_feed(r, text, cut);
			EQ(take(r, &b, NULL), 0);
			fp_esl_feed(r, text + cut, n - cut);
			EQ(take(r, &b, NULL), 0);
			if (!STR(fp_buf_str(&b), captures[i].frames))
				printf("# %s cut at %zu\n", captures[i].name,
				       cut);
			fp_buf_fini(&b);
			fp_esl_reader_free(r);
		}
	}
}

TEST(one_byte_at_a_time)
{
	static char text[65536];

	for (size_t i = 0; i < N_CAPTURES; i++) {
		size_t n = read_file(captures[i].name, text, sizeof(text));
		struct fp_esl_reader *r = reader_new();
		struct fp_buf b = { 0 };

		for (size_t at = 0; at < n; at++) {
			fp_esl_feed(r, text + at, 1);
			EQ(take(r, &b, NULL), 0);
		}
		STR(fp_buf_str(&b), captures[i].frames);
		fp_buf_fini(&b);
		fp_esl_reader_free(r);
	}
}

/* The last event of a capture, in *f of r. */
static bool find_event(struct fp_esl_reader *r, const char *name,
		       struct fp_esl_frame *f)
{
	static char text[65536];
	size_t n = read_file(name, text, sizeof(text));

	fp_esl_feed(r, text, n);
	while (fp_esl_next(r, f, NULL) == 1)
		if (f->kind == FP_ESL_EVENT)
			return true;
	return OK(!"an event");
}

TEST(headers_of_an_event)
{
	struct fp_esl_reader *r = reader_new();
	struct fp_esl_frame f;
	char v[128];

	if (!find_event(r, "05_heartbeat_plain", &f))
		return;
	OK(fp_esl_header(f.body, "Event-Name", true, v, sizeof(v)));
	STR(v, "HEARTBEAT");
	OK(fp_esl_header(f.body, "event-info", true, v, sizeof(v)));
	STR(v, "System Ready");
	OK(fp_esl_header(f.body, "Event-Info", false, v, sizeof(v)));
	STR(v, "System%20Ready");
	OK(fp_esl_header(f.body, "FreeSWITCH-IPv6", true, v, sizeof(v)));
	STR(v, "fd00::2");
	OK(fp_esl_header(f.body, "Idle-CPU", true, v, sizeof(v)));
	STR(v, "91.466667");
	OK(fp_esl_header(f.head, "Content-Type", false, v, sizeof(v)));
	STR(v, "text/event-plain");
	OK(!fp_esl_header(f.body, "Idle", true, v, sizeof(v)));
	OK(!fp_esl_header(f.body, "Idle-CPU-", true, v, sizeof(v)));
	/* it must fit whole */
	OK(!fp_esl_header(f.body, "Event-Name", true, v, 9));
	OK(fp_esl_header(f.body, "Event-Name", true, v, 10));
	fp_esl_reader_free(r);
}

/* A BACKGROUND_JOB has a second body, whose lines are no headers. */
TEST(headers_end_at_the_empty_line)
{
	struct fp_esl_reader *r = reader_new();
	struct fp_esl_frame f;
	char v[128];

	if (!find_event(r, "04_bgapi", &f))
		return;
	OK(fp_esl_header(f.body, "Job-Command", true, v, sizeof(v)));
	STR(v, "status");
	HAS(f.body, "\nCurrent Stack Size/Max");
	OK(!fp_esl_header("A: 1\n\nB: 2\n", "B", false, v, sizeof(v)));
	OK(fp_esl_header("A: 1\nB: 2", "B", false, v, sizeof(v)));
	STR(v, "2");
	fp_esl_reader_free(r);
}

TEST(percent)
{
	static const struct {
		const char *in, *out;
	} v[] = {
		{ "a%20b", "a b" }, { "%3a%3A", "::" }, { "100%", "100%" },
		{ "%", "%" },       { "%4", "%4" },     { "%zz", "%zz" },
		{ "%00x", "%00x" }, { "%2520", "%20" }, { "", "" },
	};
	char block[64], out[32];

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		snprintf(block, sizeof(block), "X: %s\n", v[i].in);
		OK(fp_esl_header(block, "X", true, out, sizeof(out)));
		STR(out, v[i].out);
	}
}

TEST(what_is_no_event_socket)
{
	STR(frames_of("SSH-2.0-OpenSSH_9.2p1\r\n"),
	    "-74 no event socket: it says \"SSH-2.0-OpenSSH_9.2p1?\"");
	STR(frames_of("220 mx"), "-74 no event socket: it says \"220 mx\"");
	STR(frames_of("HTTP/1.1 400 Bad Request\r\n\r\n"),
	    "-74 no event socket: it says \"HTTP/1.1 400 Bad Request?\"");
	STR(frames_of("\x16\x03\x01"), "-74 no event socket: it says \"???\"");
	STR(frames_of("nocolon\n"), "-74 no event socket: it says \"nocolon\"");
	STR(frames_of(": x\n"), "-74 no event socket: it says \": x\"");
	STR(frames_of("Content-Length: x\n\n"),
	    "-74 Content-Length is no number");
	STR(frames_of("Content-Length: -1\n\n"),
	    "-74 Content-Length is no number");
	STR(frames_of("Content-Length:\n\n"),
	    "-74 Content-Length without a number");
	STR(frames_of("Content-Length: 99999999999999999999999\n\n"),
	    "-90 it announces more than 1048576 bytes");
	STR(frames_of("Content-Type: auth/request\n\nand so on"),
	    "auth  0; -74 no event socket: it says \"and so on\"");
}

TEST(what_is_taken)
{
	STR(frames_of("Content-Type: log/data\nContent-Length: 2\n\nab"),
	    "other  2; ");
	STR(frames_of("Foo: bar\n\n"), "other  0; ");
	STR(frames_of("content-type:COMMAND/REPLY\nreply-text:+OK\n\n"),
	    "reply +OK 0; ");
	/* a body that has one newline more than it said */
	STR(frames_of("Content-Type: api/response\nContent-Length: 1\n\na\n"
		      "Content-Type: api/response\nContent-Length: 0\n\n"),
	    "response  1; response  0; ");
	STR(frames_of(""), "");
	STR(frames_of("Content-Length: 1048576\n\n"), "");
}

TEST(zeros_in_a_body)
{
	static const char inside[] = "Content-Length: 3\n\na\0b",
			  end[] = "Content-Length: 3\n\na\0";
	struct fp_esl_reader *r = reader_new();
	struct fp_esl_frame f;

	fp_esl_feed(r, end, sizeof(end));
	EQ(fp_esl_next(r, &f, NULL), 1);
	STR(f.body, "a");
	EQ(f.body_len, 3);
	fp_esl_feed(r, inside, sizeof(inside) - 1);
	EQ(fp_esl_next(r, &f, NULL), -EBADMSG);
	fp_esl_reader_free(r);
}

/* A head without an end is given up, a dripping one too. */
TEST(endless_head)
{
	struct fp_esl_reader *r = reader_new();
	struct fp_esl_frame f;
	int code = 0;
	size_t n = 0;

	while (!code && n < 10000000) {
		EQ(fp_esl_feed(r, "Name: value\n", 12), 0);
		code = fp_esl_next(r, &f, NULL);
		n += 12;
	}
	EQ(code, -EMSGSIZE);
	OK(n < 70000);
	fp_esl_reader_free(r);
}

static const char status[] =
	"{\"command\":\"status\",\"data\":\"\",\"status\":\"success\","
	"\"response\":{\"systemStatus\":\"ready\",\"sessions\":{\"count\":"
	"{\"active\":7,\"limit\":5000}},\"idleCPU\":"
	"{\"used\":0,\"allowed\":91.966666666666669}}}";

TEST(json)
{
	char v[16];

	EQ(fp_esl_json_number(status, "response.sessions.count.active"), 7);
	EQ(fp_esl_json_number(status, "response.idleCPU.allowed") * 1000,
	   91966);
	OK(isnan(fp_esl_json_number(status, "response.sessions")));
	OK(isnan(fp_esl_json_number(status, "response.sessions.count.x")));
	OK(isnan(fp_esl_json_number(status, "status.x")));
	OK(isnan(fp_esl_json_number("-ERR json Command not found!\n", "a")));
	OK(isnan(fp_esl_json_number("", "a")));
	OK(fp_esl_json_text(status, "response.systemStatus", v, sizeof(v)));
	STR(v, "ready");
	OK(!fp_esl_json_text(status, "response.systemStatus", v, 5));
	OK(!fp_esl_json_text(status, "response.idleCPU.used", v, sizeof(v)));
}
