/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "logic/recover_groups_priv.h"

static const char *const words[] = {
	"orphan",  "one-leg", "unsafe",  "tcp",   "tls",    "ws",  "dtls",
	"srtp",    "held",    "video",   "t38",   "bypass", "nat", "too-young",
	"too-old", "broken",  "foreign", "twice", "edge",
};

const char *fp_call_word(unsigned int bit)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (bit == 1u << i)
			return words[i];
	return NULL;
}

void fp_call_words(unsigned int all, char *out, size_t size)
{
	size_t at = 0;

	if (size == 0)
		return;
	snprintf(out, size, "ok");
	for (unsigned int bit = 1; bit != 0 && at < size; bit <<= 1) {
		const char *word = all & bit ? fp_call_word(bit) : NULL;

		if (word != NULL)
			at += (size_t)snprintf(out + at, size - at, "%s%s",
					       at > 0 ? "," : "", word);
	}
}

const char *fp_call_kind_name(enum fp_call_kind k)
{
	static const char *const names[] = {
		[FP_CALL_BRIDGE] = "bridge",
		[FP_CALL_CONFERENCE] = "conference",
		[FP_CALL_SINGLE] = "one-leg",
		[FP_CALL_ALONE] = "orphan",
		[FP_CALL_CHAIN] = "chain",
	};

	return k < sizeof(names) / sizeof(*names) ? names[k] : "?";
}

static const char *const fates[] = {
	[FP_FATE_MOVE] = "move",     [FP_FATE_BYE] = "bye",
	[FP_FATE_REDIAL] = "redial", [FP_FATE_SKIP] = "skip",
	[FP_FATE_LOST] = "lost",
};

const char *fp_call_fate_name(enum fp_call_fate f)
{
	return f < sizeof(fates) / sizeof(*fates) ? fates[f] : "?";
}

int fp_call_fate_parse(const char *s, enum fp_call_fate *out)
{
	for (enum fp_call_fate f = FP_FATE_BYE; f <= FP_FATE_SKIP; f++)
		if (strcmp(s, fates[f]) == 0) {
			*out = f;
			return 0;
		}
	return -EINVAL;
}
