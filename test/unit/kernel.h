/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_KERNEL_H
#define FP_TEST_KERNEL_H

/* The real program and maps in a bpffs that nobody else sees. */

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "model.h"
#include "node/node.h"
#include "peer/maps.h"
#include "peer/xdp.h"

struct kernel {
	char root[64], pins[80], dir[96], state[80];
	struct fp_xdp *xdp;
};

static inline void kernel_set_ports(struct fp_maps *m)
{
	struct fp_conf *c = fp_maps_conf(m);
	struct fp_ports *p = fp_maps_ports(m, NULL);

	c->lists = c->stealth = c->malformed = FP_ENFORCE;
	c->sample_ticks = 1;
	for (unsigned int port = 5060; port <= 5061; port++) {
		p->sip_udp[port / 32] |= 1u << (port % 32);
		p->sip_tcp[port / 32] |= 1u << (port % 32);
	}
	p->never[22 / 32] |= 1u << 22;
}

/* Skips the case when it cannot be had. */
static inline void kernel_up(struct kernel *k)
{
	struct fp_err e = { .text = "" };
	struct fp_xdp *answers;
	struct fp_maps *m;

	memset(k, 0, sizeof(*k));
	if (geteuid())
		SKIP("needs root: BPF and mounts");
	strcpy(k->root, "/tmp/fp-kernel-XXXXXX");
	OK(mkdtemp(k->root) != NULL);
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		SKIP("no mount namespace");
	snprintf(k->pins, sizeof(k->pins), "%s/bpf", k->root);
	OK(!mkdir(k->pins, 0700));
	if (mount("bpf", k->pins, "bpf", 0, NULL))
		SKIP("no bpffs");
	fp_maps_dir(k->pins, k->dir, sizeof(k->dir));
	snprintf(k->state, sizeof(k->state), "%s/state", k->root);
	OK(!mkdir(k->dir, 0700));
	if (!EQ(fp_xdp_load(&k->xdp, k->dir, 0, "t", &e), 0) ||
	    !EQ(fp_xdp_load_ask(&answers, k->dir, &e), 0) ||
	    !EQ(fp_maps_init_dir(k->dir, &e), 0) ||
	    !EQ(fp_xdp_pin_ask(answers, k->dir, &e), 0)) {
		printf("%s\n", e.text);
		exit(1);
	}
	fp_xdp_close(answers);
	OK(!fp_maps_open_dir(&m, k->dir, &e));
	kernel_set_ports(m);
	fp_maps_close(m);
}

static inline int kernel_node(struct kernel *k, struct fp_node *n,
			      struct fp_err *e)
{
	struct fp_node_opts o = { .state_dir = k->state,
				  .pins = k->pins,
				  .access = FP_NODE_WRITE,
				  .timeout_ms = 10000 };

	return fp_node_open(n, &o, e);
}

/* The lists directory without its lock. */
static inline int kernel_lists_fd(const struct kernel *k)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/lists", k->state);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	OK(fd >= 0);
	return fd;
}

static inline void kernel_down(struct kernel *k)
{
	char cmd[128];

	fp_xdp_close(k->xdp);
	snprintf(cmd, sizeof(cmd), "umount %s/bpf; rm -rf %s", k->root,
		 k->root);
	EQ(system(cmd), 0);
}

#endif
