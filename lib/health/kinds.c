/* SPDX-License-Identifier: Apache-2.0 */
#include "health/probe.h"

/* In this order they stand in records. */
const struct fp_probe_kind *const fp_probe_kinds[] = {
	&fp_probe_sip, &fp_probe_mi,   &fp_probe_esl,  &fp_probe_ng,
	&fp_probe_pg,  &fp_probe_amqp, &fp_probe_rows, NULL,
};
