/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_FILTER_H
#define FP_NODE_FILTER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/settings.h"
#include "node/node.h"
#include "peer/netlink.h"
#include "peer/sshd.h"
#include "peer/xdp.h"

/* The filter on this node's NICs: pins, settings, programs and links, changed
 * under the lists' lock.  What a killed run left is finished by the next one.
 *
 * A NIC has a slot: its row of counters and its place in conf->nic[].  It is
 * attached when PINS/vLAYOUT/links/NIC is a link to it; the one who opens the
 * filter to change it gives slots and pins the names that NICs have by now. */

struct fp_filter_opts {
	const char *state_dir, *pins;
	enum fp_node_access access; /* FP_NODE_WRITE, or READ_BOTH to look */
	int64_t timeout_ms;         /* for the lock */
	bool is_make;      /* make the pin directory when it is missing */
	bool is_broken_ok; /* compile without lists that cannot be read */
	bool is_upgrade;   /* tables of another layout are what it is about */
	/* attach: the list _cluster follows this file; NULL: it stays */
	const char *cluster;
	bool is_cluster_named; /* a missing file is an error */
	void (*notice)(void *ctx, const char *text);
	void *ctx;
};

struct fp_filter {
	struct fp_filter_opts opts;
	struct fp_node node;         /* node.maps NULL: nothing is loaded */
	struct fp_settings settings; /* as the file says */
	int n_bad_settings;          /* lines of it that were left out */
	char dir[PATH_MAX];          /* PINS/vLAYOUT */
	bool is_ready;
	bool is_behind; /* tables or _cluster are not as they should be */
};

/* 0: close with fp_filter_close.  -EAGAIN: locked.  -EINVAL: pins is not in a
 * bpffs.  -EPROTO: tables of another layout, and not is_upgrade. */
int fp_filter_open(struct fp_filter *f, const struct fp_filter_opts *opts,
		   struct fp_err *e);
void fp_filter_close(struct fp_filter *f);

/* Is something not as the lists and the settings file say?  (Notices were
 * sent.) */
bool fp_filter_is_partial(const struct fp_filter *f);

/* What is known of a NIC. */
struct fp_filter_nic {
	struct fp_net_link link; /* ifindex 0: there is no such NIC */
	int slot;                /* -1: none */
	bool is_pinned;          /* run is filled */
	struct fp_xdp_link run;
	uint32_t build;   /* fp_xdp_build of whose program it is; 0: unknown */
	bool is_current;  /* the program is this build's */
	int64_t loaded_s; /* unix time when it was put there */
	bool is_attached; /* the filter is on this very NIC */
	bool is_generic;
	int64_t confirm_s; /* until it stops filtering; 0: has; -1: for good */
	/* Seconds for which its packets were looked at without a break; -1: they
	 * are not now. */
	int64_t looked_s;
};
/* name: alternative names too, while the NIC is there; out->link.name is the
 * one that pins go by.  0; -errno. */
int fp_filter_look(struct fp_filter *f, const char *name,
		   struct fp_filter_nic *out, struct fp_err *e);
/* The same for a slot that is taken: by its link, wherever there is one.  run.ifindex
 * without link.ifindex: that NIC is in another network namespace. */
int fp_filter_look_slot(struct fp_filter *f, int slot,
			struct fp_filter_nic *out, struct fp_err *e);

struct fp_attach {
	const char *name;
	enum fp_xdp_want want;
	bool is_any_mode;   /* one that is attached may stay as it is */
	int64_t confirm_ms; /* 0: for good */
	bool is_dry_run;
	/* nobody asks for this one now: what a person took off stays off, and what
	 * was not confirmed in time stays stopped */
	bool is_stay;
};
/* Attach the filter to a NIC.  The first one makes the tables: they are filled
 * before any packet meets them.
 * 0: *out says what is now, *is_changed what would be under is_dry_run.
 * -ENODEV: no such NIC.  -EEXIST: another XDP program is there.
 * -EOPNOTSUPP: the driver cannot.  -ENOSPC: FP_NICS are attached.
 * -ECANCELED: is_stay, and a person took it off.  -errno. */
int fp_filter_attach(struct fp_filter *f, const struct fp_attach *a,
		     struct fp_filter_nic *out, bool *is_changed,
		     struct fp_err *e);

/* Take the filter off a NIC and forget its counters.  That a person did so is
 * remembered until fp_filter_attach without is_stay, or the next boot.
 * 0; -errno. */
int fp_filter_detach(struct fp_filter *f, const char *name, bool *is_changed,
		     struct fp_err *e);
/* When no NIC is left, take the tables away.  0; -errno. */
int fp_filter_drop_unused(struct fp_filter *f, bool *is_dropped,
			  struct fp_err *e);

/* Attached with a deadline: for good from now on.
 * -ENOENT: not attached.  -ETIME: too late, it has stopped filtering. */
int fp_filter_confirm(struct fp_filter *f, const char *name, bool is_dry_run,
		      bool *is_changed, struct fp_err *e);

/* Change settings: the file first, durably, then the maps.  0; -errno. */
int fp_filter_set(struct fp_filter *f, const struct fp_settings *to,
		  struct fp_err *e);

/* Break the glass: for ms nothing is dropped, what would be is counted as seen.
 * 0 ms: no longer.  The deadline is in the kernel, rounded up to a second; a
 * reboot ends it, and so does an upgrade to another layout of the tables.  No
 * lock is needed.  *left_s: what is left of it now.
 * 0; -ENOENT: no filter is loaded.  -errno. */
int fp_filter_bypass(const char *pins, int64_t ms, bool *is_changed,
		     uint64_t *left_s, struct fp_err *e);
/* Seconds until the filter drops again; 0: it does. */
uint64_t fp_filter_bypass_s(const struct fp_conf *c);

/* One NIC of an upgrade. */
typedef void fp_filter_upgraded(void *ctx, const char *ifname, bool is_changed);
/* Put this build's program under every link, and bring tables of another layout
 * into this one's: old links keep the old program and its tables until the new
 * ones are complete.
 * is_dry_run: only say.  each is told about every attached NIC.
 * 0: also when nothing is loaded.  -EPERM rule broken: a list cannot be read,
 * and new tables would lack it.  -errno. */
int fp_filter_upgrade(struct fp_filter *f, bool is_dry_run,
		      fp_filter_upgraded *each, void *ctx, bool *is_changed,
		      struct fp_err *e);

#endif
