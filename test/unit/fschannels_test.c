/* SPDX-License-Identifier: Apache-2.0 */
/* `show channels as json`, as FreeSWITCH 1.10.12 answers it. */
#include "unit.h"

#include <errno.h>

#include "codec/fschannels.h"

static const char two[] =
	"{\"row_count\":2,\"rows\":["
	"{\"uuid\":\"00b5da44-a1de-48fc-9f41-7add5f48c91f\",\"direction\":"
	"\"inbound\",\"created\":\"2026-11-21 09:26:40\",\"created_epoch\":"
	"\"1795253200\",\"name\":\"sofia/internal/caller1@127.0.0.50:5109\","
	"\"state\":\"CS_EXECUTE\",\"cid_name\":\"a, b\",\"callstate\":"
	"\"ACTIVE\"},"
	"{\"uuid\":\"2fc8fed1-18bb-4251-9dd2-7627f600d78b\",\"direction\":"
	"\"outbound\",\"name\":\"sofia/internal/2001@127.0.0.60:5080\","
	"\"state\":\"CS_CONSUME_MEDIA\",\"callstate\":\"RINGING\"}]}";

struct seen {
	struct fp_fschannel c[4];
	char text[400];
	size_t n;
	int stop;
};

static int each(void *ctx, const struct fp_fschannel *c)
{
	struct seen *s = ctx;
	size_t at = strlen(s->text);

	snprintf(s->text + at, sizeof(s->text) - at, "%s %s %s %lld\n", c->uuid,
		 c->name, c->callstate, (long long)c->created_s);
	s->n++;
	return s->stop;
}

TEST(two_channels)
{
	struct seen s = { .n = 0 };
	struct fp_err e;

	EQ(fp_fschannels_read(two, each, &s, &e), 0);
	EQ(s.n, 2);
	STR(s.text, "00b5da44-a1de-48fc-9f41-7add5f48c91f "
		    "sofia/internal/caller1@127.0.0.50:5109 ACTIVE 1795253200\n"
		    "2fc8fed1-18bb-4251-9dd2-7627f600d78b "
		    "sofia/internal/2001@127.0.0.60:5080 RINGING 0\n");
}

TEST(none)
{
	struct seen s = { .n = 0 };
	struct fp_err e;

	EQ(fp_fschannels_read("{\"row_count\": 0}", each, &s, &e), 0);
	EQ(s.n, 0);
}

TEST(stops)
{
	struct seen s = { .stop = -EIO };
	struct fp_err e;

	EQ(fp_fschannels_read(two, each, &s, &e), -EIO);
	EQ(s.n, 1);
}

TEST(what_is_no_answer)
{
	static const char *const bad[] = {
		"",
		"-ERR no",
		"{}",
		"[]",
		"{\"rows\":[]}",
		"{\"row_count\":1",
		"{\"row_count\":1,\"rows\":{}}",
		"{\"row_count\":\"1\",\"rows\":[]}",
	};
	struct seen s = { .n = 0 };
	struct fp_err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!EQ(fp_fschannels_read(bad[i], each, &s, &e), -EBADMSG))
			printf("# %s\n", bad[i]);
	EQ(s.n, 0);
}
