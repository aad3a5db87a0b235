/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_DOCTOR_PRIV_H
#define FP_RECOVER_DOCTOR_PRIV_H

#include "recover/preflight_priv.h"

/* doctor_unit.c: a unit file.  *is_plain: it runs a plain recover.  0; -ENOMEM. */
int doctor_unit(struct recover_pf *f, const struct fp_unit_text *u,
		bool *is_plain, struct fp_err *e);
/* doctor_rows.c: the table of p->store.  is_plain: something recovers all it finds.
 * 0; errors of fp_store_runs. */
int doctor_rows(struct recover_pf *f, bool is_plain, struct fp_err *e);

#endif
