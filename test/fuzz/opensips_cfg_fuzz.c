/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations: what is found is text within bounds, at lines that are there. */
#include <stdlib.h>
#include <string.h>

#include "codec/opensips_cfg.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct fp_err e = { .text = "" };
	struct fp_os_cfg cfg;
	bool has_active = false;
	size_t lines = 1;

	for (size_t i = 0; i < n; i++)
		lines += data[i] == '\n';
	if (fp_os_cfg_read(&cfg, (const char *)data, n, &e)) {
		check(*e.text);
		return 0;
	}
	check(cfg.n_tags <= FP_OS_CFG_TAGS);
	check(cfg.line_auto_sync <= lines && cfg.line_active <= lines);
	for (size_t i = 0; i < cfg.n_tags; i++) {
		check(memchr(cfg.tag[i].name, 0, sizeof(cfg.tag[i].name)));
		has_active |= cfg.tag[i].is_active;
	}
	check(!has_active || cfg.line_active);
	return 0;
}
