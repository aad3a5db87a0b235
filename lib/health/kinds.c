/* SPDX-License-Identifier: Apache-2.0 */
#include "health/probe.h"

const struct fp_probe_kind *const fp_probe_kinds[] = {
	NULL,
};
