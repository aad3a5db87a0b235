/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of JSON, and bounds of a text. */
#include "base/json.h"
#include "unit.h"

TEST(strings)
{
	static const struct {
		const char *in, *str, *bytes; /* bytes NULL: the same */
	} v[] = {
		{ "", "\"\"", NULL },
		{ "a\"b\\c/", "\"a\\\"b\\\\c/\"", NULL },
		{ "\b\f\n\r\t\x01\x1f\x7f",
		  "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"", NULL },
		{ "\xc2\x80\xc2\x9b\xc2\xa0\xd8\x9c\xe2\x80\xa8\xef\xbb\xbf",
		  "\"\\u0080\\u009b\xc2\xa0\\u061c\\u2028\\ufeff\"", NULL },
		{ "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\"",
		  NULL },
		{ "a\xff"
		  "b",
		  "\"a\xef\xbf\xbd"
		  "b\"",
		  "\"a\xff"
		  "b\"" },
		/* half of a surrogate pair; the end of the text in a character */
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
		  "\"\xed\xa0\x80\"" },
		{ "\xc3", "\"\xef\xbf\xbd\"", "\"\xc3\"" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_buf b = { .data = NULL };

		fp_json_str_add(&b, v[i].in);
		STR(fp_buf_str(&b), v[i].str);
		b.len = 0;
		fp_json_bytes_add(&b, v[i].in);
		STR(fp_buf_str(&b), v[i].bytes ? v[i].bytes : v[i].str);
		fp_buf_fini(&b);
	}
}

static bool is_bounded(const char *s)
{
	return fp_json_is_bounded(s, strlen(s), 2, 5);
}

TEST(bounds)
{
	OK(is_bounded(""));
	OK(is_bounded("{\"a\":[1,2]}"));
	OK(!is_bounded("{\"a\":[[]]}"));
	OK(is_bounded("[[],[]]"));
	OK(!is_bounded("[1,2,3,4,5]"));
	OK(is_bounded("[\"[[[,,,,,\\\"[[[,,,,\"]"));
	OK(is_bounded("]]]]"));
	OK(is_bounded("\"\\"));
}
