/* SPDX-License-Identifier: Apache-2.0 */
/* Words with commas between them. */
#include "unit.h"

#include "verb/words.h"

#include <errno.h>

static const struct fp_opt opts[] = { { .name = "run" }, { .name = NULL } };
static const struct fp_tool tool = { .name = "tool", .opts = opts };

static int read_words(struct fp_words *w, const char *value, struct fp_err *e)
{
	const struct fp_cli c = { .tool = &tool, .values = { value } };

	return fp_words_of(w, &c, "run", e);
}

TEST(words_of_an_option)
{
	struct fp_words w;
	struct fp_err e;

	EQ(read_words(&w, NULL, &e), 0);
	EQ(w.n, 0);
	OK(!fp_words_have(&w, ""));
	EQ(read_words(&w, "a,bb,a", &e), 0);
	EQ(w.n, 3);
	STR(w.v[1], "bb");
	OK(fp_words_have(&w, "bb"));
	OK(!fp_words_have(&w, "b"));
	fp_words_fini(&w);
	EQ(w.n, 0);
	fp_words_fini(&w);
}

TEST(an_empty_word)
{
	static const char *const bad[] = { "", ",", "a,", ",a", "a,,b" };
	struct fp_words w;
	struct fp_err e;
	char want[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		EQ(read_words(&w, bad[i], &e), -EINVAL);
		snprintf(want, sizeof(want), "--run %s: an empty word", bad[i]);
		STR(e.text, want);
		OK(!w.v && !w.text);
	}
}

TEST(words_in_a_field)
{
	char field[8] = "";

	fp_words_add(field, sizeof(field), "ab");
	fp_words_add(field, sizeof(field), "b");
	fp_words_add(field, sizeof(field), "a");
	STR(field, "ab,b,a");
	fp_words_add(field, sizeof(field), "b");
	STR(field, "ab,b,a");
	fp_words_add(field, sizeof(field), "ccc");
	STR(field, "ab,b,a,");
}
