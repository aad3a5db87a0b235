/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "logic/rehome_move.h"

static const char *const names[FP_MOVE_VERDICTS] = {
	[FP_MOVE_WAITING] = "waiting", [FP_MOVE_ASKED] = "asked",
	[FP_MOVE_MOVED] = "moved",     [FP_MOVE_GONE] = "gone",
	[FP_MOVE_REFUSED] = "refused", [FP_MOVE_SILENT] = "silent",
	[FP_MOVE_FAILED] = "failed",   [FP_MOVE_UNKNOWN] = "unknown",
	[FP_MOVE_SKIPPED] = "skipped", [FP_MOVE_DONE] = "done",
};

const char *fp_move_verdict_name(enum fp_move_verdict v)
{
	return (unsigned int)v < FP_MOVE_VERDICTS ? names[v] : "";
}

int fp_move_verdict_parse(const char *name, enum fp_move_verdict *out)
{
	for (unsigned int i = 0; i < FP_MOVE_VERDICTS; i++) {
		if (strcmp(names[i], name))
			continue;
		*out = (enum fp_move_verdict)i;
		return 0;
	}
	return -EINVAL;
}

/* What a JSON-RPC error means.  Source: OpenSIPS 3.6 dialog, dlg_req_within.c:
 * "Dialog Not Found" is 404; a transaction without a reply is its status, 408
 * mostly; the rest is about the request, or 500. */
static enum fp_move_verdict of_rpc(int code)
{
	if (code == 404)
		return FP_MOVE_GONE;
	return code == 408 ? FP_MOVE_SILENT : FP_MOVE_FAILED;
}

/* 501 and 505 are about what was asked, not about when.  Source: RFC 3261 14.1,
 * 21.5; facts/opensips.md, "ONE PAGE" 6. */
static enum fp_move_verdict of_sip(int code)
{
	if (code >= 200 && code < 300)
		return FP_MOVE_MOVED;
	if (code == 481 || code == 404)
		return FP_MOVE_GONE;
	if (code == 408)
		return FP_MOVE_SILENT;
	if (code == 491 ||
	    (code >= 500 && code < 600 && code != 501 && code != 505))
		return FP_MOVE_FAILED;
	return code < 200 ? FP_MOVE_UNKNOWN : FP_MOVE_REFUSED;
}

enum fp_move_verdict fp_move_classify(const struct fp_move_answer *a)
{
	if (a->code == -E2BIG) /* never sent */
		return FP_MOVE_FAILED;
	if (a->code)
		return FP_MOVE_UNKNOWN;
	return a->rpc_code ? of_rpc(a->rpc_code) : of_sip(a->sip_code);
}
