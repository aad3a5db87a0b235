/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_ASK_H
#define FP_CMD_HEALTH_ASK_H

/* What check, watch and status share: the site of the command line. */

#include "health.h"
#include "health/site.h"
#include "io/work.h"

#define FH_LISTS_DIR "/etc/fastpath/lists"

struct fh_ask {
	struct fp_cli *c;
	struct fp_inventory *inv;
	const struct fp_host **hosts; /* those of the command line */
	size_t n_hosts;
	struct fp_loop *loop;
	struct fp_work *work; /* for fp_db */
	struct fp_fleet_opts fleet;
	char name[256]; /* this host's */
	struct fp_site *site;
	struct fp_site_opts opts; /* the caller sets changed, tick, ctx ... */
	bool is_ssh_open;
	/* maintenance */
	const char *conninfo; /* fp_db, or NULL */
	struct fp_task *marking;
	void (*marked)(struct fh_ask *a);
	bool is_db_away; /* said already */
};

/* The command line, the cluster file, the loop; opts as they say.  operands choose
 * nodes in place of -N.  0: fh_ask_close.  -EINVAL -ENOENT -errno. */
int fh_ask_open(struct fh_ask *a, struct fp_cli *c, void (*reload)(void *ctx),
		void *reload_ctx, struct fp_err *e);
/* Make a->site of a->opts.  0; as fp_site_open. */
int fh_ask_site(struct fh_ask *a, struct fp_err *e);
/* Read the cluster file again, and have a new site that knows what the old one did;
 * the caller starts it.  0; -errno: all is as it was. */
int fh_ask_again(struct fh_ask *a, struct fp_err *e);
void fh_ask_close(struct fh_ask *a);

/* Who is in maintenance: fp_db's marks, or their copy when it is away, go to
 * a->site; then marked is called from the loop (may be NULL). */
void fh_ask_marks(struct fh_ask *a, int64_t timeout_ms);

/* --rise, --fall, --parallel ...: a number from 1 to max; what it was without the
 * option.  -EINVAL. */
int fh_number(const struct fp_cli *c, const char *option, unsigned int max,
	      unsigned int *out, struct fp_err *e);
int fh_duration(const struct fp_cli *c, const char *option, int64_t *out_ms,
		struct fp_err *e);

/* The figures of a reading as perfdata: "sessions=12;;;;1000 idle=98%;;;;".
 * prefix: in front of each label, or "".  Source: Monitoring Plugins Development
 * Guidelines, "Performance data". */
void fh_perfdata(struct fp_buf *to, const char *prefix,
		 const struct fp_reading *r);

#endif
